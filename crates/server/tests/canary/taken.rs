//! Canaries by the thousand in what is taken: orders, reasons, parcels, products and product files.
//!
//! Here the requests are good, so that what is planted comes as far as it can: into records, log and indexes.

use crate::caller::Request;
use crate::canaries::{Place, Planting, Shape};
use crate::contract::{field, put};
use crate::market::{self, Market, SKU, Trader};
use reqwest::Method;
use serde_json::{Value, json};

/// Records of a batch.
const BATCH: usize = 1_000;
/// Steps of a purchase order for each shape at most; it has only so many parcels.
const STEPS_MAX: usize = 110;
/// Columns of a product file whose names are canaries; more than a thousand would be refused.
const COLUMNS_MAX: usize = 900;

/// In these `?` becomes a canary, and `#` a number that no other record has.
///
/// An order with a canary in every text that is screened, and in many members that are none of ours.
const ORDER: &str = r#"{
    "reference": "R# ?",
    "lines": [{
        "sku": "SMVR-QX71-K", "title": "Pot ? large", "quantity": 1, "price": {"amount": 1499, "currency": "EUR"},
        "properties": [{"name": "Engraving", "value": "?"}], "vendor": "?", "name": "?"
    }],
    "consumer": {
        "first_name": "Ada ?", "last_name": "? Example #", "street": "12 Sample Road #\n?\nTestbury",
        "address1": "12 Sample Road # ?", "address2": "Floor 2 ?", "city": "Testbury ?", "region": "Testshire ?",
        "postal_code": "T3 5TT", "country": "GB", "email": "?", "phone": "?", "company": "?",
        "notes": ["?", {"second_contact": "?"}], "latitude": "?"
    },
    "email": "?", "phone": "?", "contact_email": "?", "browser_ip": "?", "note": "?", "tags": "?",
    "note_attributes": [{"name": "Call me", "value": "?"}, {"name": "?", "value": "yes"}],
    "customer": {"email": "?", "phone": "?", "default_address": {"phone": "?", "company": "?"}},
    "billing_address": {"first_name": "?", "address2": "?", "phone": "?"},
    "client_details": {"browser_ip": "?", "user_agent": "?"}, "?": "a member whose name is one"
}"#;
/// Fields of an order that have a form, so that a canary in them is refused or blanked.
const FORMED: [&str; 5] =
    ["/consumer/postal_code", "/consumer/country", "/lines/0/sku", "/lines/0/variant", "/placed_at"];
const PRODUCT: &str = r#"{
    "handle": "h# ?", "title": "Jug ?", "description_html": "<p>?</p>", "vendor": "?", "product_type": "?",
    "tags": ["?"], "options": [{"name": "?", "values": ["Any"]}],
    "images": [{"url": "https://cdn.example/a.png", "alt": "?"}],
    "variants": [{
        "options": ["Any"], "price": {"amount": 1499, "currency": "EUR"}, "barcode": "?", "sku": "J# ?"
    }],
    "seo": {"title": "?"}, "metafields": [{"value": "?"}], "?": 1
}"#;
const REASON: [&str; 1] = [r#"{"reason": "Broken: ?", "lines": [{"line": 1, "quantity": 1}]}"#];
const PARCELS: [&str; 3] = [
    r#"{"lines": [{"line": 1, "quantity": 1}], "carrier": "Sample Parcel", "number": "?"}"#,
    r#"{"lines": [{"line": 1, "quantity": 1}], "carrier": "Parcel ?"}"#,
    r#"{"lines": [{"line": 1, "quantity": 1}], "carrier": "Sample", "url": "https://track.parcel.example/?"}"#,
];
/// The columns of a product file, some of which are not read.
const COLUMNS: &str = "Handle|Title|Body (HTML)|Vendor|Type|Tags|Option1 Name|Option1 Value|Variant SKU|Variant Barcode|\
    Image Src|Image Alt Text|Variant Image|Variant Price|SEO Description|Google Shopping / Custom Label 0|Customer E-mail|\
    Cost per item|Notes|Any notes";

/// What plants in one operation, so many canaries of each shape in each field.
struct Planter<'a> {
    market: &'a Market,
    planting: &'a Planting,
    operation: &'a str,
    each: usize,
}

/// All of it; what should be taken is, and reaches the supplier.
pub async fn plant(market: &Market, planting: &Planting, each: usize) {
    let planter = |operation| Planter { market, planting, operation, each };
    planter("POST /v1/products/batch").records(&market.supplier, PRODUCT).await;
    planter("POST /v1/imports/products").product_files().await;
    planter("POST /v1/orders/batch").records(&market.retailer, ORDER).await;
    planter("POST /v1/orders/batch").formed_orders().await;
    let each = each.min(STEPS_MAX);
    for (step, templates) in [("reject", &REASON[..]), ("fulfilments", &PARCELS)] {
        let operation = format!("POST /v1/purchase_orders/{{id}}/{step}");
        Planter { market, planting, operation: &operation, each }.steps(step, templates).await;
    }
}

impl Planter<'_> {
    /// A template with its signs replaced; in a batch the fields of a record lie deeper.
    fn filled(&self, value: &Value, number: usize, shape: Shape, pointer: &str) -> Value {
        let text = |text: &str, pointer: &str| {
            let canary = || self.planting.one(&Place::new(self.operation, format!("body {pointer}")), shape);
            let own = format!("{shape:?}{number}");
            let text = text.replace('#', &own);
            // Half of them stand alone in their field, where nothing in it must be the record's own.
            let is_alone = number % 2 == 1 && !text.contains(&own);
            let template = if is_alone && text.contains('?') { "?" } else { &text };
            if template.contains('?') { template.replace('?', &canary()) } else { text }
        };
        match value {
            Value::String(it) => json!(text(it, pointer)),
            Value::Array(values) => {
                values.iter().map(|it| self.filled(it, number, shape, &format!("{pointer}/*"))).collect()
            }
            Value::Object(members) => {
                let inside = members.iter().map(|(name, it)| {
                    let pointer = format!("{pointer}/{name}");
                    (text(name, &pointer), self.filled(it, number, shape, &pointer))
                });
                inside.collect()
            }
            other => other.clone(),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = (usize, Shape)> {
        (0..self.each).flat_map(|number| Shape::ALL.map(|shape| (number, shape)))
    }

    /// Records in batches, each of which is taken.
    async fn records(&self, trader: &Trader, template: &str) {
        let template: Value = serde_json::from_str(template).unwrap();
        let mut records: Vec<_> =
            self.numbers().map(|(number, shape)| self.filled(&template, number, shape, "/data/*")).collect();
        // The street as one value, or else in parts: whoever sends both is heard about the first.
        for order in records.iter_mut().step_by(2).filter_map(|order| order["consumer"].as_object_mut()) {
            order.remove("street");
        }
        self.sent(trader, &records, true).await;
    }

    /// Orders with a canary instead of something that has a form.
    async fn formed_orders(&self) {
        let orders = self.numbers().map(|(number, shape)| {
            let mut order = market::order(&format!("S{shape:?}{number}"), SKU, 1);
            let part = FORMED[number % FORMED.len()];
            let place = Place::new(self.operation, format!("body /data/*{}", field(part)));
            put(&mut order, part, json!(self.planting.one(&place, shape)));
            order
        });
        self.sent(&self.market.retailer, &orders.collect::<Vec<_>>(), false).await;
    }

    async fn sent(&self, trader: &Trader, records: &[Value], all_are_taken: bool) {
        let target = self.operation.trim_start_matches("POST ");
        for batch in records.chunks(BATCH) {
            let answer = self.market.callers.expect(200, trader.post(target, &json!({"data": batch}))).await.json();
            // What looks like a card's number by chance is refused, and so is not kept either.
            let is_refused =
                |result: &&Value| result["problem"].is_object() && result["problem"]["type"] != "/problems/card-number";
            let held = answer["data"].as_array().unwrap().iter().find(is_refused);
            assert!(held.is_none() || !all_are_taken, "{target}: {held:?}");
        }
    }

    /// Steps of the market's own purchase order, one by one.
    async fn steps(&self, step: &str, templates: &[&str]) {
        let target = format!("/v1/purchase_orders/{}/{step}", self.market.ids["po"]);
        let mut taken = 0;
        for (number, shape) in self.numbers() {
            let template = serde_json::from_str(templates[number % templates.len()]).unwrap();
            let body = self.filled(&template, number, shape, "");
            let answer = self.market.callers.send(self.market.supplier.post(&target, &body)).await;
            taken += usize::from(answer.status == 200);
        }
        assert!(taken > 0, "nothing was taken at {target}");
    }

    /// A product file with canaries in every cell, and some with canaries for the names of columns.
    async fn product_files(&self) {
        let one = |part: &str, shape| self.planting.one(&Place::new(self.operation, part), shape);
        for is_good in [true, false] {
            let mut file = line(COLUMNS.split('|').map(str::to_owned));
            for (number, shape) in self.numbers() {
                file += &line(COLUMNS.split('|').map(|column| match column {
                    // These have a form, so that a canary in them is refused, and the row with it.
                    "Variant Price" if is_good => "7.50".to_owned(),
                    "Image Src" | "Variant Image" if is_good => "https://cdn.example/b.png".to_owned(),
                    // No two products have the same.
                    "Handle" | "Variant SKU" => {
                        format!("{shape:?}{is_good}{number} {}", one(&format!("cell {column}"), shape))
                    }
                    column => one(&format!("cell {column}"), shape),
                }));
            }
            let report = self.imported(file).await;
            assert_eq!(report["taken"].as_u64().unwrap() > 0, is_good, "{report}");
        }
        let names: Vec<_> = self.numbers().map(|(_, shape)| one("name of a column", shape)).collect();
        for names in names.chunks(COLUMNS_MAX) {
            let cells = ["Jug".to_owned(), "7.50".to_owned()].into_iter().chain(names.iter().map(|_| String::new()));
            let names = ["Title", "Price"].into_iter().map(str::to_owned).chain(names.iter().cloned());
            self.imported(line(names) + &line(cells)).await;
        }
    }

    async fn imported(&self, file: String) -> Value {
        let request = Request::new(Method::POST, "/v1/imports/products", &self.market.supplier.key);
        self.market.callers.expect(200, request.body("text/csv", file.into_bytes())).await.json()
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted: Vec<_> = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    quoted.join(",") + "\n"
}
