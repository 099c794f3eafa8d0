//! Invitations: how people come into the account, by a mailed link.

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
use bonded_base::{Kind, Moment};
use bonded_ledger::Stored;
use bonded_people::invitations::{self, Into, InvitationRecord, InvitationState};
use bonded_people::members::Role;
use bonded_people::{MailAddress, Permission};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::MembersWrite, routes!(invite_member)),
        Route::new(Permission::MembersRead, routes!(list_invitations)),
        Route::new(Permission::MembersRead, routes!(get_invitation)),
        Route::new(Permission::MembersWrite, routes!(withdraw_invitation)),
    ]
}

#[derive(Serialize)]
struct InvitationShown<'a> {
    mail: &'a MailAddress,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    invited_by: &'a str,
    state: Standing,
    until: Moment,
}

/// Where an invitation stands, as time has it: nobody writes down that one has expired.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Open,
    Accepted,
    Withdrawn,
    Expired,
}

impl<'a> InvitationShown<'a> {
    fn of(invitation: &'a InvitationRecord, now: Moment) -> Self {
        Self {
            mail: &invitation.mail,
            role: match invitation.into {
                Into::Account { role, .. } => Some(role),
                Into::Staff { .. } => None,
            },
            invited_by: &invitation.invited_by,
            state: match invitation.state {
                InvitationState::Open if invitation.is_open(now) => Standing::Open,
                InvitationState::Open => Standing::Expired,
                InvitationState::Accepted => Standing::Accepted,
                InvitationState::Withdrawn => Standing::Withdrawn,
            },
            until: invitation.until,
        }
    }
}

fn shown(app: &App, invitation: &Stored<InvitationRecord>) -> Result<Reply, Failure> {
    Shown::viewed(invitation, &InvitationShown::of(invitation, app.ledger().clock().now())).reply()
}

#[derive(Deserialize)]
struct NewInvitation {
    mail: String,
    role: Role,
}

/// Invite a member
///
/// The person gets a mail with a link that holds for 7 days; whoever opens it becomes a member in this role. Nobody
/// invites into a role above their own. An account has at most 100 open invitations.
#[utoipa::path(post, path = "/v1/invitations", tag = "Members",
    request_body(content = shapes::NewInvitation, example = json!({"mail": "ada@example.com", "role": "operator"})),
    responses((status = 201, body = shapes::Invitation)))]
async fn invite_member(
    State(app): State<App>,
    caller: Caller,
    Sent(NewInvitation { mail, role }): Sent<NewInvitation>,
) -> Result<Reply, Failure> {
    let by = &caller.member()?.user.name;
    let invited = invitations::invite_member(app.ledger(), &caller.acting()?, by, mail.parse()?, role).await?;
    Ok(shown(&app, &invited)?.created(format!("/v1/invitations/{}", invited.id)))
}

/// List invitations
///
/// Those that were accepted, withdrawn or have expired as well. The link itself is in the mail alone.
#[utoipa::path(get, path = "/v1/invitations", tag = "Members", params(PageParams),
    responses((status = 200, body = shapes::InvitationPage)))]
async fn list_invitations(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Invitation, &[])?.of_state(None);
    let listed = invitations::page(app.ledger(), caller.scope(), page).await?;
    let now = app.ledger().clock().now();
    listing_viewed(&listed, |one| Shown::viewed(one, &InvitationShown::of(one, now)).json())
}

/// Get an invitation
#[utoipa::path(get, path = "/v1/invitations/{id}", tag = "Members",
    params(("id" = String, Path, description = "The invitation.", example = "inv_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Invitation)))]
async fn get_invitation(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<InvitationRecord>,
) -> Result<Reply, Failure> {
    shown(&app, &invitations::get(app.ledger(), caller.scope(), id).await?)
}

/// Withdraw an invitation
///
/// Its link opens nothing from then on.
#[utoipa::path(post, path = "/v1/invitations/{id}/withdraw", tag = "Members",
    params(("id" = String, Path, description = "The invitation.", example = "inv_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Invitation)))]
async fn withdraw_invitation(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<InvitationRecord>,
) -> Result<Reply, Failure> {
    shown(&app, &invitations::withdraw(app.ledger(), &caller.acting()?, id).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use bonded_people::invitations::HOLDS_MS;
    use bonded_people::members::Role;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn somebody_is_invited_once_and_the_invitation_withdrawn() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let wanted = json!({"mail": "Ada@Example.com", "role": "manager"});
        let once = [("idempotency-key", "one")];
        let invited = house.post_with(&owner, "/v1/invitations", wanted.clone(), &once).await;
        let path = invited.headers["location"].to_str().unwrap().to_owned();
        let invited = invited.expect(201);
        insta::assert_json_snapshot!("invitation", scrubbed(&invited));
        assert_eq!(house.post_with(&owner, "/v1/invitations", wanted, &once).await.expect(201), invited);
        let twin = json!({"mail": "ada@example.com", "role": "viewer"});
        assert_eq!(house.post(&owner, "/v1/invitations", twin).await.expect(409)["type"], "/problems/duplicate");
        assert_eq!(house.get(&party, "/v1/invitations").await.expect(200)["data"], json!([invited]));
        let withdraw = format!("{path}/withdraw");
        assert_eq!(house.post(&owner, &withdraw, Value::Null).await.expect(200)["state"], "withdrawn");
        assert_eq!(house.post(&owner, &withdraw, Value::Null).await.expect(409)["type"], "/problems/state");
    }

    #[tokio::test]
    async fn nobody_invites_above_the_own_role_and_what_is_no_address_is_not_repeated() {
        let house = House::new().await;
        let party = house.retailer().await;
        let manager = house.member(&party, Role::Manager, true).await;
        let above = json!({"mail": "ada@example.com", "role": "owner"});
        assert_eq!(house.post(&manager, "/v1/invitations", above).await.expect(403)["type"], "/problems/forbidden");
        let bad =
            house.post(&manager, "/v1/invitations", json!({"mail": "canary", "role": "viewer"})).await.expect(422);
        assert_eq!(bad["pointer"], "/mail");
        assert!(!bad.to_string().contains("canary"));
        let late = json!({"mail": "late@example.com", "role": "viewer"});
        let late = house.post(&manager, "/v1/invitations", late).await.expect(201);
        house.ledger.test_clock().advance_ms(HOLDS_MS);
        let path = format!("/v1/invitations/{}", late["id"].as_str().unwrap());
        assert_eq!(house.get(&party, &path).await.expect(200)["state"], "expired");
    }
}
