//! Records in the very bytes that their entries' digests were made of: for an account's own export.

use crate::error::LedgerError;
use crate::ledger::{Ledger, List, opened};
use crate::scope::Scope;
use bonded_base::{Kind, Moment};

/// A record as it was written down.
pub struct Plain {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub id: [u8; 16],
    /// 1 at its birth, one more at each change.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Moment,
    /// The record as JSON; never holds a consumer's field.
    pub json: Vec<u8>,
}

/// A page of them.
pub struct Plains {
    /// In the order asked.
    pub records: Vec<Plain>,
    /// What to pass as [`List::after`] for the next page; `None` when this is the last.
    pub next: Option<(Moment, [u8; 16])>,
}

impl Ledger {
    /// A page of an account's records of any kind. Needs a scope of the whole account, and not one of staff, whose
    /// reads go by record.
    pub async fn plains(&self, scope: &Scope, kind: Kind, list: &List) -> Result<Plains, LedgerError> {
        if !scope.is_whole() {
            return Err(LedgerError::OutOfReach(kind));
        }
        let keys = self.reading(scope, kind)?;
        let (rows, next) = self.rows(scope, kind, list).await?;
        let records = rows.into_iter().map(|row| {
            let (updated_at, plain) = opened(&keys, kind, &row)?;
            let json = plain.expose().get(size_of::<i64>()..).unwrap_or_default().to_vec();
            Ok(Plain { kind, id: row.id, version: row.version, updated_at, json })
        });
        Ok(Plains { records: records.collect::<Result<_, LedgerError>>()?, next })
    }
}
