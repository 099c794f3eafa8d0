//! Orders that a shop has: a retailer's are placed here and followed; those that we placed at a supplier tell of parcels.

use super::at::{AT_ONCE, At, Halt, Kept, apart, is_agreed, sentence};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_connect::connections::{Mode, Unmatched};
use bonded_connect::mirrors::{self, Agreed, Mirror, derived};
use bonded_connect::platform::{RemoteFulfilment, RemoteId, RemoteLine, RemoteOrder, Unreadable};
use bonded_ledger::{LedgerError, LookupName, Stored};
use bonded_trade::catalog::{self, Variant};
use bonded_trade::fulfilments::{FulfilmentMark, Shipment};
use bonded_trade::holds::{self, HoldReason};
use bonded_trade::orders::{self, Cancellation, LineDraft, Order, OrderDraft};
use bonded_trade::purchase_orders::{self, PurchaseOrder, Rejection};
use bonded_trade::sku_mappings::{self, Means};
use bonded_trade::{LineWish, TradeError, partners};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// What a retailer is told of lines that its supplier cancelled in its own shop.
const CANCELLED_THERE: &str = "the supplier's shop has cancelled the order";

/// Takes orders as they are now.
pub(super) async fn take(at: &At<'_>, orders: Vec<RemoteOrder>) -> Result<(), Halt> {
    let ids: Vec<_> = orders.iter().map(|order| order.id.clone()).collect();
    let known = known(at, Kind::Order, &ids).await?;
    let placed = known_purchase_orders(at, &ids).await?;
    let each: Vec<_> =
        orders.iter().zip(known.into_iter().zip(placed)).map(|(order, known)| take_one(at, order, known)).collect();
    stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await
}

async fn take_one(
    at: &At<'_>,
    order: &RemoteOrder,
    (known, placed): (Option<Stored<Mirror>>, Option<Stored<Mirror>>),
) -> Result<(), Halt> {
    if placed.is_some() || order.mark.is_some() {
        return if at.connection.direction.supplies() { follow_supplier(at, order, placed).await } else { Ok(()) };
    }
    if !at.connection.direction.sells() || at.connection.syncs.orders == Mode::Off {
        return Ok(());
    }
    match known {
        Some(mirror) if is_agreed(&mirror) => follow_retailer(at, order, &mirror).await,
        other => place(at, order, other).await,
    }
}

/// Holds an order that could not be understood.
pub(super) async fn refuse(at: &At<'_>, bad: &Unreadable) -> Result<(), Halt> {
    let known = known(at, Kind::Order, std::slice::from_ref(&bad.id)).await?.pop().flatten();
    if known.as_ref().is_some_and(|mirror| is_agreed(mirror)) {
        return Ok(());
    }
    let kept = awaited(at, &bad.id, known);
    at.hold(kept, &sentence(&bad.problem), None).await
}

async fn known(at: &At<'_>, about: Kind, ids: &[RemoteId]) -> Result<Vec<Option<Stored<Mirror>>>, Halt> {
    Ok(mirrors::of_remotes(at.ledger, at.scope, at.connection.id, about, ids).await?)
}

async fn known_purchase_orders(at: &At<'_>, ids: &[RemoteId]) -> Result<Vec<Option<Stored<Mirror>>>, Halt> {
    if at.connection.direction.supplies() {
        known(at, Kind::PurchaseOrder, ids).await
    } else {
        Ok(ids.iter().map(|_| None).collect())
    }
}

/// The mirror of an order that is not placed yet, under the id that it will have.
fn awaited(at: &At<'_>, id: &RemoteId, known: Option<Stored<Mirror>>) -> Kept {
    let order = known.as_ref().and_then(|mirror| mirror.record_of::<Order>());
    let order = order.unwrap_or_else(|| at.ledger.new_id());
    Kept::of(at, order, known).becomes(|mirror| Mirror { remote: Some(id.clone()), ..mirror })
}

/// Places an order of the shop's, with its mirror in the same commit: so it is placed once, whoever brings it how often.
async fn place(at: &At<'_>, order: &RemoteOrder, known: Option<Stored<Mirror>>) -> Result<(), Halt> {
    let lines = lines_for_partners(at, order).await?;
    if lines.is_empty() || order.cancelled {
        return Ok(());
    }
    let payload = payload(&lines);
    let kept = awaited(at, &order.id, known);
    if at.connection.syncs.orders == Mode::Watch {
        return at.keep(&[kept.becomes(|mirror| mirror.plan(payload))]).await;
    }
    let numbers = (1..).zip(&lines).map(|(number, (remote, _))| (number, remote.id.clone())).collect();
    let agreed = Agreed::Order { lines: numbers, parcels: BTreeMap::new() };
    let kept = kept.becomes(|mirror| mirror.agree(agreed, at.now(), order.updated_at.or(Some(order.placed_at))));
    let Some(id) = kept.order() else { return Ok(()) };
    let mut draft = OrderDraft {
        reference: order.reference.clone(),
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        consumer: order.consumer.clone(),
        placed_at: Some(order.placed_at),
    };
    let mut placed = place_as(at, id, &draft, &kept).await?;
    if matches!(&placed, Err(problem) if problem.reason == Reason::Duplicate) {
        // Two shops of an account may count their orders alike.
        draft.reference = format!("{} ({})", order.reference, at.connection.shop);
        placed = place_as(at, id, &draft, &kept).await?;
    }
    match placed {
        Ok(()) if kept.was_held() => at.release(kept.id).await,
        Ok(()) => Ok(()),
        Err(problem) => {
            let kept = kept.becomes(|mirror| Mirror { agreed: Agreed::Nothing, agreed_at: None, ..mirror });
            at.hold(kept, &sentence(&problem), Some(payload)).await
        }
    }
}

async fn place_as(at: &At<'_>, id: Id<Order>, draft: &OrderDraft, kept: &Kept) -> Result<Result<(), Problem>, Halt> {
    match orders::place_as(at.ledger, at.scope, id, draft, |change| kept.write(change)).await {
        // Taken: another node was faster by a lease; what it placed is found by the shop's id.
        Ok(_) | Err(TradeError::Ledger(LedgerError::Taken { name: LookupName::Remote, .. })) => Ok(Ok(())),
        Err(TradeError::Problem(problem)) => Ok(Err(problem)),
        Err(TradeError::Ledger(error)) => Err(error.into()),
    }
}

impl Kept {
    fn order(&self) -> Option<Id<Order>> {
        self.mirror().record_of::<Order>()
    }
}

/// What was understood of an order's lines; nothing of its consumer.
fn payload(lines: &[(&RemoteLine, LineDraft)]) -> Value {
    let line = |(remote, line): &(&RemoteLine, LineDraft)| {
        json!({ "sku": line.sku, "title": line.title, "quantity": line.quantity, "price": line.price,
            "variant": line.variant, "line": remote.id })
    };
    json!({ "lines": lines.iter().map(line).collect::<Vec<_>>() })
}

/// The lines that partners are to ship, as drafts: what the shop ships itself is its own affair.
async fn lines_for_partners<'a>(at: &At<'_>, order: &'a RemoteOrder) -> Result<Vec<(&'a RemoteLine, LineDraft)>, Halt> {
    let open: Vec<_> =
        order.lines.iter().filter(|line| line.requires_shipping && line.quantity > line.dropped).collect();
    let remotes: Vec<_> = open.iter().filter_map(|line| line.variant.clone()).collect();
    let mirrored = known(at, Kind::Variant, &remotes).await?;
    let by_remote: HashMap<_, _> = remotes
        .iter()
        .zip(&mirrored)
        .filter_map(|(remote, mirror)| Some((remote, mirror.as_ref().filter(|mirror| mirror.link.is_some())?)))
        .filter_map(|(remote, mirror)| Some((remote, mirror.record_of::<Variant>()?)))
        .collect();
    let skus: Vec<&str> = open.iter().filter_map(|line| line.sku.as_deref()).collect();
    let said = apart(sku_mappings::meanings(at.ledger, at.scope, &skus).await)?.unwrap_or_default();
    let said: HashMap<&str, Means> = skus.iter().zip(said).filter_map(|(sku, means)| Some((*sku, means?))).collect();
    let sold =
        if at.connection.policy.unmatched == Unmatched::Ignore { sold(at, &skus).await? } else { HashMap::new() };
    let mut lines = Vec::with_capacity(open.len());
    for line in open {
        let means = line.sku.as_deref().and_then(|sku| said.get(sku)).copied();
        let variant = match means {
            Some(Means::Own) => continue,
            Some(Means::Variant(variant)) => Some(variant),
            None => line.variant.as_ref().and_then(|remote| by_remote.get(remote)).copied(),
        };
        let is_sold = line.sku.as_deref().is_some_and(|sku| sold.contains_key(sku));
        if variant.is_none() && !is_sold && at.connection.policy.unmatched == Unmatched::Ignore {
            continue;
        }
        let quantity = i64::from(line.quantity - line.dropped);
        let draft =
            LineDraft { variant, sku: line.sku.clone(), title: Some(line.title.clone()), quantity, price: line.price };
        lines.push((line, draft));
    }
    Ok(lines)
}

/// What partners sell by these SKUs.
pub(super) async fn sold<'a>(
    at: &At<'_>,
    skus: &[&'a str],
) -> Result<HashMap<&'a str, (partners::LinkedPartner, Id<Variant>)>, Halt> {
    let mut sold = HashMap::new();
    if skus.is_empty() {
        return Ok(sold);
    }
    let open = apart(partners::opened_suppliers(at.ledger, at.scope).await)?.unwrap_or_default();
    for partner in open {
        let found = apart(catalog::by_skus(at.ledger, &partner.scope, skus).await)?.unwrap_or_default();
        for (sku, found) in skus.iter().zip(found) {
            if let Some(variant) = found {
                sold.entry(*sku).or_insert_with(|| (partner.clone(), variant));
            }
        }
    }
    Ok(sold)
}

/// Carries what the shop has dropped of an order since it was placed.
async fn follow_retailer(at: &At<'_>, order: &RemoteOrder, mirror: &Stored<Mirror>) -> Result<(), Halt> {
    let (Agreed::Order { lines, .. }, Some(id)) = (&mirror.agreed, mirror.record_of::<Order>()) else { return Ok(()) };
    let Ok(ours) = apart(orders::get(at.ledger, at.scope, id).await)? else { return Ok(()) };
    let mut wishes = Vec::new();
    for line in &ours.lines {
        let Some(remote) = lines.get(&line.number) else { continue };
        let theirs = order.lines.iter().find(|theirs| theirs.id == *remote);
        let left = theirs.map_or(0, |theirs| theirs.quantity.saturating_sub(theirs.dropped));
        let left = if order.cancelled { 0 } else { left };
        let known = line.cancel_wanted.max(line.cancelled) + line.rejected;
        let wanted = line.quantity.saturating_sub(left).saturating_sub(known).min(line.cancellable());
        if wanted > 0 {
            wishes.push(LineWish { line: line.number.into(), quantity: Some(wanted.into()) });
        }
    }
    let added = order.lines.iter().any(|line| {
        line.requires_shipping && line.quantity > line.dropped && !lines.values().any(|known| *known == line.id)
    });
    if !wishes.is_empty() && at.connection.syncs.orders == Mode::On {
        let cancellation = Cancellation { lines: Some(wishes) };
        apart(orders::cancel(at.ledger, at.scope, id, None, &cancellation).await)?.ok();
    }
    if added && at.connection.policy.unmatched == Unmatched::Hold && !order.cancelled {
        let why = "lines were added in the shop after the order was taken; they are not shipped by partners";
        apart(holds::raise(at.ledger, at.scope.account(), mirror.id, HoldReason::Refused, why).await)?.ok();
    }
    Ok(())
}

/// What the supplier's shop did with a purchase order that we placed there.
async fn follow_supplier(at: &At<'_>, order: &RemoteOrder, known: Option<Stored<Mirror>>) -> Result<(), Halt> {
    let marked = || order.mark.as_deref().and_then(|mark| mark.parse::<Id<PurchaseOrder>>().ok());
    let Some(id) = known.as_ref().and_then(|mirror| mirror.record_of()).or_else(marked) else { return Ok(()) };
    // A mark that somebody copied to another order names none of ours.
    let Ok(ours) = apart(purchase_orders::get(at.ledger, at.scope, id).await)? else { return Ok(()) };
    let known = match known {
        Some(known) => known,
        None => match mirrors::of(at.ledger, at.scope, at.connection.id, &[id]).await?.pop().flatten() {
            // Its answer was lost, and it is found again when it is placed again.
            None => return Ok(()),
            Some(mirror) => mirror,
        },
    };
    let Agreed::Order { lines, parcels } = known.agreed.clone() else { return Ok(()) };
    if at.connection.syncs.fulfilments != Mode::On {
        return Ok(());
    }
    let before = parcels.len();
    match done_there(at, &ours, order, &lines).await? {
        Ok(new) => {
            let mut parcels = parcels;
            parcels.extend(new);
            if parcels.len() > before {
                let agreed = Agreed::Order { lines, parcels };
                let kept =
                    Kept::of(at, id, Some(known)).becomes(|mirror| mirror.agree(agreed, at.now(), order.updated_at));
                at.settle(kept).await?;
            }
            Ok(())
        }
        Err(why) => at.hold(Kept::of(at, id, Some(known)), &why, None).await,
    }
}

/// Takes over what the supplier's shop has done with a purchase order: its parcels, which are answered by our ids for them,
/// and that it was cancelled. What cannot be taken is said in a sentence.
pub(super) async fn done_there(
    at: &At<'_>,
    ours: &Stored<PurchaseOrder>,
    order: &RemoteOrder,
    lines: &BTreeMap<u32, RemoteId>,
) -> Result<Result<BTreeMap<String, RemoteId>, String>, Halt> {
    let mut parcels = BTreeMap::new();
    if at.connection.syncs.fulfilments != Mode::On {
        return Ok(Ok(parcels));
    }
    for sent in order.fulfilments.iter().filter(|sent| sent.mark.is_none()) {
        let parcel: Id<FulfilmentMark> =
            derived(ours.id.bytes(), &[&at.connection.id.bytes(), sent.id.as_str().as_bytes()]);
        match ship(at, ours, parcel, sent, lines).await? {
            Ok(()) => drop(parcels.insert(parcel.to_string(), sent.id.clone())),
            Err(problem) => {
                return Ok(Err(format!("a parcel of the shop's cannot be taken: {}", sentence(&problem))));
            }
        }
    }
    if order.cancelled {
        let rejection = Rejection { reason: CANCELLED_THERE.to_owned(), lines: None };
        apart(purchase_orders::reject(at.ledger, at.scope, ours.id, None, &rejection).await)?.ok();
    }
    Ok(Ok(parcels))
}

/// Records a parcel of the shop's, or how it can be followed now.
async fn ship(
    at: &At<'_>,
    ours: &Stored<PurchaseOrder>,
    parcel: Id<FulfilmentMark>,
    sent: &RemoteFulfilment,
    lines: &BTreeMap<u32, RemoteId>,
) -> Result<Result<(), Problem>, Halt> {
    let number = |remote: &RemoteId| lines.iter().find(|(_, known)| *known == remote).map(|(number, _)| *number);
    let wish = |(remote, quantity): &(RemoteId, u32)| {
        Some(LineWish { line: number(remote)?.into(), quantity: Some((*quantity).into()) })
    };
    let shipment = Shipment {
        lines: Some(sent.lines.iter().filter_map(wish).collect()),
        carrier: sent.carrier.clone(),
        number: sent.number.clone(),
        url: sent.url.clone(),
    };
    if ours.fulfilments.iter().any(|known| known.id == parcel) {
        let anew = purchase_orders::retrack(at.ledger, at.scope, ours.id, parcel, &shipment).await;
        return Ok(apart(anew)?.map(drop));
    }
    let left = sent.shipped_at.unwrap_or_else(|| at.now());
    let shipped = purchase_orders::ship_as(at.ledger, at.scope, ours.id, (parcel, left), &shipment).await;
    Ok(apart(shipped)?.map(drop))
}
