//! A ledger of its own for each test, on either engine, and a plain thing to keep in it.

use bonded_base::{Account, Chance, Id, Kind, Kinded, Moment, SystemChance, SystemClock};
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Change, Ledger, Lookup, LookupName, Record, Scope};
use bonded_testkit::postgres::TestDatabase;
use bonded_vault::{Environment, Officer, Places, Vault};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A thing with every trait a record can have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    pub name: String,
    pub count: u64,
    pub state: u8,
    pub parent: Option<[u8; 16]>,
    pub sort_at: Option<Moment>,
}

impl Thing {
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), count: 0, state: 1, parent: None, sort_at: None }
    }
}

impl Kinded for Thing {
    const KIND: Kind = Kind::Product;
}

impl Record for Thing {
    fn state(&self) -> u8 {
        self.state
    }
    fn parent(&self) -> Option<[u8; 16]> {
        self.parent
    }
    fn sort_at(&self) -> Option<Moment> {
        self.sort_at
    }
    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::Handle, self.name.as_bytes())]
    }
}

/// Where a ledger lives, so that it can be opened again.
#[derive(Clone)]
pub enum Home {
    Sqlite(PathBuf),
    Postgres(PathBuf, String),
}

/// A ledger that goes when the test ends.
pub struct House {
    pub ledger: Ledger,
    pub engine: Arc<dyn Engine>,
    pub account: Id<Account>,
    pub scope: Scope,
    home: Home,
    pub kept: (tempfile::TempDir, Option<TestDatabase>),
}

pub const OFFICER: &str = "officer.txt";

impl Home {
    pub fn directory(&self) -> &Path {
        match self {
            Self::Sqlite(directory) | Self::Postgres(directory, _) => directory,
        }
    }

    fn places(&self) -> Places {
        Places { primary: self.directory().join("keys"), replicas: Vec::new() }
    }

    /// Makes the keys of a new ledger; the officer's identity lies beside them.
    pub fn found(&self) {
        let officer = Officer::generate();
        std::fs::write(self.directory().join(OFFICER), officer.to_file(None).expose()).unwrap();
        let recipients = officer.recipients();
        Vault::init(&self.places(), Environment::Development, &recipients, Arc::new(SystemChance)).unwrap();
    }

    pub async fn engine(&self) -> Arc<dyn Engine> {
        match self {
            Self::Sqlite(directory) => {
                Arc::new(SqliteEngine::open(&directory.join("bonded.db"), SqliteOptions::default()).unwrap())
            }
            Self::Postgres(_, url) => Arc::new(PostgresEngine::connect(url, PostgresOptions::default()).await.unwrap()),
        }
    }

    pub fn vault(&self) -> Vault {
        let vault = Vault::open(&self.places(), Environment::Development, Arc::new(SystemChance)).unwrap();
        let identity = std::fs::read(self.directory().join(OFFICER)).unwrap();
        vault.unseal(&Officer::read(&identity, None).unwrap()).unwrap();
        vault
    }

    pub async fn open(&self) -> (Ledger, Arc<dyn Engine>) {
        let engine = self.engine().await;
        let ledger = Ledger::open(Arc::clone(&engine), self.vault(), Arc::new(SystemClock), Arc::new(SystemChance));
        (ledger, engine)
    }
}

impl House {
    pub async fn on_sqlite() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        Some(Self::at(Home::Sqlite(directory.path().to_owned()), directory, None).await)
    }

    pub async fn on_postgres() -> Option<Self> {
        let database = bonded_testkit::postgres::database().await?;
        let directory = tempfile::tempdir().unwrap();
        let home = Home::Postgres(directory.path().to_owned(), database.url().to_owned());
        Some(Self::at(home, directory, Some(database)).await)
    }

    async fn at(home: Home, directory: tempfile::TempDir, database: Option<TestDatabase>) -> Self {
        home.found();
        let (ledger, engine) = home.open().await;
        let account = new_account();
        Self { ledger, engine, account, scope: Scope::operator(account), home, kept: (directory, database) }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub async fn keep(&self, thing: &Thing) -> Id<Thing> {
        let id = self.ledger.new_id();
        let mut change = Change::new();
        change.create(id, thing, "made");
        self.ledger.commit(&self.scope, change).await.unwrap();
        id
    }
}

pub fn new_account() -> Id<Account> {
    Id::new(&SystemClock, &SystemChance)
}

pub fn dice() -> u64 {
    let mut bytes = [0; 8];
    SystemChance.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Runs a story on both engines.
#[macro_export]
macro_rules! on_both_engines {
    ($($story:ident),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if let Some(house) = $crate::house::House::on_sqlite().await {
                    super::$story(house).await;
                }
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if let Some(house) = $crate::house::House::on_postgres().await {
                    super::$story(house).await;
                }
            }
        )*}
    };
}
