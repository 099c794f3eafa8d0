//! How a record is shown: what it is, which one, its version and times, and then its own fields.

use crate::page;
use crate::problem::Failure;
use crate::reply::{Reply, written};
use bonded_base::{Id, Kinded, Moment};
use bonded_ledger::{Listed, Record, Stored};
use bonded_trade::Written;
use serde::Serialize;

/// A record, as it is answered: as it is kept, or in a view `V` of its own.
#[derive(Serialize)]
#[serde(bound = "V: Serialize")]
pub(crate) struct Shown<'a, R: Kinded, V = R> {
    object: &'static str,
    id: Id<R>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Moment>,
    updated_at: Moment,
    #[serde(flatten)]
    record: &'a V,
}

impl<'a, R: Record, V: Serialize> Shown<'a, R, V> {
    /// A record in a view of its own.
    pub fn viewed(stored: &Stored<R>, view: &'a V) -> Self {
        Self::of(stored.id, stored.version, stored.updated_at, view)
    }

    /// The answer that shows it alone.
    pub fn reply(&self) -> Result<Reply, Failure> {
        Ok(Reply::ok(self)?.version(self.version))
    }

    /// The JSON that shows it in a list.
    pub fn json(&self) -> Result<Vec<u8>, Failure> {
        written(self)
    }

    fn of(id: Id<R>, version: u64, updated_at: Moment, record: &'a V) -> Self {
        let born = R::KIND.is_born_by_its_id();
        Self { object: R::KIND.name(), id, version, created_at: born.then(|| id.born_at()), updated_at, record }
    }
}

impl<'a, R: Record> From<&'a Stored<R>> for Shown<'a, R> {
    fn from(stored: &'a Stored<R>) -> Self {
        Self::of(stored.id, stored.version, stored.updated_at, stored)
    }
}

impl<'a, R: Record> From<&'a Written<R>> for Shown<'a, R> {
    fn from(written: &'a Written<R>) -> Self {
        Self::of(written.id, written.version, written.updated_at, written)
    }
}

/// A page of records.
pub(crate) fn listing<R: Record>(listed: &Listed<R>) -> Result<Reply, Failure> {
    let records = listed.records.iter().map(|record| written(&Shown::from(record))).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::json(page::listing(R::KIND, &records, listed.next)))
}

/// A page of records, each written in a view of its own.
pub(crate) fn listing_viewed<R: Record>(
    listed: &Listed<R>,
    write: impl Fn(&Stored<R>) -> Result<Vec<u8>, Failure>,
) -> Result<Reply, Failure> {
    let records = listed.records.iter().map(write).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::json(page::listing(R::KIND, &records, listed.next)))
}
