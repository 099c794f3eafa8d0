//! Records in the very bytes that their entries' digests were made of: for an account's own export, and its webhooks.

use crate::engine::RecordRow;
use crate::error::LedgerError;
use crate::ledger::{Ledger, List, opened};
use crate::scope::Scope;
use bonded_base::{Kind, Moment};
use bonded_vault::AccountKeys;

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
        let records = rows.iter().map(|row| plain(&keys, kind, row)).collect::<Result<_, _>>()?;
        Ok(Plains { records, next })
    }

    /// Records of one kind as they are now, each in the place of its id; `None` where there is none. Needs such a scope too.
    pub async fn plains_of(
        &self,
        scope: &Scope,
        kind: Kind,
        ids: &[[u8; 16]],
    ) -> Result<Vec<Option<Plain>>, LedgerError> {
        if !scope.is_whole() {
            return Err(LedgerError::OutOfReach(kind));
        }
        let keys = self.reading(scope, kind)?;
        let rows = self.inner.engine.records(scope.account().bytes(), kind.number(), ids).await?;
        let mut found = std::collections::HashMap::with_capacity(rows.len());
        for row in rows {
            found.insert(row.id, plain(&keys, kind, &row)?);
        }
        Ok(ids.iter().map(|id| found.remove(id)).collect())
    }
}

fn plain(keys: &AccountKeys, kind: Kind, row: &RecordRow) -> Result<Plain, LedgerError> {
    let (updated_at, plain) = opened(keys, kind, row)?;
    let json = plain.expose().get(size_of::<i64>()..).unwrap_or_default().to_vec();
    Ok(Plain { kind, id: row.id, version: row.version, updated_at, json })
}
