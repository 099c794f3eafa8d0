//! Holds: what could not go on by itself.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_people::Permission;
use bonded_trade::holds::{self, Hold, HoldState};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::HoldsRead, routes!(list_holds)),
        Route::new(Permission::HoldsRead, routes!(get_hold)),
        Route::new(Permission::HoldsWrite, routes!(retry_hold)).versioned(),
        Route::new(Permission::HoldsWrite, routes!(resolve_hold)).versioned(),
    ]
}

const STATES: [(&str, HoldState); 2] = [("open", HoldState::Open), ("resolved", HoldState::Resolved)];

/// List holds
///
/// An order whose SKU no partner sells, or several do; a purchase order whose link has ended: what is held, and why. The
/// rest goes on meanwhile.
#[utoipa::path(get, path = "/v1/holds", tag = "Holds",
    params(PageParams, ("state" = Option<shapes::HoldState>, Query, description = "Only holds in this state.")),
    responses((status = 200, body = crate::page::Listing<shapes::Hold>)))]
async fn list_holds(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Hold, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&holds::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a hold
#[utoipa::path(get, path = "/v1/holds/{id}", tag = "Holds",
    params(("id" = String, Path, description = "The hold.", example = "$HOLD")),
    responses((status = 200, body = shapes::Hold)))]
async fn get_hold(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Hold>) -> Result<Reply, Failure> {
    Shown::from(&holds::get(app.ledger(), caller.scope(), id).await?).reply()
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
    Shown::from(&holds::retry(app.ledger(), caller.scope(), id, expected).await?).reply()
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
    Shown::from(&holds::resolve(app.ledger(), caller.scope(), id, expected).await?).reply()
}
