//! A deployment of a test's own: a ledger, its keys elsewhere, two places for backups, and somewhere to bring them back.

use age::x25519;
use bonded_assure::backups::{Database, Keep, Place, PlaceSettings, Setup, open_place};
use bonded_base::{Account, Id, Kind, Kinded, SystemChance};
use bonded_ledger::engine::{CHECKPOINT_LEVEL, Engine};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Change, Ledger, Record, Scope};
use bonded_testkit::ledger::{BEGINNING, TestClock};
use bonded_testkit::postgres::{TestDatabase, database};
use bonded_vault::{Environment, Officer, Places, Vault};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A plain thing to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    pub name: String,
}

impl Kinded for Thing {
    const KIND: Kind = Kind::Product;
}

impl Record for Thing {}

pub struct House {
    pub directory: TempDir,
    pub clock: Arc<TestClock>,
    pub identity: x25519::Identity,
    vault: Vault,
    databases: Vec<TestDatabase>,
    is_postgres: bool,
}

impl House {
    /// One on each engine that is here.
    pub async fn both() -> Vec<Self> {
        let mut houses = vec![Self::on_sqlite()];
        if let (Some(one), Some(other)) = (database().await, database().await) {
            houses.push(Self { databases: vec![one, other], is_postgres: true, ..Self::on_sqlite() });
        }
        houses
    }

    pub fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["data", "one", "two", "again"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let places = Places { primary: directory.path().join("keys"), replicas: Vec::new() };
        let vault =
            Vault::init(&places, Environment::Development, &Officer::generate().recipients(), Arc::new(SystemChance))
                .unwrap();
        Self {
            directory,
            clock: Arc::new(TestClock::at(BEGINNING)),
            identity: x25519::Identity::generate(),
            vault,
            databases: Vec::new(),
            is_postgres: false,
        }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn place(&self, name: &str) -> Arc<dyn Place> {
        open_place(PlaceSettings::Directory { path: self.at(name) }, false).unwrap()
    }

    fn setup_in(&self, room: &str, number: usize) -> Setup {
        let database = match self.databases.get(number) {
            Some(database) => {
                Database::Postgres { url: bonded_base::Secret::new(database.url().to_owned()), root_certificate: None }
            }
            None => Database::Sqlite { file: self.at(room).join("bonded.sqlite") },
        };
        Setup {
            environment: Environment::Development,
            deployment: "bonded.example".to_owned(),
            database,
            directory: self.at(room).join("backup"),
            places: vec![self.place("one"), self.place("two")],
            recipients: vec![self.identity.to_public()],
            signer: None,
            keep: Keep::default(),
            clock: self.clock.clone(),
            chance: Arc::new(SystemChance),
        }
    }

    /// The deployment as it works.
    pub fn setup(&self) -> Setup {
        self.setup_in("data", 0)
    }

    /// An empty place for what is brought back, on another machine.
    pub fn again(&self) -> Setup {
        self.setup_in("again", 1)
    }

    pub fn identities(&self) -> Vec<x25519::Identity> {
        vec![self.identity.clone()]
    }

    async fn engine(&self, room: &str, number: usize) -> Arc<dyn Engine> {
        if let Some(database) = self.databases.get(number) {
            return Arc::new(PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap());
        }
        let file = self.at(room).join("bonded.sqlite");
        Arc::new(SqliteEngine::open(&file, SqliteOptions::default()).unwrap())
    }

    fn ledger_on(&self, engine: Arc<dyn Engine>) -> Ledger {
        // The same keys, which lie elsewhere: they are in no backup.
        Ledger::open(engine, self.vault.clone(), self.clock.clone(), Arc::new(SystemChance))
    }

    /// The ledger that works, and its engine.
    pub async fn ledger(&self) -> (Ledger, Arc<dyn Engine>) {
        let engine = self.engine("data", 0).await;
        (self.ledger_on(Arc::clone(&engine)), engine)
    }

    /// The ledger over what was brought back, under the same keys.
    pub async fn ledger_again(&self) -> Ledger {
        self.ledger_on(self.engine("again", 1).await)
    }

    pub const fn is_postgres(&self) -> bool {
        self.is_postgres
    }
}

pub fn account() -> Scope {
    Scope::operator(Id::<Account>::new(&bonded_base::SystemClock, &SystemChance))
}

/// Keeps things with these names, each by a commit of its own.
pub async fn keep(ledger: &Ledger, scope: &Scope, names: impl IntoIterator<Item = String>) -> Vec<Id<Thing>> {
    let mut ids = Vec::new();
    for name in names {
        let id = ledger.new_id();
        let mut change = Change::default();
        change.create(id, &Thing { name }, "made");
        ledger.commit(scope, change).await.unwrap();
        ids.push(id);
    }
    ids
}

/// Waits until the logs of these accounts are under a signed checkpoint.
pub async fn sign(ledger: &Ledger, engine: &dyn Engine, scopes: &[&Scope]) {
    let node = Id::new(&bonded_base::SystemClock, &SystemChance);
    let flow = bonded_flow::start(ledger.clone(), node, "bonded.example".to_owned());
    for scope in scopes {
        let account = scope.account().bytes();
        let head = engine.head(account).await.unwrap();
        loop {
            let tiles = engine.tiles(account, &[(CHECKPOINT_LEVEL, 0)]).await.unwrap();
            let signed = tiles.into_iter().next().map(|tile| String::from_utf8(tile.hashes).unwrap());
            if signed.is_some_and(|text| text.lines().nth(1) == Some(head.to_string().as_str())) {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    flow.stop().await;
}

/// Every file below a directory.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Who hears nothing.
pub fn quiet(_: bonded_assure::backups::Progress) {}
