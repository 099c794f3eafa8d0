//! Conformity: whether shops have what was brought to them, and how long news took to reach the other side.
//!
//! One record a day for each connection, made by the worker that speaks to the shop, kept for [`DAYS_KEPT`] days. What a
//! check found in a single record is in that record's mirror.

use crate::connections::Connection;
use crate::mirrors::{Mirror, MirrorState, derived};
use bonded_base::{Id, Kind, Kinded, Moment};
use bonded_ledger::{Change, Ledger, LedgerError, List, PAGE_MAX, Record, Scope, Stored};
use bonded_trade::{Races, TradeError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days of which the figures are kept.
pub const DAYS_KEPT: u32 = 90;
/// Records that one request puts right; the next request goes on.
pub const REPAIRS_MAX: u32 = 10_000;

const DAY_MS: i64 = 24 * 60 * 60_000;
/// Buckets that a delay's doubling is divided into: each is 9 % wide.
const BUCKETS_A_DOUBLING: f64 = 8.0;

/// What happened with one connection on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conformity {
    /// Of which connection.
    pub connection: Id<Connection>,
    /// When the day began, in UTC.
    pub day: Moment,
    /// What happened.
    pub figures: Figures,
    /// The newest sweep that ended on this day.
    pub sweep: Option<Sweep>,
}

/// Counts of one day, or of a minute of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Records that were made the same on both sides.
    pub delivered: u64,
    /// Those brought to the shop that were then read back there.
    pub confirmed: u64,
    /// Records that were compared with the shop's, for whatever reason.
    pub checked: u64,
    /// Those among them that were as both sides had agreed.
    pub equal: u64,
    /// Those that the shop had changed.
    pub drifted: u64,
    /// Those that were put right.
    pub repaired: u64,
    /// From the change on one side until the other side had it.
    pub delays: Delays,
}

/// A comparison of all records that a shop has of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// When it began.
    pub begun_at: Moment,
    /// When it ended.
    pub ended_at: Moment,
    /// Records that were compared.
    pub records: u64,
    /// Those among them that were equal.
    pub equal: u64,
}

/// How often which delay was seen, to 9 %: counts by the eighth part of its doubling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delays(BTreeMap<u16, u64>);

impl Kinded for Conformity {
    const KIND: Kind = Kind::Conformity;
}

impl Record for Conformity {
    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.connection.bytes())
    }
}

impl Conformity {
    /// The id of a day's record: worked out, and in the order of the days.
    fn id_of(connection: Id<Connection>, day: Moment) -> Id<Self> {
        let mut near = connection.bytes();
        near[..6].copy_from_slice(&day.millis().to_be_bytes()[2..]);
        derived(near, &[&connection.bytes(), b"conformity"])
    }
}

impl Figures {
    /// Adds what happened later.
    pub fn add(&mut self, later: &Self) {
        self.delivered += later.delivered;
        self.confirmed += later.confirmed;
        self.checked += later.checked;
        self.equal += later.equal;
        self.drifted += later.drifted;
        self.repaired += later.repaired;
        self.delays.add(&later.delays);
    }
}

impl Delays {
    /// Notes one of so many milliseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a logarithm of 64 bits: 0 to 512")]
    #[expect(clippy::cast_precision_loss, reason = "buckets are 9 % wide")]
    pub fn note(&mut self, ms: u64) {
        let bucket = ((ms as f64 + 1.0).log2() * BUCKETS_A_DOUBLING) as u16;
        *self.0.entry(bucket).or_default() += 1;
    }

    /// The delay in milliseconds that this share of all did not exceed: 0.5 for the median. `None` where none was seen.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a delay fits 64 bits")]
    #[expect(clippy::cast_precision_loss, reason = "buckets are 9 % wide")]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (all as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let mut reached = self.0.iter().filter(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        let (bucket, _) = reached.next()?;
        Some((((f64::from(*bucket) + 0.5) / BUCKETS_A_DOUBLING).exp2() - 1.0).round() as u64)
    }

    fn add(&mut self, later: &Self) {
        for (bucket, count) in &later.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }
}

/// Adds to the figures of today, and forgets those of days long past.
pub async fn measure(
    ledger: &Ledger,
    scope: &Scope,
    connection: Id<Connection>,
    figures: &Figures,
    sweep: Option<Sweep>,
) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let now = ledger.clock().now().millis();
        let day = Moment::from_millis(now - now.rem_euclid(DAY_MS));
        let id = Conformity::id_of(connection, day);
        let mut change = Change::new();
        if let Some(was) = ledger.get(scope, id).await? {
            let mut next = Conformity::clone(&was);
            next.figures.add(figures);
            next.sweep = sweep.or(next.sweep);
            change.update(&was, &next, "measured");
        } else {
            change.create(id, &Conformity { connection, day, figures: figures.clone(), sweep }, "measured");
            let oldest = day.plus_millis(-i64::from(DAYS_KEPT - 1) * DAY_MS);
            let all = days(ledger, scope, connection).await?;
            for past in all.iter().filter(|known| known.day < oldest) {
                change.remove(past, "lapsed");
            }
        }
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// The figures of a connection's days, oldest first: at most [`DAYS_KEPT`], and only of days on which something happened.
pub async fn days(
    ledger: &Ledger,
    scope: &Scope,
    connection: Id<Connection>,
) -> Result<Vec<Stored<Conformity>>, LedgerError> {
    let list = List { parent: Some(connection.bytes()), ..List::first(PAGE_MAX) };
    Ok(ledger.list(scope, &list).await?.records)
}

/// Asks that what the shop has changed be put right, up to [`REPAIRS_MAX`] records; says how many.
pub async fn repair(ledger: &Ledger, scope: &Scope, connection: Id<Connection>) -> Result<u32, TradeError> {
    let mut list = List { state: Some(MirrorState::Drifted.number()), ..List::first(PAGE_MAX) };
    let mut asked = 0;
    while asked < REPAIRS_MAX {
        let page = ledger.list::<Mirror>(scope, &list).await?;
        let now = ledger.clock().now();
        let mut change = Change::new();
        for was in page.records.iter().filter(|mirror| mirror.connection == connection) {
            change.update(was, &Mirror::clone(was).wait_until(now, "it is put right"), "retried");
            asked += 1;
        }
        if !change.is_empty() {
            match ledger.commit(scope, change).await {
                Ok(_) => {}
                // Somebody else has changed one of them: what is still drifted is found again by the next request.
                Err(LedgerError::Conflict { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        match page.next {
            Some(next) => list.after = Some(next),
            None => break,
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_known_to_nine_per_cent() {
        let mut delays = Delays::default();
        assert_eq!(delays.quantile(0.5), None);
        for ms in 1..=1_000 {
            delays.note(ms);
        }
        for (share, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0), (0.001, 1.0)] {
            #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
            let found = delays.quantile(share).unwrap() as f64;
            assert!((found / exact - 1.0).abs() < 0.1, "{share}: {found} for {exact}");
        }
        let mut both = Delays::default();
        both.note(0);
        assert_eq!(both.quantile(0.99), Some(0));
        both.note(u64::MAX);
        both.add(&delays);
        assert_eq!(both.quantile(0.5), delays.quantile(0.5));
    }

    #[test]
    fn days_lie_in_their_order_and_apart_from_other_connections() {
        let (us, them) = (Id::from_bytes([0x71; 16]), Id::from_bytes([0x72; 16]));
        let day = |number: i64| Moment::from_millis(number * DAY_MS);
        assert!(Conformity::id_of(us, day(20_000)) < Conformity::id_of(us, day(20_001)));
        assert_ne!(Conformity::id_of(us, day(20_000)), Conformity::id_of(them, day(20_000)));
    }
}
