//! Purchase orders: what a supplier is to ship of a retailer's orders, and what it says to that.

mod posting;
mod purchase_order;
mod sending;
mod stock;

pub use posting::{NO_LONGER_SOLD, OUT_OF_STOCK, Posted, Posting, post_many};
pub use purchase_order::{FULFILMENTS_MAX, Moved, PoLine, PoState, PurchaseOrder, REASON_CHARS_MAX, Rejection};
pub use sending::{Sending, Sent, by_references, send_many};
pub use stock::{Move, Stock, StockMove};

use crate::consumers::Consumer;
use crate::fulfilments::{FulfilmentMark, Shipment};
use crate::orders::{self, Order, OrderState};
use crate::{Page, Races, TradeError, Written, as_expected, carrier, partners};
use bonded_base::{Account, Id, Kind, Moment, Problem, Reason};
use bonded_ledger::{Actor, Change, Ledger, LedgerError, Listed, Scope, Stored};
use stock::Shelves;

/// One purchase order.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<PurchaseOrder>) -> Result<Stored<PurchaseOrder>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::PurchaseOrder))
}

/// A page of the purchase orders in one state, by when they were placed; or of all, in the order in which they came.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<PoState>,
    page: Page,
) -> Result<Listed<PurchaseOrder>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(PoState::number))).await?)
}

/// Says yes to a purchase order.
pub async fn acknowledge(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
) -> Result<Written<PurchaseOrder>, TradeError> {
    let now = ledger.clock().now();
    turn(ledger, scope, id, expected, "acknowledged", |purchase_order| purchase_order.acknowledge(now)).await
}

/// Rejects lines, or all that is left, with a reason; their stock is free again.
pub async fn reject(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
    rejection: &Rejection,
) -> Result<Written<PurchaseOrder>, TradeError> {
    turn(ledger, scope, id, expected, "rejected", |purchase_order| purchase_order.reject(rejection)).await
}

/// Records a parcel; its pieces leave the stock.
pub async fn ship(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
    shipment: &Shipment,
) -> Result<Written<PurchaseOrder>, TradeError> {
    let now = ledger.clock().now();
    let parcel = Id::born(now, ledger.chance());
    turn(ledger, scope, id, expected, "shipped", |purchase_order| purchase_order.ship(shipment, parcel, now)).await
}

/// Records a parcel under an id that its caller works out, which left at a known time; `None` when it is known already.
pub async fn ship_as(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    (parcel, shipped_at): (Id<FulfilmentMark>, Moment),
    shipment: &Shipment,
) -> Result<Option<Written<PurchaseOrder>>, TradeError> {
    let rule = |purchase_order: PurchaseOrder| purchase_order.ship(shipment, parcel, shipped_at);
    match turn(ledger, scope, id, None, "shipped", rule).await {
        Ok(shipped) => Ok(Some(shipped)),
        Err(TradeError::Problem(problem)) if problem.reason == Reason::Duplicate => Ok(None),
        Err(error) => Err(error),
    }
}

/// Says anew how a parcel can be followed; `false` when that is nothing new.
pub async fn retrack(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    parcel: Id<FulfilmentMark>,
    shipment: &Shipment,
) -> Result<bool, TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let Some(next) = was.retrack(parcel, shipment)? else { return Ok(false) };
        let mut change = Change::new();
        change.update(&was, &next, "retracked");
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(true),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Marks a shipped purchase order as done.
pub async fn complete(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
) -> Result<Written<PurchaseOrder>, TradeError> {
    turn(ledger, scope, id, expected, "completed", PurchaseOrder::complete).await
}

/// Brings a supplier's purchase orders up to the cancellations that an order wants; `false` when they knew already, or
/// are not posted yet.
pub async fn follow_order(ledger: &Ledger, supplier: Id<Account>, order: &Stored<Order>) -> Result<bool, TradeError> {
    let scope = carrier(supplier);
    let mut news = false;
    for (id, with, _) in order.purchase_orders() {
        if with == supplier {
            news |= follow(ledger, &scope, id, order).await?;
        }
    }
    Ok(news)
}

async fn follow(ledger: &Ledger, scope: &Scope, id: Id<PurchaseOrder>, order: &Order) -> Result<bool, TradeError> {
    let mut races = Races::new();
    loop {
        let Some(was) = ledger.get(scope, id).await? else { return Ok(false) };
        let Some(moved) = was.follow(order) else { return Ok(false) };
        let forgets = moved.purchase_order.consumer_deleted_at != was.consumer_deleted_at;
        let action = if forgets { "consumer_deleted" } else { "cancelled" };
        match commit(ledger, scope, &was, &moved, action).await? {
            Ok(_) => return Ok(true),
            Err(error) => races.lost(error)?,
        }
    }
}

/// The consumer of a purchase order, read where it is kept: beside the retailer's order, through the partner link.
///
/// `None` when it was forgotten, or the order was put away. An ended link still lets an order through that was posted
/// before.
pub async fn consumer(
    ledger: &Ledger,
    scope: &Scope,
    purchase_order: &Stored<PurchaseOrder>,
) -> Result<Option<Consumer>, TradeError> {
    // Across the link a reader is seen as the partner, so a person of the platform would leave no trace there.
    if matches!(scope.actor(), Actor::Staff(_)) {
        return Err(Problem::new(Reason::Forbidden, "staff cannot read a partner's consumers").into());
    }
    let link = partners::get(ledger, scope, purchase_order.link).await?;
    if link.partner != purchase_order.retailer {
        return Ok(None);
    }
    let over_there = partners::order_scope(scope.account(), &link);
    let order = match ledger.get(&over_there, purchase_order.order).await {
        Ok(order) => order,
        Err(LedgerError::Destroyed) => None,
        Err(error) => return Err(error.into()),
    };
    let posted_here = |order: &Stored<Order>| {
        let ours = (purchase_order.id, scope.account(), purchase_order.link);
        !matches!(order.state, OrderState::Archived | OrderState::Forgotten) && order.purchase_orders().contains(&ours)
    };
    match order.filter(posted_here) {
        Some(order) => orders::consumer(ledger, &over_there, &order).await,
        None => Ok(None),
    }
}

async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
    action: &'static str,
    rule: impl Fn(PurchaseOrder) -> Result<Moved, Problem>,
) -> Result<Written<PurchaseOrder>, TradeError> {
    let mut races = Races::staked(Kind::PurchaseOrder, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        let moved = rule((*was).clone())?;
        match commit(ledger, scope, &was, &moved, action).await? {
            Ok(at) => return Ok(Written::changed(&was, moved.purchase_order, at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Writes a purchase order with the stock that it moves. The inner error is the commit's own, and may be a lost race.
async fn commit(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<PurchaseOrder>,
    moved: &Moved,
    action: &'static str,
) -> Result<Result<Moment, LedgerError>, TradeError> {
    let mut shelves = Shelves::of_moves(ledger, scope, &moved.stock).await?;
    if let Err(problem) = shelves.stock.apply(&moved.stock) {
        // The levels were read after the purchase order: if that has changed meanwhile, this is a lost race.
        let now = get(ledger, scope, was.id).await?;
        let conflict = LedgerError::Conflict { kind: Kind::PurchaseOrder, id: was.id.bytes() };
        return if now.version == was.version { Err(problem.into()) } else { Ok(Err(conflict)) };
    }
    let mut change = Change::new();
    change.update(was, &moved.purchase_order, action);
    shelves.write(&mut change, action);
    Ok(ledger.commit(scope, change).await.map(|committed| committed.at))
}

#[cfg(test)]
mod tests;
