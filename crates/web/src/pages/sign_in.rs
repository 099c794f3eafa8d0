//! Signing in and out, on either face.

use super::answer::{Refused, Shell, answered, go, page, sentence, with_cookie};
use super::face::Face;
use super::form::{Answered, Form, Script};
use super::gate::{Access, Page};
use crate::app::App;
use crate::cookies::Cookie;
use crate::guest::{Guest, remembered};
use crate::identity::AssertedIdentity;
use crate::problem::Failure;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use bonded_base::Secret;
use bonded_people::PeopleError;
use bonded_people::credentials::passkeys::Binding;
use bonded_people::session::{self, Begun, Stage};
use bonded_people::sign_in::{self, Entering, Holder};
use serde_json::{Value, json};

pub(super) fn pages<F: Face>() -> Vec<Page> {
    let at = |rest: &str| F::path(rest);
    vec![
        Page::get(Access::Anyone, at("/sign-in"), get(show::<F>)),
        Page::post(Access::Anyone, at("/sign-in"), post(with_password::<F>)),
        Page::post(Access::Anyone, at("/sign-in/passkey/ask"), post(ask_any_passkey::<F>)),
        Page::post(Access::Anyone, at("/sign-in/passkey"), post(with_passkey::<F>)),
        Page::get(Access::Session, at("/sign-in/second-factor"), get(show_second_factor::<F>)),
        Page::post(Access::Session, at("/sign-in/second-factor"), post(with_code::<F>)),
        Page::post(Access::Session, at("/sign-in/second-factor/passkey/ask"), post(ask_passkey::<F>)),
        Page::post(Access::Session, at("/sign-in/second-factor/passkey"), post(with_second_passkey::<F>)),
        Page::post(Access::Anyone, at("/sign-out"), post(sign_out::<F>)),
    ]
}

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage {
    pub shell: Shell,
    pub mail: String,
    pub resets: bool,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    passkeys: bool,
    totp: bool,
}

/// Where somebody goes on whose sign-in has come so far.
pub(super) fn onward<F: Face>(stage: Stage) -> String {
    match stage {
        Stage::SecondFactor => F::path("/sign-in/second-factor"),
        Stage::Enrolment => F::path("/security"),
        Stage::Full => F::HOME.to_owned(),
    }
}

/// Whoever holds the session cookie of this face.
pub(super) async fn entering<F: Face>(app: &App, headers: &HeaderMap) -> Result<Entering<F::Holder>, PeopleError> {
    let token = F::COOKIE.token(headers).ok_or(PeopleError::SignedOut)?;
    sign_in::entering(app.ledger(), &token).await
}

/// The proxy's word, where there is one, must be about whoever signs in.
fn vouched(identity: Option<&AssertedIdentity>, mail: &str) -> Result<(), PeopleError> {
    let folded = mail.trim().to_lowercase();
    match identity {
        Some(identity) if identity.mail.folded() != folded => Err(PeopleError::NotProven),
        _ => Ok(()),
    }
}

async fn show<F: Face>(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Ok(entering) = entering::<F>(&app, &headers).await {
        return go(&onward::<F>(entering.session.stage));
    }
    page(&SignInPage { shell: Shell::open("Sign in", F::PREFIX), mail: String::new(), resets: F::RESETS })
}

async fn with_password<F: Face>(
    State(app): State<App>,
    identity: Option<Extension<AssertedIdentity>>,
    guest: Guest,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Refused> {
    let (mail, password) = (form.text("mail").to_owned(), form.secret("password"));
    let identity = identity.map(|Extension(identity)| identity);
    let signed = match vouched(identity.as_ref(), &mail) {
        Ok(()) => sign_in::with_password::<F::Holder>(app.doors(), &mail, password, guest.visit()).await,
        Err(error) => Err(error),
    };
    match signed {
        Ok(begun) => {
            end_former::<F>(&app, &headers).await?;
            Ok(entered::<F>(&app, &begun)?)
        }
        Err(error) => {
            let shell = Shell::open("Sign in", F::PREFIX).with_error(Some(in_words(error)?));
            Ok(answered(StatusCode::UNAUTHORIZED, &SignInPage { shell, mail, resets: F::RESETS }))
        }
    }
}

/// Which of the two was wrong is never told.
fn in_words(error: PeopleError) -> Result<String, Refused> {
    match error {
        PeopleError::NotProven => Ok(String::from("The mail address or the password is not right.")),
        other => sentence(other),
    }
}

/// Ends the session that the browser still held, now that another takes its place.
async fn end_former<F: Face>(app: &App, headers: &HeaderMap) -> Result<(), PeopleError> {
    if let Ok(former) = entering::<F>(app, headers).await {
        session::end(app.ledger(), former.session.person, former.session.id).await?;
    }
    Ok(())
}

/// On to the next step, with the session's cookie, and the device's once the sign-in is complete.
pub(super) fn entered<F: Face>(app: &App, begun: &Begun) -> Result<Response, Failure> {
    remembered::<F>(app, begun, with_cookie(go(&onward::<F>(begun.record.stage)), F::COOKIE.set(&begun.token)))
}

/// The same for a script, which is told where to go.
pub(super) fn entered_by_script<F: Face>(app: &App, begun: &Begun, next: &str) -> Result<Response, Failure> {
    let told = Json(json!({ "next": next })).into_response();
    remembered::<F>(app, begun, with_cookie(told, F::COOKIE.set(&begun.token)))
}

async fn ask_any_passkey<F: Face>(State(app): State<App>, guest: Guest) -> Result<Response, Failure> {
    let now = app.ledger().clock().now();
    let slowed = app.doors().throttle.check_asked(guest.visit().mark, now);
    slowed.map_err(|wait| PeopleError::Wait(wait.seconds))?;
    let mut visit = [0; 16];
    app.ledger().chance().fill(&mut visit);
    let visit = Secret::new(format!("{:032x}", u128::from_be_bytes(visit)));
    let asked = sign_in::ask_any_passkey::<F::Holder>(app.doors(), Binding::to(visit.expose().as_bytes()))?;
    let options = Json(json!({ "ceremony": asked.ceremony, "options": asked.options })).into_response();
    Ok(with_cookie(options, Cookie::Ceremony.set(&visit)))
}

async fn with_passkey<F: Face>(
    State(app): State<App>,
    identity: Option<Extension<AssertedIdentity>>,
    guest: Guest,
    headers: HeaderMap,
    Script(Answered { ceremony, answer, .. }): Script<Answered>,
) -> Result<Response, Failure> {
    let browser = Cookie::Ceremony.token(&headers).ok_or(PeopleError::NotProven)?;
    let browser = Binding::to(browser.expose().as_bytes());
    let begun = sign_in::with_passkey::<F::Holder>(app.doors(), browser, &ceremony, &answer, guest.visit()).await?;
    let entering: Entering<F::Holder> = sign_in::entering(app.ledger(), &begun.token).await?;
    if let Err(error) = vouched(identity.as_deref(), entering.holder.mail().expose()) {
        session::end(app.ledger(), begun.record.person, begun.id).await?;
        return Err(error.into());
    }
    end_former::<F>(&app, &headers).await?;
    let next = onward::<F>(begun.record.stage);
    Ok(with_cookie(entered_by_script::<F>(&app, &begun, &next)?, Cookie::Ceremony.clear()))
}

async fn show_second_factor<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    let Ok(entering) = entering::<F>(&app, &headers).await else { return Ok(go(&F::path("/sign-in"))) };
    if entering.session.stage != Stage::SecondFactor {
        return Ok(go(&onward::<F>(entering.session.stage)));
    }
    Ok(page(&second_factor::<F>(&entering, None)))
}

fn second_factor<F: Face>(entering: &Entering<F::Holder>, error: Option<String>) -> SecondFactorPage {
    let credentials = entering.holder.credentials();
    SecondFactorPage {
        shell: Shell::open("Second factor", F::PREFIX).with_error(error),
        passkeys: !credentials.passkeys.is_empty(),
        totp: credentials.totp.is_some(),
    }
}

async fn with_code<F: Face>(
    State(app): State<App>,
    guest: Guest,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Refused> {
    let entering = entering::<F>(&app, &headers).await?;
    match sign_in::with_code(app.doors(), &entering, form.text("code"), guest.visit()).await {
        Ok(begun) => Ok(entered::<F>(&app, &begun)?),
        Err(PeopleError::NotProven) => {
            let error = Some(String::from("This code is not right, or was used before."));
            Ok(answered(StatusCode::UNAUTHORIZED, &second_factor::<F>(&entering, error)))
        }
        Err(error) => {
            let error = Some(sentence(error)?);
            Ok(answered(StatusCode::UNAUTHORIZED, &second_factor::<F>(&entering, error)))
        }
    }
}

async fn ask_passkey<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let entering = entering::<F>(&app, &headers).await?;
    let asked = sign_in::ask_passkey(app.doors(), &entering)?;
    Ok(Json(json!({ "ceremony": asked.ceremony, "options": asked.options })))
}

async fn with_second_passkey<F: Face>(
    State(app): State<App>,
    headers: HeaderMap,
    Script(Answered { ceremony, answer, .. }): Script<Answered>,
) -> Result<Response, Failure> {
    let entering = entering::<F>(&app, &headers).await?;
    let begun = sign_in::with_second_passkey(app.doors(), &entering, &ceremony, &answer).await?;
    entered_by_script::<F>(&app, &begun, &onward::<F>(begun.record.stage))
}

async fn sign_out<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    if let Ok(entering) = entering::<F>(&app, &headers).await {
        session::end(app.ledger(), entering.session.person, entering.session.id).await?;
    }
    Ok(with_cookie(go(&F::path("/sign-in")), F::COOKIE.clear()))
}
