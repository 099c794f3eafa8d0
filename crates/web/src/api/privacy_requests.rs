//! Privacy requests: what platforms ask for a consumer's sake.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_connect::privacy::{self, PrivacyRequest, PrivacyState};
use bonded_people::Permission;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::DeletionsRead, routes!(list_privacy_requests)),
        Route::new(Permission::DeletionsRead, routes!(get_privacy_request)),
        Route::new(Permission::DeletionsWrite, routes!(answer_privacy_request)),
    ]
}

const STATES: [(&str, PrivacyState); 2] = [("open", PrivacyState::Open), ("done", PrivacyState::Done)];

/// List privacy requests
///
/// What connected shops ask for a consumer's sake: what is kept of them, or that they be forgotten. The second goes on by
/// itself, through a deletion, as soon as the orders are completed or cancelled.
#[utoipa::path(get, path = "/v1/privacy_requests", tag = "Deletions",
    params(PageParams, ("state" = Option<shapes::PrivacyState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::PrivacyRequestPage)))]
async fn list_privacy_requests(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::PrivacyRequest, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&privacy::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a privacy request
///
/// `waits_for` names orders that have to be completed or cancelled first.
#[utoipa::path(get, path = "/v1/privacy_requests/{id}", tag = "Deletions",
    params(("id" = String, Path, description = "The request.", example = "prv_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PrivacyRequest)))]
async fn get_privacy_request(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PrivacyRequest>,
) -> Result<Reply, Failure> {
    Shown::from(&privacy::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Answer a privacy request
///
/// Says that the consumer was told what is kept of them: the six fields of its orders, which `expand=consumer` shows with
/// each.
#[utoipa::path(post, path = "/v1/privacy_requests/{id}/answer", tag = "Deletions",
    params(("id" = String, Path, description = "The request.", example = "prv_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PrivacyRequest)))]
async fn answer_privacy_request(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PrivacyRequest>,
) -> Result<Reply, Failure> {
    Shown::from(&privacy::answered(app.ledger(), caller.scope(), id).await?).reply()
}
