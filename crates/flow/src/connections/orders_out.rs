//! Purchase orders that a supplier's shop is to have as its own orders.

use super::at::{AT_ONCE, At, Halt, Kept, apart, is_agreed};
use super::news::News;
use super::orders_in;
use bonded_base::Id;
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror};
use bonded_connect::platform::{OrderLineWrite, OrderWrite, RemoteId, RemoteOrder};
use bonded_ledger::Stored;
use bonded_trade::catalog::Variant;
use bonded_trade::holds::{self, HoldReason};
use bonded_trade::purchase_orders::{self, PoState, PurchaseOrder};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Brings purchase orders to the supplier's shop: each is placed there once, and acknowledged here when it is.
pub(super) async fn deliver(at: &At<'_>, news: &News) -> Result<(), Halt> {
    if at.connection.syncs.orders == Mode::Off || !at.connection.direction.supplies() {
        return Ok(());
    }
    let ids: Vec<_> = news.purchase_orders.iter().copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = at.ledger.get_many::<PurchaseOrder>(at.scope, &ids).await?;
    let known = mirrors::of(at.ledger, at.scope, at.connection.id, &ids).await?;
    let pairs: Vec<_> = found.into_iter().zip(known).filter_map(|(ours, known)| Some((ours?, known))).collect();
    let each: Vec<_> = pairs.into_iter().map(|(ours, known)| bring(at, ours, known)).collect();
    stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await
}

async fn bring(at: &At<'_>, ours: Stored<PurchaseOrder>, known: Option<Stored<Mirror>>) -> Result<(), Halt> {
    match known {
        Some(mirror) if is_agreed(&mirror) => {
            // A crash may have come between placing it and saying so.
            acknowledge(at, &ours).await?;
            withdraw(at, &ours, mirror).await
        }
        known if matches!(ours.state, PoState::Posted | PoState::Acknowledged) => place(at, &ours, known).await,
        _ => Ok(()),
    }
}

async fn place(at: &At<'_>, ours: &Stored<PurchaseOrder>, known: Option<Stored<Mirror>>) -> Result<(), Halt> {
    let open: Vec<_> = ours.lines.iter().filter(|line| line.open() > 0).collect();
    let variants: Vec<_> = open.iter().map(|line| line.variant).collect();
    let remotes = remotes(at, &variants).await?;
    if remotes.is_empty() {
        // Nothing of it is this shop's.
        return Ok(());
    }
    let kept = Kept::of(at, ours.id, known);
    let mut lines = Vec::with_capacity(open.len());
    for line in &open {
        let Some(variant) = remotes.get(&line.variant) else {
            return at.hold(kept, &format!("the shop does not have line {}", line.line), None).await;
        };
        lines.push(OrderLineWrite { variant: variant.clone(), quantity: line.open(), price: line.price });
    }
    if at.connection.syncs.orders == Mode::Watch {
        let line = |line: &OrderLineWrite| json!({ "variant": line.variant, "quantity": line.quantity });
        let planned = json!({ "lines": lines.iter().map(line).collect::<Vec<_>>() });
        return at.keep(&[kept.becomes(|mirror| mirror.plan(planned))]).await;
    }
    let Some(consumer) = apart(purchase_orders::consumer(at.ledger, at.scope, ours).await)?.ok().flatten() else {
        return at.hold(kept, "its consumer was forgotten, or the partner link does not show it", None).await;
    };
    let wish = OrderWrite { mark: ours.id.to_string(), reference: ours.reference.clone(), lines, consumer };
    let placed = at.platform.put_order(&wish).await;
    let Some((theirs, kept)) = at.outcome(placed, kept).await? else { return Ok(()) };
    at.tally.sent(|sent| &mut sent.purchase_orders, &theirs.id);
    // Before the mirror says that all is done: a crash in between lets it be placed again, which finds it and comes here.
    acknowledge(at, ours).await?;
    wish.lines.iter().for_each(|line| at.tally.sent(|sent| &mut sent.recounts, &line.variant));
    let numbers = open.iter().map(|line| (line.line, line.variant));
    let lines = joined(numbers, &remotes, &theirs);
    // Where an answer was lost, the shop may have sent it already, and would not tell so again.
    let done = orders_in::done_there(at, ours, &theirs, &lines).await?;
    let (parcels, refused) = done.map_or_else(|why| (BTreeMap::new(), Some(why)), |parcels| (parcels, None));
    let kept = kept.becomes(|mirror| {
        let mirror = Mirror { remote: Some(theirs.id.clone()), ..mirror };
        mirror.agree(Agreed::Order { lines, parcels }, at.now(), Some(ours.id.born_at()))
    });
    match refused {
        Some(why) => at.hold(kept, &why, None).await,
        None => at.settle(kept).await,
    }
}

/// What the shop has taken is acknowledged.
async fn acknowledge(at: &At<'_>, ours: &Stored<PurchaseOrder>) -> Result<(), Halt> {
    if ours.state == PoState::Posted && at.connection.syncs.orders == Mode::On {
        apart(purchase_orders::acknowledge(at.ledger, at.scope, ours.id, None).await)?.ok();
    }
    Ok(())
}

/// The shop's ids of these variants, as far as it has them.
async fn remotes(at: &At<'_>, variants: &[Id<Variant>]) -> Result<HashMap<Id<Variant>, RemoteId>, Halt> {
    let mirrors = mirrors::of(at.ledger, at.scope, at.connection.id, variants).await?;
    let remote = |(id, mirror): (&Id<Variant>, Option<Stored<Mirror>>)| Some((*id, mirror?.remote.clone()?));
    Ok(variants.iter().zip(mirrors).filter_map(remote).collect())
}

/// Which of the shop's lines is which of ours: by their variant, one after the other where several have the same.
fn joined(
    ours: impl Iterator<Item = (u32, Id<Variant>)>,
    remotes: &HashMap<Id<Variant>, RemoteId>,
    theirs: &RemoteOrder,
) -> BTreeMap<u32, RemoteId> {
    let mut left: Vec<_> = theirs.lines.iter().collect();
    let mut joined = BTreeMap::new();
    for (number, variant) in ours {
        let remote = remotes.get(&variant);
        if let Some(place) = left.iter().position(|line| line.variant.as_ref() == remote) {
            joined.insert(number, left.remove(place).id.clone());
        }
    }
    joined
}

/// Cancels an order there of which nothing is wanted any more. Shops cannot cancel a part of one: that is for a person.
async fn withdraw(at: &At<'_>, ours: &Stored<PurchaseOrder>, mirror: Stored<Mirror>) -> Result<(), Halt> {
    let Agreed::Order { lines, .. } = &mirror.agreed else { return Ok(()) };
    let placed_lines = ours.lines.iter().filter(|line| lines.contains_key(&line.line));
    let cancelled: u32 = placed_lines.map(|line| line.cancelled).sum();
    if cancelled == 0 || at.connection.syncs.orders != Mode::On {
        return Ok(());
    }
    if ours.state != PoState::Cancelled {
        let why = "the retailer has cancelled a part; the shop's order has to be changed by hand";
        apart(holds::raise(at.ledger, at.scope.account(), mirror.id, HoldReason::Refused, why).await)?.ok();
        return Ok(());
    }
    let Some(remote) = mirror.remote.clone() else { return Ok(()) };
    let kept = Kept::of(at, ours.id, Some(mirror));
    let cancelled = at.platform.cancel_order(&remote).await;
    if let Some((_, kept)) = at.outcome(cancelled, kept).await? {
        let now = at.now();
        // Nothing of it is placed any more, so nothing is cancelled twice.
        let agreed = Agreed::Order { lines: BTreeMap::new(), parcels: BTreeMap::new() };
        at.keep(&[kept.becomes(|mirror| mirror.agree(agreed, now, Some(ours.updated_at)))]).await?;
    }
    Ok(())
}
