//! Single orders: as many as 32 connections can place, and how soon the supplier has them at a fixed rate.

use super::answers::{Events, PurchaseOrder};
use super::child::Server;
use super::https::Connection;
use super::plan::{ORDER_CONNECTIONS, ORDERS_PER_SECOND};
use super::samples::{Samples, per_second};
use super::sharing::end_of_log;
use super::traders::Trader;
use crate::ending::{Code, Ending};
use bytes::Bytes;
use hyper::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Connections on which a supplier reads its purchase orders.
const READERS: usize = 8;

/// How long the last order may take to reach its supplier.
const LAST_LIMIT: Duration = Duration::from_mins(1);

/// A shop with the suppliers that sell what is ordered there.
pub struct Shop {
    /// Who places orders.
    pub retailer: Trader,
    /// Who gets them, each with its SKUs.
    pub suppliers: Vec<(Trader, Vec<String>)>,
    placed: AtomicU64,
}

impl Shop {
    /// A shop that has sold nothing yet.
    pub const fn new(retailer: Trader, suppliers: Vec<(Trader, Vec<String>)>) -> Self {
        Self { retailer, suppliers, placed: AtomicU64::new(0) }
    }

    /// The next order's body: two lines of one supplier, and a consumer as platforms send one.
    fn order(&self) -> (u64, String) {
        let number = self.placed.fetch_add(1, Ordering::Relaxed);
        let sku = |wanted: u64| {
            let supplier = usize::try_from(number).unwrap_or(0) % self.suppliers.len().max(1);
            let skus = self.suppliers.get(supplier).map(|(_, skus)| skus.as_slice()).unwrap_or_default();
            let place = usize::try_from(wanted).unwrap_or(0) % skus.len().max(1);
            skus.get(place).map_or("", String::as_str)
        };
        let [first, second] = [sku(number / 2), sku(number / 2 + 7)];
        let body = format!(
            "{{\"reference\":\"B{number}\",\"lines\":[\
             {{\"sku\":\"{first}\",\"quantity\":1,\"price\":{{\"amount\":2999,\"currency\":\"EUR\"}}}},\
             {{\"sku\":\"{second}\",\"quantity\":2,\"price\":{{\"amount\":2999,\"currency\":\"EUR\"}}}}],\
             \"email\":\"grace@example.com\",\"consumer\":{{\"first_name\":\"Grace\",\"last_name\":\"Specimen\",\
             \"address1\":\"1 Placeholder Street\",\"city\":\"Modeltown\",\"postal_code\":\"10115\",\
             \"region\":\"BE\",\"country\":\"DE\",\"phone\":\"+49 30 1234567\"}}}}"
        );
        (number, body)
    }

    /// Orders that were placed.
    pub fn count(&self) -> u64 {
        self.placed.load(Ordering::Relaxed)
    }
}

/// Places orders one after the other on every connection for so long; orders a second that were acknowledged.
pub async fn as_many_as_possible(server: &Server, shop: &Arc<Shop>, lasting: Duration) -> Result<f64, Ending> {
    let connections = shop.retailer.connections(server, ORDER_CONNECTIONS).await?;
    let (mut placing, before, begin) = (JoinSet::new(), shop.count(), Instant::now());
    for mut connection in connections {
        let shop = Arc::clone(shop);
        placing.spawn(async move {
            while begin.elapsed() < lasting {
                connection.post("/v1/orders", shop.order().1, StatusCode::CREATED).await?;
            }
            Ok::<_, Ending>(())
        });
    }
    while let Some(placed) = placing.join_next().await {
        placed.map_err(Ending::internal)??;
    }
    Ok(per_second(shop.count() - before, begin.elapsed()))
}

/// Waits until every order that was placed has reached its supplier.
pub async fn all_routed(server: &Server, shop: &Shop) -> Result<(), Ending> {
    let mut looking = Vec::new();
    for (supplier, _) in &shop.suppliers {
        looking.push((supplier.connect(server, 0).await?, 0, 0));
    }
    let begin = Instant::now();
    loop {
        let mut seen: u64 = 0;
        for (connection, after, posted) in &mut looking {
            let news = Posted::after(connection, *after, 1).await?;
            (*after, *posted) = (news.next_after, *posted + news.ids.len() as u64);
            seen += *posted;
        }
        if seen >= shop.count() {
            return Ok(());
        }
        if begin.elapsed() > LAST_LIMIT {
            return Err(Ending::new(
                Code::Bad,
                format!("only {seen} of {} orders reached their supplier", shop.count()),
            ));
        }
    }
}

/// Places so many orders at the fixed rate; from when each was due to be sent until its supplier had read it whole.
pub async fn until_visible(server: &Server, shop: &Arc<Shop>, orders: u64) -> Result<Samples, Ending> {
    let first = shop.count();
    let (tell_seen, mut seen) = mpsc::unbounded_channel();
    let mut reading = JoinSet::new();
    for (supplier, _) in &shop.suppliers {
        supplier_reads(server, supplier, &tell_seen, &mut reading).await?;
    }
    drop(tell_seen);
    let connections = shop.retailer.connections(server, ORDER_CONNECTIONS).await?;
    let (mut placing, begin) = (JoinSet::new(), tokio::time::Instant::now());
    let due = move |number: u64| begin + Duration::from_micros((number - first) * 1_000_000 / ORDERS_PER_SECOND);
    for mut connection in connections {
        let shop = Arc::clone(shop);
        placing.spawn(async move {
            loop {
                // The order's number decides when it is due; who is late sends at once, and the wait counts.
                let (number, body) = shop.order();
                if number - first >= orders {
                    return Ok::<_, Ending>(());
                }
                tokio::time::sleep_until(due(number)).await;
                connection.post("/v1/orders", body, StatusCode::CREATED).await?;
            }
        });
    }
    let mut samples = Samples::default();
    while (samples.count() as u64) < orders {
        let late = || Ending::new(Code::Bad, "an order did not reach its supplier");
        let next = tokio::time::timeout(LAST_LIMIT, seen.recv());
        match next.await.map_err(|_| late())? {
            Some((number, at)) if number >= first => {
                samples.push(tokio::time::Instant::from_std(at).saturating_duration_since(due(number)));
            }
            Some(_) => {}
            None => break,
        }
    }
    while let Some(placed) = placing.join_next().await {
        placed.map_err(Ending::internal)??;
    }
    drop(seen);
    if (samples.count() as u64) < orders {
        while let Some(read) = reading.join_next().await {
            read.map_err(Ending::internal)??;
        }
    }
    reading.shutdown().await;
    Ok(samples)
}

type Seen = mpsc::UnboundedSender<(u64, Instant)>;

/// A supplier's system at work: woken by its own log, it reads every purchase order with its consumer.
async fn supplier_reads(
    server: &Server,
    supplier: &Trader,
    tell_seen: &Seen,
    reading: &mut JoinSet<Result<(), Ending>>,
) -> Result<(), Ending> {
    let (tell, posted) = async_queue();
    let mut waking = supplier.connect(server, 0).await?;
    let mut after = end_of_log(&mut waking).await?;
    reading.spawn(async move {
        loop {
            let news = Posted::after(&mut waking, after, 10).await?;
            after = news.next_after;
            if news.ids.into_iter().any(|id| tell.send(id).is_err()) {
                return Ok(());
            }
        }
    });
    for mut connection in supplier.connections(server, READERS).await? {
        let (posted, tell_seen) = (Arc::clone(&posted), tell_seen.clone());
        reading.spawn(async move {
            loop {
                let next = posted.lock().await.recv().await;
                let Some(id) = next else { return Ok(()) };
                let read = connection.get(&format!("/v1/purchase_orders/{id}")).await?;
                let at = Instant::now();
                if tell_seen.send((number_of(&read)?, at)).is_err() {
                    return Ok(());
                }
            }
        });
    }
    Ok(())
}

type Queue = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>;

fn async_queue() -> (mpsc::UnboundedSender<String>, Queue) {
    let (tell, heard) = mpsc::unbounded_channel();
    (tell, Arc::new(tokio::sync::Mutex::new(heard)))
}

/// The number in the reference of a purchase order that was read, which must have its consumer with it.
fn number_of(read: &Bytes) -> Result<u64, Ending> {
    let PurchaseOrder { reference, consumer } = serde_json::from_slice(read).map_err(Ending::internal)?;
    match (reference.trim_start_matches('B').parse(), consumer) {
        (Ok(number), Some(_)) => Ok(number),
        _ => Err(Ending::new(Code::Bad, "a purchase order came without its reference or its consumer")),
    }
}

/// Purchase orders that a supplier's log says were posted.
struct Posted {
    ids: Vec<String>,
    next_after: u64,
}

impl Posted {
    /// Those after a place in the log; waits so many seconds for one.
    async fn after(connection: &mut Connection, after: u64, wait: u64) -> Result<Self, Ending> {
        let path = format!("/v1/events?kind=purchase_order&limit=500&after={after}&wait={wait}");
        let Events { data, next_after } = connection.read(&path).await?;
        let posted = data.into_iter().filter(|event| event.action == "posted");
        Ok(Self { ids: posted.map(|event| event.subject).collect(), next_after })
    }
}
