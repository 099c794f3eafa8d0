//! Purchase orders: what a supplier is to ship.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, MaybeSent, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_people::Permission;
use bonded_trade::fulfilments::Shipment;
use bonded_trade::purchase_orders::{self, PoState, PurchaseOrder, Rejection};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::PurchaseOrdersRead, routes!(list_purchase_orders)),
        Route::new(Permission::PurchaseOrdersRead, routes!(get_purchase_order)),
        Route::new(Permission::PurchaseOrdersWrite, routes!(acknowledge_purchase_order)).versioned(),
        Route::new(Permission::PurchaseOrdersWrite, routes!(reject_purchase_order)).versioned(),
        Route::new(Permission::PurchaseOrdersWrite, routes!(ship_purchase_order)).versioned(),
        Route::new(Permission::PurchaseOrdersWrite, routes!(complete_purchase_order)).versioned(),
    ]
}

const STATES: [(&str, PoState); 7] = [
    ("posted", PoState::Posted),
    ("acknowledged", PoState::Acknowledged),
    ("rejected", PoState::Rejected),
    ("shipped", PoState::Shipped),
    ("invoiced", PoState::Invoiced),
    ("completed", PoState::Completed),
    ("cancelled", PoState::Cancelled),
];

/// List purchase orders
///
/// All of them in the order in which they came, or those in one state by when the consumer placed the order. Consumers
/// are shown only with a single purchase order.
#[utoipa::path(get, path = "/v1/purchase_orders", tag = "Purchase orders",
    params(PageParams,
        ("state" = Option<shapes::PurchaseOrderState>, Query, description = "Only purchase orders in this state.")),
    responses((status = 200, body = shapes::PurchaseOrderPage)))]
async fn list_purchase_orders(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::PurchaseOrder, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&purchase_orders::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a purchase order
///
/// With `consumer`: the six fields of whoever gets the parcel, read from the retailer's order through the partner link. It
/// is null once they were forgotten or the order was put away.
#[utoipa::path(get, path = "/v1/purchase_orders/{id}", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn get_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
) -> Result<Reply, Failure> {
    let purchase_order = purchase_orders::get(app.ledger(), caller.scope(), id).await?;
    let reply = Shown::from(&purchase_order).reply()?;
    if caller.is_staff() {
        // Whose consumer it is has granted nothing.
        return Ok(reply);
    }
    Ok(reply.with_consumer(purchase_orders::consumer(app.ledger(), caller.scope(), &purchase_order).await?))
}

/// Acknowledge a purchase order
///
/// Says yes to it; the retailer sees so.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/acknowledge", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn acknowledge_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&purchase_orders::acknowledge(app.ledger(), caller.scope(), id, expected).await?).reply()
}

/// Reject a purchase order
///
/// All that is left of it, or `lines` with a quantity of each, with a reason. Their stock is free again.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/reject", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::NewRejection,
        example = json!({"reason": "Broken in storage", "lines": [{"line": 1, "quantity": 1}]})),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn reject_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
    Sent(rejection): Sent<Rejection>,
) -> Result<Reply, Failure> {
    Shown::from(&purchase_orders::reject(app.ledger(), caller.scope(), id, expected, &rejection).await?).reply()
}

/// Ship a purchase order
///
/// Records a parcel with all that is left, or with `lines` and a quantity of each: ship in as many parts as it takes.
/// Carrier, number and link are passed on to the retailer as they are. Shipping also says yes, where that was not said.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/fulfilments", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::NewFulfilment>, example = json!({
        "lines": [{"line": 1, "quantity": 1}],
        "carrier": "Sample Parcel", "number": "SP123456789GB", "url": "https://track.parcel.example/SP123456789GB"
    })),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn ship_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
    MaybeSent(shipment): MaybeSent<Shipment>,
) -> Result<Reply, Failure> {
    let shipment = shipment.unwrap_or_default();
    Shown::from(&purchase_orders::ship(app.ledger(), caller.scope(), id, expected, &shipment).await?).reply()
}

/// Complete a purchase order
///
/// Once all that is left of it was shipped.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/complete", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn complete_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&purchase_orders::complete(app.ledger(), caller.scope(), id, expected).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_purchase_order_is_acknowledged_shipped_in_parts_and_completed() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        let variant = house.stocked(&supplier, "POT-S", 10).await;
        let placed = house.post(&retailer, "/v1/orders", order("1001", "POT-S", 3)).await.expect(201);
        let placed = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
        let listed =
            house.until(&supplier, "/v1/purchase_orders?state=posted", |list| list["data"][0].is_object()).await;
        assert!(listed["data"][0].get("consumer").is_none(), "a list shows no consumers");
        let path = format!("/v1/purchase_orders/{}", listed["data"][0]["id"].as_str().unwrap());
        let mut shown = house.get(&supplier, &path).await.expect(200);
        assert_eq!(shown["consumer"]["last_name"], "Example");
        shown.as_object_mut().unwrap().remove("consumer");
        insta::assert_json_snapshot!("purchase_order", scrubbed(&shown));

        let acknowledged = house.post(&supplier, &format!("{path}/acknowledge"), Value::Null).await.expect(200);
        assert_eq!(acknowledged["state"], "acknowledged");
        house.post(&supplier, &format!("{path}/acknowledge"), Value::Null).await.expect(409);
        house.post(&supplier, &format!("{path}/complete"), Value::Null).await.expect(409);
        let parcel = json!({
            "lines": [{"line": 1, "quantity": 1}], "carrier": "Sample Parcel", "number": "SP1",
            "url": "https://track.parcel.example/SP1",
        });
        let first = house.post(&supplier, &format!("{path}/fulfilments"), parcel).await.expect(200);
        assert_eq!((&first["state"], &first["lines"][0]["shipped"]), (&json!("acknowledged"), &json!(1)));
        assert_eq!(first["fulfilments"][0]["carrier"], "Sample Parcel");
        let rejection = json!({"reason": "Broken in storage", "lines": [{"line": 1, "quantity": 1}]});
        let rejected = house.post(&supplier, &format!("{path}/reject"), rejection).await.expect(200);
        assert_eq!(rejected["lines"][0]["rejected"], 1);
        let rest = house.post(&supplier, &format!("{path}/fulfilments"), Value::Null).await.expect(200);
        assert_eq!((&rest["state"], &rest["lines"][0]["shipped"]), (&json!("shipped"), &json!(2)));
        let completed = house.post(&supplier, &format!("{path}/complete"), Value::Null).await.expect(200);
        assert_eq!(completed["state"], "completed");

        let levels = house.get(&supplier, &format!("/v1/inventory_levels?variant={variant}")).await.expect(200);
        assert_eq!((&levels["data"][0]["on_hand"], &levels["data"][0]["reserved"]), (&json!(8), &json!(0)));
        let followed = house.until(&retailer, &placed, |order| order["state"] == "shipped").await;
        assert_eq!(followed["lines"][0]["why_rejected"], "Broken in storage");
        assert_eq!(followed["fulfilments"].as_array().unwrap().len(), 2);
        assert_eq!(
            house.post(&retailer, &format!("{placed}/complete"), Value::Null).await.expect(200)["state"],
            "completed"
        );
        house.post(&retailer, &format!("{placed}/archive"), Value::Null).await.expect(200);
        assert!(house.get(&supplier, &path).await.expect(200)["consumer"].is_null(), "the order was put away");
    }

    #[tokio::test]
    async fn what_cannot_be_shipped_or_rejected_is_told_by_its_place() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        house.stocked(&supplier, "POT-S", 10).await;
        house.post(&retailer, "/v1/orders", order("1001", "POT-S", 3)).await.expect(201);
        let listed = house.until(&supplier, "/v1/purchase_orders", |list| list["data"][0].is_object()).await;
        let path = format!("/v1/purchase_orders/{}", listed["data"][0]["id"].as_str().unwrap());
        for (action, body, pointer) in [
            ("fulfilments", json!({"lines": [{"line": 1, "quantity": 4}]}), "/lines/0/quantity"),
            ("fulfilments", json!({"lines": [{"line": 2}]}), "/lines/0/line"),
            ("fulfilments", json!({"lines": []}), "/lines"),
            ("fulfilments", json!({"url": "http://track.example/1"}), "/url"),
            ("fulfilments", json!({"lines": "all"}), "/lines"),
            ("reject", json!({}), "/reason"),
            ("reject", json!({"reason": "none", "lines": [{"line": 1, "quantity": 0}]}), "/lines/0/quantity"),
        ] {
            let problem = house.post(&supplier, &format!("{path}/{action}"), body).await.expect(422);
            assert_eq!(problem["pointer"], pointer, "{problem}");
        }
        let version = house.get(&supplier, &path).await.expect(200)["version"].clone();
        assert_eq!(version, 1, "nothing was done");
    }
}
