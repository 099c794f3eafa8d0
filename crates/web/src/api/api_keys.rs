//! API keys: what programs call the API with, each for named permissions.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{ApiKey, Kind, Moment};
use bonded_ledger::{Scope, Stored};
use bonded_people::keys::{self, Draft, Issued, KeyRecord, Maker, Mode};
use bonded_people::{Permission, Permissions};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ApiKeysWrite, routes!(create_api_key)),
        Route::new(Permission::ApiKeysRead, routes!(list_api_keys)),
        Route::new(Permission::AccountRead, routes!(get_current_api_key)),
        Route::new(Permission::ApiKeysRead, routes!(get_api_key)),
        Route::new(Permission::ApiKeysWrite, routes!(rotate_api_key)),
        Route::new(Permission::ApiKeysWrite, routes!(revoke_api_key)),
    ]
}

#[derive(Serialize)]
struct KeyShown<'a> {
    name: &'a str,
    mode: Mode,
    ends_with: &'a str,
    permissions: Permissions,
    state: KeyState,
    made_by: String,
    ends_at: Option<Moment>,
    revoked_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum KeyState {
    Active,
    Ended,
    Revoked,
}

impl<'a> KeyShown<'a> {
    fn of(key: &'a KeyRecord, now: Moment) -> Self {
        Self {
            name: &key.name,
            mode: key.mode,
            ends_with: &key.ends_with,
            permissions: key.permissions,
            state: match key.revoked_at {
                Some(_) => KeyState::Revoked,
                None if key.holds(now) => KeyState::Active,
                None => KeyState::Ended,
            },
            made_by: match key.made_by {
                Maker::Operator => String::from("operator"),
                Maker::Member(user) => user.to_string(),
            },
            ends_at: key.ends_at,
            revoked_at: key.revoked_at,
            secret: None,
        }
    }
}

fn shown(app: &App, key: &Stored<KeyRecord>) -> Result<Reply, Failure> {
    Shown::viewed(key, &KeyShown::of(key, app.ledger().clock().now())).reply()
}

/// A key that was just made, with its secret: this once, and kept nowhere.
async fn shown_once(app: &App, scope: &Scope, issued: &Issued) -> Result<Reply, Failure> {
    let key = keys::get(app.ledger(), scope, issued.id).await?;
    let known = KeyShown::of(&key, app.ledger().clock().now());
    let reply = Shown::viewed(&key, &KeyShown { secret: Some(issued.secret.expose()), ..known }).reply()?;
    Ok(reply.shown_once().created(format!("/v1/api_keys/{}", issued.id)))
}

#[derive(Deserialize)]
struct NewApiKey {
    name: String,
    permissions: Permissions,
    #[serde(default)]
    mode: Option<Mode>,
}

/// Create an API key
///
/// The answer shows its `secret`, this once: what is kept is a hash. A key never may more than the member who makes it,
/// and no key may change members, keys or grants. A request that is repeated under its `Idempotency-Key` does not get the
/// secret again but `/problems/answer-lost` with the key's id: rotate that key then.
#[utoipa::path(post, path = "/v1/api_keys", tag = "API keys",
    request_body(content = shapes::NewApiKey,
        example = json!({"name": "warehouse", "permissions": ["orders:read", "inventory:write"]})),
    responses((status = 201, body = shapes::IssuedApiKey)))]
async fn create_api_key(
    State(app): State<App>,
    caller: Caller,
    Sent(NewApiKey { name, permissions, mode }): Sent<NewApiKey>,
) -> Result<Reply, Failure> {
    let rights = caller.member()?.maker_rights();
    let mode = Mode::of_new_key(app.ledger().vault().environment(), mode)?;
    let issued = keys::issue(app.ledger(), caller.scope(), &rights, Draft { name, permissions, mode }).await?;
    shown_once(&app, caller.scope(), &issued).await
}

/// List API keys
///
/// Those that were revoked or have ended as well. Secrets are shown nowhere, only how they end.
#[utoipa::path(get, path = "/v1/api_keys", tag = "API keys", params(PageParams),
    responses((status = 200, body = shapes::ApiKeyPage)))]
async fn list_api_keys(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::ApiKey, &[])?.of_state(None);
    let listed = keys::page(app.ledger(), caller.scope(), page).await?;
    let now = app.ledger().clock().now();
    listing_viewed(&listed, |key| Shown::viewed(key, &KeyShown::of(key, now)).json())
}

/// Get the current API key
///
/// The key that this request was sent with: its name and what it may do.
#[utoipa::path(get, path = "/v1/api_keys/current", tag = "API keys",
    responses((status = 200, body = shapes::ApiKey)))]
async fn get_current_api_key(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    let current = caller.key().ok_or_else(|| Failure::missing("API key"))?;
    shown(&app, &keys::get(app.ledger(), caller.scope(), current.key).await?)
}

/// Get an API key
#[utoipa::path(get, path = "/v1/api_keys/{id}", tag = "API keys",
    params(("id" = String, Path, description = "The key.", example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::ApiKey)))]
async fn get_api_key(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ApiKey>) -> Result<Reply, Failure> {
    shown(&app, &keys::get(app.ledger(), caller.scope(), id).await?)
}

/// Rotate an API key
///
/// Makes another key of the same name and permissions and shows its `secret`, this once. The old key goes on for 24 hours,
/// so that programs can be moved over; revoke it to end it at once.
#[utoipa::path(post, path = "/v1/api_keys/{id}/rotate", tag = "API keys",
    params(("id" = String, Path, description = "The old key.", example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 201, body = shapes::IssuedApiKey)))]
async fn rotate_api_key(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ApiKey>) -> Result<Reply, Failure> {
    let rights = caller.member()?.maker_rights();
    let issued = keys::rotate(app.ledger(), caller.scope(), &rights, id).await?;
    shown_once(&app, caller.scope(), &issued).await
}

/// Revoke an API key
///
/// It opens nothing from then on, for good. A key that was revoked stays revoked, and is answered as it is.
#[utoipa::path(post, path = "/v1/api_keys/{id}/revoke", tag = "API keys",
    params(("id" = String, Path, description = "The key.", example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::ApiKey)))]
async fn revoke_api_key(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ApiKey>) -> Result<Reply, Failure> {
    app.doorkeeper().revoke(caller.scope(), id).await?;
    shown(&app, &keys::get(app.ledger(), caller.scope(), id).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use bonded_people::Permission;
    use bonded_people::keys::ROTATION_MS;
    use bonded_people::members::Role;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_key_sees_itself() {
        let house = House::new().await;
        let party = house.retailer().await;
        let few = [Permission::AccountRead, Permission::OrdersRead].into_iter().collect();
        let key = house.key(party.account, few).await;
        let shown = house.get(&key, "/v1/api_keys/current").await.expect(200);
        assert_eq!(shown["id"], key.key.to_string());
        assert!(key.secret.ends_with(shown["ends_with"].as_str().unwrap()));
        assert!(!shown.to_string().contains(&key.secret));
        assert_eq!(
            (&shown["permissions"], &shown["made_by"]),
            (&json!(["account:read", "orders:read"]), &json!("operator"))
        );
    }

    #[tokio::test]
    async fn a_key_is_made_shown_once_rotated_and_revoked() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let draft = json!({"name": "warehouse", "permissions": ["account:read", "orders:read"]});
        let once = [("idempotency-key", "one")];
        let made = house.post_with(&owner, "/v1/api_keys", draft.clone(), &once).await;
        let path = made.headers["location"].to_str().unwrap().to_owned();
        let made = made.expect(201);
        let mut snapshot = scrubbed(&made);
        (snapshot["ends_with"], snapshot["secret"]) = (json!("…"), json!("…"));
        insta::assert_json_snapshot!("issued", snapshot);
        let first = party.holding(made["secret"].as_str().unwrap());
        assert_eq!(house.get(&first, "/v1/api_keys/current").await.expect(200)["id"], made["id"]);

        let lost = house.post_with(&owner, "/v1/api_keys", draft, &once).await;
        assert!(!lost.text().contains(&first.secret));
        let lost = lost.expect(409);
        assert_eq!((&lost["type"], &lost["wrote"]), (&json!("/problems/answer-lost"), &json!([made["id"]])));
        let rotate = format!("{path}/rotate");
        let next = house.post_with(&owner, &rotate, Value::Null, &[("idempotency-key", "two")]).await.expect(201);
        let second = party.holding(next["secret"].as_str().unwrap());
        assert_eq!((&next["name"], &next["permissions"]), (&made["name"], &made["permissions"]));
        let lost = house.post_with(&owner, &rotate, Value::Null, &[("idempotency-key", "two")]).await.expect(409);
        assert_eq!(lost["wrote"], json!([next["id"]]));
        let old = house.get(&owner, &path).await.expect(200);
        assert!(old["state"] == "active" && old["ends_at"].is_string());
        for key in [&first, &second] {
            house.get(key, "/v1/account").await.expect(200);
        }
        house.ledger.test_clock().advance_ms(ROTATION_MS / 49);
        let revoke = format!("/v1/api_keys/{}/revoke", next["id"].as_str().unwrap());
        let revoked = house.post(&owner, &revoke, Value::Null).await.expect(200);
        assert_eq!(revoked["state"], "revoked");
        house.get(&second, "/v1/account").await.expect(401);
        assert_eq!(house.post(&owner, &revoke, Value::Null).await.expect(200), revoked, "revoked stays revoked");
        let listed = house.get(&party, "/v1/api_keys").await;
        assert!(!listed.text().contains(&first.secret) && !listed.text().contains("digest"));
        let listed = listed.json()["data"].clone();
        let revoked: Vec<_> = listed.as_array().unwrap().iter().filter(|key| key["state"] == "revoked").collect();
        assert_eq!((listed.as_array().unwrap().len(), revoked.len(), &revoked[0]["id"]), (3, 1, &next["id"]));
        let log = house.get(&party, "/v1/events?limit=500").await;
        assert!(!log.text().contains(&first.secret) && !log.text().contains(&second.secret));
        let kept = house.get(&party, "/v1/events?limit=500&kind=answer").await.text();
        assert!(!kept.contains(&first.secret) && !kept.contains(&second.secret), "nothing of a secret is kept");
    }

    #[tokio::test]
    async fn no_key_is_made_by_a_key_nor_for_more_than_its_maker_may() {
        let house = House::new().await;
        let party = house.retailer().await;
        let manager = house.member(&party, Role::Manager, true).await;
        let draft = |permission: &str| json!({"name": "x", "permissions": [permission]});
        let by_key = house.post(&party, "/v1/api_keys", draft("orders:read")).await.expect(403);
        assert_eq!(by_key["type"], "/problems/not-permitted");
        for (body, pointer) in [
            (draft("members:write"), "/permissions"),
            (draft("canary"), "/permissions"),
            (json!({"name": "", "permissions": ["orders:read"]}), "/name"),
            (json!({"name": "x", "permissions": []}), "/permissions"),
            (json!({"name": "x", "permissions": ["orders:read"], "mode": "live"}), "/mode"),
        ] {
            let refused = house.post(&manager, "/v1/api_keys", body.clone()).await.expect(422);
            assert_eq!(refused["pointer"], pointer, "{body}");
            assert!(!refused.to_string().contains("canary"));
        }
    }
}
