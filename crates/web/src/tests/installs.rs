//! Installing our app in a Shopify shop: from the API's answer to the shop's owner, and back to the session that asked.

use crate::house::people::Member;
use crate::house::{APP_SECRET, Answer, Guest, House, Party, request};
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bonded_connect::connections::{self, Connection, ConnectionState};
use bonded_connect::notices::{self, Topic};
use bonded_connect::outbound::Url;
use bonded_connect::privacy::{self, PrivacyState};
use bonded_connect::shopify::token::Token;
use bonded_ledger::{List, Scope, Stored};
use bonded_people::members::Role;
use bonded_shopkit::{Counterpart, Wanted, signature};
use bonded_trade::Page;
use serde_json::{Value, json};
use std::collections::HashMap;

const SHOP: &str = "blue-mugs.myshopify.com";
const ORDER: &str = "gid://shopify/Order/450789469";

/// A query with Shopify's signature: sorted, joined, HMAC-SHA256 in hex.
fn signed(pairs: &[(&str, &str)], secret: &str) -> String {
    let mut sorted: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    sorted.sort();
    let bytes = STANDARD.decode(signature(secret, sorted.join("&").as_bytes())).unwrap();
    let hmac = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).append_pair("hmac", &hmac).finish()
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.headers[LOCATION].to_str().unwrap().to_owned()
}

fn parameters(address: &str) -> HashMap<String, String> {
    address.parse::<Url>().unwrap().query_pairs().into_owned().collect()
}

/// Somebody who begins an installation; answers where the shop's owner is asked.
async fn begun(house: &House, guest: &impl Guest, shop: &str) -> HashMap<String, String> {
    let answer = house.get(guest, &format!("/shopify/begin?shop={shop}")).await;
    parameters(&location(&answer))
}

async fn back(house: &House, guest: &impl Guest, pairs: &[(&str, &str)]) -> Answer {
    house.get(guest, &format!("/shopify/callback?{}", signed(pairs, APP_SECRET))).await
}

struct Stage {
    house: House,
    shop: Counterpart,
    retailer: Party,
    owner: Member,
}

impl Stage {
    async fn open() -> Option<Self> {
        let wanted = Wanted { currency: "EUR", scopes: &["read_products"], bucket: (100_000, 1_000), real_time: false };
        let shop = Counterpart::start(wanted).await?;
        let house = House::new().await.calling(&shop);
        let retailer = house.retailer().await;
        let owner = house.member(&retailer, Role::Owner, true).await;
        Some(Self { house, shop, retailer, owner })
    }

    /// The way there and back, as a browser goes it.
    async fn installs(&self, guest: &impl Guest) -> Answer {
        let asked = begun(&self.house, guest, SHOP).await;
        let code = self.shop.tokens().code();
        back(&self.house, guest, &[("code", &code), ("shop", SHOP), ("state", &asked["state"]), ("timestamp", "1")])
            .await
    }

    async fn connections(&self) -> Vec<Stored<Connection>> {
        let scope = Scope::operator(self.retailer.account);
        connections::list(&self.house.ledger, &scope, None, Page::first(10)).await.unwrap().records
    }

    fn token_of(&self, connection: &Stored<Connection>) -> Option<Token> {
        let scope = Scope::operator(self.retailer.account);
        let kept = connections::credential(&self.house.ledger, &scope, connection).unwrap()?;
        Token::from_bytes(&kept)
    }
}

#[tokio::test]
async fn a_shop_is_opened_by_its_owner_s_word_with_the_least_scopes() {
    let Some(stage) = Stage::open().await else { return };
    let Stage { house, retailer, owner, .. } = &stage;
    let wish = json!({"platform": "shopify", "shop": SHOP, "direction": "sell_through",
        "syncs": {"orders": "on", "fulfilments": "watch"}});
    let made = house.post(retailer, "/v1/connections", wish).await.expect(201);
    assert_eq!(made["state"], "connecting");
    assert_eq!(made["install_url"], format!("https://bonded.example/shopify/install?shop={SHOP}"));
    let asked = begun(house, owner, SHOP).await;
    assert_eq!(asked["client_id"], "client-id");
    assert_eq!(asked["scope"], "read_orders,read_products", "what is only read is not asked to be written");
    assert_eq!(asked["redirect_uri"], "https://bonded.example/shopify/callback");

    let done = stage.installs(owner).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(location(&done), format!("/shopify/connected/{id}"));
    let shown = house.get(owner, &format!("/shopify/connected/{id}")).await;
    assert!(shown.status == 200 && shown.text().contains(SHOP) && !shown.text().contains("shpat_"));
    let kept = stage.connections().await;
    assert_eq!((kept.len(), kept[0].state), (1, ConnectionState::Connecting));
    assert!(matches!(stage.token_of(&kept[0]), Some(Token::Expiring(_))), "a token that runs out, and is renewed");
    let now = house.get(retailer, &format!("/v1/connections/{id}")).await.expect(200);
    assert_eq!(now["install_url"], Value::Null);

    // Asked to do more, it says which scopes it lacks, and where to go.
    let more = json!({"syncs": {"stock": "on"}});
    let more = house.patch(retailer, &format!("/v1/connections/{id}"), more, &[]).await.expect(200);
    assert_eq!(more["scopes_needed"], json!(["read_locations", "read_products", "write_inventory"]));
}

#[tokio::test]
async fn an_answer_is_believed_once_and_from_the_session_that_asked() {
    let Some(stage) = Stage::open().await else { return };
    let Stage { house, shop, retailer, owner } = &stage;
    let other = house.member(retailer, Role::Owner, true).await;
    let elsewhere = house.member(&house.supplier().await, Role::Owner, true).await;
    let nonce = begun(house, owner, SHOP).await["state"].clone();
    let code = shop.tokens().code();
    let good = [("code", code.as_str()), ("shop", SHOP), ("state", nonce.as_str()), ("timestamp", "1")];
    for stranger in [&other, &elsewhere] {
        assert_eq!(back(house, stranger, &good).await.status, 400, "nobody else's session takes it");
    }
    begun(house, &other, SHOP).await;
    assert_eq!(back(house, &other, &good).await.status, 422, "nor one that asked something else");
    let forged = house.get(owner, &format!("/shopify/callback?{}", signed(&good, "guess"))).await;
    assert_eq!(forged.status, 422);
    assert_eq!(back(house, owner, &good).await.status, 400, "what was refused once is not asked again");

    for bad in [[good[0], ("shop", "red-mugs.myshopify.com"), good[2]], [good[0], good[1], ("state", "00")]] {
        let nonce = begun(house, owner, SHOP).await["state"].clone();
        let bad = bad.map(|(name, value)| (name, if value == good[2].1 { nonce.as_str() } else { value }));
        assert_eq!(back(house, owner, &bad).await.status, 422, "{bad:?}");
    }
    let nonce = begun(house, owner, SHOP).await["state"].clone();
    house.ledger.test_clock().advance_ms(5 * 60 * 1000);
    assert_eq!(back(house, owner, &[good[0], good[1], ("state", &nonce)]).await.status, 400, "too late");
    assert!(stage.connections().await.is_empty(), "nothing came of any of it");
    assert_eq!(location(&stage.installs(owner).await).split('/').nth(2), Some("connected"));
    let connections = stage.connections().await;
    assert!(stage.token_of(&connections[0]).is_some());
    assert!(!connections[0].syncs.changes_anything(), "whoever came by the store only watches at first");
    // The shop is the one account's now.
    let refused = house.get(&elsewhere, &format!("/shopify/begin?shop={SHOP}")).await;
    assert_eq!(refused.status, 409);
}

#[tokio::test]
async fn whoever_shopify_sends_may_sign_in_first_and_only_shopify_sends_with_a_signature() {
    struct Browser(String);
    impl Guest for Browser {
        fn shows(&self) -> Vec<(HeaderName, String)> {
            vec![(COOKIE, self.0.clone())]
        }
    }
    let Some(stage) = Stage::open().await else { return };
    let Stage { house, owner, .. } = &stage;
    let nobody = Browser(String::new());
    let sent = signed(&[("shop", SHOP), ("timestamp", "1"), ("host", "YWRtaW4")], APP_SECRET);
    let answer = house.get(&nobody, &format!("/shopify/install?{sent}")).await;
    assert_eq!(location(&answer), "/home");
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(cookie, format!("__Host-bonded-installing={SHOP}"));
    assert_eq!(location(&house.get(&Browser(cookie.clone()), "/home").await), "/sign-in");
    let session = owner.shows().remove(0).1;
    let signed_in = Browser(format!("{session}; {cookie}"));
    let onward = house.get(&signed_in, "/home").await;
    assert!(onward.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(location(&onward), format!("/shopify/begin?shop={SHOP}"));
    for bad in [
        format!("{sent}&more=1"),
        signed(&[("shop", SHOP)], "guess"),
        "shop=evil.example".to_owned(),
        signed(&[("shop", "evil.example")], APP_SECRET),
        String::new(),
    ] {
        assert_eq!(house.get(&nobody, &format!("/shopify/install?{bad}")).await.status, 422, "{bad}");
    }
    let viewer = house.member(&stage.retailer, Role::Viewer, true).await;
    assert_eq!(house.get(&viewer, &format!("/shopify/begin?shop={SHOP}")).await.status, 403);
}

/// What Shopify tells our app of a shop, whoever has connected it.
async fn told(house: &House, topic: &str, event: &str, secret: &str, body: &Value) -> u16 {
    struct Shopify;
    impl Guest for Shopify {
        fn shows(&self) -> Vec<(HeaderName, String)> {
            Vec::new()
        }
    }
    let body = body.to_string();
    let signature = signature(secret, body.as_bytes());
    let headers = [
        ("x-shopify-topic", topic),
        ("x-shopify-hmac-sha256", signature.as_str()),
        ("x-shopify-shop-domain", SHOP),
        ("x-shopify-event-id", event),
    ];
    house.send(request(&Shopify, Method::POST, "/hooks/shopify", &headers, Body::from(body))).await.status.as_u16()
}

async fn requests(stage: &Stage) -> Vec<privacy::Wanted> {
    let (scope, open) = (Scope::operator(stage.retailer.account), Some(PrivacyState::Open));
    let requests = privacy::list(&stage.house.ledger, &scope, open, Page::first(10)).await.unwrap();
    requests.records.iter().map(|request| request.wanted).collect()
}

#[tokio::test]
async fn an_app_that_is_thrown_out_and_installed_again_opens_the_same_connection() {
    let Some(stage) = Stage::open().await else { return };
    let Stage { house, shop, owner, retailer } = &stage;
    stage.installs(owner).await;
    let first = stage.connections().await.remove(0);
    shop.uninstall();
    let gone = json!({"id": 1, "domain": SHOP});
    assert_eq!(told(house, "app/uninstalled", "u-1", "guess", &gone).await, 401);
    for _ in 0..2 {
        assert_eq!(told(house, "app/uninstalled", "u-1", APP_SECRET, &gone).await, 200);
    }
    let scope = Scope::operator(retailer.account);
    let kept = notices::waiting(&house.ledger, &scope, 10).await.unwrap();
    assert_eq!(kept.iter().map(|notice| notice.topic).collect::<Vec<_>>(), [Topic::Uninstalled], "and once");
    stage.installs(owner).await;
    let again = stage.connections().await;
    assert_eq!((again.len(), again[0].id), (1, first.id));
    assert_ne!(again[0].credential, first.credential);
    assert!(stage.token_of(&again[0]).is_some());
}

#[tokio::test]
async fn what_concerns_people_is_heard_of_shops_that_were_given_up_too() {
    let Some(stage) = Stage::open().await else { return };
    let Stage { house, owner, retailer, .. } = &stage;
    let asked = json!({"shop_domain": SHOP, "customer": {"email": "ada@mail.example", "phone": "555-625-1199"},
        "orders_requested": [450_789_469_u64]});
    assert_eq!(told(house, "customers/data_request", "d-0", APP_SECRET, &asked).await, 200, "nobody has the shop");
    assert!(requests(&stage).await.is_empty());
    stage.installs(owner).await;
    let first = stage.connections().await.remove(0);
    let scope = Scope::operator(retailer.account);
    assert_eq!(told(house, "customers/data_request", "d-1", "", &asked).await, 401);
    assert_eq!(told(house, "customers/data_request", "d-1", "guess", &asked).await, 401);
    assert_eq!(told(house, "customers/data_request", "d-1", APP_SECRET, &asked).await, 200);
    let waiting = notices::waiting(&house.ledger, &scope, 10).await.unwrap();
    assert_eq!(waiting[0].named[0].as_str(), ORDER, "one at work has it from its worker");

    // Given up, taken again, and given up once more: each of the two hears of it, once.
    connections::disconnect(&house.ledger, &scope, first.id, None).await.unwrap();
    stage.installs(owner).await;
    let second = stage.connections().await.into_iter().find(|one| one.id != first.id).unwrap();
    connections::disconnect(&house.ledger, &scope, second.id, None).await.unwrap();
    let redact = json!({"shop_domain": SHOP, "orders_to_redact": [], "customer": {"email": "ada@mail.example"}});
    for _ in 0..2 {
        assert_eq!(told(house, "shop/redact", "s-1", APP_SECRET, &json!({"shop_domain": SHOP})).await, 200);
        assert_eq!(told(house, "customers/redact", "r-1", APP_SECRET, &redact).await, 200);
        assert_eq!(told(house, "app/uninstalled", "u-1", APP_SECRET, &json!({"id": 1})).await, 200);
    }
    assert_eq!(requests(&stage).await, [privacy::Wanted::RedactShop; 2], "each is asked once");
    let kept = house.ledger.list::<notices::Notice>(&scope, &List::first(20)).await.unwrap().records;
    let of_first = kept.iter().filter(|notice| notice.connection == first.id).count();
    let of_second = kept.iter().filter(|notice| notice.connection == second.id).count();
    assert_eq!((of_first, of_second), (3, 2), "each was told of both, and the first of the request before");
    assert!(kept.iter().all(|notice| !format!("{:?}", **notice).contains("ada@")));
    assert_eq!(told(house, "carts/create", "c-1", APP_SECRET, &json!({})).await, 200, "nothing of ours");
}
