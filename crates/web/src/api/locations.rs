//! Locations: where stock lies.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_ledger::Listed;
use bonded_people::Permission;
use bonded_trade::inventory::{self, Location, LocationPatch};
use serde::Deserialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::InventoryWrite, routes!(create_location)),
        Route::new(Permission::InventoryRead, routes!(list_locations)),
        Route::new(Permission::InventoryRead, routes!(get_location)),
        Route::new(Permission::InventoryWrite, routes!(update_location)).versioned(),
    ]
}

#[derive(Deserialize)]
struct NewLocation {
    name: String,
}

/// Create a location
///
/// Stock that is counted without naming a location lies at one called `Main`, which is made when it is first needed.
#[utoipa::path(post, path = "/v1/locations", tag = "Inventory",
    request_body(content = shapes::NewLocation, example = json!({"name": "Warehouse North"})),
    responses((status = 201, body = shapes::Location)))]
async fn create_location(
    State(app): State<App>,
    caller: Caller,
    Sent(NewLocation { name }): Sent<NewLocation>,
) -> Result<Reply, Failure> {
    let location = inventory::create_location(app.ledger(), caller.scope(), &name).await?;
    Ok(Shown::from(&location).reply()?.created(format!("/v1/locations/{}", location.id)))
}

/// List locations
///
/// All of them: there are at most 200.
#[utoipa::path(get, path = "/v1/locations", tag = "Inventory",
    responses((status = 200, body = crate::page::Listing<shapes::Location>)))]
async fn list_locations(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    let records = inventory::locations(app.ledger(), caller.scope()).await?;
    listing(&Listed { records, next: None })
}

/// Get a location
#[utoipa::path(get, path = "/v1/locations/{id}", tag = "Inventory",
    params(("id" = String, Path, description = "The location.", example = "$LOCATION")),
    responses((status = 200, body = shapes::Location)))]
async fn get_location(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Location>) -> Result<Reply, Failure> {
    Shown::from(&inventory::location(app.ledger(), caller.scope(), id).await?).reply()
}

/// Update a location
///
/// Renames it, closes it (`"active": false`: nothing more is promised from it) or opens it again.
#[utoipa::path(patch, path = "/v1/locations/{id}", tag = "Inventory",
    params(("id" = String, Path, description = "The location.", example = "$LOCATION")),
    request_body(content = shapes::LocationChange, example = json!({"name": "Warehouse South"})),
    responses((status = 200, body = shapes::Location)))]
async fn update_location(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Location>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<LocationPatch>,
) -> Result<Reply, Failure> {
    Shown::from(&inventory::update_location(app.ledger(), caller.scope(), id, expected, &patch).await?).reply()
}
