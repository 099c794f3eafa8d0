//! What happens to orders after they were placed; each function reads, asks the rule, and commits.

use super::{Cancellation, Order, Part, get};
use crate::purchase_orders::PurchaseOrder;
use crate::{Races, TradeError, Written, as_expected, carrier};
use bonded_base::{Account, Id, Kind, Problem};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};

/// Cancels quantities, or everything that can be; what is with a supplier already is asked for, and answered later.
pub async fn cancel(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Order>,
    expected: Option<u64>,
    cancellation: &Cancellation,
) -> Result<Written<Order>, TradeError> {
    turn(ledger, scope, id, expected, "cancelled", |order| order.cancel(cancellation)).await
}

/// Marks a shipped order as done.
pub async fn complete(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Order>,
    expected: Option<u64>,
) -> Result<Written<Order>, TradeError> {
    turn(ledger, scope, id, expected, "completed", Order::complete).await
}

/// Puts a completed or cancelled order away.
pub async fn archive(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Order>,
    expected: Option<u64>,
) -> Result<Written<Order>, TradeError> {
    let now = ledger.clock().now();
    turn(ledger, scope, id, expected, "archived", |order| order.archive(now)).await
}

/// Gives lines of an order to suppliers; only then may the purchase orders be posted.
///
/// The order is where it is decided that a line is with a supplier: from here on cancelling it has to be asked for.
/// `None` when the order has changed since it was read, and has to be looked at again.
pub async fn assign(
    ledger: &Ledger,
    retailer: Id<Account>,
    order: &Stored<Order>,
    parts: &[Part],
) -> Result<Option<Written<Order>>, TradeError> {
    Ok(assign_many(ledger, retailer, &[(order, parts)]).await?.pop().flatten())
}

/// Assigns many orders in one commit; each answer is in the place of its order, as in [`assign`].
pub async fn assign_many(
    ledger: &Ledger,
    retailer: Id<Account>,
    orders: &[(&Stored<Order>, &[Part])],
) -> Result<Vec<Option<Written<Order>>>, TradeError> {
    let scope = carrier(retailer);
    let assigned: Vec<_> = orders.iter().map(|(order, parts)| (***order).clone().assign(parts)).collect();
    let mut changed_meanwhile = vec![false; orders.len()];
    loop {
        let mut change = Change::new();
        for (((was, _), next), out) in orders.iter().zip(&assigned).zip(&changed_meanwhile) {
            if !out && *next != ***was {
                change.update(was, next, "routed");
            }
        }
        let at = if change.is_empty() {
            ledger.clock().now()
        } else {
            match ledger.commit(&scope, change).await {
                Ok(committed) => committed.at,
                Err(LedgerError::Conflict { kind: Kind::Order, id }) => {
                    let lost = orders.iter().position(|(order, _)| order.id.bytes() == id);
                    let place = lost.and_then(|lost| changed_meanwhile.get_mut(lost));
                    // One order fewer each time, so this ends.
                    *place.ok_or(LedgerError::Conflict { kind: Kind::Order, id })? = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let each = orders.iter().zip(assigned).zip(changed_meanwhile);
        let written = |was: &Stored<Order>, next: Order| {
            if next == **was { was.clone().into() } else { Written::changed(was, next, at) }
        };
        return Ok(each.map(|(((was, _), next), out)| (!out).then(|| written(was, next))).collect());
    }
}

/// Takes back lines whose purchase order was refused for good, because the partner link has ended.
pub async fn unassign(
    ledger: &Ledger,
    retailer: Id<Account>,
    id: Id<Order>,
    purchase_order: Id<PurchaseOrder>,
) -> Result<Written<Order>, TradeError> {
    let scope = carrier(retailer);
    turn(ledger, &scope, id, None, "unrouted", |order| Ok(order.unassign(purchase_order))).await
}

/// Brings the retailer's order up to what a purchase order says; `false` when it knew already.
pub async fn follow_purchase_order(
    ledger: &Ledger,
    purchase_order: &Stored<PurchaseOrder>,
) -> Result<bool, TradeError> {
    let scope = carrier(purchase_order.retailer);
    let mut races = Races::new();
    loop {
        let order = get(ledger, &scope, purchase_order.order).await?;
        let Some(next) = order.follow(purchase_order.id, purchase_order) else { return Ok(false) };
        let mut change = Change::new();
        change.update(&order, &next, "followed");
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(true),
            Err(error) => races.lost(error)?,
        }
    }
}

async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Order>,
    expected: Option<u64>,
    action: &'static str,
    rule: impl Fn(Order) -> Result<Order, Problem>,
) -> Result<Written<Order>, TradeError> {
    let mut races = Races::staked(Kind::Order, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
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
