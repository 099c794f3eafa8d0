//! Keeps the write-ahead log short without making commits wait.
//!
//! A thread of its own copies the log into the file while the writer goes on. Under steady load it never quite catches
//! up, so when little is left the writer takes the rest itself, after which the log begins again from its start. Only
//! if the log reaches its limit does the writer wait for the thread.

use super::schema::{LOCK_WAIT, PAGE_BYTES};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a commit waits for readers before the log begins again; most are done in a millisecond.
const READERS_WAIT: Duration = Duration::from_millis(20);

/// How long it waits once the log is at its limit.
const LIMIT_WAIT: Duration = Duration::from_millis(500);

/// When what is done, in pages of the log.
#[derive(Clone, Copy)]
struct Lengths {
    /// The thread is called.
    call: u32,
    /// So few left over that the writer copies them itself.
    rest: u32,
    /// The writer waits for the thread.
    limit: u32,
}

impl Lengths {
    fn of(log_bytes: u64) -> Self {
        let call = u32::try_from(log_bytes / u64::from(PAGE_BYTES)).unwrap_or(u32::MAX).max(1);
        Self { call, rest: call / 4, limit: call.saturating_mul(4) }
    }
}

/// Whether the thread is at work.
#[derive(Default)]
struct Turn {
    copying: Mutex<bool>,
    ended: Condvar,
}

impl Turn {
    fn copying(&self) -> bool {
        *self.copying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, copying: bool) {
        *self.copying.lock().unwrap_or_else(PoisonError::into_inner) = copying;
        self.ended.notify_all();
    }

    fn wait_for_end(&self) {
        let mut copying = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        while *copying {
            copying = self.ended.wait(copying).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The writer's side.
pub(super) struct Checkpointer {
    call: SyncSender<()>,
    turn: Arc<Turn>,
    pages: Lengths,
    /// Pages of the log after the last commit, as SQLite tells them.
    length: Arc<AtomicU32>,
}

/// The thread's side.
pub(super) struct Copier {
    calls: Receiver<()>,
    turn: Arc<Turn>,
}

/// The two sides for the connection that writes (which must not set `wal_autocheckpoint` any more: that would end the
/// telling of the log's length); the thread is called when the log has this many bytes.
pub(super) fn pair(writing: &mut Connection, log_bytes: u64) -> rusqlite::Result<(Checkpointer, Copier)> {
    let (call, calls) = sync_channel(1);
    let turn = Arc::new(Turn::default());
    let length = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&length);
    writing.wal_hook(Some(move |_: &mut Wal, pages: i32| {
        told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    let checkpointer = Checkpointer { call, turn: Arc::clone(&turn), pages: Lengths::of(log_bytes), length };
    Ok((checkpointer, Copier { calls, turn }))
}

impl Copier {
    /// Copies whenever called, until the writer is gone.
    pub(super) fn run(self, connection: &Connection) {
        while self.calls.recv().is_ok() {
            // A full disk, say: the next call tries again, and the log keeps what was committed.
            if let Err(error) = checkpoint(connection, "PASSIVE") {
                tracing::warn!(code = ?error.sqlite_error_code(), "the write-ahead log could not be copied into the file");
            }
            self.turn.set(false);
        }
    }
}

impl Checkpointer {
    /// Looks at the log's length after a commit and has it copied if it is time.
    pub(super) fn after_commit(&mut self, connection: &Connection) {
        let Lengths { call, rest, limit } = self.pages;
        let length = self.length.load(Ordering::Relaxed);
        if length < call {
            return;
        }
        if self.turn.copying() {
            if length < limit {
                return;
            }
            self.turn.wait_for_end();
        }
        let Ok((length, copied)) = checkpoint(connection, "NOOP") else { return };
        if length >= limit {
            begin_again(connection, LIMIT_WAIT);
        } else if length - copied.min(length) <= rest {
            begin_again(connection, READERS_WAIT);
        } else {
            self.call();
        }
    }

    /// Has what is left copied while there is nothing else to do.
    pub(super) fn rest(&mut self, connection: &Connection) {
        let uncopied = checkpoint(connection, "NOOP").is_ok_and(|(length, copied)| copied < length);
        if uncopied && !self.turn.copying() {
            self.call();
        }
    }

    fn call(&self) {
        self.turn.set(true);
        if self.call.try_send(()).is_err() {
            self.turn.set(false);
        }
    }
}

/// Copies the rest and waits for those who still read in the log, so that the next commit begins at its start. Where
/// that fails (a slow reader, a full disk), the next commit tries again.
fn begin_again(connection: &Connection, wait: Duration) {
    let done = connection
        .busy_timeout(wait)
        .and_then(|()| checkpoint(connection, "RESTART"))
        .and_then(|_| connection.busy_timeout(LOCK_WAIT));
    if let Err(error) = done {
        tracing::warn!(code = ?error.sqlite_error_code(), "the write-ahead log could not be begun again");
    }
}

/// Runs a checkpoint; says the log's pages and how many of them are in the file.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<(u32, u32)> {
    connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], |row| {
        let (length, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((u32::try_from(length).unwrap_or(0), u32::try_from(copied).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of_ten_rows(directory: &tempfile::TempDir, log_bytes: u64) -> (Connection, Checkpointer, Copier) {
        let mut connection = Connection::open(directory.path().join("log.db")).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (v)")
            .unwrap();
        let (checkpointer, copier) = pair(&mut connection, log_bytes).unwrap();
        for _ in 0..10 {
            connection.execute("INSERT INTO t VALUES (randomblob(20000))", []).unwrap();
        }
        (connection, checkpointer, copier)
    }

    #[test]
    fn a_writer_at_rest_has_everything_copied() {
        let directory = tempfile::tempdir().unwrap();
        let (writing, mut checkpointer, copier) = log_of_ten_rows(&directory, 1 << 30);
        let copying = Connection::open(directory.path().join("log.db")).unwrap();
        checkpointer.after_commit(&writing);
        assert!(!checkpointer.turn.copying(), "the log is short");
        checkpointer.rest(&writing);
        let turn = Arc::clone(&checkpointer.turn);
        drop(checkpointer);
        copier.run(&copying);
        assert!(!turn.copying());
        let (length, done) = checkpoint(&writing, "NOOP").unwrap();
        assert!(length > 0 && done == length, "{done} of {length}");
    }

    #[test]
    fn a_long_log_is_copied_and_begun_again() {
        let directory = tempfile::tempdir().unwrap();
        let (writing, mut checkpointer, copier) = log_of_ten_rows(&directory, 20 * u64::from(PAGE_BYTES));
        let copying = Connection::open(directory.path().join("log.db")).unwrap();
        checkpointer.after_commit(&writing);
        assert!(checkpointer.turn.copying(), "the thread is called");
        let thread = std::thread::spawn(move || copier.run(&copying));
        checkpointer.turn.wait_for_end();
        checkpointer.after_commit(&writing);
        writing.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let (length, _) = checkpoint(&writing, "NOOP").unwrap();
        assert!(length < 5, "{length} pages");
        drop(checkpointer);
        thread.join().unwrap();
    }
}
