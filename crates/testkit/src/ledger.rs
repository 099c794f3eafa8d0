//! A ledger of a test's own, on either engine: with its keys, its clock and its chance, gone when the test is over.

use crate::postgres::{self, TestDatabase};
use bonded_base::{Account, Chance, Clock, Id, Moment};
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Ledger, Scope};
use bonded_vault::{Environment, Officer, Places, Vault};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;

/// When every test begins, unless it says otherwise: 2026-11-22T09:30:00Z.
pub const BEGINNING: Moment = Moment::from_millis(1_795_339_800_000);

/// Where the numbers of every test begin, unless it says otherwise.
pub const SEED: u64 = 0x0b0d_ed00_0b0d_ed00;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows this moment.
    pub const fn at(moment: Moment) -> Self {
        Self(AtomicI64::new(moment.millis()))
    }

    /// Moves it on.
    pub fn advance_ms(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, moment: Moment) {
        self.0.store(moment.millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        Moment::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Numbers that look random and are the same for the same seed (the generator `SplitMix64`). Never for real keys.
#[derive(Debug)]
pub struct SeededChance(AtomicU64);

impl SeededChance {
    /// The numbers of this seed.
    pub const fn of(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(GOLDEN, Ordering::SeqCst).wrapping_add(GOLDEN);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, fresh) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = fresh;
            }
        }
    }
}

/// A ledger of a test's own; dropping it drops the database and the keys.
pub struct TestLedger {
    ledger: Ledger,
    clock: Arc<TestClock>,
    chance: Arc<SeededChance>,
    directory: TempDir,
    database: Option<TestDatabase>,
}

impl TestLedger {
    /// The clock that it reads.
    pub fn test_clock(&self) -> &TestClock {
        &self.clock
    }

    /// The same, to be kept by whoever needs the time as the ledger has it.
    pub fn clock_handle(&self) -> Arc<TestClock> {
        Arc::clone(&self.clock)
    }

    /// The numbers that it draws.
    pub fn test_chance(&self) -> &SeededChance {
        &self.chance
    }

    /// The directory that holds the keys, and the database if it is SQLite's.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the keys' one replica.
    pub fn replica(&self) -> PathBuf {
        replica_in(self.directory.path())
    }

    /// The PostgreSQL database, if that is the engine.
    pub const fn database(&self) -> Option<&TestDatabase> {
        self.database.as_ref()
    }

    /// An account that nobody has, with the operator's scope on it.
    pub fn any_account(&self) -> Scope {
        Scope::operator(Id::<Account>::new(&*self.clock, &*self.chance))
    }
}

impl Deref for TestLedger {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

/// An empty ledger on SQLite, in a directory of its own.
pub async fn on_sqlite() -> TestLedger {
    on_sqlite_seeded(SEED).await
}

/// The same with other numbers.
#[expect(clippy::unused_async, reason = "it starts tasks, so it must be called inside a runtime, as its sibling is")]
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
pub async fn on_sqlite_seeded(seed: u64) -> TestLedger {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("bonded.db");
    let engine = SqliteEngine::open(&path, SqliteOptions::default()).expect("a SQLite database");
    set_up(Arc::new(engine), directory, None, seed)
}

/// An empty ledger on PostgreSQL, in a database of its own; `None`, and said on standard output, where PostgreSQL is
/// not installed.
pub async fn on_postgres() -> Option<TestLedger> {
    on_postgres_seeded(SEED).await
}

/// The same with other numbers.
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
pub async fn on_postgres_seeded(seed: u64) -> Option<TestLedger> {
    let database = postgres::database().await?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = PostgresEngine::connect(database.url(), PostgresOptions::default()).await.expect("PostgreSQL answers");
    Some(set_up(Arc::new(engine), directory, Some(database), seed))
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn set_up(engine: Arc<dyn Engine>, directory: TempDir, database: Option<TestDatabase>, seed: u64) -> TestLedger {
    let (clock, chance) = (Arc::new(TestClock::at(BEGINNING)), Arc::new(SeededChance::of(seed)));
    let places = Places { primary: directory.path().join("keys"), replicas: vec![replica_in(directory.path())] };
    let officers = Officer::generate().recipients();
    let vault = Vault::init(&places, Environment::Development, &officers, chance.clone()).expect("a tree of keys");
    let ledger = Ledger::open(engine, vault, clock.clone(), chance.clone());
    TestLedger { ledger, clock, chance, directory, database }
}

fn replica_in(directory: &Path) -> PathBuf {
    directory.join("keys-replica")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // The generator's published first numbers for the seed 0.
        let chance = SeededChance::of(0);
        assert_eq!((chance.next(), chance.next()), (0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4));
        let (mut one, mut other) = ([0; 20], [0; 20]);
        SeededChance::of(SEED).fill(&mut one);
        SeededChance::of(SEED).fill(&mut other);
        assert_eq!(one, other);
        SeededChance::of(SEED + 1).fill(&mut other);
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_ledger_stands_on_either_engine() {
        let ledgers = [Some(on_sqlite().await), on_postgres().await];
        for ledger in ledgers.into_iter().flatten() {
            ledger.ping().await.unwrap();
            assert_eq!(ledger.head(&ledger.any_account()).await.unwrap(), 0);
            ledger.test_clock().advance_ms(5);
            assert_eq!(ledger.clock().now(), BEGINNING.plus_millis(5));
        }
    }
}
