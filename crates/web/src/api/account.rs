//! The account itself, and the key that asks.

use super::shown::Shown;
use crate::app::App;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{ApiKey, Id};
use bonded_people::keys::Mode;
use bonded_people::{Permission, Permissions};
use bonded_trade::accounts;
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::AccountRead, routes!(get_account)),
        Route::new(Permission::AccountRead, routes!(get_current_api_key)),
    ]
}

/// Get the account
///
/// The account that the key opens: its name, whether it is a retailer or a supplier, and the currency it reckons in.
#[utoipa::path(get, path = "/v1/account", tag = "Account", responses((status = 200, body = shapes::Account)))]
async fn get_account(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    Shown::from(&accounts::profile(app.ledger(), caller.scope()).await?).reply()
}

#[derive(Serialize)]
struct KeyShown<'a> {
    object: &'static str,
    id: Id<ApiKey>,
    name: &'a str,
    mode: Mode,
    ends_with: &'a str,
    permissions: Permissions,
}

/// Get the current API key
///
/// The key that this request was sent with: its name and what it may do. Its secret is shown nowhere, only how it ends.
#[utoipa::path(get, path = "/v1/api_keys/current", tag = "Account", responses((status = 200, body = shapes::ApiKey)))]
async fn get_current_api_key(caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    let caller = caller.key().ok_or_else(|| Failure::missing("API key"))?;
    Reply::ok(&KeyShown {
        object: "api_key",
        id: caller.key,
        name: &caller.name,
        mode: caller.mode,
        ends_with: &caller.ends_with,
        permissions: caller.permissions,
    })
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use bonded_people::Permission;

    #[tokio::test]
    async fn an_account_and_its_key_are_shown() {
        let house = House::new().await;
        let party = house.retailer().await;
        let account = house.get(&party, "/v1/account").await;
        assert_eq!(account.headers["etag"], "\"1\"");
        let account = account.expect(200);
        assert_eq!(account["id"], party.account.to_string());
        insta::assert_json_snapshot!("account", scrubbed(&account));

        let few = [Permission::AccountRead, Permission::OrdersRead].into_iter().collect();
        let key = house.key(party.account, few).await;
        let shown = house.get(&key, "/v1/api_keys/current").await.expect(200);
        assert_eq!(shown["id"], key.key.to_string());
        assert!(key.secret.ends_with(shown["ends_with"].as_str().unwrap()));
        assert!(!shown.to_string().contains(&key.secret));
        assert_eq!(shown["permissions"], serde_json::json!(["account:read", "orders:read"]));
    }
}
