//! Notices: that a platform has told us of a change, kept before it is answered.
//!
//! A notice says which of the shop's things changed and nothing of what it became: that is read from the shop, as it is
//! then. So a notice may come twice, late, or in any order, and one that is lost is made up for by the next reading of all
//! that changed. No byte of what the platform sent with it is kept.

use crate::connections::Connection;
use crate::platform::RemoteId;
use bonded_base::{Id, Kind, Kinded, Moment};
use bonded_ledger::{Change, Ledger, LedgerError, List, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Things that one notice names at most.
pub const NAMED_MAX: usize = 1_000;
/// How long a notice is kept once it is dealt with, so that a late copy of it is known: longer than platforms repeat.
pub const KEPT_MS: i64 = 48 * 60 * 60 * 1000;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Products that changed, came or went.
    Products,
    /// Variants whose stock changed.
    Levels,
    /// Orders that came or changed, their parcels and refunds included.
    Orders,
    /// The shop has thrown us out.
    Uninstalled,
    /// A consumer asks what is kept of them, in these orders.
    DataRequest,
    /// A consumer is to be forgotten, in these orders.
    RedactConsumer,
    /// Everything of the shop is to be forgotten.
    RedactShop,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// From which shop.
    pub connection: Id<Connection>,
    /// The platform's id of it: copies have the same.
    pub event: String,
    /// What it is about.
    pub topic: Topic,
    /// Which things, by the platform's ids, inventory items among those of [`Topic::Levels`], [`NAMED_MAX`] at most; empty where it names none.
    pub named: Vec<RemoteId>,
    /// When the platform says that it happened.
    pub triggered_at: Option<Moment>,
    /// Whether it was dealt with.
    pub is_done: bool,
}

impl Kinded for Notice {
    const KIND: Kind = Kind::Notice;
}

/// Notices that wait have this state, those that are done the next.
const WAITING: u8 = 1;

impl Record for Notice {
    fn state(&self) -> u8 {
        if self.is_done { WAITING + 1 } else { WAITING }
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.connection.bytes())
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        let mut value = self.connection.bytes().to_vec();
        value.extend_from_slice(self.event.as_bytes());
        vec![Lookup::new(LookupName::Event, value)]
    }
}

/// Keeps a notice, durably; `false` when a copy of it was kept before.
pub async fn keep(ledger: &Ledger, scope: &Scope, notice: &Notice) -> Result<bool, LedgerError> {
    let mut change = Change::new();
    change.create(ledger.new_id(), notice, "noticed");
    match ledger.commit(scope, change).await {
        Ok(_) => Ok(true),
        Err(LedgerError::Taken { name: LookupName::Event, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The oldest notices of an account that wait, for all its connections.
pub async fn waiting(ledger: &Ledger, scope: &Scope, limit: u32) -> Result<Vec<Stored<Notice>>, LedgerError> {
    let list = List { state: Some(WAITING), ..List::first(limit) };
    Ok(ledger.list(scope, &list).await?.records)
}

/// Notes in `change` that a notice was dealt with.
pub fn done(change: &mut Change, notice: &Stored<Notice>) {
    change.update(notice, &Notice { is_done: true, named: Vec::new(), ..Notice::clone(notice) }, "done");
}

/// Takes away notices that were dealt with long ago, and says how many.
pub async fn forget_old(ledger: &Ledger, scope: &Scope, at_once: u32) -> Result<usize, LedgerError> {
    let before = ledger.clock().now().plus_millis(-KEPT_MS);
    let list = List { state: Some(WAITING + 1), ..List::first(at_once) };
    let mut change = Change::new();
    for old in ledger.list::<Notice>(scope, &list).await?.records {
        if old.id.born_at() <= before {
            change.remove(&old, "forgotten");
        }
    }
    let count = change.len();
    if count > 0 {
        ledger.commit(scope, change).await?;
    }
    Ok(count)
}
