//! What the shop has: products, stock, orders, fulfilments, subscriptions, as plain values that tests may look at.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// 2026-11-22T10:00:00Z, when every shop of a test begins.
const ORIGIN_MS: u64 = 1_795_341_600_000;

/// Metafields by `namespace/key`.
pub type Metafields = BTreeMap<String, String>;

/// One thing that the shop sells.
#[derive(Clone, Debug)]
pub struct Product {
    pub title: String,
    pub handle: String,
    pub description_html: String,
    pub vendor: String,
    pub product_type: String,
    pub status: String,
    pub tags: Vec<String>,
    /// Names with their values; `Title` with `Default Title` where there are none.
    pub options: Vec<(String, Vec<String>)>,
    /// Addresses of pictures, with what they show.
    pub media: Vec<(String, String)>,
    pub variants: Vec<u64>,
    pub metafields: Metafields,
    pub updated_ms: u64,
}

/// A form of it. Its inventory item has the same number.
#[derive(Clone, Debug)]
pub struct Variant {
    pub product: u64,
    pub values: Vec<String>,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub price: String,
    pub compare_at_price: Option<String>,
    pub taxable: bool,
    /// `DENY` or `CONTINUE`.
    pub policy: String,
    pub tracked: bool,
    pub requires_shipping: bool,
    pub grams: f64,
    pub metafields: Metafields,
}

/// Where stock lies.
#[derive(Clone, Debug)]
pub struct Location {
    pub name: String,
    pub active: bool,
}

/// Pieces of one item at one location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    pub available: i64,
    /// Promised to orders that have not left.
    pub committed: i64,
    pub updated_ms: u64,
}

/// An order of the shop's.
#[derive(Clone, Debug)]
pub struct Order {
    pub name: String,
    pub source_identifier: Option<String>,
    pub po_number: Option<String>,
    pub financial_status: String,
    pub created_ms: u64,
    pub updated_ms: u64,
    pub cancelled_ms: Option<u64>,
    pub test: bool,
    /// As the schema's `MailingAddress` names its fields.
    pub address: Option<Map<String, Value>>,
    pub lines: Vec<Line>,
    pub fulfilment_orders: Vec<FulfilmentOrder>,
    pub fulfilments: Vec<Fulfilment>,
    pub metafields: Metafields,
}

/// A line of it.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: u64,
    pub variant: Option<u64>,
    pub sku: Option<String>,
    pub title: String,
    pub quantity: i64,
    /// Pieces that were taken out or refunded before they left.
    pub dropped: i64,
    pub price: String,
}

/// What one location has to send of an order.
#[derive(Clone, Debug)]
pub struct FulfilmentOrder {
    pub id: u64,
    pub location: u64,
    pub status: String,
    /// Number of the entry, number of the order's line, pieces that are left.
    pub lines: Vec<(u64, u64, i64)>,
}

/// A parcel.
#[derive(Clone, Debug)]
pub struct Fulfilment {
    pub id: u64,
    pub status: String,
    pub created_ms: u64,
    pub company: Option<String>,
    pub number: Option<String>,
    pub url: Option<String>,
    /// Number of the order's line, and pieces.
    pub lines: Vec<(u64, i64)>,
}

/// A wish to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `ORDERS_CREATE`
    pub topic: String,
    pub uri: String,
    pub include_fields: Vec<String>,
}

/// A query that runs by itself.
#[derive(Clone, Debug)]
pub struct Bulk {
    pub query: String,
    pub status: String,
    /// How often it is still asked for before it goes on.
    pub polls_left: u32,
    /// The result, as lines of JSON.
    pub lines: Option<String>,
}

/// The whole shop.
#[derive(Debug)]
pub struct State {
    /// Its name, which its webhooks say.
    pub domain: String,
    pub currency: String,
    pub scopes: Vec<String>,
    pub products: BTreeMap<u64, Product>,
    pub variants: BTreeMap<u64, Variant>,
    pub locations: BTreeMap<u64, Location>,
    /// By item and location.
    pub levels: BTreeMap<(u64, u64), Level>,
    pub orders: BTreeMap<u64, Order>,
    pub subscriptions: BTreeMap<u64, Subscription>,
    pub bulks: BTreeMap<u64, Bulk>,
    /// `OWNERTYPE/namespace/key` of metafields whose values are unique.
    pub definitions: Vec<String>,
    /// Answers to calls that were made under a key: what was asked, what was answered.
    pub idempotent: BTreeMap<String, (String, Value)>,
    /// Webhooks that wait to be sent: topic as in the header, and body.
    pub news: Vec<(String, Value)>,
    /// Calls of mutations that were carried out, by name, for tests that count.
    pub done: BTreeMap<String, u32>,
    /// Times that more was taken of something than there was.
    pub oversold: u32,
    last_id: u64,
    last_order: u64,
    offset_ms: u64,
    began: Option<Instant>,
}

impl State {
    /// An empty shop with one location. Its time is the tests' own, or goes on by itself (`real_time`).
    pub fn new(currency: &str, real_time: bool) -> Self {
        Self {
            domain: "counterpart.myshopify.com".to_owned(),
            currency: currency.to_owned(),
            scopes: Vec::new(),
            products: BTreeMap::new(),
            variants: BTreeMap::new(),
            locations: BTreeMap::from([(1, Location { name: "Warehouse".to_owned(), active: true })]),
            levels: BTreeMap::new(),
            orders: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            bulks: BTreeMap::new(),
            definitions: Vec::new(),
            idempotent: BTreeMap::new(),
            news: Vec::new(),
            done: BTreeMap::new(),
            oversold: 0,
            last_id: 1_000,
            last_order: 1_000,
            offset_ms: 0,
            began: real_time.then(Instant::now),
        }
    }

    /// Milliseconds since 1970 by the shop's clock.
    pub fn now_ms(&self) -> u64 {
        let since = self.began.map_or(0, |began| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        ORIGIN_MS + self.offset_ms + since
    }

    /// Lets time go on.
    pub fn elapse(&mut self, ms: u64) {
        self.offset_ms += ms;
    }

    /// The next number; no two things share one.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// `#1001` and so on.
    pub fn next_order_name(&mut self) -> String {
        self.last_order += 1;
        format!("#{}", self.last_order)
    }

    /// Adds a product with these variants, each with stock at the first location; answers its number.
    pub fn add_product(&mut self, title: &str, variants: &[(&str, &str, i64)]) -> u64 {
        let (id, now) = (self.next_id(), self.now_ms());
        let mut product = Product {
            title: title.to_owned(),
            handle: title.to_lowercase().replace(' ', "-"),
            description_html: String::new(),
            vendor: String::new(),
            product_type: String::new(),
            status: "ACTIVE".to_owned(),
            tags: Vec::new(),
            options: vec![("Title".to_owned(), vec!["Default Title".to_owned()])],
            media: Vec::new(),
            variants: Vec::new(),
            metafields: Metafields::new(),
            updated_ms: now,
        };
        if variants.len() > 1 {
            let values = variants.iter().map(|(sku, ..)| (*sku).to_owned()).collect();
            product.options = vec![("Form".to_owned(), values)];
        }
        for (sku, price, pieces) in variants {
            let variant = self.next_id();
            let value = if variants.len() > 1 { sku } else { "Default Title" };
            self.variants.insert(variant, Variant::new(id, vec![value.to_owned()], Some((*sku).to_owned()), price));
            self.levels.insert((variant, 1), Level { available: *pieces, committed: 0, updated_ms: now });
            product.variants.push(variant);
        }
        self.products.insert(id, product);
        self.tell("products/create", json!({ "id": id, "admin_graphql_api_id": gid("Product", id) }));
        id
    }

    /// Marks a product as changed, and tells so.
    pub fn touch_product(&mut self, id: u64) {
        let now = self.now_ms();
        if let Some(product) = self.products.get_mut(&id) {
            product.updated_ms = now;
            self.tell("products/update", json!({ "id": id, "admin_graphql_api_id": gid("Product", id) }));
        }
    }

    /// Deletes a variant, as a person in the shop may.
    pub fn delete_variant(&mut self, id: u64) {
        let Some(variant) = self.variants.remove(&id) else { return };
        if let Some(product) = self.products.get_mut(&variant.product) {
            product.variants.retain(|other| *other != id);
        }
        self.levels.retain(|(item, _), _| *item != id);
        for line in self.orders.values_mut().flat_map(|order| &mut order.lines) {
            line.variant = line.variant.filter(|of| *of != id);
        }
        self.touch_product(variant.product);
    }

    /// Changes what can be sold, and tells so.
    pub fn change_level(&mut self, item: u64, location: u64, change: impl FnOnce(&mut Level)) {
        let now = self.now_ms();
        let level = self.levels.entry((item, location)).or_default();
        change(level);
        level.updated_ms = now;
        let available = level.available;
        self.oversold += u32::from(available < 0);
        let body = json!({
            "inventory_item_id": item, "location_id": location, "available": available, "updated_at": time(now),
            "admin_graphql_api_id": format!("{}?inventory_item_id={item}", gid("InventoryLevel", location)),
        });
        self.tell("inventory_levels/update", body);
    }

    /// Says that an order changed.
    pub fn touch_order(&mut self, id: u64, topic: &str) {
        let now = self.now_ms();
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.updated_ms = now;
        let mut body = json!({
            "id": id, "admin_graphql_api_id": gid("Order", id), "updated_at": time(now), "name": order.name,
            "email": "ada@example.com", "phone": "+44 20 7946 0000", "browser_ip": "203.0.113.7",
        });
        if let (Some(body), Some(address)) = (body.as_object_mut(), &order.address) {
            body.insert("shipping_address".to_owned(), Value::Object(address.clone()));
        }
        self.tell(topic, body);
    }

    /// Puts a webhook into the queue once for each subscription of its topic, with the fields that it asked for.
    pub fn tell(&mut self, topic: &str, body: Value) {
        self.news.push((topic.to_owned(), body));
    }

    /// An order from the shop's own customers, `(variant, pieces)` each; answers its number.
    pub fn place_order(&mut self, lines: &[(u64, i64)], address: Option<Value>) -> u64 {
        let lines = lines.iter().map(|(variant, quantity)| {
            let of = self.variants.get(variant);
            let title = of.and_then(|of| self.products.get(&of.product)).map(|product| product.title.clone());
            Line {
                id: 0,
                variant: Some(*variant),
                sku: of.and_then(|of| of.sku.clone()),
                title: title.unwrap_or_default(),
                quantity: *quantity,
                dropped: 0,
                price: of.map(|of| of.price.clone()).unwrap_or_default(),
            }
        });
        let lines = lines.collect();
        let address = address.and_then(|address| address.as_object().cloned());
        self.insert_order(lines, address, true)
    }

    /// Keeps an order: numbers its lines, makes its fulfilment order at the first location, and takes the stock.
    pub fn insert_order(&mut self, mut lines: Vec<Line>, address: Option<Map<String, Value>>, claim: bool) -> u64 {
        let (id, fulfilment_order, now) = (self.next_id(), self.next_id(), self.now_ms());
        let mut entries = Vec::new();
        for line in &mut lines {
            line.id = self.next_id();
            entries.push((self.next_id(), line.id, line.quantity));
        }
        for line in lines.iter().filter(|_| claim) {
            if let Some(item) = line.variant.filter(|item| self.levels.contains_key(&(*item, 1))) {
                self.change_level(item, 1, |level| {
                    level.available -= line.quantity;
                    level.committed += line.quantity;
                });
            }
        }
        let fulfilment_orders =
            vec![FulfilmentOrder { id: fulfilment_order, location: 1, status: "OPEN".to_owned(), lines: entries }];
        let order = Order {
            name: self.next_order_name(),
            source_identifier: None,
            po_number: None,
            financial_status: "PAID".to_owned(),
            created_ms: now,
            updated_ms: now,
            cancelled_ms: None,
            test: false,
            address,
            lines,
            fulfilment_orders,
            fulfilments: Vec::new(),
            metafields: Metafields::new(),
        };
        self.orders.insert(id, order);
        self.touch_order(id, "orders/create");
        id
    }
}

impl Variant {
    /// A plain one, tracked and not sold beyond its stock.
    pub fn new(product: u64, values: Vec<String>, sku: Option<String>, price: &str) -> Self {
        Self {
            product,
            values,
            sku,
            barcode: None,
            price: price.to_owned(),
            compare_at_price: None,
            taxable: true,
            policy: "DENY".to_owned(),
            tracked: true,
            requires_shipping: true,
            grams: 0.0,
            metafields: Metafields::new(),
        }
    }
}

/// `gid://shopify/Product/7`
pub fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The kind and number of such an id.
pub fn read_gid(text: &str) -> Option<(&str, u64)> {
    let (kind, id) = text.strip_prefix("gid://shopify/")?.split_once('/')?;
    Some((kind, id.parse().ok()?))
}

/// `2026-11-22T10:00:00Z`: whole seconds, as the maker writes them.
pub fn time(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1_000).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map(|moment| moment.to_string()).unwrap_or_default()
}
