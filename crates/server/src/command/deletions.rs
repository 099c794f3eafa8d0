//! `bonded deletion …`: consumers of archived orders are forgotten, with word of how far that is.

use super::{on_runtime, parsed};
use crate::cli::{Choices, Deletion, OfAccount};
use crate::desk::{Wish, ask};
use crate::ending::Ending;
use crate::terminal::say;
use serde_json::Value;
use std::io::{IsTerminal, Write};

pub fn run(choices: &Choices, deletion: Deletion) -> Result<(), Ending> {
    match deletion {
        Deletion::Ask { order, archived_days, of } => {
            let orders = order.iter().map(|order| parsed(order)).collect::<Result<_, _>>()?;
            let wish = Wish::DeletionAsk { account: parsed(&of.account)?, orders, archived_days };
            told(choices, wish, &of, shown)
        }
        Deletion::List { of } => told(choices, Wish::DeletionList { account: parsed(&of.account)? }, &of, listed),
        Deletion::Show { one } => {
            let (account, deletion) = (parsed(&one.of.account)?, parsed(&one.deletion)?);
            told(choices, Wish::DeletionShow { account, deletion }, &one.of, shown)
        }
        Deletion::Certificate { one } => {
            let (account, deletion) = (parsed(&one.of.account)?, parsed(&one.deletion)?);
            told(choices, Wish::DeletionCertificate { account, deletion }, &one.of, |done| {
                print!("{}", word(done, "certificate"));
            })
        }
        Deletion::Cancel { one } => {
            let (account, deletion) = (parsed(&one.of.account)?, parsed(&one.deletion)?);
            told(choices, Wish::DeletionCancel { account, deletion }, &one.of, shown)
        }
        Deletion::Policy { grace_days, archived_days, of } => {
            let wish = Wish::DeletionPolicy { account: parsed(&of.account)?, grace_days, archived_days };
            told(choices, wish, &of, |done| {
                say!("a deletion waits  {} days", number(done, "grace_days"));
                match done.get("archived_days").and_then(Value::as_u64) {
                    Some(days) => say!("by rule           what was archived more than {days} days ago"),
                    None => say!("by rule           nothing"),
                }
            })
        }
    }
}

/// Has a wish carried out, and tells at a terminal how far it is.
fn told(choices: &Choices, wish: Wish, of: &OfAccount, show: impl FnOnce(&Value)) -> Result<(), Ending> {
    let settings = choices.settings()?;
    let mut screen = std::io::stderr();
    let draws = screen.is_terminal();
    let line = |line: &str| {
        if draws && let Ok(progress) = serde_json::from_str::<Value>(line) {
            let (state, forgotten) = (word(&progress, "state"), number(&progress, "forgotten"));
            let _ = write!(screen, "\r{state:9} {forgotten} orders forgotten\x1b[K").and_then(|()| screen.flush());
        }
        Ok(())
    };
    let done = on_runtime(1, ask(&settings, wish, of.unsealed.officer.as_deref(), line))?;
    if draws {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    super::tell(&done?, &of.unsealed, show);
    Ok(())
}

fn listed(done: &Value) {
    for deletion in done.get("deletions").and_then(Value::as_array).into_iter().flatten() {
        let [id, state, due] = ["deletion", "state", "due_at"].map(|name| word(deletion, name));
        say!("{id}  {state:9}  due {due}  {} orders forgotten", number(deletion, "forgotten"));
    }
}

fn shown(done: &Value) {
    for (name, value) in [("deletion", "deletion"), ("state", "state"), ("because", "because"), ("due", "due_at")] {
        say!("{name:10} {}", word(done, value));
    }
    say!("forgotten  {} orders", number(done, "forgotten"));
    if let Some(destroyed) = done.get("destroyed").filter(|destroyed| !destroyed.is_null()) {
        let [before, after] = ["root_before", "root_after"].map(|name| number(destroyed, name));
        say!("keys       version {before} could open them, version {after} cannot");
    }
    for replica in done.get("replicas").and_then(Value::as_array).into_iter().flatten() {
        let why_not = replica.get("why_not").and_then(Value::as_str);
        let stands = why_not.map_or_else(
            || format!("confirmed {}", word(replica, "confirmed_at")),
            |why_not| format!("has not confirmed: {why_not}"),
        );
        say!("replica    {}  {stands}", word(replica, "place"));
    }
    for recipient in done.get("recipients").and_then(Value::as_array).into_iter().flatten() {
        let shop = recipient.get("shop").and_then(Value::as_str).unwrap_or("partner");
        let [account, asked] = ["account", "asked"].map(|name| word(recipient, name));
        say!("recipient  {account}  {shop}  {} orders: {asked}", number(recipient, "orders"));
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}
