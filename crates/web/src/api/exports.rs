//! Exports: the account's things as CSV files, made while they are read.

use super::files::csv;
use crate::app::App;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::route::Route;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bonded_connect::files::{self, Format};
use bonded_people::Permission;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ProductsRead, routes!(export_products)),
        Route::new(Permission::InventoryRead, routes!(export_stock)),
        Route::new(Permission::OrdersRead, routes!(export_orders)),
        Route::new(Permission::PurchaseOrdersRead, routes!(export_fulfilments)),
    ]
}

fn exported(app: &App, caller: &Caller, format: Format, with_consumers: bool) -> Response {
    let file = files::export(app.ledger().clone(), caller.scope().clone(), format, with_consumers);
    csv(format.name(), Body::from_stream(file))
}

/// Export products
///
/// In Shopify's format, which imports take. A text that a spreadsheet would run as a formula has an apostrophe before it,
/// which imports take off again.
#[utoipa::path(get, path = "/v1/exports/products.csv", tag = "Exports",
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_products(State(app): State<App>, caller: Caller) -> Response {
    exported(&app, &caller, Format::Products, false)
}

/// Export stock
///
/// What was counted of each variant at each location.
#[utoipa::path(get, path = "/v1/exports/stock.csv", tag = "Exports",
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_stock(State(app): State<App>, caller: Caller) -> Response {
    exported(&app, &caller, Format::Stock, false)
}

/// Export orders
///
/// One row a line; with `consumers=true` also who gets each order, unless they were forgotten.
#[utoipa::path(get, path = "/v1/exports/orders.csv", tag = "Exports",
    params(("consumers" = Option<bool>, Query, description = "Whether the consumers' fields are in it.", example = false)),
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_orders(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Failure> {
    params.only(&["consumers"])?;
    let consumers = params.parsed("consumers", "true or false")?.unwrap_or(false);
    Ok(exported(&app, &caller, Format::Orders, consumers))
}

/// Export fulfilments
///
/// What a supplier has sent, one row a line; in a retailer's account what its suppliers have sent. Who it was sent to is not
/// in it.
#[utoipa::path(get, path = "/v1/exports/fulfilments.csv", tag = "Exports",
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_fulfilments(State(app): State<App>, caller: Caller) -> Response {
    exported(&app, &caller, Format::Fulfilments, false)
}
