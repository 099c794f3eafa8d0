//! Canaries by the thousand in what is taken: orders, reasons, parcels, products and product files.
//!
//! Here the requests are good, so that what is planted comes as far as it can: into records, log and indexes.

use crate::caller::Request;
use crate::contract::{field, put};
use crate::market::{Market, SKU, Trader, count};
use crate::planting::{Place, Planting};
use crate::shapes::Shape;
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Records of a batch.
const BATCH: usize = 1_000;
/// Parcels for each shape; a purchase order has only so many.
const PARCELS: usize = 110;
/// Columns of a product file whose names are canaries; more than a thousand would be refused.
const COLUMNS_MAX: usize = 900;
/// Reasons and tracking numbers are sent one by one, so each carries several.
const IN_A_REASON: usize = 2;

/// Members that platforms send with an order and that are none of ours; `?` becomes a canary.
const WITH_AN_ORDER: &str = r#"{
    "email": "?", "phone": "?", "contact_email": "?", "browser_ip": "?", "note": "?", "tags": "?",
    "note_attributes": [{"name": "Call me", "value": "?"}, {"name": "?", "value": "yes"}],
    "customer": {"email": "?", "phone": "?", "default_address": {"phone": "?", "company": "?"}},
    "billing_address": {"first_name": "?", "address2": "?", "phone": "?"},
    "client_details": {"browser_ip": "?", "user_agent": "?"},
    "?": "a member whose name is one"
}"#;
const WITH_A_LINE: &str = r#"{"properties": [{"name": "Engraving", "value": "?"}], "vendor": "?", "name": "?"}"#;
const WITH_A_CONSUMER: &str =
    r#"{"email": "?", "phone": "?", "company": "?", "notes": ["?", {"second_contact": "?"}], "latitude": "?"}"#;

/// The columns of a product file, and some that are not read.
const COLUMNS: [&str; 18] = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Type",
    "Tags",
    "Option1 Name",
    "Option1 Value",
    "Variant SKU",
    "Variant Barcode",
    "Image Src",
    "Image Alt Text",
    "Variant Image",
    "SEO Description",
    "Google Shopping / Custom Label 0",
    "Customer E-mail",
    "Cost per item",
    "Variant Price",
];

/// What plants canaries of one shape in one operation.
struct Planter<'a> {
    planting: &'a Planting,
    operation: &'static str,
    shape: Shape,
}

impl Planter<'_> {
    fn one(&self, part: &str) -> String {
        self.planting.one(&Place::new(self.operation, part), self.shape)
    }

    /// The members with a canary for each `?`, beside those that are there.
    fn beside(&self, value: &mut Value, parent: &str, members: &str) {
        let more: Value = serde_json::from_str(members).unwrap();
        let Value::Object(more) = self.filled(&more, &format!("body extra {parent}")) else { unreachable!() };
        value.as_object_mut().unwrap().extend(more);
    }

    fn filled(&self, value: &Value, part: &str) -> Value {
        match value {
            Value::String(text) if text == "?" => json!(self.one(part)),
            Value::Array(values) => values.iter().map(|value| self.filled(value, &format!("{part}/*"))).collect(),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| {
                        let part = format!("{part}/{name}");
                        (if name == "?" { self.one(&part) } else { name.clone() }, self.filled(value, &part))
                    })
                    .collect::<Map<_, _>>(),
            ),
            other => other.clone(),
        }
    }

    /// An order with a canary in every text that is screened, and in many members that are not ours.
    fn order(&self, number: usize) -> Value {
        let one = |part: &str| self.one(&format!("body /data/*{part}"));
        let mut line = json!({
            "sku": SKU, "title": format!("Pot {} large", one("/lines/*/title")), "quantity": 1,
            "price": {"amount": 1499, "currency": "EUR"},
        });
        self.beside(&mut line, "/data/*/lines/*", WITH_A_LINE);
        let mut consumer = json!({
            "first_name": format!("Ada {}", one("/consumer/first_name")),
            "last_name": format!("{} Example", one("/consumer/last_name")),
            "region": format!("Testshire {}", one("/consumer/region")),
            "postal_code": "T3 5TT", "country": "GB",
        });
        if number.is_multiple_of(2) {
            consumer["street"] = json!(format!("12 Sample Road\n{}\nTestbury", one("/consumer/street")));
        } else {
            for part in ["address1", "address2", "city"] {
                consumer[part] = json!(format!("Sample {part} {}", one(&format!("/consumer/{part}"))));
            }
        }
        self.beside(&mut consumer, "/data/*/consumer", WITH_A_CONSUMER);
        let reference = format!("R{:?}{number} {}", self.shape, one("/reference"));
        let mut order = json!({"reference": reference, "lines": [line], "consumer": consumer});
        self.beside(&mut order, "/data/*", WITH_AN_ORDER);
        order
    }

    /// An order with a canary instead of something that has a form, so that it is refused or the canary blanked.
    fn strange_order(&self, number: usize) -> Value {
        let mut order = json!({
            "reference": format!("S{:?}{number}", self.shape),
            "lines": [{"sku": SKU, "quantity": 1, "price": {"amount": 1499, "currency": "EUR"}}],
            "consumer": {"first_name": "Ada", "last_name": "Example", "street": "12 Sample Road", "country": "GB"},
        });
        let parts = ["/consumer/postal_code", "/consumer/country", "/lines/0/sku", "/lines/0/variant", "/placed_at"];
        let part = parts[number % parts.len()];
        let canary = self.one(&format!("body /data/*{}", field(part)));
        put(&mut order, part, json!(canary));
        order
    }

    /// A cell of a product file.
    fn cell(&self, column: &str, number: usize) -> String {
        let canary = self.one(&format!("cell {column}"));
        match column {
            "Handle" | "Variant SKU" => format!("F{:?}{number} {canary}", self.shape),
            // Half of the rows are good; the others are held, because this is no price.
            "Variant Price" if number.is_multiple_of(2) => "7.50".to_owned(),
            // Addresses of images that would hold most canaries are refused.
            "Image Src" | "Variant Image" if number.is_multiple_of(4) => "https://cdn.example/b.png".to_owned(),
            _ => canary,
        }
    }

    /// A product with a canary in each of its texts.
    fn product(&self, number: usize) -> Value {
        let one = |part: &str| self.one(&format!("body /data/*{part}"));
        let mut product = json!({
            "handle": format!("h{:?}{number} {}", self.shape, one("/handle")),
            "title": format!("Jug {}", one("/title")),
            "description_html": format!("<p>{}</p>", one("/description_html")),
            "vendor": one("/vendor"), "product_type": one("/product_type"), "tags": [one("/tags/*")],
            "options": [{"name": one("/options/*/name"), "values": ["Any"]}],
            "images": [{"url": "https://cdn.example/a.png", "alt": one("/images/*/alt")}],
            "variants": [{
                "options": ["Any"], "price": {"amount": 1499, "currency": "EUR"}, "barcode": one("/variants/*/barcode"),
                "sku": format!("J{:?}{number} {}", self.shape, one("/variants/*/sku")),
            }],
        });
        self.beside(&mut product, "/data/*", r#"{"seo": {"title": "?"}, "metafields": [{"value": "?"}], "?": 1}"#);
        product
    }
}

/// Sends records in batches; says how many were taken and what was said of the first that was not.
async fn sent(market: &Market, trader: &Trader, target: &str, records: &[Value]) -> (u64, Option<Value>) {
    let (mut taken, mut problem) = (0, None);
    for batch in records.chunks(BATCH) {
        let request = trader.post(target, &json!({"data": batch}));
        let answer = market.callers.expect(200, request).await.json();
        taken += answer["succeeded"].as_u64().unwrap();
        let results = answer["data"].as_array().unwrap();
        problem = problem.or_else(|| results.iter().find(|result| result["problem"].is_object()).cloned());
    }
    (taken, problem)
}

/// Orders with `each` canaries of every shape in every field; all that should be taken are, and reach the supplier.
pub async fn orders(market: &Market, planting: &Planting, each: usize) {
    let operation = "POST /v1/orders/batch";
    for shape in Shape::ALL {
        let planter = Planter { planting, operation, shape };
        let good: Vec<_> = (0..each).map(|number| planter.order(number)).collect();
        let (taken, problem) = sent(market, &market.retailer, "/v1/orders/batch", &good).await;
        assert_eq!(taken, good.len() as u64, "orders with a {shape:?} in them should be taken without it: {problem:?}");
        let strange: Vec<_> = (0..each).map(|number| planter.strange_order(number)).collect();
        sent(market, &market.retailer, "/v1/orders/batch", &strange).await;
    }
    // One order waits for good, since nobody sells what it is for.
    let open = "/v1/orders?state=open&limit=2";
    market.until(&market.retailer, "order", open, |answer| count(&answer.json()) == 1).await;
}

/// Reasons and parcels with canaries in them, on one large purchase order.
pub async fn purchase_orders(market: &Market, planting: &Planting, each: usize) {
    let order = crate::market::order("GLW-Zephyr-5505", 100_000);
    let order = market.callers.expect(201, market.retailer.post("/v1/orders", &order)).await.json();
    let path = format!("/v1/orders/{}?expand=purchase_orders", order["id"].as_str().unwrap());
    let part = |answer: &Value| answer["purchase_orders"][0]["id"].as_str().map(str::to_owned);
    let routed = market.until(&market.retailer, "order", &path, |answer| part(&answer.json()).is_some()).await.json();
    let path = format!("/v1/purchase_orders/{}", part(&routed).unwrap());
    market.until(&market.supplier, "purchase_order", &path, |answer| answer.status == 200).await;
    let line = json!([{"line": 1, "quantity": 1}]);

    let place = Place::new("POST /v1/purchase_orders/{id}/reject", "body /reason");
    for _ in 0..each / IN_A_REASON {
        let reason = format!("Broken: {}", planting.some(&place, IN_A_REASON));
        let body = json!({"reason": reason, "lines": line, "contact": planting.some(&Place::new(&*place.operation, "body extra "), 1)});
        market.callers.expect(200, market.supplier.post(format!("{path}/reject"), &body)).await;
    }
    let operation = "POST /v1/purchase_orders/{id}/fulfilments";
    let mut taken = 0;
    for number in 0..each.min(PARCELS) {
        let mut parcel = json!({"lines": line, "carrier": "Sample Parcel"});
        let (field, text) = match number % 3 {
            0 => ("number", "?".to_owned()),
            1 => ("carrier", "Parcel ?".to_owned()),
            _ => ("url", "https://track.parcel.example/?".to_owned()),
        };
        for shape in Shape::ALL {
            let canary = planting.one(&Place::new(operation, format!("body /{field}")), shape);
            parcel[field] = json!(text.replace('?', &canary));
            let answer = market.callers.send(market.supplier.post(format!("{path}/fulfilments"), &parcel)).await;
            taken += u32::from(answer.status == 200);
        }
    }
    assert!(taken > 0, "no tracking number was taken");
}

/// Products with `each` canaries of every shape in every text.
pub async fn products(market: &Market, planting: &Planting, each: usize) {
    for shape in Shape::ALL {
        let planter = Planter { planting, operation: "POST /v1/products/batch", shape };
        let all: Vec<_> = (0..each).map(|number| planter.product(number)).collect();
        let (taken, problem) = sent(market, &market.supplier, "/v1/products/batch", &all).await;
        assert_eq!(taken, each as u64, "{problem:?}");
    }
}

/// A product file with canaries in every cell, and one with canaries for the names of columns.
pub async fn product_files(market: &Market, planting: &Planting, each: usize) {
    let operation = "POST /v1/imports/products";
    let mut file = line(COLUMNS.iter().copied().chain(["Notes", "More notes", "Any notes"]));
    for number in 0..each {
        for shape in Shape::ALL {
            let planter = Planter { planting, operation, shape };
            let cells = COLUMNS.map(|column| planter.cell(column, number));
            let beyond = Shape::ALL.map(|_| planter.one("cell of a column that is not known"));
            file += &line(cells.iter().chain(&beyond).map(String::as_str));
        }
    }
    let report = imported(market, file).await;
    let [taken, held] = ["taken", "held"].map(|count| report[count].as_u64().unwrap());
    assert!(taken > 0 && held > 0, "{taken} rows taken, {held} held");
    assert_eq!(taken + held, 3 * each as u64);

    let place = Place::new(operation, "name of a column");
    let columns: Vec<_> = (0..3 * each).map(|number| planting.one(&place, Shape::ALL[number % 3])).collect();
    for columns in columns.chunks(COLUMNS_MAX) {
        let names = ["Title", "Price"].into_iter().chain(columns.iter().map(String::as_str));
        let cells = ["Jug", "7.50"].into_iter().chain(columns.iter().map(|_| ""));
        imported(market, line(names) + &line(cells)).await;
    }
}

async fn imported(market: &Market, file: String) -> Value {
    let request = Request::new(Method::POST, "/v1/imports/products", market.supplier.key());
    market.callers.expect(200, request.body("text/csv", file.into_bytes())).await.json()
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    quoted.join(",") + "\n"
}
