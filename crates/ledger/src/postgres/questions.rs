//! Questions for single records: those of many callers are asked in one statement.
//!
//! What a small question costs is mostly its round trip. So few lanes ask, and each takes along all that wait.

use super::columns::RecordKeys;
use super::connect::borrowed;
use super::failure::engine_error;
use super::read;
use crate::engine::{Bytes16, EngineError, RecordRow};
use deadpool_postgres::Pool;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Statements that are under way at once.
const LANES: usize = 2;

/// Questions that may wait; beyond it callers wait too.
const WAITING_MAX: usize = 1_024;

/// Records that one statement asks for, give or take a question.
const KEYS_MAX: usize = 256;

/// Records from which on a question is better asked by itself: others would wait for its answer.
const KEYS_ALONE: usize = 32;

type Key = (Bytes16, u8, Bytes16);

struct Question {
    keys: Vec<Key>,
    answer: oneshot::Sender<Result<Vec<RecordRow>, EngineError>>,
}

/// Asks for records; the lanes end when it is dropped.
pub(super) struct Questions {
    pool: Pool,
    waiting: mpsc::Sender<Question>,
}

impl Questions {
    pub(super) fn start(pool: Pool) -> Self {
        let (waiting, questions) = mpsc::channel(WAITING_MAX);
        let questions = Arc::new(Mutex::new(questions));
        for _ in 0..LANES {
            tokio::spawn(lane(pool.clone(), Arc::clone(&questions)));
        }
        Self { pool, waiting }
    }

    /// The records of one kind with these ids, in any order; those that are not there are left out.
    pub(super) async fn records(
        &self,
        account: Bytes16,
        kind: u8,
        ids: &[Bytes16],
    ) -> Result<Vec<RecordRow>, EngineError> {
        // An id that is asked for twice is answered once.
        let ids: BTreeSet<Bytes16> = ids.iter().copied().collect();
        let keys: Vec<Key> = ids.into_iter().map(|id| (account, kind, id)).collect();
        if keys.len() >= KEYS_ALONE {
            return Ok(found(&self.pool, keys.into_iter()).await?.into_values().collect());
        }
        let (answer, answered) = oneshot::channel();
        let closed = || EngineError::Unreachable("the database is closed".into());
        self.waiting.send(Question { keys, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

async fn lane(pool: Pool, questions: Arc<Mutex<mpsc::Receiver<Question>>>) {
    loop {
        let together = gather(&mut *questions.lock().await).await;
        let Some(together) = together else { return };
        let keys: BTreeSet<Key> = together.iter().flat_map(|question| question.keys.iter().copied()).collect();
        let found = found(&pool, keys.into_iter()).await;
        for Question { keys, answer } in together {
            let rows =
                |found: &HashMap<Key, RecordRow>| keys.iter().filter_map(|key| found.get(key).cloned()).collect();
            // Whoever no longer waits does not miss the answer.
            drop(answer.send(found.as_ref().map(rows).map_err(Clone::clone)));
        }
    }
}

/// The first question and those that wait behind it, up to the limit; `None` when nobody can ask any more.
async fn gather(questions: &mut mpsc::Receiver<Question>) -> Option<Vec<Question>> {
    let mut together = vec![questions.recv().await?];
    let mut keys = 0;
    while keys < KEYS_MAX
        && let Ok(next) = questions.try_recv()
    {
        keys += next.keys.len();
        together.push(next);
    }
    Some(together)
}

async fn found(pool: &Pool, keys: impl Iterator<Item = Key>) -> Result<HashMap<Key, RecordRow>, EngineError> {
    let mut asked = RecordKeys::default();
    keys.for_each(|key| asked.push(key));
    let rows = read::records(&borrowed(pool).await?, &asked).await.map_err(|error| engine_error(&error))?;
    Ok(rows.into_iter().map(|(account, row)| ((account, row.kind, row.id), row)).collect())
}
