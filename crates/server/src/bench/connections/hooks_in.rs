//! Webhooks in: a shop's, signed as Shopify signs them, each kept durably before it is answered.
//!
//! The connection is paused, so that nothing else happens meanwhile: what is measured is hearing, not reading the shop.

use crate::bench::answers::Made;
use crate::bench::child::Server;
use crate::bench::plan::ORDER_CONNECTIONS;
use crate::bench::samples::per_second;
use crate::bench::traders::Trader;
use crate::ending::Ending;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const SHOP: &str = "bench.myshopify.com";
const SECRET: &str = "shpss_bench";

/// Sends different webhooks on every connection for so long; webhooks a second that were kept.
pub async fn measure(server: &Server, lasting_ms: u64) -> Result<f64, Ending> {
    let retailer = Trader::open(server, "Heard".to_owned(), "retailer", 1).await?;
    let mut connection = retailer.connect(server, 0).await?;
    let shop = json!({
        "platform": "shopify", "shop": SHOP, "direction": "sell_through",
        "credential": { "access_token": "shpat_bench", "client_secret": SECRET },
    });
    let Made { id } = connection.tell("/v1/connections", &shop, StatusCode::CREATED).await?;
    connection.post(&format!("/v1/connections/{id}/pause"), "", StatusCode::OK).await?;
    let (path, sent) = (format!("/hooks/{id}"), Arc::new(AtomicU64::new(0)));
    let connections = retailer.connections(server, ORDER_CONNECTIONS).await?;
    let (mut sending, begin) = (JoinSet::new(), Instant::now());
    for mut connection in connections {
        let (path, sent) = (path.clone(), Arc::clone(&sent));
        sending.spawn(async move {
            let key = Key::new(HMAC_SHA256, SECRET.as_bytes());
            while begin.elapsed() < Duration::from_millis(lasting_ms) {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                let body = format!(r#"{{"id":{}}}"#, 5_000_000_000 + number);
                let (signature, event) = (STANDARD.encode(sign(&key, body.as_bytes())), format!("event-{number}"));
                let headers = [
                    ("x-shopify-topic", "orders/create"),
                    ("x-shopify-hmac-sha256", signature.as_str()),
                    ("x-shopify-shop-domain", SHOP),
                    ("x-shopify-event-id", event.as_str()),
                ];
                connection.deliver(&path, &headers, body).await?;
            }
            Ok::<_, Ending>(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done.map_err(Ending::internal)??;
    }
    Ok(per_second(sent.load(Ordering::Relaxed), begin.elapsed()))
}
