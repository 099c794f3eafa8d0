//! Canaries in every field of every operation of the contract, in requests that are wrong in every way there is.

use crate::caller::Request;
use crate::contract::{self, Body, Operation, field, leaves, objects, put, resolved};
use crate::market::Market;
use crate::planting::{Place, Planting};
use crate::shapes::Shape;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Requests under way at once.
const AT_ONCE: usize = 8;
/// Canaries of each shape in one field of a body.
const IN_A_FIELD: usize = 50;
/// The same in a parameter of the query or the path, whose length is limited.
const IN_A_PARAMETER: usize = 40;
/// The same in a header; all headers together are limited.
const IN_A_HEADER: usize = 8;

/// Headers that any request can carry: clients, proxies and browsers set them.
const HEADERS: [&str; 16] = [
    "user-agent",
    "referer",
    "origin",
    "from",
    "cookie",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-request-id",
    "traceparent",
    "baggage",
    "accept-language",
    "x-customer",
];

/// How a request is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Canaries in every field of the body.
    Fields,
    /// One field of a good request is a canary, nothing else is wrong.
    OneField,
    /// A good request with members that nobody asked for.
    Extras,
    /// Values of other types than the fields have.
    Types,
    /// No JSON.
    Broken,
    /// Canaries in the path.
    Path,
    /// Canaries in the query.
    Query,
    /// Another media type.
    MediaType,
    /// No valid key.
    Key,
    /// A key without the permission.
    Permission,
    /// Another method.
    OtherMethod,
    /// A version that is no version, or no longer the newest.
    Version,
    /// A key for once-only requests, good or not.
    Once,
}

/// The ways, one after the other.
const WAYS: [Way; 13] = [
    Way::Fields,
    Way::OneField,
    Way::Path,
    Way::Query,
    Way::Extras,
    Way::Types,
    Way::Broken,
    Way::MediaType,
    Way::Key,
    Way::Permission,
    Way::OtherMethod,
    Way::Version,
    Way::Once,
];
/// How often each way is taken at least.
const TURNS: usize = 5;

/// Plants canaries until every field has got `each` of every shape. What ends something comes last, because after it
/// other operations are refused before they have looked at much.
pub async fn everywhere(market: &Arc<Market>, planting: &Arc<Planting>, operations: &[Operation], each: u32) {
    for wave in 0..=WAVE_LAST {
        let some = operations.iter().filter(|operation| self::wave(operation) == wave).cloned().collect();
        flood(market, planting, some, each).await;
        if wave == WAVE_OF_QUANTITIES {
            let order = format!("/v1/orders/{}", market.ids["ord"]);
            market.until(&market.retailer, "order", &order, |answer| answer.json()["state"] == "shipped").await;
        }
    }
}

/// What takes pieces of an order, what completes it, what ends something for good.
const WAVE_OF_QUANTITIES: usize = 1;
const WAVE_LAST: usize = 3;

fn wave(operation: &Operation) -> usize {
    match operation.path.rsplit('/').next().unwrap_or_default() {
        "cancel" | "reject" | "fulfilments" => WAVE_OF_QUANTITIES,
        "complete" => 2,
        "archive" | "end" | "resolve" => WAVE_LAST,
        _ => 0,
    }
}

async fn flood(market: &Arc<Market>, planting: &Arc<Planting>, operations: Vec<Operation>, each: u32) {
    let mut tasks = JoinSet::new();
    let queue = Arc::new((operations, AtomicUsize::new(0)));
    for _ in 0..AT_ONCE {
        let (market, planting, queue) = (Arc::clone(market), Arc::clone(planting), Arc::clone(&queue));
        tasks.spawn(async move {
            while let Some(operation) = queue.0.get(queue.1.fetch_add(1, Ordering::Relaxed)) {
                Flood { market: &market, planting: &planting, operation, each }.all().await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// What floods one operation.
struct Flood<'a> {
    market: &'a Market,
    planting: &'a Planting,
    operation: &'a Operation,
    /// Canaries of each shape that every field should get.
    each: u32,
}

impl Flood<'_> {
    fn place(&self, part: impl Into<String>) -> Place {
        Place::new(self.operation.name(), part)
    }

    /// Every field that this operation has and that takes whatever is sent.
    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        if let Some(Body::Json { whole, .. }) = &self.operation.body {
            places.extend(leaves(whole).iter().map(|leaf| self.place(format!("body {}", field(leaf)))));
            places.extend(objects(whole).iter().map(|object| self.place(format!("body extra {}", field(object)))));
        }
        if matches!(self.operation.body, Some(Body::Csv { .. })) {
            places.push(self.place("body cells"));
        }
        places.extend(self.operation.query.iter().map(|known| self.place(format!("query {}", known.name))));
        places.push(self.place("query unknown"));
        places.extend(self.operation.path_parameters.iter().map(|known| self.place(format!("path {}", known.name))));
        places.extend(HEADERS.map(|header| Place::new("*", format!("header {header}"))));
        places.sort();
        places.dedup();
        places
    }

    /// Every way a few times, then those that plant until every field has got enough.
    async fn all(&self) {
        let turns = TURNS * WAYS.len();
        for turn in 0..turns {
            self.one(WAYS[turn % WAYS.len()], turn).await;
        }
        let fields = self.operation.body.as_ref().map_or(0, |body| match body {
            Body::Json { whole, .. } => leaves(whole).len(),
            Body::Csv { .. } => 0,
        });
        for turn in 0..fields * Shape::ALL.len() {
            self.one(Way::OneField, turn).await;
        }
        for (way, parts) in [
            (Way::Fields, "body /"),
            (Way::Fields, "body cells"),
            (Way::Extras, "body extra "),
            (Way::Path, "path "),
            (Way::Query, "query "),
            (Way::Permission, "header "),
        ] {
            let places: Vec<_> = self.places().into_iter().filter(|place| place.part.starts_with(parts)).collect();
            let mut turn = turns;
            while places.iter().any(|place| self.planting.count(place) < self.each) {
                assert!(turn < 100 * self.each as usize, "some field of {} is never planted", self.operation.name());
                self.one(way, turn).await;
                turn += 1;
            }
        }
    }

    async fn one(&self, way: Way, turn: usize) {
        let Some(request) = self.request(way, turn) else { return };
        self.market.callers.send(self.with_headers(request)).await;
    }

    /// So many canaries of each shape for a place; only one of each when it has got enough.
    fn canaries(&self, place: &Place, each: usize) -> String {
        self.planting.some(place, if self.planting.count(place) < self.each { each } else { 1 })
    }

    fn with_headers(&self, mut request: Request) -> Request {
        for header in HEADERS {
            let place = Place::new("*", format!("header {header}"));
            if self.planting.count(&place) < self.each {
                request = request.header(header, self.planting.some(&place, IN_A_HEADER).into_bytes());
            }
        }
        request
    }

    /// A request that is wrong in this way; `None` where the operation cannot be.
    fn request(&self, way: Way, turn: usize) -> Option<Request> {
        let trader = if turn.is_multiple_of(2) { &self.market.retailer } else { &self.market.supplier };
        let plain = |key: &str| Request {
            operation: self.operation.name(),
            ..Request::new(self.operation.method.clone(), self.target(), key)
        };
        let good = || self.with_body(plain(trader.key()), turn);
        Some(match way {
            Way::Fields | Way::OneField | Way::Extras | Way::Types | Way::Broken | Way::MediaType => {
                self.body(way, turn, plain(trader.key()))?
            }
            Way::Path if self.operation.path_parameters.is_empty() => return None,
            Way::Path => Request { target: self.planted_path(), ..good() },
            Way::Query => Request { target: format!("{}?{}", self.target(), self.planted_query(turn)), ..good() },
            Way::Key => Request {
                key: Some(self.planting.some(&Place::new("*", "header authorization"), IN_A_HEADER)),
                ..good()
            },
            Way::Permission => self.with_body(plain(&trader.reader), turn),
            Way::OtherMethod => Request { method: Method::PUT, ..good() },
            Way::Version => {
                let version = match turn % 3 {
                    0 => "\"4000000\"".to_owned(),
                    _ => format!("\"{}\"", self.planting.some(&Place::new("*", "header if-match"), IN_A_PARAMETER)),
                };
                good().header("if-match", version)
            }
            Way::Once => good().header("idempotency-key", self.once_only_key(turn)),
        })
    }

    /// Up to the limit of such keys, in signs that they may have; and in others too.
    fn once_only_key(&self, turn: usize) -> String {
        let place = Place::new("*", "header idempotency-key");
        if turn % 4 == 3 {
            return self.planting.some(&place, IN_A_PARAMETER);
        }
        self.planting.some(&place, 2).chars().filter(char::is_ascii_graphic).take(255).collect()
    }

    fn target(&self) -> String {
        self.path(|parameter| resolved(&parameter.example, &self.market.ids).as_str().unwrap().to_owned())
    }

    fn path(&self, value: impl Fn(&contract::Parameter) -> String) -> String {
        let mut path = self.operation.path.clone();
        for parameter in &self.operation.path_parameters {
            path = path.replace(&format!("{{{}}}", parameter.name), &value(parameter));
        }
        path
    }

    fn planted_path(&self) -> String {
        self.path(|parameter| encoded(&self.canaries(&self.place(format!("path {}", parameter.name)), IN_A_PARAMETER)))
    }

    /// Each parameter in turn alone, so that every one of them is the first to be wrong, then one that is not known;
    /// once all have had their turns, all of them at once.
    fn planted_query(&self, turn: usize) -> String {
        let known = &self.operation.query;
        let (alone, all) = (turn % (known.len() + 1), turn >= TURNS * WAYS.len());
        // The head of a request is limited as a whole.
        let share = if all { IN_A_PARAMETER / (known.len() + 1) } else { IN_A_PARAMETER };
        let canaries = |name: &str| encoded(&self.canaries(&self.place(format!("query {name}")), share));
        let pairs = known.iter().enumerate().map(|(place, parameter)| {
            let value = if all || place == alone {
                canaries(&parameter.name)
            } else {
                match resolved(&parameter.example, &self.market.ids) {
                    Value::String(text) => encoded(&text),
                    other => other.to_string(),
                }
            };
            format!("{}={value}", parameter.name)
        });
        let unknown = (all || alone == known.len()).then(|| format!("{}=1", canaries("unknown")));
        pairs.chain(unknown).collect::<Vec<_>>().join("&")
    }

    fn with_body(&self, request: Request, turn: usize) -> Request {
        match &self.operation.body {
            Some(Body::Json { example, .. }) => request.json(&self.good(example, turn)),
            Some(Body::Csv { example }) => request.body("text/csv", example.clone().into_bytes()),
            None => request,
        }
    }

    /// A good body, with a reference that no other order has.
    fn good(&self, example: &Value, turn: usize) -> Value {
        let mut body = resolved(example, &self.market.ids);
        for leaf in leaves(&body).iter().filter(|leaf| leaf.ends_with("/reference")) {
            put(&mut body, leaf, json!(format!("{}-{turn}", self.operation.path.len())));
        }
        body
    }

    fn body(&self, way: Way, turn: usize, request: Request) -> Option<Request> {
        let canaries = |part: String| self.canaries(&self.place(part), IN_A_FIELD);
        let Body::Json { example, whole } = self.operation.body.as_ref()? else {
            let cells = canaries("body cells".into());
            return Some(match way {
                Way::MediaType => request.body("text/plain", cells.into_bytes()),
                Way::Types => request.body("text/csv", format!("Title,Price\n\"{cells}").into_bytes()),
                Way::Broken => request.body("text/csv", [b"Title\n\xff\xfe\0", cells.as_bytes()].concat()),
                _ => request.body("text/csv", format!("{cells}\n{cells}").into_bytes()),
            });
        };
        let (good, whole) = (self.good(example, turn), resolved(whole, &self.market.ids));
        Some(match way {
            Way::Extras => request.json(&self.with_extras(if turn.is_multiple_of(2) { good } else { whole })),
            Way::Types => request.json(&self.of_other_types(whole, turn)),
            Way::OneField => {
                let leaves = leaves(&whole);
                let leaf = &leaves[turn / Shape::ALL.len() % leaves.len()];
                let mut body = good;
                let place = self.place(format!("body {}", field(leaf)));
                put(&mut body, leaf, json!(self.planting.one(&place, Shape::ALL[turn % Shape::ALL.len()])));
                request.json(&body)
            }
            Way::Broken => {
                let mut bytes = serde_json::to_vec(&self.filled(whole)).unwrap();
                bytes.truncate(bytes.len() * (turn % 7 + 1) / 8);
                request.body("application/json", bytes)
            }
            Way::MediaType => {
                let bytes = serde_json::to_vec(&self.filled(whole)).unwrap();
                request.body(
                    if turn.is_multiple_of(2) { "application/x-www-form-urlencoded" } else { "text/plain" },
                    bytes,
                )
            }
            _ => request.json(&self.filled(whole)),
        })
    }

    /// Canaries in every field.
    fn filled(&self, mut body: Value) -> Value {
        for leaf in leaves(&body) {
            let place = self.place(format!("body {}", field(&leaf)));
            put(&mut body, &leaf, json!(self.canaries(&place, IN_A_FIELD)));
        }
        body
    }

    /// Members with canaries in every object, also as their names, also deep in objects and arrays of their own.
    fn with_extras(&self, mut body: Value) -> Value {
        for object in objects(&body) {
            let canaries = || self.canaries(&self.place(format!("body extra {}", field(&object))), IN_A_FIELD / 4);
            put(&mut body, &format!("{object}/email"), json!(canaries()));
            put(&mut body, &format!("{object}/customer"), json!({"phones": [canaries(), {"ip": canaries()}]}));
            let members = body.pointer_mut(&object).unwrap().as_object_mut().unwrap();
            members.insert(canaries(), json!(1));
        }
        body
    }

    /// Objects, arrays and numbers where texts belong, and the other way round.
    fn of_other_types(&self, mut body: Value, turn: usize) -> Value {
        for (number, leaf) in leaves(&body).iter().enumerate() {
            let canaries = self.canaries(&self.place(format!("body {}", field(leaf))), IN_A_FIELD / 4);
            let digits: String = canaries.chars().filter(char::is_ascii_digit).take(15).collect();
            let value = match (turn / WAYS.len() + number) % 4 {
                0 => json!({"value": canaries}),
                1 => json!([canaries]),
                2 => json!(digits.parse::<u64>().unwrap_or(1)),
                _ => json!(canaries),
            };
            put(&mut body, leaf, value);
        }
        body
    }
}

/// As it may stand in a path or a query.
pub fn encoded(text: &str) -> String {
    let written = crate::encoding::Encoding::Url(crate::encoding::Case::Upper).written(text);
    String::from_utf8(written).unwrap()
}
