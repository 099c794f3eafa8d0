//! Plans: what a chunk of rows would do to the account, worked out before anything is written.

mod lines;
mod orders;
mod parcels;
mod products;
mod stock;

use super::chunk::{Chunk, kept_columns};
use super::columns::Format;
use super::record::{Counts, Import, RowProblem};
use crate::csv::Held;
use bonded_base::Problem;
use bonded_ledger::{Change, Ledger, Scope};
use bonded_trade::catalog::Bringing;
use bonded_trade::inventory::Counting;
use bonded_trade::orders::Arriving;
use bonded_trade::purchase_orders::Sending;
use bonded_trade::{Did, Touched, TradeError};

/// What a chunk would do.
pub(super) struct Plan {
    deeds: Deeds,
    /// What became of each row that could be read, by its place in the chunk.
    fates: Vec<Result<Did, Held>>,
}

enum Deeds {
    Products(Bringing),
    Stock(Counting),
    Orders(Arriving),
    Parcels(Sending),
}

/// Something that rows say, and which rows say it.
struct Said<T> {
    what: T,
    rows: Vec<usize>,
}

/// What the rows of a chunk say, and those of them that say nothing.
struct Sorted<T> {
    said: Vec<Said<T>>,
    held: Vec<(usize, Held)>,
    rows: usize,
}

impl<T> Sorted<T> {
    /// The fate of each row, given what came of each thing that was said. `blame` says which row a problem points to, and
    /// in which words.
    fn fates(
        &self,
        outcomes: impl IntoIterator<Item = Result<Did, Problem>>,
        blame: impl Fn(&Said<T>, &Problem) -> Vec<(usize, Held)>,
    ) -> Vec<Result<Did, Held>> {
        let mut fates: Vec<Result<Did, Held>> = vec![Err(Held::row("the row belongs to nothing")); self.rows];
        let mut settle = |row: usize, fate: Result<Did, Held>| {
            if let Some(slot) = fates.get_mut(row) {
                *slot = fate;
            }
        };
        for (said, outcome) in self.said.iter().zip(outcomes) {
            match outcome {
                Ok(did) => said.rows.iter().for_each(|row| settle(*row, Ok(did))),
                Err(problem) => blame(said, &problem).into_iter().for_each(|(row, held)| settle(row, Err(held))),
            }
        }
        self.held.iter().for_each(|(row, held)| settle(*row, Err(held.clone())));
        fates
    }
}

/// The rows of one thing that is refused: the one that a pointer like `/lines/3/quantity` blames says why.
fn blamed<T>(said: &Said<T>, problem: &Problem, list: &str, names: &[(&str, &str)]) -> Vec<(usize, Held)> {
    let pointer = problem.pointer.as_deref().unwrap_or_default();
    let blame = pointer.rsplit('/').find_map(|field| names.iter().find(|(known, _)| *known == field));
    let why = Held { column: blame.map(|(_, name)| (*name).to_owned()), reason: problem.detail.clone() };
    let number = pointer.strip_prefix(list).and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
    match number.and_then(|number| said.rows.get(number)) {
        None => said.rows.iter().map(|row| (*row, why.clone())).collect(),
        Some(guilty) => {
            let others = Held::row("another row that belongs to this one is held");
            let held = |row: &usize| (*row, if row == guilty { why.clone() } else { others.clone() });
            said.rows.iter().map(held).collect()
        }
    }
}

impl Plan {
    /// Works out what a chunk would do.
    pub async fn of(ledger: &Ledger, scope: &Scope, import: &Import, chunk: &Chunk) -> Result<Self, TradeError> {
        if chunk.places.is_empty() {
            let deeds = Deeds::Stock(Counting::of(ledger, scope, &[]).await?);
            return Ok(Self { deeds, fates: Vec::new() });
        }
        match import.format {
            Format::Products => products::plan(ledger, scope, import, chunk).await,
            Format::Stock => stock::plan(ledger, scope, chunk).await,
            Format::Orders => orders::plan(ledger, scope, import, chunk).await,
            Format::Fulfilments => parcels::plan(ledger, scope, chunk).await,
        }
    }

    /// Adds it to a change, and says what it touches.
    pub fn write(&self, change: &mut Change) -> Vec<Touched> {
        match &self.deeds {
            Deeds::Products(bringing) => bringing.write(change),
            Deeds::Stock(counting) => counting.write(change),
            Deeds::Orders(arriving) => arriving.write(change),
            Deeds::Parcels(sending) => sending.write(change),
        }
    }

    /// How many rows become what.
    pub fn count(&self, chunk: &Chunk, counts: &mut Counts) {
        for fate in &self.fates {
            match fate {
                Ok(did) => counts.add(*did, 1),
                Err(_) => counts.held += 1,
            }
        }
        counts.held += chunk.broken.len() as u64;
    }

    /// The rows that are held, in the file's order and its own words.
    pub fn problems(&self, import: &Import, chunk: &Chunk) -> Vec<RowProblem> {
        let in_file = |field: &str| {
            let column = kept_columns(&import.columns).find(|(_, known)| *known == field);
            column.map_or_else(|| field.to_owned(), |(column, _)| column.name.clone())
        };
        let held = self.fates.iter().zip(&chunk.places).filter_map(|(fate, (row, line))| {
            let Held { column, reason } = fate.as_ref().err()?;
            let column = column.as_deref().map(in_file);
            Some(RowProblem { row: *row, line: *line, column, reason: reason.to_string() })
        });
        let mut problems: Vec<_> = held.chain(chunk.broken.iter().map(|broken| broken.problem.clone())).collect();
        problems.sort_by_key(|problem| problem.row);
        problems
    }
}
