//! What is held: the list, and one with what the shop has, to be corrected, tried again or dismissed.

mod fields;

use super::answer::{Refused, Shell, answered, go, page};
use super::form::{Attempt, Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, of_trade, when};
use crate::app::App;
use crate::page::{Params, cursor, read_cursor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kind, Problem};
use bonded_ledger::Stored;
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission};
use bonded_trade::Page as Part;
use bonded_trade::catalog::Variant;
use bonded_trade::holds::{self, Hold, HoldReason, HoldState, Outcome};
use bonded_trade::sku_mappings::{self, Means};
use bonded_trade::sku_suggestions::{self, Because, Suggestion};
use fields::Field;

/// Holds on a page.
const LISTED: u32 = 50;
/// Suggestions for one SKU.
const SUGGESTED: usize = 5;

/// The name of the form with corrections.
const CORRECT: &str = "correct";

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::HoldsRead), Access::Member(Permission::HoldsWrite));
    vec![
        Page::get(look, "/holds", get(list)),
        Page::get(look, "/holds/{id}", get(show)),
        Page::post(change, "/holds/{id}/correct", post(correct)),
        Page::post(change, "/holds/{id}/retry", post(retry)),
        Page::post(change, "/holds/{id}/dismiss", post(dismiss)),
        Page::post(Access::Member(Permission::ConnectionsWrite), "/holds/{id}/map", post(map)),
    ]
}

struct Row {
    id: String,
    about: String,
    record: String,
    detail: String,
    tries: u32,
    since: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "holds.html")]
struct HoldsPage {
    shell: Shell,
    rows: Vec<Row>,
    figures: [(&'static str, u64); 5],
    resolved: bool,
    next: Option<String>,
}

struct SuggestionRow {
    variant: String,
    title: String,
    sku: String,
    why: String,
}

/// A SKU that nobody, or several, sell.
struct Unmatched {
    sku: String,
    suggestions: Vec<SuggestionRow>,
    typed: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "hold.html")]
#[expect(clippy::struct_excessive_bools, reason = "independent parts of the page")]
struct HoldPage {
    shell: Shell,
    row: Row,
    asked: bool,
    unmatched: Vec<Unmatched>,
    fields: Vec<Field>,
    more: bool,
    payload: String,
    wrong: Option<String>,
    may_change: bool,
    may_map: bool,
}

fn row(hold: &Stored<Hold>) -> Row {
    let state = match (hold.state, hold.outcome) {
        (HoldState::Open, _) => "open",
        (HoldState::Resolved, Some(Outcome::Corrected)) => "corrected",
        (HoldState::Resolved, Some(Outcome::Replayed)) => "replayed",
        (HoldState::Resolved, Some(Outcome::Dismissed)) => "dismissed",
        (HoldState::Resolved, Some(Outcome::Recovered) | None) => "recovered by itself",
    };
    // Of what a shop has, people know what it is, not by which record it is known here.
    let about = match hold.payload.as_ref() {
        Some(payload) if payload.get("product").is_some() => "product in a shop".to_owned(),
        Some(payload) if payload.get("lines").is_some() => "order in a shop".to_owned(),
        _ if hold.about == Kind::Mirror.name() => "record in a shop".to_owned(),
        _ => hold.about.replace('_', " "),
    };
    Row {
        id: hold.id.to_string(),
        about,
        record: hold.record.clone(),
        detail: hold.detail.clone(),
        tries: hold.tries,
        since: when(hold.raised_at),
        state,
    }
}

async fn list(State(app): State<App>, Member(visitor): Member, params: Params) -> Result<Response, Refused> {
    params.only(&["state", "after"])?;
    let resolved = params.one_of("state", &[("open", false), ("resolved", true)])?.unwrap_or(false);
    let after = params.text("after").map(|text| read_cursor(Kind::Hold, text)).transpose()?;
    let (ledger, scope) = (app.ledger(), visitor.scope()?);
    let part = Part { after, descending: true, ..Part::first(LISTED) };
    let state = if resolved { HoldState::Resolved } else { HoldState::Open };
    let listed = holds::list(ledger, &scope, Some(state), part).await.map_err(of_trade)?;
    let figures = holds::count(ledger, &scope).await.map_err(of_trade)?;
    Ok(page(&HoldsPage {
        shell: home::shell("Holds", &visitor),
        rows: listed.records.iter().map(row).collect(),
        figures: [
            ("held", figures.held),
            ("corrected", figures.corrected),
            ("replayed", figures.replayed),
            ("recovered by themselves", figures.recovered),
            ("dismissed", figures.dismissed),
        ],
        resolved,
        next: listed.next.map(|next| cursor(Kind::Hold, next)),
    }))
}

fn id_of(text: &str) -> Result<Id<Hold>, PeopleError> {
    id_in(text, "there is no such hold")
}

async fn show(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    rendered(&app, &visitor, id_of(&id)?, &Attempt::default(), None).await
}

/// The page of one hold, after something was done or refused; `typed` are the corrections that were sent.
async fn rendered(
    app: &App,
    visitor: &Visitor,
    id: Id<Hold>,
    sent: &Attempt,
    typed: Option<&Form>,
) -> Result<Response, Refused> {
    let hold = holds::get(app.ledger(), &visitor.scope()?, id).await.map_err(of_trade)?;
    let is_open = hold.state == HoldState::Open;
    let may = |permission: Permission| is_open && visitor.permissions().contains(permission);
    let unmatched =
        if may(Permission::ConnectionsWrite) { unmatched(app, visitor, &hold, sent).await? } else { Vec::new() };
    let (fields, more) = fields::of(&hold, typed);
    let forms = unmatched.iter().map(|one| one.sku.as_str()).chain([CORRECT]);
    let error = sent.wrong_elsewhere(forms);
    let payload = hold.payload.as_ref().and_then(|payload| serde_json::to_string_pretty(payload).ok());
    let shown = HoldPage {
        shell: home::shell("A hold", visitor).with_notice(sent.notice()).with_error(error),
        row: row(&hold),
        asked: hold.asked,
        unmatched,
        fields,
        more,
        payload: payload.unwrap_or_default(),
        wrong: sent.wrong(CORRECT),
        may_change: may(Permission::HoldsWrite),
        may_map: may(Permission::ConnectionsWrite),
    };
    Ok(answered(sent.status(), &shown))
}

/// The SKUs that an order is held for, with what they may mean.
async fn unmatched(
    app: &App,
    visitor: &Visitor,
    hold: &Stored<Hold>,
    sent: &Attempt,
) -> Result<Vec<Unmatched>, PeopleError> {
    if !matches!(hold.reason, HoldReason::SoldByNobody | HoldReason::SoldBySeveral) {
        return Ok(Vec::new());
    }
    let (ledger, scope) = (app.ledger(), visitor.scope()?);
    let wanted = sku_suggestions::wanted_by(ledger, &scope, hold.id).await.map_err(of_trade)?;
    let found = sku_suggestions::suggest(ledger, &scope, &wanted).await.map_err(of_trade)?;
    let of = |sku: &str| found.data.iter().filter(|one| one.for_sku == sku).take(SUGGESTED).map(suggestion).collect();
    let one = |sku: String| Unmatched {
        suggestions: of(&sku),
        typed: sent.text(&sku, "variant", ""),
        wrong: sent.wrong(&sku),
        sku,
    };
    Ok(wanted.into_iter().map(|wanted| one(wanted.sku)).collect())
}

fn suggestion(one: &Suggestion) -> SuggestionRow {
    let words = |because: &Because| match because {
        Because::Barcode => "the same barcode",
        Because::Sku => "the same SKU, written otherwise",
        Because::PartOfSku => "one SKU is part of the other",
        Because::Title => "words of the title",
    };
    SuggestionRow {
        variant: one.variant.to_string(),
        title: one.title.clone(),
        sku: one.sku.clone().unwrap_or_default(),
        why: one.because.iter().map(words).collect::<Vec<_>>().join(", "),
    }
}

async fn correct(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let work = async {
        let scope = visitor.scope()?;
        let hold = holds::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
        let fixes = fields::read(&hold, &form)?;
        if fixes.is_empty() {
            return Err(Problem::invalid("/corrections", "nothing was changed here").into());
        }
        let corrected = holds::correct(app.ledger(), &scope, id, Some(hold.version), &fixes).await;
        corrected.map_err(|error| fields::named(of_trade(error), &fixes))
    };
    let done = work.await;
    let typed = done.is_err().then_some(&form);
    let notice = "It is tried again with what you have corrected.";
    let sent = Attempt::after(done, notice, CORRECT, Form::default())?;
    rendered(&app, &visitor, id, &sent, typed).await
}

async fn retry(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = holds::retry(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade);
    let sent = Attempt::after(done, "It is tried again.", "retry", Form::default())?;
    rendered(&app, &visitor, id, &sent, None).await
}

async fn dismiss(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    match holds::resolve(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade) {
        Ok(_) => Ok(go("/holds")),
        Err(error) => {
            let sent = Attempt::failed("dismiss", Form::default(), error)?;
            rendered(&app, &visitor, id, &sent, None).await
        }
    }
}

async fn map(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let (id, sku) = (id_of(&id)?, form.text("sku").to_owned());
    let work = async {
        let (ledger, scope) = (app.ledger(), visitor.scope()?);
        let means = if form.ticked("own") {
            Means::Own
        } else {
            let no_variant = |_| Problem::invalid("/variant", "a variant's id begins with var_");
            Means::Variant(form.text("variant").trim().parse::<Id<Variant>>().map_err(no_variant)?)
        };
        sku_mappings::set(ledger, &scope, &sku, means).await.map_err(of_trade)?;
        holds::retry_skus(ledger, &scope, &[sku.trim()]).await.map_err(of_trade)
    };
    let done = work.await;
    let sent = Attempt::after(done, "It is said, and what waited for it is tried again.", sku, form)?;
    rendered(&app, &visitor, id, &sent, None).await
}
