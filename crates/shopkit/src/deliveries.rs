//! Webhooks that the shop delivers by itself: tried again until they are taken, and given up with their subscription.
//!
//! The maker tries eight times within some four hours; a subscription whose webhook was never taken is deleted, and nothing
//! says so.

use crate::serve::{Shared, lock};
use crate::webhooks::{Post, Webhook, take_each};
use async_trait::async_trait;

/// How often a webhook is tried until its subscription is deleted.
pub const TRIES_MAX: u32 = 8;
/// Milliseconds of the shop's time until the second try; each time twice as long, four hours in all.
const PAUSE_MS: u64 = 113_000;

/// Whoever webhooks go to.
#[async_trait]
pub trait Receives: Send + Sync {
    /// Takes one, and answers a status; 0 stands for no answer.
    async fn receive(&self, webhook: &Webhook) -> u16;
}

/// Whoever is at the address that a webhook names, over TLS.
pub struct Https(reqwest::Client);

impl Https {
    /// Trusts this authority alone.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub fn trusting(authority_pem: &[u8]) -> Self {
        // Another part of the test may have installed it already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(authority_pem).expect("an authority");
        Self(reqwest::Client::builder().tls_certs_only([authority]).build().expect("a client"))
    }
}

#[async_trait]
impl Receives for Https {
    async fn receive(&self, webhook: &Webhook) -> u16 {
        let request = self.0.post(&webhook.address).body(webhook.body.clone());
        let request = webhook.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.map_or(0, |answer| answer.status().as_u16())
    }
}

/// A webhook on its way.
struct Delivery {
    subscription: u64,
    webhook: Webhook,
    tries: u32,
    due_ms: u64,
}

/// The webhooks that are on their way.
#[derive(Default)]
pub struct Deliveries(Vec<Delivery>);

impl Deliveries {
    /// Sends what is new, by the plan, and what is to be tried again by now; answers how many were taken.
    pub async fn round(&mut self, shared: &Shared, post: Post, receiver: &dyn Receives) -> usize {
        let now = lock(&shared.shop).now_ms();
        let fresh = take_each(shared, post).into_iter();
        self.0.extend(fresh.map(|(subscription, webhook)| Delivery { subscription, webhook, tries: 0, due_ms: now }));
        let mut taken = 0;
        for mut delivery in std::mem::take(&mut self.0) {
            if !lock(&shared.shop).subscriptions.contains_key(&delivery.subscription) {
                continue;
            }
            if delivery.due_ms > now {
                self.0.push(delivery);
                continue;
            }
            if (200..300).contains(&receiver.receive(&delivery.webhook).await) {
                taken += 1;
                continue;
            }
            delivery.tries += 1;
            delivery.due_ms = now + (PAUSE_MS << (delivery.tries - 1));
            if delivery.tries < TRIES_MAX {
                self.0.push(delivery);
            } else {
                lock(&shared.shop).subscriptions.remove(&delivery.subscription);
            }
        }
        taken
    }
}
