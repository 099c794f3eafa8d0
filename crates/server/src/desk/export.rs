//! An account's log and records as JSON lines: what `bonded verify` reads, and what a merchant may take elsewhere.
//!
//! The lines, in this order: `export` (what this is), `checkpoint`, a `record` each, a `consumer` each where asked for,
//! an `entry` each, `end`. The checkpoint is read before the records and these before the entries, so that the entries
//! always cover both. An entry has the form that the API's `/v1/log/export` gives it; `docs/export.md` describes all.

use super::answer::Lines;
use crate::ending::{Code, Ending};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::{Account, Id, Kind, Moment, id_text};
use bonded_ledger::{Entry, Ledger, List, PLATFORM, Plain, SALT_BYTES, Scope};
use bonded_merkle::{Signer as _, VerifierKey};
use bonded_trade::consumers::SixFields;
use bonded_trade::{accounts, orders};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The form of an export; another number when a reader of this one would no longer understand it.
pub const FORMAT: &str = "bonded export v1";

/// Records and entries that are read at once.
const PAGE: u32 = 1_000;

/// Kinds that are the program's own books and no part of an account's business.
const OWN_BOOKS: [Kind; 2] = [Kind::SlotBlock, Kind::Answer];

/// A line that carries JSON in the very bytes it was kept in.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Record { kind: &'static str, id: String, version: u64, updated_at: Moment, value: &'a RawValue },
    Entry { seq: u64, leaf: String, leaf_hash: String, salt: String, said: &'a RawValue },
}

/// Writes the export and says how much of what it holds.
pub async fn export(
    ledger: &Ledger,
    account: Id<Account>,
    log_origin: &str,
    with_consumers: bool,
    lines: &Lines,
) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    if account != PLATFORM {
        accounts::profile(ledger, &scope).await?;
    }
    let log = bonded_flow::log_origin(log_origin, account);
    let key = VerifierKey::new(log.as_str(), ledger.log_signer(&scope)?.public_key()).map_err(Ending::internal)?;
    let at = ledger.clock().now();
    say(
        lines,
        &json!({"export": {"format": FORMAT, "account": account, "log": log, "key": key.to_string(), "at": at}}),
    )
    .await?;
    if let Some(note) = ledger.checkpoint(&scope).await? {
        say(lines, &json!({"checkpoint": note})).await?;
    }
    let records = records(ledger, &scope, lines).await?;
    let consumers = if with_consumers { consumers(ledger, &scope, lines).await? } else { 0 };
    let entries = entries(ledger, &scope, lines).await?;
    let end = json!({"records": records, "consumers": consumers, "entries": entries});
    say(lines, &json!({"end": end})).await?;
    Ok(end)
}

async fn say(lines: &Lines, line: &impl Serialize) -> Result<(), Ending> {
    let text = serde_json::to_string(line).map_err(Ending::internal)?;
    lines.send(text).await.map_err(|_| Ending::new(Code::Io, "nobody reads the export any more"))
}

/// Bytes that are JSON already, as they are.
fn raw(bytes: &[u8]) -> Result<Box<RawValue>, Ending> {
    let text = std::str::from_utf8(bytes).map_err(Ending::internal)?;
    RawValue::from_string(text.to_owned()).map_err(Ending::internal)
}

async fn records(ledger: &Ledger, scope: &Scope, lines: &Lines) -> Result<u64, Ending> {
    let mut count = 0;
    for kind in Kind::ALL.into_iter().filter(|kind| !OWN_BOOKS.contains(kind)) {
        let mut list = List::first(PAGE);
        loop {
            let page = ledger.plains(scope, kind, &list).await?;
            for Plain { kind, id, version, updated_at, json } in &page.records {
                let (id, version, updated_at) = (id_text(*kind, *id), *version, *updated_at);
                let line = Line::Record { kind: kind.name(), id, version, updated_at, value: &raw(json)? };
                say(lines, &line).await?;
                count += 1;
            }
            match page.next {
                Some(next) => list.after = Some(next),
                None => break,
            }
        }
    }
    Ok(count)
}

async fn consumers(ledger: &Ledger, scope: &Scope, lines: &Lines) -> Result<u64, Ending> {
    let mut count = 0;
    let mut list = List::first(PAGE);
    loop {
        let page = ledger.list::<orders::Order>(scope, &list).await?;
        for order in &page.records {
            if let Some(consumer) = orders::consumer(ledger, scope, order).await? {
                let SixFields { first_name, last_name, street, postal_code, region, country } = consumer.expose();
                let line = json!({"consumer": {
                    "order": order.id, "first_name": first_name, "last_name": last_name, "street": street,
                    "postal_code": postal_code, "region": region, "country": country,
                }});
                say(lines, &line).await?;
                count += 1;
            }
        }
        match page.next {
            Some(next) => list.after = Some(next),
            None => return Ok(count),
        }
    }
}

async fn entries(ledger: &Ledger, scope: &Scope, lines: &Lines) -> Result<u64, Ending> {
    let mut seq = 0;
    loop {
        let page = ledger.entries(scope, seq, PAGE).await?;
        let Some(last) = page.last() else { return Ok(seq) };
        seq = last.headline.seq;
        for entry in &page {
            say_entry(lines, entry).await?;
        }
    }
}

async fn say_entry(lines: &Lines, entry: &Entry) -> Result<(), Ending> {
    let (salt, said) = entry.plain.split_at_checked(SALT_BYTES).unwrap_or_default();
    let line = Line::Entry {
        seq: entry.headline.seq,
        leaf: BASE64.encode(entry.headline.leaf_data(&entry.plain)),
        leaf_hash: BASE64.encode(entry.headline.leaf),
        salt: BASE64.encode(salt),
        said: &raw(said)?,
    };
    say(lines, &line).await
}
