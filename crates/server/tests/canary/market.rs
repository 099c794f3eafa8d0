//! A small market with everything in it: accounts with keys, a link, a catalogue, stock, orders on their way.
//!
//! Every text of it is a word that is said nowhere else, so that it can be searched for.

use crate::caller::{Answer, Callers, Request};
use crate::contract::leaves;
use crate::house::House;
use crate::search::Word;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers to wait for at most, each up to [`WAIT_SECONDS`].
const WAITS_MAX: usize = 2_000;
const WAIT_SECONDS: u32 = 20;

/// Pieces of the order that goes all its ways; each step takes one.
const PIECES: u32 = 10_000;

/// What is sold. No other text of the test has this, nor any of the other texts here.
pub const SKU: &str = "SMVR-QX71-K";
const PRICE: u64 = 735_193_771_264;
const NAMES: [&str; 3] = ["Glimmerwick Outfitters", "Tarnhollow Ceramics", "Bystander Pennyroyal"];
const LOCATION: &str = "Skerryvault Depot";
const REFERENCE: &str = "GLW-Zephyr-5503";
/// Shorter texts, as `active` and `EUR`, stand in other places too.
const WORD_CHARS_MIN: usize = 7;
const PRICE_MIN: u64 = 1_000_000_000;

/// One account with its keys.
pub struct Trader {
    pub account: String,
    pub key: String,
    /// A key that may read the account and nothing else.
    pub reader: String,
}

/// Everybody and everything.
pub struct Market {
    pub callers: Callers,
    pub retailer: Trader,
    pub supplier: Trader,
    /// A member of the retailer's account, who shows a session where the others show a key.
    pub member: Option<Trader>,
    /// Real ids to put in the places of the contract's examples, by their prefix.
    pub ids: BTreeMap<&'static str, String>,
    /// References that were given to orders.
    references: AtomicUsize,
}

/// Every text and price of the business, by itself: in no file and no log, but among what is kept, opened.
pub fn words_kept() -> Vec<Word> {
    let told = json!([product(), order(REFERENCE, SKU, PIECES), parcel(), reason(), LOCATION, NAMES[0], NAMES[1]]);
    words(&told)
}

/// The consumer's fields, but for the country, which is two letters.
pub fn consumer_words() -> Vec<Word> {
    words(&consumer())
}

fn words(value: &Value) -> Vec<Word> {
    let texts = leaves(value).into_iter().filter_map(|leaf| match value.pointer(&leaf)? {
        Value::String(text) if text.len() >= WORD_CHARS_MIN => Some(text.clone()),
        Value::Number(price) if price.as_u64()? >= PRICE_MIN => Some(price.to_string()),
        _ => None,
    });
    texts.map(|text| Word::new(&*text, &*text)).collect()
}

/// What else may be in no file and no log: a price in the forms in which engines keep numbers, and keys.
pub fn words_hidden(traders: &[Trader]) -> Vec<Word> {
    let mut words = vec![
        Word::new("a price, high byte first", &PRICE.to_be_bytes()[2..]),
        Word::new("a price, low byte first", &PRICE.to_le_bytes()[..6]),
    ];
    words.extend(traders.iter().map(|trader| Word::new("an API key", trader.key.as_bytes())));
    words
}

fn consumer() -> Value {
    json!({
        "first_name": "Ottolinde", "last_name": "Quennerstedt", "street": "17 Larkspindle Row", "postal_code": "QZ94WXK",
        "region": "Upper Fenmarch", "country": "GB",
    })
}

fn price(amount: u64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn product() -> Value {
    json!({
        "handle": "brindlemoss-samovar-q7", "title": "Brindlemoss Samovar", "description_html": "<p>thrice fired in fenwick glaze</p>",
        "vendor": "Oakapple Kilnworks", "product_type": "Samovarware", "tags": ["quillfeather-tag"],
        "status": "active", "options": [{"name": "Glazehue", "values": ["Umberveil"]}],
        "images": [{"url": "https://cdn.tarnhollow.example/brindle.png", "alt": "Samovarfront portrait"}],
        "variants": [{
            "options": ["Umberveil"], "sku": SKU, "barcode": "97155033188420",
            "price": price(PRICE), "compare_at_price": price(819_273_645_371), "tracked": true,
        }],
    })
}

fn parcel() -> Value {
    json!({
        "lines": [{"line": 1, "quantity": 2}], "carrier": "Heronswift Couriers", "number": "HSW77X31Q9054",
        "url": "https://track.heronswift.example/HSW77X31Q9054",
    })
}

fn reason() -> Value {
    json!({"reason": "Cracked in the thricefold kiln", "lines": [{"line": 1, "quantity": 1}]})
}

/// An order for the samovar, or for what nobody sells.
pub fn order(reference: &str, sku: &str, quantity: u32) -> Value {
    let line = json!({"sku": sku, "title": "Samovar, gift wrapped", "quantity": quantity, "price": price(PRICE)});
    json!({"reference": reference, "consumer": consumer(), "lines": [line]})
}

impl Trader {
    pub fn open(house: &House, place: usize) -> Self {
        let (account, key) = house.account(NAMES[place], if place == 0 { "retailer" } else { "supplier" });
        let reader = house.must(&["account", "key", "--json", &account, "--permission", "account:read"]).json();
        Self { account, key, reader: reader["secret"].as_str().unwrap().to_owned() }
    }

    pub fn get(&self, target: impl Into<String>) -> Request {
        Request::new(Method::GET, target, &self.key)
    }

    pub fn post(&self, target: impl Into<String>, body: &Value) -> Request {
        Request::new(Method::POST, target, &self.key).json(body)
    }
}

impl Market {
    /// Links retailer and supplier, fills the catalogue and lets orders go all their ways.
    pub async fn open(callers: Callers, [retailer, supplier, stranger]: [Trader; 3]) -> Self {
        let ids = BTreeMap::from([("acct", stranger.account)]);
        let mut market = Self { callers, retailer, supplier, member: None, ids, references: AtomicUsize::new(0) };
        market.link().await;
        market.stock().await;
        market.trade().await;
        market.invoice().await;
        market.connect().await;
        market.bring_files().await;
        market.delete().await;
        market
    }

    /// A reference that no other order has.
    pub fn reference(&self) -> String {
        format!("C{}", self.references.fetch_add(1, Ordering::Relaxed))
    }

    async fn made(&mut self, name: &'static str, request: Request) -> Value {
        let answer = self.callers.expect(201, request).await.json();
        self.ids.insert(name, answer["id"].as_str().unwrap().to_owned());
        answer
    }

    async fn link(&mut self) {
        let invitation = json!({"partner": self.supplier.account});
        self.made("link", self.retailer.post("/v1/partner_links", &invitation)).await;
        let link = format!("/v1/partner_links/{}", self.ids["link"]);
        self.until(&self.supplier, "partner_link", &link, |answer| answer.status == 200).await;
        self.callers.expect(200, self.supplier.post(format!("{link}/accept"), &json!({}))).await;
        self.until(&self.retailer, "partner_link", &link, |answer| answer.json()["state"] == "active").await;
    }

    async fn stock(&mut self) {
        self.made("loc", self.supplier.post("/v1/locations", &json!({"name": LOCATION}))).await;
        let product = self.made("prod", self.supplier.post("/v1/products", &product())).await;
        self.ids.insert("var", product["variants"][0]["id"].as_str().unwrap().to_owned());
        let level = json!({"data": [{"sku": SKU, "location": self.ids["loc"], "on_hand": 900_000}]});
        let counted = self.callers.expect(200, self.supplier.post("/v1/inventory_levels/batch", &level)).await.json();
        assert_eq!(counted["failed"], 0, "{counted}");
    }

    async fn trade(&mut self) {
        self.made("ord", self.retailer.post("/v1/orders", &order(REFERENCE, SKU, PIECES))).await;
        let lost = order("GLW-Zephyr-5504", "SMVR-NOWHERE-9", 1);
        self.callers.expect(201, self.retailer.post("/v1/orders", &lost)).await;
        let holds = self.until(&self.retailer, "hold", "/v1/holds", |answer| count(&answer.json()) > 0).await.json();
        self.ids.insert("hold", holds["data"][0]["id"].as_str().unwrap().to_owned());
        let meant = format!("/v1/sku_mappings/suggestions?hold={}", self.ids["hold"]);
        self.callers.expect(200, self.retailer.get(meant)).await;
        let path = "/v1/purchase_orders";
        let orders =
            self.until(&self.supplier, "purchase_order", path, |answer| count(&answer.json()) > 0).await.json();
        let id = orders["data"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("{path}/{id}");
        self.ids.insert("po", id);
        for (step, body) in [("acknowledge", json!({})), ("fulfilments", parcel()), ("reject", reason())] {
            self.callers.expect(200, self.supplier.post(format!("{path}/{step}"), &body)).await;
        }
    }

    /// A purchase order that is shipped whole, and its invoice.
    async fn invoice(&mut self) {
        let reference = "GLW-Invoiced-7731";
        self.callers.expect(201, self.retailer.post("/v1/orders", &order(reference, SKU, 1))).await;
        let of = |orders: &Value| {
            let all = orders["data"].as_array().cloned().unwrap_or_default();
            all.into_iter().find(|one| one["reference"] == reference).map(|one| one["id"].as_str().unwrap().to_owned())
        };
        let path = "/v1/purchase_orders?limit=100";
        let orders =
            self.until(&self.supplier, "purchase_order", path, |answer| of(&answer.json()).is_some()).await.json();
        let path = format!("/v1/purchase_orders/{}", of(&orders).unwrap());
        self.callers.expect(200, self.supplier.post(format!("{path}/fulfilments"), &json!({}))).await;
        self.made("in", self.supplier.post(format!("{path}/invoice"), &json!({"number": "R-1"}))).await;
    }

    /// A shop, an endpoint and a SKU that requests can name; and what works in one state only is done once.
    async fn connect(&mut self) {
        let shop = json!({"platform": "vendure", "shop": "shop.example", "direction": "sell_through",
            "credential": {"api_key": "glow:worm"}});
        self.made("con", self.retailer.post("/v1/connections", &shop)).await;
        for step in ["pause", "resume", "check", "repair"] {
            let target = format!("/v1/connections/{}/{step}", self.ids["con"]);
            self.callers.expect(200, self.retailer.post(target, &json!({}))).await;
        }
        let endpoint = json!({"url": "https://hooks.example/glow", "events": ["order.placed"]});
        self.made("we", self.supplier.post("/v1/webhook_endpoints", &endpoint)).await;
        let test = format!("/v1/webhook_endpoints/{}/test", self.ids["we"]);
        let message = self.callers.expect(200, self.supplier.post(test, &json!({}))).await.json();
        self.ids.insert("msg", message["id"].as_str().unwrap().to_owned());
        // Only while the endpoint is not paused.
        let again = format!("/v1/webhook_endpoints/{}/messages/{}/replay", self.ids["we"], self.ids["msg"]);
        self.callers.expect(200, self.supplier.post(again, &json!({}))).await;
        let own = json!({"sku": "GLW-OWN"});
        let mapping = self.callers.expect(200, self.retailer.post("/v1/sku_mappings", &own)).await.json();
        self.ids.insert("map", mapping["id"].as_str().unwrap().to_owned());
    }

    /// Files on all their ways, each step once; the last file is the one that requests can name.
    async fn bring_files(&mut self) {
        let file = format!("SKU,Stock\n{SKU},899999\nGLW-NONE,1\n");
        let send = || {
            let request = Request::new(Method::POST, "/v1/imports?format=stock", &self.supplier.key);
            request.body("text/csv", file.clone().into_bytes())
        };
        let import = self.callers.expect(201, send()).await.json();
        let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
        self.callers.expect(200, self.supplier.get(format!("{path}/preview"))).await;
        self.callers.expect(200, self.supplier.post(format!("{path}/start"), &json!({}))).await;
        self.until(&self.supplier, "import", &path, |answer| answer.json()["state"] == "done").await;
        for seen in ["problems", "bad_rows.csv"] {
            self.callers.expect(200, self.supplier.get(format!("{path}/{seen}"))).await;
        }
        self.callers.expect(200, self.supplier.post(format!("{path}/undo"), &json!({}))).await;
        self.until(&self.supplier, "import", &path, |answer| answer.json()["state"] == "undone").await;
        let discarded = self.callers.expect(201, send()).await.json();
        let path = format!("/v1/imports/{}", discarded["id"].as_str().unwrap());
        self.callers.expect(200, self.supplier.post(format!("{path}/discard"), &json!({}))).await;
        let columns = json!({"format": "stock", "columns": [{"column": "Artikel", "field": "SKU"}]});
        let mapping = self.callers.expect(200, self.supplier.post("/v1/imports/mappings", &columns)).await.json();
        let path = format!("/v1/imports/mappings/{}/forget", mapping["id"].as_str().unwrap());
        self.callers.expect(200, self.supplier.post(path, &json!({}))).await;
        let named = self.callers.expect(201, send()).await.json();
        self.ids.insert("imp", named["id"].as_str().unwrap().to_owned());
    }

    /// A consumer is forgotten, and a deletion taken back in time; the first is the one that requests can name.
    async fn delete(&mut self) {
        let mut archived = Vec::new();
        for reference in ["GLW-Forgotten-1", "GLW-Forgotten-2"] {
            let placed = order(reference, "SMVR-NOWHERE-9", 1);
            let placed = self.callers.expect(201, self.retailer.post("/v1/orders", &placed)).await.json();
            let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
            for step in ["cancel", "archive"] {
                self.callers.expect(200, self.retailer.post(format!("{path}/{step}"), &json!({}))).await;
            }
            archived.push(json!({"orders": [placed["id"]]}));
        }
        self.made("del", self.retailer.post("/v1/deletions", &archived[0])).await;
        let path = format!("/v1/deletions/{}", self.ids["del"]);
        self.until(&self.retailer, "deletion", &path, |answer| answer.json()["state"] == "complete").await;
        for seen in ["certificate", "orders"] {
            self.callers.expect(200, self.retailer.get(format!("{path}/{seen}"))).await;
        }
        let patient = json!({"grace_days": 30, "archived_days": null});
        let policy = Request::new(Method::PUT, "/v1/deletion_policy", &self.retailer.key).json(&patient);
        self.callers.expect(200, policy).await;
        let waits = self.callers.expect(201, self.retailer.post("/v1/deletions", &archived[1])).await.json();
        let path = format!("/v1/deletions/{}/cancel", waits["id"].as_str().unwrap());
        self.callers.expect(200, self.retailer.post(path, &json!({}))).await;
    }

    /// Asks until the answer is as wanted; whenever it is not, waits for something of this kind to happen.
    pub async fn until(&self, trader: &Trader, kind: &str, target: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let mut after = 0;
        for _ in 0..WAITS_MAX {
            let answer = self.callers.send(trader.get(target)).await;
            if wanted(&answer) {
                return answer;
            }
            let events = format!("/v1/events?kind={kind}&limit=500&wait={WAIT_SECONDS}&after={after}");
            after = self.callers.expect(200, trader.get(events)).await.json()["next_after"].as_u64().unwrap();
        }
        panic!("{target} never became as wanted");
    }
}

/// Records of a list.
fn count(list: &Value) -> usize {
    list["data"].as_array().map_or(0, Vec::len)
}
