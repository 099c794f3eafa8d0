//! Canaries: what is sent in a wrong place, or should not be sent at all, comes back in no answer.

use crate::api;
use crate::house::{Guest, House, made_up, order, request};
use axum::body::Body;
use axum::http::Method;
use bonded_people::members::Role;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::filter::LevelFilter;

/// What must not come back: a mail address, a phone number, an IP address and a name.
const CANARIES: [&str; 4] = ["canary.bird@example.com", "+49 151 2345678901", "203.0.113.77", "Kanarienvogel"];

fn clean(answer: &str, context: &str) {
    for canary in CANARIES {
        assert!(!answer.contains(canary), "{context}: {answer}");
    }
}

/// Bodies with a canary where something else should be.
fn bodies(canary: &str) -> Vec<String> {
    let quoted = json!(canary);
    let mut bodies = vec![
        canary.to_owned(),
        format!("{{\"reference\": {canary}"),
        quoted.to_string(),
        json!([canary]).to_string(),
        json!({canary: canary}).to_string(),
        json!({"data": canary}).to_string(),
        json!({"data": {canary: 1}}).to_string(),
        json!({"data": [canary, {canary: canary}, [canary]]}).to_string(),
    ];
    let fields = [
        "reference",
        "lines",
        "consumer",
        "placed_at",
        "title",
        "handle",
        "status",
        "options",
        "images",
        "variants",
        "tags",
        "price",
        "name",
        "active",
        "partner",
        "reason",
        "carrier",
        "number",
        "url",
        "sku",
        "on_hand",
        "variant",
        "location",
        "quantity",
        "weight_grams",
        "tracked",
        "id",
        "version",
        "mail",
        "role",
        "permissions",
        "mode",
        "until",
    ];
    for field in fields {
        bodies.push(json!({field: canary}).to_string());
        bodies.push(json!({field: [canary]}).to_string());
        bodies.push(json!({field: {canary: canary}}).to_string());
        bodies.push(json!({"data": [{field: canary}, {field: {canary: [canary]}}]}).to_string());
    }
    for nested in [
        json!({"reference": "1", "lines": [{"quantity": canary}]}),
        json!({"reference": "1", "lines": [{"sku": "A", "quantity": 1, "price": {"amount": canary, "currency": "EUR"}}]}),
        json!({"reference": "1", "lines": [{"sku": "A", "quantity": 1, "price": {"amount": 1, "currency": canary}}]}),
        json!({"reference": "1", "lines": [{"variant": canary}]}),
        json!({"reference": "1", "lines": [], "consumer": canary}),
        json!({"reference": "1", "lines": [], "consumer": {"country": canary, "first_name": [canary]}}),
        json!({"title": "x", "variants": [{"price": {"amount": 1, "currency": "EUR"}, "image_url": canary}]}),
        json!({"title": "x", "variants": [{"price": canary}], "status": canary}),
        json!({"mail": canary, "role": "canary"}),
        json!({"mail": format!("{canary}@"), "role": "viewer"}),
        json!({"name": "x", "permissions": [canary], "mode": canary}),
    ] {
        bodies.push(nested.to_string());
        bodies.push(json!({"data": [nested]}).to_string());
    }
    bodies
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_not_repeated_by_any_route() {
    let house = House::limited(crate::Limits { requests_per_second: 1_000_000, requests_at_once: 1_000_000 }).await;
    let (retailer, supplier, _) = house.partners().await;
    let owner = house.member(&retailer, Role::Owner, true).await;
    for route in api::routes().iter().filter(|route| route.changes()) {
        // Of ids there are none, so that only parsing and rules can answer.
        let path = made_up(&route.path);
        let guests: &[&dyn Guest] =
            if route.permission.needs_second_factor() { &[&owner] } else { &[&retailer, &supplier] };
        for canary in CANARIES {
            for body in bodies(canary) {
                for guest in guests {
                    let answer =
                        house.send(request(*guest, route.method.clone(), &path, &[], body.clone().into())).await;
                    if !answer.status.is_success() {
                        clean(&answer.text(), &format!("{} {path}: {body}", route.method));
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_wrong_elsewhere_is_not_repeated_either() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    for canary in CANARIES {
        let encoded = canary.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let paths = [
            format!("/v1/orders/{encoded}"),
            format!("/v1/{encoded}"),
            format!("/{encoded}"),
            format!("/v1/log/tile/{encoded}"),
            format!("/v1/orders?state={encoded}"),
            format!("/v1/orders?{encoded}=1"),
            format!("/v1/orders?limit={encoded}"),
            format!("/v1/orders?cursor={encoded}"),
            format!("/v1/orders?order={encoded}"),
            format!("/v1/variants?sku={encoded}"),
            format!("/v1/inventory_levels?variant={encoded}"),
            format!("/v1/events?kind={encoded}&after={encoded}"),
            format!("/v1/log/proof?entry={encoded}"),
            format!("/problems/{encoded}"),
        ];
        for path in paths {
            let answer = house.get(&retailer, &path).await;
            clean(&answer.text(), &path);
            clean(&format!("{:?}", answer.headers), &path);
        }
        for header in ["idempotency-key", "if-match", "x-request-id", "content-type", "accept"] {
            let asked = request(&retailer, Method::POST, "/v1/orders", &[(header, canary)], Body::from("{}"));
            let answer = house.send(asked).await;
            clean(&answer.text(), header);
            clean(&format!("{:?}", answer.headers), header);
        }
        let mut asked = request(&retailer, Method::GET, "/v1/account", &[], Body::empty());
        asked.headers_mut().insert("authorization", canary.parse().unwrap());
        clean(&house.send(asked).await.text(), "authorization");
    }
}

#[tokio::test]
async fn what_is_sent_beside_an_order_is_shown_nowhere_afterwards() {
    let house = House::new().await;
    let (retailer, supplier, _) = house.partners().await;
    house.stocked(&supplier, "POT-S", 5).await;
    let mut noisy = order("1", "POT-S", 1);
    for (place, canary) in CANARIES.iter().enumerate() {
        noisy[format!("note_{place}")] = json!(canary);
        noisy["consumer"][format!("extra_{place}")] = json!({"deep": [canary]});
        noisy["lines"][0][format!("property_{place}")] = json!(canary);
    }
    noisy["consumer"]["email"] = json!(CANARIES[0]);
    noisy["consumer"]["phone"] = json!(CANARIES[1]);
    let headers = [("idempotency-key", "once")];
    let placed = house.post_with(&retailer, "/v1/orders", noisy, &headers).await;
    clean(&placed.text(), "placed");
    let id = placed.expect(201)["id"].as_str().unwrap().to_owned();
    let posted = house.until(&supplier, "/v1/purchase_orders", |list| list["data"][0].is_object()).await;
    let posted = posted["data"][0]["id"].as_str().unwrap().to_owned();
    for (party, path) in [
        (&retailer, format!("/v1/orders/{id}?expand=consumer,purchase_orders")),
        (&retailer, String::from("/v1/events")),
        (&retailer, String::from("/v1/events?kind=answer")),
        (&retailer, String::from("/v1/log/export")),
        (&supplier, format!("/v1/purchase_orders/{posted}")),
        (&supplier, String::from("/v1/log/export")),
    ] {
        let answer = house.get(party, &path).await;
        assert!(answer.status.is_success(), "{path}");
        clean(&answer.text(), &path);
    }
    let six = house.get(&supplier, &format!("/v1/purchase_orders/{posted}")).await.expect(200)["consumer"].clone();
    assert_eq!(six.as_object().map(serde_json::Map::len), Some(6), "{six}");
    let lists = ["/v1/orders", "/v1/events", "/v1/log/export"];
    for path in lists {
        let text = house.get(&retailer, path).await.text();
        for field in ["Ada", "Sample Road", "T3 5TT", "Testshire"] {
            assert!(!text.contains(field), "{path} shows a consumer");
        }
    }
    assert_eq!(house.get(&retailer, "/v1/orders").await.expect(200)["data"][0]["consumer"], Value::Null);
}

/// Where a test's own log goes.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_program_s_own_log_holds_routes_and_ids_and_nothing_of_what_was_sent() {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let house = House::new().await;
    let (retailer, supplier, _) = house.partners().await;
    house.stocked(&supplier, "POT-S", 5).await;
    for canary in CANARIES {
        let encoded = canary.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let mut noisy = order(&format!("1-{}", encoded.len()), "POT-S", 1);
        noisy["note"] = json!(canary);
        noisy["consumer"]["email"] = json!(canary);
        for body in bodies(canary).into_iter().chain([noisy.to_string()]) {
            house.send(request(&retailer, Method::POST, "/v1/orders", &[("idempotency-key", "k")], body.into())).await;
        }
        for path in [format!("/v1/orders/{encoded}"), format!("/{encoded}"), format!("/v1/orders?reference={encoded}")]
        {
            house.get(&retailer, &path).await;
        }
    }
    let method = Method::from_bytes(CANARIES[3].as_bytes()).unwrap();
    house.send(request(&retailer, method, "/v1/orders", &[], Body::empty())).await;
    drop(guard);
    let log = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("route=\"/v1/orders/{id}\"") && log.contains(&retailer.account.to_string()));
    clean(&log, "the log");
    for never in [retailer.secret.as_str(), "reference=", "Sample Road", "Ada"] {
        assert!(!log.contains(never), "the log holds {never}");
    }
}
