//! SQLite at its best: one connection, prepared statements, rows in the order of time, a large cache, a long log.

use super::{Raw, Waiting, gathered, of_growth, singles};
use crate::bench::plan::{BATCH_CONNECTIONS, Plan, RAW_ROWS, RAW_ROWS_SMALL};
use crate::bench::rows::{Row, Rows};
use crate::bench::samples::{Growth, per_second};
use crate::ending::{Code, Ending};
use bonded_ledger::engine::LookupRow;
use bonded_ledger::sqlite::{CACHE_BYTES_MAX, GENERATION_ROWS, LOG_BYTES, SqliteEngine, SqliteOptions};
use rusqlite::{Connection, Statement, params};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Bytes of a page, as the product's.
const PAGE_BYTES: u64 = 8192;

/// Measures in files of its own in this directory, and removes them.
pub async fn measure(room: &Path, plan: &Plan) -> Result<Raw, Ending> {
    let path = room.join("raw.sqlite");
    let (room, plan) = (room.to_owned(), *plan);
    let batches = tokio::task::spawn_blocking(move || batches(&path, &plan));
    let (large, dearer, small) = batches.await.map_err(Ending::internal)??;
    let path = room.join("raw-singles.sqlite");
    make(&path)?;
    let lasting = Duration::from_millis(plan.singles_ms);
    let at = path.clone();
    let store = |queue| async move {
        tokio::task::spawn_blocking(move || one_by_one(&at, queue)).await.map_err(Ending::internal)?
    };
    let singles = singles(Rows::orders(), lasting, store).await?;
    remove(&path);
    Ok(Raw { large, small, dearer, singles })
}

fn batches(path: &Path, plan: &Plan) -> Result<(f64, f64, f64), Ending> {
    let growth = grow(path, plan.records, RAW_ROWS)?;
    let (large, dearer) = of_growth(&growth, plan);
    let (count, took) = grow(path, plan.raw_small, RAW_ROWS_SMALL)?.whole();
    Ok((large, dearer, per_second(count, took)))
}

/// Stores so many rows in transactions of `at_once` in a new file.
fn grow(path: &Path, count: u64, at_once: usize) -> Result<Growth, Ending> {
    make(path)?;
    let connection = connect(path).map_err(|error| failed(&error))?;
    let growth = stored(&connection, count, at_once).map_err(|error| failed(&error))?;
    drop(connection);
    remove(path);
    Ok(growth)
}

fn stored(connection: &Connection, count: u64, at_once: usize) -> rusqlite::Result<Growth> {
    let mut store = Store::prepare(connection)?;
    let mut rows = Rows::new(BATCH_CONNECTIONS);
    let (mut growth, mut took, mut left) = (Growth::new(), Duration::ZERO, count);
    while left > 0 {
        let some = rows.take(at_once.min(usize::try_from(left).unwrap_or(at_once)));
        let begin = Instant::now();
        store.transaction(&some)?;
        took += begin.elapsed();
        growth.add(took, some.len() as u64);
        left -= some.len() as u64;
    }
    Ok(growth)
}

/// Stores what waits, again and again, until all writers are gone.
fn one_by_one(path: &Path, mut queue: mpsc::Receiver<Waiting>) -> Result<(), Ending> {
    let mut work = || -> rusqlite::Result<()> {
        let connection = connect(path)?;
        let mut store = Store::prepare(&connection)?;
        while let Some(first) = queue.blocking_recv() {
            let (rows, told) = gathered(first, &mut queue);
            store.transaction(&rows)?;
            // A writer that went away does not mind.
            for tell in told {
                let _ = tell.send(());
            }
        }
        Ok(())
    };
    work().map_err(|error| failed(&error))
}

/// The product's own tables.
fn make(path: &Path) -> Result<(), Ending> {
    drop(SqliteEngine::open(path, SqliteOptions::default())?);
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -(CACHE_BYTES_MAX / 1024).cast_signed())?;
    connection.pragma_update(None, "wal_autocheckpoint", (LOG_BYTES / PAGE_BYTES).cast_signed())?;
    Ok(connection)
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // What cannot be removed goes with the directory.
        drop(std::fs::remove_file(name));
    }
}

struct Store<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    record: Statement<'c>,
    lookup: Statement<'c>,
    entry: Statement<'c>,
    /// How the product keeps new lookups together: without it, the raw engine would be slower than what is built on it.
    generation: u32,
    in_generation: u32,
}

impl<'c> Store<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            record: connection.prepare(
                "INSERT INTO records (account, kind, id, version, state, parent, sort_at, sealed, consumer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            lookup: connection.prepare(
                "INSERT INTO lookups (generation, account, name, token, kind, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            entry: connection.prepare(
                "INSERT INTO entries (account, seq, at, actor, action, kind, id, version, sealed, leaf)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            generation: 0,
            in_generation: 0,
        })
    }

    fn transaction(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        self.begin.execute([])?;
        for row in rows {
            self.insert(row)?;
        }
        self.commit.execute([])?;
        Ok(())
    }

    fn insert(&mut self, row: &Row) -> rusqlite::Result<()> {
        let Row { account, seq, write } = row;
        for lookup in &write.lookups_added {
            let LookupRow { name, token, kind, id } = lookup;
            self.lookup.execute(params![self.generation, account, name, token, kind, id])?;
            self.in_generation += 1;
            if self.in_generation == GENERATION_ROWS {
                (self.generation, self.in_generation) = (self.generation + 1, 0);
            }
        }
        if let Some(record) = row.record() {
            self.record.execute(params![
                account,
                record.kind,
                record.id,
                record.version.cast_signed(),
                record.state,
                record.parent,
                record.sort_at,
                record.sealed,
                record.consumer
            ])?;
        }
        let entry = &write.entry;
        self.entry.execute(params![
            account,
            seq.cast_signed(),
            entry.at,
            entry.actor,
            entry.action,
            entry.kind,
            entry.id,
            entry.version.cast_signed(),
            entry.sealed,
            entry.leaf
        ])?;
        Ok(())
    }
}

fn failed(error: &rusqlite::Error) -> Ending {
    Ending::new(Code::Io, format!("the raw engine failed: {error}"))
}
