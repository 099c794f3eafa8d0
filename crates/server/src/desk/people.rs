//! The platform's staff, their training and the reviews of their access, as the operator sees and changes them.

use super::wish::{CertificateGiven, CourseWish};
use crate::ending::{Code, Ending};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::{Id, Moment};
use bonded_ledger::{Ledger, List, PLATFORM, Scope, Stored};
use bonded_people::MailAddress;
use bonded_people::credentials::Credentials;
use bonded_people::reviews::{self, ReviewItem, ReviewRecord};
use bonded_people::session;
use bonded_people::sign_in;
use bonded_people::staff::{self, Acting, StaffRecord, StaffRole, StaffRoles};
use bonded_people::training::{self, CertificateFile, Completion, CourseChange, CourseDraft, CourseRecord};
use serde_json::{Value, json};

/// Reviews that are shown at most, the newest.
const REVIEWS_SHOWN_MAX: u32 = 100;
/// For how many days a completion counts where nobody says otherwise.
const VALID_DAYS: u16 = 365;

const OPERATOR: Scope = Scope::operator(PLATFORM);

/// Everybody on the staff. Addresses are shown to whoever asks for them.
pub async fn list(ledger: &Ledger, addresses: bool) -> Result<Value, Ending> {
    let now = ledger.clock().now();
    let mut shown = Vec::new();
    for person in staff::list(ledger, &OPERATOR).await? {
        let mut line = shown_person(ledger, &person, now).await?;
        if let (true, Some(line)) = (addresses, line.as_object_mut()) {
            line.insert(String::from("mail"), json!(person.mail.expose()));
        }
        shown.push(line);
    }
    Ok(json!({"staff": shown}))
}

async fn shown_person(ledger: &Ledger, person: &Stored<StaffRecord>, now: Moment) -> Result<Value, Ending> {
    Ok(json!({
        "staff": person.id,
        "name": person.name,
        "state": person.state,
        "roles": person.roles,
        "factors": factors(&person.credentials),
        "is_trained": training::is_trained(ledger, person, now).await?,
        "joined_at": person.joined_at,
        "last_sign_in_at": person.last_sign_in_at,
    }))
}

fn factors(credentials: &Credentials) -> Value {
    json!({"passkeys": credentials.passkeys.len(), "totp": credentials.totp.is_some()})
}

/// Gives somebody other roles.
pub async fn change_roles(ledger: &Ledger, id: Id<StaffRecord>, names: &[String]) -> Result<Value, Ending> {
    let person = staff::change_roles(ledger, &OPERATOR, None, id, roles(names)?).await?;
    shown_person(ledger, &person, ledger.clock().now()).await
}

/// Ends a staff account.
pub async fn end(ledger: &Ledger, id: Id<StaffRecord>) -> Result<Value, Ending> {
    let person = staff::end(ledger, &OPERATOR, None, id).await?;
    shown_person(ledger, &person, ledger.clock().now()).await
}

/// Ends all sessions of whoever has this address: as a user, as one of the staff, or both.
pub async fn sign_out(ledger: &Ledger, mail: &str) -> Result<Value, Ending> {
    let mail: MailAddress = mail.parse().map_err(|problem| Ending::new(Code::Usage, format!("{problem}")))?;
    Ok(json!({"sessions": sign_in::sign_out_everywhere(ledger, &OPERATOR, &mail).await?}))
}

/// Ends everybody's sessions.
pub async fn sign_out_everybody(ledger: &Ledger) -> Result<Value, Ending> {
    let ended = session::end_everybodys(ledger, &OPERATOR).await?;
    tracing::warn!(ended, "the operator ended everybody's sessions");
    Ok(json!({"sessions": ended}))
}

fn roles(names: &[String]) -> Result<StaffRoles, Ending> {
    let parsed = names.iter().map(|name| name.parse::<StaffRole>()).collect::<Result<StaffRoles, _>>();
    parsed.map_err(|unknown| Ending::new(Code::Usage, unknown.to_string()).next("`bonded roles` says what each may do"))
}

/// Adds a course, or changes the one of this name.
pub async fn course(ledger: &Ledger, wish: CourseWish) -> Result<Value, Ending> {
    let acting = Acting::Operator(OPERATOR);
    let required_for = roles(&wish.required_for)?;
    let known = training::find(ledger, &wish.name).await?;
    let course = match known {
        Some(known) if wish.retire => training::retire(ledger, &acting, known.id).await?,
        Some(known) => {
            let change = CourseChange {
                about: wish.about,
                required_for: (!required_for.is_empty()).then_some(required_for),
                valid_days: wish.valid_days,
                new_version: wish.new_version,
            };
            training::change(ledger, &acting, known.id, change).await?
        }
        None if wish.retire || wish.new_version => return Err(no_such_course()),
        None => {
            let (about, valid_days) = (wish.about.unwrap_or_default(), wish.valid_days.unwrap_or(VALID_DAYS));
            training::add(ledger, &acting, CourseDraft { name: wish.name, about, required_for, valid_days }).await?
        }
    };
    Ok(shown_course(&course))
}

fn no_such_course() -> Ending {
    Ending::new(Code::Usage, "no course of this name is on offer").next("`bonded training list` shows them")
}

fn shown_course(course: &Stored<CourseRecord>) -> Value {
    json!({
        "course": course.id,
        "name": course.name,
        "about": course.about,
        "version": course.version(),
        "required_for": course.required_for,
        "valid_days": course.valid_days,
        "state": course.state,
    })
}

/// Records that somebody has completed a course, given by its name or its id.
pub async fn record(
    ledger: &Ledger,
    who: Id<StaffRecord>,
    course: &str,
    on: Option<&str>,
    of_version: Option<u32>,
    certificate: Option<CertificateGiven>,
) -> Result<Value, Ending> {
    let course = match course.parse::<Id<CourseRecord>>() {
        Ok(id) => id,
        Err(_) => training::find(ledger, course).await?.ok_or_else(no_such_course)?.id,
    };
    let no_day = || Ending::new(Code::Usage, "a day is written like 2026-11-22");
    let today = || ledger.clock().now().to_string().chars().take("2026-11-22".len()).collect();
    let completed_on = on.map_or_else(today, str::to_owned).parse().map_err(|_| no_day())?;
    let unreadable = |_| Ending::internal("a certificate that is not base64");
    let certificate = certificate
        .map(|given| BASE64.decode(given.base64).map(|bytes| CertificateFile { file_name: given.file_name, bytes }))
        .transpose()
        .map_err(unreadable)?;
    let completion = Completion { course, of_version, completed_on, certificate };
    let done = training::record(ledger, &Acting::Operator(OPERATOR), who, completion).await?;
    let certificate = done.certificate.as_ref();
    Ok(json!({
        "training": done.id,
        "staff": done.staff,
        "course": done.course,
        "version": done.of_version,
        "completed_on": done.completed_on,
        "valid_until": done.valid_until,
        "certificate_sha256": certificate.map(|certificate| &certificate.sha256),
    }))
}

/// Every course, and how everybody stands with those that concern them.
pub async fn standings(ledger: &Ledger) -> Result<Value, Ending> {
    let now = ledger.clock().now();
    let courses: Vec<_> = training::courses(ledger, &OPERATOR).await?.iter().map(shown_course).collect();
    let mut people = Vec::new();
    for person in staff::list(ledger, &OPERATOR).await?.iter().filter(|person| person.is_active()) {
        let stands = training::standing(ledger, person, now).await?;
        let stands: Vec<_> = stands
            .iter()
            .map(|one| {
                json!({
                    "course": one.course,
                    "name": one.name,
                    "version": one.version,
                    "is_required": one.is_required,
                    "standing": one.standing.name(),
                    "until": one.standing.moment(),
                })
            })
            .collect();
        let is_trained = training::is_trained(ledger, person, now).await?;
        people.push(json!({
            "staff": person.id, "name": person.name, "is_trained": is_trained, "courses": stands,
        }));
    }
    Ok(json!({"courses": courses, "staff": people}))
}

/// Opens a review.
pub async fn open_review(ledger: &Ledger, every: Option<u16>) -> Result<Value, Ending> {
    let review = reviews::open(ledger, &Acting::Operator(OPERATOR), every).await?;
    Ok(shown_review(&review))
}

/// The newest reviews, and when the next one opens by itself.
pub async fn list_reviews(ledger: &Ledger) -> Result<Value, Ending> {
    let page = List { descending: true, ..List::first(REVIEWS_SHOWN_MAX) };
    let newest = reviews::list(ledger, &OPERATOR, page).await?.records;
    let shown: Vec<_> = newest.iter().map(shown_review).collect();
    Ok(json!({"reviews": shown, "next_opens_at": reviews::opens_at(ledger).await?}))
}

/// One review with its items, by default the newest; a closed one with whether its signature is good.
pub async fn show_review(ledger: &Ledger, id: Option<Id<ReviewRecord>>) -> Result<Value, Ending> {
    let review = if let Some(id) = id {
        reviews::get(ledger, &OPERATOR, id).await?
    } else {
        let newest = List { descending: true, ..List::first(1) };
        let newest = reviews::list(ledger, &OPERATOR, newest).await?.records.pop();
        newest.ok_or_else(|| Ending::new(Code::Usage, "there was no review yet").next("bonded review open"))?
    };
    let mut shown = shown_review(&review);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert(String::from("items"), review.items.iter().map(shown_item).collect());
        if review.outcome.is_some() {
            let is_good = reviews::verify_result(ledger, &OPERATOR, &review).is_ok();
            shown.insert(String::from("signature_is_good"), json!(is_good));
        }
    }
    Ok(shown)
}

fn shown_review(review: &Stored<ReviewRecord>) -> Value {
    json!({
        "review": review.id,
        "state": review.state,
        "opened_at": review.opened_at,
        "due_at": review.due_at,
        "closed_at": review.closed_at,
        "accounts": review.items.len(),
        "undecided": review.open_items(),
        "outcome": review.outcome,
    })
}

fn shown_item(item: &ReviewItem) -> Value {
    json!({
        "staff": item.staff,
        "name": item.name,
        "roles": item.roles,
        "last_sign_in_at": item.last_sign_in_at,
        "factors": item.factors,
        "grants": item.grants,
        "training": item.training,
        "decision": item.decision,
    })
}
