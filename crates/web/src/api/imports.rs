//! Imports: files from other systems, with an account of every row.

use crate::app::App;
use crate::body::{CsvFile, IMPORT_BYTES_MAX};
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Currency, Id, Problem};
use bonded_connect::csv::{FileError, ImportedRow, Row, import_products, shopify_products};
use bonded_people::Permission;
use bonded_trade::accounts;
use bonded_trade::catalog::Product;
use bonded_trade::screen::{Kept, has_contacts};
use serde::Serialize;
use utoipa_axum::routes;

/// Characters of a column's name that is repeated at most.
const COLUMN_CHARS_MAX: usize = 64;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::new(Permission::ProductsWrite, routes!(import_product_file)).taking(IMPORT_BYTES_MAX)]
}

#[derive(Serialize)]
struct ImportShown<'a> {
    object: &'static str,
    complete: bool,
    rows: usize,
    taken: usize,
    held: usize,
    variants: usize,
    products: &'a [Id<Product>],
    ignored_columns: Vec<&'a str>,
    report: &'a [Row<ImportedRow>],
}

/// Import a product file
///
/// A file in Shopify's product format: rows with one handle make one product with its variants and images, its stock is
/// counted at the main location. `report` says of every row what it became, or why it was held; the others go in all the
/// same. When the import stops half way, `complete` is false and the rows that were not reached are held: send those again.
#[utoipa::path(post, path = "/v1/imports/products", tag = "Imports",
    params(("currency" = Option<String>, Query, example = "EUR",
        description = "The currency of the file's prices (ISO 4217); the account's own, if left out.")),
    request_body(content = String, content_type = "text/csv", example =
        "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price\n\
         tea-tin,Tea Tin,Sample Pottery,Size,Small,TIN-S,12,7.50\n\
         tea-tin,,,,Large,TIN-L,8,11.00\n"),
    responses((status = 200, body = shapes::Import)))]
async fn import_product_file(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    CsvFile(bytes): CsvFile,
) -> Result<Reply, Failure> {
    params.only(&["currency"])?;
    let (ledger, scope) = (app.ledger(), caller.scope());
    let currency = match params.text("currency") {
        None => accounts::profile(ledger, scope).await?.currency,
        Some(code) => Currency::from_code(code)
            .ok_or_else(|| Failure::parameter("`currency` must be a code of ISO 4217, such as EUR."))?,
    };
    // A large file keeps one core busy for a while; the others' requests go on meanwhile.
    let read = tokio::task::spawn_blocking(move || shopify_products(&bytes, currency)).await;
    let file = read.map_err(|_| Failure::internal("the reader of a product file panicked"))?;
    let file = file.map_err(|error: FileError| Problem::from(error))?;
    let import = import_products(ledger, scope, file).await;
    let taken = import.report.taken();
    let complete = import.stopped.is_none();
    if let Some(error) = import.stopped {
        tracing::warn!(%error, taken, "an import stopped before its end");
        if import.products.is_empty() {
            return Err(error.into());
        }
    }
    Reply::ok(&ImportShown {
        object: "import",
        complete,
        rows: import.report.rows.len(),
        taken,
        held: import.report.rows.len() - taken,
        variants: import.variants,
        products: &import.products,
        ignored_columns: import.report.ignored_columns.iter().map(|name| repeatable(name)).collect(),
        report: &import.report.rows,
    })
}

/// A column's name, unless it may be what should have stood below one.
fn repeatable(name: &str) -> &str {
    if name.chars().count() > COLUMN_CHARS_MAX || has_contacts(name, Kept::Text) { "(not repeated)" } else { name }
}
