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
    request_body(content = shapes::NewPartnerLink, example = json!({"partner": "acct_01jd2mk8x3e5v9zq4t7w6y5h0c"})),
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
    responses((status = 200, body = shapes::PartnerLinkPage)))]
async fn list_partner_links(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::PartnerLink, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&partners::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a partner link
#[utoipa::path(get, path = "/v1/partner_links/{id}", tag = "Partner links",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")),
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
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")),
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
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PartnerLink)))]
async fn end_partner_link(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<partners::PartnerLink>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&partners::end(app.ledger(), caller.scope(), id, expected).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use bonded_trade::accounts::Role;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_link_is_made_by_two_and_ended_by_one() {
        let house = House::new().await;
        let (retailer, supplier) = (house.retailer().await, house.supplier().await);
        let invitation = json!({"partner": supplier.account.to_string()});
        let invited = house.post(&retailer, "/v1/partner_links", invitation.clone()).await;
        let path = invited.headers["location"].to_str().unwrap().to_owned();
        insta::assert_json_snapshot!("invited", scrubbed(&invited.expect(201)));
        let again = house.post(&retailer, "/v1/partner_links", invitation).await.expect(409);
        assert_eq!(again["type"], "/problems/duplicate");

        let theirs = house.until(&supplier, &path, |link| link["state"] == "invited").await;
        assert_eq!((&theirs["invited_by_us"], &theirs["partner_name"]), (&json!(false), &json!("Sample Shop")));
        let own = house.post(&retailer, &format!("{path}/accept"), Value::Null).await.expect(409);
        assert_eq!(own["type"], "/problems/state");
        let stale = house.post_with(&supplier, &format!("{path}/accept"), Value::Null, &[("if-match", "\"9\"")]).await;
        assert_eq!(stale.expect(412)["type"], "/problems/changed");
        let accept = house.post_with(&supplier, &format!("{path}/accept"), Value::Null, &[("if-match", "\"1\"")]).await;
        assert_eq!(accept.expect(200)["state"], "active");
        house.until(&retailer, &path, |link| link["state"] == "active").await;

        for (state, count) in [("active", 1), ("invited", 0), ("ended", 0)] {
            let listed = house.get(&retailer, &format!("/v1/partner_links?state={state}")).await.expect(200);
            assert_eq!(listed["data"].as_array().unwrap().len(), count, "{state}");
        }
        assert_eq!(house.post(&retailer, &format!("{path}/end"), Value::Null).await.expect(200)["state"], "ended");
        house.until(&supplier, &path, |link| link["state"] == "ended").await;
        house.post(&supplier, &format!("{path}/accept"), Value::Null).await.expect(409);
    }

    #[tokio::test]
    async fn who_cannot_be_invited_is_told_by_the_field() {
        let house = House::new().await;
        let (retailer, other) = (house.retailer().await, house.party("Other", Role::Retailer).await);
        let nobody = "acct_00000000000000000000000001";
        for partner in [&retailer.account.to_string(), &other.account.to_string(), nobody, "", "canary"] {
            let problem = house.post(&retailer, "/v1/partner_links", json!({"partner": partner})).await.expect(422);
            assert_eq!(problem["pointer"], "/partner", "{partner}");
        }
        let missing = house.post(&retailer, "/v1/partner_links", json!({})).await.expect(422);
        assert_eq!(missing["detail"], "The field `partner` is missing.");
    }
}
