//! Batches: products by the five hundred from several connections, and how soon their entries are under a checkpoint.

use super::child::Server;
use super::https::Connection;
use super::plan::{BATCH_CHANGES, BATCH_CONNECTIONS, BATCH_PRODUCTS, Plan};
use super::samples::{Growth, Samples};
use super::traders::Trader;
use crate::ending::{Code, Ending};
use bytes::Bytes;
use hyper::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Accounts whose checkpoints are watched; the others' are signed as well. Each is sent one batch at least.
const WATCHED: usize = 2;

/// How often a checkpoint is asked for, in addition to what the answer takes.
const LOOK: Duration = Duration::from_millis(25);

/// How long a checkpoint may be awaited after the last batch.
const LAST_LIMIT: Duration = Duration::from_secs(30);

/// Begins the answer to a batch of which nothing failed.
const ALL_GOOD: &str = "\"failed\":0,";

/// Digits of the number that makes each product its own.
const DIGITS: usize = 10;

/// One product of a batch: a title, a short text, and a variant with all that a catalogue has of it.
const PRODUCT: &str = concat!(
    r##"{"title":"Garden chair ##########","##,
    r##""handle":"garden-chair-##########","##,
    r##""description_html":"<p>Folds flat, stands firm, and outlives the summer. Made of oiled acacia from managed forests, with brass fittings that do not rust.</p>"##,
    r##"<p>Seat height 45 cm, width 52 cm, depth 56 cm; carries 150 kg. Comes with a cover for the winter.</p>","##,
    r##""vendor":"Sample Garden","product_type":"Chairs","tags":["garden","wood"],"##,
    r##""variants":[{"sku":"GC-##########","barcode":"4006381333931","price":{"amount":8999,"currency":"EUR"},"weight_grams":4200}]}"##,
);

/// What batches did.
pub struct Batched {
    /// State changes over time.
    pub growth: Growth,
    /// From the answer to a batch until a signed checkpoint held its entries.
    pub under_checkpoint: Samples,
}

/// Sends batches until there are so many state changes.
pub async fn send(server: &Server, makers: &[Trader], plan: &Plan) -> Result<Batched, Ending> {
    let left = Arc::new(AtomicU64::new((plan.records / BATCH_CHANGES).saturating_sub(WATCHED as u64)));
    let numbers = Arc::new(AtomicU64::new(0));
    let growth = Arc::new(Mutex::new(Growth::new()));
    let mut senders = JoinSet::new();
    let mut watchers = JoinSet::new();
    let mut ready = Vec::with_capacity(BATCH_CONNECTIONS);
    for (place, maker) in makers.iter().enumerate() {
        let mut tell = None;
        if place < WATCHED {
            let (told, heard) = mpsc::unbounded_channel();
            let mut watching = maker.connect(server, 0).await?;
            let size = checkpoint_size(&mut watching).await?;
            watchers.spawn(watch(watching, size, heard));
            tell = Some(told);
        }
        ready.push((maker.connect(server, 0).await?, tell));
    }
    let begin = Instant::now();
    for (mut connection, tell) in ready {
        let (left, numbers, growth) = (Arc::clone(&left), Arc::clone(&numbers), Arc::clone(&growth));
        senders.spawn(async move {
            let (mut body, mut is_due) = (Body::new(), tell.is_some());
            while std::mem::take(&mut is_due)
                || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                let batch = body.numbered(numbers.fetch_add(BATCH_PRODUCTS, Ordering::Relaxed));
                let answer = connection.post("/v1/products/batch", batch, StatusCode::OK).await?;
                all_good(&answer)?;
                let at = Instant::now();
                growth.lock().unwrap_or_else(PoisonError::into_inner).add(at - begin, BATCH_CHANGES);
                // The watcher hears nothing more only if it has failed, which is told at the end.
                tell.as_ref().map(|tell| tell.send(at));
            }
            Ok::<_, Ending>(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.map_err(Ending::internal)??;
    }
    let mut under_checkpoint = Samples::default();
    while let Some(watched) = watchers.join_next().await {
        under_checkpoint.extend(watched.map_err(Ending::internal)??);
    }
    let growth = std::mem::replace(&mut *growth.lock().unwrap_or_else(PoisonError::into_inner), Growth::new());
    Ok(Batched { growth, under_checkpoint })
}

/// Watches an account's checkpoints while batches are answered; how long each waited for one that holds it.
async fn watch(
    mut connection: Connection,
    before: u64,
    mut answered: mpsc::UnboundedReceiver<Instant>,
) -> Result<Vec<Duration>, Ending> {
    let (mut waiting, mut took) = (std::collections::VecDeque::new(), Vec::new());
    let (mut is_sending, mut ended) = (true, None);
    loop {
        loop {
            match answered.try_recv() {
                Ok(at) => waiting.push_back(at),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    is_sending = false;
                    break;
                }
            }
        }
        let covered = (checkpoint_size(&mut connection).await?.saturating_sub(before)) / BATCH_CHANGES;
        while (took.len() as u64) < covered
            && let Some(at) = waiting.pop_front()
        {
            took.push(Instant::now().saturating_duration_since(at));
        }
        if !is_sending && waiting.is_empty() {
            return Ok(took);
        }
        if !is_sending && ended.get_or_insert_with(Instant::now).elapsed() > LAST_LIMIT {
            return Err(Ending::new(Code::Bad, "no checkpoint was signed over the last batch"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many entries the newest checkpoint covers: its second line (C2SP tlog-checkpoint).
async fn checkpoint_size(connection: &mut Connection) -> Result<u64, Ending> {
    let note = connection.get("/v1/log/checkpoint").await?;
    let size = std::str::from_utf8(&note).ok().and_then(|note| note.lines().nth(1)?.parse().ok());
    size.ok_or_else(|| Ending::internal("a checkpoint has no size"))
}

fn all_good(answer: &Bytes) -> Result<(), Ending> {
    let head = answer.get(..64.min(answer.len())).unwrap_or_default();
    if String::from_utf8_lossy(head).contains(ALL_GOOD) {
        return Ok(());
    }
    Err(Ending::new(Code::Bad, "products of a batch were refused"))
}

/// A batch's body, made once; for each batch the numbers in it are written anew.
struct Body {
    bytes: Vec<u8>,
    /// Where numbers stand: three in each product.
    places: Vec<usize>,
}

impl Body {
    fn new() -> Self {
        let products = vec![PRODUCT; usize::try_from(BATCH_PRODUCTS).unwrap_or(1)];
        let bytes = format!("{{\"data\":[{}]}}", products.join(",")).into_bytes();
        let places = bytes.windows(DIGITS).enumerate().filter(|(_, run)| run.iter().all(|byte| *byte == b'#'));
        let places = places.map(|(place, _)| place).collect();
        Self { bytes, places }
    }

    fn numbered(&mut self, first: u64) -> Bytes {
        for (products, places) in (0..).zip(self.places.chunks(3)) {
            let digits = format!("{:0DIGITS$}", first + products);
            for place in places {
                if let Some(room) = self.bytes.get_mut(*place..place + DIGITS) {
                    room.copy_from_slice(digits.as_bytes());
                }
            }
        }
        Bytes::copy_from_slice(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::HashSet;

    #[test]
    fn every_product_of_every_batch_is_its_own() {
        let mut body = Body::new();
        let mut skus = HashSet::new();
        for batch in 0..3 {
            let json: Value = serde_json::from_slice(&body.numbered(batch * BATCH_PRODUCTS)).unwrap();
            for product in json["data"].as_array().unwrap() {
                let sku = product["variants"][0]["sku"].as_str().unwrap();
                assert!(product["handle"].as_str().unwrap().ends_with(sku.trim_start_matches("GC-")));
                assert!(skus.insert(sku.to_owned()));
            }
        }
        assert_eq!(skus.len() as u64, 3 * BATCH_PRODUCTS);
    }
}
