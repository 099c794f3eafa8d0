//! Requests of the platform's staff: see what is asked, approve with a passkey or a code, deny, revoke, shorten.

use super::answer::{Refused, Shell, answered, go, page, sentence};
use super::form::{Answered, Form, Script, id_in};
use super::gate::{Access, Member, Page};
use super::{HOUR_MS, HOURS, home, when};
use crate::app::App;
use crate::guest::Guest;
use crate::problem::Failure;
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{List, Stored};
use bonded_people::credentials::passkeys::approval_answer;
use bonded_people::grants::{self, ApprovedWith, GrantRecord, Proof};
use bonded_people::sign_in::{self, Entering};
use bonded_people::users::{UserRecord, Visitor};
use bonded_people::{PeopleError, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

/// Requests that the page lists.
const LISTED: u32 = 100;

pub(super) fn pages() -> Vec<Page> {
    let (look, decide) = (Access::Member(Permission::GrantsRead), Access::Member(Permission::GrantsWrite));
    vec![
        Page::get(look, "/support", get(list)),
        Page::get(look, "/support/{id}", get(show)),
        // An approval carries a proof of its own, made for it alone; what ends a grant must never be hindered.
        Page::post(decide, "/support/{id}/ask", post(ask_passkey)).at_any_time(),
        Page::post(decide, "/support/{id}/approve", post(approve)).at_any_time(),
        Page::post(decide, "/support/{id}/code", post(approve_with_code)).at_any_time(),
        Page::post(decide, "/support/{id}/deny", post(deny)).at_any_time(),
        Page::post(decide, "/support/{id}/revoke", post(revoke)).at_any_time(),
        Page::post(decide, "/support/{id}/shorten", post(shorten)).at_any_time(),
    ]
}

struct Row {
    id: String,
    staff: String,
    asked: String,
    what: String,
    reason: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "support.html")]
struct SupportPage {
    shell: Shell,
    grants: Vec<Row>,
}

/// What a visitor can do about a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Nothing,
    /// Approve with a passkey, or deny.
    Passkey,
    /// Approve with a one-time code, or deny.
    Code,
    /// End what was approved.
    Ending,
}

impl Offer {
    fn is(self, other: Self) -> bool {
        self == other
    }
}

#[derive(Template)]
#[template(path = "grant.html")]
struct GrantPage {
    shell: Shell,
    id: String,
    staff: String,
    what: String,
    areas: Vec<String>,
    consumers: bool,
    reason: String,
    duration: String,
    asked: String,
    state: &'static str,
    approved_with: Option<&'static str>,
    until: Option<String>,
    offer: Offer,
    hours: Vec<(i64, &'static str)>,
    whole: i64,
}

async fn list(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    let newest = List { descending: true, ..List::first(LISTED) };
    let listed = grants::list(app.ledger(), &visitor.scope()?, None, newest).await?;
    let row = |grant: &Stored<GrantRecord>| Row {
        id: grant.id.to_string(),
        staff: grant.staff_name.clone(),
        asked: when(grant.asked_at),
        what: grant.scope.to_string(),
        reason: grant.reason.to_string(),
        state: grant.state.name(),
    };
    let grants = listed.records.iter().map(row).collect();
    Ok(page(&SupportPage { shell: home::shell("Support", &visitor), grants }))
}

fn id_of(text: &str) -> Result<Id<GrantRecord>, PeopleError> {
    id_in(text, "there is no such request")
}

async fn show(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let grant = grants::get(app.ledger(), &visitor.scope()?, id_of(&id)?).await?;
    Ok(answered(StatusCode::OK, &rendered(&app, &visitor, &grant, None)))
}

fn rendered(app: &App, visitor: &Visitor, grant: &Stored<GrantRecord>, error: Option<String>) -> GrantPage {
    let now = app.ledger().clock().now();
    let decides = visitor.permissions().contains(Permission::GrantsWrite);
    let whole = grant.duration_ms / HOUR_MS;
    let mut hours: Vec<_> = HOURS.into_iter().filter(|(hours, _)| *hours <= whole).collect();
    if hours.iter().all(|(hours, _)| *hours != whole) {
        hours.push((whole, "as long as was asked"));
    }
    GrantPage {
        shell: home::shell("A request of support", visitor).with_error(error),
        id: grant.id.to_string(),
        staff: grant.staff_name.clone(),
        what: grant.scope.to_string(),
        areas: grant.scope.areas.iter().map(|area| format!("{area}: {}", area.about())).collect(),
        consumers: grant.scope.consumers,
        reason: grant.reason.to_string(),
        duration: HOURS
            .into_iter()
            .find(|(hours, _)| *hours == whole)
            .map_or_else(|| format!("{whole} hours"), |(_, text)| text.to_owned()),
        asked: when(grant.asked_at),
        state: grant.state.name(),
        approved_with: grant.approved_with.map(|with| match with {
            ApprovedWith::Passkey => "a passkey",
            ApprovedWith::Totp => "a one-time code",
            ApprovedWith::Officers => "the signatures of two officers, on a legal demand",
        }),
        until: grant.until.map(when),
        offer: match decides {
            true if grant.awaits(now) && visitor.user.credentials.has_passkey() => Offer::Passkey,
            true if grant.awaits(now) => Offer::Code,
            true if grant.holds(now) && grant.approved_with != Some(ApprovedWith::Officers) => Offer::Ending,
            _ => Offer::Nothing,
        },
        hours,
        whole,
    }
}

/// What a page's script or form says of how long.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    hours: String,
}

fn duration_of(hours: &str) -> Result<Option<i64>, PeopleError> {
    let bad = |_| Problem::invalid("/hours", "choose how long");
    match hours {
        "" => Ok(None),
        hours => Ok(Some(hours.parse::<i64>().map_err(bad)?.saturating_mul(HOUR_MS))),
    }
}

async fn ask_passkey(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    Script(Asked { hours }): Script<Asked>,
) -> Result<Json<Value>, Failure> {
    let (ledger, acting) = (app.ledger(), visitor.acting()?);
    let terms = grants::terms(ledger, &acting, id_of(&id)?, duration_of(&hours)?).await?;
    let known = &visitor.user.credentials.passkeys;
    let options = app.doors().users.approval_options(&terms.grant.challenge(), known);
    app.terms().leave(visitor.session.id.bytes(), terms, ledger.clock().now());
    Ok(Json(json!({ "ceremony": id, "options": options })))
}

async fn approve(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    Script(Answered { answer, .. }): Script<Answered>,
) -> Result<Json<Value>, Failure> {
    let terms = app.terms().take(visitor.session.id.bytes(), app.ledger().clock().now());
    let late = || PeopleError::from(Problem::new(Reason::State, "this took too long: approve again"));
    let id = id_of(&id)?;
    let terms = terms.filter(|terms| terms.grant.id == id.bytes()).ok_or_else(late)?;
    let assertion = approval_answer(&answer).map_err(PeopleError::from)?;
    let passkeys = &visitor.user.credentials.passkeys;
    let used = passkeys.iter().find(|passkey| passkey.is(&assertion.credential_id)).ok_or(PeopleError::NotProven)?;
    let proof = Proof::Passkey {
        key: used.public_key.clone(),
        relying_party: app.doors().users.relying_party().to_owned(),
        assertion,
    };
    grants::approve(app.ledger(), &visitor.acting()?, visitor.id(), terms, proof).await?;
    Ok(Json(json!({ "next": format!("/support/{id}") })))
}

async fn approve_with_code(
    State(app): State<App>,
    Member(visitor): Member,
    guest: Guest,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        if !visitor.user.credentials.passkeys.is_empty() {
            let detail = "you have a passkey: approve with it";
            return Err(PeopleError::from(Problem::new(Reason::Refused, detail)));
        }
        let (acting, id) = (visitor.acting()?, id_of(&id)?);
        let terms = grants::terms(app.ledger(), &acting, id, duration_of(form.text("hours"))?).await?;
        let entering = Entering::<UserRecord> { holder: visitor.user.clone(), session: visitor.session.clone() };
        sign_in::prove_with_totp(app.doors(), &entering, form.text("code"), guest.visit()).await?;
        grants::approve(app.ledger(), &acting, visitor.id(), terms, Proof::Totp).await
    };
    after(&app, &visitor, &id, work.await).await
}

/// The request's page again: as it now is, or with what was wrong.
async fn after(
    app: &App,
    visitor: &Visitor,
    id: &str,
    done: Result<Stored<GrantRecord>, PeopleError>,
) -> Result<Response, Refused> {
    match done {
        Ok(_) => Ok(go(&format!("/support/{id}"))),
        Err(error) => {
            let error = Some(sentence(error)?);
            let grant = grants::get(app.ledger(), &visitor.scope()?, id_of(id)?).await?;
            Ok(answered(StatusCode::UNPROCESSABLE_ENTITY, &rendered(app, visitor, &grant, error)))
        }
    }
}

async fn deny(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let done = grants::deny(app.ledger(), &visitor.acting()?, id_of(&id)?).await;
    after(&app, &visitor, &id, done).await
}

async fn revoke(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let done = grants::revoke(app.ledger(), &visitor.acting()?, id_of(&id)?).await;
    after(&app, &visitor, &id, done).await
}

async fn shorten(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let none = || Problem::invalid("/hours", "choose how long");
        let span = duration_of(form.text("hours"))?.ok_or_else(none)?;
        let until = app.ledger().clock().now().plus_millis(span);
        grants::shorten(app.ledger(), &visitor.acting()?, id_of(&id)?, until).await
    };
    after(&app, &visitor, &id, work.await).await
}
