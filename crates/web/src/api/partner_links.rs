//! Partner links: who trades with whom.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Account, Id, Kind};
use bonded_people::Permission;
use bonded_trade::partners::{self, LinkState};
use serde::Deserialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::PartnerLinksWrite, routes!(invite_partner)),
        Route::new(Permission::PartnerLinksRead, routes!(list_partner_links)),
        Route::new(Permission::PartnerLinksRead, routes!(get_partner_link)),
        Route::new(Permission::PartnerLinksWrite, routes!(accept_partner_link)).versioned(),
        Route::new(Permission::PartnerLinksWrite, routes!(end_partner_link)).versioned(),
    ]
}

#[derive(Deserialize)]
struct Invitation {
    partner: Id<Account>,
}

/// Invite a partner
///
/// A link joins a retailer and a supplier. It becomes active when the other side accepts.
#[utoipa::path(post, path = "/v1/partner_links", tag = "Partner links",
    request_body(content = shapes::NewPartnerLink, example = json!({"partner": "$PARTNER"})),
    responses((status = 201, body = shapes::PartnerLink)))]
async fn invite_partner(
    State(app): State<App>,
    caller: Caller,
    Sent(Invitation { partner }): Sent<Invitation>,
) -> Result<Reply, Failure> {
    let link = partners::invite(app.ledger(), caller.scope(), partner).await?;
    Ok(Shown::from(&link).reply()?.created(format!("/v1/partner_links/{}", link.id)))
}

const STATES: [(&str, LinkState); 3] =
    [("invited", LinkState::Invited), ("active", LinkState::Active), ("ended", LinkState::Ended)];

/// List partner links
#[utoipa::path(get, path = "/v1/partner_links", tag = "Partner links",
    params(PageParams, ("state" = Option<shapes::LinkState>, Query, description = "Only links in this state.")),
    responses((status = 200, body = crate::page::Listing<shapes::PartnerLink>)))]
async fn list_partner_links(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::PartnerLink, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&partners::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a partner link
#[utoipa::path(get, path = "/v1/partner_links/{id}", tag = "Partner links",
    params(("id" = String, Path, description = "The link.", example = "$LINK")),
    responses((status = 200, body = shapes::PartnerLink)))]
async fn get_partner_link(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<partners::PartnerLink>,
) -> Result<Reply, Failure> {
    Shown::from(&partners::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Accept an invitation
///
/// Only the side that was invited can. From then on each side reads what the other shares, and the retailer's orders
/// reach the supplier.
#[utoipa::path(post, path = "/v1/partner_links/{id}/accept", tag = "Partner links",
    params(("id" = String, Path, description = "The link.", example = "$LINK")),
    responses((status = 200, body = shapes::PartnerLink)))]
async fn accept_partner_link(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<partners::PartnerLink>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&partners::accept(app.ledger(), caller.scope(), id, expected).await?).reply()
}

/// End a partner link
///
/// Either side can, at any time; an invitation is turned down in the same way. Nothing is shared from then on. Purchase
/// orders that were posted before go on.
#[utoipa::path(post, path = "/v1/partner_links/{id}/end", tag = "Partner links",
    params(("id" = String, Path, description = "The link.", example = "$LINK")),
    responses((status = 200, body = shapes::PartnerLink)))]
async fn end_partner_link(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<partners::PartnerLink>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&partners::end(app.ledger(), caller.scope(), id, expected).await?).reply()
}
