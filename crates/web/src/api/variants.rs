//! Variants: what is ordered and priced.

use super::batch;
use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{Changes, IdIn, Sent};
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_ledger::Listed;
use bonded_people::Permission;
use bonded_trade::catalog::{self, Variant, VariantPatch};
use utoipa_axum::routes;

/// SKUs that one request may ask for.
pub const SKUS_ASKED_MAX: usize = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ProductsRead, routes!(find_variants)),
        Route::new(Permission::ProductsWrite, routes!(update_variants)),
        Route::new(Permission::ProductsRead, routes!(get_variant)),
        Route::new(Permission::ProductsWrite, routes!(update_variant)).versioned(),
    ]
}

/// Find variants by SKU
///
/// Answers with those that there are, in the order asked.
#[utoipa::path(get, path = "/v1/variants", tag = "Variants",
    params(("sku" = String, Query, description = "Up to 100 SKUs, joined by commas.", example = "POT-S,POT-L")),
    responses((status = 200, body = shapes::VariantPage)))]
async fn find_variants(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&["sku"])?;
    let skus: Vec<_> = params.text("sku").unwrap_or_default().split(',').filter(|sku| !sku.is_empty()).collect();
    if skus.is_empty() || skus.len() > SKUS_ASKED_MAX {
        return Err(Failure::parameter("`sku` must be 1 to 100 SKUs, joined by commas."));
    }
    let found = catalog::by_skus(app.ledger(), caller.scope(), &skus).await?;
    let mut records = Vec::new();
    for id in found.into_iter().flatten() {
        records.push(catalog::variant(app.ledger(), caller.scope(), id).await?);
    }
    listing(&Listed { records, next: None })
}

/// Update many variants
///
/// Up to 1,000 at once, all good ones in one commit: prices from a new list, for instance. With `version`, a variant is
/// changed only if it is still at that version. SKUs may change places within one batch.
#[utoipa::path(patch, path = "/v1/variants/batch", tag = "Variants",
    request_body(content = shapes::VariantChanges,
        example = json!({"data": [{"id": "var_01jd2mk8x3e5v9zq4t7w6y5h0c", "price": {"amount": 1099, "currency": "EUR"}}]})),
    responses((status = 200, body = shapes::VariantResults)))]
async fn update_variants(
    State(app): State<App>,
    caller: Caller,
    Changes(records): Changes<Variant>,
) -> Result<Reply, Failure> {
    batch::update(&app, &caller, records).await
}

/// Get a variant
#[utoipa::path(get, path = "/v1/variants/{id}", tag = "Variants",
    params(("id" = String, Path, description = "The variant.", example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Variant)))]
async fn get_variant(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Variant>) -> Result<Reply, Failure> {
    Shown::from(&catalog::variant(app.ledger(), caller.scope(), id).await?).reply()
}

/// Update a variant
///
/// Fields that are left out stay as they are; `null` empties one.
#[utoipa::path(patch, path = "/v1/variants/{id}", tag = "Variants",
    params(("id" = String, Path, description = "The variant.", example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::VariantChange,
        example = json!({"price": {"amount": 1099, "currency": "EUR"}, "barcode": "4006381333931"})),
    responses((status = 200, body = shapes::Variant)))]
async fn update_variant(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Variant>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<VariantPatch>,
) -> Result<Reply, Failure> {
    Shown::from(&catalog::update(app.ledger(), caller.scope(), id, expected, patch).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use serde_json::json;

    #[tokio::test]
    async fn variants_are_found_by_sku_and_changed_one_by_one() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let (small, large) = (house.stocked(&supplier, "S", 1).await, house.stocked(&supplier, "L", 1).await);
        let found = house.get(&supplier, "/v1/variants?sku=L,NONE,S").await.expect(200);
        let ids: Vec<_> = found["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [&large, &small]);
        house.get(&supplier, "/v1/variants").await.expect(400);
        house.get(&supplier, &format!("/v1/variants?sku={}", "S,".repeat(101))).await.expect(400);

        let path = format!("/v1/variants/{small}");
        let price = json!({"amount": 1099, "currency": "EUR"});
        let changed = house.patch(&supplier, &path, json!({"price": price, "barcode": "1"}), &[]).await.expect(200);
        assert_eq!((&changed["price"], &changed["version"]), (&price, &json!(2)));
        let taken = house.patch(&supplier, &path, json!({"sku": "L"}), &[]).await.expect(409);
        assert_eq!((&taken["type"], &taken["pointer"]), (&json!("/problems/duplicate"), &json!("/sku")));
        let emptied = house.patch(&supplier, &path, json!({"barcode": null}), &[]).await.expect(200);
        assert!(emptied["barcode"].is_null());
    }

    #[tokio::test]
    async fn many_variants_change_in_one_batch_unless_they_have_moved_on() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let (small, large) = (house.stocked(&supplier, "S", 1).await, house.stocked(&supplier, "L", 1).await);
        let third = house.stocked(&supplier, "T", 1).await;
        let price = json!({"amount": 5, "currency": "EUR"});
        let batch = json!({"data": [
            {"id": small, "version": 1, "price": price, "sku": "L"},
            {"id": large, "version": 1, "sku": "S"},
            {"id": "var_00000000000000000000000000", "price": price},
            {"price": price},
            {"id": small, "version": 1, "price": price},
            {"id": third, "version": 7, "price": price},
            {"id": third, "price": {"amount": "5", "currency": "EUR"}},
        ]});
        let outcome = house.patch(&supplier, "/v1/variants/batch", batch, &[]).await.expect(200);
        insta::assert_json_snapshot!("variant_changes", scrubbed(&outcome));
        assert_eq!(house.get(&supplier, &format!("/v1/variants/{small}")).await.expect(200)["sku"], "L");
        assert_eq!(house.get(&supplier, &format!("/v1/variants/{large}")).await.expect(200)["sku"], "S");
    }
}
