//! Everything that is stored, opened with the keys: what sealing hides must not be there either.

use crate::caller::told;
use crate::canaries::Planting;
use crate::house::House;
use crate::kept;
use crate::search::{Found, Search};
use bonded_base::{Account, Id, Kind, SystemChance, SystemClock, id_text};
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Ledger, List, PLATFORM, SALT_BYTES, Scope};
use bonded_trade::orders::{self, Order};
use bonded_vault::{Environment, Officer, Places, Vault};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// Records and entries that are read at once.
const PAGE: u32 = 1_000;

/// What was found among what is stored.
pub struct Opened<'a> {
    search: &'a Search,
    planting: &'a Planting,
    /// Canaries that should not be there, each with where it is and where it was planted.
    pub leaks: BTreeSet<String>,
    /// The names of the words that are there.
    pub words: BTreeSet<String>,
    /// Canaries that are there as they may be.
    pub kept: usize,
    pub records: usize,
    pub entries: usize,
}

/// Opens the store of a server that no longer runs, and reads all of it.
pub async fn read<'a>(
    house: &House,
    accounts: &[Id<Account>],
    search: &'a Search,
    planting: &'a Planting,
) -> Opened<'a> {
    let ledger = open(house).await;
    let (leaks, words) = (BTreeSet::new(), BTreeSet::new());
    let mut opened = Opened { search, planting, leaks, words, kept: 0, records: 0, entries: 0 };
    for account in accounts.iter().copied().chain([PLATFORM]) {
        let scope = Scope::operator(account);
        opened.records(&ledger, &scope).await;
        opened.consumers(&ledger, &scope).await;
        opened.entries(&ledger, &scope).await;
    }
    ledger.close().await;
    opened
}

async fn open(house: &House) -> Ledger {
    let places = Places { primary: house.path("bonded-data-keys"), replicas: Vec::new() };
    let vault = Vault::open(&places, Environment::Development, Arc::new(SystemChance)).unwrap();
    vault.unseal(&Officer::read(&fs::read(house.officer()).unwrap(), None).unwrap()).unwrap();
    let engine: Arc<dyn Engine> = match &house.database {
        None => {
            let path = house.path("bonded-data/bonded.sqlite");
            Arc::new(SqliteEngine::open(&path, SqliteOptions::default()).unwrap())
        }
        Some(database) => Arc::new(PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap()),
    };
    Ledger::open(engine, vault, Arc::new(SystemClock), Arc::new(SystemChance))
}

impl Opened<'_> {
    async fn records(&mut self, ledger: &Ledger, scope: &Scope) {
        for kind in Kind::ALL {
            let mut list = List::first(PAGE);
            loop {
                let page = ledger.plains(scope, kind, &list).await.unwrap();
                for record in &page.records {
                    self.look(&format!("{} v{}", id_text(record.kind, record.id), record.version), &record.json);
                }
                self.records += page.records.len();
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
                self.look(&format!("the consumer of {}", order.id), consumer.to_bytes().expose());
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
                let headline = &entry.headline;
                let source = format!("entry {} ({} {})", headline.seq, headline.action, headline.subject());
                self.look(&source, &entry.plain[SALT_BYTES..]);
            }
            self.entries += page.len();
        }
    }

    fn look(&mut self, source: &str, bytes: &[u8]) {
        for finding in self.search.bytes(source, bytes) {
            let place = if let Found::Canary(canary) = &finding.found { self.planting.origin(*canary) } else { None };
            match (&finding.found, place) {
                (Found::Word(name), _) => drop(self.words.insert(name.clone())),
                (Found::Canary(canary), Some(place)) if kept::may_be(*canary, &place) => self.kept += 1,
                _ => self.leaks.extend(told(&finding, self.planting)),
            }
        }
    }
}
