//! A house for tests: the whole API over a ledger of its own, with parties who hold keys to it.

pub mod contract;
pub mod people;

use crate::identity::IdentityCheck;
use crate::{App, Limits, Readiness, Settings, private, public};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use bonded_base::{Account, ApiKey, Currency, Id, Node, Secret};
use bonded_connect::outbound::{Outbound, OutboundSetup};
use bonded_connect::platforms::Platforms;
use bonded_connect::shopify::install::App as ShopifyApp;
use bonded_connect::stripe::{Stripe, StripeSetup};
use bonded_flow::Running;
use bonded_ledger::{PLATFORM, Scope};
use bonded_people::keys::{self, MakerRights, Mode};
use bonded_people::{Permission, Permissions};
use bonded_shopkit::Counterpart;
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use bonded_trade::accounts::{self, Role};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct House {
    pub ledger: Arc<TestLedger>,
    pub app: App,
    router: Router,
    private: Router,
    _running: Option<Running>,
}

pub struct Party {
    pub account: Id<Account>,
    pub key: Id<ApiKey>,
    pub secret: String,
}

/// Somebody who calls the API: with a key, with a session.
pub trait Guest {
    /// The headers that say who it is.
    fn shows(&self) -> Vec<(HeaderName, String)>;
}

impl Guest for Party {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        vec![(AUTHORIZATION, format!("Bearer {}", self.secret))]
    }
}

impl Party {
    /// Who holds this secret of another key to the same account.
    pub fn holding(&self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..*self }
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Its JSON, once it is shown that it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }
}

/// The secret of our app at Shopify.
pub const APP_SECRET: &str = "shpss_counterpart";

/// Nothing is called in these tests; shops may call us.
fn platforms() -> Platforms {
    let setup = OutboundSetup { loopback: false, root_certificate: None, user_agent: "Bonded/test".to_owned() };
    Platforms::new(Outbound::new(setup).unwrap(), ORIGIN.to_owned()).with_app(shopify_app())
}

/// How the world reaches the house.
const ORIGIN: &str = "https://bonded.example";

fn shopify_app() -> ShopifyApp {
    let client_secret = Secret::new(APP_SECRET.to_owned());
    ShopifyApp { client_id: "client-id".to_owned(), client_secret, older_secrets: Vec::new() }
}

/// What the payment gateway signs with in these tests.
pub const GATEWAY_SECRET: &str = "whsec_house";

/// A gateway that cannot be reached: its address is this very machine, which these tests never call.
fn stripe() -> Stripe {
    let setup = OutboundSetup { loopback: false, root_certificate: None, user_agent: "Bonded/test".to_owned() };
    let stripe = StripeSetup {
        key: Secret::new("sk_test_house".to_owned()),
        webhook_secrets: vec![Secret::new(GATEWAY_SECRET.to_owned())],
        version: bonded_connect::stripe::VERSION.to_owned(),
        address: "https://127.0.0.1:9/".parse().unwrap(),
        origin: "https://bonded.example".to_owned(),
    };
    Stripe::new(Outbound::new(setup).unwrap(), stripe)
}

impl House {
    pub async fn new() -> Self {
        Self::limited(Limits::default()).await
    }

    pub async fn limited(limits: Limits) -> Self {
        let ledger = Arc::new(on_sqlite().await);
        let node = Id::<Node>::new(ledger.clock(), ledger.chance());
        let running = bonded_flow::start((**ledger).clone(), node, String::from("bonded.example"));
        Self { _running: Some(running), ..Self::over(ledger, limits) }
    }

    /// Another node over the same ledger.
    pub fn neighbour(&self) -> Self {
        Self::over(Arc::clone(&self.ledger), Limits::default())
    }

    /// Another node over the same ledger, for which all of Shopify's shops are this one.
    pub fn calling(&self, shop: &Counterpart) -> Self {
        let (root_certificate, user_agent) = (Some(shop.authority()), "Bonded/test".to_owned());
        let outbound = Outbound::new(OutboundSetup { loopback: true, root_certificate, user_agent }).unwrap();
        let platforms = Platforms::new(outbound, ORIGIN.to_owned()).with_app(shopify_app());
        let platforms = platforms.with_shopify_at(shop.base().parse().unwrap());
        Self::reaching(Arc::clone(&self.ledger), Limits::default(), platforms)
    }

    fn over(ledger: Arc<TestLedger>, limits: Limits) -> Self {
        Self::reaching(ledger, limits, platforms())
    }

    fn reaching(ledger: Arc<TestLedger>, limits: Limits, platforms: Platforms) -> Self {
        let settings = Settings {
            base_url: String::from("https://bonded.example"),
            private_url: String::from("https://console.bonded.example"),
            log_origin: String::from("bonded.example"),
            environment: String::from("test"),
            limits,
            identity: IdentityCheck::Off,
            platforms: Some(platforms),
            stripe: Some(stripe()),
        };
        let app = App::new((**ledger).clone(), settings, Readiness::open()).unwrap();
        let (router, private) = (public(app.clone()), private(app.clone(), Router::new()));
        Self { router, private, ledger, app, _running: None }
    }

    /// All of an account, for what tests set up.
    pub const fn operator(account: Id<Account>) -> Scope {
        Scope::operator(account)
    }

    pub async fn party(&self, name: &str, role: Role) -> Party {
        let (scope, name) = (Scope::operator(PLATFORM), String::from(name));
        let draft = accounts::Draft { name, role, currency: Currency::EUR };
        let account = accounts::open(&self.ledger, &scope, draft).await.unwrap();
        self.key(account, Permissions::of_keys()).await
    }

    pub async fn retailer(&self) -> Party {
        self.party("Sample Shop", Role::Retailer).await
    }

    pub async fn supplier(&self) -> Party {
        self.party("Sample Pottery", Role::Supplier).await
    }

    pub async fn key(&self, account: Id<Account>, permissions: Permissions) -> Party {
        let draft = keys::Draft { name: String::from("test"), permissions, mode: Mode::Test };
        let rights = MakerRights::operator();
        let issued = keys::issue(&self.ledger, &Scope::operator(account), &rights, draft).await.unwrap();
        Party { account, key: issued.id, secret: Secret::expose(&issued.secret).clone() }
    }

    /// A key of the same account that lacks one permission.
    pub async fn key_without(&self, party: &Party, permission: Permission) -> Party {
        let others = Permissions::of_keys().iter().filter(|other| *other != permission).collect();
        self.key(party.account, others).await
    }

    /// Every answer is held against the contract on its way to the test.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        self.answered(self.router.clone(), request, &path).await
    }

    async fn answered(&self, router: Router, request: Request<Body>, path: &str) -> Answer {
        let method = request.method().clone();
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let answer = Answer { status: parts.status, headers: parts.headers, bytes };
        contract::hold(&method, path, &answer);
        answer
    }

    pub async fn get(&self, party: &impl Guest, path: &str) -> Answer {
        self.send(request(party, Method::GET, path, &[], Body::empty())).await
    }

    pub async fn post(&self, party: &impl Guest, path: &str, body: Value) -> Answer {
        self.post_with(party, path, body, &[]).await
    }

    pub async fn post_with(&self, party: &impl Guest, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request(party, Method::POST, path, headers, body)).await
    }

    pub async fn patch(&self, party: &impl Guest, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        self.send(request(party, Method::PATCH, path, headers, Body::from(body.to_string()))).await
    }

    pub async fn put(&self, party: &impl Guest, path: &str, body: Value) -> Answer {
        self.send(request(party, Method::PUT, path, &[], Body::from(body.to_string()))).await
    }

    pub async fn delete(&self, party: &impl Guest, path: &str) -> Answer {
        self.send(request(party, Method::DELETE, path, &[], Body::empty())).await
    }

    /// Two parties with an active link between them, and its id.
    pub async fn partners(&self) -> (Party, Party, String) {
        let (retailer, supplier) = (self.retailer().await, self.supplier().await);
        let partner = json!({"partner": supplier.account.to_string()});
        let link = self.post(&retailer, "/v1/partner_links", partner).await.expect(201);
        let path = format!("/v1/partner_links/{}", link["id"].as_str().unwrap());
        self.until(&supplier, &path, |link| link["state"] == "invited").await;
        self.post(&supplier, &format!("{path}/accept"), Value::Null).await.expect(200);
        self.until(&retailer, &path, |link| link["state"] == "active").await;
        (retailer, supplier, link["id"].as_str().unwrap().to_owned())
    }

    /// A product with one variant, of which some are in stock; the variant's id.
    pub async fn stocked(&self, supplier: &Party, sku: &str, on_hand: i64) -> String {
        let price = json!({"amount": 999, "currency": "EUR"});
        let draft = json!({"title": format!("Pot {sku}"), "variants": [{"sku": sku, "price": price}]});
        let product = self.post(supplier, "/v1/products", draft).await.expect(201);
        let count = json!({"data": [{"sku": sku, "on_hand": on_hand}]});
        self.post(supplier, "/v1/inventory_levels/batch", count).await.expect(200);
        product["variants"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Asks again whenever the party's log has grown, until the answer is as wanted.
    pub async fn until(&self, party: &Party, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let scope = Scope::operator(party.account);
        loop {
            let seq = self.ledger.head(&scope).await.unwrap();
            let answer = self.get(party, path).await;
            if answer.status == StatusCode::OK && wanted(&answer.json()) {
                return answer.json();
            }
            let grown = self.ledger.wait_beyond(&scope, seq, PATIENCE).await.unwrap();
            assert!(grown, "{path} never became as wanted: {}", answer.text());
        }
    }
}

pub fn request(
    guest: &(impl Guest + ?Sized),
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in guest.shows() {
        request = request.header(name, value);
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// The address of a route with ids that were never given to anybody.
pub fn made_up(route: &str) -> String {
    const PREFIXES: [(&str, &str); 22] = [
        ("api_keys", "key"),
        ("charges", "ch"),
        ("connections", "con"),
        ("deletions", "del"),
        ("grants", "grant"),
        ("holds", "hold"),
        ("imports", "imp"),
        ("invitations", "inv"),
        ("invoices", "in"),
        ("locations", "loc"),
        ("members", "mem"),
        ("methods", "pm"),
        ("orders", "ord"),
        ("partner_links", "link"),
        ("payment_methods", "pm"),
        ("privacy_requests", "prv"),
        ("products", "prod"),
        ("purchase-orders", "po"),
        ("purchase_orders", "po"),
        ("sku_mappings", "map"),
        ("variants", "var"),
        ("webhook_endpoints", "we"),
    ];
    let never = "00000000000000000000000000";
    let of = route.split('/').nth(2).unwrap_or_default();
    let prefix = PREFIXES.iter().find(|(name, _)| *name == of).map_or("none", |(_, prefix)| *prefix);
    route
        .replace("{id}", &format!("{prefix}_{never}"))
        .replace("{product}", &format!("prod_{never}"))
        .replace("{variant}", &format!("var_{never}"))
        .replace("{rest}", "0/000.p/1")
}

/// An order as the docs show one.
pub fn order(reference: &str, sku: &str, quantity: i64) -> Value {
    json!({
        "reference": reference,
        "lines": [{"sku": sku, "quantity": quantity, "price": {"amount": 1499, "currency": "EUR"}}],
        "consumer": {
            "first_name": "Ada", "last_name": "Example", "street": "12 Sample Road\nTestbury",
            "postal_code": "T3 5TT", "region": "Testshire", "country": "GB",
        },
    })
}

/// The same JSON with what differs from run to run left out: ids, cursors, request ids.
pub fn scrubbed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(scrubbed).collect(),
        Value::Object(members) => {
            let scrub = |(name, value): (&String, &Value)| match name.as_str() {
                "next_cursor" if value.is_string() => (name.clone(), json!("…")),
                _ => (name.clone(), scrubbed(value)),
            };
            Value::Object(members.iter().map(scrub).collect())
        }
        Value::String(text) => match text.split_once('_') {
            Some((prefix, rest)) if rest.len() >= 26 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                json!(format!("{prefix}_…"))
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}
