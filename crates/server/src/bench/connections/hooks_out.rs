//! Webhooks out: what the log has new, to endpoints that check each signature and whether records come in order.
//!
//! The endpoint is paused while the changes are made and goes on then: what is measured is telling alone.

use super::peer::{Answers, Identity, Peer};
use crate::bench::answers::{Endpoint, Outcomes};
use crate::bench::child::Server;
use crate::bench::https::{Connection, Door};
use crate::bench::plan::BATCH_PRODUCTS;
use crate::bench::samples::{number, per_second};
use crate::bench::traders::{self, Trader};
use crate::ending::{Code, Ending};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections of the bare posts: as many calls as one endpoint is told at once.
const BARE_CONNECTIONS: usize = 64;
/// Bytes of a bare post: about those of a message.
const BARE_BYTES: usize = 800;
/// How long nothing may arrive before it is taken that nothing will.
const QUIET_LIMIT: Duration = Duration::from_mins(1);

/// What telling took.
pub struct Told {
    /// Messages a second, from the word that they may go until the last has arrived.
    pub rate: f64,
    /// The server's processor time a message, in microseconds.
    pub processor: f64,
}

/// Where messages arrive.
struct Receiver {
    heard: Mutex<Heard>,
    count: watch::Sender<u64>,
}

#[derive(Default)]
struct Heard {
    /// What each path's messages are signed with.
    keys: HashMap<String, Key>,
    messages: HashSet<String>,
    /// The version in which each record was last told of.
    versions: HashMap<String, u64>,
    unsigned: u64,
    unordered: u64,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    data: About<'a>,
}

#[derive(Deserialize)]
struct About<'a> {
    id: &'a str,
    version: u64,
}

impl Receiver {
    fn new() -> Arc<Self> {
        Arc::new(Self { heard: Mutex::default(), count: watch::Sender::new(0) })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many different messages have arrived.
    async fn reaches(&self, wanted: u64) -> Result<(), Ending> {
        let mut count = self.count.subscribe();
        loop {
            let now = *count.borrow_and_update();
            if now >= wanted {
                return Ok(());
            }
            if tokio::time::timeout(QUIET_LIMIT, count.changed()).await.is_err() {
                return Err(Ending::new(Code::Bad, format!("only {now} of {wanted} messages arrived")));
            }
        }
    }
}

impl Answers for Receiver {
    fn answer(&self, head: &Parts, body: &[u8]) -> (StatusCode, String) {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let key = self.heard().keys.get(head.uri.path()).cloned();
        // A bare post: nobody signs it.
        let Some(key) = key else { return (StatusCode::OK, String::new()) };
        let id = header("webhook-id");
        let mut signed = format!("{id}.{}.", header("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(body);
        let is_signed = header("webhook-signature")
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .any(|one| STANDARD.decode(one).is_ok_and(|signature| verify(&key, &signed, &signature).is_ok()));
        let message = serde_json::from_slice::<Message<'_>>(body);
        let mut so_far = self.heard();
        let (true, Ok(Message { data })) = (is_signed, message) else {
            so_far.unsigned += 1;
            return (StatusCode::UNAUTHORIZED, String::new());
        };
        if so_far.messages.insert(id.to_owned()) {
            let last = so_far.versions.insert(data.id.to_owned(), data.version).unwrap_or_default();
            so_far.unordered += u64::from(last > data.version);
            let count = so_far.messages.len() as u64;
            drop(so_far);
            self.count.send_replace(count);
        }
        (StatusCode::OK, String::new())
    }
}

/// Posts as bare as can be to the same receiver for so long: how many a second.
pub async fn bare(identity: &Identity, lasting_ms: u64) -> Result<f64, Ending> {
    let peer = Peer::open(identity, Receiver::new()).await?;
    let door = Door::new(peer.address, identity.authority())?;
    let connections = try_join_all((0..BARE_CONNECTIONS).map(|_| door.connect("none"))).await?;
    let body = bytes::Bytes::from(vec![b' '; BARE_BYTES]);
    let (mut posting, begin) = (JoinSet::new(), Instant::now());
    for mut connection in connections {
        let body = body.clone();
        posting.spawn(async move {
            let mut posted = 0;
            while begin.elapsed() < Duration::from_millis(lasting_ms) {
                connection.post("/bare", body.clone(), StatusCode::OK).await?;
                posted += 1;
            }
            Ok::<u64, Ending>(posted)
        });
    }
    let mut posted = 0;
    while let Some(done) = posting.join_next().await {
        posted += done.map_err(Ending::internal)??;
    }
    Ok(per_second(posted, begin.elapsed()))
}

/// New products and variants, told to as many endpoints as there are accounts; so many messages in all.
pub async fn measure(server: &Server, identity: &Identity, endpoints: usize, messages: u64) -> Result<Told, Ending> {
    let receiver = Receiver::new();
    let peer = Peer::open(identity, receiver.clone()).await?;
    let mut told = Vec::with_capacity(endpoints);
    let batches = (messages / (2 * BATCH_PRODUCTS) / endpoints as u64).max(1);
    for place in 0..endpoints {
        let maker = Trader::open(server, format!("Maker {place}"), "supplier", 1).await?;
        let events = ["product.created", "variant.created"];
        let mut subscribed = subscribe(server, &maker, &peer, &receiver, (place, &events)).await?;
        for batch in 0..batches {
            let product = |number: u64| {
                let variant = json!({
                    "sku": format!("H{place}-{batch}-{number}"), "price": { "amount": 1999, "currency": "EUR" },
                });
                json!({ "title": format!("Garden chair {batch}-{number}"), "variants": [variant] })
            };
            let products = json!({ "data": (0..BATCH_PRODUCTS).map(product).collect::<Vec<_>>() });
            let Outcomes { succeeded } =
                subscribed.connection.tell("/v1/products/batch", &products, StatusCode::OK).await?;
            if succeeded as u64 != BATCH_PRODUCTS {
                return Err(Ending::internal("products were not made"));
            }
        }
        told.push(subscribed);
    }
    let messages = 2 * BATCH_PRODUCTS * batches * endpoints as u64;
    tell(server, &receiver, told, messages).await
}

/// Variants counted anew again and again, told to one endpoint.
pub async fn in_order(server: &Server, identity: &Identity, messages: u64) -> Result<Told, Ending> {
    let receiver = Receiver::new();
    let peer = Peer::open(identity, receiver.clone()).await?;
    let counter = Trader::open(server, "Counter".to_owned(), "supplier", 1).await?;
    let skus = traders::stock(server, &counter, "C").await?;
    let mut subscribed = subscribe(server, &counter, &peer, &receiver, (0, &["inventory_level.counted"])).await?;
    let rounds = (messages / traders::VARIANTS as u64).max(1);
    for round in 0..rounds {
        let levels: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku, "on_hand": 1_000 + round })).collect();
        let Outcomes { succeeded } = subscribed
            .connection
            .tell("/v1/inventory_levels/batch", &json!({ "data": levels }), StatusCode::OK)
            .await?;
        if succeeded != traders::VARIANTS {
            return Err(Ending::internal("variants were not counted"));
        }
    }
    tell(server, &receiver, vec![subscribed], rounds * traders::VARIANTS as u64).await
}

/// An endpoint that is paused.
struct Subscribed {
    connection: Connection,
    path: String,
}

async fn subscribe(
    server: &Server,
    trader: &Trader,
    peer: &Peer,
    receiver: &Receiver,
    (place, events): (usize, &[&str]),
) -> Result<Subscribed, Ending> {
    let mut connection = trader.connect(server, 0).await?;
    let at = format!("/{place}");
    let wanted = json!({ "url": format!("https://{}{at}", peer.host()), "events": events });
    let Endpoint { id, secret } = connection.tell("/v1/webhook_endpoints", &wanted, StatusCode::CREATED).await?;
    let key = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    let key = key.ok_or_else(|| Ending::internal("an endpoint's secret is another"))?;
    receiver.heard().keys.insert(at, Key::new(HMAC_SHA256, &key));
    let path = format!("/v1/webhook_endpoints/{id}");
    connection.change(&path, &json!({ "state": "paused" })).await?;
    Ok(Subscribed { connection, path })
}

async fn tell(server: &Server, receiver: &Receiver, mut told: Vec<Subscribed>, messages: u64) -> Result<Told, Ending> {
    let (before, begin) = (server.process().processor()?, Instant::now());
    let go_on = json!({ "state": "enabled" });
    try_join_all(told.iter_mut().map(|one| one.connection.change(&one.path, &go_on))).await?;
    receiver.reaches(messages).await?;
    let took = begin.elapsed();
    let spent = server.process().processor()?.saturating_sub(before);
    let heard = receiver.heard();
    if (heard.unsigned, heard.unordered) != (0, 0) {
        let why = format!("{} messages were not signed, {} were out of order", heard.unsigned, heard.unordered);
        return Err(Ending::new(Code::Bad, why));
    }
    Ok(Told { rate: per_second(messages, took), processor: spent.as_secs_f64() * 1e6 / number(messages) })
}
