//! The mail that waits, was sent or is held, without a word of whom it is for or what it says.

use super::shell;
use crate::app::App;
use crate::page::{cursor, read_cursor};
use crate::pages::answer::{Refused, Shell, page};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::when;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use bonded_base::Kind;
use bonded_ledger::{List, Stored};
use bonded_people::mail::{self, Mail, MailState, TlsVersion};
use bonded_people::staff::Power;
use serde::Deserialize;

/// Mails on one page.
const LISTED: u32 = 50;

pub(super) fn pages() -> Vec<Page> {
    // To have a held one tried again is the operator's, at the command line: no power says so.
    vec![Page::get(Access::With(Power::ReadMail), "/staff/mail", get(show))]
}

struct Row {
    id: String,
    about: String,
    state: &'static str,
    tries: u32,
    queued: String,
    next: String,
    sent: String,
    tls: &'static str,
    why: String,
}

#[derive(Template)]
#[template(path = "staff_mail.html")]
struct MailPage {
    shell: Shell,
    states: [&'static str; 3],
    state: &'static str,
    mails: Vec<Row>,
    older: Option<String>,
}

/// What the page is asked in its query; what it does not know counts as not asked.
#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
}

async fn show(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(asked) = query.unwrap_or_default();
    let state = MailState::from_name(&asked.state).unwrap_or(MailState::Waiting);
    let after = read_cursor(Kind::Mail, &asked.after).ok();
    let newest = List { descending: true, after, ..List::first(LISTED) };
    let listed = mail::list(app.ledger(), &visitor.scope(), Some(state), newest).await?;
    Ok(page(&MailPage {
        shell: shell("Mail", &visitor),
        states: MailState::ALL.map(MailState::name),
        state: state.name(),
        mails: listed.records.iter().map(row).collect(),
        older: listed.next.map(|next| cursor(Kind::Mail, next)),
    }))
}

fn row(mail: &Stored<Mail>) -> Row {
    let moment = |moment: Option<bonded_base::Moment>| moment.map_or_else(|| String::from("–"), when);
    Row {
        id: mail.id.to_string(),
        about: mail.matter.name().replace('_', " "),
        state: mail.standing(),
        tries: mail.attempts,
        queued: when(mail.queued_at),
        next: moment((mail.state == MailState::Waiting).then_some(mail.next_try_at)),
        sent: moment(mail.sent_at),
        tls: mail.tls.map_or("–", TlsVersion::name),
        why: mail.why.clone().unwrap_or_default(),
    }
}
