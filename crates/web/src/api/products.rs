//! Products: what a supplier sells.

use super::batch;
use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{Batch, IdIn, Sent};
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

/// List products
#[utoipa::path(get, path = "/v1/products", tag = "Products",
    params(PageParams,
        ("status" = Option<shapes::ProductStatus>, Query, description = "Only products with this status."),
        ("handle" = Option<String>, Query, description = "Only the product with this handle.")),
    responses((status = 200, body = crate::page::Listing<shapes::Product>)))]
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
    params(("id" = String, Path, description = "The product.", example = "$PRODUCT")),
    responses((status = 200, body = shapes::Product)))]
async fn get_product(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Product>) -> Result<Reply, Failure> {
    Shown::from(&catalog::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Update a product
///
/// Fields that are left out stay as they are; `null` empties one. Send the `ETag` that you have seen as `If-Match` to be
/// sure that nobody changed it in between.
#[utoipa::path(patch, path = "/v1/products/{id}", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "$PRODUCT")),
    request_body(content = shapes::ProductChange, example = json!({"tags": ["garden", "clay"], "status": "active"})),
    responses((status = 200, body = shapes::Product)))]
async fn update_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Product>,
    IfMatch(expected): IfMatch,
    Sent(patch): Sent<ProductPatch>,
) -> Result<Reply, Failure> {
    Shown::from(&catalog::update(app.ledger(), caller.scope(), id, expected, &patch).await?).reply()
}

/// Archive a product
///
/// It is no longer offered to partners, and kept for the orders that name it.
#[utoipa::path(post, path = "/v1/products/{id}/archive", tag = "Products",
    params(("id" = String, Path, description = "The product.", example = "$PRODUCT")),
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
    params(("id" = String, Path, description = "The product.", example = "$PRODUCT"), PageParams),
    responses((status = 200, body = crate::page::Listing<shapes::Variant>)))]
async fn list_variants_of_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Product>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::Variant, &[])?;
    listing(&catalog::variants_of(app.ledger(), caller.scope(), id, page).await?)
}
