//! Webhook endpoints: where the account's own systems are told of what happens, and what they were told.

use super::shown::{Shown, listing, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, MaybeSent, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::{Path, State};
use bonded_base::{Id, Kind, Moment, Secret};
use bonded_connect::webhooks::{
    self, EVENT_TYPES, EndpointDraft, EndpointPatch, EndpointState, EventPattern, OLD_SECRET_MS, Range,
    WebhookEndpoint, WebhookMessage,
};
use bonded_ledger::Stored;
use bonded_people::Permission;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::WebhooksRead, Permission::WebhooksWrite);
    vec![
        Route::new(write, routes!(create_webhook_endpoint)),
        Route::new(read, routes!(list_webhook_endpoints)),
        Route::new(read, routes!(get_webhook_endpoint)),
        Route::new(write, routes!(update_webhook_endpoint)).versioned(),
        Route::new(write, routes!(delete_webhook_endpoint)).versioned(),
        Route::new(write, routes!(rotate_webhook_secret)),
        Route::new(write, routes!(send_test_webhook)),
        Route::new(read, routes!(list_webhook_messages)),
        Route::new(read, routes!(get_webhook_message)),
        Route::new(write, routes!(replay_webhook_message)),
        Route::new(write, routes!(replay_webhook_messages)),
        Route::new(read, routes!(list_event_types)),
    ]
}

#[derive(Serialize)]
struct EndpointShown<'a> {
    url: &'a str,
    events: &'a [EventPattern],
    description: Option<&'a str>,
    state: EndpointState,
    why: Option<&'a str>,
    failing_since: Option<Moment>,
    failures: u64,
    old_secrets_until: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> EndpointShown<'a> {
    fn of(endpoint: &'a WebhookEndpoint, now: Moment) -> Self {
        let until = endpoint.secrets.iter().filter_map(|secret| secret.until).max();
        Self {
            url: &endpoint.url,
            events: &endpoint.events,
            description: endpoint.description.as_deref(),
            state: endpoint.state,
            why: endpoint.why.as_deref(),
            failing_since: endpoint.failing_since,
            failures: endpoint.failures,
            old_secrets_until: until.filter(|until| *until > now),
            secret: None,
        }
    }
}

fn shown(app: &App, endpoint: &Stored<WebhookEndpoint>) -> Result<Reply, Failure> {
    Shown::viewed(endpoint, &EndpointShown::of(endpoint, app.ledger().clock().now())).reply()
}

/// An endpoint with its new secret: this once.
fn shown_once(app: &App, endpoint: &Stored<WebhookEndpoint>, secret: &Secret<String>) -> Result<Reply, Failure> {
    let known = EndpointShown::of(endpoint, app.ledger().clock().now());
    let reply = Shown::viewed(endpoint, &EndpointShown { secret: Some(secret.expose()), ..known }).reply()?;
    Ok(reply.shown_once())
}

/// Create a webhook endpoint
///
/// It is told of what happens from now on, in messages that are signed as Standard Webhooks 1.0 says. The answer shows the
/// `secret` that signatures are made with, this once. Naming a host here is the approval to send to it.
#[utoipa::path(post, path = "/v1/webhook_endpoints", tag = "Webhooks",
    request_body(content = shapes::NewWebhookEndpoint,
        example = json!({"url": "https://warehouse.example/bonded", "events": ["order.*", "purchase_order.posted"]})),
    responses((status = 201, body = shapes::IssuedWebhookEndpoint)))]
async fn create_webhook_endpoint(
    State(app): State<App>,
    caller: Caller,
    Sent(draft): Sent<EndpointDraft>,
) -> Result<Reply, Failure> {
    let (endpoint, secret) = webhooks::create(app.ledger(), caller.scope(), draft).await?;
    Ok(shown_once(&app, &endpoint, &secret)?.created(format!("/v1/webhook_endpoints/{}", endpoint.id)))
}

/// List webhook endpoints
#[utoipa::path(get, path = "/v1/webhook_endpoints", tag = "Webhooks", params(PageParams),
    responses((status = 200, body = shapes::WebhookEndpointPage)))]
async fn list_webhook_endpoints(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::WebhookEndpoint, &[])?;
    let listed = webhooks::list(app.ledger(), caller.scope(), page).await?;
    let now = app.ledger().clock().now();
    listing_viewed(&listed, |endpoint| Shown::viewed(endpoint, &EndpointShown::of(endpoint, now)).json())
}

/// Get a webhook endpoint
#[utoipa::path(get, path = "/v1/webhook_endpoints/{id}", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::WebhookEndpoint)))]
async fn get_webhook_endpoint(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
) -> Result<Reply, Failure> {
    shown(&app, &webhooks::get(app.ledger(), caller.scope(), id).await?)
}

/// Update a webhook endpoint
///
/// What is left out stays. `state` becomes `paused` or `enabled`; one that is enabled again is told of everything that
/// happened meanwhile.
#[utoipa::path(patch, path = "/v1/webhook_endpoints/{id}", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::WebhookEndpointPatch, example = json!({"state": "paused"})),
    responses((status = 200, body = shapes::WebhookEndpoint)))]
async fn update_webhook_endpoint(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<EndpointPatch>,
) -> Result<Reply, Failure> {
    shown(&app, &webhooks::update(app.ledger(), caller.scope(), id, expected, patch).await?)
}

#[derive(Serialize)]
struct Deleted {
    object: &'static str,
    id: Id<WebhookEndpoint>,
    deleted: bool,
}

/// Delete a webhook endpoint
///
/// It is told nothing more, its secrets are gone, and its messages are forgotten.
#[utoipa::path(delete, path = "/v1/webhook_endpoints/{id}", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::DeletedWebhookEndpoint)))]
async fn delete_webhook_endpoint(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    webhooks::remove(app.ledger(), caller.scope(), id, expected).await?;
    Reply::ok(&Deleted { object: Kind::WebhookEndpoint.name(), id, deleted: true })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Rotation {
    old_secrets_for_seconds: Option<u32>,
}

/// Rotate a webhook endpoint's secret
///
/// The answer shows the new `secret`, this once. For 24 hours, or as many seconds as you say up to a week, messages are
/// signed with the old ones too, so that a receiver can be moved over; 0 ends them at once.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/rotate_secret", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::WebhookSecretRotation>, example = json!({"old_secrets_for_seconds": 3600})),
    responses((status = 200, body = shapes::IssuedWebhookEndpoint)))]
async fn rotate_webhook_secret(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
    MaybeSent(rotation): MaybeSent<Rotation>,
) -> Result<Reply, Failure> {
    let seconds = rotation.unwrap_or_default().old_secrets_for_seconds;
    let old_for_ms = seconds.map_or(OLD_SECRET_MS, |seconds| i64::from(seconds) * 1_000);
    let (endpoint, secret) = webhooks::rotate(app.ledger(), caller.scope(), id, old_for_ms).await?;
    shown_once(&app, &endpoint, &secret)
}

/// Send a test webhook
///
/// A message `webhook_endpoint.test` that tells of nothing. Its attempts say whether it has arrived.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/test", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::WebhookMessage)))]
async fn send_test_webhook(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
) -> Result<Reply, Failure> {
    Shown::from(&webhooks::send_test(app.ledger(), caller.scope(), id).await?).reply()
}

/// List webhook messages
///
/// What an endpoint was told in the last 30 days or is yet to be, by when it happened, each with its attempts.
#[utoipa::path(get, path = "/v1/webhook_endpoints/{id}/messages", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c"), PageParams),
    responses((status = 200, body = shapes::WebhookMessagePage)))]
async fn list_webhook_messages(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::WebhookMessage, &[])?;
    let endpoint = webhooks::get(app.ledger(), caller.scope(), id).await?;
    listing(&webhooks::messages(app.ledger(), caller.scope(), endpoint.id, page).await?)
}

/// The ids of an endpoint and of one of its messages.
type Both = Path<(String, String)>;

fn both(path: &(String, String)) -> Result<(Id<WebhookEndpoint>, Id<WebhookMessage>), Failure> {
    let missing = |_| Failure::missing("webhook message");
    Ok((path.0.parse().map_err(missing)?, path.1.parse().map_err(missing)?))
}

/// Get a webhook message
#[utoipa::path(get, path = "/v1/webhook_endpoints/{id}/messages/{message}", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("message" = String, Path, description = "The message.", example = "msg_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::WebhookMessage)))]
async fn get_webhook_message(State(app): State<App>, caller: Caller, Path(path): Both) -> Result<Reply, Failure> {
    let (endpoint, message) = both(&path)?;
    Shown::from(&webhooks::message(app.ledger(), caller.scope(), endpoint, message).await?).reply()
}

/// Replay a webhook message
///
/// Sends it again, whatever became of it, under the same `webhook-id`.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/messages/{message}/replay", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("message" = String, Path, description = "The message.", example = "msg_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::WebhookMessage)))]
async fn replay_webhook_message(State(app): State<App>, caller: Caller, Path(path): Both) -> Result<Reply, Failure> {
    let (endpoint, message) = both(&path)?;
    Shown::from(&webhooks::replay(app.ledger(), caller.scope(), endpoint, message).await?).reply()
}

/// Replay webhook messages
///
/// Sends again those that were given up, and with `delivered` also those that have arrived, about what happened between two
/// moments. Up to 500 are looked at; go on with `after` as the answer says.
#[utoipa::path(post, path = "/v1/webhook_endpoints/{id}/replay", tag = "Webhooks",
    params(("id" = String, Path, description = "The endpoint.", example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::WebhookRange,
        example = json!({"from": "2026-11-22T09:00:00Z", "to": "2026-11-22T10:00:00Z", "delivered": true})),
    responses((status = 200, body = shapes::WebhookReplay)))]
async fn replay_webhook_messages(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<WebhookEndpoint>,
    Sent(range): Sent<Range>,
) -> Result<Reply, Failure> {
    Reply::ok(&webhooks::replay_range(app.ledger(), caller.scope(), id, range).await?)
}

#[derive(Serialize)]
struct EventTypes {
    data: Vec<EventTypeShown>,
}

#[derive(Serialize)]
struct EventTypeShown {
    name: &'static str,
    about: &'static str,
}

/// List event types
///
/// Everything that an endpoint can be told of by name. `order.*` stands for all of a kind, `*` for everything.
#[utoipa::path(get, path = "/v1/event_types", tag = "Webhooks",
    responses((status = 200, body = shapes::EventTypes)))]
async fn list_event_types(_: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    let data = EVENT_TYPES.into_iter().map(|(name, about)| EventTypeShown { name, about }).collect();
    Reply::ok(&EventTypes { data })
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn an_endpoint_is_made_changed_and_deleted() {
        let house = House::new().await;
        let party = house.retailer().await;
        let draft = json!({"url": "https://shop.example/hook", "events": ["order.*"], "description": "shop"});
        let made = house.post(&party, "/v1/webhook_endpoints", draft.clone()).await.expect(201);
        let secret = made["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_"));
        let mut snapshot = scrubbed(&made);
        snapshot["secret"] = json!("…");
        insta::assert_json_snapshot!("endpoint", snapshot);
        let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
        let seen = house.get(&party, &path).await;
        assert!(!seen.text().contains("whsec_") && !seen.text().contains(&secret[6..]), "{}", seen.text());
        let listed = house.get(&party, "/v1/webhook_endpoints").await.expect(200);
        assert_eq!(listed["data"][0], seen.expect(200));

        let rotated = house.post(&party, &format!("{path}/rotate_secret"), Value::Null).await.expect(200);
        assert!(rotated["secret"] != made["secret"] && rotated["old_secrets_until"].is_string());
        let events = house.get(&party, "/v1/events?kind=webhook_endpoint").await;
        assert!(!events.text().contains(&secret[6..]), "the log shows no secret");

        let paused = house.patch(&party, &path, json!({"state": "paused", "description": null}), &[]).await.expect(200);
        assert_eq!((&paused["state"], &paused["description"]), (&json!("paused"), &Value::Null));
        house.patch(&party, &path, json!({"state": "failing"}), &[]).await.expect(422);
        house.post(&party, &format!("{path}/test"), Value::Null).await.expect(409);
        house.patch(&party, &path, json!({"state": "enabled"}), &[("if-match", "\"1\"")]).await.expect(412);
        house.patch(&party, &path, json!({"state": "enabled"}), &[]).await.expect(200);
        let test = house.post(&party, &format!("{path}/test"), Value::Null).await.expect(200);
        let message = format!("{path}/messages/{}", test["id"].as_str().unwrap());
        assert_eq!(house.get(&party, &message).await.expect(200), test);
        assert_eq!(house.get(&party, &format!("{path}/messages")).await.expect(200)["data"], json!([test]));
        assert_eq!(house.post(&party, &format!("{message}/replay"), Value::Null).await.expect(200)["state"], "waiting");

        let deleted = house.delete(&party, &path).await.expect(200);
        assert_eq!(deleted, json!({"object": "webhook_endpoint", "id": made["id"], "deleted": true}));
        house.get(&party, &path).await.expect(404);
    }

    #[tokio::test]
    async fn what_cannot_be_called_is_refused() {
        let house = House::new().await;
        let party = house.retailer().await;
        for (draft, pointer) in [
            (json!({"url": "http://shop.example/", "events": ["*"]}), "/url"),
            (json!({"url": "https://me:pw@shop.example/", "events": ["*"]}), "/url"),
            (json!({"url": "shop.example", "events": ["*"]}), "/url"),
            (json!({"url": "https://shop.example/#x", "events": ["*"]}), "/url"),
            (json!({"url": "https://shop.example/", "events": []}), "/events"),
            (json!({"url": "https://shop.example/", "events": ["order.placed", "session.*"]}), "/events/1"),
            (json!({"url": "https://shop.example/", "events": ["*"], "description": "two\nlines"}), "/description"),
        ] {
            let refused = house.post(&party, "/v1/webhook_endpoints", draft.clone()).await.expect(422);
            assert_eq!(refused["pointer"], pointer, "{draft}");
        }
        let good = json!({"url": "https://shop.example/", "events": ["*"]});
        for _ in 0..super::webhooks::ENDPOINTS_MAX {
            house.post(&party, "/v1/webhook_endpoints", good.clone()).await.expect(201);
        }
        let refused = house.post(&party, "/v1/webhook_endpoints", good).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
    }

    /// Whatever the log tells of a kind that endpoints hear of can be subscribed to by its name.
    #[tokio::test]
    async fn what_happens_has_a_name_in_the_list() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        let known = house.get(&retailer, "/v1/event_types").await.expect(200)["data"].clone();
        let known: Vec<_> =
            known.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        house.stocked(&supplier, "POT-S", 10).await;
        for reference in ["1", "2"] {
            house.post(&retailer, "/v1/orders", order(reference, "POT-S", 2)).await.expect(201);
        }
        house.post(&retailer, "/v1/orders", order("3", "NOBODY-SELLS", 1)).await.expect(201);
        let list = house
            .until(&supplier, "/v1/purchase_orders", |list| list["data"].as_array().is_some_and(|data| data.len() == 2))
            .await;
        let [kept, rejected] =
            [0, 1].map(|place| format!("/v1/purchase_orders/{}", list["data"][place]["id"].as_str().unwrap()));
        house.post(&supplier, &format!("{kept}/acknowledge"), Value::Null).await.expect(200);
        let parcel = json!({"lines": [{"line": 1, "quantity": 2}], "tracking": {"company": "DHL", "number": "1"}});
        let shipped = house.post(&supplier, &format!("{kept}/ship"), parcel).await;
        assert!(shipped.status.is_success() || shipped.status.is_client_error());
        house.post(&supplier, &format!("{rejected}/reject"), json!({"reason": "none left"})).await.expect(200);
        house.until(&retailer, "/v1/holds", |holds| holds["data"][0].is_object()).await;
        for party in [&retailer, &supplier] {
            let events = house.get(party, "/v1/events?limit=500").await.expect(200);
            for event in events["data"].as_array().unwrap() {
                let name = format!("{}.{}", event["kind"].as_str().unwrap(), event["action"].as_str().unwrap());
                let is_told =
                    known.iter().any(|known| known.starts_with(&format!("{}.", event["kind"].as_str().unwrap())));
                assert!(!is_told || known.contains(&name), "{name} is not in the list of event types");
            }
        }
    }
}
