//! Answers to batches: what came of each record, in the order sent.

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Failure, ItemProblem};
use crate::reply::Reply;
use bonded_base::{Id, Kinded, Problem};
use bonded_trade::Written;
use bonded_trade::catalog::{self, Patched, Update};
use serde::Serialize;

/// What came of one record.
#[derive(Serialize)]
struct Outcome<'a, T> {
    index: usize,
    status: u16,
    #[serde(flatten)]
    done: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ItemProblem<'a>>,
}

impl<'a, T> Outcome<'a, T> {
    fn of(index: usize, done: u16, result: &'a Result<T, Failure>) -> Self {
        match result {
            Ok(record) => Self { index, status: done, done: Some(record), problem: None },
            Err(failure) => {
                Self { index, status: failure.status().as_u16(), done: None, problem: Some(failure.as_item()) }
            }
        }
    }
}

#[derive(Serialize)]
struct Outcomes<'a, T> {
    succeeded: usize,
    failed: usize,
    data: Vec<Outcome<'a, T>>,
}

/// Splits a batch into what could be read, and what to put where of the results.
pub(crate) fn readable<T>(records: Vec<Result<T, Failure>>) -> (Vec<T>, Vec<Result<(), Failure>>) {
    let mut good = Vec::with_capacity(records.len());
    let places = records.into_iter().map(|record| record.map(|record| good.push(record))).collect();
    (good, places)
}

/// Puts results back in the places of what could be read.
pub(crate) fn merged<T, D>(
    places: Vec<Result<(), Failure>>,
    results: Vec<Result<T, Problem>>,
    done: impl Fn(T) -> D,
) -> Vec<Result<D, Failure>> {
    let mut results = results.into_iter();
    let lost = || Err(Failure::internal("a batch gave fewer results than it took records"));
    places
        .into_iter()
        .enumerate()
        .map(|(index, place)| {
            place?;
            let result = results.next().map_or_else(lost, |result| result.map_err(Failure::from));
            result.map(&done).map_err(|failure| failure.within(&format!("/data/{index}")))
        })
        .collect()
}

/// The answer to a batch: 200, whatever came of each record, with `status` for what was done.
pub(crate) fn reply<D: Serialize>(status: u16, results: &[Result<D, Failure>]) -> Result<Reply, Failure> {
    let failed = results.iter().filter(|result| result.is_err()).count();
    let data = results.iter().enumerate().map(|(index, result)| Outcome::of(index, status, result)).collect();
    Reply::ok(&Outcomes { succeeded: results.len() - failed, failed, data })
}

/// What a batch says of a record that is as asked.
#[derive(Serialize)]
#[serde(bound = "R: Kinded")]
struct Changed<R> {
    id: Id<R>,
    version: u64,
}

/// Changes the records of a batch that can be changed, and answers what came of each.
pub(crate) async fn update<R: Patched>(
    app: &App,
    caller: &Caller,
    records: Vec<Result<Update<R>, Failure>>,
) -> Result<Reply, Failure> {
    let (updates, places) = readable(records);
    let results = catalog::update_many(app.ledger(), caller.scope(), &updates).await?;
    let changed = |record: Written<R>| Changed { id: record.id, version: record.version };
    reply(200, &merged(places, results, changed))
}
