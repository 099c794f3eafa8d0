//! Where a sign-in leads: the account that is open, or the choice among several.

use super::answer::{Refused, Shell, go, page, with_cookie};
use super::face::{Face, Shop};
use super::form::{Form, id_in};
use super::gate::{Access, Member, Page};
use super::shopify;
use super::sign_in::onward;
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Account, Id};
use bonded_ledger::List;
use bonded_people::grants::{self, GrantState};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission, directory, sign_in, users};

pub(super) fn pages() -> Vec<Page> {
    vec![
        Page::get(Access::Anyone, "/", get(async || go("/home"))),
        Page::get(Access::Member(Permission::AccountRead), "/home", get(show)),
        Page::get(Access::User, "/accounts", get(choose)),
        Page::post(Access::User, "/accounts", post(open)),
    ]
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    account: String,
    role: &'static str,
    waiting: usize,
    several: bool,
}

struct Choice {
    id: Id<Account>,
    name: String,
    role: &'static str,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    accounts: Vec<Choice>,
}

/// What surrounds a member's page.
pub(super) fn shell(title: &str, visitor: &Visitor) -> Shell {
    Shell::of(title, Shop::PREFIX, visitor.user.name.clone())
}

async fn show(State(app): State<App>, Member(visitor): Member, headers: HeaderMap) -> Result<Response, Refused> {
    if let Some(onward) = shopify::unfinished(&headers) {
        return Ok(onward);
    }
    let (account, role) = visitor.standing().ok_or(PeopleError::SignedOut)?;
    let name = directory::name_of(app.ledger(), account).await?;
    let page_of = List::first(grants::OPEN_MAX);
    let waiting = grants::list(app.ledger(), &visitor.scope()?, Some(GrantState::Requested), page_of).await?;
    Ok(page(&HomePage {
        shell: shell(&name, &visitor),
        account: account.to_string(),
        role: role.name(),
        waiting: waiting.records.len(),
        several: visitor.user.accounts.len() > 1,
    }))
}

async fn choose(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    let mut accounts = Vec::new();
    for (id, member) in users::memberships(app.ledger(), visitor.user.id, &visitor.user).await? {
        let name = directory::name_of(app.ledger(), id).await?;
        accounts.push(Choice { id, name, role: member.role.name() });
    }
    Ok(page(&AccountsPage { shell: shell("Choose an account", &visitor), accounts }))
}

async fn open(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let account = id_in(form.text("account"), "there is no such account")?;
    let begun = sign_in::open_account(app.ledger(), &visitor, account).await?;
    Ok(with_cookie(go(&onward::<Shop>(begun.record.stage)), Shop::COOKIE.set(&begun.token)))
}
