//! Deletions: archived orders whose consumers are to be forgotten for good, and the certificate that says so.
//!
//! ```text
//! due ──▶ deleting ──▶ pending ──▶ complete          cancelled, while it is due
//! ```
//! A deletion is *due* until its grace period is over. While it is *deleting*, order after order loses its six fields and
//! the key that they were sealed under is noted as spent, in one commit each time. Then all spent keys are destroyed with
//! one switch of the root. It is *pending* until every replica of the keys has confirmed that, and *complete* once the
//! certificate is signed. What was traded stays.

mod asking;
mod certificate;
mod forgetting;

pub use asking::{ORDERS_ASKED_MAX, ask, by_rule, cancel, is_rule_under_way};
pub use certificate::{CERTIFICATE_TITLE, certificate, complete};
pub use forgetting::{CHUNK_ORDERS, Chunk, Place, begin, forget, is_any_left, pick};

use crate::accounts;
use crate::orders::Order;
use crate::{Page, Races, TradeError, Written};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Problem};
use bonded_ledger::{Change, Ledger, Listed, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Days that a deletion may wait at most, if the account wants a grace period.
pub const GRACE_DAYS_MAX: u16 = 30;
/// Days after which archived orders may be deleted by rule at most: ten years, as long as tax laws ask for.
pub const ARCHIVED_DAYS_MAX: u16 = 3_660;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How far a deletion has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionState {
    /// It waits for its time, and can be cancelled.
    Due,
    /// Its orders lose their six fields.
    Deleting,
    /// Their keys are destroyed; a replica of the keys has not confirmed it.
    Pending,
    /// Every replica has confirmed it, and the certificate is signed.
    Complete,
    /// It was taken back in time.
    Cancelled,
}

impl DeletionState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether nothing more comes of it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled)
    }
}

/// Which orders a deletion is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// These.
    Orders(Vec<Id<Order>>),
    /// All that were archived before this moment.
    ArchivedBefore(Moment),
}

/// Why something is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Somebody of the account asked for it.
    Asked,
    /// The account's own rule.
    Rule,
    /// A platform asked for it, for a consumer's or a shop's sake.
    PrivacyRequest,
}

/// That the keys were destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    /// When.
    pub at: Moment,
    /// The version of the tree of keys that could still open what was destroyed.
    pub root_before: u64,
    /// The version that cannot.
    pub root_after: u64,
}

/// A place of the keys, and whether it has confirmed a destruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its name: `primary`, `replica 1`.
    pub place: String,
    /// When it had the new root and had overwritten the old one.
    pub confirmed_at: Option<Moment>,
    /// If it has not, why.
    pub why_not: Option<String>,
}

/// Somebody who had received the six fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Whose account; our own for a shop that the orders came from.
    pub account: Id<Account>,
    /// The shop there that has them, as `shopify lamps.myshopify.com`; `None` for the partner itself.
    pub shop: Option<String>,
    /// How many of the orders.
    pub orders: u64,
    /// When the first and the last of them were placed here.
    pub from: Moment,
    /// See `from`.
    pub to: Moment,
    /// What was asked of them.
    pub asked: String,
}

/// Orders whose consumers are to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// How far it has come.
    pub state: DeletionState,
    /// Which orders.
    pub selection: Selection,
    /// Why.
    pub because: Because,
    /// Who asked for it, as the log names them.
    pub asked_by: String,
    /// When it begins.
    pub due_at: Moment,
    /// Orders whose six fields are gone.
    pub forgotten: u64,
    /// The version of the tree of keys when the first of them lost its fields.
    pub root_before: Option<u64>,
    /// SHA-256 in hex over their ids, sorted, each followed by a line feed.
    pub orders_sha256: Option<String>,
    /// That their keys were destroyed.
    pub destroyed: Option<Destroyed>,
    /// Every place of the keys, the primary first.
    pub replicas: Vec<Replica>,
    /// Who had received the six fields.
    pub recipients: Vec<Recipient>,
    /// When the last replica confirmed it.
    pub completed_at: Option<Moment>,
    /// The signed certificate.
    pub certificate: Option<String>,
}

impl Kinded for Deletion {
    const KIND: Kind = Kind::Deletion;
}

impl Record for Deletion {
    fn state(&self) -> u8 {
        self.state.number()
    }
}

/// What an account wants of its deletions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeletionPolicy {
    /// Days that a deletion waits and can be cancelled: 0 to [`GRACE_DAYS_MAX`].
    pub grace_days: u16,
    /// Deletes by itself what was archived longer ago than so many days: 1 to [`ARCHIVED_DAYS_MAX`].
    pub archived_days: Option<u16>,
}

impl DeletionPolicy {
    /// Whether it wants nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what is beyond the bounds.
    pub fn check(self) -> Result<Self, Problem> {
        if self.grace_days > GRACE_DAYS_MAX {
            return Err(Problem::invalid("/grace_days", format!("a deletion waits at most {GRACE_DAYS_MAX} days")));
        }
        if self.archived_days.is_some_and(|days| days == 0 || days > ARCHIVED_DAYS_MAX) {
            let detail = format!("1 to {ARCHIVED_DAYS_MAX} days, or null for no rule");
            return Err(Problem::invalid("/archived_days", detail));
        }
        Ok(self)
    }
}

/// One deletion.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Deletion>) -> Result<Stored<Deletion>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Deletion))
}

/// A page of the deletions in one state, or of all, in the order in which they were asked for.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<DeletionState>,
    page: Page,
) -> Result<Listed<Deletion>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(DeletionState::number))).await?)
}

/// A page of the orders that a deletion has forgotten, by their ids.
pub async fn orders(ledger: &Ledger, scope: &Scope, id: Id<Deletion>, page: Page) -> Result<Listed<Order>, TradeError> {
    get(ledger, scope, id).await?;
    Ok(ledger.list(scope, &page.of_parent(id.bytes())).await?)
}

/// What the account wants of its deletions.
pub async fn policy(ledger: &Ledger, scope: &Scope) -> Result<DeletionPolicy, TradeError> {
    Ok(accounts::profile(ledger, scope).await?.deletions)
}

/// There is no certificate yet.
pub fn not_complete() -> TradeError {
    TradeError::state("there is a certificate once every replica of the keys has confirmed the deletion")
}

/// Turns a deletion by a rule that may refuse; what it leaves as it was is not written.
pub async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Deletion>,
    action: &'static str,
    rule: impl Fn(Deletion) -> Result<Deletion, Problem>,
) -> Result<Written<Deletion>, TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let next = rule((*was).clone())?;
        if next == *was {
            return Ok(was.into());
        }
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

#[cfg(test)]
mod tests;
