//! Webhooks as the maker sends them: signed over the raw body, repeated until they are taken, not in order, not always.

use crate::serve::{Shared, lock};
use crate::state::{State, time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// One webhook, ready to be sent.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where it goes.
    pub address: String,
    /// `orders/create`
    pub topic: String,
    /// Names and values, lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body, over which the signature is.
    pub body: String,
}

/// What goes wrong with webhooks; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Post {
    /// One in so many comes twice.
    pub twice_one_in: u64,
    /// One in so many never comes.
    pub lost_one_in: u64,
    /// The newest first.
    pub reversed: bool,
}

/// The signature of a body under the app's secret.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(aws_lc_rs::hmac::sign(&key, body))
}

/// Takes what waits and makes a webhook of it for each subscription.
pub fn take(shared: &Shared, post: Post) -> Vec<Webhook> {
    take_each(shared, post).into_iter().map(|(_, webhook)| webhook).collect()
}

/// The same, each with the number of its subscription.
pub fn take_each(shared: &Shared, post: Post) -> Vec<(u64, Webhook)> {
    let mut shop = lock(&shared.shop);
    let secret = lock(&shared.tokens).client_secret.clone();
    let mut sent = Vec::new();
    for (topic, body) in std::mem::take(&mut shop.news) {
        let name = topic.replace('/', "_").to_uppercase();
        let wanting = shop.subscriptions.iter().filter(|(_, wish)| wish.topic == name);
        let wanting: Vec<_> = wanting.map(|(id, wish)| (*id, wish.clone())).collect();
        for (id, wish) in wanting {
            let body = chosen(&body, &wish.include_fields).to_string();
            let webhook = signed(&mut shop, &secret, &wish.uri, &topic, body);
            let mut faults = lock(&shared.faults);
            let mut once_in = |one_in: u64| one_in > 0 && faults.draw(one_in) == 0;
            if once_in(post.lost_one_in) {
                continue;
            }
            if once_in(post.twice_one_in) {
                sent.push((id, webhook.clone()));
            }
            sent.push((id, webhook));
        }
    }
    if post.reversed {
        sent.reverse();
    }
    sent
}

/// A webhook of any topic, as for the privacy topics, which need no subscription.
pub fn signed(shop: &mut State, secret: &str, address: &str, topic: &str, body: String) -> Webhook {
    let event = format!("event-{}", shop.next_id());
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        header("content-type", "application/json"),
        header("x-shopify-topic", topic),
        header("x-shopify-hmac-sha256", &signature(secret, body.as_bytes())),
        header("x-shopify-shop-domain", &shop.domain.clone()),
        header("x-shopify-api-version", "2026-07"),
        header("x-shopify-webhook-id", &format!("webhook-{}", shop.next_id())),
        header("x-shopify-event-id", &event),
        header("x-shopify-triggered-at", &time(shop.now_ms())),
    ];
    Webhook { address: address.to_owned(), topic: topic.to_owned(), headers, body }
}

/// Only the fields that were asked for; all, if none were.
fn chosen(body: &Value, fields: &[String]) -> Value {
    let Some(all) = body.as_object().filter(|_| !fields.is_empty()) else { return body.clone() };
    let kept: Map<String, Value> = all
        .iter()
        .filter(|(name, _)| fields.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}
