//! The embedded engine: one SQLite file that one process owns.
//!
//! One thread writes, a few read, one copies the write-ahead log into the file; callers wait without blocking. What is
//! acknowledged is durable (`synchronous=FULL`). Source of the settings: <https://www.sqlite.org/pragma.html>.

mod apply;
mod checkpoint;
mod copies;
mod cursors;
mod failure;
mod lookups;
mod memory;
mod read;
mod readers;
mod schema;
mod writer;

use crate::engine::{
    Bytes16, Commit, ConsumerNumber, Engine, EngineError, HEAD, LeaseRow, ListQuery, Outcome, RecordRow, StoredEntry,
    TileRow,
};
use async_trait::async_trait;
use cursors::{Advance, LeaseWish};
use failure::{closed, engine_error};
use lookups::{Lookups, Newest, SharedFilter};
use readers::{Question, Readers};
use rusqlite::Connection;
use schema::Role;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, oneshot};
use writer::{Answer, Job};

pub use copies::copy;
pub use lookups::GENERATION_ROWS;
pub use schema::schema;

/// Connections that read.
const READERS: usize = 3;

/// Wakes that a slow receiver may fall behind before it misses some.
const WAKES_KEPT: usize = 4096;

/// Most memory, in bytes, that the writer's page cache takes on a machine that has plenty.
pub const CACHE_BYTES_MAX: u64 = 96 * 1024 * 1024;

/// Bytes of write-ahead log at which it is copied into the file: a second or two of full load, read again in a tenth of
/// a second after a crash.
pub const LOG_BYTES: u64 = 64 * 1024 * 1024;

/// How a [`SqliteEngine`] is set up; the default suits a server.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Most memory, in bytes, for the writer's page cache; a small machine's gets less.
    pub cache_bytes_max: u64,
    /// Most pages of 8 KiB that the file may have; none means as many as the disk holds. Beyond it the engine says
    /// [`EngineError::DiskFull`].
    pub pages_max: Option<u32>,
    /// Bytes of write-ahead log at which it is copied into the file; it may grow to four times that under load.
    pub log_bytes: u64,
    /// Lookups that are kept together in one tree before the next is begun.
    pub generation_rows: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            cache_bytes_max: CACHE_BYTES_MAX,
            pages_max: None,
            log_bytes: LOG_BYTES,
            generation_rows: GENERATION_ROWS,
        }
    }
}

/// An engine on one SQLite file.
pub struct SqliteEngine {
    /// Tells where a lookup may be.
    filter: SharedFilter,
    /// `None` only while the engine is being dropped.
    jobs: Option<Sender<Job>>,
    questions: Option<Readers>,
    wakes: broadcast::Sender<Bytes16>,
    threads: Vec<JoinHandle<()>>,
    /// Held for as long as the engine lives; the system lets go of it when the process dies.
    _lock: File,
}

impl SqliteEngine {
    /// Opens the database at `path`, making it if there is none; its directory must exist. Blocks while it migrates.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, EngineError> {
        let lock = lock(path)?;
        drop(schema::own_file(path)?);
        let cache_bytes = memory::cache_bytes(options.cache_bytes_max);
        let mut writing = schema::connect(path, Role::Writer { cache_bytes, pages_max: options.pages_max })?;
        schema::migrate(&mut writing)?;
        let copying = schema::connect(path, Role::Checkpointer)?;
        let reading = (0..READERS).map(|_| schema::connect(path, Role::Reader)).collect::<Result<Vec<_>, _>>()?;

        let (jobs, waiting_jobs) = mpsc::channel();
        let (questions, desks) = readers::readers(READERS);
        let (wakes, _) = broadcast::channel(WAKES_KEPT);
        let (filter, newest) =
            lookups::load(&writing, options.generation_rows).map_err(|error| engine_error(&error))?;
        let filter = Arc::new(RwLock::new(filter));
        let mut engine =
            Self { filter, jobs: Some(jobs), questions: Some(questions), wakes, threads: Vec::new(), _lock: lock };
        engine.start_writer(writing, copying, waiting_jobs, newest, options)?;
        for (connection, desk) in reading.into_iter().zip(desks) {
            engine.start("sqlite-read", move || desk.work(&connection))?;
        }
        Ok(engine)
    }

    fn start_writer(
        &mut self,
        mut writing: Connection,
        copying: Connection,
        jobs: Receiver<Job>,
        newest: Newest,
        options: SqliteOptions,
    ) -> Result<(), EngineError> {
        let (checkpointer, copier) =
            checkpoint::pair(&mut writing, options.log_bytes).map_err(|error| engine_error(&error))?;
        self.start("sqlite-copy", move || copier.run(&copying))?;
        let (wakes, filter) = (self.wakes.clone(), Arc::clone(&self.filter));
        self.start("sqlite-write", move || {
            let lookups = Lookups::prepare(&writing, filter, newest, options.generation_rows);
            if let Err(error) = lookups.and_then(|lookups| writer::run(&writing, lookups, &jobs, &wakes, checkpointer)) {
                tracing::error!(code = ?error.sqlite_error_code(), "the database takes no more changes until restarted");
            }
        })
    }

    fn start(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|error| EngineError::Failed(format!("no thread could be started: {error}")))?;
        self.threads.push(thread);
        Ok(())
    }

    async fn job<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.as_ref().ok_or_else(closed)?.send(job(answer)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // Whoever gave up waiting costs nothing.
            if !answer.is_closed() {
                drop(answer.send(question(connection).map_err(|error| engine_error(&error))));
            }
        });
        if !self.questions.as_ref().ok_or_else(closed)?.ask(question) {
            return Err(closed());
        }
        answered.await.map_err(|_| closed())?
    }
}

impl Drop for SqliteEngine {
    /// Lets the threads finish what waits; the last connection to close copies the log into the file.
    fn drop(&mut self) {
        self.jobs = None;
        self.questions = None;
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Takes the lock beside the file, so that a second process is told instead of harming the first.
fn lock(path: &Path) -> Result<File, EngineError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = schema::own_file(&PathBuf::from(name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::InUse),
        Err(TryLockError::Error(error)) => {
            Err(EngineError::Failed(format!("the database file cannot be locked: {error}")))
        }
    }
}

fn not_the_head(consumer: ConsumerNumber) -> Result<(), EngineError> {
    if consumer == HEAD { Err(EngineError::Failed("the head is no consumer's cursor".into())) } else { Ok(()) }
}

#[async_trait]
impl Engine for SqliteEngine {
    fn writers(&self) -> usize {
        1
    }

    async fn write(&self, batch: Vec<Commit>) -> Result<Vec<Outcome>, EngineError> {
        self.job(|answer| Job::Write(batch, answer)).await
    }

    async fn records(&self, account: Bytes16, kind: u8, ids: &[Bytes16]) -> Result<Vec<RecordRow>, EngineError> {
        let ids = ids.to_vec();
        self.ask(move |connection| read::records(connection, account, kind, &ids)).await
    }

    async fn list(&self, account: Bytes16, query: &ListQuery) -> Result<Vec<RecordRow>, EngineError> {
        let query = query.clone();
        self.ask(move |connection| read::list(connection, account, &query)).await
    }

    async fn lookups(
        &self,
        account: Bytes16,
        asked: &[(u8, Bytes16)],
    ) -> Result<Vec<Option<(u8, Bytes16)>>, EngineError> {
        let (asked, filter) = (asked.to_vec(), Arc::clone(&self.filter));
        self.ask(move |connection| lookups::find_all(connection, &filter, account, &asked)).await
    }

    async fn entries(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<StoredEntry>, EngineError> {
        self.ask(move |connection| read::entries(connection, account, after, limit)).await
    }

    async fn leaves(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<[u8; 32]>, EngineError> {
        self.ask(move |connection| read::leaves(connection, account, after, limit)).await
    }

    async fn cursor(&self, account: Bytes16, consumer: ConsumerNumber) -> Result<u64, EngineError> {
        self.ask(move |connection| read::cursor(connection, account, consumer)).await
    }

    async fn behind(
        &self,
        consumer: ConsumerNumber,
        after: Option<Bytes16>,
        limit: u32,
    ) -> Result<Vec<Bytes16>, EngineError> {
        self.ask(move |connection| read::behind(connection, consumer, after, limit)).await
    }

    async fn lease(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        node: Bytes16,
        now: i64,
        until: i64,
    ) -> Result<Option<LeaseRow>, EngineError> {
        not_the_head(consumer)?;
        self.job(|answer| Job::Lease(LeaseWish { account, consumer, node, now, until }, answer)).await
    }

    async fn advance(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        fence: u64,
        seq: u64,
        tiles: Vec<TileRow>,
    ) -> Result<bool, EngineError> {
        not_the_head(consumer)?;
        self.job(|answer| Job::Advance(Advance { account, consumer, fence, seq, tiles }, answer)).await
    }

    async fn tiles(&self, account: Bytes16, places: &[(u8, u64)]) -> Result<Vec<TileRow>, EngineError> {
        let places = places.to_vec();
        self.ask(move |connection| read::tiles(connection, account, &places)).await
    }

    fn wakes(&self) -> broadcast::Receiver<Bytes16> {
        self.wakes.subscribe()
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.ask(read::ping).await
    }
}
