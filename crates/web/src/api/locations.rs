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
    responses((status = 200, body = shapes::LocationPage)))]
async fn list_locations(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    let records = inventory::locations(app.ledger(), caller.scope()).await?;
    listing(&Listed { records, next: None })
}

/// Get a location
#[utoipa::path(get, path = "/v1/locations/{id}", tag = "Inventory",
    params(("id" = String, Path, description = "The location.", example = "loc_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Location)))]
async fn get_location(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Location>) -> Result<Reply, Failure> {
    Shown::from(&inventory::location(app.ledger(), caller.scope(), id).await?).reply()
}

/// Update a location
///
/// Renames it, closes it (`"active": false`: nothing more is promised from it) or opens it again.
#[utoipa::path(patch, path = "/v1/locations/{id}", tag = "Inventory",
    params(("id" = String, Path, description = "The location.", example = "loc_01jd2mk8x3e5v9zq4t7w6y5h0c")),
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

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use serde_json::json;

    #[tokio::test]
    async fn a_location_is_created_renamed_and_closed() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let created = house.post(&supplier, "/v1/locations", json!({"name": "North"})).await;
        let path = created.headers["location"].to_str().unwrap().to_owned();
        insta::assert_json_snapshot!("location", scrubbed(&created.expect(201)));
        let twin = house.post(&supplier, "/v1/locations", json!({"name": "North"})).await.expect(409);
        assert_eq!(twin["type"], "/problems/duplicate");
        let closed = house.patch(&supplier, &path, json!({"active": false, "name": "South"}), &[]).await.expect(200);
        assert_eq!((&closed["active"], &closed["name"]), (&json!(false), &json!("South")));
        house.patch(&supplier, &path, json!({"name": null}), &[]).await.expect(422);
        house.patch(&supplier, &path, json!({"name": "East"}), &[("if-match", "\"1\"")]).await.expect(412);
        let listed = house.get(&supplier, "/v1/locations").await.expect(200);
        assert_eq!(listed["data"], json!([house.get(&supplier, &path).await.expect(200)]));
    }
}
