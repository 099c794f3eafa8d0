//! Mappings of files: what the columns of a header mean that says nothing by itself, chosen once.

use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Id;
use bonded_connect::files::{self, ColumnChoice, Format, ImportRecord, Mapping};
use bonded_people::Permission;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa_axum::routes;

const OBJECT: &str = "import_mapping";

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ImportsRead, routes!(list_import_mappings)),
        Route::new(Permission::ImportsWrite, routes!(keep_import_mapping)),
        Route::new(Permission::ImportsWrite, routes!(forget_import_mapping)),
    ]
}

#[derive(Serialize)]
struct MappingShown {
    object: &'static str,
    id: Id<ImportRecord>,
    format: Format,
    columns: Vec<ColumnChoice>,
}

impl From<(Id<ImportRecord>, Mapping)> for MappingShown {
    fn from((id, Mapping { format, columns }): (Id<ImportRecord>, Mapping)) -> Self {
        Self { object: OBJECT, id, format, columns }
    }
}

#[derive(Serialize)]
struct MappingsShown {
    data: Vec<MappingShown>,
    fields: BTreeMap<&'static str, Vec<&'static str>>,
}

/// List mappings of files
///
/// All that are kept, and the fields that a column can mean.
#[utoipa::path(get, path = "/v1/imports/mappings", tag = "Imports",
    responses((status = 200, body = shapes::FileMappings)))]
async fn list_import_mappings(State(app): State<App>, caller: Caller) -> Result<Reply, Failure> {
    let kept = files::mappings(app.ledger(), caller.scope()).await?;
    let fields = Format::ALL.into_iter().map(|format| (format.name(), files::fields(format)));
    Reply::ok(&MappingsShown { data: kept.into_iter().map(MappingShown::from).collect(), fields: fields.collect() })
}

/// Keep a mapping of files
///
/// It is used from now on for every file of the format that has all these columns. One for the same columns is replaced.
#[utoipa::path(post, path = "/v1/imports/mappings", tag = "Imports",
    request_body(content = shapes::NewFileMapping, example = json!({
        "format": "stock", "columns": [{"column": "Art.", "field": "SKU"}, {"column": "Frei", "field": "On hand"}]
    })),
    responses((status = 200, body = shapes::FileMapping)))]
async fn keep_import_mapping(
    State(app): State<App>,
    caller: Caller,
    Sent(mapping): Sent<Mapping>,
) -> Result<Reply, Failure> {
    let kept = files::keep_mapping(app.ledger(), caller.scope(), mapping).await?;
    Reply::ok(&MappingShown::from(kept))
}

#[derive(Serialize)]
struct Removal {
    object: &'static str,
    id: Id<ImportRecord>,
    forgotten: bool,
}

/// Forget a mapping of files
#[utoipa::path(post, path = "/v1/imports/mappings/{id}/forget", tag = "Imports",
    params(("id" = String, Path, description = "The mapping.", example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::ForgottenMapping)))]
async fn forget_import_mapping(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<ImportRecord>,
) -> Result<Reply, Failure> {
    files::forget_mapping(app.ledger(), caller.scope(), id).await?;
    Reply::ok(&Removal { object: OBJECT, id, forgotten: true })
}
