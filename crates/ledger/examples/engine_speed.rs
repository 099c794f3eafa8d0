//! Measures what the storage engines store in a second, without anything above them.
//!
//! `cargo run --release -p bonded-ledger --example engine_speed [sqlite|postgres] [rows] [rows a batch] [lanes]`
//!
//! Rows have the sizes of real ones: a sealed record of 480 bytes that is listed by its state, one random lookup, a
//! sealed entry of 110 bytes; ids are ordered by time. PostgreSQL runs in a cluster of its own (`fsync=on`), or in the
//! one that `BONDED_TEST_POSTGRES` names.

use bonded_ledger::engine::{
    Bytes16, Commit, Engine, EngineError, EntryRow, ListBy, ListQuery, LookupRow, Outcome, RecordRow, RecordWrite,
    Write,
};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use futures::future::{join, join_all, try_join, try_join_all};
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
async fn lane(
    engine: &dyn Engine,
    lane: u64,
    from: u64,
    to: u64,
    batch: u64,
    version: u64,
) -> Result<Vec<Duration>, EngineError> {
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
        let (outcomes, following) = join(writing, async { make(next) }).await;
        waits.push(started.elapsed());
        assert!(outcomes?.iter().all(|outcome| matches!(outcome, Outcome::Committed { .. })), "nothing is refused");
        commits = following;
    }
    Ok(waits)
}

async fn phase(
    engine: &dyn Engine,
    name: &str,
    version: u64,
    rows: std::ops::Range<u64>,
    batch: u64,
    lanes: u64,
) -> Result<(), EngineError> {
    let (from, share) = (rows.start / lanes, (rows.end - rows.start) / lanes);
    let begun = Begun::now();
    let work = (0..lanes).map(|number| lane(engine, number, from, from + share, batch, version));
    let mut waits: Vec<Duration> = try_join_all(work).await?.into_iter().flatten().collect();
    waits.sort_unstable();
    let at = |part: usize| waits.get(waits.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{name:22} to {:>9}  {}  batch p50 {:>6.1?} p99 {:>6.1?}  {}",
        rows.end,
        begun.figures(share * lanes),
        at(50),
        at(99),
        memory()
    );
    Ok(())
}

/// Callers who each wait for their one commit; what waits while the engine is busy goes together, as in the ledger.
async fn singles(engine: &dyn Engine, callers: u64, each: u64) -> Result<(), EngineError> {
    let begun = Begun::now();
    let lanes: Vec<_> = (0..engine.writers()).map(|_| tokio::sync::mpsc::channel::<(Commit, Told)>(1_024)).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
    let gather = try_join_all(receivers.into_iter().map(|mut waiting| async move {
        while let Some(first) = waiting.recv().await {
            let (mut commits, mut told) = (vec![first.0], vec![first.1]);
            while let Ok((commit, tell)) = waiting.try_recv() {
                commits.push(commit);
                told.push(tell);
            }
            engine.write(commits).await?;
            for tell in told {
                // Nobody goes away here.
                let _ = tell.send(());
            }
        }
        Ok::<(), EngineError>(())
    }));
    let work = async {
        let callers = (0..callers).map(|caller| {
            let lane = senders.get(usize::try_from(caller).unwrap_or(0) % senders.len());
            async move {
                let mut noise = Noise(caller + 77);
                for number in 0..each {
                    let born = write(caller * each + number, 1, &mut noise);
                    let commit = Commit { account: id(2_000_000 + caller + callers * 100), writes: vec![born] };
                    let (tell, told) = tokio::sync::oneshot::channel();
                    if let Some(lane) = lane {
                        drop(lane.send((commit, tell)).await);
                    }
                    drop(told.await);
                }
            }
        });
        join_all(callers).await;
        drop(senders);
        Ok(())
    };
    try_join(gather, work).await?;
    println!("one by one, {callers:>2} callers {:>11}  {}", callers * each, begun.figures(callers * each));
    Ok(())
}

type Told = tokio::sync::oneshot::Sender<()>;

/// The moment when a measurement began, and what the process had used by then.
struct Begun {
    at: Instant,
    cpu_seconds: f64,
    written_bytes: u64,
}

impl Begun {
    fn now() -> Self {
        let (cpu_seconds, written_bytes) = used();
        Self { at: Instant::now(), cpu_seconds, written_bytes }
    }

    /// Rows a second; microseconds of processor and bytes on disk a row. PostgreSQL's own work is not in the latter two.
    fn figures(&self, rows: u64) -> String {
        let count = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
        let (cpu_seconds, written_bytes) = used();
        format!(
            "{:>7.0}/s  cpu {:>5.1} µs  disk {:>6} B",
            count / self.at.elapsed().as_secs_f64(),
            (cpu_seconds - self.cpu_seconds) * 1e6 / count,
            (written_bytes - self.written_bytes) / rows.max(1)
        )
    }
}

/// Seconds of processor (in hundredths) and bytes sent to disk by this process so far, as Linux tells them.
fn used() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    ((ticks(11) + ticks(12)) / 100.0, written.unwrap_or(0))
}

async fn reads(engine: &dyn Engine, rows: u64) -> Result<(), EngineError> {
    const QUESTIONS: u64 = 2_000;
    let started = Instant::now();
    for number in 0..QUESTIONS {
        let number = number * 7_919 % (rows / 2);
        let found = engine.records(account(0, number), KIND, &[id(number)]).await?;
        assert_eq!(found.len(), 1);
    }
    let one = started.elapsed() / u32::try_from(QUESTIONS).unwrap_or(1);
    let started = Instant::now();
    let query = ListQuery { kind: KIND, by: ListBy::State(1), descending: true, after: None, limit: 100 };
    for _ in 0..QUESTIONS / 10 {
        assert_eq!(engine.list(account(0, 0), &query).await?.len(), 100);
    }
    let page = started.elapsed() / u32::try_from(QUESTIONS / 10).unwrap_or(1);
    println!("reading: a record {one:.1?}, a page of 100 {page:.1?}");
    Ok(())
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

async fn measure(engine: &dyn Engine, rows: u64, batch: u64, lanes: u64) -> Result<(), EngineError> {
    let mut from = 0;
    while from < rows {
        let to = (from + REPORT_ROWS).min(rows);
        phase(engine, "births", 1, from..to, batch, lanes).await?;
        from = to;
    }
    phase(engine, "changes", 2, 0..rows.min(REPORT_ROWS), batch, lanes).await?;
    reads(engine, rows / lanes).await?;
    singles(engine, 1, 1_000).await?;
    singles(engine, CALLERS, 1_000).await
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
            measure(&engine, rows, batch, lanes).await?;
        }
        if engine != "sqlite"
            && let Some(database) = bonded_testkit::postgres::database().await
        {
            let engine = PostgresEngine::connect(database.url(), PostgresOptions::default()).await?;
            println!("PostgreSQL");
            measure(&engine, rows, batch, lanes).await?;
        }
        Ok(())
    })
}
