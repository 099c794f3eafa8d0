//! Numbers of payment cards, one by one, in every field of every operation and in every cell of files.
//!
//! A body with one is refused, whatever the field; a row of a file with one is held. Nothing of them is left anywhere, not
//! even in what is opened with the keys.

use crate::caller::{Answer, Request};
use crate::canaries::{Place, Planting, Shape};
use crate::contract::{Body, Operation, field, objects, put};
use crate::encodings::in_url;
use crate::flood::{Flood, UNKNOWN, fields};
use crate::market::{Market, Trader};
use reqwest::Method;
use serde_json::{Value, json};

/// So many one after the other are written in every form: bare, in groups with spaces, in groups with dashes.
pub const FORMS: usize = 3;
/// What is said of one.
const REFUSED: &str = "/problems/card-number";

/// The columns of each format with what is good in them; `#` is a number that no other row has. What nothing means here is
/// dropped before anything is kept.
const FILES: [(&str, &str); 4] = [
    (
        "products",
        "Handle=card-#|Title=Jug|Description=Plain|Vendor=Plain|Type=Plain|Tags=plain|Option1 name=Size|\
            Option1 value=Small|SKU=CARD-#|Barcode=|Price=7.50|Currency=EUR|Compare-at price=9.50|\
            Weight value (grams)=100|Inventory quantity=1|Product image URL=https://cdn.example/a.png|Image alt text=Jug",
    ),
    ("stock", "SKU=SMVR-QX71-K|Variant=|Location=|On hand=899999"),
    (
        "orders",
        "Reference=CARD-#|Placed at=2026-11-22T09:30:00Z|SKU=SMVR-QX71-K|Title=Jug|Quantity=1|Price=7.50|Currency=EUR|\
            First name=Ada|Last name=Example|Name=|Street=12 Sample Road|Street 2=|City=|Postal code=T3 5TT|\
            Region=Testshire|Country=GB",
    ),
    (
        "fulfilments",
        "Purchase order=PO|Reference=|Fulfilment=|Line=1|SKU=SMVR-QX71-K|Quantity=1|Carrier=Sample|Tracking number=N#|\
            Tracking URL=https://track.example/#|Shipped at=2026-11-22T09:30:00Z",
    ),
];
/// The same of the import that answers at once.
const AT_ONCE: &str = "Handle=once-#|Title=Jug|Body (HTML)=Plain|Vendor=Plain|Type=Plain|Tags=plain|Option1 Name=Size|\
    Option1 Value=Small|Variant SKU=ONCE-#|Variant Barcode=|Variant Price=7.50|Image Src=https://cdn.example/a.png|\
    Image Alt Text=Jug";

/// All of it. Whatever has a card in it changes nothing, so that what comes afterwards finds all as it was.
pub async fn plant(market: &Market, planting: &Planting, operations: &[Operation]) {
    for operation in operations {
        let cards = Cards { flood: Flood { market, planting, operation, each: 0 } };
        if let Some(Body::Json { example, whole }) = &operation.body {
            cards.in_body(example, whole).await;
        }
        cards.in_address().await;
    }
    let files = Files { market, planting };
    files.at_once().await;
    for (format, columns) in FILES {
        files.file(format, columns).await;
    }
}

/// What plants in one operation.
struct Cards<'a> {
    flood: Flood<'a>,
}

impl Cards<'_> {
    fn one(&self, part: &str) -> String {
        self.flood.planting.one(&Place::new(self.flood.operation.name(), part), Shape::Card)
    }

    /// A good body but for a card's number in one field, in each form, and as a number; and in what was not asked for.
    async fn in_body(&self, example: &Value, whole: &Value) {
        let whole_fields = fields(whole);
        let trader = self.who_may(example, &whole_fields[0]).await;
        for leaf in whole_fields {
            let part = format!("body {}", field(&leaf));
            let digits: String = self.one(&part).chars().filter(char::is_ascii_digit).collect();
            let texts = (0..FORMS).map(|_| json!(self.one(&part)));
            for card in texts.chain([json!(digits.parse::<u64>().unwrap())]) {
                let mut body = self.flood.example(example);
                put(&mut body, &leaf, card);
                self.refused(trader, &leaf, &body).await;
            }
        }
        for object in objects(&self.flood.example(example)) {
            let part = format!("body extra {}", field(&object));
            // Beside the records of a batch nothing is read, and so nothing is refused or kept.
            let is_read = !(object.is_empty() && self.flood.operation.path.ends_with("/batch"));
            for (name, value) in [
                (self.one(&part), json!(1)),
                ("card".to_owned(), json!(self.one(&part))),
                ("notes".to_owned(), json!([{"deep": self.one(&part)}])),
            ] {
                let mut body = self.flood.example(example);
                body.pointer_mut(&object).unwrap().as_object_mut().unwrap().insert(name, value);
                if is_read {
                    self.refused(trader, &object, &body).await;
                }
            }
        }
    }

    /// Who is let in as far as the body, and not further.
    async fn who_may(&self, example: &Value, leaf: &str) -> &Trader {
        let market = self.flood.market;
        for trader in [Some(&market.supplier), Some(&market.retailer), market.member.as_ref()].into_iter().flatten() {
            let mut body = self.flood.example(example);
            put(&mut body, leaf, json!(self.one(&format!("body {}", field(leaf)))));
            if is_refused(&self.send(trader, &body).await) {
                return trader;
            }
        }
        panic!("{} refuses no card", self.flood.operation.name());
    }

    async fn refused(&self, trader: &Trader, place: &str, body: &Value) {
        let answer = self.send(trader, body).await;
        let told =
            || format!("{} takes a card in {place}: {} {}", self.flood.operation.name(), answer.status, answer.text());
        assert!(is_refused(&answer), "{}", told());
    }

    /// With another one as the key by which a request counts once.
    async fn send(&self, trader: &Trader, body: &Value) -> Answer {
        let request = self.flood.request(trader, self.flood.target(None)).json(body);
        // Only what can be seen may be in it.
        let once = self.one("header idempotency-key").replace(' ', "-");
        self.flood.market.callers.send(request.header("idempotency-key", once)).await
    }

    /// In each part of the path, and in each parameter. Of what changes something, only in those that it knows.
    async fn in_address(&self) {
        let (market, operation) = (self.flood.market, self.flood.operation);
        let traders = [Some(&market.supplier), Some(&market.retailer), market.member.as_ref()];
        for (name, _) in &operation.in_path {
            for _ in 0..FORMS {
                let card = in_url(&self.one(&format!("path {name}")));
                let target = self.flood.target(None).replace(&self.flood.in_path(name), &card);
                for trader in traders.into_iter().flatten() {
                    let request = self.flood.with_body(self.flood.request(trader, target.clone()));
                    let answer = market.callers.send(request).await;
                    assert!((400..500).contains(&answer.status), "{target}: {}", answer.status);
                }
            }
        }
        let unknown = (operation.method == Method::GET).then_some(UNKNOWN);
        for name in operation.in_query.iter().map(|(name, _)| name.as_str()).chain(unknown) {
            for _ in 0..FORMS {
                let card = in_url(&self.one(&format!("query {name}")));
                let target = self.flood.target(Some((name, &card)));
                for trader in traders.into_iter().flatten() {
                    // Nothing is sent with it, so that nothing is changed. What nobody reads may do no harm.
                    let status = market.callers.send(self.flood.request(trader, target.clone())).await.status;
                    assert!((400..500).contains(&status) || name == UNKNOWN && status == 200, "{target}: {status}");
                }
            }
        }
    }
}

/// Whether a card was the reason; in a batch, for one of its records.
fn is_refused(answer: &Answer) -> bool {
    match answer.status {
        400..500 => answer.json()["type"] == REFUSED,
        200 => {
            let answered = answer.json();
            answered["data"].as_array().is_some_and(|all| all.iter().any(|one| one["problem"]["type"] == REFUSED))
        }
        _ => false,
    }
}

/// What plants in files.
struct Files<'a> {
    market: &'a Market,
    planting: &'a Planting,
}

impl Files<'_> {
    /// One row for each column and form, which has a card's number there; and one column with one for its name.
    fn written(&self, operation: &str, columns: &str) -> (String, u64) {
        let columns: Vec<_> = columns.split('|').map(|column| column.split_once('=').unwrap()).collect();
        let one = |part: String| self.planting.one(&Place::new(operation, part), Shape::Card);
        let names = columns.iter().map(|(name, _)| (*name).to_owned());
        let mut file = line(names.chain([one("name of a column".to_owned())]));
        let mut rows = 0;
        for (place, (name, _)) in columns.iter().enumerate() {
            for _ in 0..FORMS {
                let good = |(other, (_, value)): (usize, &(&str, &str))| match value.replace('#', &rows.to_string()) {
                    _ if other == place => one(format!("cell {name}")),
                    value => value.replace("PO", &self.market.ids["po"]),
                };
                // What stands in the last column means nothing, and is dropped.
                let dropped = one("cell of a column without a meaning".to_owned());
                file += &line(columns.iter().enumerate().map(good).chain([dropped]));
                rows += 1;
            }
        }
        (file, rows)
    }

    /// The file is answered at once.
    async fn at_once(&self) {
        let operation = "POST /v1/imports/products";
        let (file, rows) = self.written(operation, AT_ONCE);
        let request = Request::new(Method::POST, "/v1/imports/products", &self.market.supplier.key);
        let report = self.market.callers.expect(200, request.body("text/csv", file.into_bytes())).await.json();
        assert_eq!((&report["held"], &report["taken"]), (&json!(rows), &json!(0)), "{report}");
    }

    /// The file goes all its ways, and none of its rows comes in.
    async fn file(&self, format: &str, columns: &str) {
        let trader = if format == "orders" { &self.market.retailer } else { &self.market.supplier };
        let callers = &self.market.callers;
        let (file, rows) = self.written("POST /v1/imports", columns);
        let request = Request::new(Method::POST, format!("/v1/imports?format={format}"), &trader.key);
        let import = callers.expect(201, request.body("text/csv", file.into_bytes())).await.json();
        assert_eq!(import["rows"], rows, "{import}");
        let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
        let preview = callers.expect(200, trader.get(format!("{path}/preview"))).await.json();
        assert_eq!(preview["counts"]["held"], rows, "{format}: {preview}");
        callers.expect(200, trader.post(format!("{path}/start"), &json!({}))).await;
        let done = |answer: &Answer| answer.json()["state"] == "done";
        let done = self.market.until(trader, "import", &path, done).await.json();
        assert_eq!((&done["counts"]["held"], &done["rows_done"]), (&json!(rows), &json!(rows)), "{format}: {done}");
        for seen in ["problems", "bad_rows.csv"] {
            callers.expect(200, trader.get(format!("{path}/{seen}"))).await;
        }
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",") + "\n"
}
