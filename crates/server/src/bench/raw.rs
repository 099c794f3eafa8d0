//! The raw engine: what the same driver stores at best, with the same tables, columns, indexes and sizes, and no product.
//!
//! The tables are made by the product's own migrations. Making the rows is not counted, storing them is, until durable.

pub mod postgres;
pub mod sqlite;

use super::plan::{ORDER_CONNECTIONS, Plan};
use super::rows::{Row, Rows};
use super::samples::{Growth, per_second};
use crate::ending::Ending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// What the raw engine does. A row is a record with its entry, its lookup and its place in the indexes.
pub struct Raw {
    /// Rows a second in transactions of [`super::plan::RAW_ROWS`], over the whole growth.
    pub large: f64,
    /// The same in transactions of [`super::plan::RAW_ROWS_SMALL`].
    pub small: f64,
    /// What a row costs at the end of the growth against its beginning.
    pub dearer: f64,
    /// Single rows a second, each acknowledged when durable, from [`ORDER_CONNECTIONS`] writers whose rows share commits.
    pub singles: f64,
}

/// Rates of one growth.
fn of_growth(growth: &Growth, plan: &Plan) -> (f64, f64) {
    let (count, took) = growth.whole();
    (per_second(count, took), growth.dearer(plan.early, count))
}

/// A row that waits to be durable.
type Waiting = (Row, oneshot::Sender<()>);

/// Lets the writers store single rows for so long; says how many a second became durable. `store` is given the queue.
async fn singles<F>(
    rows: Rows,
    lasting: Duration,
    store: impl FnOnce(mpsc::Receiver<Waiting>) -> F,
) -> Result<f64, Ending>
where
    F: Future<Output = Result<(), Ending>> + Send + 'static,
{
    let (queue, waiting) = mpsc::channel(ORDER_CONNECTIONS);
    let storing = tokio::spawn(store(waiting));
    let rows = Arc::new(Mutex::new(rows));
    let begin = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..ORDER_CONNECTIONS {
        let (queue, rows) = (queue.clone(), Arc::clone(&rows));
        writers.spawn(async move {
            let mut stored: u64 = 0;
            while begin.elapsed() < lasting {
                let row = rows.lock().unwrap_or_else(PoisonError::into_inner).take(1).pop();
                let (told, durable) = oneshot::channel();
                let Some(row) = row else { break };
                if queue.send((row, told)).await.is_err() || durable.await.is_err() {
                    break;
                }
                stored += 1;
            }
            stored
        });
    }
    drop(queue);
    let stored: u64 = writers.join_all().await.into_iter().sum();
    let took = begin.elapsed();
    storing.await.map_err(Ending::internal)??;
    Ok(per_second(stored, took))
}

/// What waits, without waiting for more.
fn gathered(first: Waiting, queue: &mut mpsc::Receiver<Waiting>) -> (Vec<Row>, Vec<oneshot::Sender<()>>) {
    let (mut rows, mut told) = (vec![first.0], vec![first.1]);
    while let Ok((row, tell)) = queue.try_recv() {
        rows.push(row);
        told.push(tell);
    }
    (rows, told)
}
