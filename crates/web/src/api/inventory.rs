//! Inventory levels: how many of a variant lie where.

use super::batch;
use crate::app::App;
use crate::body::Batch;
use crate::caller::Caller;
use crate::page::{self, Params};
use crate::problem::Failure;
use crate::reply::{Reply, written};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind, Moment};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_people::Permission;
use bonded_trade::Written;
use bonded_trade::catalog::Variant;
use bonded_trade::inventory::{self, InventoryLevel, LevelSet, Location};
use serde::Serialize;
use utoipa_axum::routes;

/// Variants that one request may ask for.
pub const VARIANTS_ASKED_MAX: usize = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::InventoryRead, routes!(list_inventory_levels)),
        Route::new(Permission::InventoryWrite, routes!(set_inventory_levels)),
    ]
}

#[derive(Serialize)]
struct LevelShown {
    object: &'static str,
    id: Id<InventoryLevel>,
    version: u64,
    updated_at: Moment,
    variant: Id<Variant>,
    location: Id<Location>,
    on_hand: i64,
    reserved: i64,
    available: i64,
}

impl From<&Stored<InventoryLevel>> for LevelShown {
    fn from(stored: &Stored<InventoryLevel>) -> Self {
        let InventoryLevel { variant, location, on_hand, reserved } = **stored;
        Self {
            object: Kind::InventoryLevel.name(),
            id: stored.id,
            version: stored.version,
            updated_at: stored.updated_at,
            variant,
            location,
            on_hand,
            reserved,
            available: stored.available(),
        }
    }
}

/// List inventory levels
///
/// The levels of up to 100 variants, at every location that has counted them. `available` is what can still be ordered;
/// it is negative when fewer were counted than are promised.
#[utoipa::path(get, path = "/v1/inventory_levels", tag = "Inventory",
    params(("variant" = String, Query, description = "Up to 100 variants, joined by commas.", example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::InventoryLevelPage)))]
async fn list_inventory_levels(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    levels(app.ledger(), caller.scope(), &params).await
}

/// The levels that the parameter `variant` asks for, in any scope that may read them.
pub(crate) async fn levels(ledger: &Ledger, scope: &Scope, params: &Params) -> Result<Reply, Failure> {
    params.only(&["variant"])?;
    let unreadable = || Failure::parameter("`variant` must be 1 to 100 ids that begin with `var_`, joined by commas.");
    let asked = params.text("variant").ok_or_else(unreadable)?;
    let ids: Vec<Id<Variant>> = asked.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| unreadable())?;
    if ids.len() > VARIANTS_ASKED_MAX {
        return Err(unreadable());
    }
    let levels = inventory::levels_of(ledger, scope, &ids).await?;
    let shown = levels.iter().flatten().map(|level| written(&LevelShown::from(level)));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::json(page::listing(Kind::InventoryLevel, &shown, None)))
}

#[derive(Serialize)]
struct Counted {
    id: Id<InventoryLevel>,
    version: u64,
    available: i64,
}

/// Set inventory levels
///
/// What was counted, up to 1,000 levels at once in one commit. Name the variant by its id or its SKU. What is promised to
/// purchase orders stays promised. Counting the same number again changes nothing.
#[utoipa::path(post, path = "/v1/inventory_levels/batch", tag = "Inventory",
    request_body(content = shapes::NewLevels, example = json!({"data": [
        {"sku": "POT-S", "on_hand": 120}, {"sku": "POT-L", "on_hand": 40}
    ]})),
    responses((status = 200, body = shapes::LevelResults)))]
async fn set_inventory_levels(
    State(app): State<App>,
    caller: Caller,
    Batch(records): Batch<LevelSet>,
) -> Result<Reply, Failure> {
    let (sets, places) = batch::readable(records);
    let results = inventory::set_many(app.ledger(), caller.scope(), &sets).await?;
    let counted =
        |level: Written<InventoryLevel>| Counted { id: level.id, version: level.version, available: level.available() };
    batch::reply(200, &batch::merged(places, results, counted))
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use serde_json::json;

    #[tokio::test]
    async fn what_was_counted_is_shown_by_variant() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let variant = house.stocked(&supplier, "S", 12).await;
        let north = house.post(&supplier, "/v1/locations", json!({"name": "North"})).await.expect(201)["id"].clone();
        let batch = json!({"data": [
            {"variant": variant, "location": north, "on_hand": 3},
            {"sku": "S", "on_hand": 12},
            {"sku": "NONE", "on_hand": 1},
            {"sku": "S", "on_hand": -1},
            {"on_hand": 1},
            {"sku": "S", "location": "loc_00000000000000000000000000", "on_hand": 1},
        ]});
        let outcome = house.post(&supplier, "/v1/inventory_levels/batch", batch).await.expect(200);
        insta::assert_json_snapshot!("counted", scrubbed(&outcome));
        let levels = house.get(&supplier, &format!("/v1/inventory_levels?variant={variant}")).await.expect(200);
        let counts: Vec<_> = levels["data"].as_array().unwrap().iter().map(|level| level["on_hand"].clone()).collect();
        assert!(counts.len() == 2 && counts.contains(&json!(3)) && counts.contains(&json!(12)), "{levels}");
        let many = vec![variant.as_str(); 101].join(",");
        for wrong in ["", "?variant=", "?variant=none", &format!("?variant={many}")] {
            house.get(&supplier, &format!("/v1/inventory_levels{wrong}")).await.expect(400);
        }
    }
}
