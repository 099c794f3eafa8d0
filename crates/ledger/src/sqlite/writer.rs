//! The one thread that writes: gathers what waits into one transaction, makes it durable, then answers.

use super::apply::{Applied, Commits, Mode};
use super::checkpoint::Checkpointer;
use super::cursors::{Advance, Cursors, LeaseWish};
use super::failure::{engine_error, loses_writes};
use super::lookups::Lookups;
use crate::engine::{Bytes16, Commit, EngineError, LeaseRow, Outcome};
use rusqlite::{Connection, Result, Statement};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};

/// Writes that one transaction takes at most before it is made durable (the batch that crosses the line is still taken).
const GROUP_WRITES_MAX: usize = 10_000;

/// How long without work before the writer gives back what its page cache holds.
const REST_AFTER: Duration = Duration::from_secs(10);

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, EngineError>>;

/// Something for the writer to do.
pub(super) enum Job {
    /// Commits of one caller.
    Write(Vec<Commit>, Answer<Vec<Outcome>>),
    /// A lease to take or renew.
    Lease(LeaseWish, Answer<Option<LeaseRow>>),
    /// A cursor to move.
    Advance(Advance, Answer<bool>),
}

impl Job {
    fn writes(&self) -> usize {
        match self {
            Self::Write(batch, _) => batch.iter().map(|commit| commit.writes.len()).sum(),
            Self::Lease(..) | Self::Advance(..) => 1,
        }
    }

    fn refuse(self, error: &EngineError) {
        // Whoever no longer waits does not miss the answer.
        match self {
            Self::Write(_, answer) => drop(answer.send(Err(error.clone()))),
            Self::Lease(_, answer) => drop(answer.send(Err(error.clone()))),
            Self::Advance(_, answer) => drop(answer.send(Err(error.clone()))),
        }
    }
}

/// What came of a job, kept back until the transaction is durable.
enum Done {
    Write(Vec<Outcome>),
    Lease(Option<LeaseRow>),
    Advance(bool),
}

/// What came of a group, and the new last numbers of the accounts it wrote to.
type Transacted = (Vec<Done>, HashMap<Bytes16, u64>);

/// Works until every sender is gone.
pub(super) fn run(
    connection: &Connection,
    lookups: Lookups<'_>,
    jobs: &Receiver<Job>,
    wakes: &broadcast::Sender<Bytes16>,
    mut checkpointer: Checkpointer,
) -> Result<()> {
    let mut writer = Writer::prepare(connection, lookups)?;
    while let Some(first) = writer.next(jobs, &mut checkpointer) {
        let group = gather(first, jobs);
        match writer.transact(&group) {
            Ok((done, heads)) => {
                for (job, done) in group.into_iter().zip(done) {
                    answer(job, done);
                }
                for account in heads.into_keys() {
                    // No receiver: nobody reads logs on this node yet.
                    drop(wakes.send(account));
                }
                checkpointer.after_commit(connection);
            }
            Err(error) => {
                let told = engine_error(&error);
                for job in group {
                    job.refuse(&told);
                }
                if matches!(&error, rusqlite::Error::SqliteFailure(failure, _) if loses_writes(failure.extended_code)) {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// The first job and those that wait behind it, up to the limit.
fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut writes = first.writes();
    let mut group = vec![first];
    while writes < GROUP_WRITES_MAX
        && let Ok(next) = jobs.try_recv()
    {
        writes += next.writes();
        group.push(next);
    }
    group
}

fn answer(job: Job, done: Done) {
    match (job, done) {
        (Job::Write(_, answer), Done::Write(outcomes)) => drop(answer.send(Ok(outcomes))),
        (Job::Lease(_, answer), Done::Lease(lease)) => drop(answer.send(Ok(lease))),
        (Job::Advance(_, answer), Done::Advance(moved)) => drop(answer.send(Ok(moved))),
        (job, _) => job.refuse(&EngineError::Failed("an answer went to another question".into())),
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    commits: Commits<'c>,
    cursors: Cursors<'c>,
}

impl<'c> Writer<'c> {
    fn prepare(connection: &'c Connection, lookups: Lookups<'c>) -> Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            commits: Commits::prepare(connection, lookups)?,
            cursors: Cursors::prepare(connection)?,
        })
    }

    /// Waits for work; `None` when there will be no more. Gives memory back when there is none for a while.
    fn next(&self, jobs: &Receiver<Job>, checkpointer: &mut Checkpointer) -> Option<Job> {
        match jobs.recv_timeout(REST_AFTER) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        checkpointer.rest(self.connection);
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::debug!(code = ?error.sqlite_error_code(), "the page cache was not given back");
        }
        jobs.recv().ok()
    }

    /// Does a group of jobs in one durable transaction, or none of them.
    fn transact(&mut self, group: &[Job]) -> Result<Transacted> {
        match self.attempt(group, Mode::Hopeful)? {
            Applied::Done(done) => Ok(done),
            Applied::HalfWay => match self.attempt(group, Mode::Careful)? {
                Applied::Done(done) => Ok(done),
                Applied::HalfWay => Err(rusqlite::Error::InvalidQuery),
            },
        }
    }

    fn attempt(&mut self, group: &[Job], mode: Mode) -> Result<Applied<Transacted>> {
        let newest = self.commits.newest();
        self.begin.execute([])?;
        let mut heads = HashMap::new();
        let outcome = match self.work(group, &mut heads, mode) {
            Ok(Applied::Done(done)) => self.commit.execute([]).map(|_| Applied::Done((done, heads))),
            Ok(Applied::HalfWay) => Ok(Applied::HalfWay),
            Err(error) => Err(error),
        };
        if !matches!(outcome, Ok(Applied::Done(_))) {
            self.commits.go_back(newest);
        }
        // Some failures end the transaction by themselves, others leave it to us.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        outcome
    }

    fn work(&mut self, group: &[Job], heads: &mut HashMap<Bytes16, u64>, mode: Mode) -> Result<Applied<Vec<Done>>> {
        let mut all = Vec::with_capacity(group.len());
        for job in group {
            all.push(match job {
                Job::Write(batch, _) => match self.commits.apply(batch, heads, mode)? {
                    Applied::Done(outcomes) => Done::Write(outcomes),
                    Applied::HalfWay => return Ok(Applied::HalfWay),
                },
                Job::Lease(wish, _) => Done::Lease(self.cursors.lease(wish)?),
                Job::Advance(step, _) => Done::Advance(self.cursors.advance(step)?),
            });
        }
        self.commits.finish(heads)?;
        Ok(Applied::Done(all))
    }
}
