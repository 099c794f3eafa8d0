//! Stock that a shop is to show: what partners can still ship, less what is kept back.
//!
//! A shop that sells lowers its own stock with each order, before the order reaches us. So a count is written only over the
//! one that both sides agreed on; where the shop has another, its orders are read first and the count is worked out anew.

use super::at::{At, Halt, Kept, apart};
use super::compare::FOUND;
use super::news::{News, PartnerNews};
use super::ordered::Ordered;
use bonded_base::Moment;
use bonded_connect::connections::{Mode, Repair};
use bonded_connect::mirrors::{self, Agreed, Mirror, MirrorState};
use bonded_connect::platform::{Failure, LevelWrite, RemoteId};
use bonded_ledger::Stored;
use bonded_trade::catalog::{Product, Variant};
use bonded_trade::inventory;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Levels that one call writes.
const LEVELS_AT_ONCE: usize = 100;
/// Why a mirror waits over whose count the shop did not let us write.
const ANOTHER_COUNT: &str = "the shop has another count";
/// How often a count is made anew because orders arrived while it was made.
const COUNTS_MAX: u32 = 4;
/// How soon a count is looked at again that orders are on their way to change.
const MOVING_MS: i64 = 250;

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
    mirror: Stored<Mirror>,
    available: i64,
    /// When the supplier's count last changed.
    since: Option<Moment>,
    /// Whether orders are on their way to the supplier that its count does not know of: it is looked at again soon.
    is_moving: bool,
}

/// Where the shop's stock is written.
pub(super) async fn the_location(at: &At<'_>) -> Result<Option<RemoteId>, Halt> {
    if let Some(location) = &at.connection.location {
        return Ok(Some(location.clone()));
    }
    let all = at.platform.locations().await?;
    Ok(all.into_iter().find(|location| location.active).map(|location| location.id))
}

/// How many the shop is to show of what a partner's news are about.
async fn wanted(at: &At<'_>, news: &PartnerNews) -> Result<Vec<Wanted>, Halt> {
    let mut ordered = Ordered::not_arrived(at).await?;
    for _ in 0..COUNTS_MAX {
        let wanted = counted_with(at, news, &ordered).await?;
        // An order that arrived meanwhile is in both counts, one that was placed meanwhile in neither.
        let now = Ordered::not_arrived(at).await?;
        if now == ordered {
            return Ok(wanted);
        }
        ordered = now;
    }
    // So busy a shop is looked at again in a moment; until then it shows too few rather than too many.
    counted_with(at, news, &ordered).await
}

async fn counted_with(at: &At<'_>, news: &PartnerNews, ordered: &Ordered) -> Result<Vec<Wanted>, Halt> {
    let (ledger, scope) = (at.ledger, &news.partner.scope);
    let ids: Vec<_> = news.variants.iter().copied().collect();
    let mirrors = mirrors::of(ledger, at.scope, at.connection.id, &ids).await?;
    let mirrored: Vec<_> = ids.into_iter().zip(mirrors).filter_map(|(id, mirror)| Some((id, mirror?))).collect();
    if mirrored.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = mirrored.iter().map(|(id, _)| *id).collect();
    let variants = ledger.get_many::<Variant>(scope, &ids).await?;
    let offers = apart(inventory::on_offer(ledger, scope, &ids).await)?.unwrap_or_default();
    let mut products: Vec<_> = variants.iter().flatten().map(|variant| variant.product).collect();
    products.sort_unstable();
    products.dedup();
    let found = if products.is_empty() { Vec::new() } else { ledger.get_many::<Product>(scope, &products).await? };
    let offered: HashMap<_, _> =
        found.into_iter().flatten().map(|product| (product.id, product.is_offered())).collect();
    let mut all = Vec::with_capacity(mirrored.len());
    for (((id, mirror), variant), offer) in mirrored.into_iter().zip(variants).zip(offers) {
        let is_offered =
            variant.as_ref().is_some_and(|variant| offered.get(&variant.product).copied().unwrap_or(false));
        if variant.as_ref().is_some_and(|variant| is_offered && !variant.needs_stock()) {
            // It is sold whether it is there or not: the shop's own count is left alone.
            continue;
        }
        let kept_back = i64::from(at.connection.policy.buffer_of(id, news.partner.link));
        let ordered = ordered.pieces(id, variant.as_ref().and_then(|variant| variant.sku.as_deref()));
        let available = if is_offered { (offer.pieces - kept_back - ordered).max(0) } else { 0 };
        all.push(Wanted { mirror, available, since: offer.since, is_moving: ordered > 0 });
    }
    Ok(all)
}

/// What is to become of one count.
enum Step {
    /// There is nothing to write: its mirror becomes this.
    Keep(Box<Kept>),
    /// It is left alone until the shop's orders were read.
    Wait,
    Write(LevelWrite),
}

/// Writes what is not as it should be.
async fn write(at: &At<'_>, location: &RemoteId, wanted: &[Wanted]) -> Result<bool, Halt> {
    let there = recounts(at, location, wanted).await?;
    let (mut asked, mut writes, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for one in wanted {
        match one.step(at, location, &there) {
            Step::Keep(next) => kept.push(*next),
            Step::Wait => at.tally.open().is_read_next = true,
            Step::Write(write) => {
                writes.push(write);
                asked.push(one);
            }
        }
    }
    let outcomes = if writes.is_empty() { Vec::new() } else { at.platform.put_levels(&writes).await? };
    let mut disagree = false;
    for (one, outcome) in asked.into_iter().zip(outcomes) {
        let before = Kept::again(at, &one.mirror);
        match outcome {
            Ok(confirmed) => {
                one.count_repair(at);
                let counted = before.becomes(|mirror| counted(mirror, location, confirmed, one.since, at));
                kept.push(counted.becomes(|mirror| one.again(mirror, at)));
            }
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

/// What the shop has now of those counts that a check found to differ: a sale since then would differ too.
async fn recounts(at: &At<'_>, location: &RemoteId, wanted: &[Wanted]) -> Result<HashMap<RemoteId, i64>, Halt> {
    let found = wanted.iter().filter(|one| one.is_found());
    let remotes: Vec<_> = found.filter_map(|one| one.mirror.remote.clone()).collect();
    if remotes.is_empty() || !at.has_read {
        return Ok(HashMap::new());
    }
    let levels = at.platform.levels(&remotes).await?.into_iter();
    let here = levels.filter(|level| level.location == *location);
    Ok(here.map(|level| (level.variant, level.available)).collect())
}

impl Wanted {
    /// Whether a check has found that the shop differs, and it is not known why.
    fn is_found(&self) -> bool {
        self.mirror.why.as_deref() == Some(FOUND) && self.mirror.state == MirrorState::Waiting
    }

    fn step(&self, at: &At<'_>, location: &RemoteId, there: &HashMap<RemoteId, i64>) -> Step {
        let before = Kept::again(at, &self.mirror);
        let (Agreed::Variant { available, .. }, Some(remote)) = (&self.mirror.agreed, &self.mirror.remote) else {
            return Step::Keep(Box::new(before));
        };
        let was = available.get(location.as_str()).copied();
        if was == Some(self.available) {
            return Step::Keep(Box::new(before.becomes(settled).becomes(|mirror| self.again(mirror, at))));
        }
        let is_unsure = self.is_found() || self.mirror.why.as_deref() == Some(ANOTHER_COUNT);
        if is_unsure && (self.is_moving || !at.has_read) {
            // The difference may be a sale: it stays until the shop's orders were read and have arrived.
            return Step::Wait;
        }
        match there.get(remote) {
            Some(now) if self.is_found() && Some(*now) != was => {
                // It has moved again since: that is looked into first.
                at.tally.open().is_read_next = true;
                return Step::Keep(Box::new(before.becomes(|mirror| recounted(mirror, location, *now))));
            }
            _ => {}
        }
        let planned = json!({ "available": self.available, "was": was, "location": location });
        if at.connection.syncs.stock == Mode::Watch {
            return Step::Keep(Box::new(before.becomes(|mirror| mirror.plan(planned))));
        }
        if self.is_left_alone(at, &planned) {
            at.tally.open().figures.drifted += u64::from(self.is_found());
            let found = self.mirror.found.clone().unwrap_or_default();
            return Step::Keep(Box::new(before.becomes(|mirror| mirror.drift(found, Some(planned)))));
        }
        // The version makes the mark new for each new state, and the same for a call that is repeated.
        let mark = format!("{}-{}-{}", self.mirror.id, self.mirror.version, self.available);
        let (variant, location) = (remote.clone(), location.clone());
        Step::Write(LevelWrite { mark, variant, location, available: self.available, was })
    }

    /// Whether what the shop has by itself stays: where that is the policy, until somebody asks or it is to be another
    /// count anyway.
    fn is_left_alone(&self, at: &At<'_>, planned: &Value) -> bool {
        let is_known = self.mirror.state == MirrorState::Drifted && self.mirror.planned.as_ref() == Some(planned);
        at.connection.policy.repair == Repair::OnRequest && (self.is_found() || is_known)
    }
    /// Looked at again soon, where the supplier has not heard of all orders.
    fn again(&self, mirror: Mirror, at: &At<'_>) -> Mirror {
        if self.is_moving {
            mirror.wait_until(at.now().plus_millis(MOVING_MS), "orders are on their way to the supplier")
        } else {
            mirror
        }
    }

    /// Counts what is put right, and sees to it that what was written is read back.
    fn count_repair(&self, at: &At<'_>) {
        if let Some(remote) = &self.mirror.remote {
            at.tally.sent(|sent| &mut sent.variants, remote);
        }
        if self.mirror.found.is_some() {
            let figures = &mut at.tally.open().figures;
            figures.repaired += 1;
            // What stood as drifted was counted then.
            figures.drifted += u64::from(self.is_found());
        }
    }
}

/// It is as it should be: nothing to tell, unless something was planned or waited.
fn settled(mirror: Mirror) -> Mirror {
    let is_agreed = mirror.state == MirrorState::Agreed;
    match (is_agreed, mirror.agreed_at) {
        (false, Some(agreed_at)) => {
            let (agreed, delay_ms) = (mirror.agreed.clone(), mirror.delay_ms);
            Mirror { delay_ms, ..mirror.agree(agreed, agreed_at, None) }
        }
        _ => mirror,
    }
}

/// Both sides have agreed on so many pieces.
fn counted(mirror: Mirror, location: &RemoteId, pieces: i64, since: Option<Moment>, at: &At<'_>) -> Mirror {
    let mirror = recounted(mirror, location, pieces);
    let agreed = mirror.agreed.clone();
    mirror.agree(agreed, at.now(), since)
}

/// The shop has so many pieces now, by itself.
pub(super) fn recounted(mut mirror: Mirror, location: &RemoteId, pieces: i64) -> Mirror {
    if let Agreed::Variant { available, .. } = &mut mirror.agreed {
        available.insert(location.as_str().to_owned(), pieces);
    }
    mirror
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
            Some(pieces) => counted(mirror, location, pieces, None, at),
            None => mirror,
        };
        if found == Some(one.available) { mirror } else { mirror.wait_until(now, ANOTHER_COUNT) }
    }))
}
