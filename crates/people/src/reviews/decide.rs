//! Deciding about one account of a review: by whoever may, or by time.

use super::outcome;
use super::record::{Decision, ReviewItem, ReviewRecord, ReviewState};
use crate::PeopleError;
use crate::books::books;
use crate::session::{self, Person};
use crate::staff::{self, Power, StaffRecord, StaffRoles, StaffVisitor};
use bonded_base::{Id, Kind, Moment, Problem, Reason, Staff};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};

/// Characters of a note at most.
pub const NOTE_CHARS_MAX: usize = 500;
/// How often a decision is tried again when the review or the account has changed meanwhile.
const TRIES_MAX: u32 = 8;

/// What is decided about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The roles are right, and stay.
    Certify,
    /// The roles go.
    Revoke,
}

/// A decision, as a reviewer makes it.
#[derive(Clone, Debug)]
pub struct Word {
    /// What.
    pub verdict: Verdict,
    /// Why, in one line. Never empty.
    pub note: String,
    /// The roles that the reviewer was shown: a decision about others is refused. None where nothing was shown.
    pub roles_seen: Option<StaffRoles>,
}

/// Decides about one account of an open review. Revoking takes its roles and ends its sessions at once.
///
/// For this a reviewer's power is needed; about the only reviewer there is, a security officer decides.
pub async fn decide(
    ledger: &Ledger,
    visitor: &StaffVisitor,
    review: Id<ReviewRecord>,
    about: Id<Staff>,
    word: Word,
) -> Result<Stored<ReviewRecord>, PeopleError> {
    let note = word.note.trim().to_owned();
    if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX || note.chars().any(char::is_control) {
        return Err(Problem::invalid("/note", "say why, in one line of at most 500 characters").into());
    }
    let scope = visitor.scope();
    for _ in 0..TRIES_MAX {
        let case = Case::read(ledger, &scope, review, about).await?;
        case.check(visitor)?;
        let (by, at, note, roles) = (visitor.id(), case.now, note.clone(), case.person.roles);
        if word.roles_seen.is_some_and(|seen| seen != roles) {
            return Err(Problem::new(Reason::Changed, "the roles are others now: look again before you decide").into());
        }
        let decision = match word.verdict {
            Verdict::Certify if !case.person.is_active() => {
                return Err(PeopleError::state("this person has left the staff: there is nothing to certify"));
            }
            Verdict::Certify => Decision::Certified { by, at, note, roles },
            Verdict::Revoke => Decision::Revoked { by, at, note, roles },
        };
        if case.settle(ledger, &scope, decision).await? {
            return super::get(ledger, &scope, review).await;
        }
    }
    Err(Problem::new(Reason::Changed, "the review is being changed by others: try again").into())
}

/// Takes the roles of an account that nobody decided about in time; `false` when it was decided meanwhile.
pub(super) async fn lapse(
    ledger: &Ledger,
    scope: &Scope,
    review: Id<ReviewRecord>,
    about: Id<Staff>,
) -> Result<bool, PeopleError> {
    for _ in 0..TRIES_MAX {
        let case = Case::read(ledger, scope, review, about).await?;
        if !case.item().is_some_and(ReviewItem::is_open) {
            return Ok(false);
        }
        let decision = Decision::Lapsed { at: case.now, roles: case.person.roles };
        if case.settle(ledger, scope, decision).await? {
            return Ok(true);
        }
    }
    // Somebody is busy with it; the next look ends it.
    Ok(false)
}

/// One account of a review, as everything is at this moment.
struct Case {
    review: Stored<ReviewRecord>,
    person: Stored<StaffRecord>,
    everybody: Vec<Stored<StaffRecord>>,
    now: Moment,
}

impl Case {
    async fn read(
        ledger: &Ledger,
        scope: &Scope,
        review: Id<ReviewRecord>,
        about: Id<Staff>,
    ) -> Result<Self, PeopleError> {
        let review = super::get(ledger, scope, review).await?;
        let everybody = staff::list(ledger, &books()).await?;
        let person = everybody.iter().find(|person| person.id == staff::record_id(about)).cloned();
        let person = person.ok_or_else(|| PeopleError::missing(Kind::Staff))?;
        Ok(Self { review, person, everybody, now: ledger.clock().now() })
    }

    fn item(&self) -> Option<&ReviewItem> {
        self.review.items.iter().find(|item| staff::record_id(item.staff) == self.person.id)
    }

    /// Refuses who may not decide, and what can no longer be decided.
    fn check(&self, visitor: &StaffVisitor) -> Result<(), PeopleError> {
        if !visitor.is_let_in() {
            return Err(PeopleError::SecondFactor);
        }
        // The roles as they are now: they may have been taken since the visitor was let in.
        let record = self.everybody.iter().find(|person| person.id == visitor.record.id).cloned();
        let visitor = StaffVisitor { record: record.ok_or(PeopleError::SignedOut)?, ..visitor.clone() };
        if !visitor.record.is_active() {
            return Err(PeopleError::SignedOut);
        }
        let may = visitor.may(Power::DecideReviews) || (self.is_only_reviewer() && visitor.may(Power::ManageStaff));
        if !may {
            return Err(PeopleError::forbidden("a reviewer decides; about the only reviewer, a security officer"));
        }
        if visitor.record.id == self.person.id {
            return Err(PeopleError::forbidden("nobody decides about their own account"));
        }
        let item = self.item().ok_or_else(|| PeopleError::missing(Kind::Staff))?;
        if self.review.state == ReviewState::Closed || self.now >= self.review.due_at {
            return Err(PeopleError::state("the review is over"));
        }
        if !item.is_open() {
            return Err(PeopleError::state("this account is decided"));
        }
        Ok(())
    }

    /// Whether the person it is about decides about all others, and nobody else does.
    fn is_only_reviewer(&self) -> bool {
        let reviews =
            |person: &&Stored<StaffRecord>| person.is_active() && person.roles.have(Power::DecideReviews, true);
        self.everybody.iter().filter(reviews).map(|person| person.id).eq([self.person.id])
    }

    /// Writes a decision down with what follows from it; `false` when something has changed since it was read.
    async fn settle(self, ledger: &Ledger, scope: &Scope, decision: Decision) -> Result<bool, PeopleError> {
        let (takes, action) = (decision.takes_roles(), decision.name());
        let mut becomes = (*self.review).clone();
        for item in becomes.items.iter_mut().filter(|item| staff::record_id(item.staff) == self.person.id) {
            item.decision = decision.clone();
        }
        let mut change = Change::new();
        if becomes.open_items() == 0 {
            becomes.outcome = Some(outcome::signed(ledger, scope, self.review.id, &becomes, self.now)?);
            becomes.closed_at = Some(self.now);
            becomes.state = ReviewState::Closed;
        }
        change.update(&self.review, &becomes, if becomes.state == ReviewState::Closed { "closed" } else { action });
        if takes && !self.person.roles.is_empty() {
            staff::take_roles(&mut change, ledger, scope, &self.person, action)?;
        } else {
            // The roles are those that were decided about, or nothing happens.
            change.update(&self.person, &*self.person, action);
        }
        match ledger.commit(scope, change).await {
            Ok(_) => {}
            Err(LedgerError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if takes {
            session::end_all(ledger, Person::Staff(Id::from_bytes(self.person.id.bytes())), None).await?;
        }
        Ok(true)
    }
}
