//! Access reviews: every staff account is certified again and again, and what nobody certifies loses its roles (A6).
//!
//! ```text
//!                       ┌─▶ certified (the roles stay)
//! opened ──▶ each item ─┼─▶ revoked   (the roles go at once)      last item ──▶ closed: counted, digested, signed
//!                       └─▶ lapsed    (due, and nobody decided: the roles go)
//! ```
//! A review opens by itself, a period after the one before. It lists the accounts as they are then; who joins later is in
//! the next one. An item and the roles that it takes change in one commit, and with the last item the review closes, so
//! nothing is ever half decided.
//!
//! Architecture invariant: nobody decides about themselves; there is no way to decide an item but [`decide`] and time.

mod decide;
mod outcome;
mod record;

pub use decide::{NOTE_CHARS_MAX, Verdict, Word, decide};
pub use outcome::{ReviewOutcome, is_signed_by, verify_result};
pub use record::{Decision, Factors, GrantsUsed, ReviewItem, ReviewRecord, ReviewState, TrainingSeen};

use crate::books::books;
use crate::mail::{self, Cause, Matter};
use crate::reminders::send_once;
use crate::staff::{self, Acting, Power, StaffRecord};
use crate::training::{self, DAY_MS, Standing};
use crate::{PeopleError, grants};
use bonded_base::{Id, Kind, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, PLATFORM, Scope, Stored, System};

/// Days between the openings of two reviews, unless another number is given.
pub const PERIOD_DAYS: u16 = 90;
/// Days that may lie between the openings of two reviews: at least so many that the one before is over.
pub const PERIOD_DAYS_MIN: u16 = 15;
/// Days that may lie between the openings of two reviews at most.
pub const PERIOD_DAYS_MAX: u16 = 366;
/// Days that a review is open.
pub const OPEN_DAYS: u8 = 14;
/// How many days before a review is due those who decide are told again, if items are open.
pub const REMINDER_DAYS: [u8; 2] = [3, 1];
/// Grants of one person that are counted, newest first.
const GRANTS_COUNTED: u32 = bonded_ledger::PAGE_MAX;

/// The program itself, as the log names whoever opens reviews and lapses items.
fn calendar() -> Scope {
    Scope::system(PLATFORM, System::Calendar)
}

/// Opens a review by hand, unless one is open. `period_days` says when the next one opens by itself; without it, as
/// before.
pub async fn open(
    ledger: &Ledger,
    acting: &Acting<'_>,
    period_days: Option<u16>,
) -> Result<Stored<ReviewRecord>, PeopleError> {
    acting.demand(&[Power::DecideReviews])?;
    if period_days.is_some_and(|days| !(PERIOD_DAYS_MIN..=PERIOD_DAYS_MAX).contains(&days)) {
        return Err(Problem::invalid("/period_days", "15 to 366 days lie between two reviews").into());
    }
    begin(ledger, &acting.scope(), period_days).await
}

/// One review.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<ReviewRecord>) -> Result<Stored<ReviewRecord>, PeopleError> {
    ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::AccessReview))
}

/// A page of reviews by when they were opened.
pub async fn list(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<ReviewRecord>, PeopleError> {
    Ok(ledger.list(scope, &page).await?)
}

/// The review that is open, if one is.
pub async fn current(ledger: &Ledger) -> Result<Option<Stored<ReviewRecord>>, PeopleError> {
    let Some(id) = ledger.find::<ReviewRecord>(&books(), &record::the_open_one()).await? else { return Ok(None) };
    Ok(ledger.get(&books(), id).await?.filter(|review| review.state == ReviewState::Open))
}

/// Opens the review that is due to be opened, reminds of one that is open, lapses what nobody decided in time; says how
/// many of these it did.
///
/// To be called now and then by one node. Two that call it at once do nothing twice.
pub async fn keep(ledger: &Ledger) -> Result<usize, PeopleError> {
    let now = ledger.clock().now();
    let mut done = 0;
    if let Some(review) = current(ledger).await? {
        if now < review.due_at {
            return remind(ledger, &review, now).await;
        }
        for item in review.items.iter().filter(|item| item.is_open()) {
            done += usize::from(decide::lapse(ledger, &calendar(), review.id, item.staff).await?);
        }
    }
    if opens_at(ledger).await?.is_some_and(|at| at <= now) {
        match begin(ledger, &calendar(), None).await {
            Ok(_) => done += 1,
            // Another opened one at the same time, or the last account ended.
            Err(PeopleError::Problem(Problem { reason: Reason::State, .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// When the next review opens by itself; none while nobody is on the staff.
pub async fn opens_at(ledger: &Ledger) -> Result<Option<Moment>, PeopleError> {
    let everybody = staff::list(ledger, &books()).await?;
    if !everybody.iter().any(|person| person.is_active()) {
        return Ok(None);
    }
    let after = |at: Moment, days: u16| at.plus_millis(i64::from(days) * DAY_MS);
    if let Some(last) = last(ledger).await? {
        return Ok(Some(after(last.opened_at, last.period_days)));
    }
    Ok(everybody.iter().map(|person| person.joined_at).min().map(|first| after(first, PERIOD_DAYS)))
}

async fn last(ledger: &Ledger) -> Result<Option<Stored<ReviewRecord>>, PeopleError> {
    let newest = List { descending: true, ..List::first(1) };
    Ok(ledger.list(&books(), &newest).await?.records.pop())
}

async fn begin(ledger: &Ledger, scope: &Scope, period_days: Option<u16>) -> Result<Stored<ReviewRecord>, PeopleError> {
    let last = last(ledger).await?;
    let is_open = || PeopleError::state("a review is open: it must close before another opens");
    if last.as_ref().is_some_and(|last| last.state == ReviewState::Open) {
        return Err(is_open());
    }
    let now = ledger.clock().now();
    let since = last.as_ref().map(|last| last.opened_at);
    let everybody = staff::list(ledger, &books()).await?;
    let mut items = Vec::new();
    for person in everybody.iter().filter(|person| person.is_active()) {
        items.push(item(ledger, person, since, now).await?);
    }
    if items.is_empty() {
        return Err(PeopleError::state("there is nobody on the staff to review"));
    }
    let before = last.map(|last| last.period_days);
    let review = ReviewRecord {
        opened_at: now,
        due_at: now.plus_millis(i64::from(OPEN_DAYS) * DAY_MS),
        period_days: period_days.or(before).unwrap_or(PERIOD_DAYS),
        grants_since: since,
        items,
        state: ReviewState::Open,
        closed_at: None,
        outcome: None,
    };
    let id = ledger.new_id();
    let mut change = Change::new();
    change.create(id, &review, "opened");
    for person in who_decides(&everybody) {
        mail::queue(&mut change, ledger, scope, invitation(person, id, Cause::birth(id), review.due_at))?;
    }
    ledger.commit(scope, change).await.map_err(|error| match error {
        LedgerError::Taken { .. } => is_open(),
        error => error.into(),
    })?;
    get(ledger, scope, id).await
}

/// One account, as a reviewer wants to see it.
async fn item(
    ledger: &Ledger,
    person: &Stored<StaffRecord>,
    since: Option<Moment>,
    now: Moment,
) -> Result<ReviewItem, PeopleError> {
    let staff = Id::from_bytes(person.id.bytes());
    let mut asked = grants::asked_by(ledger, staff, GRANTS_COUNTED).await?;
    asked.retain(|grant| since.is_none_or(|since| grant.asked_at > since));
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let approved = asked.iter().filter(|grant| grant.approved_by.is_some()).count();
    let courses = training::standing(ledger, person, now).await?;
    let required = || courses.iter().filter(|course| course.is_required);
    let is_missing = |standing: Standing| !matches!(standing, Standing::Valid { .. });
    let missing = required().filter(|course| is_missing(course.standing)).map(|course| course.name.clone()).collect();
    let ends = required().filter(|course| !is_missing(course.standing)).filter_map(|course| course.standing.moment());
    Ok(ReviewItem {
        staff,
        name: person.name.clone(),
        roles: person.roles,
        last_sign_in_at: person.last_sign_in_at,
        factors: Factors::of(&person.credentials),
        grants: GrantsUsed { asked: count(asked.len()), approved: count(approved) },
        training: TrainingSeen {
            is_trained: training::is_trained(ledger, person, now).await?,
            missing,
            until: ends.min(),
        },
        decision: Decision::Open,
    })
}

/// Those who decide: the reviewers; and where one alone could not decide about themselves, the officers.
fn who_decides(everybody: &[Stored<StaffRecord>]) -> impl Iterator<Item = &Stored<StaffRecord>> {
    let has = |person: &Stored<StaffRecord>, power| person.is_active() && person.roles.have(power, true);
    let reviewers = everybody.iter().filter(|person| has(person, Power::DecideReviews)).count();
    everybody
        .iter()
        .filter(move |person| has(person, Power::DecideReviews) || (reviewers < 2 && has(person, Power::ManageStaff)))
}

fn invitation(person: &Stored<StaffRecord>, id: Id<ReviewRecord>, cause: Cause, due: Moment) -> mail::Draft {
    let review = Id::from_bytes(id.bytes());
    let matter = Matter::ReviewOpened { review, due };
    mail::Draft { cause, to: person.mail.clone(), name: person.name.clone(), matter }
}

/// Tells those who decide once more, shortly before a review is due.
async fn remind(ledger: &Ledger, review: &Stored<ReviewRecord>, now: Moment) -> Result<usize, PeopleError> {
    let is_near = |days: &u8| now >= review.due_at.plus_millis(-i64::from(*days) * DAY_MS);
    let Some(days) = REMINDER_DAYS.into_iter().filter(is_near).min() else { return Ok(0) };
    let everybody = staff::list(ledger, &books()).await?;
    // The opening's own mail has the birth for its cause, which is version 1.
    let cause = Cause::change(review.id, u64::from(days) << 8);
    let drafts = who_decides(&everybody).map(|person| invitation(person, review.id, cause, review.due_at));
    send_once(ledger, drafts.collect()).await
}
