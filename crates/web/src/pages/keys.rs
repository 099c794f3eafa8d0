//! API keys: list, make, rotate, revoke.

use super::answer::{Refused, Shell, answered, sentence};
use super::form::Form;
use super::gate::{Access, Member, Page};
use super::{home, when};
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{ApiKey, Id, Moment, Problem, Reason};
use bonded_people::keys::{self, Issued, KeyError, KeyRecord, Mode};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission, Permissions};

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::ApiKeysRead), Access::Member(Permission::ApiKeysWrite));
    vec![
        Page::get(look, "/keys", get(show)),
        Page::post(change, "/keys", post(make)),
        Page::post(change, "/keys/rotate", post(rotate)),
        Page::post(change, "/keys/revoke", post(revoke)),
    ]
}

struct KeyRow {
    id: String,
    name: String,
    prefix: &'static str,
    ends_with: String,
    permissions: String,
    state: String,
    holds: bool,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    secret: Option<String>,
    keys: Vec<KeyRow>,
    permissions: Vec<&'static str>,
    may_change: bool,
}

async fn show(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    rendered(&app, &visitor, Ok((None, ""))).await
}

fn state(key: &KeyRecord, now: Moment) -> String {
    match (key.revoked_at, key.ends_at) {
        (Some(at), _) => format!("revoked {}", when(at)),
        (None, Some(at)) if now >= at => format!("ended {}", when(at)),
        (None, Some(at)) => format!("ends {}", when(at)),
        (None, None) => String::from("in use"),
    }
}

async fn rendered(
    app: &App,
    visitor: &Visitor,
    done: Result<(Option<Issued>, &str), PeopleError>,
) -> Result<Response, Refused> {
    let now = app.ledger().clock().now();
    let listed = keys::list(app.ledger(), &visitor.scope()?).await?;
    let row = |key: &bonded_ledger::Stored<KeyRecord>| KeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        prefix: key.mode.prefix(),
        ends_with: key.ends_with.clone(),
        permissions: key.permissions.iter().map(Permission::name).collect::<Vec<_>>().join(", "),
        state: state(key, now),
        holds: key.holds(now),
    };
    let (may, fresh) = (visitor.permissions().contains(Permission::ApiKeysWrite), visitor.session.is_fresh(now));
    let shell = home::shell("API keys", visitor).confirming(may && !fresh, "/keys");
    let (status, shell, issued) = match done {
        Ok((issued, "")) => (StatusCode::OK, shell, issued),
        Ok((issued, notice)) => (StatusCode::OK, shell.with_notice(Some(notice.to_owned())), issued),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, shell.with_error(Some(sentence(error)?)), None),
    };
    let shown = KeysPage {
        shell,
        secret: issued.map(|issued| issued.secret.expose().clone()),
        keys: listed.iter().rev().map(row).collect(),
        permissions: visitor.maker_rights().permissions.iter().map(Permission::name).collect(),
        may_change: may && fresh,
    };
    Ok(answered(status, &shown))
}

fn of_people(error: KeyError) -> PeopleError {
    match error {
        KeyError::NotValid => missing(),
        KeyError::Problem(problem) => problem.into(),
        KeyError::Ledger(error) => error.into(),
    }
}

fn missing() -> PeopleError {
    Problem::new(Reason::Missing, "there is no such key").into()
}

fn id_of(form: &Form) -> Result<Id<ApiKey>, PeopleError> {
    form.text("id").parse().map_err(|_| missing())
}

async fn make(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async {
        let asked = form.all("permission").iter().map(|name| name.parse::<Permission>());
        let unknown = |error: bonded_people::UnknownPermission| Problem::invalid("/permissions", error.to_string());
        let permissions = asked.collect::<Result<Permissions, _>>().map_err(unknown)?;
        let mode = if app.settings().environment == "production" { Mode::Live } else { Mode::Test };
        let draft = keys::Draft { name: form.text("name").to_owned(), permissions, mode };
        keys::issue(app.ledger(), &visitor.scope()?, &visitor.maker_rights(), draft).await.map_err(of_people)
    };
    let done = work.await.map(|issued| (Some(issued), "The key was made."));
    rendered(&app, &visitor, done).await
}

async fn rotate(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async {
        let (scope, id) = (visitor.scope()?, id_of(&form)?);
        keys::rotate(app.ledger(), &scope, &visitor.maker_rights(), id).await.map_err(of_people)
    };
    let done = work.await.map(|issued| (Some(issued), "The old key goes on for a day."));
    rendered(&app, &visitor, done).await
}

async fn revoke(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async {
        let (scope, id) = (visitor.scope()?, id_of(&form)?);
        app.doorkeeper().revoke(&scope, id).await.map_err(of_people)
    };
    let done = work.await.map(|()| (None, "The key was revoked."));
    rendered(&app, &visitor, done).await
}
