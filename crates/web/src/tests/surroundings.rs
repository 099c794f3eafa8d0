//! What surrounds every request: ids, headers, limits, addresses that lead nowhere, health.

use crate::house::{House, order, request};
use crate::{Limits, private};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn bare(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours_and_headers_that_browsers_obey() {
    let house = House::new().await;
    let party = house.retailer().await;
    for path in ["/v1/account", "/v1/nothing", "/healthz", "/docs"] {
        let asked = request(&party, Method::GET, path, &[("x-request-id", "canary")], Body::empty());
        let answer = house.send(asked).await;
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert!(id.starts_with("req_") && id.len() == 36, "{path}: {id}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert!(answer.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age=63072000"));
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.headers.contains_key("server"));
        if answer.status.is_client_error() {
            assert_eq!(answer.json()["request_id"], id);
        }
    }
}

#[tokio::test]
async fn addresses_that_lead_nowhere_are_problems_too() {
    let house = House::new().await;
    for path in ["/v1", "/v1/", "/v1/orders/", "/v2/orders", "/unseal", "/metrics", "/v1/orders/x/y/z"] {
        let answer = house.send(bare(Method::GET, path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(answer.json()["type"], "/problems/not-found");
    }
    let answer = house.send(bare(Method::DELETE, "/v1/orders")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let allowed: Vec<_> = answer.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    assert!(allowed.contains(&"GET") && allowed.contains(&"POST") && !allowed.contains(&"DELETE"), "{allowed:?}");
    assert_eq!(answer.json()["type"], "/problems/method");
}

#[tokio::test]
async fn bodies_of_another_type_shape_or_size_are_refused() {
    let house = House::new().await;
    let party = house.retailer().await;
    let sent = |headers: &'static [(&'static str, &'static str)], body: Body| {
        house.send(request(&party, Method::POST, "/v1/orders", headers, body))
    };
    let form = sent(&[("content-type", "application/x-www-form-urlencoded")], Body::from("a=b")).await.expect(415);
    assert_eq!(form["type"], "/problems/media-type");
    let broken = sent(&[], Body::from("{\n \"reference\": ")).await.expect(400);
    assert_eq!(broken["detail"], "The body is not JSON: EOF while parsing a value at line 2 column 14.");
    let not_text = sent(&[], Body::from(&b"{\"reference\": \"\xff\"}"[..])).await;
    assert_eq!(not_text.status, StatusCode::BAD_REQUEST, "{}", not_text.text());
    for deep in ["[".repeat(100_000), format!("{{\"note\": {}", "[".repeat(100_000)), "{\"a\":".repeat(100_000)] {
        assert!(sent(&[], Body::from(deep)).await.status.is_client_error());
    }
    let array = sent(&[], Body::from("[1]")).await;
    assert_eq!(array.status, StatusCode::UNPROCESSABLE_ENTITY);

    let large = vec![b' '; crate::body::BODY_BYTES_MAX + 1];
    let announced = sent(&[], Body::from(large.clone())).await.expect(413);
    assert_eq!(announced["type"], "/problems/too-large");
    let pieces = futures::stream::iter(
        large.chunks(65_536).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    let unannounced = sent(&[], Body::from_stream(pieces)).await;
    assert_eq!(unannounced.status, StatusCode::PAYLOAD_TOO_LARGE);
    let cut = futures::stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]);
    assert_eq!(sent(&[], Body::from_stream(cut)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let house = House::limited(Limits { requests_per_second: 1, requests_at_once: 3 }).await;
    let (party, other) = (house.retailer().await, house.supplier().await);
    for left in ["2", "1", "0"] {
        let answer = house.get(&party, "/v1/account").await;
        assert_eq!(answer.headers["ratelimit-policy"], "\"key\";q=3;w=3");
        let said = answer.headers["ratelimit"].to_str().unwrap();
        assert!(said.contains(&format!("r={left};")), "{said}");
    }
    let answer = house.get(&party, "/v1/account").await;
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(answer.headers.contains_key("ratelimit"));
    assert_eq!(answer.expect(429)["type"], "/problems/rate");
    house.get(&other, "/v1/account").await.expect(200);
    house.ledger.test_clock().advance_ms(1_000);
    house.get(&party, "/v1/account").await.expect(200);
}

#[tokio::test]
async fn a_sealed_vault_answers_nothing_but_that() {
    let house = House::new().await;
    let party = house.retailer().await;
    house.get(&party, "/v1/account").await.expect(200);
    assert_eq!(house.send(bare(Method::GET, "/readyz")).await.expect(200), json!({"status": "ready"}));
    house.ledger.vault().seal();
    // Also a key that was let in before.
    let answer = house.get(&party, "/v1/account").await;
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(answer.expect(503)["type"], "/problems/unavailable");
    let placed = house.post(&party, "/v1/orders", order("1", "A", 1)).await;
    assert_eq!(placed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.send(bare(Method::GET, "/readyz")).await.expect(503), json!({"status": "sealed"}));
    house.send(bare(Method::GET, "/healthz")).await.expect(200);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_lets_nobody_wait() {
    let house = House::new().await;
    let party = house.retailer().await;
    let seq = house.get(&party, "/v1/events").await.expect(200)["next_after"].clone();
    let path = format!("/v1/events?after={seq}&wait=30");
    let waiting = house.get(&party, &path);
    let (answer, ()) = tokio::join!(waiting, async { house.app.readiness().close() });
    assert_eq!(answer.expect(200)["data"], json!([]));
    assert_eq!(house.send(bare(Method::GET, "/readyz")).await.expect(503), json!({"status": "stopping"}));
}

#[tokio::test]
async fn the_private_listener_has_health_and_what_the_server_adds_and_no_api() {
    let house = House::new().await;
    let extra = Router::new().route("/unseal", get(async || "extra"));
    let router = private(house.app.clone(), extra);
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/unseal", 200), ("/v1/account", 404), ("/docs", 404)]
    {
        let response = router.clone().oneshot(bare(Method::GET, path)).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(response.headers().contains_key("x-request-id"));
        if status == 404 {
            let body: Value =
                serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
            assert_eq!(body["type"], "/problems/not-found");
        }
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_an_answer_without_its_words() {
    let house = House::new().await;
    let panics = Router::new().route("/boom", get(async || -> () { panic!("canary") }));
    let router = private(house.app.clone(), panics);
    let response = router.oneshot(bare(Method::GET, "/boom")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("canary"));
    assert!(String::from_utf8_lossy(&body).contains("/problems/internal"));
}

#[tokio::test]
async fn figures_are_for_the_private_side_and_name_no_account() {
    let house = House::new().await;
    let party = house.retailer().await;
    house.get(&party, "/v1/account").await.expect(200);
    house.get(&party, "/v1/orders/none").await.expect(404);
    let response = private(house.app.clone(), Router::new()).oneshot(bare(Method::GET, "/metrics")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(
        text.contains("bonded_http_requests_total{method=\"GET\",route=\"/v1/account\",status=\"200\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("route=\"/v1/orders/{id}\",status=\"404\"} 1\n"), "{text}");
    assert!(text.contains("bonded_vault_sealed 0\n") && !text.contains("acct_"));
    assert_eq!(house.send(bare(Method::GET, "/metrics")).await.status, StatusCode::NOT_FOUND);
}
