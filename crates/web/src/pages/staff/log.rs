//! The platform's own log, newest first: who did what and when to which fields of which record, without any value.

use super::shell;
use crate::api::events::{BOOKKEEPING, EventShown};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, page};
use crate::pages::form::Choice;
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use bonded_base::Kind;
use bonded_ledger::{Entry, Ledger, LedgerError, Scope};
use bonded_people::staff::{self, Power};
use serde::Deserialize;
use std::collections::HashMap;

/// Entries on one page.
const LISTED: usize = 50;
/// Entries that one page looks through at most, when it filters them.
const LOOKED_THROUGH_MAX: u64 = 10_000;
/// Entries that are read at once.
const CHUNK: u32 = 500;
/// What the platform keeps records of; its log tells of nothing else.
const KINDS: [Kind; 13] = [
    Kind::Account,
    Kind::ApiKey,
    Kind::User,
    Kind::Staff,
    Kind::Session,
    Kind::Invitation,
    Kind::PasswordReset,
    Kind::Grant,
    Kind::AccessReview,
    Kind::Course,
    Kind::Training,
    Kind::Mail,
    Kind::Ceremony,
];

pub(super) fn pages() -> Vec<Page> {
    vec![Page::get(Access::With(Power::ReadPlatformLog), "/staff/log", get(show))]
}

struct Row {
    seq: u64,
    at: String,
    who: String,
    name: String,
    action: String,
    kind: &'static str,
    subject: String,
    fields: String,
}

#[derive(Template)]
#[template(path = "staff_log.html")]
struct LogPage {
    shell: Shell,
    kinds: Vec<Choice>,
    kind: &'static str,
    entries: Vec<Row>,
    older: Option<u64>,
}

/// What the page is asked in its query; what it does not know counts as not asked.
#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    before: Option<u64>,
}

async fn show(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(asked) = query.unwrap_or_default();
    let (ledger, scope) = (app.ledger(), visitor.scope());
    let kind = KINDS.into_iter().find(|kind| kind.name() == asked.kind);
    let end = ledger.head(&scope).await?.saturating_add(1);
    let (entries, older) = newest(ledger, &scope, kind, asked.before.unwrap_or(end).min(end)).await?;
    let everybody = staff::list(ledger, &scope).await?;
    let names: HashMap<_, _> = everybody.iter().map(|one| (one.id.to_string(), one.name.as_str())).collect();
    let choice = |one: Kind| Choice { value: one.name().to_owned(), words: one.name(), chosen: Some(one) == kind };
    Ok(page(&LogPage {
        shell: shell("The platform's log", &visitor),
        kinds: KINDS.map(choice).into(),
        kind: kind.map_or("", Kind::name),
        entries: entries.into_iter().map(|entry| row(entry, &names)).collect(),
        older,
    }))
}

/// Entries below `before`, newest first, and below which one to go on; none where the log begins.
async fn newest(
    ledger: &Ledger,
    scope: &Scope,
    kind: Option<Kind>,
    mut before: u64,
) -> Result<(Vec<Entry>, Option<u64>), LedgerError> {
    let wanted = |of: Kind| kind.map_or(!BOOKKEEPING.contains(&of), |kind| of == kind);
    let (mut found, lowest) = (Vec::new(), before.saturating_sub(LOOKED_THROUGH_MAX));
    while before > 1 && before > lowest {
        let last = before - 1;
        let count = CHUNK.min(u32::try_from(last).unwrap_or(CHUNK));
        for entry in ledger.entries(scope, last - u64::from(count), count).await?.into_iter().rev() {
            if found.len() == LISTED {
                return Ok((found, Some(before)));
            }
            before = entry.headline.seq;
            found.extend(wanted(entry.headline.kind).then_some(entry));
        }
        // The log has no gaps, so this many were read; if there ever were one, looking goes on behind it all the same.
        before = before.min(last - u64::from(count) + 1);
    }
    Ok((found, Some(before).filter(|before| *before > 1)))
}

fn row(entry: Entry, names: &HashMap<String, &str>) -> Row {
    let event = EventShown::from(entry);
    let fields: Vec<_> = event.changes.keys().chain(&event.seen).map(String::as_str).collect();
    Row {
        seq: event.seq,
        at: event.at.to_string(),
        name: names.get(&event.actor).copied().unwrap_or_default().to_owned(),
        who: event.actor,
        action: event.action.replace('_', " "),
        kind: event.kind,
        subject: event.subject,
        fields: fields.join(", "),
    }
}
