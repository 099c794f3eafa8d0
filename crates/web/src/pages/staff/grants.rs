//! Finding an account, and asking it for a grant.

use super::shell;
use crate::app::App;
use crate::pages::answer::{Refused, Shell, go, page};
use crate::pages::form::Form;
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::{HOUR_MS, HOURS, when};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Account, Id, Problem, Reason as Why};
use bonded_ledger::{List, PAGE_MAX, Stored};
use bonded_people::grants::{self, Area, Asker, GrantRecord, GrantScope, Reason, ReasonKind};
use bonded_people::staff::Power;
use bonded_people::{PeopleError, Permission, directory};
use serde::Deserialize;

/// Grants that the page lists, and accounts that a search finds.
pub(super) const LISTED: u32 = 100;
const FOUND_MAX: usize = 20;
/// Where an area's records are read under a grant.
const READS: [(Permission, &str); 8] = [
    (Permission::AccountRead, "/v1/account"),
    (Permission::PartnerLinksRead, "/v1/partner_links"),
    (Permission::ProductsRead, "/v1/products"),
    (Permission::InventoryRead, "/v1/locations"),
    (Permission::OrdersRead, "/v1/orders"),
    (Permission::PurchaseOrdersRead, "/v1/purchase_orders"),
    (Permission::HoldsRead, "/v1/holds"),
    (Permission::MembersRead, "/v1/members"),
];

pub(super) fn pages() -> Vec<Page> {
    let (find, ask) = (Access::With(Power::FindAccounts), Access::With(Power::AskForGrants));
    vec![
        Page::get(find, "/staff/accounts", get(show_accounts)),
        Page::get(ask, "/staff/grants", get(list)),
        Page::get(ask, "/staff/grants/new", get(show_form)),
        // Nothing opens before the account has answered.
        Page::post(ask, "/staff/grants", post(send)).at_any_time(),
    ]
}

struct Found {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "staff_accounts.html")]
struct AccountsPage {
    shell: Shell,
    query: String,
    accounts: Vec<Found>,
}

struct Row {
    account: String,
    asked: String,
    what: String,
    reason: String,
    state: &'static str,
    until: String,
    links: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "staff_grants.html")]
struct GrantsPage {
    shell: Shell,
    grants: Vec<Row>,
}

#[derive(Template)]
#[template(path = "staff_ask.html")]
struct AskPage {
    shell: Shell,
    name: String,
    account: String,
    areas: Vec<(&'static str, &'static str)>,
    kinds: [&'static str; 3],
    hours: [(i64, &'static str); 6],
}

/// What the pages are asked in their query.
#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    account: String,
}

async fn show_accounts(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(Asked { q: query, .. }) = query.unwrap_or(Query(Asked::default()));
    let wanted = query.trim().to_lowercase();
    let mut accounts = Vec::new();
    let mut page_of = List::first(PAGE_MAX);
    while !wanted.is_empty() && accounts.len() < FOUND_MAX {
        let listed = directory::list(app.ledger(), &visitor.scope(), page_of).await?;
        let fits = |id: &str, name: &str| id == wanted || name.to_lowercase().contains(&wanted);
        accounts.extend(listed.records.iter().filter_map(|known| {
            let id = Id::<Account>::from_bytes(known.id.bytes()).to_string();
            fits(&id, &known.name).then(|| Found { id, name: known.name.clone() })
        }));
        let Some(next) = listed.next else { break };
        page_of.after = Some(next);
    }
    accounts.truncate(FOUND_MAX);
    Ok(page(&AccountsPage { shell: shell("Find an account", &visitor), query: query.trim().to_owned(), accounts }))
}

async fn list(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    let now = app.ledger().clock().now();
    let row = |grant: &Stored<GrantRecord>| Row {
        account: grant.account.to_string(),
        asked: when(grant.asked_at),
        what: grant.scope.to_string(),
        reason: grant.reason.to_string(),
        state: grant.state.name(),
        until: grant.until.map_or_else(|| String::from("–"), when),
        links: if grant.holds(now) { links_of(grant) } else { Vec::new() },
    };
    let asked = grants::asked_by(app.ledger(), visitor.id(), LISTED).await?;
    Ok(page(&GrantsPage { shell: shell("Grants", &visitor), grants: asked.iter().map(row).collect() }))
}

/// Where the records are read that a grant opens.
pub(super) fn links_of(grant: &Stored<GrantRecord>) -> Vec<(&'static str, String)> {
    let permissions = grant.scope.permissions();
    let reached = READS.into_iter().filter(|(permission, _)| permissions.contains(*permission));
    reached.map(|(_, path)| (path, format!("/support/{}{path}", grant.id))).collect()
}

fn account_in(text: &str) -> Result<Id<Account>, PeopleError> {
    let missing = |_| Problem::new(Why::Missing, "there is no such account");
    Ok(text.parse().map_err(missing)?)
}

async fn show_form(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(Asked { account, .. }) = query.unwrap_or(Query(Asked::default()));
    let account = account_in(&account)?;
    Ok(page(&AskPage {
        shell: shell("Ask for a grant", &visitor),
        name: directory::name_of(app.ledger(), account).await?,
        account: account.to_string(),
        areas: Area::ALL.map(|area| (area.name(), area.about())).to_vec(),
        kinds: ReasonKind::CHOICES.map(ReasonKind::name),
        hours: HOURS,
    }))
}

/// What a form asks for.
pub(super) fn draft_of(form: &Form, kind: ReasonKind) -> Result<grants::Draft, PeopleError> {
    let filled = |name: &str| Some(form.text(name).trim().to_owned()).filter(|text| !text.is_empty());
    let bad = |_| Problem::invalid("/hours", "choose how long");
    Ok(grants::Draft {
        scope: GrantScope {
            areas: form.all("area").iter().map(|area| area.parse()).collect::<Result<_, Problem>>()?,
            act: form.ticked("act"),
            record: filled("record"),
            consumers: form.ticked("consumers"),
        },
        reason: Reason { kind, text: form.text("text").to_owned(), ticket: filled("ticket") },
        duration_ms: form.text("hours").parse::<i64>().map_err(bad)?.saturating_mul(HOUR_MS),
    })
}

async fn send(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff, form: Form) -> Result<Response, Refused> {
    let kind = form.text("kind").parse().map_err(PeopleError::from)?;
    let asker = Asker { staff: visitor.id(), name: visitor.record.name.clone() };
    grants::ask(app.ledger(), &asker, account_in(form.text("account"))?, draft_of(&form, kind)?).await?;
    Ok(go("/staff/grants"))
}
