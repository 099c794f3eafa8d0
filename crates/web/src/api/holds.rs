//! Holds: what could not go on by itself.

use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::{self, PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind, Moment};
use bonded_people::Permission;
use bonded_trade::Written;
use bonded_trade::holds::{self, Hold, HoldReason, HoldState};
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::HoldsRead, routes!(list_holds)),
        Route::new(Permission::HoldsRead, routes!(get_hold)),
        Route::new(Permission::HoldsWrite, routes!(retry_hold)).versioned(),
        Route::new(Permission::HoldsWrite, routes!(resolve_hold)).versioned(),
    ]
}

#[derive(Serialize)]
struct HoldShown<'a> {
    object: &'static str,
    id: Id<Hold>,
    version: u64,
    created_at: Moment,
    updated_at: Moment,
    kind: &'a str,
    subject: &'a str,
    reason: HoldReason,
    detail: &'a str,
    state: HoldState,
    tries: u32,
}

impl<'a> HoldShown<'a> {
    fn of(id: Id<Hold>, version: u64, updated_at: Moment, hold: &'a Hold) -> Self {
        let Hold { about, id: subject, reason, detail, state, tries, .. } = hold;
        let (object, created_at, reason, state, tries) = (Kind::Hold.name(), id.born_at(), *reason, *state, *tries);
        Self { object, id, version, created_at, updated_at, kind: about, subject, reason, detail, state, tries }
    }
}

fn reply(hold: &Written<Hold>) -> Result<Reply, Failure> {
    Ok(Reply::ok(&HoldShown::of(hold.id, hold.version, hold.updated_at, hold))?.version(hold.version))
}

const STATES: [(&str, HoldState); 2] = [("open", HoldState::Open), ("resolved", HoldState::Resolved)];

/// List holds
///
/// An order whose SKU no partner sells, or several do; a purchase order whose link has ended: what is held, and why. The
/// rest goes on meanwhile.
#[utoipa::path(get, path = "/v1/holds", tag = "Holds",
    params(PageParams, ("state" = Option<shapes::HoldState>, Query, description = "Only holds in this state.")),
    responses((status = 200, body = page::Listing<shapes::Hold>)))]
async fn list_holds(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Hold, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    let listed = holds::list(app.ledger(), caller.scope(), state, page).await?;
    let json = |hold: &bonded_ledger::Stored<Hold>| {
        serde_json::to_vec(&HoldShown::of(hold.id, hold.version, hold.updated_at, hold))
            .map_err(|error| Failure::internal(error.to_string()))
    };
    let records = listed.records.iter().map(json).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::json(page::listing(Kind::Hold, &records, listed.next)))
}

/// Get a hold
#[utoipa::path(get, path = "/v1/holds/{id}", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "$HOLD")),
    responses((status = 200, body = shapes::Hold)))]
async fn get_hold(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Hold>) -> Result<Reply, Failure> {
    reply(&holds::get(app.ledger(), caller.scope(), id).await?.into())
}

/// Retry a hold
///
/// Tries again what is held, once the reason was put right. The hold is resolved by itself if that succeeds.
#[utoipa::path(post, path = "/v1/holds/{id}/retry", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "$HOLD")),
    responses((status = 200, body = shapes::Hold)))]
async fn retry_hold(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Hold>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    reply(&holds::retry(app.ledger(), caller.scope(), id, expected).await?)
}

/// Resolve a hold
///
/// Puts it aside without trying again.
#[utoipa::path(post, path = "/v1/holds/{id}/resolve", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "$HOLD")),
    responses((status = 200, body = shapes::Hold)))]
async fn resolve_hold(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Hold>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    reply(&holds::resolve(app.ledger(), caller.scope(), id, expected).await?)
}
