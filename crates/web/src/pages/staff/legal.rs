//! What the law demands: drawn up by one security officer, signed by two.

use super::grants::{ASK, AskForm, LISTED, account_in, draft_of, links_of};
use super::shell;
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered, go};
use crate::pages::form::{Answered, Attempt, Form, Script, id_in};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::when;
use crate::problem::Failure;
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem, Reason as Why};
use bonded_ledger::Stored;
use bonded_people::PeopleError;
use bonded_people::credentials::passkeys::approval_answer;
use bonded_people::grants::{self, ApprovedWith, GrantRecord, ReasonKind};
use bonded_people::staff::{Power, StaffVisitor};
use serde_json::{Value, json};

pub(super) fn pages() -> Vec<Page> {
    let act = Access::With(Power::ActOnLegalDemand);
    vec![
        Page::get(act, "/staff/legal", get(show)),
        Page::post(act, "/staff/legal", post(draw_up)),
        // The signature itself is the proof.
        Page::post(act, "/staff/legal/{grant}/ask", post(ask)).at_any_time(),
        Page::post(act, "/staff/legal/{grant}/sign", post(sign)).at_any_time(),
    ]
}

struct Row {
    id: String,
    reference: String,
    account: String,
    what: String,
    reason: String,
    who: String,
    until: String,
    signed: usize,
    may_sign: bool,
}

#[derive(Template)]
#[template(path = "staff_legal.html")]
struct LegalPage {
    shell: Shell,
    demands: Vec<Row>,
    open: Vec<(String, String)>,
    account: String,
    form: AskForm,
    may_demand: bool,
}

async fn show(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    rendered(&app, &visitor, &Attempt::default()).await
}

async fn rendered(app: &App, visitor: &StaffVisitor, sent: &Attempt) -> Result<Response, Refused> {
    let waiting = grants::demands(app.ledger()).await?;
    let now = app.ledger().clock().now();
    let asked = grants::asked_by(app.ledger(), visitor.id(), LISTED).await?;
    let held = asked.iter().filter(|grant| grant.approved_with == Some(ApprovedWith::Officers) && grant.holds(now));
    let open = held.flat_map(|grant| {
        let reference = grant.reason.ticket.clone().unwrap_or_default();
        links_of(grant).into_iter().map(move |(path, link)| (format!("{reference}: {path}"), link))
    });
    let (open, fresh) = (open.collect(), visitor.session.is_fresh(now));
    let shown = LegalPage {
        shell: shell("Legal demands", visitor).confirming(!fresh, "/staff/legal"),
        open,
        demands: waiting.iter().filter_map(|demand| row(visitor, demand)).collect(),
        account: sent.text(ASK, "account", ""),
        form: AskForm::of(sent),
        may_demand: fresh,
    };
    Ok(answered(sent.status(), &shown))
}

fn row(visitor: &StaffVisitor, demand: &Stored<GrantRecord>) -> Option<Row> {
    let legal = demand.legal.as_ref()?;
    let own = legal.signed.iter().any(|(approver, _)| approver.person == visitor.id().bytes());
    Some(Row {
        id: demand.id.to_string(),
        reference: demand.reason.ticket.clone().unwrap_or_default(),
        account: demand.account.to_string(),
        what: demand.scope.to_string(),
        reason: demand.reason.text.clone(),
        who: demand.staff_name.clone(),
        until: when(legal.terms.until),
        signed: legal.signed.len(),
        may_sign: !own || legal.signed.len() >= grants::OFFICERS_NEEDED,
    })
}

async fn draw_up(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let account = account_in(form.text("account").trim())?;
        grants::demand(app.ledger(), &visitor, account, draft_of(&form, ReasonKind::LegalDemand)?).await
    };
    match work.await {
        Ok(_) => Ok(go("/staff/legal")),
        Err(error) => rendered(&app, &visitor, &Attempt::failed(ASK, form, error)?).await,
    }
}

fn id_of(text: &str) -> Result<Id<GrantRecord>, PeopleError> {
    id_in(text, "there is no such demand")
}

async fn ask(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let demand = grants::copy_of(app.ledger(), id_of(&id)?).await?;
    let gone = || PeopleError::from(Problem::new(Why::State, "no such demand waits for a signature"));
    let legal = demand.legal.as_ref().ok_or_else(gone)?;
    let known = &visitor.record.credentials.passkeys;
    let options = app.doors().staff.approval_options(&legal.terms.challenge(), known);
    Ok(Json(json!({ "ceremony": id, "options": options })))
}

async fn sign(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    Path(id): Path<String>,
    Script(Answered { answer, .. }): Script<Answered>,
) -> Result<Json<Value>, Failure> {
    let assertion = approval_answer(&answer).map_err(PeopleError::from)?;
    let passkeys = &visitor.record.credentials.passkeys;
    let used = passkeys.iter().find(|passkey| passkey.is(&assertion.credential_id)).ok_or(PeopleError::NotProven)?;
    let (key, party) = (used.public_key.clone(), app.doors().staff.relying_party());
    grants::sign(app.ledger(), &visitor, id_of(&id)?, key, party, assertion).await?;
    Ok(Json(json!({ "next": "/staff/legal" })))
}
