//! A retailer's orders on their way to suppliers: assigned, posted, cancelled.
//!
//! The retailer's order is where it is decided which supplier gets a line; only then is the purchase order posted,
//! under the id that the order names. A crash between the two is repaired by reading the order again.

use super::failure::{hold_or_retry, or_one_by_one, raise};
use bonded_base::{Account, Id};
use bonded_ledger::{Ledger, LedgerError, Scope, Stored};
use bonded_trade::holds::{self, HoldReason};
use bonded_trade::orders::{self, Order, Part};
use bonded_trade::purchase_orders::{self, Posted, Posting, PurchaseOrder};
use bonded_trade::routing::{self, Offer, Sold};
use bonded_trade::{TradeError, Written, partners};
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Orders whose lines are with their suppliers now, as the retailer's records say; the suppliers are still to be told.
#[derive(Default)]
pub(super) struct Assigned {
    orders: Vec<Written<Order>>,
    /// Purchase orders that nobody can have posted before.
    new: HashSet<Id<PurchaseOrder>>,
}

/// Finds suppliers for the unrouted lines of a retailer's changed orders, and gives the lines to them.
pub(super) async fn assign(ledger: &Ledger, scope: &Scope, ids: &BTreeSet<Id<Order>>) -> Result<Assigned, TradeError> {
    let (mut ids, mut done): (Vec<_>, _) = (ids.iter().copied().collect(), Assigned::default());
    // Each round leaves only the orders that somebody else changed while they were assigned.
    while !ids.is_empty() {
        let orders: Vec<_> = ledger.get_many::<Order>(scope, &ids).await?.into_iter().flatten().collect();
        let (parts, held) = find_suppliers(ledger, scope, &orders).await?;
        let asked: Vec<_> = orders.iter().zip(&parts).map(|(order, parts)| (order, parts.as_slice())).collect();
        let assigned = orders::assign_many(ledger, scope.account(), &asked).await?;
        ids = orders.iter().zip(&assigned).filter(|(_, done)| done.is_none()).map(|(order, _)| order.id).collect();
        for hold in held.into_iter().filter(|hold| !ids.contains(&hold.order)) {
            raise(ledger, scope.account(), hold.order, hold.reason, &hold.detail).await?;
        }
        done.new.extend(parts.iter().flatten().map(|part| part.purchase_order));
        done.orders.extend(assigned.into_iter().flatten());
    }
    Ok(done)
}

/// Tells suppliers of orders: all together if that works, else one by one, so that the one at fault holds back only
/// itself.
pub(super) async fn carry(
    ledger: &Ledger,
    scope: &Scope,
    assigned: Option<Assigned>,
    ids: &BTreeSet<Id<Order>>,
) -> Result<(), LedgerError> {
    if let Some(assigned) = assigned
        && or_one_by_one(post(ledger, scope.account(), &assigned).await)?.is_some()
    {
        return Ok(());
    }
    for id in ids {
        let carried =
            async { post(ledger, scope.account(), &assign(ledger, scope, &BTreeSet::from([*id])).await?).await };
        hold_or_retry(ledger, scope.account(), *id, carried.await).await?;
    }
    Ok(())
}

/// An order that was tried again and has found its suppliers needs nobody any more.
pub(super) async fn settle_retried(
    ledger: &Ledger,
    scope: &Scope,
    retried: &BTreeSet<Id<Order>>,
) -> Result<(), LedgerError> {
    for id in retried {
        let settled = settle_holds(ledger, scope, *id).await;
        hold_or_retry(ledger, scope.account(), *id, settled).await?;
    }
    Ok(())
}

/// Why lines of an order found no supplier.
struct Held {
    order: Id<Order>,
    reason: HoldReason,
    detail: String,
}

/// The parts that each order's unrouted lines make, and what is to be held.
async fn find_suppliers(
    ledger: &Ledger,
    scope: &Scope,
    orders: &[Stored<Order>],
) -> Result<(Vec<Vec<Part>>, Vec<Held>), TradeError> {
    let lines: Vec<_> = orders.iter().flat_map(|order| order.unrouted().cloned()).collect();
    if lines.is_empty() {
        return Ok((orders.iter().map(|_| Vec::new()).collect(), Vec::new()));
    }
    let partners = partners::opened_suppliers(ledger, scope).await?;
    let mut sold = routing::resolve_among(ledger, scope, &partners, &lines).await?.into_iter();
    let (mut parts, mut held) = (Vec::with_capacity(orders.len()), Vec::new());
    for order in orders {
        let found: Vec<(u32, Sold)> = order.unrouted().map(|line| line.number).zip(&mut sold).collect();
        held.extend(Held::of(order.id, &found));
        let offers = found.iter().filter_map(|(number, sold)| Some((*number, offer(sold)?)));
        parts.push(routing::parts(order.id, offers));
    }
    Ok((parts, held))
}

const fn offer(sold: &Sold) -> Option<&Offer> {
    match sold {
        Sold::By(offer) => Some(offer),
        Sold::ByNobody | Sold::BySeveral => None,
    }
}

impl Held {
    /// One hold for each reason, which names all the lines.
    fn of(order: Id<Order>, found: &[(u32, Sold)]) -> impl Iterator<Item = Self> {
        let numbers = |which: fn(&Sold) -> bool| {
            let numbers: Vec<_> =
                found.iter().filter(|(_, sold)| which(sold)).map(|(number, _)| number.to_string()).collect();
            numbers.join(", ")
        };
        let by_nobody = numbers(|sold| matches!(sold, Sold::ByNobody));
        let by_several = numbers(|sold| matches!(sold, Sold::BySeveral));
        [
            (HoldReason::SoldByNobody, by_nobody, "no partner sells this"),
            (HoldReason::SoldBySeveral, by_several, "several partners sell this SKU; name the variant"),
        ]
        .into_iter()
        .filter(|(_, numbers, _)| !numbers.is_empty())
        .map(move |(reason, numbers, why)| Self { order, reason, detail: format!("line {numbers}: {why}") })
    }
}

/// Posts what is not posted yet, supplier by supplier, and carries cancellations to what is.
async fn post(ledger: &Ledger, retailer: Id<Account>, assigned: &Assigned) -> Result<(), TradeError> {
    let Assigned { orders, new } = assigned;
    let mut by_supplier: BTreeMap<Id<Account>, Vec<Posting>> = BTreeMap::new();
    for order in orders {
        for (purchase_order, supplier, _) in order.purchase_orders() {
            let posting = Posting::of(retailer, order.id, order, purchase_order);
            by_supplier.entry(supplier).or_default().extend(posting);
        }
    }
    // Suppliers share nothing, so they are served at the same time.
    let work = by_supplier.into_iter().map(|(supplier, postings)| post_to(ledger, supplier, postings, new));
    let orders: HashMap<_, _> = orders.iter().map(|order| (order.id, order)).collect();
    for (supplier, posting, posted) in try_join_all(work).await?.into_iter().flatten() {
        let Some(order) = orders.get(&posting.order()) else { continue };
        settle(ledger, retailer, supplier, order, &posting, posted).await?;
    }
    Ok(())
}

/// Posts to one supplier; says of each posting what came of it.
async fn post_to(
    ledger: &Ledger,
    supplier: Id<Account>,
    postings: Vec<Posting>,
    new: &HashSet<Id<PurchaseOrder>>,
) -> Result<Vec<(Id<Account>, Posting, Posted)>, TradeError> {
    // What was assigned before this round is most likely there: asking is cheaper than being refused.
    let older: Vec<_> =
        postings.iter().map(Posting::purchase_order).filter(|purchase_order| !new.contains(purchase_order)).collect();
    let known: HashSet<_> = if older.is_empty() {
        HashSet::new()
    } else {
        let scope = Scope::system(supplier, bonded_ledger::System::Route);
        let found = ledger.get_many::<PurchaseOrder>(&scope, &older).await?;
        found.into_iter().flatten().map(|purchase_order| purchase_order.id).collect()
    };
    let (there, missing): (Vec<_>, Vec<_>) =
        postings.into_iter().partition(|posting| known.contains(&posting.purchase_order()));
    let posted =
        if missing.is_empty() { Vec::new() } else { purchase_orders::post_many(ledger, supplier, &missing).await? };
    let there = there.into_iter().map(|posting| (supplier, posting, Posted::Already));
    Ok(missing.into_iter().zip(posted).map(|(posting, posted)| (supplier, posting, posted)).chain(there).collect())
}

/// Makes the order agree with what came of a posting.
async fn settle(
    ledger: &Ledger,
    retailer: Id<Account>,
    supplier: Id<Account>,
    order: &Written<Order>,
    posting: &Posting,
    posted: Posted,
) -> Result<(), TradeError> {
    let purchase_order = posting.purchase_order();
    match posted {
        // Most purchase orders say nothing new at their birth.
        Posted::New(born) if order.follow(purchase_order, &born).is_none() => Ok(()),
        Posted::New(_) => follow(ledger, supplier, purchase_order).await,
        Posted::Already => {
            let scope = Scope::system(retailer, bonded_ledger::System::Route);
            let order = orders::get(ledger, &scope, order.id).await?;
            purchase_orders::follow_order(ledger, supplier, &order).await?;
            follow(ledger, supplier, purchase_order).await
        }
        Posted::LinkEnded => {
            orders::unassign(ledger, retailer, order.id, purchase_order).await?;
            let detail = "the partner link was ended before the order went through it";
            Ok(raise(ledger, retailer, order.id, HoldReason::LinkEnded, detail).await?)
        }
        Posted::LinkPending => {
            let detail = "the partner link is not active on the supplier's side yet";
            Ok(raise(ledger, retailer, order.id, HoldReason::LinkPending, detail).await?)
        }
    }
}

async fn follow(ledger: &Ledger, supplier: Id<Account>, id: Id<PurchaseOrder>) -> Result<(), TradeError> {
    let scope = Scope::system(supplier, bonded_ledger::System::Route);
    let purchase_order = purchase_orders::get(ledger, &scope, id).await?;
    orders::follow_purchase_order(ledger, &purchase_order).await.map(drop)
}

async fn settle_holds(ledger: &Ledger, scope: &Scope, id: Id<Order>) -> Result<(), TradeError> {
    let order = orders::get(ledger, scope, id).await?;
    if order.unrouted().next().is_none() {
        holds::resolve_all_of(ledger, scope.account(), id).await?;
    }
    Ok(())
}
