//! Everything that is stored, opened with the keys: what sealing hides must not be there either.

use crate::contract::walk;
use crate::house::House;
use crate::kept;
use crate::planting::Planting;
use crate::search::{Finding, Found, Search};
use bonded_base::{Account, Id, Kind, SystemChance, SystemClock, id_text};
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Ledger, List, PLATFORM, Scope};
use bonded_trade::orders::{self, Order};
use bonded_vault::{Environment, Officer, Places, Vault};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// Records and entries that are read at once.
const PAGE: u32 = 1_000;

/// What was found among what is stored.
#[derive(Default)]
pub struct Contents {
    /// Canaries that should not be there, each with where it is and where it was planted.
    pub leaks: BTreeSet<String>,
    /// The names of the words that are there.
    pub words: BTreeSet<String>,
    /// Canaries that are there as they may be.
    pub kept: usize,
    pub records: usize,
    pub entries: usize,
    pub consumers: usize,
}

/// Opens the store of a server that no longer runs, and reads all of it.
pub async fn contents(house: &House, accounts: &[Id<Account>], search: &Search, planting: &Planting) -> Contents {
    let ledger = open(house).await;
    let mut reader = Reader { search, planting, contents: Contents::default() };
    for account in accounts.iter().copied().chain([PLATFORM]) {
        let scope = Scope::operator(account);
        reader.records(&ledger, &scope).await;
        reader.consumers(&ledger, &scope).await;
        reader.entries(&ledger, &scope).await;
    }
    ledger.close().await;
    reader.contents
}

async fn open(house: &House) -> Ledger {
    let places = Places { primary: house.root().join("data-keys"), replicas: Vec::new() };
    let vault = Vault::open(&places, Environment::Production, Arc::new(SystemChance)).unwrap();
    let identity = fs::read(house.officer()).unwrap();
    vault.unseal(&Officer::read(&identity, None).unwrap()).unwrap();
    let engine: Arc<dyn Engine> = match &house.database {
        None => {
            let path = house.root().join("data/bonded.sqlite");
            Arc::new(SqliteEngine::open(&path, SqliteOptions::default()).unwrap())
        }
        Some(database) => Arc::new(PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap()),
    };
    Ledger::open(engine, vault, Arc::new(SystemClock), Arc::new(SystemChance))
}

struct Reader<'a> {
    search: &'a Search,
    planting: &'a Planting,
    contents: Contents,
}

impl Reader<'_> {
    async fn records(&mut self, ledger: &Ledger, scope: &Scope) {
        for kind in Kind::ALL {
            let mut list = List::first(PAGE);
            loop {
                let page = ledger.plains(scope, kind, &list).await.unwrap();
                for record in &page.records {
                    let source = format!("the record {} v{}", id_text(record.kind, record.id), record.version);
                    self.read(&source, &record.json);
                    self.contents.records += 1;
                }
                let Some(next) = page.next else { break };
                list.after = Some(next);
            }
        }
    }

    async fn consumers(&mut self, ledger: &Ledger, scope: &Scope) {
        let mut list = List::first(PAGE);
        loop {
            let page = ledger.list::<Order>(scope, &list).await.unwrap();
            for order in &page.records {
                let Some(consumer) = orders::consumer(ledger, scope, order).unwrap() else { continue };
                let fields = consumer.expose();
                for (field, text) in [
                    ("first_name", fields.first_name),
                    ("last_name", fields.last_name),
                    ("street", fields.street),
                    ("postal_code", fields.postal_code),
                    ("region", fields.region),
                    ("country", fields.country),
                ] {
                    self.read(&format!("the consumer's {field} of {}", order.id), text.as_bytes());
                }
                // And as a whole, should there be more than the six.
                self.read(&format!("the consumer of {}", order.id), consumer.to_bytes().expose());
                self.contents.consumers += 1;
            }
            let Some(next) = page.next else { break };
            list.after = Some(next);
        }
    }

    async fn entries(&mut self, ledger: &Ledger, scope: &Scope) {
        let mut seq = 0;
        loop {
            let page = ledger.entries(scope, seq, PAGE).await.unwrap();
            let Some(last) = page.last() else { return };
            seq = last.headline.seq;
            for entry in &page {
                let source =
                    format!("entry {} ({} {})", entry.headline.seq, entry.headline.action, entry.headline.subject());
                self.read(&source, &entry.plain[bonded_ledger::SALT_BYTES..]);
                self.contents.entries += 1;
            }
        }
    }

    fn read(&mut self, source: &str, bytes: &[u8]) {
        for finding in self.search.bytes(source, bytes) {
            match &finding.found {
                Found::Word(name) => drop(self.contents.words.insert(name.clone())),
                Found::Torn => drop(self.contents.leaks.insert(told(&finding, bytes, self.search))),
                Found::Canary(canary) => match self.planting.origin(*canary) {
                    None => {}
                    Some(place) if kept::why(&place, canary.shape).is_some() => self.contents.kept += 1,
                    Some(place) => {
                        let leak = format!("{}, planted in {place}", told(&finding, bytes, self.search));
                        self.contents.leaks.insert(leak);
                    }
                },
            }
        }
    }
}

/// The finding with the field of the record that holds it, where it is a record.
fn told(finding: &Finding, bytes: &[u8], search: &Search) -> String {
    let mut fields = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        walk(&value, "", &mut |pointer, value| {
            let Value::String(text) = value else { return };
            if search.bytes("", text.as_bytes()).iter().any(|inside| inside.found == finding.found) {
                fields.push(pointer.to_owned());
            }
        });
    }
    if fields.is_empty() { finding.to_string() } else { format!("{finding}, field {}", fields.join(" ")) }
}
