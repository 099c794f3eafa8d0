//! Share: what a supplier changed, as its partners may see it.
//!
//! Nothing is copied: a partner reads the supplier's own log through the link, with a cursor of its own, and only the
//! kinds that are shared. One stock change for a thousand retailers is one write and a thousand wakes.

use bonded_base::{Kind, Moment};
use bonded_ledger::{Ledger, LedgerError, Scope};
use std::collections::HashMap;

/// One record that changed, named once however often it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What it is.
    pub kind: Kind,
    /// Which.
    pub id: [u8; 16],
    /// The newest version seen.
    pub version: u64,
    /// When that came to be.
    pub at: Moment,
}

/// What has changed after a cursor, newest version only, in the order of the last changes; and the cursor to go on from.
///
/// `scope` is a partner's scope on the supplier's account.
pub async fn shared_since(
    ledger: &Ledger,
    scope: &Scope,
    after: u64,
    limit: u32,
) -> Result<(Vec<Shared>, u64), LedgerError> {
    let (entries, read_to) = ledger.headlines_read_to(scope, after, limit).await?;
    let mut newest: HashMap<(Kind, [u8; 16]), Shared> = HashMap::new();
    for entry in entries {
        let shared = Shared { kind: entry.kind, id: entry.id, version: entry.version, at: entry.at };
        newest.insert((entry.kind, entry.id), shared);
    }
    let mut changes: Vec<_> = newest.into_values().collect();
    changes.sort_by_key(|shared| (shared.at, shared.id));
    Ok((changes, read_to))
}
