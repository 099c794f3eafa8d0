//! Courses: what there is to learn, in which version, and which roles must have learnt it.

use super::DAY_MS;
use crate::PeopleError;
use crate::books::books;
use crate::staff::{Acting, Power, StaffRoles};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, List, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Courses at most, retired ones included.
pub const COURSES_MAX: u32 = 100;
/// Characters of a course's name at most.
pub const COURSE_NAME_CHARS_MAX: usize = 100;
/// Characters of what is said about a course at most.
pub const ABOUT_CHARS_MAX: usize = 500;
/// For how many days a completion may count at most: three years and a little.
pub const VALID_DAYS_MAX: u16 = 1_100;
/// How many days a completion of an older version goes on to count once there is a newer one.
pub const GRACE_DAYS: u16 = 30;
/// Versions of one course at most.
pub const VERSIONS_MAX: usize = 1_000;

/// Whether a course is still to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CourseState {
    /// It is.
    Offered,
    /// It is no longer, and nobody needs it.
    Retired,
}

/// What is known of a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseRecord {
    /// What it is called; no two on offer have the same name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// When each of its versions came, the first at its birth.
    pub versions: Vec<Moment>,
    /// The roles that must have completed it.
    pub required_for: StaffRoles,
    /// For how many days from its date on a completion counts.
    pub valid_days: u16,
    /// Whether it is still to be taken.
    pub state: CourseState,
}

impl Kinded for CourseRecord {
    const KIND: Kind = Kind::Course;
}

impl Record for CourseRecord {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        match self.state {
            CourseState::Offered => vec![by_name(&self.name)],
            CourseState::Retired => Vec::new(),
        }
    }
}

fn by_name(name: &str) -> Lookup<'static> {
    Lookup::new(LookupName::Course, name.to_lowercase().into_bytes())
}

impl CourseRecord {
    /// Its present version, counted from 1.
    pub fn version(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    /// Until when a completion of this version counts that would count until `valid_until` if no newer one had come.
    pub(super) fn counts(&self, version: u32, valid_until: Moment) -> Moment {
        // Versions count from 1, so the place of the next one is this one's number.
        let next = usize::try_from(version).ok().and_then(|place| self.versions.get(place));
        next.map_or(valid_until, |since| valid_until.min(since.plus_millis(i64::from(GRACE_DAYS) * DAY_MS)))
    }
}

/// A course, as an officer describes it.
#[derive(Clone, Debug)]
pub struct CourseDraft {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// The roles that must have completed it.
    pub required_for: StaffRoles,
    /// For how many days a completion counts.
    pub valid_days: u16,
}

/// What is to change about a course; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct CourseChange {
    /// What it is about.
    pub about: Option<String>,
    /// The roles that must have completed it; those that are new rest at once until it is completed.
    pub required_for: Option<StaffRoles>,
    /// For how many days a completion counts; those already recorded keep their end.
    pub valid_days: Option<u16>,
    /// Whether there is a new version, that must be completed within [`GRACE_DAYS`].
    pub new_version: bool,
}

fn check(course: &CourseRecord) -> Result<(), Problem> {
    let line = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
    if course.name.is_empty() || !line(&course.name, COURSE_NAME_CHARS_MAX) {
        return Err(Problem::invalid("/name", "a course is named in one line of at most 100 characters"));
    }
    if !line(&course.about, ABOUT_CHARS_MAX) {
        return Err(Problem::invalid("/about", "say in one line of at most 500 characters what it is about"));
    }
    if !(1..=VALID_DAYS_MAX).contains(&course.valid_days) {
        return Err(Problem::invalid("/valid_days", "a course counts for 1 to 1,100 days"));
    }
    if course.versions.len() > VERSIONS_MAX {
        return Err(Problem::new(Reason::TooMuch, "a course has at most 1,000 versions"));
    }
    Ok(())
}

/// Every course, oldest first, retired ones included.
pub async fn courses(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<CourseRecord>>, PeopleError> {
    // Twice as many as there may be: two that were added at once count as well.
    Ok(ledger.list(scope, &List::first(2 * COURSES_MAX)).await?.records)
}

/// The course on offer with this name, however it is written.
pub async fn find(ledger: &Ledger, name: &str) -> Result<Option<Stored<CourseRecord>>, PeopleError> {
    let Some(id) = ledger.find::<CourseRecord>(&books(), &by_name(name.trim())).await? else { return Ok(None) };
    Ok(ledger.get(&books(), id).await?)
}

/// Adds a course.
pub async fn add(
    ledger: &Ledger,
    acting: &Acting<'_>,
    draft: CourseDraft,
) -> Result<Stored<CourseRecord>, PeopleError> {
    acting.demand(&[Power::ManageTraining])?;
    let course = CourseRecord {
        name: draft.name.trim().to_owned(),
        about: draft.about.trim().to_owned(),
        versions: vec![ledger.clock().now()],
        required_for: draft.required_for,
        valid_days: draft.valid_days,
        state: CourseState::Offered,
    };
    check(&course)?;
    if courses(ledger, &books()).await?.len() >= COURSES_MAX as usize {
        return Err(Problem::new(Reason::TooMuch, "there are 100 courses already").into());
    }
    let id = ledger.new_id();
    let mut change = Change::new();
    change.create(id, &course, "added");
    ledger.commit(&acting.scope(), change).await.map_err(|error| match error {
        LedgerError::Taken { .. } => Problem::new(Reason::Duplicate, "a course of this name is on offer").into(),
        error => PeopleError::Ledger(error),
    })?;
    get(ledger, id).await
}

/// Changes a course, or gives it a new version.
pub async fn change(
    ledger: &Ledger,
    acting: &Acting<'_>,
    id: Id<CourseRecord>,
    wanted: CourseChange,
) -> Result<Stored<CourseRecord>, PeopleError> {
    acting.demand(&[Power::ManageTraining])?;
    let was = on_offer(ledger, id).await?;
    let mut becomes = (*was).clone();
    if let Some(about) = wanted.about {
        about.trim().clone_into(&mut becomes.about);
    }
    becomes.required_for = wanted.required_for.unwrap_or(becomes.required_for);
    becomes.valid_days = wanted.valid_days.unwrap_or(becomes.valid_days);
    if wanted.new_version {
        becomes.versions.push(ledger.clock().now());
    }
    check(&becomes)?;
    let action = if wanted.new_version { "new_version" } else { "changed" };
    settle(ledger, acting, &was, &becomes, action).await
}

/// Takes a course off the list: nobody needs it any more. A role that no other course is required for has no powers then.
pub async fn retire(
    ledger: &Ledger,
    acting: &Acting<'_>,
    id: Id<CourseRecord>,
) -> Result<Stored<CourseRecord>, PeopleError> {
    acting.demand(&[Power::ManageTraining])?;
    let was = on_offer(ledger, id).await?;
    let becomes = CourseRecord { state: CourseState::Retired, ..(*was).clone() };
    settle(ledger, acting, &was, &becomes, "retired").await
}

pub(super) async fn on_offer(ledger: &Ledger, id: Id<CourseRecord>) -> Result<Stored<CourseRecord>, PeopleError> {
    let course = get(ledger, id).await?;
    if course.state == CourseState::Retired {
        return Err(PeopleError::state("this course is no longer on offer"));
    }
    Ok(course)
}

async fn get(ledger: &Ledger, id: Id<CourseRecord>) -> Result<Stored<CourseRecord>, PeopleError> {
    ledger.get(&books(), id).await?.ok_or_else(|| PeopleError::missing(Kind::Course))
}

async fn settle(
    ledger: &Ledger,
    acting: &Acting<'_>,
    was: &Stored<CourseRecord>,
    becomes: &CourseRecord,
    action: &'static str,
) -> Result<Stored<CourseRecord>, PeopleError> {
    let mut change = Change::new();
    change.update(was, becomes, action);
    ledger.commit(&acting.scope(), change).await.map_err(|error| match error {
        LedgerError::Conflict { .. } => Problem::new(Reason::Changed, "the course has changed since").into(),
        error => PeopleError::Ledger(error),
    })?;
    get(ledger, was.id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_version_counts_thirty_days_into_the_next_and_never_comes_back() {
        let day = |days: i64| Moment::from_millis(days * DAY_MS);
        let mut course = CourseRecord {
            name: "Privacy".into(),
            about: String::new(),
            versions: vec![day(0)],
            required_for: StaffRoles::default(),
            valid_days: 365,
            state: CourseState::Offered,
        };
        assert_eq!(course.counts(1, day(365)), day(365));
        course.versions.push(day(100));
        assert_eq!((course.counts(1, day(365)), course.counts(1, day(110))), (day(130), day(110)));
        assert_eq!(course.counts(2, day(465)), day(465));
        course.versions.push(day(200));
        assert_eq!(course.counts(1, day(365)), day(130), "the third version does not revive the first");
        assert_eq!(course.counts(2, day(465)), day(230));
    }

    #[test]
    fn a_course_must_be_readable_and_end() {
        let course = |name: &str, about: &str, valid_days| CourseRecord {
            name: name.into(),
            about: about.into(),
            versions: vec![Moment::default()],
            required_for: StaffRoles::default(),
            valid_days,
            state: CourseState::Offered,
        };
        assert_eq!(check(&course("Privacy", "What we may see", 1_100)), Ok(()));
        for (name, about, days) in [("", "", 1), ("a\nb", "", 1), ("a", "\u{7}", 1), ("a", "", 0), ("a", "", 1_101)] {
            assert!(check(&course(name, about, days)).is_err(), "{name:?} {about:?} {days}");
        }
        assert!(check(&course(&"é".repeat(101), "", 1)).is_err() && check(&course("a", &"é".repeat(501), 1)).is_err());
    }
}
