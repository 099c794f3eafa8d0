//! Placing orders: parse, screen, and keep them with their consumers sealed under keys of their own.

use super::draft::Placing;
use super::{Order, OrderDraft, of_reference};
use crate::births::Births;
use crate::{Races, TradeError, Written, routing};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, LookupName, Scope};
use std::collections::HashSet;

/// Orders that one call places at most.
pub const ORDERS_A_CALL_MAX: usize = 1_000;

/// Places one order. A reference that is taken already is refused as a duplicate, however often it is sent.
pub async fn place(ledger: &Ledger, scope: &Scope, draft: OrderDraft) -> Result<Written<Order>, TradeError> {
    let placed = place_many(ledger, scope, vec![draft]).await?.pop();
    placed.unwrap_or_else(|| Err(Problem::new(Reason::Invalid, "no order was sent"))).map_err(TradeError::Problem)
}

/// Places one order under an id that its caller works out, with what the caller writes `beside` it in the same commit: so
/// that whatever brings an order twice finds it there. An id or a reference that is taken is refused as a duplicate.
pub async fn place_as(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Order>,
    draft: &OrderDraft,
    beside: impl Fn(&mut Change),
) -> Result<Written<Order>, TradeError> {
    let mut placings = [draft.check(ledger.clock().now())];
    refuse_doubtful(ledger, scope, &mut placings).await?;
    let [placing] = placings;
    let placing = placing?;
    let mut change = Change::new();
    change.create_with_consumer(id, &placing.order, placing.consumer.to_bytes(), "placed");
    beside(&mut change);
    match ledger.commit(scope, change).await {
        Ok(done) => Ok(Written::born(id, placing.order, done.at)),
        Err(
            LedgerError::Taken { name: LookupName::OrderReference, .. }
            | LedgerError::Conflict { kind: Kind::Order, .. },
        ) => Err(duplicate().into()),
        Err(error) => Err(error.into()),
    }
}

/// Places up to [`ORDERS_A_CALL_MAX`] orders in one commit; says of each, in the order given, what came of it. One that
/// cannot be placed holds back only itself.
pub async fn place_many(
    ledger: &Ledger,
    scope: &Scope,
    drafts: Vec<OrderDraft>,
) -> Result<Vec<Result<Written<Order>, Problem>>, TradeError> {
    if drafts.len() > ORDERS_A_CALL_MAX {
        let detail = format!("at most {ORDERS_A_CALL_MAX} orders in one call");
        return Err(Problem::new(Reason::TooMuch, detail).into());
    }
    let now = ledger.clock().now();
    let mut placings: Vec<_> = drafts.iter().map(|draft| draft.check(now)).collect();
    drop(drafts);
    refuse_doubtful(ledger, scope, &mut placings).await?;
    refuse_twins(&mut placings);
    let mut births = Births::at(now, ledger.chance());
    let ids: Vec<Id<Order>> = placings.iter().map(|_| births.id()).collect();
    let mut races = Races::new();
    let at = loop {
        let mut change = Change::new();
        for (id, placing) in ids.iter().zip(&placings) {
            if let Ok(placing) = placing {
                change.create_with_consumer(*id, &placing.order, placing.consumer.to_bytes(), "placed");
            }
        }
        if change.is_empty() {
            break now;
        }
        match ledger.commit(scope, change).await {
            Ok(committed) => break committed.at,
            Err(LedgerError::Taken { name: LookupName::OrderReference, kind, id }) => {
                races.lost(LedgerError::Conflict { kind, id })?;
                refuse_taken(ledger, scope, &mut placings).await?;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let each = ids.into_iter().zip(placings);
    Ok(each.map(|(id, placing)| placing.map(|placing| Written::born(id, placing.order, at))).collect())
}

pub(super) type Placings = [Result<Placing, Problem>];

fn duplicate() -> Problem {
    Problem { reason: Reason::Duplicate, ..Problem::invalid("/reference", "an order has this reference already") }
}

/// The first of those that share a reference is placed; the others are duplicates of it.
pub(super) fn refuse_twins(placings: &mut Placings) {
    let mut seen = HashSet::new();
    for slot in placings {
        if slot.as_ref().is_ok_and(|placing| !seen.insert(placing.order.reference.clone())) {
            *slot = Err(duplicate());
        }
    }
}

async fn refuse_taken(ledger: &Ledger, scope: &Scope, placings: &mut Placings) -> Result<(), TradeError> {
    let references: Vec<_> = placings.iter().flatten().map(|placing| placing.order.reference.clone()).collect();
    let lookups: Vec<_> = references.iter().map(|reference| of_reference(reference)).collect();
    let found = ledger.find_many::<Order>(scope, &lookups).await?;
    for (slot, found) in placings.iter_mut().filter(|slot| slot.is_ok()).zip(found) {
        if found.is_some() {
            *slot = Err(duplicate());
        }
    }
    Ok(())
}

/// A SKU that looks like a phone number or the like is kept only if a partner really sells something by it.
pub(super) async fn refuse_doubtful(ledger: &Ledger, scope: &Scope, placings: &mut Placings) -> Result<(), TradeError> {
    for slot in placings {
        let Ok(placing) = slot else { continue };
        let lines: Vec<_> = placing.doubtful.iter().filter_map(|place| placing.order.lines.get(*place)).collect();
        if lines.is_empty() {
            continue;
        }
        let lines: Vec<_> = lines.into_iter().cloned().collect();
        let sold = routing::resolve(ledger, scope, &lines).await?;
        let unknown = placing.doubtful.iter().zip(&sold).find(|(_, sold)| matches!(sold, routing::Sold::ByNobody));
        if let Some((place, _)) = unknown {
            let detail = "no partner sells this, and it looks like a mail, phone or IP address, which are not kept";
            *slot = Err(Problem::invalid(format!("/lines/{place}/sku"), detail));
        }
    }
    Ok(())
}
