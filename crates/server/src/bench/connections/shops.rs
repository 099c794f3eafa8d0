//! Shops on Medusa, as far as stock needs one: the parts of the published Admin API that list products and write levels.

use super::peer::Answers;
use axum::http::request::Parts;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// When everything in a shop last changed.
const UPDATED_AT: &str = "2026-01-01T00:00:00Z";
const LOCATION: &str = "sloc_1";

/// A level that was written.
pub struct Written {
    /// Which shop's.
    pub shop: usize,
    /// Of which of its variants.
    pub place: usize,
    /// Pieces.
    pub pieces: i64,
    /// When it came.
    pub at: Instant,
}

/// A shop with a product for each SKU.
pub struct Shop {
    number: usize,
    skus: Vec<String>,
    levels: Mutex<HashMap<usize, i64>>,
    tell: mpsc::UnboundedSender<Written>,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    create: Vec<LevelRow>,
    #[serde(default)]
    update: Vec<LevelRow>,
}

#[derive(Deserialize)]
struct LevelRow {
    inventory_item_id: String,
    stocked_quantity: i64,
}

impl Shop {
    /// A shop that has none of anything.
    pub fn new(number: usize, skus: Vec<String>, tell: mpsc::UnboundedSender<Written>) -> Self {
        Self { number, skus, levels: Mutex::default(), tell }
    }

    /// The places of the things that a query asks for, of ids with this prefix.
    fn asked(&self, url: &Url, prefix: &str) -> Vec<usize> {
        let all = |name: &str| -> Vec<String> {
            url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
        };
        let number =
            |name: &str, default: usize| all(name).first().and_then(|text| text.parse().ok()).unwrap_or(default);
        let named = all("id[]");
        if !named.is_empty() {
            return named.iter().filter_map(|id| place_of(id, prefix)).filter(|at| *at < self.skus.len()).collect();
        }
        let moment = |text: &String| text.parse::<Timestamp>().ok();
        let changed = UPDATED_AT.parse::<Timestamp>().ok();
        let is_after = all("updated_at[$gte]").first().and_then(moment).is_some_and(|from| changed < Some(from));
        let is_before = all("updated_at[$lt]").first().and_then(moment).is_some_and(|until| changed >= Some(until));
        let places = if is_after || is_before { 0 } else { self.skus.len() };
        (0..places).skip(number("offset", 0)).take(number("limit", places)).collect()
    }

    fn product(&self, place: usize) -> Value {
        let sku = self.skus.get(place).map_or("", String::as_str);
        let price = json!({ "id": format!("price_{place}"), "amount": 19.99, "currency_code": "eur", "rules": {} });
        let variant = json!({
            "id": format!("variant_{place}"), "sku": sku, "manage_inventory": true, "allow_backorder": false,
            "updated_at": UPDATED_AT, "options": [], "prices": [price],
        });
        json!({
            "id": format!("prod_{place}"), "title": sku, "status": "published", "updated_at": UPDATED_AT,
            "options": [], "variants": [variant],
        })
    }

    fn variant(&self, place: usize) -> Value {
        let pieces = self.levels.lock().unwrap_or_else(PoisonError::into_inner).get(&place).copied();
        let level = pieces.map(|pieces| {
            json!({ "location_id": LOCATION, "stocked_quantity": pieces, "reserved_quantity": 0, "updated_at": UPDATED_AT })
        });
        let levels: Vec<_> = level.into_iter().collect();
        json!({
            "id": format!("variant_{place}"), "product_id": format!("prod_{place}"), "updated_at": UPDATED_AT,
            "sku": self.skus.get(place), "manage_inventory": true,
            "inventory_items": [{
                "required_quantity": 1, "inventory_item_id": format!("iitem_{place}"),
                "inventory": { "location_levels": levels },
            }],
        })
    }

    fn write(&self, batch: Batch) {
        let at = Instant::now();
        for row in batch.create.into_iter().chain(batch.update) {
            let Some(place) = place_of(&row.inventory_item_id, "iitem_") else { continue };
            self.levels.lock().unwrap_or_else(PoisonError::into_inner).insert(place, row.stocked_quantity);
            // Whoever listens went away only if something failed.
            let _ = self.tell.send(Written { shop: self.number, place, pieces: row.stocked_quantity, at });
        }
    }
}

fn place_of(id: &str, prefix: &str) -> Option<usize> {
    id.strip_prefix(prefix)?.parse().ok()
}

impl Answers for Shop {
    fn answer(&self, head: &Parts, body: &[u8]) -> (StatusCode, String) {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let Ok(url) = Url::parse(&format!("https://localhost{path}")) else {
            return (StatusCode::BAD_REQUEST, String::new());
        };
        let answer = match (&head.method, url.path()) {
            (&Method::GET, "/admin/stores") => json!({ "stores": [{
                "name": "Bench", "default_sales_channel_id": "sc_1",
                "supported_currencies": [{ "currency_code": "eur", "is_default": true }],
            }] }),
            (&Method::GET, "/admin/stock-locations") => {
                json!({ "stock_locations": [{ "id": LOCATION, "name": "Warehouse" }] })
            }
            (&Method::GET, "/admin/products") => {
                let places = self.asked(&url, "prod_").into_iter();
                json!({ "products": places.map(|place| self.product(place)).collect::<Vec<_>>() })
            }
            (&Method::GET, "/admin/product-variants") => {
                let places = self.asked(&url, "variant_").into_iter();
                json!({ "variants": places.map(|place| self.variant(place)).collect::<Vec<_>>() })
            }
            (&Method::POST, "/admin/inventory-items/location-levels/batch") => match serde_json::from_slice(body) {
                Ok(batch) => {
                    self.write(batch);
                    json!({ "created": [], "updated": [], "deleted": [] })
                }
                Err(_) => return (StatusCode::BAD_REQUEST, String::new()),
            },
            _ => return (StatusCode::NOT_FOUND, String::new()),
        };
        (StatusCode::OK, answer.to_string())
    }
}
