//! Stock that a supplier's shop has, as it is now.
//!
//! A shop says how many it can still sell, which is less than lies there by what it has promised, our purchase orders
//! included. We count what lies there and what is promised; so what is promised to purchase orders that the shop has
//! already is added to what it says, and what is promised to others is not, since the shop does not know of them yet.

use super::at::{At, Halt, Kept, apart};
use bonded_base::{Id, Kind};
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror};
use bonded_connect::platform::{RemoteId, RemoteLevel};
use bonded_ledger::{List, PAGE_MAX, Stored};
use bonded_trade::catalog::Variant;
use bonded_trade::inventory::{self, LEVELS_A_CALL_MAX, LOCATION_NAME_MAX, LevelSet, Location};
use bonded_trade::purchase_orders::{PoState, PurchaseOrder};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Takes the stock of variants in.
pub(super) async fn take(at: &At<'_>, levels: Vec<RemoteLevel>) -> Result<(), Halt> {
    if !at.connection.direction.supplies() || levels.is_empty() {
        return Ok(());
    }
    let places = places(at, &levels).await?;
    let remotes: Vec<_> = levels.iter().map(|level| level.variant.clone()).collect();
    let known = mirrors::of_remotes(at.ledger, at.scope, at.connection.id, Kind::Variant, &remotes).await?;
    let mut found = Vec::with_capacity(levels.len());
    for (level, known) in levels.into_iter().zip(known) {
        let Some(known) = known.filter(|mirror| mirror.link.is_none()) else { continue };
        let (Some(variant), Some(place)) = (known.record_of::<Variant>(), places.get(&level.location)) else {
            continue;
        };
        found.push((level, known, variant, *place));
    }
    let variants: Vec<_> = found.iter().map(|(_, _, variant, _)| *variant).collect();
    let promised = promised_there(at, &variants).await?;
    let mut sets = Vec::with_capacity(found.len());
    let mut kept: BTreeMap<Id<Mirror>, Kept> = BTreeMap::new();
    for (level, known, variant, location) in found {
        let available = level.available.max(0);
        if at.connection.syncs.stock == Mode::Watch {
            let planned = json!({ "available": available, "location": location });
            kept.insert(known.id, Kept::of(at, variant, Some(known)).becomes(|mirror| mirror.plan(planned)));
            continue;
        }
        let on_hand = available + promised.get(&(variant, location)).copied().unwrap_or(0);
        sets.push(LevelSet { variant: Some(variant), location: Some(location), on_hand, ..LevelSet::default() });
        let id = known.id;
        let before = kept.remove(&id).unwrap_or_else(|| Kept::of(at, variant, Some(known)));
        kept.insert(id, before.becomes(|mirror| heard(mirror, &level, at)));
    }
    for some in sets.chunks(LEVELS_A_CALL_MAX) {
        apart(inventory::set_many(at.ledger, at.scope, some).await)?.ok();
    }
    at.keep(&kept.into_values().collect::<Vec<_>>()).await
}

/// The mirror of a variant whose stock was heard of; the same where that is no news.
fn heard(mirror: Mirror, level: &RemoteLevel, at: &At<'_>) -> Mirror {
    let Agreed::Variant { product, mut available } = mirror.agreed.clone() else { return mirror };
    if available.insert(level.location.as_str().to_owned(), level.available) == Some(level.available) {
        return mirror;
    }
    mirror.agree(Agreed::Variant { product, available }, at.now(), level.updated_at)
}

/// Pieces of these variants that are promised to purchase orders which the shop has.
async fn promised_there(at: &At<'_>, variants: &[Id<Variant>]) -> Result<Promised, Halt> {
    loop {
        let before = reserved(at, variants).await?;
        // Whatever the shop has is acknowledged at once.
        let waiting = in_state(at, PoState::Posted).await?;
        // A purchase order is posted and reserved in one commit: the two fit if nothing was reserved in between.
        if reserved(at, variants).await? == before {
            return Ok(less(before, &waiting));
        }
    }
}

type Promised = HashMap<(Id<Variant>, Id<Location>), i64>;

async fn reserved(at: &At<'_>, variants: &[Id<Variant>]) -> Result<Promised, Halt> {
    let levels = apart(inventory::levels_of(at.ledger, at.scope, variants).await)?.unwrap_or_default();
    Ok(levels.into_iter().flatten().map(|level| ((level.variant, level.location), level.reserved)).collect())
}

/// The account's purchase orders in this state.
pub(super) async fn in_state(at: &At<'_>, state: PoState) -> Result<Vec<Stored<PurchaseOrder>>, Halt> {
    let (mut list, mut found) = (List::first(PAGE_MAX), Vec::new());
    list.state = Some(state.number());
    loop {
        let page = at.ledger.list::<PurchaseOrder>(at.scope, &list).await?;
        found.extend(page.records);
        match page.next {
            Some(next) => list.after = Some(next),
            None => return Ok(found),
        }
    }
}

fn less(mut promised: Promised, waiting: &[Stored<PurchaseOrder>]) -> Promised {
    for line in waiting.iter().flat_map(|purchase_order| &purchase_order.lines) {
        let Some(location) = line.location else { continue };
        if let Some(pieces) = promised.get_mut(&(line.variant, location)) {
            *pieces = pieces.saturating_sub(line.open().into()).max(0);
        }
    }
    promised
}

/// Our locations for the shop's, by the shop's ids: made where they are not known yet, under the shop's name for them.
async fn places(at: &At<'_>, levels: &[RemoteLevel]) -> Result<HashMap<RemoteId, Id<Location>>, Halt> {
    let mut remotes: Vec<_> = levels.iter().map(|level| level.location.clone()).collect();
    remotes.sort_unstable();
    remotes.dedup();
    let known = mirrors::of_remotes(at.ledger, at.scope, at.connection.id, Kind::Location, &remotes).await?;
    let mut places = HashMap::new();
    let mut unknown = Vec::new();
    for (remote, known) in remotes.into_iter().zip(known) {
        match known.and_then(|mirror| mirror.record_of::<Location>()) {
            Some(location) => drop(places.insert(remote, location)),
            None => unknown.push(remote),
        }
    }
    if unknown.is_empty() {
        return Ok(places);
    }
    let there = at.platform.locations().await?;
    for remote in unknown {
        let Some(theirs) = there.iter().find(|location| location.id == remote) else { continue };
        let Some(location) = named(at, &theirs.name).await? else { continue };
        let known = mirrors::of(at.ledger, at.scope, at.connection.id, &[location]).await?.pop().flatten();
        let now = at.now();
        let kept = Kept::of(at, location, known)
            .becomes(|mirror| Mirror { remote: Some(remote.clone()), ..mirror }.agree(Agreed::Location, now, None));
        at.keep(&[kept]).await?;
        places.insert(remote, location);
    }
    Ok(places)
}

/// Our location of this name, made if there is none; `None` where no more can be made.
async fn named(at: &At<'_>, name: &str) -> Result<Option<Id<Location>>, Halt> {
    let name: String = name.chars().filter(|symbol| !symbol.is_control()).take(LOCATION_NAME_MAX).collect();
    let all = apart(inventory::locations(at.ledger, at.scope).await)?.unwrap_or_default();
    if let Some(known) = all.iter().find(|known| known.name == name.trim()) {
        return Ok(Some(known.id));
    }
    let made = apart(inventory::create_location(at.ledger, at.scope, &name).await)?;
    Ok(made.ok().map(|made| made.id))
}
