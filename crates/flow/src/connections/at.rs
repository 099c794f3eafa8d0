//! Where a connection's work is done: its ledger, its shop, and the mirrors between the two.

use super::tally::Tally;
use bonded_base::{Id, Kinded, Moment, Problem};
use bonded_connect::connections::Connection;
use bonded_connect::mirrors::{Agreed, Mirror, MirrorState};
use bonded_connect::platform::{Failure, Platform, RemoteId};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};
use bonded_trade::TradeError;
use bonded_trade::holds::{self, HoldReason, HoldState};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes of one turn that may fail one after the other until the whole turn waits.
const AWAY_IN_A_ROW_MAX: u32 = 3;

/// Orders and parcels that one turn has under way at the same time.
pub(super) const AT_ONCE: usize = 8;

/// Where the work is done.
pub(super) struct At<'a> {
    pub ledger: &'a Ledger,
    pub scope: &'a Scope,
    pub connection: &'a Stored<Connection>,
    pub platform: &'a dyn Platform,
    /// How it went so far.
    pub luck: &'a Luck,
    /// What was read of the shop before, by the shop's own time.
    pub seen: &'a Seen,
    /// What is counted on the way.
    pub tally: &'a Arc<Tally>,
    /// Whether this turn has read the shop's orders to the end: only then is a count that differs known to be no sale.
    pub has_read: bool,
}

/// Things that are remembered as read, at most; then it is begun anew, which costs a call each.
const SEEN_MAX: usize = 20_000;

/// As of when things of the shop's were last read, by the shop's own clock: what it told before that is known. It is no
/// more than a saving, so a restart may forget it.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<RemoteId, Moment>>);

impl Seen {
    /// It was read as it was at this moment, or later.
    pub fn note(&self, id: &RemoteId, as_of: Moment) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN_MAX && !seen.contains_key(id) {
            seen.clear();
        }
        let known = seen.entry(id.clone()).or_insert(as_of);
        *known = as_of.max(*known);
    }

    /// Whether it was read after that. Of the same moment there may be more to know: shops count in seconds.
    pub fn is_newer(&self, id: &RemoteId, than: Option<Moment>) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        than.is_some_and(|than| seen.get(id).is_some_and(|as_of| *as_of > than))
    }
}

/// How the writes of a turn went so far: a shop that fails now and then is another matter than one that is away.
#[derive(Default)]
pub(super) struct Luck {
    achieved: AtomicU32,
    away_in_a_row: AtomicU32,
}

impl Luck {
    /// Whether anything at all was achieved.
    pub fn is_some(&self) -> bool {
        self.achieved.load(Ordering::Relaxed) > 0
    }

    /// Something arrived, on either side.
    pub fn good(&self) {
        self.achieved.fetch_add(1, Ordering::Relaxed);
        self.away_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Whether the shop has to be taken for away now.
    fn bad(&self) -> bool {
        self.away_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= AWAY_IN_A_ROW_MAX
    }
}

/// Why the whole turn has to stop here. What is left is done in the next one.
#[derive(Debug)]
pub(super) enum Halt {
    /// Our side.
    Ledger(LedgerError),
    /// Theirs.
    Shop(Failure),
}

impl Halt {
    /// Whether the shop did not answer one call, and may well answer the next.
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Shop(Failure::Away(_)))
    }
}

impl From<LedgerError> for Halt {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Shop(failure)
    }
}

/// A mirror that is to be kept: as it was, and as it is to be.
pub(super) struct Kept {
    pub id: Id<Mirror>,
    was: Option<Stored<Mirror>>,
    next: Mirror,
    tally: Arc<Tally>,
    /// How long the connection is there: what happened before it was is no news.
    alive_ms: u64,
}

impl Kept {
    /// The mirror of a record, as it was read or new.
    pub fn of<R: Kinded>(at: &At<'_>, record: Id<R>, was: Option<Stored<Mirror>>) -> Self {
        let id = was.as_ref().map_or_else(|| Mirror::id_of(at.connection.id, record), |was| was.id);
        let next = was.as_ref().map_or_else(|| Mirror::new(at.connection.id, record, None), |was| Mirror::clone(was));
        Self { id, was, next, tally: Arc::clone(at.tally), alive_ms: at.alive_ms() }
    }

    /// The mirror as it was read.
    pub fn again(at: &At<'_>, was: &Stored<Mirror>) -> Self {
        let (id, next, tally) = (was.id, Mirror::clone(was), Arc::clone(at.tally));
        Self { id, was: Some(was.clone()), next, tally, alive_ms: at.alive_ms() }
    }

    /// What it is to be.
    pub fn becomes(mut self, rule: impl FnOnce(Mirror) -> Mirror) -> Self {
        self.next = rule(self.next);
        self
    }

    /// Whether somebody had to look at it.
    pub fn was_held(&self) -> bool {
        self.was.as_ref().is_some_and(|was| was.state == MirrorState::Held)
    }

    /// Whether it is held as it was held before: for the same reason, with the same in the shop.
    fn is_held_again(&self) -> bool {
        self.next.refused.is_some() && self.was.as_ref().is_some_and(|was| **was == self.next)
    }

    /// As it is to be.
    pub const fn mirror(&self) -> &Mirror {
        &self.next
    }

    /// Writes it with other things that happen in the same commit.
    pub fn write(&self, change: &mut Change) {
        let action = match self.next.state {
            MirrorState::Agreed => "agreed",
            MirrorState::Waiting => "delayed",
            MirrorState::Held => "held",
            MirrorState::Planned => "planned",
            MirrorState::Drifted => "drifted",
        };
        match &self.was {
            Some(was) if **was == self.next => {}
            Some(was) => change.update(was, &self.next, action),
            None => change.create(self.id, &self.next, action),
        }
        self.count();
    }

    /// Counts what both sides agree on from now on.
    fn count(&self) {
        let agreed_before = self.was.as_ref().and_then(|was| was.agreed_at);
        let is_news = self.next.state == MirrorState::Agreed && self.next.agreed_at != agreed_before;
        if is_news && !matches!(self.next.agreed, Agreed::Location | Agreed::Read { .. } | Agreed::Nothing) {
            let figures = &mut self.tally.open().figures;
            figures.delivered += 1;
            if let Some(ms) = self.next.delay_ms.filter(|ms| *ms <= self.alive_ms) {
                figures.delays.note(ms);
            }
        }
    }
}

impl At<'_> {
    pub fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    fn alive_ms(&self) -> u64 {
        u64::try_from(self.now().millis() - self.connection.id.born_at().millis()).unwrap_or(0)
    }

    /// Keeps mirrors, all in one commit.
    pub async fn keep(&self, kept: &[Kept]) -> Result<(), Halt> {
        let mut change = Change::new();
        for kept in kept {
            kept.write(&mut change);
        }
        if !change.is_empty() {
            self.ledger.commit(self.scope, change).await?;
        }
        Ok(())
    }

    /// Keeps a mirror that somebody has to look at, and says why where they look. What was read again as it was, and nobody
    /// has asked for, is no other try.
    pub async fn hold(&self, kept: Kept, why: &str, payload: Option<Value>) -> Result<(), Halt> {
        let (id, kept) = (kept.id, kept.becomes(|mirror| mirror.hold(why)));
        let (ledger, account) = (self.ledger, self.scope.account());
        if kept.is_held_again() {
            let known = apart(holds::of(ledger, self.scope, id, HoldReason::Refused).await)?.ok().flatten();
            if known.is_some_and(|hold| hold.state == HoldState::Open && !hold.asked) {
                return Ok(());
            }
        }
        self.keep(&[kept]).await?;
        let raised = holds::raise_with(ledger, account, id, HoldReason::Refused, why, payload).await;
        apart(raised)?.ok();
        Ok(())
    }

    /// Keeps a mirror whose two sides agree; what was held because they did not is over.
    pub async fn settle(&self, kept: Kept) -> Result<(), Halt> {
        let (id, was_held) = (kept.id, kept.was_held());
        self.keep(&[kept]).await?;
        if was_held { self.release(id).await } else { Ok(()) }
    }

    /// What was held is well again.
    pub async fn release(&self, id: Id<Mirror>) -> Result<(), Halt> {
        apart(holds::resolve_all_of(self.ledger, self.scope.account(), id).await)?.ok();
        Ok(())
    }

    /// What the shop said of one thing: done, or what becomes of its mirror. Whatever is not about the one thing stops all.
    pub async fn outcome<T>(&self, outcome: Result<T, Failure>, kept: Kept) -> Result<Option<(T, Kept)>, Halt> {
        match outcome {
            Ok(done) => {
                self.luck.good();
                Ok(Some((done, kept)))
            }
            Err(Failure::Away(why)) if !self.luck.bad() => {
                let now = self.now();
                self.keep(&[kept.becomes(|mirror| mirror.wait_for_answer(now, &why))]).await?;
                Ok(None)
            }
            Err(Failure::Refused(why)) => {
                self.hold(kept, &why, None).await?;
                Ok(None)
            }
            Err(failure @ (Failure::Gone | Failure::Changed)) => {
                let now = self.now();
                self.keep(&[kept.becomes(|mirror| mirror.wait(now, &failure.to_string()))]).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Tells a mistake in one thing from what stops everything.
pub(super) fn apart<T>(outcome: Result<T, TradeError>) -> Result<Result<T, Problem>, Halt> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(TradeError::Problem(problem)) => Ok(Err(problem)),
        Err(TradeError::Ledger(error)) => Err(error.into()),
    }
}

/// What is wrong, in one sentence that names the field.
pub(super) fn sentence(problem: &Problem) -> String {
    problem.to_string()
}

/// Whether both sides have agreed on something.
pub(super) fn is_agreed(mirror: &Mirror) -> bool {
    !matches!(mirror.agreed, Agreed::Nothing)
}
