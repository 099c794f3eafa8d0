//! Whether the shop has what was brought to it: read back after each delivery, by samples, and by a sweep over everything.
//!
//! Only records on which both sides have agreed are compared: the others say themselves why they are not the same. A count
//! that differs may be a sale of which we have not heard yet; so it is agreed on as it is, the shop's orders are read, and
//! what is still to be written then has drifted.

use super::at::{At, Halt, apart};
use super::tally::Sent;
use super::{compare, levels_in};
use bonded_base::{Kind, Moment};
use bonded_connect::conformity::{self, Sweep};
use bonded_connect::mirrors::{self, Mirror};
use bonded_connect::platform::{NAMED_MAX, RemoteId};
use bonded_ledger::{List, Stored};
use bonded_trade::purchase_orders::PoState;
use std::collections::BTreeSet;

/// How often a few records are compared, and how many.
const SAMPLE_MS: i64 = 60_000;
const SAMPLE: u32 = 20;
/// How often all records are compared; the first time soon after a worker has begun.
const SWEEP_MS: i64 = 24 * 60 * 60_000;
const FIRST_SWEEP_MS: i64 = 60 * 60_000;
/// Pages of a sweep that one turn reads, so that news never wait for it long.
const SWEEP_PAGES: u32 = 4;
/// How often what was counted is written down.
const WRITE_MS: i64 = 60_000;

/// When what is compared next.
pub(super) struct Checks {
    sample_at: Moment,
    sweep_at: Moment,
    write_at: Moment,
    sweep: Option<Going>,
    /// When the newest sweep that we know of began.
    begun_at: Option<Moment>,
    /// The newest sweep that ended, until it is written down.
    ended: Option<Sweep>,
    /// Whether nothing was compared yet.
    is_new: bool,
}

/// A sweep under way. A restart begins it anew.
struct Going {
    sweep: Sweep,
    list: List,
}

impl Checks {
    pub const fn new(now: Moment) -> Self {
        let (sample_at, sweep_at) = (now.plus_millis(SAMPLE_MS), now.plus_millis(FIRST_SWEEP_MS));
        let write_at = now.plus_millis(WRITE_MS);
        Self { sample_at, sweep_at, write_at, sweep: None, begun_at: None, ended: None, is_new: true }
    }

    /// Compares what is due; says when something is due again.
    pub async fn turn(&mut self, at: &At<'_>) -> Result<Moment, Halt> {
        match self.compare(at).await {
            // What could not be read now is compared another time.
            Err(halt) if halt.is_away() => {}
            other => other?,
        }
        let now = at.now();
        if self.write_at <= now || self.ended.is_some() {
            let figures = std::mem::take(&mut at.tally.open().figures);
            if figures != conformity::Figures::default() || self.ended.is_some() {
                let ended = self.ended.take();
                apart(conformity::measure(at.ledger, at.scope, at.connection.id, &figures, ended).await)?.ok();
            }
            self.write_at = now.plus_millis(WRITE_MS);
        }
        let next = if self.sweep.is_some() { now } else { self.sample_at.min(self.sweep_at) };
        Ok(next.min(self.write_at))
    }

    async fn compare(&mut self, at: &At<'_>) -> Result<(), Halt> {
        if std::mem::take(&mut self.is_new) {
            ask_recounts(at).await?;
        }
        read_back(at).await?;
        let now = at.now();
        if self.sample_at <= now {
            self.sample_at = now.plus_millis(SAMPLE_MS);
            compare::all(at, sample(at).await?).await?;
        }
        if self.sweep_at <= now || self.is_asked(at).await? {
            self.begun_at = Some(now);
            self.sweep_at = now.plus_millis(SWEEP_MS);
            let list = List { parent: Some(at.connection.id.bytes()), ..List::first(page()) };
            self.sweep = Some(Going { sweep: Sweep { begun_at: now, ended_at: now, records: 0, equal: 0 }, list });
        }
        for _ in 0..SWEEP_PAGES {
            let Some(going) = &mut self.sweep else { break };
            let page = at.ledger.list::<Mirror>(at.scope, &going.list).await?;
            let compared = compare::all(at, page.records).await?;
            going.sweep.records += compared.records;
            going.sweep.equal += compared.equal;
            going.list.after = page.next;
            if page.next.is_none() {
                self.ended = Some(Sweep { ended_at: at.now(), ..going.sweep });
                self.sweep = None;
            }
        }
        Ok(())
    }

    /// Whether somebody has asked for a sweep since the last one began.
    async fn is_asked(&mut self, at: &At<'_>) -> Result<bool, Halt> {
        let Some(asked) = at.connection.check_asked_at else { return Ok(false) };
        if self.begun_at.is_none() {
            let days = conformity::days(at.ledger, at.scope, at.connection.id).await?;
            let newest = days.iter().rev().find_map(|day| day.sweep);
            self.begun_at = Some(newest.map_or(Moment::from_millis(0), |sweep| sweep.begun_at));
        }
        Ok(self.begun_at.is_some_and(|begun| asked > begun))
    }
}

/// Has everything counted again that is promised to purchase orders which the shop has: a worker before this one may have
/// ended when it had placed one and had not yet done so.
async fn ask_recounts(at: &At<'_>) -> Result<(), Halt> {
    if !at.connection.direction.supplies() {
        return Ok(());
    }
    let placed = levels_in::in_state(at, PoState::Acknowledged).await?;
    let variants: BTreeSet<_> = placed.iter().flat_map(|placed| &placed.lines).map(|line| line.variant).collect();
    let variants: Vec<_> = variants.into_iter().collect();
    for some in variants.chunks(NAMED_MAX) {
        let known = mirrors::of(at.ledger, at.scope, at.connection.id, some).await?;
        for remote in known.iter().flatten().filter_map(|mirror| mirror.remote.as_ref()) {
            at.tally.sent(|sent| &mut sent.recounts, remote);
        }
    }
    Ok(())
}

fn page() -> u32 {
    u32::try_from(NAMED_MAX).unwrap_or(u32::MAX)
}

/// Reads back what was brought to the shop since this was last done.
async fn read_back(at: &At<'_>) -> Result<(), Halt> {
    let sent = std::mem::take(&mut at.tally.open().sent);
    if let Err(halt) = read_back_all(at, &sent).await {
        let mut counted = at.tally.open();
        counted.sent.variants.extend(sent.variants);
        counted.sent.products.extend(sent.products);
        counted.sent.purchase_orders.extend(sent.purchase_orders);
        counted.sent.orders.extend(sent.orders);
        counted.sent.recounts.extend(sent.recounts);
        return Err(halt);
    }
    Ok(())
}

async fn read_back_all(at: &At<'_>, sent: &Sent) -> Result<(), Halt> {
    let sorts: [(Kind, &BTreeSet<RemoteId>); 4] = [
        (Kind::Variant, &sent.variants),
        (Kind::Product, &sent.products),
        (Kind::PurchaseOrder, &sent.purchase_orders),
        (Kind::Order, &sent.orders),
    ];
    for (kind, remotes) in sorts {
        let remotes: Vec<_> = remotes.iter().cloned().collect();
        for some in remotes.chunks(NAMED_MAX) {
            let known = mirrors::of_remotes(at.ledger, at.scope, at.connection.id, kind, some).await?;
            let compared = compare::all(at, known.into_iter().flatten().collect()).await?;
            at.tally.open().figures.confirmed += compared.equal;
        }
    }
    let recounts: Vec<_> = sent.recounts.iter().cloned().collect();
    for some in recounts.chunks(NAMED_MAX) {
        levels_in::take(at, at.platform.levels(some).await?).await?;
    }
    Ok(())
}

/// A few mirrors that lie together at a random place among the connection's.
async fn sample(at: &At<'_>) -> Result<Vec<Stored<Mirror>>, Halt> {
    let list = List { parent: Some(at.connection.id.bytes()), ..List::first(1) };
    let Some(oldest) = at.ledger.list::<Mirror>(at.scope, &list).await?.records.pop() else { return Ok(Vec::new()) };
    let mut place = [0; 16];
    at.ledger.chance().fill(&mut place);
    let from = oldest.id.born_at();
    let span = u64::try_from(at.now().millis() - from.millis()).unwrap_or(0);
    // Ids begin with the time: a moment between the oldest and now, in steps of a 2^32nd part.
    let random = u32::from_le_bytes([place[6], place[7], place[8], place[9]]);
    let beyond = (u128::from(span) * u128::from(random)) >> 32;
    let moment = from.plus_millis(i64::try_from(beyond).unwrap_or(0)).millis();
    place[..6].copy_from_slice(&moment.to_be_bytes()[2..]);
    let list = List { after: Some((Moment::from_millis(0), place)), limit: SAMPLE, ..list };
    Ok(at.ledger.list::<Mirror>(at.scope, &list).await?.records)
}
