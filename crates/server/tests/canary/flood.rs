//! Canaries in every field of every operation of the contract, in requests that are wrong in every way there is.

use crate::caller::{Request, without_ids};
use crate::canaries::{Place, Planting, Shape};
use crate::contract::{Body, Operation, field, leaves, objects, put, resolved};
use crate::encodings::in_url;
use crate::market::{Market, Trader};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// Requests under way at once.
const AT_ONCE: usize = 8;
/// Canaries of each shape in a parameter of the query or the path; the head of a request is limited to 32 KiB.
const IN_A_PARAMETER: usize = 180;
/// The same in each header, all of which go together.
const IN_A_HEADER: usize = 8;
/// Characters of an idempotency key at most.
const ONCE_CHARS: usize = 255;
const JSON: &str = "application/json";
/// The name that stands for any parameter that an operation does not know.
pub const UNKNOWN: &str = "unknown";
/// The body was too large (RFC 9110 section 15.5.14), so nobody has read it.
const TOO_LARGE: u16 = 413;
/// Headers that any request can carry: clients, proxies and browsers set them.
const HEADERS: &str = "user-agent referer origin from cookie via forwarded x-forwarded-for x-real-ip true-client-ip \
    cf-connecting-ip x-request-id traceparent baggage accept-language x-customer";

/// What comes when, since afterwards some are refused before they have looked at much: what changes something, steps that
/// take pieces of an order, what completes it, what ends something.
const STEPS: [&[&str]; 3] = [
    &["cancel", "reject", "fulfilments"],
    &["complete"],
    &["archive", "end", "resolve", "deny", "revoke", "withdraw", "remove", "disconnect", "discard", "undo", "forget"],
];

/// Whatever only reads: until every field has got `each` canaries of every shape.
pub async fn reads(market: &Arc<Market>, planting: &Arc<Planting>, operations: &[Operation], each: usize) {
    let reads = operations.iter().filter(|operation| operation.method == Method::GET);
    flood(market, planting, reads.cloned().collect(), each).await;
}

/// The same of whatever changes something; then everything is read once more.
pub async fn changes(market: &Arc<Market>, planting: &Arc<Planting>, operations: &[Operation], each: usize) {
    let (reads, changes): (Vec<_>, Vec<_>) = operations.iter().cloned().partition(|it| it.method == Method::GET);
    let step = |operation: &Operation| {
        let last = operation.path.rsplit('/').next().unwrap_or_default();
        if operation.method == Method::DELETE {
            return Some(STEPS.len() - 1);
        }
        STEPS.iter().position(|steps| steps.contains(&last))
    };
    for now in [None, Some(0), Some(1), Some(2)] {
        flood(market, planting, changes.iter().filter(|it| step(it) == now).cloned().collect(), each).await;
        if now == Some(0) {
            // What is left goes; perhaps nothing is.
            let parcel = format!("/v1/purchase_orders/{}/fulfilments", market.ids["po"]);
            market.callers.send(market.supplier.post(parcel, &json!({}))).await;
            let order = format!("/v1/orders/{}", market.ids["ord"]);
            market.until(&market.retailer, "order", &order, |answer| answer.json()["state"] == "shipped").await;
        }
    }
    for operation in &reads {
        for trader in [&market.supplier, &market.retailer] {
            let flood = Flood { market, planting, operation, each };
            market.callers.send(flood.good(trader)).await;
        }
    }
}

async fn flood(market: &Arc<Market>, planting: &Arc<Planting>, operations: Vec<Operation>, each: usize) {
    let queue = Arc::new(Mutex::new(operations));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (market, planting, queue) = (Arc::clone(market), Arc::clone(planting), Arc::clone(&queue));
        tasks.spawn(async move {
            let next = || queue.lock().unwrap().pop();
            while let Some(operation) = next() {
                Flood { market: &market, planting: &planting, operation: &operation, each }.all().await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// What floods one operation.
pub struct Flood<'a> {
    pub market: &'a Market,
    pub planting: &'a Planting,
    pub operation: &'a Operation,
    pub each: usize,
}

impl Flood<'_> {
    async fn all(&self) {
        let mut trader = &self.market.supplier;
        let (mut is_let_in, member) = (false, self.market.member.as_ref());
        for other in [Some(&self.market.supplier), Some(&self.market.retailer), member].into_iter().flatten() {
            // Some may be done by members alone; what a key may do as well comes as far with a key.
            let is_member = member.is_some_and(|member| std::ptr::eq(member, other));
            if self.send(self.good(other)).await < 300 && !(is_member && is_let_in) {
                (trader, is_let_in) = (other, true);
            }
            for request in self.refused(other) {
                self.send(request).await;
            }
        }
        // The rest by one who may do it, so that it comes far.
        self.bodies(trader).await;
        let mut targets = Vec::new();
        for (name, _) in &self.operation.in_path {
            let planted = |canaries: String| self.target(None).replace(&self.in_path(name), &in_url(&canaries));
            targets.extend(self.portions(&format!("path {name}")).into_iter().map(planted));
        }
        for name in self.operation.in_query.iter().map(|(name, _)| name.as_str()).chain([UNKNOWN]) {
            let planted = |canaries: String| self.target(Some((name, &in_url(&canaries))));
            targets.extend(self.portions(&format!("query {name}")).into_iter().map(planted));
        }
        for target in targets {
            self.market.callers.send(self.with_body(self.request(trader, target))).await;
        }
    }

    /// Sends with a canary in each header that has not got enough yet.
    async fn send(&self, mut request: Request) -> u16 {
        for header in HEADERS.split(' ') {
            let place = Place::new("*", format!("header {header}"));
            if self.planting.count(&place) < self.each {
                request = request.header(header, self.planting.some(&place, IN_A_HEADER));
            }
        }
        let answer = self.market.callers.send(request).await;
        assert_ne!(answer.status, TOO_LARGE, "a body for {} was not read", self.operation.name());
        answer.status
    }

    fn place(&self, part: impl Into<String>) -> Place {
        Place::new(self.operation.name(), part)
    }

    /// Texts for one place, that together hold all it should get.
    fn portions(&self, part: &str) -> Vec<String> {
        let sizes = (0..self.each).step_by(IN_A_PARAMETER).map(|done| IN_A_PARAMETER.min(self.each - done));
        sizes.map(|size| self.planting.some(&self.place(part), size)).collect()
    }

    pub fn request(&self, trader: &Trader, target: String) -> Request {
        let request = Request::new(self.operation.method.clone(), target, &trader.key);
        Request { operation: without_ids(&self.operation.name()), ..request }
    }

    pub fn in_path(&self, name: &str) -> String {
        let example = self.operation.in_path.iter().find(|(known, _)| known == name).map(|(_, example)| example);
        resolved(example.unwrap(), &self.market.ids).as_str().unwrap().to_owned()
    }

    fn path(&self) -> String {
        let names = self.operation.in_path.iter().map(|(name, _)| name);
        names.fold(self.operation.path.clone(), |path, name| path.replace(&format!("{{{name}}}"), &self.in_path(name)))
    }

    /// Path and query of a good request: with the parameters that must be there, and this one instead or besides.
    pub fn target(&self, other: Option<(&str, &str)>) -> String {
        let needed = self.operation.needed.iter().filter(|(name, _)| other.is_none_or(|(other, _)| name != other));
        let examples = needed.map(|(name, example)| match resolved(example, &self.market.ids) {
            Value::String(text) => format!("{name}={}", in_url(&text)),
            example => format!("{name}={example}"),
        });
        let other = other.map(|(name, value)| match name {
            // One that is not known has the canaries for its name.
            UNKNOWN => format!("{value}=1"),
            name => format!("{name}={value}"),
        });
        format!("{}?{}", self.path(), examples.chain(other).collect::<Vec<_>>().join("&"))
    }

    fn good(&self, trader: &Trader) -> Request {
        self.with_body(self.request(trader, self.target(None)))
    }

    /// Requests that are refused for something that is not their body.
    fn refused(&self, trader: &Trader) -> Vec<Request> {
        let good = || self.good(trader);
        let header = |name, each| self.planting.some(&Place::new("*", format!("header {name}")), each);
        let once: String =
            header("idempotency-key", 2).chars().filter(char::is_ascii_graphic).take(ONCE_CHARS).collect();
        vec![
            Request { key: header("authorization", 2 * IN_A_HEADER), ..good() },
            Request { key: trader.reader.clone(), ..good() },
            Request { method: Method::PUT, ..good() },
            good().header("if-match", "\"4000000\"".to_owned()),
            good().header("if-match", format!("\"{}\"", header("if-match", 2 * IN_A_HEADER))),
            good().header("idempotency-key", header("idempotency-key", 2 * IN_A_HEADER)),
            good().header("idempotency-key", once.clone()),
            // Another request under the same key.
            Request { target: format!("{}&other=1", self.target(None)), ..good().header("idempotency-key", once) },
        ]
    }

    pub fn with_body(&self, request: Request) -> Request {
        match &self.operation.body {
            Some(Body::Json { example, .. }) => request.json(&self.example(example)),
            Some(Body::Csv(example)) => request.body("text/csv", example.clone().into_bytes()),
            None => request,
        }
    }

    /// A good body, with a reference that no other order has.
    pub fn example(&self, example: &Value) -> Value {
        let mut body = resolved(example, &self.market.ids);
        for leaf in leaves(&body).iter().filter(|leaf| leaf.ends_with("/reference")) {
            put(&mut body, leaf, json!(self.market.reference()));
        }
        body
    }

    async fn bodies(&self, trader: &Trader) {
        let request = || self.request(trader, self.path());
        let bodies = match &self.operation.body {
            None => return,
            Some(Body::Csv(_)) => self.files(),
            Some(Body::Json { example, whole }) => {
                self.one_by_one(trader, example, whole).await;
                self.objects(example, whole)
            }
        };
        for (media_type, body) in bodies {
            self.send(request().body(media_type, body)).await;
        }
    }

    /// Good but for one field, which is a canary; and good but for many canaries in it.
    async fn one_by_one(&self, trader: &Trader, example: &Value, whole: &Value) {
        for leaf in fields(whole) {
            let place = self.place(format!("body {}", field(&leaf)));
            let texts = Shape::ALL.map(|shape| self.planting.one(&place, shape));
            for text in texts.into_iter().chain([self.planting.some(&place, 4)]) {
                let mut body = self.example(example);
                put(&mut body, &leaf, json!(text));
                self.send(self.request(trader, self.path()).json(&body)).await;
            }
        }
    }

    /// Bodies with canaries in all fields at once, in none that was asked for, in values of other types, and such as are
    /// no JSON, or sent as something else.
    fn objects(&self, example: &Value, whole: &Value) -> Vec<(&'static str, Vec<u8>)> {
        let whole = resolved(whole, &self.market.ids);
        let filled = |each: usize, value: &dyn Fn(&str, usize) -> Value| {
            let mut body = whole.clone();
            for (number, leaf) in fields(&whole).iter().enumerate() {
                let canaries = self.planting.some(&self.place(format!("body {}", field(leaf))), each);
                put(&mut body, leaf, value(&canaries, number));
            }
            body
        };
        let text = |canaries: &str, _: usize| json!(canaries);
        let mut whole_ones =
            vec![filled(self.each, &text), self.with_more(self.example(example)), self.with_more(filled(1, &text))];
        whole_ones.extend((0..3).map(|turn| filled(5, &|canaries, number| of_another_type(canaries, number + turn))));
        let bytes = |body: &Value| serde_json::to_vec(body).unwrap();
        let small = bytes(&filled(5, &text));
        let mut bodies: Vec<_> = whole_ones.iter().map(|body| (JSON, bytes(body))).collect();
        bodies.extend((1..8).map(|eighths| (JSON, small[..small.len() * eighths / 8].to_vec())));
        bodies.extend(["application/x-www-form-urlencoded", "text/plain"].map(|other| (other, small.clone())));
        bodies
    }

    /// Members with canaries in every object, also as their names, also deep in objects and arrays of their own.
    fn with_more(&self, mut body: Value) -> Value {
        for object in objects(&body) {
            let place = self.place(format!("body extra {}", field(&object)));
            let canaries = || self.planting.some(&place, self.each.div_ceil(4));
            put(&mut body, &format!("{object}/email"), json!(canaries()));
            put(&mut body, &format!("{object}/customer"), json!({"phones": [canaries(), {"ip": canaries()}]}));
            body.pointer_mut(&object).unwrap().as_object_mut().unwrap().insert(canaries(), json!(1));
        }
        body
    }

    /// Product files that are none.
    fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let cells = self.planting.some(&self.place("cells of no file"), self.each);
        vec![
            ("text/plain", cells.clone().into_bytes()),
            ("text/csv", format!("Title,Price\n\"{cells}").into_bytes()),
            ("text/csv", [b"Title\n\xff\xfe\0", cells.as_bytes()].concat()),
            ("text/csv", format!("{cells}\n{cells}").into_bytes()),
        ]
    }
}

/// The first of the leaves of each field.
pub fn fields(value: &Value) -> Vec<String> {
    let mut known = HashSet::new();
    leaves(value).into_iter().filter(|leaf| known.insert(field(leaf))).collect()
}

/// Objects, arrays and numbers where texts belong, and the other way round.
fn of_another_type(canaries: &str, number: usize) -> Value {
    let digits: String = canaries.chars().filter(char::is_ascii_digit).take(15).collect();
    match number % 3 {
        0 => json!({"value": canaries}),
        1 => json!([canaries]),
        _ => json!(digits.parse::<u64>().unwrap_or(1)),
    }
}
