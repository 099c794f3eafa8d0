//! Measures what the storage engines store in a second, without anything above them.
//!
//! `cargo run --release -p bonded-ledger --example engine_speed [sqlite|postgres] [rows] [rows a batch] [lanes]`
//!
//! Rows have the sizes of real ones: a sealed record of 480 bytes that is listed by its state, one random lookup, a
//! sealed entry of 110 bytes; ids are ordered by time. PostgreSQL runs in a cluster of its own (`fsync=on`), or in the
//! one that `BONDED_TEST_POSTGRES` names.

use bonded_ledger::engine::{
    Bytes16, Commit, Engine, EntryRow, ListBy, ListQuery, LookupRow, Outcome, RecordRow, RecordWrite, Write,
};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use std::error::Error;
use std::time::{Duration, Instant};

const KIND: u8 = 8;
const ACCOUNTS_A_LANE: u64 = 4;
const RECORD_BYTES: usize = 480;
const ENTRY_BYTES: usize = 110;
const CALLERS: u64 = 32;
/// Rows after which a figure is printed.
const REPORT_ROWS: u64 = 100_000;

/// A quick generator (xorshift); the engines only need bytes that cannot be compressed or guessed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn token(&mut self) -> Bytes16 {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

/// Ordered by number, as ids are by time.
fn id(number: u64) -> Bytes16 {
    (u128::from(number) << 64 | 0x8000_0000_0000_0000).to_be_bytes()
}

fn record(number: u64, version: u64, noise: &mut Noise) -> RecordRow {
    RecordRow {
        kind: KIND,
        id: id(number),
        version,
        state: 1,
        parent: None,
        sort_at: number.cast_signed(),
        sealed: noise.bytes(RECORD_BYTES),
        consumer: None,
    }
}

fn write(number: u64, version: u64, noise: &mut Noise) -> Write {
    let row = record(number, version, noise);
    let entry = EntryRow {
        at: number.cast_signed(),
        actor: [1; 17],
        action: "created".into(),
        kind: KIND,
        id: row.id,
        version,
        sealed: noise.bytes(ENTRY_BYTES),
        leaf: [7; 32],
    };
    let lookup = LookupRow { name: 1, token: noise.token(), kind: KIND, id: row.id };
    let born = version == 1;
    Write {
        entry,
        record: Some(if born { RecordWrite::Insert(row) } else { RecordWrite::Update(row) }),
        lookups_added: if born { vec![lookup] } else { vec![] },
        lookups_removed: vec![],
    }
}

fn account(lane: u64, number: u64) -> Bytes16 {
    id(1_000_000 + lane * ACCOUNTS_A_LANE + number % ACCOUNTS_A_LANE)
}

/// One lane's batches: births of the rows `from..to`, or their second version.
async fn lane(engine: &dyn Engine, lane: u64, from: u64, to: u64, batch: u64, version: u64) -> Vec<Duration> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ (lane + 1) ^ from << 20);
    let mut waits = Vec::new();
    let mut next = from;
    let mut make = |next: u64| -> Vec<Commit> {
        (next..(next + batch).min(to))
            .map(|number| Commit { account: account(lane, number), writes: vec![write(number, version, &mut noise)] })
            .collect()
    };
    let mut commits = make(next);
    while !commits.is_empty() {
        next += batch;
        let started = Instant::now();
        let writing = engine.write(commits);
        // The next batch is made while the engine writes this one, as it is in the program.
        let (outcomes, following) = futures::future::join(writing, async { make(next) }).await;
        waits.push(started.elapsed());
        let outcomes = outcomes.expect("the engine wrote the batch");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Committed { .. })), "nothing is refused");
        commits = following;
    }
    waits
}

async fn phase(engine: &dyn Engine, name: &str, version: u64, from: u64, to: u64, batch: u64, lanes: u64) {
    let started = Instant::now();
    let share = (to - from) / lanes;
    let work = (0..lanes).map(|number| lane(engine, number, from / lanes, from / lanes + share, batch, version));
    let mut waits: Vec<Duration> = futures::future::join_all(work).await.into_iter().flatten().collect();
    let rate = (share * lanes) * 1_000_000 / u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    waits.sort_unstable();
    let at = |part: usize| waits.get((waits.len() * part / 100).min(waits.len() - 1)).copied().unwrap_or_default();
    println!("{name:28} {to:>9} rows  {rate:>7}/s  batch p50 {:>6.1?} p99 {:>6.1?}  {}", at(50), at(99), memory());
}

/// Callers who each wait for their one commit.
async fn singles(engine: &dyn Engine, callers: u64, each: u64) {
    let started = Instant::now();
    let work = (0..callers).map(|caller| async move {
        let mut noise = Noise(caller + 77);
        for number in 0..each {
            let commit =
                Commit { account: id(2_000_000 + caller), writes: vec![write(caller * each + number, 1, &mut noise)] };
            engine.write(vec![commit]).await.expect("the engine wrote the commit");
        }
    });
    futures::future::join_all(work).await;
    let rate = callers * each * 1_000_000 / u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    println!("{:28} {:>9} rows  {rate:>7}/s", format!("one by one, {callers} callers"), callers * each);
}

async fn reads(engine: &dyn Engine, rows: u64) {
    const QUESTIONS: u64 = 2_000;
    let started = Instant::now();
    for number in 0..QUESTIONS {
        let number = number * 7_919 % (rows / 2);
        let found = engine.records(account(0, number), KIND, &[id(number)]).await.expect("an answer");
        assert_eq!(found.len(), 1);
    }
    let one = started.elapsed() / u32::try_from(QUESTIONS).unwrap_or(1);
    let started = Instant::now();
    let query = ListQuery { kind: KIND, by: ListBy::State(1), descending: true, after: None, limit: 100 };
    for _ in 0..QUESTIONS / 10 {
        assert_eq!(engine.list(account(0, 0), &query).await.expect("an answer").len(), 100);
    }
    let page = started.elapsed() / u32::try_from(QUESTIONS / 10).unwrap_or(1);
    println!("{:28} a record {one:.1?}, a page of 100 {page:.1?}", "reading");
}

/// What the process holds now and has held at most, in MB.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
    };
    format!("memory {} MB, at most {} MB", field("VmRSS:"), field("VmHWM:"))
}

async fn measure(engine: &dyn Engine, rows: u64, batch: u64, lanes: u64) {
    let mut from = 0;
    while from < rows {
        let to = (from + REPORT_ROWS).min(rows);
        phase(engine, &format!("births, {lanes} lane(s)"), 1, from, to, batch, lanes).await;
        from = to;
    }
    phase(engine, "changes", 2, 0, rows.min(REPORT_ROWS), batch, lanes).await;
    reads(engine, rows / lanes).await;
    singles(engine, 1, 1_000).await;
    singles(engine, CALLERS, 1_000).await;
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |place: usize, otherwise: u64| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (rows, batch, lanes) = (number(1, 1_000_000), number(2, 4_000), number(3, 1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = arguments.first().map_or("both", String::as_str);
    runtime.block_on(async {
        if engine != "postgres" {
            let directory = tempfile::tempdir()?;
            let engine = SqliteEngine::open(&directory.path().join("speed.db"), SqliteOptions::default())?;
            println!("SQLite");
            measure(&engine, rows, batch, lanes).await;
        }
        if engine != "sqlite"
            && let Some(database) = bonded_testkit::postgres::database().await
        {
            let engine = PostgresEngine::connect(database.url(), PostgresOptions::default()).await?;
            println!("PostgreSQL");
            measure(&engine, rows, batch, lanes).await;
        }
        Ok(())
    })
}
