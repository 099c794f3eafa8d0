//! Files of any size: received as they arrive, previewed, brought in by the server itself, undone.

use crate::app::App;
use crate::body::{CsvStream, IdIn, cut_short};
use crate::caller::Caller;
use crate::page::{self, PageParams, Params};
use crate::problem::Failure;
use crate::reply::{Reply, written};
use crate::route::Route;
use crate::shapes;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bonded_base::{Currency, Id, Kind, Moment};
use bonded_connect::files::{
    self, Counts, Encoding, FILE_BYTES_MAX, Format, ImportRecord, ImportState, Kept, MappedColumn, Preview,
    ReceiveError, RowProblem, Upload,
};
use bonded_people::Permission;
use bonded_trade::Left;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa_axum::routes;

/// Rows that one page of problems has at least, if there are so many.
const PROBLEMS_A_PAGE: usize = 500;

pub(crate) const FORMATS: [(&str, Format); 4] = [
    ("products", Format::Products),
    ("stock", Format::Stock),
    ("orders", Format::Orders),
    ("fulfilments", Format::Fulfilments),
];

pub(crate) fn routes() -> Vec<Route> {
    let bytes_max = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
    vec![
        Route::new(Permission::ImportsWrite, routes!(receive_file)).taking(bytes_max),
        Route::new(Permission::ImportsRead, routes!(list_imports)),
        Route::new(Permission::ImportsRead, routes!(get_import)),
        Route::new(Permission::ImportsRead, routes!(preview_import)),
        Route::new(Permission::ImportsRead, routes!(list_import_problems)),
        Route::new(Permission::ImportsRead, routes!(get_bad_rows)),
        Route::new(Permission::ImportsWrite, routes!(start_import)),
        Route::new(Permission::ImportsWrite, routes!(resume_import)),
        Route::new(Permission::ImportsWrite, routes!(undo_import)),
        Route::new(Permission::ImportsWrite, routes!(discard_import)),
    ]
}

/// What an import of a format needs besides: the permission to write what it is about.
pub(crate) const fn writes(format: Format) -> Permission {
    match format {
        Format::Products => Permission::ProductsWrite,
        Format::Stock => Permission::InventoryWrite,
        Format::Orders => Permission::OrdersWrite,
        Format::Fulfilments => Permission::PurchaseOrdersWrite,
    }
}

/// What looking at its rows needs besides.
pub(crate) const fn reads(format: Format) -> Permission {
    match format {
        Format::Products => Permission::ProductsRead,
        Format::Stock => Permission::InventoryRead,
        Format::Orders => Permission::OrdersRead,
        Format::Fulfilments => Permission::PurchaseOrdersRead,
    }
}

#[derive(Serialize)]
struct ImportShown<'a> {
    object: &'static str,
    id: Id<ImportRecord>,
    version: u64,
    created_at: Moment,
    updated_at: Moment,
    format: Format,
    state: ImportState,
    why: Option<&'a str>,
    started_by: &'a str,
    currency: Currency,
    encoding: Encoding,
    delimiter: char,
    decimal_comma: bool,
    columns: &'a [MappedColumn],
    mapping: Option<Id<ImportRecord>>,
    bytes: u64,
    rows: u64,
    rows_done: u64,
    counts: Counts,
    rows_until: Option<Moment>,
}

impl<'a> From<&'a Kept> for ImportShown<'a> {
    fn from(kept: &'a Kept) -> Self {
        Self {
            object: "import",
            id: kept.id(),
            version: kept.version(),
            created_at: kept.id().born_at(),
            updated_at: kept.updated_at(),
            format: kept.format,
            state: kept.state,
            why: kept.why.as_deref(),
            started_by: &kept.started_by,
            currency: kept.currency,
            encoding: kept.encoding,
            delimiter: kept.delimiter,
            decimal_comma: kept.decimal_comma,
            columns: &kept.columns,
            mapping: kept.mapping,
            bytes: kept.bytes,
            rows: kept.rows,
            rows_done: kept.counts.rows(),
            counts: kept.counts,
            rows_until: kept.rows_until,
        }
    }
}

fn shown(kept: &Kept) -> Result<Reply, Failure> {
    Reply::ok(&ImportShown::from(kept))
}

/// Send a file
///
/// The body is the file, up to 512 MiB, and is read as it arrives; under an `Idempotency-Key` up to 64 MiB. Its encoding,
/// its delimiter and what its columns mean are recognised; columns that mean nothing here are dropped before anything is
/// kept. Nothing is changed until it is started: look at it first. With `start=true` it is started at once. It needs the
/// permission to write what the file is about. An import that has failed says why in `why`, and what was made of each column.
#[utoipa::path(post, path = "/v1/imports", tag = "Imports",
    params(("format" = shapes::FileFormat, Query, description = "What the file is about.", example = "stock"),
        ("currency" = Option<String>, Query, example = "EUR",
            description = "The currency of amounts that name none (ISO 4217); the account's own, if left out."),
        ("start" = Option<bool>, Query, description = "Whether it is started at once.", example = true)),
    request_body(content = String, content_type = "text/csv", example = "SKU;Bestand\nTIN-S;12\nTIN-L;8\n"),
    responses((status = 201, body = shapes::FileImport)))]
async fn receive_file(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    CsvStream(body): CsvStream,
) -> Result<Reply, Failure> {
    params.only(&["format", "currency", "start"])?;
    let format = params.one_of("format", &FORMATS)?;
    let format = format.ok_or_else(|| {
        Failure::parameter("`format` says what the file is about: products, stock, orders or fulfilments.")
    })?;
    caller.must(writes(format))?;
    let currency = params.text("currency").map(|code| {
        Currency::from_code(code)
            .ok_or_else(|| Failure::parameter("`currency` must be a code of ISO 4217, such as EUR."))
    });
    let upload = Upload { format, currency: currency.transpose()? };
    let starts = params.parsed("start", "true or false")?.unwrap_or(false);
    let kept = files::receive(app.ledger(), caller.scope(), upload, body).await.map_err(|error| match error {
        ReceiveError::Trade(error) => Failure::from(error),
        ReceiveError::Body(_) => cut_short(),
    })?;
    let kept = if starts && kept.state == ImportState::Previewed {
        files::start(app.ledger(), &caller.scope().again(), kept.id()).await?
    } else {
        kept
    };
    Ok(shown(&kept)?.created(format!("/v1/imports/{}", kept.id())))
}

/// List imports
#[utoipa::path(get, path = "/v1/imports", tag = "Imports", params(PageParams),
    responses((status = 200, body = shapes::FileImportPage)))]
async fn list_imports(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Import, &[])?;
    let (imports, next) = files::list(app.ledger(), caller.scope(), page).await?;
    let records: Vec<_> =
        imports.iter().map(|kept| written(&ImportShown::from(kept))).collect::<Result<_, Failure>>()?;
    Ok(Reply::json(page::listing(Kind::Import, &records, next)))
}

/// Get an import
///
/// `rows_done` of `rows` is its progress. It goes on by itself, also after a restart of the server.
#[utoipa::path(get, path = "/v1/imports/{id}", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FileImport)))]
async fn get_import(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ImportRecord>) -> Result<Reply, Failure> {
    shown(&files::get(app.ledger(), caller.scope(), id).await?)
}

#[derive(Serialize)]
struct RowShown {
    row: u64,
    line: u64,
    fields: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct PreviewShown {
    rows: Vec<RowShown>,
    looked_at: u64,
    counts: Counts,
    problems: Vec<RowProblem>,
}

/// Preview an import
///
/// How its first rows are understood, and what they would change: a dry run, which changes nothing. Of a large file the
/// first ten thousand rows or so are looked at.
#[utoipa::path(get, path = "/v1/imports/{id}/preview", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FilePreview)))]
async fn preview_import(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<ImportRecord>,
) -> Result<Reply, Failure> {
    let import = files::get(app.ledger(), caller.scope(), id).await?;
    caller.must(reads(import.format))?;
    let Preview { rows, looked_at, counts, problems } = files::preview(app.ledger(), caller.scope(), id).await?;
    let rows = rows.into_iter();
    let rows = rows.map(|row| RowShown { row: row.row, line: row.line, fields: row.fields.into_iter().collect() });
    Reply::ok(&PreviewShown { rows: rows.collect(), looked_at, counts, problems })
}

#[derive(Serialize)]
struct ProblemsShown {
    data: Vec<RowProblem>,
    left: Vec<Left>,
    has_more: bool,
    next: Option<u32>,
}

/// List the rows of an import that were held
///
/// Each with its line, its column and the reason; and after undoing it, what could not be taken back.
#[utoipa::path(get, path = "/v1/imports/{id}/problems", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("from" = Option<u32>, Query, description = "The `next` of the answer before.", example = 16)),
    responses((status = 200, body = shapes::FileProblems)))]
async fn list_import_problems(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<ImportRecord>,
    params: Params,
) -> Result<Reply, Failure> {
    params.only(&["from"])?;
    let from = params.parsed("from", "the `next` of an earlier answer")?.unwrap_or(0);
    let page = files::problems(app.ledger(), caller.scope(), id, from, PROBLEMS_A_PAGE).await?;
    let (has_more, next) = (page.next.is_some(), page.next);
    Reply::ok(&ProblemsShown { data: page.rows, left: page.left, has_more, next })
}

/// Get the rows of an import that were held, as a file
///
/// The columns that were kept, and one called `error` that says what is wrong. Correct it and send it again: that column is
/// left out then. The rows are kept for seven days; those of an order file are read from where they are sealed, and hold
/// consumers' fields.
#[utoipa::path(get, path = "/v1/imports/{id}/bad_rows.csv", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn get_bad_rows(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<ImportRecord>,
) -> Result<Response, Failure> {
    let import = files::get(app.ledger(), caller.scope(), id).await?;
    caller.must(reads(import.format))?;
    let rows = files::bad_rows(app.ledger().clone(), caller.scope().clone(), id).await?;
    Ok(csv(&format!("{}-to-correct", import.format.name()), Body::from_stream(rows)))
}

/// A file to be saved.
pub(crate) fn csv(name: &str, body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, String::from("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, body).into_response()
}

/// The import, once it is known that the caller may write what it is about.
async fn written_by(app: &App, caller: &Caller, id: Id<ImportRecord>) -> Result<(), Failure> {
    let import = files::get(app.ledger(), caller.scope(), id).await?;
    caller.must(writes(import.format))
}

/// Start an import
///
/// The server brings its rows in from now on. A row that says what is so already changes nothing, so a file can be sent again.
#[utoipa::path(post, path = "/v1/imports/{id}/start", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FileImport)))]
async fn start_import(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ImportRecord>) -> Result<Reply, Failure> {
    written_by(&app, &caller, id).await?;
    shown(&files::start(app.ledger(), caller.scope(), id).await?)
}

/// Resume an import
///
/// One that has failed goes on where it stood. After a crash or a restart imports go on by themselves.
#[utoipa::path(post, path = "/v1/imports/{id}/resume", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FileImport)))]
async fn resume_import(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ImportRecord>) -> Result<Reply, Failure> {
    written_by(&app, &caller, id).await?;
    shown(&files::resume(app.ledger(), caller.scope(), id).await?)
}

/// Undo an import
///
/// What it created is removed if nothing depends on it, what it changed becomes what it was if nobody has changed it since.
/// The rest stays, and is named with the reason among the problems.
#[utoipa::path(post, path = "/v1/imports/{id}/undo", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FileImport)))]
async fn undo_import(State(app): State<App>, caller: Caller, IdIn(id): IdIn<ImportRecord>) -> Result<Reply, Failure> {
    written_by(&app, &caller, id).await?;
    shown(&files::undo(app.ledger(), caller.scope(), id).await?)
}

/// Discard the rows of an import
///
/// Takes away what is kept of its rows, before their seven days are over. What it did stays.
#[utoipa::path(post, path = "/v1/imports/{id}/discard", tag = "Imports",
    params(("id" = String, Path, description = "The import.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::FileImport)))]
async fn discard_import(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<ImportRecord>,
) -> Result<Reply, Failure> {
    written_by(&app, &caller, id).await?;
    shown(&files::discard(app.ledger(), caller.scope(), id).await?)
}

#[cfg(test)]
mod tests;
