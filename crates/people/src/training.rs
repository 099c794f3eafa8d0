//! Training: without a valid course, the roles that demand one have no powers (S3).
//!
//! ```text
//! course, version 1 ──▶ version 2 ──▶ retired        what there is to learn, and which roles must have learnt it
//!       │                   │
//!  completion          completion                    somebody passed it: until when that counts
//!       └─ counts until its own end, or 30 days into version 2, whichever comes first
//! ```
//! A role that needs training and that no course is required for counts as untrained: a deployment without courses has
//! staff without powers. The first course is kept, and the first completion recorded, with
//! [`Power::ManageTraining`](crate::staff::Power), which is left to officers without one, or by the operator.

mod completion;
mod course;

pub use completion::{
    CERTIFICATE_BYTES_MAX, Certificate, CertificateFile, Completion, FILE_NAME_CHARS_MAX, MediaType, TrainingRecord,
    certificate, completions, record,
};
pub use course::{
    ABOUT_CHARS_MAX, COURSE_NAME_CHARS_MAX, COURSES_MAX, CourseChange, CourseDraft, CourseRecord, CourseState,
    GRACE_DAYS, VALID_DAYS_MAX, VERSIONS_MAX, add, change, courses, find, retire,
};

use crate::PeopleError;
use crate::books::books;
use crate::mail::{self, Cause, Matter};
use crate::reminders::send_once;
use crate::staff::{self, StaffRecord, StaffRole, StaffRoles};
use bonded_base::{Id, Moment};
use bonded_ledger::{Ledger, Stored};

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How many days before a course no longer counts its holder is told, each once.
pub const WARNING_DAYS: [u8; 3] = [30, 7, 1];

/// Whether the courses that the person's roles demand are valid. Two reads.
pub async fn is_trained(ledger: &Ledger, staff: &Stored<StaffRecord>, now: Moment) -> Result<bool, PeopleError> {
    let demanding = demanding(staff.roles);
    if demanding.is_empty() {
        return Ok(true);
    }
    let courses = offered(ledger).await?;
    if demanding.iter().any(|role| !courses.iter().any(|course| course.required_for.contains(role))) {
        return Ok(false);
    }
    let done = completions(ledger, &books(), staff.id).await?;
    Ok(demanded(&courses, demanding).all(|course| counts_until(course, &done).is_some_and(|until| now < until)))
}

/// How somebody stands with one course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Valid {
        /// Until then.
        until: Moment,
    },
    /// It counts no longer.
    Expired {
        /// Since then.
        at: Moment,
    },
    /// It was never completed.
    Never,
}

impl Standing {
    /// As it is written: `valid until …`, `expired`, `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Expired { .. } => "expired",
            Self::Never => "never",
        }
    }

    /// The moment that goes with it.
    pub const fn moment(self) -> Option<Moment> {
        match self {
            Self::Valid { until } => Some(until),
            Self::Expired { at } => Some(at),
            Self::Never => None,
        }
    }
}

/// One course, as one of the staff stands with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseStanding {
    /// Which.
    pub course: Id<CourseRecord>,
    /// What it is called.
    pub name: String,
    /// Its present version.
    pub version: u32,
    /// Whether one of the person's roles demands it.
    pub is_required: bool,
    /// How the person stands.
    pub standing: Standing,
}

/// How somebody stands with each course on offer that a role of theirs demands, or that they have completed.
pub async fn standing(
    ledger: &Ledger,
    staff: &Stored<StaffRecord>,
    now: Moment,
) -> Result<Vec<CourseStanding>, PeopleError> {
    let done = completions(ledger, &books(), staff.id).await?;
    let seen = |course: Stored<CourseRecord>| {
        let is_required = staff.roles.iter().any(|role| course.required_for.contains(role));
        let standing = match counts_until(&course, &done) {
            Some(until) if now < until => Standing::Valid { until },
            Some(at) => Standing::Expired { at },
            None if is_required => Standing::Never,
            None => return None,
        };
        let version = course.version();
        Some(CourseStanding { course: course.id, name: course.into_value().name, version, is_required, standing })
    };
    Ok(offered(ledger).await?.into_iter().filter_map(seen).collect())
}

/// Tells everybody whose course is about to count no more, 30, 7 and 1 days before; says how many mails that made.
///
/// To be called now and then by one node. A mail's id is derived from the completion, its course's version and the
/// number of days, so each is sent once.
pub async fn warn(ledger: &Ledger) -> Result<usize, PeopleError> {
    let now = ledger.clock().now();
    let courses = offered(ledger).await?;
    let mut drafts = Vec::new();
    for person in staff::list(ledger, &books()).await?.iter().filter(|person| person.is_active()) {
        let demanding = demanding(person.roles);
        if demanding.is_empty() {
            continue;
        }
        let done = completions(ledger, &books(), person.id).await?;
        drafts.extend(demanded(&courses, demanding).filter_map(|course| warning(person, course, &done, now)));
    }
    send_once(ledger, drafts).await
}

/// The mail that is due to somebody about a course, if one is.
fn warning(
    person: &Stored<StaffRecord>,
    course: &Stored<CourseRecord>,
    done: &[Stored<TrainingRecord>],
    now: Moment,
) -> Option<mail::Draft> {
    let (at, best) = best(course, done)?;
    let is_near = |days: &u8| now >= at.plus_millis(-i64::from(*days) * DAY_MS);
    // Of those that were missed, the nearest says it all.
    let days = WARNING_DAYS.into_iter().filter(is_near).min().filter(|_| now < at)?;
    Some(mail::Draft {
        cause: Cause::change(best.id, u64::from(course.version()) << 8 | u64::from(days)),
        to: person.mail.clone(),
        name: person.name.clone(),
        matter: Matter::TrainingExpires { course: course.name.clone(), at },
    })
}

/// The roles among these whose powers rest without a valid course.
fn demanding(roles: StaffRoles) -> StaffRoles {
    roles.iter().filter(|role: &StaffRole| role.needs_training()).collect()
}

async fn offered(ledger: &Ledger) -> Result<Vec<Stored<CourseRecord>>, PeopleError> {
    let mut found = courses(ledger, &books()).await?;
    found.retain(|course| course.state == CourseState::Offered);
    Ok(found)
}

fn demanded(courses: &[Stored<CourseRecord>], roles: StaffRoles) -> impl Iterator<Item = &Stored<CourseRecord>> {
    courses.iter().filter(move |course| roles.iter().any(|role| course.required_for.contains(role)))
}

/// Until when the best of these completions counts for a course; none where it was never completed.
fn counts_until(course: &Stored<CourseRecord>, done: &[Stored<TrainingRecord>]) -> Option<Moment> {
    best(course, done).map(|(until, _)| until)
}

fn best<'a>(
    course: &Stored<CourseRecord>,
    done: &'a [Stored<TrainingRecord>],
) -> Option<(Moment, &'a Stored<TrainingRecord>)> {
    let of_it = done.iter().filter(|completion| completion.course == course.id);
    of_it.map(|completion| (course.counts(completion.of_version, completion.valid_until), completion)).max_by_key(
        // Of two that end together the later one, so that recording anew is a reason to be told anew.
        |(until, completion)| (*until, completion.id),
    )
}
