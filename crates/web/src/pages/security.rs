//! One's own security, on either face: second factors, the password, sessions. Whoever must enrol a factor is led here.

use super::answer::{Refused, Shell, answered, go, page, sentence, with_cookie};
use super::face::Face;
use super::form::{Answered, Form, Script};
use super::gate::{Access, Page};
use super::sign_in::{entered_by_script, entering};
use super::when;
use crate::app::App;
use crate::guest::remembered;
use crate::problem::Failure;
use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Secret};
use bonded_people::PeopleError;
use bonded_people::session::{self, SessionRecord, Stage};
use bonded_people::sign_in::{self, Enrolled, Entering, Holder};
use serde_json::{Value, json};

/// Where codes wait for the page that shows them once: the script that enrolled a passkey goes there.
const CODES_SHOWN: &str = "/security/done";

pub(super) fn pages<F: Face>() -> Vec<Page> {
    let at = |rest: &str| F::path(rest);
    let own = Access::Session;
    vec![
        Page::get(own, at("/security"), get(show::<F>)),
        Page::get(own, at(CODES_SHOWN), get(show_done::<F>)),
        Page::post(own, at("/security/passkeys/ask"), post(ask_passkey::<F>)).afresh(),
        Page::post(own, at("/security/passkeys"), post(add_passkey::<F>)).afresh(),
        Page::post(own, at("/security/passkeys/remove"), post(remove_passkey::<F>)).afresh(),
        Page::post(own, at("/security/totp"), post(begin_totp::<F>)).afresh(),
        Page::post(own, at("/security/totp/confirm"), post(confirm_totp::<F>)).afresh(),
        Page::post(own, at("/security/totp/remove"), post(remove_totp::<F>)).afresh(),
        Page::post(own, at("/security/recovery"), post(new_codes::<F>)).afresh(),
        // It asks for the present password.
        Page::post(own, at("/security/password"), post(change_password::<F>)),
        Page::post(own, at("/security/sessions/end"), post(end_session::<F>)).afresh(),
        Page::post(own, at("/security/sessions/end-others"), post(end_other_sessions::<F>)).afresh(),
    ]
}

struct PasskeyRow {
    id: String,
    name: String,
    since: String,
    used: String,
}

struct SessionRow {
    id: String,
    device: String,
    began: String,
    seen: String,
    own: bool,
}

#[derive(Template)]
#[template(path = "security.html")]
struct SecurityPage {
    shell: Shell,
    home: &'static str,
    mail: String,
    enrolment: bool,
    /// Whether what takes a fresh proof is offered.
    fresh: bool,
    passkey_needed: bool,
    codes: Vec<String>,
    passkeys: Vec<PasskeyRow>,
    totp: Option<String>,
    recovery_left: Option<u8>,
    sessions: Vec<SessionRow>,
}

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage {
    shell: Shell,
    svg: String,
    text: String,
}

/// What the page says besides what is.
#[derive(Default)]
struct Said {
    error: Option<String>,
    notice: Option<String>,
    codes: Vec<Secret<String>>,
}

async fn rendered<F: Face>(app: &App, entering: &Entering<F::Holder>, said: Said) -> Result<Response, Refused> {
    let Entering { holder, session } = entering;
    let credentials = holder.credentials();
    let now = app.ledger().clock().now();
    let enrolment = session.stage == Stage::Enrolment;
    let held = session::list(app.ledger(), session.person).await?;
    let row = |held: &bonded_ledger::Stored<SessionRecord>| SessionRow {
        id: held.id.to_string(),
        device: held.device.clone(),
        began: when(held.began_at),
        seen: when(held.seen_at),
        own: held.id == session.id,
    };
    let status = if said.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let fresh = sign_in::is_proven(entering, now);
    let shell = F::shell(app, "Security", entering).await?.confirming(!fresh, F::path("/security"));
    let shown = SecurityPage {
        shell: shell.with_error(said.error).with_notice(said.notice),
        home: F::HOME,
        mail: holder.mail().expose().to_owned(),
        enrolment,
        fresh,
        passkey_needed: enrolment && credentials.has_second_factor(),
        codes: said.codes.iter().map(|code| code.expose().clone()).collect(),
        passkeys: credentials
            .passkeys
            .iter()
            .map(|passkey| PasskeyRow {
                id: passkey.id.clone(),
                name: passkey.name.clone(),
                since: when(passkey.enrolled_at),
                used: passkey.last_used_at.map_or_else(|| String::from("never"), when),
            })
            .collect(),
        totp: credentials.totp.as_ref().map(|totp| when(totp.enrolled_at)),
        recovery_left: credentials.recovery.as_ref().map(|recovery| recovery.left),
        sessions: held.iter().filter(|held| !held.is_over(now)).map(row).collect(),
    };
    Ok(answered(status, &shown))
}

async fn visitor<F: Face>(app: &App, headers: &HeaderMap) -> Result<Entering<F::Holder>, PeopleError> {
    let entering = entering::<F>(app, headers).await?;
    if entering.session.stage == Stage::SecondFactor { Err(PeopleError::SecondFactor) } else { Ok(entering) }
}

async fn show<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    match visitor::<F>(&app, &headers).await {
        Ok(entering) => rendered::<F>(&app, &entering, Said::default()).await,
        Err(PeopleError::SignedOut) => Ok(go(&F::path("/sign-in"))),
        Err(PeopleError::SecondFactor) => Ok(go(&F::path("/sign-in/second-factor"))),
        Err(error) => Err(error.into()),
    }
}

/// After a script has enrolled a passkey: the codes that came of it wait in memory for this one page.
async fn show_done<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    let codes = app.codes().take(entering.session.id.bytes(), app.ledger().clock().now()).unwrap_or_default();
    if codes.is_empty() && entering.session.stage == Stage::Full {
        return Ok(go(F::HOME));
    }
    rendered::<F>(&app, &entering, Said { codes, notice: Some(String::from("The passkey was added.")), error: None })
        .await
}

/// The page again after a change, under the session's new token.
async fn changed<F: Face>(
    app: &App,
    done: Result<Enrolled, PeopleError>,
    headers: &HeaderMap,
    notice: &str,
) -> Result<Response, Refused> {
    match done {
        Ok(Enrolled { begun, recovery }) => {
            let entering = sign_in::entering::<F::Holder>(app.ledger(), &begun.token).await?;
            let said = Said { notice: Some(notice.to_owned()), codes: recovery, error: None };
            let response = with_cookie(rendered::<F>(app, &entering, said).await?, F::COOKIE.set(&begun.token));
            Ok(remembered::<F>(app, &begun, response)?)
        }
        Err(error) => {
            let error = Some(sentence(error)?);
            rendered::<F>(app, &visitor::<F>(app, headers).await?, Said { error, ..Said::default() }).await
        }
    }
}

async fn ask_passkey<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let asked = sign_in::begin_passkey(app.doors(), &visitor::<F>(&app, &headers).await?)?;
    Ok(Json(json!({ "ceremony": asked.ceremony, "options": asked.options })))
}

async fn add_passkey<F: Face>(
    State(app): State<App>,
    headers: HeaderMap,
    Script(Answered { ceremony, answer, name, .. }): Script<Answered>,
) -> Result<Response, Failure> {
    let entering = visitor::<F>(&app, &headers).await?;
    let done = sign_in::add_passkey(app.doors(), &entering, &ceremony, &name, &answer).await?;
    app.codes().leave(done.begun.id.bytes(), done.recovery, app.ledger().clock().now());
    entered_by_script::<F>(&app, &done.begun, &F::path(CODES_SHOWN))
}

async fn remove_passkey<F: Face>(State(app): State<App>, headers: HeaderMap, form: Form) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    let done = sign_in::remove_passkey(app.doors(), &entering, form.text("id")).await;
    changed::<F>(&app, done, &headers, "The passkey was removed.").await
}

async fn begin_totp<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    let shown = sign_in::begin_totp(app.doors(), &entering).await?;
    let shell = F::shell(&app, "Add an authenticator app", &entering).await?;
    Ok(page(&TotpPage { shell, svg: shown.svg.expose().clone(), text: shown.text.expose().clone() }))
}

async fn confirm_totp<F: Face>(State(app): State<App>, headers: HeaderMap, form: Form) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    let done = sign_in::confirm_totp(app.doors(), &entering, form.text("code")).await.map_err(|error| match error {
        PeopleError::NotProven => bonded_base::Problem::invalid("/code", "this code is not right: begin again").into(),
        error => error,
    });
    changed::<F>(&app, done, &headers, "The authenticator app was added.").await
}

async fn remove_totp<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let done = sign_in::remove_totp(app.doors(), &visitor::<F>(&app, &headers).await?).await;
    changed::<F>(&app, done, &headers, "The authenticator app was removed.").await
}

async fn new_codes<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let done = sign_in::new_recovery_codes(app.doors(), &visitor::<F>(&app, &headers).await?).await;
    changed::<F>(&app, done, &headers, "These are the new codes; the old ones no longer work.").await
}

async fn change_password<F: Face>(
    State(app): State<App>,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    let (old, new) = (form.secret("old"), form.secret("new"));
    let done = sign_in::change_password(app.doors(), &entering, old, new).await.map_err(|error| match error {
        PeopleError::NotProven => bonded_base::Problem::invalid("/old", "the present password is not right").into(),
        error => error,
    });
    changed::<F>(&app, done, &headers, "The password was changed. All other sessions have ended.").await
}

async fn end_session<F: Face>(State(app): State<App>, headers: HeaderMap, form: Form) -> Result<Response, Refused> {
    let entering = visitor::<F>(&app, &headers).await?;
    if let Ok(id) = form.text("id").parse::<Id<SessionRecord>>() {
        session::end(app.ledger(), entering.session.person, id).await?;
    }
    Ok(go(&F::path("/security")))
}

async fn end_other_sessions<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let session = visitor::<F>(&app, &headers).await?.session;
    session::end_all(app.ledger(), session.person, Some(session.id)).await?;
    Ok(go(&F::path("/security")))
}
