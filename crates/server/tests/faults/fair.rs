//! Two shops, the program between them, and the post that carries their webhooks.

use crate::goods::{self, Shelf};
use crate::house::{House, Server};
use bonded_base::{Clock as _, SystemClock};
use bonded_shopkit::{Counterpart, Post, Wanted, Webhook};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

/// One call in so many fails.
pub const FAILS_ONE_IN: u64 = 5;
/// One webhook in so many comes twice, and one in so many never comes.
const TWICE_ONE_IN: u64 = 5;
const LOST_ONE_IN: u64 = 20;
/// Webhooks that are under way at the same time.
const POSTED_AT_ONCE: usize = 16;
/// What apps of both directions may do.
const SCOPES: [&str; 5] = [
    "write_products",
    "write_inventory",
    "read_locations",
    "write_orders",
    "write_merchant_managed_fulfillment_orders",
];
const WANTED: Wanted<'static> =
    Wanted { currency: "EUR", scopes: &SCOPES, bucket: (1_000_000, 1_000_000), real_time: true };
const RETAIL: &str = "counterpart.myshopify.com";
const SUPPLY: &str = "supply.myshopify.com";
const SUPPLY_TOKEN: &str = "shpat_supply";
/// Pause between two looks at what the shops do.
const BEAT: Duration = Duration::from_millis(20);
/// Looks without any progress until the story is taken to hang: far more than a lease or a shop's rest takes.
const BEATS_IDLE_MAX: u32 = 12_000;

/// A shop, and who has it.
pub struct Trader {
    pub shop: Counterpart,
    pub shelf: Shelf,
    pub account: String,
    pub key: String,
}

/// Everybody.
pub struct Fair {
    house: House,
    server: Option<Server>,
    pub retail: Trader,
    pub supply: Trader,
    /// Webhooks that were not answered as kept.
    unheard: Vec<Webhook>,
    beats: u64,
}

impl Fair {
    /// Both shops filled, connected and in step; `None` where the maker's schema cannot be had.
    pub async fn open(house: House, [plenty, rare]: [i64; 2]) -> Option<Self> {
        let retail = Counterpart::start(WANTED).await?;
        let supply = retail.beside(WANTED, SUPPLY, SUPPLY_TOKEN);
        let now = u64::try_from(SystemClock.now().millis()).unwrap();
        for shop in [&retail, &supply] {
            let behind = now.saturating_sub(shop.shop().now_ms());
            shop.elapse(behind);
        }
        let server = serve(&house, &retail);
        let shelves = [goods::stock(&mut retail.shop(), 0, 0), goods::stock(&mut supply.shop(), plenty, rare)];
        let [on_sale, in_store] = shelves;
        let (account, key) = house.account("Corner Shop", "retailer");
        let retail = Trader { shop: retail, shelf: on_sale, account, key };
        let (account, key) = house.account("Lamps & Vases", "supplier");
        let supply = Trader { shop: supply, shelf: in_store, account, key };
        let mut fair = Self { house, server: Some(server), retail, supply, unheard: Vec::new(), beats: 0 };
        fair.link().await;
        fair.connect(&fair.supply, SUPPLY, "supply_from", "on").await;
        fair.until("the supplier's shop is read", |fair| fair.supply.shop.shop().subscriptions.len() > 3).await;
        fair.connect(&fair.retail, RETAIL, "sell_through", "off").await;
        fair.until("the shop shows what the supplier has", |fair| {
            fair.shown(goods::RARE) == rare && goods::PLENTY.iter().all(|sku| fair.shown(sku) == plenty)
        })
        .await;
        Some(fair)
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Pieces that the retailer's shop can sell.
    pub fn shown(&self, sku: &str) -> i64 {
        goods::available(&self.retail.shop.shop(), &self.retail.shelf, sku)
    }

    async fn link(&self) {
        let invitation = json!({ "partner": self.supply.account });
        let (status, link) = self.post(&self.retail, "/v1/partner_links", &invitation).await;
        assert_eq!(status, 201, "{link}");
        let accept = format!("/v1/partner_links/{}/accept", link["id"].as_str().unwrap());
        // It reaches the other account by itself.
        while self.post(&self.supply, &accept, &json!({})).await.0 != 200 {
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn connect(&self, trader: &Trader, shop: &str, direction: &str, products: &str) {
        let (token, secret) = {
            let tokens = trader.shop.tokens();
            (tokens.custom.clone(), tokens.client_secret.clone())
        };
        let connection = json!({
            "platform": "shopify", "shop": shop, "direction": direction,
            "syncs": { "products": products, "stock": "on", "orders": "on", "fulfilments": "on" },
            "credential": { "access_token": token, "client_secret": secret },
        });
        let (status, made) = self.post(trader, "/v1/connections", &connection).await;
        assert_eq!(status, 201, "{made}");
    }

    async fn post(&self, trader: &Trader, path: &str, body: &Value) -> (u16, Value) {
        Server::answer(self.server().post(path, &trader.key, body)).await
    }

    /// All records of a list.
    pub async fn all(&self, trader: &Trader, path: &str) -> Vec<Value> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.server().get(&format!("{path}limit=500{after}")).bearer_auth(&trader.key);
            let (status, page) = Server::answer(page).await;
            assert_eq!(status, 200, "{page}");
            found.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => after = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// From now on both shops fail.
    pub fn fail(&self) {
        self.retail.shop.faults().plan(7, FAILS_ONE_IN);
        self.supply.shop.faults().plan(11, FAILS_ONE_IN);
    }

    /// The program ends as by a power cut, and is started again.
    pub fn crash(&mut self) {
        self.server.take().unwrap().kill();
        self.server = Some(serve(&self.house, &self.retail.shop));
    }

    /// Carries what the shops have to tell; what was not answered as kept is told again the next time.
    pub async fn carry(&mut self, lose: bool) {
        self.beats += 1;
        let lost_one_in = if lose { LOST_ONE_IN } else { 0 };
        let post = Post { twice_one_in: TWICE_ONE_IN, lost_one_in, reversed: self.beats.is_multiple_of(2) };
        let mut sent = std::mem::take(&mut self.unheard);
        sent.extend([&self.retail, &self.supply].into_iter().flat_map(|trader| trader.shop.webhooks(post)));
        let server = self.server();
        let told = sent.into_iter().map(|webhook| async move {
            let path = webhook.address.split_once("/hooks/").map(|(_, path)| path.to_owned()).unwrap();
            let request = server.client.post(format!("https://{}/hooks/{path}", server.public));
            let request = request.body(webhook.body.clone());
            let headers = webhook.headers.iter();
            let request = headers.fold(request, |request, (name, value)| request.header(name, value));
            let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
            assert!(matches!(status, 0 | 200 | 500..), "{status} to {}", webhook.topic);
            (status, webhook)
        });
        let told: Vec<_> = futures::stream::iter(told).buffer_unordered(POSTED_AT_ONCE).collect().await;
        self.unheard = told.into_iter().filter(|(status, _)| *status != 200).map(|(_, webhook)| webhook).collect();
    }

    /// Carries webhooks until it is so.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut watch = Watch::default();
        while !is_so(self) {
            self.carry(false).await;
            self.beat(what, &mut watch).await;
        }
    }

    /// Waits a moment; fails when nothing has moved for very long.
    pub async fn beat(&self, what: &str, watch: &mut Watch) {
        let calls = [&self.retail, &self.supply].map(|trader| trader.shop.shop().done.values().sum::<u32>());
        watch.idle = if watch.calls == calls { watch.idle + 1 } else { 0 };
        watch.calls = calls;
        let is_stuck = watch.idle > BEATS_IDLE_MAX;
        let stands = if is_stuck { self.how_it_stands().await } else { String::new() };
        assert!(!is_stuck, "never happened: {what}\n{stands}");
        tokio::time::sleep(BEAT).await;
    }

    async fn how_it_stands(&self) -> String {
        let mut text = String::new();
        for trader in [&self.retail, &self.supply] {
            {
                let shop = trader.shop.shop();
                let parcels: usize = shop.orders.values().map(|order| order.fulfilments.len()).sum();
                let levels: Vec<_> = trader.shelf.iter().map(|(sku, id)| (sku, shop.levels[&(*id, 1)])).collect();
                writeln!(text, "{} orders, {parcels} parcels, {levels:?}", shop.orders.len()).unwrap();
            }
            for path in ["/v1/orders?", "/v1/purchase_orders?"] {
                let mut states = std::collections::BTreeMap::new();
                for found in self.all(trader, path).await {
                    *states.entry(found["state"].to_string()).or_insert(0) += 1;
                }
                writeln!(text, "{path} {states:?}").unwrap();
            }
            for path in ["/v1/connections?", "/v1/holds?", "/v1/mirrors?state=waiting&"] {
                let found = self.all(trader, path).await;
                writeln!(text, "{path} {}: {:?}", found.len(), found.iter().take(3).collect::<Vec<_>>()).unwrap();
            }
        }
        text
    }
}

/// How long nothing has moved.
#[derive(Default)]
pub struct Watch {
    calls: [u32; 2],
    idle: u32,
}

fn serve(house: &House, shops: &Counterpart) -> Server {
    let mut command: Command = house.command(&["serve"]);
    command
        .env("BONDED_OUTBOUND_LOOPBACK", "true")
        .env("BONDED_OUTBOUND_ROOT_CERTIFICATE", shops.authority())
        .env("BONDED_OUTBOUND_SHOPIFY", shops.base())
        .env("BONDED_LOG_LEVEL", "info");
    let server = house.serve_by(command);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    server
}
