//! The account itself: its name and what it is in trade.

use super::shown::Shown;
use crate::app::App;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_people::Permission;
use bonded_trade::accounts;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::new(Permission::AccountRead, routes!(get_account))]
}

/// Get the account
///
/// The account that the key opens: its name, whether it is a retailer or a supplier, and the currency it reckons in.
#[utoipa::path(get, path = "/v1/account", tag = "Account", responses((status = 200, body = shapes::Account)))]
async fn get_account(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    Shown::from(&accounts::profile(app.ledger(), caller.scope()).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};

    #[tokio::test]
    async fn an_account_is_shown() {
        let house = House::new().await;
        let party = house.retailer().await;
        let account = house.get(&party, "/v1/account").await;
        assert_eq!(account.headers["etag"], "\"1\"");
        let account = account.expect(200);
        assert_eq!(account["id"], party.account.to_string());
        insta::assert_json_snapshot!("account", scrubbed(&account));
    }
}
