//! Stock that a shop is to show: what partners can still ship, less what is kept back.
//!
//! A shop that sells lowers its own stock with each order, before the order reaches us. So a count is written only over the
//! one that both sides agreed on; where the shop has another, its orders are read first and the count is worked out anew.

use super::at::{At, Halt, Kept, apart};
use super::news::{News, PartnerNews};
use bonded_base::Id;
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror};
use bonded_connect::platform::{Failure, LevelWrite, RemoteId};
use bonded_ledger::Stored;
use bonded_trade::catalog::{Product, Variant};
use bonded_trade::inventory;
use serde_json::json;
use std::collections::HashMap;

/// Levels that one call writes.
const LEVELS_AT_ONCE: usize = 100;

/// Brings stock to the shop; says whether the shop has sold some of it meanwhile, so that its orders have to be read.
pub(super) async fn deliver(at: &At<'_>, news: &News) -> Result<bool, Halt> {
    if at.connection.syncs.stock == Mode::Off || !at.connection.direction.sells() {
        return Ok(false);
    }
    let (mut disagree, mut location) = (false, None);
    for news in news.partners.iter().filter(|news| !news.variants.is_empty()) {
        let wanted = wanted(at, news).await?;
        if wanted.is_empty() {
            continue;
        }
        if location.is_none() {
            location = the_location(at).await?;
        }
        let Some(location) = &location else { return Ok(false) };
        for some in wanted.chunks(LEVELS_AT_ONCE) {
            disagree |= write(at, location, some).await?;
        }
    }
    Ok(disagree)
}

/// A variant of the shop's, and how many of it the shop is to show.
struct Wanted {
    variant: Id<Variant>,
    mirror: Stored<Mirror>,
    available: i64,
}

/// Where the shop's stock is written.
async fn the_location(at: &At<'_>) -> Result<Option<RemoteId>, Halt> {
    if let Some(location) = &at.connection.location {
        return Ok(Some(location.clone()));
    }
    let all = at.platform.locations().await?;
    Ok(all.into_iter().find(|location| location.active).map(|location| location.id))
}

/// How many the shop is to show of what a partner's news are about.
async fn wanted(at: &At<'_>, news: &PartnerNews) -> Result<Vec<Wanted>, Halt> {
    let (ledger, scope) = (at.ledger, &news.partner.scope);
    let ids: Vec<_> = news.variants.iter().copied().collect();
    let mirrors = mirrors::of(ledger, at.scope, at.connection.id, &ids).await?;
    let mirrored: Vec<_> = ids.into_iter().zip(mirrors).filter_map(|(id, mirror)| Some((id, mirror?))).collect();
    if mirrored.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = mirrored.iter().map(|(id, _)| *id).collect();
    let variants = ledger.get_many::<Variant>(scope, &ids).await?;
    let levels = apart(inventory::levels_of(ledger, scope, &ids).await)?.unwrap_or_default();
    let mut products: Vec<_> = variants.iter().flatten().map(|variant| variant.product).collect();
    products.sort_unstable();
    products.dedup();
    let found = if products.is_empty() { Vec::new() } else { ledger.get_many::<Product>(scope, &products).await? };
    let offered: HashMap<_, _> =
        found.into_iter().flatten().map(|product| (product.id, product.is_offered())).collect();
    let mut all = Vec::with_capacity(mirrored.len());
    for (((id, mirror), variant), levels) in mirrored.into_iter().zip(variants).zip(levels) {
        let is_offered =
            variant.as_ref().is_some_and(|variant| offered.get(&variant.product).copied().unwrap_or(false));
        if variant.as_ref().is_some_and(|variant| is_offered && !variant.needs_stock()) {
            // It is sold whether it is there or not: the shop's own count is left alone.
            continue;
        }
        let there: i64 = levels.iter().map(|level| level.available().max(0)).sum();
        let kept_back = i64::from(at.connection.policy.buffer_of(id, news.partner.link));
        let available = if is_offered { (there - kept_back).max(0) } else { 0 };
        all.push(Wanted { variant: id, mirror, available });
    }
    Ok(all)
}

/// Writes what is not as it should be.
async fn write(at: &At<'_>, location: &RemoteId, wanted: &[Wanted]) -> Result<bool, Halt> {
    let (mut asked, mut writes, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for one in wanted {
        let (Agreed::Variant { available, .. }, Some(remote)) = (&one.mirror.agreed, &one.mirror.remote) else {
            continue;
        };
        let was = available.get(location.as_str()).copied();
        if was == Some(one.available) {
            kept.push(Kept::of(at, one.variant, Some(one.mirror.clone())).becomes(settled));
            continue;
        }
        if at.connection.syncs.stock == Mode::Watch {
            let planned = json!({ "available": one.available, "was": was, "location": location });
            kept.push(Kept::of(at, one.variant, Some(one.mirror.clone())).becomes(|mirror| mirror.plan(planned)));
            continue;
        }
        // The version makes the mark new for each new state, and the same for a call that is repeated.
        let mark = format!("{}-{}-{}", one.mirror.id, one.mirror.version, one.available);
        let (variant, location) = (remote.clone(), location.clone());
        writes.push(LevelWrite { mark, variant, location, available: one.available, was });
        asked.push(one);
    }
    let outcomes = if writes.is_empty() { Vec::new() } else { at.platform.put_levels(&writes).await? };
    let mut disagree = false;
    for (one, outcome) in asked.into_iter().zip(outcomes) {
        let before = Kept::of(at, one.variant, Some(one.mirror.clone()));
        match outcome {
            Ok(confirmed) => kept.push(before.becomes(|mirror| counted(mirror, location, confirmed, at))),
            Err(Failure::Changed) => {
                disagree = true;
                kept.push(disagreed(at, location, one, before).await?);
            }
            Err(Failure::Gone) => {
                // Deleted in the shop; should it come back, it is recognised again.
                let mut change = bonded_ledger::Change::new();
                change.remove(&one.mirror, "gone");
                at.ledger.commit(at.scope, change).await?;
            }
            Err(Failure::Refused(why)) => at.hold(before, &why, None).await?,
            Err(failure) => {
                // Others of the same call may have arrived: that is kept before the turn ends.
                at.keep(&kept).await?;
                return Err(failure.into());
            }
        }
    }
    at.keep(&kept).await?;
    Ok(disagree)
}

/// It is as it should be: nothing to tell, unless something was planned or waited.
fn settled(mirror: Mirror) -> Mirror {
    let is_agreed = mirror.state == mirrors::MirrorState::Agreed;
    match (is_agreed, mirror.agreed_at) {
        (false, Some(agreed_at)) => {
            let agreed = mirror.agreed.clone();
            mirror.agree(agreed, agreed_at, None)
        }
        _ => mirror,
    }
}

fn counted(mirror: Mirror, location: &RemoteId, pieces: i64, at: &At<'_>) -> Mirror {
    let Agreed::Variant { product, mut available } = mirror.agreed.clone() else { return mirror };
    available.insert(location.as_str().to_owned(), pieces);
    mirror.agree(Agreed::Variant { product, available }, at.now(), None)
}

/// The shop has another count than was agreed on: that is what is agreed on now, and what it should be is worked out again
/// when the shop's orders were read.
async fn disagreed(at: &At<'_>, location: &RemoteId, one: &Wanted, before: Kept) -> Result<Kept, Halt> {
    let remotes: Vec<_> = one.mirror.remote.iter().cloned().collect();
    let there = at.platform.levels(&remotes).await?;
    let found = there.iter().find(|level| level.location == *location).map(|level| level.available);
    let now = at.now();
    Ok(before.becomes(|mirror| {
        let mirror = match found {
            Some(pieces) => counted(mirror, location, pieces, at),
            None => mirror,
        };
        if found == Some(one.available) { mirror } else { mirror.wait_until(now, "the shop has another count") }
    }))
}
