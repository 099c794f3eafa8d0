//! Finding an account, and asking it for a grant.

use super::shell;
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered, go, page};
use crate::pages::form::{Attempt, Choice, Form, id_in};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::{HOUR_MS, HOURS, when};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Account, Id, Problem};
use bonded_ledger::{List, PAGE_MAX, Stored};
use bonded_people::grants::{self, Area, Asker, GrantRecord, GrantScope, Reason, ReasonKind};
use bonded_people::staff::{Power, StaffVisitor};
use bonded_people::{PeopleError, Permission, directory};
use serde::Deserialize;

/// Grants that the page lists, and accounts that a search finds.
pub(super) const LISTED: u32 = 100;
const FOUND_MAX: usize = 20;
/// The form that asks for a part of an account, on either page that has one.
pub(super) const ASK: &str = "ask";
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
    kinds: Vec<Choice>,
    form: AskForm,
}

/// What asks for a part of an account: of the account itself, or by the law.
pub(super) struct AskForm {
    pub(super) areas: Vec<Choice>,
    pub(super) record: String,
    pub(super) act: bool,
    pub(super) consumers: bool,
    pub(super) text: String,
    pub(super) ticket: String,
    pub(super) hours: Vec<Choice>,
    pub(super) wrong: Option<String>,
}

impl AskForm {
    /// As it was sent last, or empty.
    pub(super) fn of(sent: &Attempt) -> Self {
        let text = |name: &str| sent.text(ASK, name, "");
        Self {
            areas: sent.choices(ASK, "area", Area::ALL.map(|area| (area, area.about(), false))),
            record: text("record"),
            act: sent.ticked(ASK, "act", "yes", false),
            consumers: sent.ticked(ASK, "consumers", "yes", false),
            text: text("text"),
            ticket: text("ticket"),
            hours: sent.choices(ASK, "hours", HOURS.map(|(hours, words)| (hours, words, false))),
            wrong: sent.wrong(ASK),
        }
    }
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

pub(super) fn account_in(text: &str) -> Result<Id<Account>, PeopleError> {
    id_in(text, "there is no such account")
}

async fn show_form(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(Asked { account, .. }) = query.unwrap_or(Query(Asked::default()));
    rendered(&app, &visitor, account_in(&account)?, &Attempt::default()).await
}

async fn rendered(
    app: &App,
    visitor: &StaffVisitor,
    account: Id<Account>,
    sent: &Attempt,
) -> Result<Response, Refused> {
    let shown = AskPage {
        shell: shell("Ask for a grant", visitor),
        name: directory::name_of(app.ledger(), account).await?,
        account: account.to_string(),
        kinds: sent.choices(ASK, "kind", ReasonKind::CHOICES.map(|kind| (kind.name(), kind.name(), false))),
        form: AskForm::of(sent),
    };
    Ok(answered(sent.status(), &shown))
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
    let account = account_in(form.text("account"))?;
    let work = async {
        let draft = draft_of(&form, form.text("kind").parse()?)?;
        let asker = Asker { staff: visitor.id(), name: visitor.record.name.clone() };
        grants::ask(app.ledger(), &asker, account, draft).await
    };
    match work.await {
        Ok(_) => Ok(go("/staff/grants")),
        Err(error) => rendered(&app, &visitor, account, &Attempt::failed(ASK, form, error)?).await,
    }
}
