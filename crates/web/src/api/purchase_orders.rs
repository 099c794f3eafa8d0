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
    responses((status = 200, body = crate::page::Listing<shapes::PurchaseOrder>)))]
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
    params(("id" = String, Path, description = "The purchase order.", example = "$PURCHASE_ORDER")),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn get_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
) -> Result<Reply, Failure> {
    let purchase_order = purchase_orders::get(app.ledger(), caller.scope(), id).await?;
    let consumer = purchase_orders::consumer(app.ledger(), caller.scope(), &purchase_order).await?;
    Ok(Shown::from(&purchase_order).reply()?.with_consumer(consumer))
}

/// Acknowledge a purchase order
///
/// Says yes to it; the retailer sees so.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/acknowledge", tag = "Purchase orders",
    params(("id" = String, Path, description = "The purchase order.", example = "$PURCHASE_ORDER")),
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
    params(("id" = String, Path, description = "The purchase order.", example = "$PURCHASE_ORDER")),
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
    params(("id" = String, Path, description = "The purchase order.", example = "$PURCHASE_ORDER")),
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
    params(("id" = String, Path, description = "The purchase order.", example = "$PURCHASE_ORDER")),
    responses((status = 200, body = shapes::PurchaseOrder)))]
async fn complete_purchase_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&purchase_orders::complete(app.ledger(), caller.scope(), id, expected).await?).reply()
}
