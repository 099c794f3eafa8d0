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
use bonded_connect::files::repeatable;
use bonded_people::Permission;
use bonded_trade::accounts;
use bonded_trade::catalog::Product;
use serde::Serialize;
use utoipa_axum::routes;

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

#[cfg(test)]
mod tests {
    use crate::house::{Answer, House, Party, request, scrubbed};
    use axum::body::Body;
    use axum::http::Method;
    use serde_json::json;

    async fn import(house: &House, party: &Party, query: &str, file: &str) -> Answer {
        let path = format!("/v1/imports/products{query}");
        let body = Body::from(file.to_owned());
        house.send(request(party, Method::POST, &path, &[("content-type", "text/csv; charset=utf-8")], body)).await
    }

    const FILE: &str = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Own Column,a@b.example\n\
        tea-tin,Tea Tin,Size,Small,TIN-S,12,7.50,x,\n\
        tea-tin,,,Large,TIN-L,8,11.00,,\n\
        broken,Broken,,,BAD,1,a lot,,\n\
        mug,Mug,,,TIN-S,1,3.00,,\n";

    #[tokio::test]
    async fn every_row_of_a_file_is_taken_or_held_with_a_reason() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let report = import(&house, &supplier, "", FILE).await.expect(200);
        assert_eq!(
            report["taken"].as_u64().unwrap() + report["held"].as_u64().unwrap(),
            report["rows"].as_u64().unwrap()
        );
        assert!(!report.to_string().contains("a@b.example"));
        insta::assert_json_snapshot!("import", scrubbed(&report));
        let products = house.get(&supplier, "/v1/products").await.expect(200);
        assert_eq!(products["data"].as_array().unwrap().len(), 1);
        let found = house.get(&supplier, "/v1/variants?sku=TIN-L").await.expect(200);
        assert_eq!(found["data"][0]["price"], json!({"amount": 1100, "currency": "EUR"}));
        let variant = found["data"][0]["id"].as_str().unwrap();
        let levels = house.get(&supplier, &format!("/v1/inventory_levels?variant={variant}")).await.expect(200);
        assert_eq!(levels["data"][0]["on_hand"], 8);
    }

    #[tokio::test]
    async fn a_file_that_is_none_is_refused_and_the_currency_is_the_caller_s() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        import(&house, &supplier, "", "").await.expect(422);
        import(&house, &supplier, "", "a,b\n1,2\n").await.expect(422);
        import(&house, &supplier, "?currency=none", FILE).await.expect(400);
        let json = house.post(&supplier, "/v1/imports/products", json!({})).await.expect(415);
        assert!(json["detail"].as_str().unwrap().contains("text/csv"));
        import(&house, &supplier, "?currency=JPY", "Handle,Title,Variant SKU,Variant Price\nm,Mug,M,300\n")
            .await
            .expect(200);
        let found = house.get(&supplier, "/v1/variants?sku=M").await.expect(200);
        assert_eq!(found["data"][0]["price"], json!({"amount": 300, "currency": "JPY"}));
    }
}
