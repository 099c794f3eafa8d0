//! Hooks: where connected platforms and the payment gateway tell us of changes.
//!
//! There is no key here: what is sent proves itself by its signature over the raw body, and says nothing but which things to
//! look at. It is answered when it is kept, so that a platform never believes something told that was lost.

use crate::app::App;
use crate::problem::Failure;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bonded_base::Id;
use bonded_connect::stripe::SIGNATURE_HEADER;
use bonded_flow::connections::hooks::{Heard, hear, hear_for_app};
use bonded_flow::payments;

/// Bytes that a platform may send at once. Subscriptions ask for ids alone; topics that an app declares bring more.
pub(crate) const HOOK_BYTES_MAX: usize = 1024 * 1024;

/// `POST /hooks/{connection}`; `POST /hooks/shopify` for what Shopify tells an app of all its shops, and `POST /hooks/stripe`
/// for the payment gateway.
pub(crate) fn router() -> Router<App> {
    let hooks = Router::new()
        .route("/hooks/{id}", post(heard))
        .route("/hooks/shopify", post(heard_for_app))
        .route("/hooks/stripe", post(heard_from_stripe));
    hooks.layer(DefaultBodyLimit::max(HOOK_BYTES_MAX))
}

/// 200 when it is kept or of no interest; 401 when it is not signed by whom it says; 404 where no such shop is connected.
async fn heard(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Failure> {
    let (Ok(id), Some(platforms)) = (id.parse::<Id<_>>(), app.platforms()) else { return Err(Failure::no_route()) };
    answer(hear(app.ledger(), platforms, id, |name| text(&headers, name), &body).await?)
}

/// The same, under the secret of our app; 404 where this deployment has none.
async fn heard_for_app(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Failure> {
    let Some(platforms) = app.platforms() else { return Err(Failure::no_route()) };
    answer(hear_for_app(app.ledger(), platforms, |name| text(&headers, name), &body).await?)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn answer(heard: Heard) -> Result<StatusCode, Failure> {
    match heard {
        Heard::Kept | Heard::Ignored => Ok(StatusCode::OK),
        Heard::Unsigned => Err(Failure::no_key("The signature is not the shop's.")),
        Heard::Unknown => Err(Failure::no_route()),
    }
}

/// 200 when it is kept or of no interest; 401 when the gateway did not sign it, or not within five minutes of now.
async fn heard_from_stripe(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Failure> {
    let Some(stripe) = app.stripe() else { return Err(Failure::no_route()) };
    let signature = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match payments::hear(app.ledger(), stripe, signature, &body).await? {
        payments::Heard::Kept | payments::Heard::Ignored => Ok(StatusCode::OK),
        payments::Heard::Unsigned => Err(Failure::no_key("The signature is not the payment gateway's, or not of now.")),
    }
}

#[cfg(test)]
mod tests {
    use crate::house::{GATEWAY_SECRET, House, Party, request};
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
    use axum::body::Body;
    use axum::http::Method;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bonded_connect::notices::{self, Topic};
    use bonded_ledger::Scope;
    use bonded_testkit::payment_server::PaymentServer;
    use serde_json::json;

    const SECRET: &str = "hush";

    async fn connected(house: &House, party: &Party) -> String {
        let shop = json!({"platform": "shopify", "shop": "blue-mugs.myshopify.com", "direction": "sell_through",
            "credential": {"access_token": "shpat_1", "client_secret": SECRET}});
        let made = house.post(party, "/v1/connections", shop).await.expect(201);
        format!("/hooks/{}", made["id"].as_str().unwrap())
    }

    /// Sends what a shop says under a secret, and answers the status.
    async fn told(house: &House, party: &Party, path: &str, (secret, shop): (&str, &str), event: &str) -> u16 {
        let body = r#"{"id": 450789469, "email": "ada@mail.example"}"#;
        let signature = STANDARD.encode(sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body.as_bytes()));
        let headers = [
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-hmac-sha256", &signature),
            ("x-shopify-shop-domain", shop),
            ("x-shopify-event-id", event),
        ];
        let sent = request(party, Method::POST, path, &headers, Body::from(body));
        house.send(sent).await.status.as_u16()
    }

    #[tokio::test]
    async fn what_is_signed_is_kept_once_and_nothing_else_is() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let path = connected(&house, &retailer).await;
        let own = (SECRET, "blue-mugs.myshopify.com");
        for _ in 0..2 {
            assert_eq!(told(&house, &retailer, &path, own, "e-1").await, 200);
        }
        assert_eq!(told(&house, &retailer, &path, own, "e-2").await, 200);
        assert_eq!(told(&house, &retailer, &path, ("other", own.1), "e-3").await, 401);
        assert_eq!(told(&house, &retailer, &path, (SECRET, "red-mugs.myshopify.com"), "e-4").await, 401);
        let nobody = "/hooks/con_00000000000000000000000000";
        assert_eq!(told(&house, &retailer, nobody, own, "e-5").await, 404);
        assert_eq!(told(&house, &retailer, "/hooks/x", own, "e-6").await, 404);
        let scope = Scope::operator(retailer.account);
        let kept = notices::waiting(&house.ledger, &scope, 10).await.unwrap();
        assert_eq!(kept.len(), 2, "a copy is known");
        assert!(kept.iter().all(|notice| notice.topic == Topic::Orders));
        assert_eq!(kept[0].named[0].as_str(), "gid://shopify/Order/450789469");
        house
            .post(&retailer, &format!("{}/disconnect", path.replace("/hooks", "/v1/connections")), json!(null))
            .await
            .expect(200);
        assert_eq!(told(&house, &retailer, &path, own, "e-7").await, 404);
    }

    #[tokio::test]
    async fn the_payment_gateway_is_heard_when_it_signs_now() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let body = br#"{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"metadata": {}}}}"#;
        let seconds = house.ledger.clock().now().millis() / 1_000;
        for (secret, ago, status) in
            [(GATEWAY_SECRET, 0, 200), (GATEWAY_SECRET, 299, 200), (GATEWAY_SECRET, 301, 401), ("whsec_other", 0, 401)]
        {
            let signature = PaymentServer::signature(body, secret, seconds - ago);
            let headers = [("stripe-signature", signature.as_str())];
            let sent = request(&retailer, Method::POST, "/hooks/stripe", &headers, Body::from(body.as_slice()));
            assert_eq!(house.send(sent).await.status.as_u16(), status, "{secret} {ago}");
        }
    }
}
