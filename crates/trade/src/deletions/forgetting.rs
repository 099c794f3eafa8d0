//! Forgetting: orders lose their six fields, some at a time, each time with the deletion's own progress.

use super::{Deletion, DeletionState, Selection};
use crate::TradeError;
use crate::orders::{Order, OrderState, PLACED_AHEAD_MAX_MS};
use bonded_base::{Id, Kind, Moment};
use bonded_ledger::{Change, Ledger, LedgerError, List, Scope, Stored};

/// Orders that are forgotten with one commit at most.
pub const CHUNK_ORDERS: u32 = 1_000;

/// Some orders that a deletion is about and whose fields are still there.
pub struct Chunk {
    /// The orders.
    pub orders: Vec<Stored<Order>>,
    /// Where to look for more; `None` when these are the last.
    pub next: Option<Place>,
}

/// How far a deletion has looked for its orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many of the named ones.
    Named(usize),
    /// The last of the archived ones that was looked at.
    Archived((Moment, [u8; 16])),
}

/// The next orders of a deletion, from a place on; from the beginning, without one.
pub async fn pick(
    ledger: &Ledger,
    scope: &Scope,
    selection: &Selection,
    place: Option<Place>,
) -> Result<Chunk, LedgerError> {
    let chunk = CHUNK_ORDERS as usize;
    let is_left = |order: &Stored<Order>| order.state == OrderState::Archived;
    match selection {
        Selection::Orders(named) => {
            let begin = if let Some(Place::Named(begin)) = place { begin } else { 0 };
            let some: Vec<_> = named.iter().skip(begin).take(chunk).copied().collect();
            let found = ledger.get_many::<Order>(scope, &some).await?;
            let next = (begin + chunk < named.len()).then_some(Place::Named(begin + chunk));
            Ok(Chunk { orders: found.into_iter().flatten().filter(is_left).collect(), next })
        }
        Selection::ArchivedBefore(moment) => {
            let after = if let Some(Place::Archived(after)) = place { Some(after) } else { None };
            let state = Some(OrderState::Archived.number());
            let listed = ledger.list::<Order>(scope, &List { state, after, ..List::first(CHUNK_ORDERS) }).await?;
            // They are listed by when they were placed, which is before they were archived, as far as clocks agree.
            let last = moment.plus_millis(PLACED_AHEAD_MAX_MS);
            let next = listed.next.filter(|(placed_at, _)| *placed_at <= last).map(Place::Archived);
            let is_old = |order: &Stored<Order>| order.archived_at.is_some_and(|at| at < *moment);
            let orders = listed.records.into_iter().filter(|order| is_left(order) && is_old(order)).collect();
            Ok(Chunk { orders, next })
        }
    }
}

/// Whether any order is left that such a deletion would be about.
pub async fn is_any_left(ledger: &Ledger, scope: &Scope, selection: &Selection) -> Result<bool, LedgerError> {
    let mut place = None;
    loop {
        let chunk = pick(ledger, scope, selection, place).await?;
        if !chunk.orders.is_empty() {
            return Ok(true);
        }
        place = chunk.next;
        if place.is_none() {
            return Ok(false);
        }
    }
}

/// Begins a deletion that is due; `root_before` is the version of the keys that can still open what it is about.
pub async fn begin(ledger: &Ledger, scope: &Scope, id: Id<Deletion>, root_before: u64) -> Result<(), TradeError> {
    let begun = super::turn(ledger, scope, id, "begun", |deletion| {
        Ok(match deletion.state {
            DeletionState::Due => {
                Deletion { state: DeletionState::Deleting, root_before: Some(root_before), ..deletion }
            }
            _ => deletion,
        })
    });
    begun.await.map(drop)
}

/// Takes the six fields from these orders; the keys that they were sealed under are noted as spent in the same commit.
/// Answers how many it was: one that somebody else has changed meanwhile is left for another look.
pub async fn forget(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Deletion>,
    mut orders: Vec<Stored<Order>>,
) -> Result<u64, TradeError> {
    let now = ledger.clock().now();
    loop {
        let was = super::get(ledger, scope, id).await?;
        if was.state != DeletionState::Deleting || orders.is_empty() {
            return Ok(0);
        }
        let mut change = Change::new();
        for order in &orders {
            change.forget(order, &Order::clone(order).forget(id, now)?, "forgotten");
        }
        let count = orders.len() as u64;
        change.update(&was, &Deletion { forgotten: was.forgotten + count, ..Deletion::clone(&was) }, "advanced");
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(count),
            Err(LedgerError::Conflict { kind: Kind::Order, id }) => orders.retain(|order| order.id.bytes() != id),
            Err(LedgerError::Conflict { kind: Kind::Deletion, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
