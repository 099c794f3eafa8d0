//! Orders: what consumers bought from a retailer, who ships it, and how far that has come.

mod arriving;
mod draft;
mod order;
mod placing;
mod progress;

pub use arriving::{Arriving, arrive};
pub use draft::{
    LINES_MAX, LineDraft, OrderDraft, PLACED_AHEAD_MAX_MS, QUANTITY_MAX, REFERENCE_CHARS_MAX, TITLE_CHARS_MAX,
};
pub use order::{Cancellation, Order, OrderFulfilment, OrderLine, OrderState, Part, PartLine};
pub use placing::{ORDERS_A_CALL_MAX, place, place_as, place_many};
pub use progress::{archive, assign, assign_many, cancel, complete, follow_purchase_order, unassign};

use crate::consumers::Consumer;
use crate::{Page, TradeError};
use bonded_base::{Id, Kind};
use bonded_ledger::{Ledger, LedgerError, Listed, Lookup, LookupName, Scope, Stored};

/// One order.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Order>) -> Result<Stored<Order>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Order))
}

/// The order with the retailer's own number, if there is one.
pub async fn by_reference(
    ledger: &Ledger,
    scope: &Scope,
    reference: &str,
) -> Result<Option<Stored<Order>>, TradeError> {
    let Some(id) = ledger.find::<Order>(scope, &of_reference(reference.trim())).await? else { return Ok(None) };
    Ok(ledger.get(scope, id).await?)
}

/// A page of the orders in one state, by when they were placed; or of all, in the order in which they came.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<OrderState>,
    page: Page,
) -> Result<Listed<Order>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(OrderState::number))).await?)
}

/// The order's consumer; `None` when it was forgotten.
pub async fn consumer(ledger: &Ledger, scope: &Scope, order: &Stored<Order>) -> Result<Option<Consumer>, TradeError> {
    let Some(bytes) = ledger.consumer(scope, order).await? else { return Ok(None) };
    Ok(Some(Consumer::from_bytes(&bytes).ok_or(LedgerError::Damaged(Kind::Order))?))
}

fn of_reference(reference: &str) -> Lookup<'_> {
    Lookup::new(LookupName::OrderReference, reference.as_bytes())
}

#[cfg(test)]
mod tests;
