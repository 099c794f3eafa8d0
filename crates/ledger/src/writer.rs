//! The writer: gathers whatever commits wait and hands them to the engine as one durable transaction.
//!
//! There is no timer. While the engine is busy with one batch the next one gathers, so a lone commit goes at once and
//! a crowd shares its `fsync`.

use crate::engine::{Bytes16, Commit, Engine, EngineError, Outcome};
use crate::error::LedgerError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Commits that may wait for one writer; beyond it callers wait too.
const WAITING_COMMITS_MAX: usize = 16_384;
/// Writes that one transaction holds at most, unless a single commit is larger.
const BATCH_WRITES_MAX: usize = 8_192;

type Reply = oneshot::Sender<Result<Outcome, Arc<EngineError>>>;

/// Feeds the engine.
pub(crate) struct Writer {
    lanes: Vec<mpsc::Sender<(Commit, Reply)>>,
    closing: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

impl Writer {
    pub fn start(engine: &Arc<dyn Engine>) -> Self {
        let closing = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let lanes = (0..engine.writers().max(1)).map(|_| {
            let (sender, receiver) = mpsc::channel(WAITING_COMMITS_MAX);
            tasks.spawn(serve(Arc::clone(engine), receiver, closing.subscribe()));
            sender
        });
        Self { lanes: lanes.collect(), closing, tasks: Mutex::new(tasks) }
    }

    /// Takes no more commits, and returns when those that wait are written.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    /// Waits until the commit is durable, or refused.
    pub async fn write(&self, commit: Commit) -> Result<Outcome, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let lane = self.lanes.get(lane_of(commit.account, self.lanes.len())).ok_or(LedgerError::Stopping)?;
        lane.send((commit, reply)).await.map_err(|_| LedgerError::Stopping)?;
        answer.await.map_err(|_| LedgerError::Stopping)?.map_err(LedgerError::Engine)
    }
}

/// One account always goes down one lane, so that its commits never wait for each other inside the engine.
fn lane_of(account: Bytes16, lanes: usize) -> usize {
    account.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte))) % lanes
}

async fn serve(
    engine: Arc<dyn Engine>,
    mut waiting: mpsc::Receiver<(Commit, Reply)>,
    mut closing: watch::Receiver<bool>,
) {
    loop {
        let first = tokio::select! {
            first = waiting.recv() => first,
            _ = closing.wait_for(|closing| *closing), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut writes = first.0.writes.len();
        let (mut commits, mut replies) = (vec![first.0], vec![first.1]);
        while writes < BATCH_WRITES_MAX {
            let Ok((commit, reply)) = waiting.try_recv() else { break };
            writes += commit.writes.len();
            commits.push(commit);
            replies.push(reply);
        }
        match engine.write(commits).await {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    // A caller that went away does not mind.
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                tracing::error!(%error, commits = replies.len(), "a batch was not written");
                for reply in replies {
                    let _ = reply.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}
