//! Connections: the shops that an account has connected, and what is known of each record in them.

use super::shown::{Shown, listing, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Currency, Id, Kind, Moment, Problem};
use bonded_connect::connections::{
    self, Connection, ConnectionDraft, ConnectionPatch, ConnectionState, Direction, Policy, Syncs,
};
use bonded_connect::mirrors::{self, MirrorState};
use bonded_connect::platform::{PlatformName, RemoteId};
use bonded_connect::platforms::{self, CredentialDraft};
use bonded_people::Permission;
use bonded_trade::Written;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::ConnectionsRead, Permission::ConnectionsWrite);
    vec![
        Route::new(write, routes!(create_connection)),
        Route::new(read, routes!(list_connections)),
        Route::new(read, routes!(get_connection)),
        Route::new(write, routes!(update_connection)).versioned(),
        Route::new(write, routes!(replace_credential)).versioned(),
        Route::new(write, routes!(pause_connection)).versioned(),
        Route::new(write, routes!(resume_connection)).versioned(),
        Route::new(write, routes!(disconnect_connection)).versioned(),
        Route::new(read, routes!(list_mirrors)),
    ]
}

const STATES: [(&str, ConnectionState); 5] = [
    named(ConnectionState::Connecting),
    named(ConnectionState::Connected),
    named(ConnectionState::Degraded),
    named(ConnectionState::Paused),
    named(ConnectionState::Disconnected),
];

const fn named(state: ConnectionState) -> (&'static str, ConnectionState) {
    (state.name(), state)
}

const MIRROR_STATES: [(&str, MirrorState); 5] = [
    ("agreed", MirrorState::Agreed),
    ("waiting", MirrorState::Waiting),
    ("held", MirrorState::Held),
    ("planned", MirrorState::Planned),
    ("drifted", MirrorState::Drifted),
];

/// A connection without what opens its shop.
#[derive(Serialize)]
struct ConnectionShown<'a> {
    platform: PlatformName,
    shop: &'a str,
    title: Option<&'a str>,
    currency: Option<Currency>,
    api_version: Option<&'a str>,
    direction: Direction,
    syncs: Syncs,
    policy: &'a Policy,
    location: Option<&'a RemoteId>,
    state: ConnectionState,
    why: Option<&'a str>,
    scopes_needed: &'a [String],
    scopes_held: &'a [String],
    verified_at: Option<Moment>,
    install_url: Option<String>,
}

impl<'a> ConnectionShown<'a> {
    fn of(app: &App, connection: &'a Connection) -> Self {
        let is_wanted = connection.platform == PlatformName::Shopify
            && (connection.awaits_install() || connection.state == ConnectionState::Degraded);
        let platforms = app.platforms().filter(|_| is_wanted);
        Self {
            install_url: platforms.and_then(|platforms| platforms.install_url(&connection.shop)),
            platform: connection.platform,
            shop: &connection.shop,
            title: connection.title.as_deref(),
            currency: connection.currency,
            api_version: connection.version.as_deref(),
            direction: connection.direction,
            syncs: connection.syncs,
            policy: &connection.policy,
            location: connection.location.as_ref(),
            state: connection.state,
            why: connection.why.as_deref(),
            scopes_needed: &connection.scopes_needed,
            scopes_held: &connection.scopes_held,
            verified_at: connection.verified_at,
        }
    }
}

fn shown(app: &App, written: &Written<Connection>) -> Result<Reply, Failure> {
    Shown::written(written, &ConnectionShown::of(app, written)).reply()
}

#[derive(Deserialize)]
struct NewConnection {
    #[serde(flatten)]
    draft: ConnectionDraft,
    #[serde(default)]
    credential: Option<CredentialDraft>,
}

/// Connect a shop
///
/// Naming a host is the approval to call it, and no other. What is kept in step is off unless you say so; `watch` shows in
/// `/v1/mirrors` what would be changed, and changes nothing. The shop is asked at once who it is: `state` becomes
/// `connected`, or `degraded` with the reason. The credential is sealed and never shown again.
///
/// A Shopify shop needs none where this deployment has an app there: without one the answer has an `install_url`, which a
/// member of the account opens in their browser, and the shop's owner says yes to what `scopes_needed` lists.
#[utoipa::path(post, path = "/v1/connections", tag = "Connections",
    request_body(content = shapes::NewConnection, example = json!({"platform": "medusa", "shop": "shop.example.com",
        "direction": "sell_through", "syncs": {"stock": "on", "orders": "on", "fulfilments": "on"},
        "credential": {"api_key": "sk_…"}})),
    responses((status = 201, body = shapes::Connection)))]
async fn create_connection(
    State(app): State<App>,
    caller: Caller,
    Sent(NewConnection { draft, credential }): Sent<NewConnection>,
) -> Result<Reply, Failure> {
    let needed = platforms::scopes(&draft)?;
    let made = if let Some(credential) = credential {
        let credential = credential.check(draft.platform).map_err(|problem| problem.within("/credential"))?;
        connections::connect(app.ledger(), caller.scope(), draft, needed, &credential).await?
    } else {
        let has_app = app.platforms().is_some_and(|platforms| platforms.app().is_some());
        if draft.platform != PlatformName::Shopify || !has_app {
            return Err(Problem::invalid("/credential", "say what opens the shop").into());
        }
        connections::await_install(app.ledger(), caller.scope(), draft, needed).await?
    };
    Ok(shown(&app, &made)?.created(format!("/v1/connections/{}", made.id)))
}

/// List connections
#[utoipa::path(get, path = "/v1/connections", tag = "Connections",
    params(PageParams, ("state" = Option<shapes::ConnectionState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::ConnectionPage)))]
async fn list_connections(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Connection, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    let listed = connections::list(app.ledger(), caller.scope(), state, page).await?;
    listing_viewed(&listed, |connection| Shown::viewed(connection, &ConnectionShown::of(&app, connection)).json())
}

/// Get a connection
#[utoipa::path(get, path = "/v1/connections/{id}", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Connection)))]
async fn get_connection(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Connection>) -> Result<Reply, Failure> {
    let connection = connections::get(app.ledger(), caller.scope(), id).await?;
    Shown::viewed(&connection, &ConnectionShown::of(&app, &connection)).reply()
}

/// Update a connection
///
/// What is left out stays; `syncs` and `policy` are replaced whole.
#[utoipa::path(patch, path = "/v1/connections/{id}", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::ConnectionPatch, example = json!({"syncs": {"stock": "watch"}})),
    responses((status = 200, body = shapes::Connection)))]
async fn update_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<ConnectionPatch>,
) -> Result<Reply, Failure> {
    shown(&app, &connections::update(app.ledger(), caller.scope(), id, expected, &patch).await?)
}

/// Replace a connection's credential
///
/// The next call uses the new one; calls that are on their way end with the old one.
#[utoipa::path(post, path = "/v1/connections/{id}/credential", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::Credential, example = json!({"api_key": "sk_…"})),
    responses((status = 200, body = shapes::Connection)))]
async fn replace_credential(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    IfMatch(expected): IfMatch,
    Sent(credential): Sent<CredentialDraft>,
) -> Result<Reply, Failure> {
    let connection = connections::get(app.ledger(), caller.scope(), id).await?;
    let credential = credential.check(connection.platform)?;
    shown(&app, &connections::renew(app.ledger(), caller.scope(), id, expected, &credential).await?)
}

/// Pause a connection
///
/// The shop is not spoken to. What happens meanwhile on either side is made up for when it is resumed.
#[utoipa::path(post, path = "/v1/connections/{id}/pause", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Connection)))]
async fn pause_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&app, &connections::pause(app.ledger(), caller.scope(), id, expected).await?)
}

/// Resume a connection
#[utoipa::path(post, path = "/v1/connections/{id}/resume", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Connection)))]
async fn resume_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&app, &connections::resume(app.ledger(), caller.scope(), id, expected).await?)
}

/// Disconnect a shop
///
/// For good: what opened it is gone. It can be connected anew.
#[utoipa::path(post, path = "/v1/connections/{id}/disconnect", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Connection)))]
async fn disconnect_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&app, &connections::disconnect(app.ledger(), caller.scope(), id, expected).await?)
}

/// List mirrors
///
/// For each record that a connected shop has too: what both sides last agreed on, since when, and if they do not, why. Name
/// a `connection`, or a `state`; not both.
#[utoipa::path(get, path = "/v1/mirrors", tag = "Connections",
    params(PageParams,
        ("connection" = Option<String>, Query, description = "Only those of this connection.",
            example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("state" = Option<shapes::MirrorState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::MirrorPage)))]
async fn list_mirrors(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Mirror, &["connection", "state"])?;
    let connection: Option<Id<Connection>> = params.id("connection")?;
    let state = params.one_of("state", &MIRROR_STATES)?;
    listing(&mirrors::list(app.ledger(), caller.scope(), connection, state, page).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use serde_json::{Value, json};

    fn shop() -> Value {
        json!({"platform": "vendure", "shop": "https://Shop.Example.com/", "direction": "sell_through",
            "syncs": {"stock": "on", "orders": "watch"}, "policy": {"buffer": 2},
            "credential": {"username": "bonded", "password": "correct horse", "api_key": null}})
    }

    #[tokio::test]
    async fn a_shop_is_connected_changed_and_given_up() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let created = house.post(&retailer, "/v1/connections", shop()).await;
        let path = created.headers["location"].to_str().unwrap().to_owned();
        let made = created.expect(201);
        assert!(!made.to_string().contains("horse") && made.get("credential").is_none());
        insta::assert_json_snapshot!("connection", scrubbed(&made));
        let twin = house.post(&retailer, "/v1/connections", shop()).await.expect(409);
        assert_eq!((&twin["type"], &twin["pointer"]), (&json!("/problems/duplicate"), &json!("/shop")));
        let stock = json!({"syncs": {"stock": "watch"}});
        let changed = house.patch(&retailer, &path, stock, &[("if-match", "\"1\"")]).await.expect(200);
        assert_eq!((&changed["syncs"]["stock"], &changed["syncs"]["orders"]), (&json!("watch"), &json!("off")));
        house.post(&retailer, &format!("{path}/pause"), Value::Null).await.expect(200);
        assert_eq!(
            house.get(&retailer, "/v1/connections?state=paused").await.expect(200)["data"][0]["shop"],
            "shop.example.com"
        );
        house.post(&retailer, &format!("{path}/resume"), Value::Null).await.expect(200);
        let renewed = house.post(&retailer, &format!("{path}/credential"), json!({"api_key": "k:s"})).await.expect(200);
        assert_eq!(renewed["state"], "connecting");
        let empty = house.post(&retailer, &format!("{path}/credential"), json!({})).await.expect(422);
        assert_eq!(empty["pointer"], "/api_key");
        house.post(&retailer, &format!("{path}/disconnect"), Value::Null).await.expect(200);
        house.post(&retailer, &format!("{path}/resume"), Value::Null).await.expect(409);
        house.post(&retailer, "/v1/connections", shop()).await.expect(201);
    }

    #[tokio::test]
    async fn what_cannot_be_a_connection_is_refused_where_it_is_wrong() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let mut no_key = shop();
        no_key["credential"] = json!({});
        let refused = house.post(&retailer, "/v1/connections", no_key).await.expect(422);
        assert_eq!(refused["pointer"], "/credential/api_key");
        for (field, value, pointer) in [
            ("shop", json!("not a host"), "/shop"),
            ("shop", json!("-.example.com"), "/shop"),
            ("shop", json!("241.160.106.138"), "/shop"),
            ("policy", json!({"stale_after_s": 1}), "/policy/stale_after_s"),
            ("policy", json!({"markup_percent": 5000}), "/policy/markup_percent"),
        ] {
            let mut bad = shop();
            bad[field] = value;
            assert_eq!(house.post(&retailer, "/v1/connections", bad).await.expect(422)["pointer"], pointer);
        }
        let mut shopify = shop();
        (shopify["platform"], shopify["credential"]) = (json!("shopify"), json!({"access_token": "shpat_1"}));
        assert_eq!(house.post(&retailer, "/v1/connections", shopify).await.expect(422)["pointer"], "/shop");
        assert_eq!(house.get(&retailer, "/v1/connections").await.expect(200)["data"], json!([]));
        assert_eq!(house.get(&retailer, "/v1/mirrors?state=held").await.expect(200)["data"], json!([]));
        house.get(&retailer, "/v1/mirrors?state=lost").await.expect(400);
    }
}
