//! Products: what a supplier sells.

use super::batch;
use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{Batch, Changes, IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind};
use bonded_ledger::Listed;
use bonded_people::Permission;
use bonded_trade::catalog::{self, Created, Product, ProductDraft, ProductPatch, ProductStatus, Variant};
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ProductsWrite, routes!(create_product)),
        Route::new(Permission::ProductsWrite, routes!(create_products)),
        Route::new(Permission::ProductsWrite, routes!(update_products)),
        Route::new(Permission::ProductsRead, routes!(list_products)),
        Route::new(Permission::ProductsRead, routes!(get_product)),
        Route::new(Permission::ProductsWrite, routes!(update_product)).versioned(),
        Route::new(Permission::ProductsWrite, routes!(archive_product)).versioned(),
        Route::new(Permission::ProductsRead, routes!(list_variants_of_product)),
    ]
}

pub(crate) const STATUSES: [(&str, ProductStatus); 3] =
    [("active", ProductStatus::Active), ("draft", ProductStatus::Draft), ("archived", ProductStatus::Archived)];

#[derive(Serialize)]
struct WithVariants<'a> {
    #[serde(flatten)]
    product: Shown<'a, Product>,
    variants: Vec<Shown<'a, Variant>>,
}

/// Create a product
///
/// A product is created with its variants, up to 2,048. A SKU is unique in the account; a handle is made from the title
/// if there is none.
#[utoipa::path(post, path = "/v1/products", tag = "Products",
    request_body(content = shapes::NewProduct, example = json!({
        "title": "Clay Plant Pot",
        "vendor": "Sample Pottery",
        "options": [{"name": "Size"}],
        "variants": [
            {"options": ["Small"], "sku": "POT-S", "price": {"amount": 999, "currency": "EUR"}},
            {"options": ["Large"], "sku": "POT-L", "price": {"amount": 1999, "currency": "EUR"}, "weight_grams": 2100}
        ]
    })),
    responses((status = 201, body = shapes::ProductWithVariants)))]
async fn create_product(
    State(app): State<App>,
    caller: Caller,
    Sent(draft): Sent<ProductDraft>,
) -> Result<Reply, Failure> {
    let Created { product, variants } = catalog::create(app.ledger(), caller.scope(), draft).await?;
    let shown = WithVariants { product: Shown::from(&product), variants: variants.iter().map(Shown::from).collect() };
    Ok(Reply::ok(&shown)?.version(product.version).created(format!("/v1/products/{}", product.id)))
}

/// What a batch says of a product that it created.
#[derive(Serialize)]
struct CreatedIds {
    id: Id<Product>,
    variants: Vec<Id<Variant>>,
}

/// Create many products
///
/// Up to 1,000 at once, all good ones in one commit. `data` has a result for each, in the order sent: one that cannot
/// be holds back only itself.
#[utoipa::path(post, path = "/v1/products/batch", tag = "Products",
    request_body(content = shapes::NewProducts, example = json!({"data": [
        {"title": "Watering Can", "variants": [{"sku": "CAN-1", "price": {"amount": 2450, "currency": "EUR"}}]},
        {"title": "Trowel", "variants": [{"sku": "TROWEL-1", "price": {"amount": 890, "currency": "EUR"}}]}
    ]})),
    responses((status = 200, body = shapes::ProductResults)))]
async fn create_products(
    State(app): State<App>,
    caller: Caller,
    Batch(records): Batch<ProductDraft>,
) -> Result<Reply, Failure> {
    let (drafts, places) = batch::readable(records);
    let results = catalog::create_many(app.ledger(), caller.scope(), drafts).await?;
    let ids = |Created { product, variants }: Created| CreatedIds {
        id: product.id,
        variants: variants.iter().map(|variant| variant.id).collect(),
    };
    batch::reply(201, &batch::merged(places, results, ids))
}

/// Update many products
///
/// Up to 1,000 at once, all good ones in one commit. Fields that are left out stay as they are; `null` empties one. With
/// `version`, a product is changed only if it is still at that version. Handles may change places within one batch.
#[utoipa::path(patch, path = "/v1/products/batch", tag = "Products",
    request_body(content = shapes::ProductChanges, example = json!({"data": [
        {"id": "prod_01jd2mk8x3e5v9zq4t7w6y5h0c", "status": "active", "tags": ["garden", "spring"]}
    ]})),
    responses((status = 200, body = shapes::ProductChangeResults)))]
async fn update_products(
    State(app): State<App>,
    caller: Caller,
    Changes(records): Changes<Product>,
) -> Result<Reply, Failure> {
    batch::update(&app, &caller, records).await
}

/// List products
#[utoipa::path(get, path = "/v1/products", tag = "Products",
    params(PageParams,
        ("status" = Option<shapes::ProductStatus>, Query, description = "Only products with this status."),
        ("handle" = Option<String>, Query, description = "Only the product with this handle.")),
    responses((status = 200, body = shapes::ProductPage)))]
async fn list_products(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Product, &["status", "handle"])?;
    let status = params.one_of("status", &STATUSES)?;
    if let Some(handle) = params.text("handle") {
        let mut records = super::one_or_none(catalog::by_handle(app.ledger(), caller.scope(), handle).await)?;
        records.retain(|product| status.is_none_or(|status| product.status == status));
        return listing(&Listed { records, next: None });
    }
    listing(&catalog::list(app.ledger(), caller.scope(), status, page).await?)
}

/// Get a product
#[utoipa::path(get, path = "/v1/products/{id}", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Product)))]
async fn get_product(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Product>) -> Result<Reply, Failure> {
    Shown::from(&catalog::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Update a product
///
/// Fields that are left out stay as they are; `null` empties one. Send the `ETag` that you have seen as `If-Match` to be
/// sure that nobody changed it in between.
#[utoipa::path(patch, path = "/v1/products/{id}", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::ProductChange, example = json!({"tags": ["garden", "clay"], "status": "active"})),
    responses((status = 200, body = shapes::Product)))]
async fn update_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Product>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<ProductPatch>,
) -> Result<Reply, Failure> {
    Shown::from(&catalog::update(app.ledger(), caller.scope(), id, expected, patch).await?).reply()
}

/// Archive a product
///
/// It is no longer offered to partners, and kept for the orders that name it.
#[utoipa::path(post, path = "/v1/products/{id}/archive", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Product)))]
async fn archive_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Product>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&catalog::archive(app.ledger(), caller.scope(), id, expected).await?).reply()
}

/// List a product's variants
#[utoipa::path(get, path = "/v1/products/{id}/variants", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c"), PageParams),
    responses((status = 200, body = shapes::VariantPage)))]
async fn list_variants_of_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Product>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::Variant, &[])?;
    listing(&catalog::variants_of(app.ledger(), caller.scope(), id, page).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, Party, scrubbed};
    use serde_json::{Value, json};

    fn draft(title: &str, sku: &str) -> Value {
        json!({"title": title, "variants": [{"sku": sku, "price": {"amount": 999, "currency": "EUR"}}]})
    }

    #[tokio::test]
    async fn a_product_is_created_with_its_variants_changed_and_archived() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let created = house.post(&supplier, "/v1/products", json!({
            "title": "Clay Plant Pot", "vendor": "Sample Pottery", "options": [{"name": "Size"}], "unknown": "dropped",
            "variants": [
                {"options": ["Small"], "sku": "POT-S", "price": {"amount": 999, "currency": "EUR"}},
                {"options": ["Large"], "sku": "POT-L", "price": {"amount": 1999, "currency": "EUR"}},
            ],
        }));
        let created = created.await;
        let path = created.headers["location"].to_str().unwrap().to_owned();
        insta::assert_json_snapshot!("product_created", scrubbed(&created.expect(201)));
        let variants = house.get(&supplier, &format!("{path}/variants")).await.expect(200);
        let titles: Vec<_> = variants["data"].as_array().unwrap().iter().map(|variant| &variant["title"]).collect();
        assert_eq!(titles, ["Small", "Large"]);

        let change = json!({"title": "Clay Pot", "tags": ["clay"]});
        let patched = house.patch(&supplier, &path, change.clone(), &[("if-match", "\"1\"")]).await;
        assert_eq!(patched.headers["etag"], "\"2\"");
        assert_eq!(patched.expect(200)["title"], "Clay Pot");
        let late = house.patch(&supplier, &path, change, &[("if-match", "\"1\"")]).await.expect(412);
        assert_eq!(late["type"], "/problems/changed");
        let emptied = house.patch(&supplier, &path, json!({"title": null}), &[]).await.expect(422);
        assert_eq!(emptied["pointer"], "/title");
        house.patch(&supplier, &path, json!({"title": "x"}), &[("if-match", "2")]).await.expect(400);

        let archived = house.post(&supplier, &format!("{path}/archive"), Value::Null).await.expect(200);
        assert_eq!((&archived["status"], &archived["version"]), (&json!("archived"), &json!(3)));
    }

    #[tokio::test]
    async fn in_a_batch_the_bad_hold_back_only_themselves() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        house.post(&supplier, "/v1/products", draft("Taken", "TAKEN")).await.expect(201);
        let batch = json!({"data": [
            draft("One", "ONE"), draft("Twin", "ONE"), draft("Taken again", "TAKEN"), draft("", "NO-TITLE"),
            {"title": "No variants"}, "not an object", {"title": 7}, draft("Two", "TWO"),
        ]});
        let outcome = house.post(&supplier, "/v1/products/batch", batch).await.expect(200);
        insta::assert_json_snapshot!("product_batch", scrubbed(&outcome));
        let listed = house.get(&supplier, "/v1/products").await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 3);
        let too_many = json!({"data": vec![json!({}); 1_001]});
        let refused = house.post(&supplier, "/v1/products/batch", too_many).await.expect(422);
        assert_eq!(refused["type"], "/problems/too-much");
        house.post(&supplier, "/v1/products/batch", json!([])).await.expect(422);
    }

    #[tokio::test]
    async fn many_products_change_in_one_batch_unless_they_have_moved_on() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let titles = ["Pot", "Can", "Trowel"];
        let drafts: Vec<_> = titles.map(|title| draft(title, title)).to_vec();
        let made = house.post(&supplier, "/v1/products/batch", json!({"data": drafts})).await.expect(200);
        let [pot, can, trowel] = [0, 1, 2].map(|place| made["data"][place]["id"].clone());
        house.patch(&supplier, &path(&can), json!({"vendor": "Somebody"}), &[]).await.expect(200);
        let batch = json!({"data": [
            {"id": pot, "version": 1, "title": "Clay Pot", "handle": "trowel", "unknown": "dropped"},
            {"id": can, "version": 1, "title": "Watering Can"},
            {"id": trowel, "handle": "pot", "vendor": null},
            {"id": pot, "title": "Twice"},
            {"id": "prod_00000000000000000000000000", "title": "None"},
            {"id": "var_00000000000000000000000000", "title": "No product"},
            {"title": "Which?"},
            {"id": can, "title": 7},
            {"id": can, "version": "1"},
            "not an object",
        ]});
        let outcome = house.patch(&supplier, "/v1/products/batch", batch, &[]).await.expect(200);
        insta::assert_json_snapshot!("product_changes", scrubbed(&outcome));
        let changed = house.get(&supplier, &path(&pot)).await.expect(200);
        assert_eq!((&changed["title"], &changed["handle"]), (&json!("Clay Pot"), &json!("trowel")));
        let kept = house.get(&supplier, &path(&can)).await.expect(200);
        assert_eq!((&kept["title"], &kept["version"]), (&json!("Can"), &json!(2)));

        let too_many = json!({"data": vec![json!({"id": pot}); 1_001]});
        let refused = house.patch(&supplier, "/v1/products/batch", too_many, &[]).await.expect(422);
        assert_eq!(refused["type"], "/problems/too-much");
    }

    #[tokio::test]
    async fn products_of_another_account_are_not_found_in_a_batch() {
        let house = House::new().await;
        let (supplier, stranger) = (house.supplier().await, house.supplier().await);
        let pot = house.post(&supplier, "/v1/products", draft("Pot", "POT")).await.expect(201)["id"].clone();
        let batch = json!({"data": [{"id": pot, "title": "Mine"}]});
        let outcome = house.patch(&stranger, "/v1/products/batch", batch, &[]).await.expect(200);
        assert_eq!((&outcome["failed"], &outcome["data"][0]["status"]), (&json!(1), &json!(404)));
        assert_eq!(house.get(&supplier, &path(&pot)).await.expect(200)["version"], 1);
    }

    /// Where a product is.
    fn path(id: &Value) -> String {
        format!("/v1/products/{}", id.as_str().unwrap())
    }

    /// All pages of a list, one record each.
    async fn walked(house: &House, party: &Party, path: &str) -> Vec<String> {
        let (mut titles, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = house.get(party, &format!("{path}&limit=1{cursor}")).await.expect(200);
            titles.extend(page["data"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return titles,
            }
            assert_eq!(page["has_more"], true);
        }
    }

    #[tokio::test]
    async fn pages_show_each_record_once_in_either_order() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        for title in ["A", "B", "C"] {
            house.post(&supplier, "/v1/products", draft(title, title)).await.expect(201);
            house.ledger.test_clock().advance_ms(1);
        }
        let mut prepared = draft("D", "D");
        prepared["status"] = json!("draft");
        house.post(&supplier, "/v1/products", prepared).await.expect(201);
        assert_eq!(walked(&house, &supplier, "/v1/products?order=asc").await, ["A", "B", "C", "D"]);
        assert_eq!(walked(&house, &supplier, "/v1/products?order=desc").await, ["D", "C", "B", "A"]);
        assert_eq!(walked(&house, &supplier, "/v1/products?status=active").await, ["A", "B", "C"]);
        assert_eq!(walked(&house, &supplier, "/v1/products?status=active&order=desc").await, ["C", "B", "A"]);
        assert_eq!(walked(&house, &supplier, "/v1/products?status=archived").await, Vec::<String>::new());

        for (filter, count) in [("handle=b", 1), ("handle=none", 0), ("handle=b&status=draft", 0)] {
            let found = house.get(&supplier, &format!("/v1/products?{filter}")).await.expect(200);
            assert_eq!(found["data"].as_array().unwrap().len(), count, "{filter}");
        }
        let foreign = house.get(&supplier, "/v1/orders?limit=1").await.expect(200)["next_cursor"].clone();
        assert!(foreign.is_null());
        let cursor = house.get(&supplier, "/v1/products?limit=1").await.expect(200)["next_cursor"].clone();
        house.get(&supplier, &format!("/v1/orders?cursor={}", cursor.as_str().unwrap())).await.expect(400);
    }
}
