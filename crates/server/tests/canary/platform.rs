//! The platform's own account and the program's own books, which no export shows, opened with the keys after its end.

use crate::canaries::Planting;
use crate::house::House;
use crate::opened::Opened;
use crate::search::Search;
use bonded_base::{Kind, SystemChance, SystemClock};
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Ledger, List, PLATFORM, Scope};
use bonded_vault::{Environment, Officer, Places, Vault};
use std::fs;
use std::sync::Arc;

/// Records and entries that are read at once.
const PAGE: u32 = 1_000;
/// What an export leaves out.
const OWN_BOOKS: [Kind; 2] = [Kind::SlotBlock, Kind::Answer];

/// Reads all of the platform's account, and the program's books in the others.
pub async fn read(house: &House, accounts: &[String], search: &Search, planting: &Planting) -> Opened {
    let ledger = open(house).await;
    let mut opened = Opened::default();
    let platform = Scope::operator(PLATFORM);
    for kind in Kind::ALL {
        records(&ledger, &platform, kind, |json| opened.look(&told(kind), json, search, planting)).await;
    }
    for account in accounts {
        let scope = Scope::operator(account.parse().unwrap());
        for kind in OWN_BOOKS {
            records(&ledger, &scope, kind, |json| opened.look(&told(kind), json, search, planting)).await;
        }
    }
    let mut after = 0;
    loop {
        let entries = ledger.entries(&platform, after, PAGE).await.unwrap();
        let Some(last) = entries.last() else { break };
        after = last.headline.seq;
        for entry in &entries {
            let source = format!("the platform's log, {} {}", entry.headline.kind, entry.headline.action);
            opened.look(&source, &entry.plain, search, planting);
        }
    }
    ledger.close().await;
    opened
}

fn told(kind: Kind) -> String {
    format!("a record of the kind {kind}")
}

async fn records(ledger: &Ledger, scope: &Scope, kind: Kind, mut look: impl FnMut(&[u8])) {
    let mut list = List::first(PAGE);
    loop {
        let page = ledger.plains(scope, kind, &list).await.unwrap();
        page.records.iter().for_each(|record| look(&record.json));
        let Some(next) = page.next else { return };
        list.after = Some(next);
    }
}

async fn open(house: &House) -> Ledger {
    let places = Places { primary: house.path("bonded-data-keys"), replicas: Vec::new() };
    let vault = Vault::open(&places, Environment::Development, Arc::new(SystemChance)).unwrap();
    vault.unseal(&Officer::read(&fs::read(house.officer()).unwrap(), None).unwrap()).unwrap();
    let engine: Arc<dyn Engine> = match &house.database {
        None => {
            let file = house.path("bonded-data/bonded.sqlite");
            Arc::new(SqliteEngine::open(&file, SqliteOptions::default()).unwrap())
        }
        Some(database) => Arc::new(PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap()),
    };
    Ledger::open(engine, vault, Arc::new(SystemClock), Arc::new(SystemChance))
}
