//! The mail that waits, was sent or is held, as the operator sees it.

use crate::ending::{Code, Ending};
use bonded_base::Id;
use bonded_ledger::{Ledger, List, PLATFORM, Scope, Stored};
use bonded_people::mail::{self, Mail, MailError, MailState};
use serde_json::{Value, json};

/// Mails of one state that are shown at most, the newest.
const SHOWN_MAX: u32 = 200;

/// The newest mails in one state, or of those that were not sent. Addresses are shown to whoever asks for them.
pub async fn list(ledger: &Ledger, state: Option<&str>, addresses: bool) -> Result<Value, Ending> {
    let states = match state {
        None => vec![MailState::Waiting, MailState::Held],
        Some(name) => vec![
            MailState::from_name(name)
                .ok_or_else(|| Ending::new(Code::Usage, "a mail is `waiting`, `sent` or `held`"))?,
        ],
    };
    let mut shown = Vec::new();
    for state in states {
        let newest = List { descending: true, ..List::first(SHOWN_MAX) };
        let listed = mail::list(ledger, &Scope::operator(PLATFORM), Some(state), newest).await?;
        shown.extend(listed.records.iter().map(|mail| line(mail, addresses)));
    }
    Ok(json!({"mails": shown}))
}

/// Has a mail tried again at once.
pub async fn retry(ledger: &Ledger, id: Id<Mail>) -> Result<Value, Ending> {
    match mail::release(ledger, &Scope::operator(PLATFORM), id).await {
        Ok(()) => Ok(json!({"mail": id, "state": MailState::Waiting})),
        Err(MailError::Problem(problem)) => Err(Ending::new(Code::Usage, problem.to_string())),
        Err(MailError::Ledger(error)) => Err(error.into()),
    }
}

fn line(mail: &Stored<Mail>, addresses: bool) -> Value {
    let mut line = json!({
        "mail": mail.id,
        "state": mail.state,
        "matter": mail.matter.name(),
        "attempts": mail.attempts,
        "queued_at": mail.queued_at,
        "next_try_at": (mail.state == MailState::Waiting).then_some(mail.next_try_at),
        "sent_at": mail.sent_at,
        "tls": mail.tls,
        "why": mail.why,
    });
    if let (true, Some(line)) = (addresses, line.as_object_mut()) {
        line.insert(String::from("to"), json!(mail.to.expose()));
    }
    line
}
