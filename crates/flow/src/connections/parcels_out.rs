//! Parcels that a retailer's shop is to know of: what partners have shipped of its orders, and how it can be followed.

use super::at::{AT_ONCE, At, Halt, Kept, apart};
use super::news::News;
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror, MirrorState};
use bonded_connect::platform::{FulfilmentWrite, ParcelLine, RemoteFulfilment, RemoteId, RemoteOrder};
use bonded_ledger::Stored;
use bonded_trade::holds::{self, HoldReason};
use bonded_trade::orders::{Order, OrderFulfilment};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What people are told of a shop that shows a parcel as it was first told.
const CANNOT_CHANGE: &str = "the supplier has changed how a parcel can be followed, and this platform cannot show that";

/// Tells the shop of parcels that it does not know yet, or of which the carrier's number came later.
pub(super) async fn deliver(at: &At<'_>, news: &News) -> Result<(), Halt> {
    if at.connection.syncs.fulfilments == Mode::Off || !at.connection.direction.sells() || news.orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = news.orders.iter().copied().collect();
    let known = mirrors::of(at.ledger, at.scope, at.connection.id, &ids).await?;
    let ours = at.ledger.get_many::<Order>(at.scope, &ids).await?;
    let each: Vec<_> = ours.into_iter().zip(known).filter_map(|(ours, known)| Some(tell(at, ours?, known?))).collect();
    stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await
}

async fn tell(at: &At<'_>, ours: Stored<Order>, mirror: Stored<Mirror>) -> Result<(), Halt> {
    let (Agreed::Order { lines, mut parcels }, Some(order)) = (mirror.agreed.clone(), mirror.remote.clone()) else {
        return Ok(());
    };
    // What a check did not find there is told again.
    let is_repaired = mirror.state == MirrorState::Waiting && mirror.found.is_some();
    for lost in mirror.found.iter().filter(|_| is_repaired).flat_map(lost) {
        parcels.remove(lost);
    }
    let news: Vec<_> = ours.fulfilments.iter().filter(|parcel| !parcels.contains_key(&mark(parcel))).collect();
    if news.is_empty() {
        return Ok(());
    }
    let mut kept = Kept::of(at, ours.id, Some(mirror));
    if at.connection.syncs.fulfilments == Mode::Watch {
        let parcel = |parcel: &&OrderFulfilment| json!({ "parcel": parcel.id, "lines": parcel.lines });
        let planned = json!({ "fulfilments": news.iter().map(parcel).collect::<Vec<_>>() });
        return at.keep(&[kept.becomes(|mirror| mirror.plan(planned))]).await;
    }
    for parcel in news {
        let wish = wish(parcel, &order, &lines);
        if wish.lines.is_empty() {
            continue;
        }
        let Some((theirs, told)) = at.outcome(at.platform.put_fulfilment(&wish).await, kept).await? else {
            return Ok(());
        };
        kept = told;
        let theirs = theirs.fulfilments.iter().find(|known| known.mark.as_deref() == Some(&wish.mark));
        if theirs.is_some_and(|theirs| !shows(theirs, &wish)) {
            // The others go on: this one is for a person, who tells the buyer.
            let (account, why) = (at.scope.account(), CANNOT_CHANGE);
            apart(holds::raise(at.ledger, account, kept.id, HoldReason::Refused, why).await)?.ok();
        }
        let id = theirs.map_or_else(|| RemoteId::new(wish.mark.clone()), |theirs| theirs.id.clone());
        parcels.insert(mark(parcel), id);
    }
    at.tally.sent(|sent| &mut sent.orders, &order);
    at.tally.open().figures.repaired += u64::from(is_repaired);
    let agreed = Agreed::Order { lines, parcels };
    let kept = kept.becomes(|mirror| mirror.agree(agreed, at.now(), Some(ours.updated_at)));
    at.settle(kept).await
}

/// Whether the shop shows how a parcel can be followed. Carriers' names are each platform's own affair.
fn shows(theirs: &RemoteFulfilment, wish: &FulfilmentWrite) -> bool {
    let same = |wanted: Option<&String>, shown: Option<&String>| wanted.is_none() || wanted == shown;
    same(wish.number.as_ref(), theirs.number.as_ref()) && same(wish.url.as_ref(), theirs.url.as_ref())
}

/// What says in [`Mirror::found`] which parcels a shop does not have any more, or not as they were told.
const LOST: &str = "parcels_lost";

/// The parcels that the shop was told of and has not, or with another number; `None` if it has all.
pub(super) fn lost_there(ours: &Order, mirror: &Mirror, theirs: &RemoteOrder) -> Option<Value> {
    let Agreed::Order { parcels, .. } = &mirror.agreed else { return None };
    let is_there = |parcel: &OrderFulfilment, id: &RemoteId| {
        theirs.fulfilments.iter().any(|known| {
            let is_it = known.id == *id || known.mark.as_deref() == Some(&parcel.id.to_string());
            is_it && (parcel.number.is_none() || known.number == parcel.number)
        })
    };
    let told = ours.fulfilments.iter().filter_map(|parcel| Some((parcel, parcels.get(&mark(parcel))?)));
    let lost: Vec<_> = told.filter(|(parcel, id)| !is_there(parcel, id)).map(|(parcel, _)| mark(parcel)).collect();
    (!lost.is_empty()).then(|| json!({ LOST: lost }))
}

fn lost(found: &Value) -> impl Iterator<Item = &str> {
    found.get(LOST).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What a parcel goes by between us and the shop: another one each time that it is said anew how it can be followed.
fn mark(parcel: &OrderFulfilment) -> String {
    if parcel.revision == 0 { parcel.id.to_string() } else { format!("{}.{}", parcel.id, parcel.revision) }
}

fn wish(parcel: &OrderFulfilment, order: &RemoteId, lines: &BTreeMap<u32, RemoteId>) -> FulfilmentWrite {
    let line = |line: &bonded_trade::LineQuantity| {
        Some(ParcelLine { line: lines.get(&line.line)?.clone(), quantity: line.quantity })
    };
    FulfilmentWrite {
        mark: parcel.id.to_string(),
        order: order.clone(),
        lines: parcel.lines.iter().filter_map(line).collect(),
        carrier: parcel.carrier.clone(),
        number: parcel.number.clone(),
        url: parcel.url.clone(),
    }
}
