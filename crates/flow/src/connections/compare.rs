//! Our records beside the shop's, one sort after the other: what is equal, and what the shop has changed.

use super::at::{At, Halt, Kept};
use super::stock_out::{recounted, the_location};
use super::{levels_in, orders_in, parcels_out, products_in, products_out};
use bonded_base::{Kind, Moment};
use bonded_connect::connections::{Mode, Repair};
use bonded_connect::mirrors::{Agreed, Mirror, MirrorState};
use bonded_connect::platform::{NAMED_MAX, Read, RemoteId, RemoteLevel, RemoteOrder, RemoteProduct};
use bonded_ledger::Stored;
use bonded_trade::orders::Order;
use bonded_trade::purchase_orders::PurchaseOrder;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Orders are compared for as long as this after both sides last agreed on them.
const ORDERS_MS: i64 = 30 * 24 * 60 * 60_000;
/// What a shop of ours to read has changed longer ago than this should have been read: it was missed.
const MISSED_MS: i64 = 10 * 60_000;

/// Why a mirror waits whose shop was found to differ.
pub(super) const FOUND: &str = "the shop was found to have something else";

/// What [`Mirror::found`] is where the shop does not have it any more.
pub(super) fn gone() -> Value {
    json!({ "gone": true })
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compared {
    pub records: u64,
    pub equal: u64,
}

/// How one record stands.
enum Beside {
    Equal,
    /// The shop has so many pieces at this place.
    Count {
        location: RemoteId,
        pieces: i64,
    },
    /// The shop has something else: what, and whether it can be put right by writing it again.
    Changed {
        found: Value,
        is_repairable: bool,
    },
    /// It has been dealt with, or cannot be told now.
    Seen,
}

/// Compares records of which the mirrors are given; those that both sides do not agree on anyway count as not equal.
pub(super) async fn all(at: &At<'_>, mirrors: Vec<Stored<Mirror>>) -> Result<Compared, Halt> {
    let old = at.now().plus_millis(-ORDERS_MS);
    let ours = mirrors.into_iter().filter(|mirror| is_compared(at, mirror, old));
    let (agreed, others): (Vec<_>, Vec<_>) = ours.partition(|mirror| mirror.state == MirrorState::Agreed);
    let mut compared = Compared { records: others.len() as u64, equal: 0 };
    let mut by_kind: BTreeMap<Kind, Vec<Stored<Mirror>>> = BTreeMap::new();
    for mirror in agreed {
        by_kind.entry(mirror.about).or_default().push(mirror);
    }
    for (kind, mirrors) in by_kind {
        for some in mirrors.chunks(NAMED_MAX) {
            let seen = match kind {
                Kind::Variant => variants(at, some).await?,
                Kind::Product => products(at, some).await?,
                Kind::PurchaseOrder => purchase_orders(at, some).await?,
                _ => orders(at, some).await?,
            };
            compared.records += some.len() as u64;
            compared.equal += settle(at, some, seen).await?;
        }
    }
    let figures = &mut at.tally.open().figures;
    figures.checked += compared.records;
    figures.equal += compared.equal;
    Ok(compared)
}

fn is_compared(at: &At<'_>, mirror: &Mirror, old: Moment) -> bool {
    let syncs = &at.connection.syncs;
    let is_recent = mirror.agreed_at.is_none_or(|agreed| agreed > old);
    match mirror.about {
        Kind::Variant => syncs.stock == Mode::On,
        Kind::Product => syncs.products == Mode::On,
        Kind::Order => syncs.fulfilments == Mode::On && is_recent,
        Kind::PurchaseOrder => syncs.orders == Mode::On && is_recent,
        _ => false,
    }
}

/// Keeps what was found, and says how many were equal.
async fn settle(at: &At<'_>, mirrors: &[Stored<Mirror>], seen: Vec<Beside>) -> Result<u64, Halt> {
    let (mut equal, mut kept, now) = (0, Vec::new(), at.now());
    for (mirror, beside) in mirrors.iter().zip(seen) {
        let before = Kept::again(at, mirror);
        match beside {
            Beside::Equal => equal += 1,
            Beside::Seen => {}
            // Whether it was sold is known when the shop's orders were read, and then it is written or drifted.
            Beside::Count { location, pieces } => {
                at.tally.open().is_read_next = true;
                kept.push(before.becomes(|mirror| {
                    let found = Some(json!({ "available": pieces, "location": location }));
                    Mirror { found, ..recounted(mirror, &location, pieces) }.wait_until(now, FOUND)
                }));
            }
            Beside::Changed { found, is_repairable } => {
                at.tally.open().figures.drifted += 1;
                let is_repaired = is_repairable && at.connection.policy.repair == Repair::Automatic;
                kept.push(before.becomes(|mirror| {
                    if is_repaired {
                        Mirror { found: Some(found), ..mirror }.wait_until(now, FOUND)
                    } else {
                        mirror.drift(found, None)
                    }
                }));
            }
        }
    }
    at.keep(&kept).await?;
    Ok(equal)
}

/// Stock, at the place where ours is written, or at all places of a shop that we read.
async fn variants(at: &At<'_>, mirrors: &[Stored<Mirror>]) -> Result<Vec<Beside>, Halt> {
    let remotes: Vec<_> = mirrors.iter().filter_map(|mirror| mirror.remote.clone()).collect();
    let levels = at.platform.levels(&remotes).await?;
    let mut there: BTreeMap<&RemoteId, Vec<&RemoteLevel>> = BTreeMap::new();
    for level in &levels {
        there.entry(&level.variant).or_default().push(level);
    }
    let location = if at.connection.direction.sells() { the_location(at).await? } else { None };
    let (mut seen, mut read) = (Vec::with_capacity(mirrors.len()), Vec::new());
    for mirror in mirrors {
        let there = mirror.remote.as_ref().and_then(|remote| there.get(remote)).map_or(&[][..], Vec::as_slice);
        let Agreed::Variant { available, .. } = &mirror.agreed else {
            seen.push(Beside::Seen);
            continue;
        };
        let differs = |level: &&&RemoteLevel| {
            available.get(level.location.as_str()).is_some_and(|agreed| *agreed != level.available)
        };
        let ours = |level: &&&RemoteLevel| mirror.link.is_none() || Some(&level.location) == location.as_ref();
        let found = there.iter().filter(ours).find(differs);
        seen.push(match (found, mirror.link) {
            (None, _) => Beside::Equal,
            (Some(level), Some(_)) => Beside::Count { location: level.location.clone(), pieces: level.available },
            (Some(level), None) => {
                note_missed(at, level.updated_at);
                Beside::Seen
            }
        });
        if mirror.link.is_none() {
            // Also where it says what it said: what we have promised of it is counted anew.
            read.extend(there.iter().copied().cloned());
        }
    }
    levels_in::take(at, read).await?;
    Ok(seen)
}

/// What a shop that we read has changed was missed, if it had been there to be read for long.
fn note_missed(at: &At<'_>, updated_at: Option<Moment>) {
    if updated_at.is_some_and(|updated| updated.plus_millis(MISSED_MS) < at.now()) {
        let figures = &mut at.tally.open().figures;
        figures.drifted += 1;
        figures.repaired += 1;
    }
}

async fn products(at: &At<'_>, mirrors: &[Stored<Mirror>]) -> Result<Vec<Beside>, Halt> {
    let there = at.platform.products(&remotes(mirrors)).await?;
    let mut seen = Vec::with_capacity(mirrors.len());
    for (mirror, theirs) in mirrors.iter().zip(there) {
        seen.push(match (theirs, mirror.link) {
            (None, Some(_)) => Beside::Changed { found: gone(), is_repairable: false },
            (None, None) => {
                products_in::gone(at, mirror.remote.iter().cloned().collect()).await?;
                Beside::Seen
            }
            (Some(Err(_)), _) => Beside::Seen,
            (Some(Ok(theirs)), None) => read_product(at, mirror, &theirs).await?,
            (Some(Ok(theirs)), Some(_)) => match products_out::changed_there(at, mirror, &theirs).await? {
                Some(found) => Beside::Changed { found, is_repairable: true },
                None => Beside::Equal,
            },
        });
    }
    Ok(seen)
}

/// A product of a shop that we read.
async fn read_product(at: &At<'_>, mirror: &Mirror, theirs: &RemoteProduct) -> Result<Beside, Halt> {
    if products_in::is_taken(mirror, theirs) {
        return Ok(Beside::Equal);
    }
    note_missed(at, theirs.updated_at);
    products_in::take(at, theirs).await?;
    Ok(Beside::Seen)
}

/// Orders that we placed at a supplier's: as they were placed, less what both sides have dropped.
async fn purchase_orders(at: &At<'_>, mirrors: &[Stored<Mirror>]) -> Result<Vec<Beside>, Halt> {
    let there = at.platform.orders(&remotes(mirrors)).await?;
    let mut seen = Vec::with_capacity(mirrors.len());
    for (mirror, theirs) in mirrors.iter().zip(there) {
        let Some(id) = mirror.record_of::<PurchaseOrder>() else {
            seen.push(Beside::Seen);
            continue;
        };
        seen.push(match theirs {
            None => Beside::Changed { found: gone(), is_repairable: false },
            Some(Err(_)) => Beside::Seen,
            Some(Ok(theirs)) => {
                // What happened there is taken over first; only what is left then has nobody's leave.
                orders_in::take(at, vec![theirs.clone()]).await?;
                let ours = at.ledger.get(at.scope, id).await?;
                match ours.and_then(|ours| differing_line(&ours, mirror, &theirs)) {
                    None => Beside::Equal,
                    Some(found) => Beside::Changed { found, is_repairable: false },
                }
            }
        });
    }
    Ok(seen)
}

/// The first line of which the shop wants to send another number of pieces than we ordered.
fn differing_line(ours: &PurchaseOrder, mirror: &Mirror, theirs: &RemoteOrder) -> Option<Value> {
    let Agreed::Order { lines, .. } = &mirror.agreed else { return None };
    ours.lines.iter().find_map(|line| {
        let remote = lines.get(&line.line)?;
        let found = theirs.lines.iter().find(|theirs| theirs.id == *remote);
        let there = found.map_or(0, |theirs| theirs.quantity.saturating_sub(theirs.dropped));
        let there = if theirs.cancelled { 0 } else { there };
        let wanted = line.quantity.saturating_sub(line.cancelled).saturating_sub(line.rejected);
        (there != wanted).then(|| json!({ "line": line.line, "quantity": there, "wanted": wanted }))
    })
}

/// A retailer's orders: each parcel that the shop was told of is there as it was told.
async fn orders(at: &At<'_>, mirrors: &[Stored<Mirror>]) -> Result<Vec<Beside>, Halt> {
    let there: Vec<Option<Read<RemoteOrder>>> = at.platform.orders(&remotes(mirrors)).await?;
    let mut seen = Vec::with_capacity(mirrors.len());
    for (mirror, theirs) in mirrors.iter().zip(there) {
        let ours = match mirror.record_of::<Order>() {
            Some(id) => at.ledger.get(at.scope, id).await?,
            None => None,
        };
        seen.push(match (ours, theirs) {
            (Some(ours), Some(Ok(theirs))) => match parcels_out::lost_there(&ours, mirror, &theirs) {
                None => Beside::Equal,
                Some(found) => Beside::Changed { found, is_repairable: true },
            },
            _ => Beside::Seen,
        });
    }
    Ok(seen)
}

fn remotes(mirrors: &[Stored<Mirror>]) -> Vec<RemoteId> {
    mirrors.iter().filter_map(|mirror| mirror.remote.clone()).collect()
}
