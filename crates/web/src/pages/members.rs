//! Who belongs to the account: list, invite, change a role, sign out, let in anew, remove.

use super::answer::{Refused, Shell, answered, sentence};
use super::form::{Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, when};
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::Problem;
use bonded_people::invitations::{self, Into as Place};
use bonded_people::members::{self, Role};
use bonded_people::users::Visitor;
use bonded_people::{MailAddress, PeopleError, Permission};

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::MembersRead), Access::Member(Permission::MembersWrite));
    vec![
        Page::get(look, "/members", get(show)),
        Page::post(change, "/members/invite", post(invite)),
        Page::post(change, "/members/withdraw", post(withdraw)),
        Page::post(change, "/members/role", post(change_role)),
        Page::post(change, "/members/sign-out", post(sign_out)),
        Page::post(change, "/members/reset-sign-in", post(reset_sign_in)),
        Page::post(change, "/members/remove", post(remove)),
    ]
}

struct MemberRow {
    id: String,
    name: String,
    mail: String,
    role: &'static str,
    second_factor: bool,
    seen: String,
    may_change: bool,
    may_reset: bool,
}

struct InvitationRow {
    id: String,
    mail: String,
    role: &'static str,
    until: String,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    shell: Shell,
    members: Vec<MemberRow>,
    invitations: Vec<InvitationRow>,
    roles: Vec<&'static str>,
    may_change: bool,
    may_reset: bool,
}

async fn show(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    rendered(&app, &visitor, Ok("")).await
}

/// The page, after something was done or refused.
async fn rendered(app: &App, visitor: &Visitor, done: Result<&str, PeopleError>) -> Result<Response, Refused> {
    let acting = visitor.acting()?;
    let now = app.ledger().clock().now();
    let (may, fresh) = (visitor.permissions().contains(Permission::MembersWrite), visitor.session.is_fresh(now));
    let may_change = may && fresh;
    let gives = |role: Role| may_change && acting.role.may_give(role);
    let listed = members::list(app.ledger(), &acting.scope).await?;
    let row = |member: &bonded_ledger::Stored<members::MemberRecord>| MemberRow {
        id: member.id.to_string(),
        name: member.name.clone(),
        mail: member.mail.expose().to_owned(),
        role: member.role.name(),
        second_factor: member.has_second_factor,
        seen: member.last_sign_in_at.map_or_else(|| String::from("never"), when),
        may_change: gives(member.role),
        may_reset: may_change && acting.role == Role::Owner && acting.member != Some(member.id),
    };
    let invited = invitations::list(app.ledger(), &acting.scope).await?;
    let invitation = |one: &bonded_ledger::Stored<invitations::InvitationRecord>| match one.into {
        Place::Account { role, .. } if one.is_open(now) => Some(InvitationRow {
            id: one.id.to_string(),
            mail: one.mail.expose().to_owned(),
            role: role.name(),
            until: when(one.until),
        }),
        _ => None,
    };
    let shell = home::shell("Members", visitor).confirming(may && !fresh, "/members");
    let (status, shell) = match done {
        Ok("") => (StatusCode::OK, shell),
        Ok(notice) => (StatusCode::OK, shell.with_notice(Some(notice.to_owned()))),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, shell.with_error(Some(sentence(error)?))),
    };
    let members: Vec<_> = listed.iter().filter(|member| member.is_active()).map(row).collect();
    let shown = MembersPage {
        shell,
        may_reset: members.iter().any(|member| member.may_reset),
        members,
        invitations: invited.iter().filter_map(invitation).collect(),
        roles: Role::ALL.into_iter().filter(|role| gives(*role)).map(Role::name).collect(),
        may_change,
    };
    Ok(answered(status, &shown))
}

fn role_of(form: &Form) -> Result<Role, PeopleError> {
    form.text("role").parse().map_err(|unknown| Problem::invalid("/role", format!("{unknown}")).into())
}

fn id_of<K: bonded_base::Kinded>(form: &Form) -> Result<bonded_base::Id<K>, PeopleError> {
    id_in(form.text("id"), "there is nobody with this id")
}

async fn invite(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async {
        let mail: MailAddress = form.text("mail").trim().parse()?;
        let (acting, role) = (visitor.acting()?, role_of(&form)?);
        invitations::invite_member(app.ledger(), &acting, &visitor.user.name, mail, role).await
    };
    let done = work.await.map(|_| "The invitation is on its way by mail.");
    rendered(&app, &visitor, done).await
}

async fn withdraw(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async { invitations::withdraw(app.ledger(), &visitor.acting()?, id_of(&form)?).await };
    let done = work.await.map(|_| "The invitation was taken back.");
    rendered(&app, &visitor, done).await
}

async fn change_role(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async {
        let role = role_of(&form)?;
        members::change_role(app.ledger(), &visitor.acting()?, id_of(&form)?, role, None).await
    };
    let done = work.await.map(|_| "The role was changed.");
    rendered(&app, &visitor, done).await
}

async fn sign_out(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async { members::sign_out(app.ledger(), &visitor.acting()?, id_of(&form)?, None).await };
    let done = work.await.map(|_| "All sessions of this person have ended, and the person was told by mail.");
    rendered(&app, &visitor, done).await
}

async fn reset_sign_in(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async { members::reset_sign_in(app.ledger(), &visitor.acting()?, id_of(&form)?, None).await };
    let done = work.await.map(|_| "A link to a new password is on its way by mail. Every owner was told.");
    rendered(&app, &visitor, done).await
}

async fn remove(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let work = async { members::remove(app.ledger(), &visitor.acting()?, id_of(&form)?, None).await };
    let done = work.await.map(|_| "The membership has ended, and the API keys that the member made with it.");
    rendered(&app, &visitor, done).await
}
