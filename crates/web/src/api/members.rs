//! Members: the people who belong to the account, each in a role.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind, User};
use bonded_ledger::Stored;
use bonded_people::Permission;
use bonded_people::members::{self, MemberRecord, Role};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::MembersRead, routes!(list_members)),
        Route::new(Permission::MembersRead, routes!(get_member)),
        Route::new(Permission::MembersWrite, routes!(update_member)).versioned(),
        Route::new(Permission::MembersWrite, routes!(remove_member)).versioned(),
        Route::new(Permission::MembersWrite, routes!(sign_out_member)).versioned(),
        Route::new(Permission::MembersWrite, routes!(reset_sign_in)).versioned(),
    ]
}

#[derive(Serialize)]
struct MemberShown<'a> {
    /// As whom the log names the person.
    user: Id<User>,
    #[serde(flatten)]
    member: &'a MemberRecord,
}

impl<'a> From<&'a Stored<MemberRecord>> for MemberShown<'a> {
    fn from(member: &'a Stored<MemberRecord>) -> Self {
        Self { user: Id::from_bytes(member.id.bytes()), member }
    }
}

fn shown(member: &Stored<MemberRecord>) -> Result<Reply, Failure> {
    Shown::viewed(member, &MemberShown::from(member)).reply()
}

/// List members
///
/// Everybody who belongs to the account, and who once did: their memberships have ended, and the log still names them.
#[utoipa::path(get, path = "/v1/members", tag = "Members", params(PageParams),
    responses((status = 200, body = shapes::MemberPage)))]
async fn list_members(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Member, &[])?.of_state(None);
    let listed = members::page(app.ledger(), caller.scope(), page).await?;
    listing_viewed(&listed, |member| Shown::viewed(member, &MemberShown::from(member)).json())
}

/// Get a member
#[utoipa::path(get, path = "/v1/members/{id}", tag = "Members",
    params(("id" = String, Path, description = "The member.", example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Member)))]
async fn get_member(State(app): State<App>, caller: Caller, IdIn(id): IdIn<MemberRecord>) -> Result<Reply, Failure> {
    shown(&members::get(app.ledger(), caller.scope(), id).await?)
}

#[derive(Deserialize)]
struct MemberChange {
    role: Role,
}

/// Change a member's role
///
/// Nobody gives, changes or takes a role above their own, and an account keeps at least one owner. A member who may do
/// less from now on has API keys that may do less as well. The member is told by mail.
#[utoipa::path(patch, path = "/v1/members/{id}", tag = "Members",
    params(("id" = String, Path, description = "The member.", example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = shapes::MemberChange, example = json!({"role": "operator"})),
    responses((status = 200, body = shapes::Member)))]
async fn update_member(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<MemberRecord>,
    IfMatch(expected): IfMatch,
    Sent(MemberChange { role }): Sent<MemberChange>,
) -> Result<Reply, Failure> {
    shown(&members::change_role(app.ledger(), &caller.acting()?, id, role, expected).await?)
}

/// Remove a member
///
/// The membership ends at once, and with it every API key that the member made. An account keeps at least one owner. The
/// person is told by mail.
#[utoipa::path(post, path = "/v1/members/{id}/remove", tag = "Members",
    params(("id" = String, Path, description = "The member.", example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Member)))]
async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<MemberRecord>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&members::remove(app.ledger(), &caller.acting()?, id, expected).await?)
}

/// End a member's sessions
///
/// Every session of the person ends at once, also those in which another account is open; they can sign in again. Nobody
/// does this to someone whose role is above their own. The person is told by mail.
#[utoipa::path(post, path = "/v1/members/{id}/sign_out", tag = "Members",
    params(("id" = String, Path, description = "The member.", example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Member)))]
async fn sign_out_member(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<MemberRecord>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&members::sign_out(app.ledger(), &caller.acting()?, id, expected).await?)
}

/// Reset a member's sign-in
///
/// For a member who has lost every second factor and recovery code. The password, all second factors and all recovery
/// codes stop working, every session ends, and a link to choose a new password is mailed. At the next sign-in a second
/// factor is enrolled anew where the role demands one. API keys stay.
///
/// Only an owner does this, never to themselves, and only to a person who belongs to no other account. The person and
/// every owner are told by mail.
#[utoipa::path(post, path = "/v1/members/{id}/reset_sign_in", tag = "Members",
    params(("id" = String, Path, description = "The member.", example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Member)))]
async fn reset_sign_in(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<MemberRecord>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&members::reset_sign_in(app.ledger(), &caller.acting()?, id, expected).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::people::Member;
    use crate::house::{House, scrubbed};
    use bonded_people::members::Role;
    use bonded_people::session::{Factor, Stage};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn members_are_listed_and_their_roles_changed() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let viewer = house.member(&party, Role::Viewer, false).await;
        let listed = house.get(&party, "/v1/members").await.expect(200);
        insta::assert_json_snapshot!("members", scrubbed(&listed));
        assert_eq!(house.get(&viewer, "/v1/members").await.expect(200), listed, "members see each other");

        let path = format!("/v1/members/{}", viewer.id);
        let seen = house.get(&owner, &path).await;
        assert_eq!(seen.headers["etag"], "\"1\"");
        assert_eq!(seen.expect(200), listed["data"][1]);
        let stale = house.patch(&owner, &path, json!({"role": "operator"}), &[("if-match", "\"7\"")]).await;
        assert_eq!(stale.expect(412)["type"], "/problems/changed");
        let changed =
            house.patch(&owner, &path, json!({"role": "operator"}), &[("if-match", "\"1\"")]).await.expect(200);
        assert_eq!((&changed["role"], &changed["version"]), (&json!("operator"), &json!(2)));
        let unknown = house.patch(&owner, &path, json!({"role": "canary"}), &[]).await.expect(422);
        assert_eq!(unknown["pointer"], "/role");
        assert!(!unknown.to_string().contains("canary"));
        let events = house.get(&party, "/v1/events?kind=member&after=0").await.expect(200);
        let last = events["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["action"], &last["actor"]), (&json!("role_changed"), &json!(owner.user.to_string())));
        assert_eq!(last["changes"], json!({"role": {"from": "viewer", "to": "operator"}}));
    }

    #[tokio::test]
    async fn a_member_who_leaves_takes_the_own_keys_along_and_an_owner_stays() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let manager = house.member(&party, Role::Manager, true).await;
        let draft = json!({"name": "theirs", "permissions": ["account:read"]});
        let key = house.post(&manager, "/v1/api_keys", draft).await.expect(201);
        let key = party.holding(key["secret"].as_str().unwrap());
        house.get(&key, "/v1/account").await.expect(200);

        let own = format!("/v1/members/{}/remove", owner.id);
        assert_eq!(house.post(&manager, &own, Value::Null).await.expect(403)["type"], "/problems/forbidden");
        assert_eq!(house.post(&owner, &own, Value::Null).await.expect(409)["type"], "/problems/state");
        let theirs = format!("/v1/members/{}/remove", manager.id);
        let once = [("idempotency-key", "one")];
        let removed = house.post_with(&owner, &theirs, Value::Null, &once).await.expect(200);
        assert_eq!(removed["state"], "ended");
        assert_eq!(house.post_with(&owner, &theirs, Value::Null, &once).await.expect(200), removed);
        house.get(&manager, "/v1/account").await.expect(401);
        house.get(&key, "/v1/account").await.expect(401);
        assert_eq!(house.post(&owner, &theirs, Value::Null).await.expect(409)["type"], "/problems/state");
    }
    #[tokio::test]
    async fn a_member_is_signed_out_by_whoever_may_and_let_in_anew_by_an_owner_alone() {
        let house = House::new().await;
        let party = house.retailer().await;
        let owner = house.member(&party, Role::Owner, true).await;
        let manager = house.member(&party, Role::Manager, true).await;
        let viewer = house.member(&party, Role::Viewer, false).await;
        let path = |who: &Member, act| format!("/v1/members/{}/{act}", who.id);
        let above = house.post(&manager, &path(&owner, "sign_out"), Value::Null).await.expect(403);
        assert_eq!(above["type"], "/problems/forbidden");
        let stale = [("if-match", "\"7\"")];
        house.post_with(&manager, &path(&viewer, "sign_out"), Value::Null, &stale).await.expect(412);
        house.get(&viewer, "/v1/account").await.expect(200);
        let once = [("idempotency-key", "one")];
        let out = house.post_with(&manager, &path(&viewer, "sign_out"), Value::Null, &once).await.expect(200);
        assert_eq!(out["version"], 2);
        house.get(&viewer, "/v1/account").await.expect(401);
        let again = house.signed_in(&party, viewer.user, Stage::Full, vec![Factor::Password]).await;
        assert_eq!(house.post_with(&manager, &path(&viewer, "sign_out"), Value::Null, &once).await.expect(200), out);
        house.get(&again, "/v1/account").await.expect(200);

        let refused = house.post(&manager, &path(&viewer, "reset_sign_in"), Value::Null).await.expect(403);
        assert_eq!(refused["type"], "/problems/forbidden");
        house.post(&owner, &path(&owner, "reset_sign_in"), Value::Null).await.expect(403);
        let anew = house.post(&owner, &path(&viewer, "reset_sign_in"), Value::Null).await.expect(200);
        assert_eq!((&anew["version"], &anew["state"]), (&json!(3), &json!("active")));
        house.get(&again, "/v1/account").await.expect(401);
        let events = house.get(&party, "/v1/events?kind=member&after=0").await.expect(200);
        let done: Vec<_> = events["data"].as_array().unwrap().iter().rev().take(2).collect();
        assert_eq!((&done[0]["action"], &done[0]["actor"]), (&json!("sign_in_reset"), &json!(owner.user.to_string())));
        assert_eq!((&done[1]["action"], &done[1]["actor"]), (&json!("signed_out"), &json!(manager.user.to_string())));
    }
}
