//! Support grants: what the platform's staff have asked to see or do in the account, and what it has answered.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind, Moment, Staff, User};
use bonded_ledger::Stored;
use bonded_people::Permission;
use bonded_people::grants::{self, ApprovedWith, GrantRecord, GrantScope, GrantState, Reason};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::GrantsRead, routes!(list_grants)),
        Route::new(Permission::GrantsRead, routes!(get_grant)),
        Route::new(Permission::GrantsWrite, routes!(deny_grant)).at_any_time(),
        Route::new(Permission::GrantsWrite, routes!(shorten_grant)).at_any_time(),
        Route::new(Permission::GrantsWrite, routes!(revoke_grant)).at_any_time(),
    ]
}

/// A grant as its account sees it: without the approver's signature, whose text is shown instead.
#[derive(Serialize)]
struct GrantShown<'a> {
    staff: Id<Staff>,
    staff_name: &'a str,
    summary: String,
    scope: &'a GrantScope,
    reason: &'a Reason,
    duration_seconds: i64,
    state: GrantState,
    lapses_at: Moment,
    approved_by: Option<Id<User>>,
    approved_with: Option<ApprovedWith>,
    until: Option<Moment>,
    ended_at: Option<Moment>,
    statement: Option<String>,
}

impl<'a> From<&'a Stored<GrantRecord>> for GrantShown<'a> {
    fn from(grant: &'a Stored<GrantRecord>) -> Self {
        Self {
            staff: grant.staff,
            staff_name: &grant.staff_name,
            summary: grant.scope.to_string(),
            scope: &grant.scope,
            reason: &grant.reason,
            duration_seconds: grant.duration_ms / 1_000,
            state: grant.state,
            lapses_at: grant.lapses_at(),
            approved_by: grant.approved_by,
            approved_with: grant.approved_with,
            until: grant.until,
            ended_at: grant.ended_at,
            statement: grant.signed.as_ref().map(|signed| signed.grant.statement()),
        }
    }
}

fn shown(grant: &Stored<GrantRecord>) -> Result<Reply, Failure> {
    Shown::viewed(grant, &GrantShown::from(grant)).reply()
}

/// List support grants
///
/// Every request of the platform's staff, and what became of it. Nothing of the account is opened to them without an
/// approval, and everything they read under one is in the account's log.
#[utoipa::path(get, path = "/v1/grants", tag = "Support grants",
    params(PageParams, ("state" = Option<shapes::GrantState>, Query, description = "Only grants in this state.")),
    responses((status = 200, body = shapes::GrantPage)))]
async fn list_grants(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Grant, &["state"])?.of_state(None);
    let state = params.one_of("state", &GrantState::ALL.map(|state| (state.name(), state)))?;
    let listed = grants::list(app.ledger(), caller.scope(), state, page).await?;
    listing_viewed(&listed, |grant| Shown::viewed(grant, &GrantShown::from(grant)).json())
}

/// Get a support grant
///
/// A request is approved by an owner or a manager in the browser, with a passkey whose signature goes over the whole
/// `statement`; there is no call of the API for that.
#[utoipa::path(get, path = "/v1/grants/{id}", tag = "Support grants",
    params(("id" = String, Path, description = "The grant.", example = "grant_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Grant)))]
async fn get_grant(State(app): State<App>, caller: Caller, IdIn(id): IdIn<GrantRecord>) -> Result<Reply, Failure> {
    shown(&grants::get(app.ledger(), caller.scope(), id).await?)
}

/// Deny a support grant
///
/// Says no to a request that nobody has answered yet. Approving takes a passkey, and so a browser.
#[utoipa::path(post, path = "/v1/grants/{id}/deny", tag = "Support grants",
    params(("id" = String, Path, description = "The grant.", example = "grant_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Grant)))]
async fn deny_grant(State(app): State<App>, caller: Caller, IdIn(id): IdIn<GrantRecord>) -> Result<Reply, Failure> {
    shown(&grants::deny(app.ledger(), &caller.acting()?, id).await?)
}

#[derive(Deserialize)]
struct Shortening {
    until: Moment,
}

/// Shorten a support grant
///
/// Lets it end earlier than was approved. A grant is never made longer: staff ask again.
#[utoipa::path(post, path = "/v1/grants/{id}/shorten", tag = "Support grants",
    params(("id" = String, Path, description = "The grant.", example = "grant_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::Shortening, example = json!({"until": "2026-11-22T10:00:00Z"})),
    responses((status = 200, body = shapes::Grant)))]
async fn shorten_grant(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<GrantRecord>,
    Sent(Shortening { until }): Sent<Shortening>,
) -> Result<Reply, Failure> {
    shown(&grants::shorten(app.ledger(), &caller.acting()?, id, until).await?)
}

/// Revoke a support grant
///
/// Takes back what was approved. The next read under it fails, also in the midst of something.
#[utoipa::path(post, path = "/v1/grants/{id}/revoke", tag = "Support grants",
    params(("id" = String, Path, description = "The grant.", example = "grant_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Grant)))]
async fn revoke_grant(State(app): State<App>, caller: Caller, IdIn(id): IdIn<GrantRecord>) -> Result<Reply, Failure> {
    shown(&grants::revoke(app.ledger(), &caller.acting()?, id).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use axum::http::Method;
    use bonded_people::grants::Area;
    use bonded_people::members::Role;
    use bonded_people::staff::StaffRole;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_request_is_shown_and_denied() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let grace = house.staff(StaffRole::Support).await;
        let asked = house.asked(&party, &grace, &[Area::Orders], false).await;
        let path = format!("/v1/grants/{asked}");
        insta::assert_json_snapshot!("requested", scrubbed(&house.get(&party, &path).await.expect(200)));
        assert_eq!(
            house.post(&owner, &format!("{path}/revoke"), Value::Null).await.expect(409)["type"],
            "/problems/state"
        );
        let denied = house.post(&owner, &format!("{path}/deny"), Value::Null).await.expect(200);
        assert_eq!(denied["state"], "denied");
        house.post(&owner, &format!("{path}/deny"), Value::Null).await.expect(409);
        assert_eq!(house.get(&party, "/v1/grants?state=denied").await.expect(200)["data"], json!([denied]));
        assert_eq!(house.get(&party, "/v1/grants?state=requested").await.expect(200)["data"], json!([]));
    }

    #[tokio::test]
    async fn an_approved_grant_opens_its_areas_until_it_is_shortened_or_revoked() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let grace = house.staff(StaffRole::Support).await;
        let granted = house.granted(&party, &owner, &grace, &[Area::Members], false).await;
        let reads = async || house.support(&grace, &granted, Method::GET, "/v1/members", "").await;
        assert_eq!(reads().await.expect(200)["data"].as_array().unwrap().len(), 1);
        let path = format!("/v1/grants/{granted}");
        let approved = house.get(&party, &path).await.expect(200);
        assert_eq!((&approved["state"], &approved["approved_with"]), (&json!("approved"), &json!("totp")));
        assert_eq!(approved["approved_by"], owner.user.to_string());
        assert!(approved["statement"].as_str().unwrap().contains("\nopen member\nchange -\n"));
        assert!(approved.get("signed").is_none());
        let until = |text: &str| json!({ "until": text });
        for bad in ["2026-11-22T09:00:00Z", "2026-12-22T09:00:00Z", "soon"] {
            let refused = house.post(&owner, &format!("{path}/shorten"), until(bad)).await.expect(422);
            assert_eq!(refused["pointer"], "/until", "{bad}");
        }
        let short = until("2026-11-22T09:45:00Z");
        let once = [("idempotency-key", "one")];
        let shortened = house.post_with(&owner, &format!("{path}/shorten"), short.clone(), &once).await.expect(200);
        assert_eq!(shortened["until"], "2026-11-22T09:45:00.000Z");
        assert_eq!(house.post_with(&owner, &format!("{path}/shorten"), short, &once).await.expect(200), shortened);
        reads().await.expect(200);
        assert_eq!(house.post(&owner, &format!("{path}/revoke"), Value::Null).await.expect(200)["state"], "revoked");
        assert_eq!(reads().await.expect(403)["type"], "/problems/not-granted");
        let told = house.get(&party, "/v1/events?kind=grant").await.expect(200);
        assert!(!told.to_string().contains("vouched") && !told.to_string().contains("\"signed\""));
        let actions: Vec<_> = told["data"].as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
        assert_eq!(actions, ["requested", "approved", "shortened", "revoked"]);
        let seen = house.get(&party, "/v1/events?kind=member").await.expect(200);
        let viewed = seen["data"].as_array().unwrap().iter().filter(|event| event["action"] == "viewed").count();
        assert_eq!(viewed, 2, "every read under the grant is told");
    }
}
