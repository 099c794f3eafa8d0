//! Holds: what could not go on by itself.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_people::Permission;
use bonded_trade::holds::{self, Fix, Hold, HoldState};
use serde::Deserialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::HoldsRead, routes!(list_holds)),
        Route::new(Permission::HoldsRead, routes!(get_hold_figures)),
        Route::new(Permission::HoldsRead, routes!(get_hold)),
        Route::new(Permission::HoldsWrite, routes!(correct_hold)).versioned(),
        Route::new(Permission::HoldsWrite, routes!(retry_hold)).versioned(),
        Route::new(Permission::HoldsWrite, routes!(resolve_hold)).versioned(),
    ]
}

const STATES: [(&str, HoldState); 2] = [("open", HoldState::Open), ("resolved", HoldState::Resolved)];

/// List holds
///
/// An order whose SKU no partner sells, or several do; a purchase order whose link has ended; what a connected shop has and
/// could not be taken, with what was understood of it as `payload`: what is held, and why. The rest goes on meanwhile.
#[utoipa::path(get, path = "/v1/holds", tag = "Holds",
    params(PageParams, ("state" = Option<shapes::HoldState>, Query, description = "Only holds in this state.")),
    responses((status = 200, body = shapes::HoldPage)))]
async fn list_holds(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Hold, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&holds::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a hold
#[utoipa::path(get, path = "/v1/holds/{id}", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Hold)))]
async fn get_hold(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Hold>) -> Result<Reply, Failure> {
    Shown::from(&holds::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Count holds
///
/// How many are held, and how the others ended: corrected, replayed as they were, recovered by themselves, dismissed. Each
/// counts once, by how it stands now.
#[utoipa::path(get, path = "/v1/holds/figures", tag = "Holds",
    responses((status = 200, body = shapes::HoldFigures)))]
async fn get_hold_figures(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    Reply::ok(&holds::count(app.ledger(), caller.scope()).await?)
}

#[derive(Deserialize)]
struct Corrections {
    #[serde(default)]
    corrections: Vec<Fix>,
}

/// Correct a hold
///
/// Puts values of the payload right, each named by its JSON pointer, and tries again. The shop itself is not changed: the
/// correction is laid over what is read there, for as long as the shop says at that place what it says now. It passes the
/// same checks as what comes from the shop. Ids cannot be corrected, and a consumer's fields are in no payload: put an
/// address right in the shop. A value as it was takes a correction back.
#[utoipa::path(patch, path = "/v1/holds/{id}", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::HoldCorrections,
        example = json!({"corrections": [{"pointer": "/lines/0/quantity", "to": 2}]})),
    responses((status = 200, body = shapes::Hold)))]
async fn correct_hold(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Hold>,
    IfMatch(expected): IfMatch,
    Sent(Corrections { corrections }): Sent<Corrections>,
) -> Result<Reply, Failure> {
    Shown::from(&holds::correct(app.ledger(), caller.scope(), id, expected, &corrections).await?).reply()
}

/// Retry a hold
///
/// Tries again what is held, once the reason was put right; what a shop has is read there again. The hold is resolved by
/// itself if that succeeds.
#[utoipa::path(post, path = "/v1/holds/{id}/retry", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Hold)))]
async fn retry_hold(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Hold>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&holds::retry(app.ledger(), caller.scope(), id, expected).await?).reply()
}

/// Dismiss a hold
///
/// Puts it aside without trying again. What a shop has stays away until it changes there.
#[utoipa::path(post, path = "/v1/holds/{id}/resolve", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Hold)))]
async fn resolve_hold(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Hold>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&holds::resolve(app.ledger(), caller.scope(), id, expected).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use bonded_base::Id;
    use bonded_trade::holds::{self, HoldReason};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_hold_is_retried_once_its_reason_is_gone() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        let placed = house.post(&retailer, "/v1/orders", order("1", "LATER", 1)).await.expect(201);
        let held = house.until(&retailer, "/v1/holds?state=open", |list| list["data"][0].is_object()).await;
        insta::assert_json_snapshot!("holds", scrubbed(&held));
        let path = format!("/v1/holds/{}", held["data"][0]["id"].as_str().unwrap());
        house.stocked(&supplier, "LATER", 5).await;
        house.post(&retailer, &format!("{path}/retry"), Value::Null).await.expect(200);
        let order = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
        house.until(&retailer, &order, |order| order["state"] == "routed").await;
        house.until(&retailer, &path, |hold| hold["state"] == "resolved").await;
        house.post(&retailer, &format!("{path}/retry"), Value::Null).await.expect(409);
    }

    #[tokio::test]
    async fn a_hold_is_put_aside() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        house.post(&retailer, "/v1/orders", order("1", "NOBODY-SELLS", 1)).await.expect(201);
        let held = house.until(&retailer, "/v1/holds", |list| list["data"][0].is_object()).await;
        let path = format!("/v1/holds/{}", held["data"][0]["id"].as_str().unwrap());
        house.post_with(&retailer, &format!("{path}/resolve"), Value::Null, &[("if-match", "\"7\"")]).await.expect(412);
        assert_eq!(
            house.post(&retailer, &format!("{path}/resolve"), Value::Null).await.expect(200)["state"],
            "resolved"
        );
        assert_eq!(house.get(&retailer, "/v1/holds?state=open").await.expect(200)["data"], json!([]));
        house.post(&retailer, &format!("{path}/resolve"), Value::Null).await.expect(409);
    }
    /// A shop's product without a price is held in this account; the hold's path.
    async fn a_shop_s_product(house: &House, account: Id<bonded_base::Account>) -> String {
        let mirror: Id<bonded_connect::mirrors::Mirror> = Id::from_bytes([9; 16]);
        let variants = json!([{"id": "v1", "sku": "LAMP", "price": null}]);
        let payload = json!({"id": "p1", "product": {"title": "Lamp", "variants": variants}});
        let (reason, why) = (HoldReason::Refused, "/variants/0/price: a variant has a price");
        let raised = holds::raise_with(&house.ledger, account, mirror, reason, why, Some(payload)).await.unwrap();
        format!("/v1/holds/{}", raised.id)
    }

    #[tokio::test]
    async fn what_a_shop_has_is_corrected_by_pointer_and_counted() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let path = a_shop_s_product(&house, supplier.account).await;
        let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        let fix = |to: Value| json!({"corrections": [{"pointer": "/product/variants/0/price", "to": to}]});
        let refused = house.patch(&supplier, &path, fix(price(-1)), &[]).await.expect(422);
        assert_eq!(refused["pointer"], "/corrections/0/to", "{refused}");
        house.patch(&supplier, &path, fix(price(900)), &[("if-match", "\"7\"")]).await.expect(412);
        house.patch(&supplier, &path, json!({"corrections": [{"pointer": "/id", "to": "p2"}]}), &[]).await.expect(422);
        let corrected = house.patch(&supplier, &path, fix(price(900)), &[]).await.expect(200);
        insta::assert_json_snapshot!("corrected", scrubbed(&corrected));
        let figures = house.get(&supplier, "/v1/holds/figures").await.expect(200);
        let none = json!({"held": 1, "corrected": 0, "replayed": 0, "recovered": 0, "dismissed": 0, "complete": true});
        assert_eq!(figures, none);
        house.post(&supplier, &format!("{path}/resolve"), Value::Null).await.expect(200);
        let figures = house.get(&supplier, "/v1/holds/figures").await.expect(200);
        assert_eq!((&figures["held"], &figures["dismissed"]), (&json!(0), &json!(1)));
        house.patch(&supplier, &path, fix(price(900)), &[]).await.expect(409);
        house.patch(&house.retailer().await, &path, fix(price(900)), &[]).await.expect(404);
    }
}
