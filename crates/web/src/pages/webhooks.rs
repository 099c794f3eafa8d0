//! Webhook endpoints: make one, see its secret once, follow its messages with their attempts, send them again.

use super::answer::{Refused, Shell, answered, go};
use super::form::{Attempt, Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, of_trade, when};
use crate::app::App;
use crate::page::{Params, cursor, read_cursor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kind, Moment, Problem, Secret};
use bonded_connect::webhooks::{
    self, EVENT_TYPES, EndpointDraft, EndpointPatch, EndpointState, EventPattern, MessageState, OLD_SECRET_MS, Range,
    WebhookEndpoint, WebhookMessage,
};
use bonded_ledger::{PAGE_MAX, Stored};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission};
use bonded_trade::{Page as Part, Patch};

/// Messages on a page.
const LISTED: u32 = 50;
/// How far back messages that were given up are sent again at once.
const AGAIN_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// The names of the forms: of a new endpoint, and of one that is there.
const MAKE: &str = "make";
const SETTINGS: &str = "settings";

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::WebhooksRead), Access::Member(Permission::WebhooksWrite));
    vec![
        Page::get(look, "/webhooks", get(list)),
        Page::post(change, "/webhooks", post(make)),
        Page::get(look, "/webhooks/{id}", get(show)),
        Page::post(change, "/webhooks/{id}/settings", post(save)),
        Page::post(change, "/webhooks/{id}/state", post(turn)),
        Page::post(change, "/webhooks/{id}/rotate", post(rotate)),
        Page::post(change, "/webhooks/{id}/test", post(test)),
        Page::post(change, "/webhooks/{id}/replay", post(replay)),
        Page::post(change, "/webhooks/{id}/replay-all", post(replay_all)),
        Page::post(change, "/webhooks/{id}/remove", post(remove)),
    ]
}

struct Row {
    id: String,
    url: String,
    description: String,
    events: String,
    state: &'static str,
    why: Option<String>,
}

/// What is typed for an endpoint.
struct EndpointForm {
    url: String,
    events: String,
    description: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    shell: Shell,
    rows: Vec<Row>,
    form: EndpointForm,
    types: [(&'static str, &'static str); EVENT_TYPES.len()],
    may_change: bool,
}

struct AttemptRow {
    at: String,
    status: String,
    ms: u64,
    said: String,
}

struct MessageRow {
    id: String,
    event: String,
    subject: String,
    state: &'static str,
    next: Option<String>,
    attempts: Vec<AttemptRow>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    shell: Shell,
    row: Row,
    secret: Option<String>,
    old_until: Option<String>,
    failing: Option<String>,
    failures: u64,
    is_enabled: bool,
    messages: Vec<MessageRow>,
    next: Option<String>,
    form: EndpointForm,
    may_change: bool,
}

fn row(endpoint: &Stored<WebhookEndpoint>) -> Row {
    Row {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone().unwrap_or_default(),
        events: endpoint.events.iter().map(EventPattern::to_string).collect::<Vec<_>>().join(" "),
        state: match endpoint.state {
            EndpointState::Enabled => "enabled",
            EndpointState::Paused => "paused",
            EndpointState::Failing => "failing",
        },
        why: endpoint.why.clone(),
    }
}

fn form_of(sent: &Attempt, name: &str, present: Option<&Row>) -> EndpointForm {
    let present = |of: fn(&Row) -> &String| present.map(of).cloned().unwrap_or_default();
    EndpointForm {
        url: sent.text(name, "url", &present(|row| &row.url)),
        events: sent.text(name, "events", &present(|row| &row.events)),
        description: sent.text(name, "description", &present(|row| &row.description)),
        wrong: sent.wrong(name),
    }
}

fn may_change(visitor: &Visitor) -> bool {
    visitor.permissions().contains(Permission::WebhooksWrite)
}

async fn list(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    listed(&app, &visitor, &Attempt::default()).await
}

async fn listed(app: &App, visitor: &Visitor, sent: &Attempt) -> Result<Response, Refused> {
    let listed = webhooks::list(app.ledger(), &visitor.scope()?, Part::first(PAGE_MAX)).await?;
    let shown = WebhooksPage {
        shell: home::shell("Webhooks", visitor).with_notice(sent.notice()),
        rows: listed.records.iter().map(row).collect(),
        form: form_of(sent, MAKE, None),
        types: EVENT_TYPES,
        may_change: may_change(visitor),
    };
    Ok(answered(sent.status(), &shown))
}

/// The patterns that a form names, apart by spaces, commas or lines.
fn events_in(form: &Form) -> Vec<String> {
    let split = form.text("events").split(|symbol: char| symbol.is_whitespace() || symbol == ',');
    split.filter(|event| !event.is_empty()).map(str::to_owned).collect()
}

fn description_in(form: &Form) -> Option<String> {
    Some(form.text("description").trim().to_owned()).filter(|description| !description.is_empty())
}

async fn make(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let draft = EndpointDraft {
        url: form.text("url").trim().to_owned(),
        events: events_in(&form),
        description: description_in(&form),
    };
    match webhooks::create(app.ledger(), &visitor.scope()?, draft).await.map_err(of_trade) {
        Ok((endpoint, secret)) => rendered(&app, &visitor, endpoint.id, &Attempt::default(), Some(&secret), None).await,
        Err(error) => listed(&app, &visitor, &Attempt::failed(MAKE, form, error)?).await,
    }
}

fn id_of(text: &str) -> Result<Id<WebhookEndpoint>, PeopleError> {
    id_in(text, "there is no such endpoint")
}

async fn show(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    params.only(&["after"])?;
    let after = params.text("after").map(|text| read_cursor(Kind::WebhookMessage, text)).transpose()?;
    rendered(&app, &visitor, id_of(&id)?, &Attempt::default(), None, after).await
}

/// The page of one endpoint; its secret is on it only when it was made just now.
async fn rendered(
    app: &App,
    visitor: &Visitor,
    id: Id<WebhookEndpoint>,
    sent: &Attempt,
    secret: Option<&Secret<String>>,
    after: Option<(Moment, [u8; 16])>,
) -> Result<Response, Refused> {
    let (ledger, scope, now) = (app.ledger(), visitor.scope()?, app.ledger().clock().now());
    let endpoint = webhooks::get(ledger, &scope, id).await.map_err(of_trade)?;
    let part = Part { after, descending: true, ..Part::first(LISTED) };
    let messages = webhooks::messages(ledger, &scope, id, part).await?;
    let old_until = endpoint.secrets.iter().filter_map(|secret| secret.until).max().filter(|until| *until > now);
    let row = row(&endpoint);
    let shown = WebhookPage {
        shell: home::shell("A webhook endpoint", visitor)
            .with_notice(sent.notice())
            .with_error(sent.wrong_elsewhere([SETTINGS].into_iter())),
        secret: secret.map(|secret| secret.expose().clone()),
        old_until: old_until.map(when),
        failing: endpoint.failing_since.map(when),
        failures: endpoint.failures,
        is_enabled: endpoint.state == EndpointState::Enabled,
        messages: messages.records.iter().map(message_row).collect(),
        next: messages.next.map(|next| cursor(Kind::WebhookMessage, next)),
        form: form_of(sent, SETTINGS, Some(&row)),
        may_change: may_change(visitor),
        row,
    };
    Ok(answered(sent.status(), &shown))
}

fn message_row(message: &Stored<WebhookMessage>) -> MessageRow {
    let attempt = |attempt: &webhooks::Attempt| AttemptRow {
        at: when(attempt.at),
        status: attempt.status.map_or_else(|| String::from("no answer"), |status| status.to_string()),
        ms: attempt.ms,
        said: attempt.answer.clone().or_else(|| attempt.error.clone()).unwrap_or_default(),
    };
    MessageRow {
        id: message.id.to_string(),
        event: message.event.clone(),
        subject: message.subject.clone(),
        state: match message.state {
            MessageState::Waiting => "waiting",
            MessageState::Delivered => "delivered",
            MessageState::Failed => "given up",
        },
        next: message.next_at.map(when),
        attempts: message.attempts.iter().rev().map(attempt).collect(),
    }
}

/// The endpoint's page, with what came of the form.
async fn after<T>(
    app: &App,
    visitor: &Visitor,
    id: Id<WebhookEndpoint>,
    done: Result<T, PeopleError>,
    notice: &'static str,
) -> Result<Response, Refused> {
    let sent = Attempt::after(done, notice, "done", Form::default())?;
    rendered(app, visitor, id, &sent, None, None).await
}

async fn save(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let patch = EndpointPatch {
        url: Patch::Set(form.text("url").trim().to_owned()),
        events: Patch::Set(events_in(&form)),
        description: description_in(&form).map_or(Patch::Clear, Patch::Set),
        state: Patch::Keep,
    };
    let done = webhooks::update(app.ledger(), &visitor.scope()?, id, None, patch).await.map_err(of_trade);
    let sent = Attempt::after(done, "It is told of this from now on.", SETTINGS, form)?;
    rendered(&app, &visitor, id, &sent, None, None).await
}

async fn turn(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let (state, notice) = match form.text("state") {
        "enabled" => (EndpointState::Enabled, "It goes on, with everything that happened meanwhile."),
        _ => (EndpointState::Paused, "It is told nothing until you enable it again. Nothing is lost."),
    };
    let patch = EndpointPatch { state: Patch::Set(state), ..EndpointPatch::default() };
    let done = webhooks::update(app.ledger(), &visitor.scope()?, id, None, patch).await.map_err(of_trade);
    after(&app, &visitor, id, done, notice).await
}

async fn rotate(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    match webhooks::rotate(app.ledger(), &visitor.scope()?, id, OLD_SECRET_MS).await.map_err(of_trade) {
        Ok((_, secret)) => rendered(&app, &visitor, id, &Attempt::default(), Some(&secret), None).await,
        Err(error) => after(&app, &visitor, id, Err::<(), _>(error), "").await,
    }
}

async fn test(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = webhooks::send_test(app.ledger(), &visitor.scope()?, id).await.map_err(of_trade);
    after(&app, &visitor, id, done, "A test is on its way. Open the page again to see what came of it.").await
}

async fn replay(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let work = async {
        let message = id_in(form.text("message"), "there is no such message")?;
        webhooks::replay(app.ledger(), &visitor.scope()?, id, message).await.map_err(of_trade)
    };
    after(&app, &visitor, id, work.await, "It is sent again.").await
}

async fn replay_all(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (id, now) = (id_of(&id)?, app.ledger().clock().now());
    let mut range = Range { from: now.plus_millis(-AGAIN_MS), to: now, after: None, delivered: false };
    let done = loop {
        match webhooks::replay_range(app.ledger(), &visitor.scope()?, id, range).await.map_err(of_trade) {
            Ok(some) if some.next_after.is_some() => range.after = some.next_after,
            done => break done,
        }
    };
    after(&app, &visitor, id, done, "What was given up in the last three days is sent again.").await
}

async fn remove(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    if !form.ticked("sure") {
        let unsure = Problem::invalid("/sure", "tick that it is to be removed with its messages");
        return after(&app, &visitor, id, Err::<(), _>(unsure.into()), "").await;
    }
    match webhooks::remove(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade) {
        Ok(()) => Ok(go("/webhooks")),
        Err(error) => after(&app, &visitor, id, Err::<(), _>(error), "").await,
    }
}
