//! A forgotten password: a link by mail, and a new password behind it. Neither page tells whether an address is known.

use super::answer::{Refused, Shell, answered, page, sentence};
use super::form::Form;
use super::gate::{Access, Page};
use crate::app::App;
use crate::guest::Guest;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem, Reason};
use bonded_people::sign_in::{self, ResetRecord};
use bonded_people::{MailAddress, PeopleError};

const ADDRESS: &str = "/reset/{reset}/{code}";
const SENT: &str = "If this address has a user here, a link is on its way. It works for an hour.";

pub(super) fn pages() -> Vec<Page> {
    vec![
        Page::get(Access::Anyone, "/reset", get(show)),
        Page::post(Access::Anyone, "/reset", post(ask)),
        Page::get(Access::Anyone, ADDRESS, get(show_choice)),
        Page::post(Access::Anyone, ADDRESS, post(choose)),
    ]
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPasswordPage {
    shell: Shell,
}

async fn show() -> Response {
    page(&ResetPage { shell: Shell::open("New password", "") })
}

async fn ask(State(app): State<App>, guest: Guest, form: Form) -> Result<Response, Refused> {
    let shell = Shell::open("New password", "");
    let mail = match form.text("mail").trim().parse::<MailAddress>() {
        Ok(mail) => mail,
        Err(problem) => {
            let shell = shell.with_error(Some(sentence(problem.into())?));
            return Ok(answered(StatusCode::UNPROCESSABLE_ENTITY, &ResetPage { shell }));
        }
    };
    if guest.may_be_mailed(&app, &mail) {
        // Apart from the answer, which comes at once, whether there is somebody to mail or not.
        tokio::spawn(async move {
            if let Err(error) = sign_in::ask_for_reset(app.ledger(), &mail).await {
                tracing::warn!(%error, "a link to a new password could not be queued");
            }
        });
    }
    Ok(page(&ResetPage { shell: shell.with_notice(Some(SENT.to_owned())) }))
}

fn gone() -> PeopleError {
    Problem::new(Reason::Missing, "this link was used, or has run out: ask for another one").into()
}

async fn show_choice(State(app): State<App>, Path((id, code)): Path<(String, String)>) -> Result<Response, Refused> {
    let id: Id<ResetRecord> = id.parse().map_err(|_| gone())?;
    sign_in::find_reset(app.ledger(), id, &code).await.map_err(|error| match error {
        PeopleError::Problem(_) => gone(),
        other => other,
    })?;
    Ok(page(&NewPasswordPage { shell: Shell::open("New password", "") }))
}

async fn choose(
    State(app): State<App>,
    Path((id, code)): Path<(String, String)>,
    mut form: Form,
) -> Result<Response, Refused> {
    let id: Id<ResetRecord> = id.parse().map_err(|_| gone())?;
    match sign_in::reset_password(app.doors(), id, &code, form.secret("password")).await {
        Ok(()) => {
            let notice = Some(String::from("The new password holds. Sign in with it."));
            Ok(page(&super::sign_in::SignInPage {
                shell: Shell::open("Sign in", "").with_notice(notice),
                mail: String::new(),
                resets: true,
            }))
        }
        Err(PeopleError::Problem(problem)) if problem.reason == Reason::Missing => Err(gone().into()),
        Err(error) => {
            let shell = Shell::open("New password", "").with_error(Some(sentence(error)?));
            Ok(answered(StatusCode::UNPROCESSABLE_ENTITY, &NewPasswordPage { shell }))
        }
    }
}
