//! `bonded mail …`: what waits to be sent, and what is held.

use super::{tell, wish};
use crate::cli::{Choices, Mail};
use crate::desk::Wish;
use crate::ending::{Code, Ending};
use crate::terminal::say;
use serde_json::Value;

pub fn run(choices: &Choices, mail: Mail) -> Result<(), Ending> {
    match mail {
        Mail::List { state, addresses, unsealed } => {
            let done = wish(choices, Wish::MailList { state, addresses }, &unsealed)?;
            tell(&done, &unsealed, |done| {
                let mails = done.get("mails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                mails.iter().for_each(one);
                if mails.is_empty() {
                    say!("no such mail");
                }
            });
        }
        Mail::Retry { mail, unsealed } => {
            let mail = mail.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))?;
            let done = wish(choices, Wish::MailRetry { mail }, &unsealed)?;
            tell(&done, &unsealed, |_| say!("it is tried again now; `bonded mail list` shows what came of it"));
        }
    }
    Ok(())
}

fn one(mail: &Value) {
    let [id, state, matter] = ["mail", "state", "matter"].map(|field| word(mail, field).unwrap_or("-"));
    let attempts = mail.get("attempts").and_then(Value::as_u64).unwrap_or_default();
    let at = ["sent_at", "next_try_at", "queued_at"].iter().find_map(|field| word(mail, field)).unwrap_or("-");
    let tls = word(mail, "tls").map(|version| format!("TLS {version}")).unwrap_or_default();
    let why = word(mail, "why").unwrap_or_default();
    let to = word(mail, "to").unwrap_or_default();
    say!("{}", format!("{id}  {state:7}  {attempts:>3}  {at}  {matter:22}  {to} {tls}{why}").trim_end());
}

fn word<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}
