//! Shopify's client against a counterpart that answers from the maker's own schema, keeps state, and fails as shops fail.

#![cfg(test)]

mod documents;
mod imports;
mod installs;
mod orders;
mod pacing;
mod parcels;
mod plans;
mod products;
mod stock;
mod tokens;
mod webhooks;

use async_trait::async_trait;
use bonded_base::{Id, Kind, Kinded, Secret};
use bonded_connect::outbound::{Line, Outbound, OutboundSetup, Owner, Url};
use bonded_connect::platform::{Failure, RemoteId};
use bonded_connect::shopify::install::App;
use bonded_connect::shopify::token::{KeepsToken, Pair, Token};
use bonded_connect::shopify::{Patience, Shopify, ShopifySetup, VERSION};
use bonded_shopkit::{Counterpart, Wanted};
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A connection, as far as calls need one.
pub enum Connection {}

impl Kinded for Connection {
    const KIND: Kind = Kind::Connection;
}

/// All that a connection of both directions asks for.
pub const SCOPES: [&str; 5] = [
    "write_products",
    "write_inventory",
    "read_locations",
    "write_orders",
    "write_merchant_managed_fulfillment_orders",
];

/// Where tokens are kept, and may fail to be.
#[derive(Default)]
pub struct Kept {
    pub pair: Mutex<Option<Pair>>,
    pub fails: AtomicBool,
}

#[async_trait]
impl KeepsToken for Kept {
    async fn keep(&self, pair: &Pair) -> Result<(), Failure> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failure::Away(String::from("the machine stopped here")));
        }
        *self.pair.lock().unwrap() = Some(pair.clone());
        Ok(())
    }

    async fn kept(&self) -> Result<Option<Pair>, Failure> {
        Ok(self.pair.lock().unwrap().clone())
    }
}

/// Time goes on for shop and client alike, and nobody waits.
pub struct Waits {
    kit: Arc<Counterpart>,
    ledger: Arc<TestLedger>,
    pub waited_ms: AtomicU64,
}

#[async_trait]
impl Patience for Waits {
    async fn wait(&self, ms: u64) {
        self.kit.elapse(ms);
        self.ledger.test_clock().advance_ms(i64::try_from(ms).unwrap());
        self.waited_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A shop, and what a client of it needs.
pub struct World {
    pub kit: Arc<Counterpart>,
    pub ledger: Arc<TestLedger>,
    pub kept: Arc<Kept>,
    pub waits: Arc<Waits>,
    pub line: Line,
}

impl World {
    /// A shop with a large bucket; `None` where the maker's schema cannot be had.
    pub async fn new() -> Option<Self> {
        Self::with((1_000_000, 1_000)).await
    }

    pub async fn with(bucket: (u64, u64)) -> Option<Self> {
        let wanted = Wanted { currency: "EUR", scopes: &SCOPES, bucket, real_time: false };
        let kit = Arc::new(Counterpart::start(wanted).await?);
        let ledger = Arc::new(on_sqlite().await);
        let setup = OutboundSetup {
            loopback: true,
            root_certificate: Some(kit.authority()),
            user_agent: String::from("Bonded/test"),
        };
        let base: Url = kit.base().parse().unwrap();
        let hosts = Shopify::hosts(&"counterpart.myshopify.com".parse().unwrap(), Some(base)).unwrap();
        let owner = Owner::of(Id::<Connection>::from_bytes([7; 16]));
        let line = Outbound::new(setup).unwrap().line(&ledger, &ledger.any_account(), owner, hosts);
        let waits =
            Arc::new(Waits { kit: Arc::clone(&kit), ledger: Arc::clone(&ledger), waited_ms: AtomicU64::new(0) });
        Some(Self { kit, ledger, kept: Arc::new(Kept::default()), waits, line })
    }

    /// A client with the token of an app that the merchant made.
    pub fn client(&self) -> Shopify {
        let custom = self.kit.tokens().custom.clone();
        self.client_with(Token::Custom(Secret::new(custom)))
    }

    pub fn client_with(&self, token: Token) -> Shopify {
        self.client_of(token, VERSION)
    }

    pub fn client_of(&self, token: Token, version: &str) -> Shopify {
        let setup = ShopifySetup {
            shop: "counterpart.myshopify.com".parse().unwrap(),
            base: Some(self.base()),
            version: version.to_owned(),
            token,
            app: Some(self.app()),
            keeper: self.kept.clone(),
            patience: Some(self.waits.clone()),
        };
        Shopify::new(self.line.clone(), &self.ledger, setup).unwrap()
    }

    pub fn base(&self) -> Url {
        self.kit.base().parse().unwrap()
    }

    pub fn app(&self) -> App {
        let tokens = self.kit.tokens();
        App {
            client_id: tokens.client_id.clone(),
            client_secret: Secret::new(tokens.client_secret.clone()),
            older_secrets: Vec::new(),
        }
    }

    /// How often the shop carried a mutation out.
    pub fn done(&self, mutation: &str) -> u32 {
        self.kit.shop().done.get(mutation).copied().unwrap_or_default()
    }
}

pub fn id(kind: &str, number: u64) -> RemoteId {
    RemoteId::new(format!("gid://shopify/{kind}/{number}"))
}

/// Makes a call again, as its caller would, until it is neither away nor throttled.
pub async fn until_done<T, F>(waits: &Waits, mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 0..200 {
        match call().await {
            Ok(done) => return done,
            Err(Failure::Away(_)) => {}
            Err(Failure::Throttled(ms)) => waits.wait(ms).await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never done");
}
