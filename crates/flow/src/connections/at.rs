//! Where a connection's work is done: its ledger, its shop, and the mirrors between the two.

use bonded_base::{Id, Kinded, Moment, Problem};
use bonded_connect::connections::Connection;
use bonded_connect::mirrors::{Agreed, Mirror, MirrorState};
use bonded_connect::platform::{Failure, Platform};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};
use bonded_trade::TradeError;
use bonded_trade::holds::{self, HoldReason};
use serde_json::Value;

/// Where the work is done.
pub(super) struct At<'a> {
    pub ledger: &'a Ledger,
    pub scope: &'a Scope,
    pub connection: &'a Stored<Connection>,
    pub platform: &'a dyn Platform,
}

/// Why the whole turn has to stop here. What is left is done in the next one.
#[derive(Debug)]
pub(super) enum Halt {
    /// Our side.
    Ledger(LedgerError),
    /// Theirs.
    Shop(Failure),
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
}

impl Kept {
    /// The mirror of a record, as it was read or new.
    pub fn of<R: Kinded>(at: &At<'_>, record: Id<R>, was: Option<Stored<Mirror>>) -> Self {
        let id = was.as_ref().map_or_else(|| Mirror::id_of(at.connection.id, record), |was| was.id);
        let next = was.as_ref().map_or_else(|| Mirror::new(at.connection.id, record, None), |was| Mirror::clone(was));
        Self { id, was, next }
    }

    /// What it is to be.
    pub fn becomes(mut self, rule: impl FnOnce(Mirror) -> Mirror) -> Self {
        self.next = rule(self.next);
        self
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
        };
        match &self.was {
            Some(was) if **was == self.next => {}
            Some(was) => change.update(was, &self.next, action),
            None => change.create(self.id, &self.next, action),
        }
    }
}

impl At<'_> {
    pub fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    /// Tells a mistake in one thing from what stops everything.
    pub fn problem<T>(&self, outcome: Result<T, TradeError>) -> Result<Result<T, Problem>, Halt> {
        match outcome {
            Ok(done) => Ok(Ok(done)),
            Err(TradeError::Problem(problem)) => Ok(Err(problem)),
            Err(TradeError::Ledger(error)) => Err(error.into()),
        }
    }

    /// Keeps mirrors, all in one commit.
    pub async fn keep(&self, kept: &[Kept]) -> Result<(), Halt> {
        let mut change = Change::new();
        kept.iter().for_each(|kept| kept.write(&mut change));
        if !change.is_empty() {
            self.ledger.commit(self.scope, change).await?;
        }
        Ok(())
    }

    /// Keeps a mirror that somebody has to look at, and says why where they look.
    pub async fn hold(&self, kept: Kept, why: &str, payload: Option<Value>) -> Result<(), Halt> {
        let (id, kept) = (kept.id, kept.becomes(|mirror| mirror.hold(why)));
        self.keep(&[kept]).await?;
        let (ledger, account) = (self.ledger, self.scope.account());
        let raised = holds::raise_with(ledger, account, id, HoldReason::Refused, why, payload).await;
        self.problem(raised)?.ok();
        Ok(())
    }

    /// What was held is well again.
    pub async fn release(&self, id: Id<Mirror>) -> Result<(), Halt> {
        self.problem(holds::resolve_all_of(self.ledger, self.scope.account(), id).await)?.ok();
        Ok(())
    }

    /// What the shop said of one thing: done, or what becomes of its mirror. Whatever is not about the one thing stops all.
    pub async fn outcome<T>(&self, outcome: Result<T, Failure>, kept: Kept) -> Result<Option<(T, Kept)>, Halt> {
        match outcome {
            Ok(done) => Ok(Some((done, kept))),
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

/// What is wrong, in one sentence that names the field.
pub(super) fn sentence(problem: &Problem) -> String {
    problem.to_string()
}

/// Whether both sides have agreed on something.
pub(super) fn is_agreed(mirror: &Mirror) -> bool {
    !matches!(mirror.agreed, Agreed::Nothing)
}
