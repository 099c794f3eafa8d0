//! Who is on the staff: roles, factors, invitations.

use super::{role_boxes, roles_in, roles_of, shell};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered};
use crate::pages::form::{Attempt, Choice, Form, id_in};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::when;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kinded};
use bonded_ledger::Stored;
use bonded_people::invitations::{self, Into as Place, InvitationRecord};
use bonded_people::staff::{self, Power, StaffRecord, StaffRoles, StaffVisitor};
use bonded_people::{MailAddress, PeopleError};

/// The form that invites; each of the others is called by the id that it is about.
const INVITE: &str = "invite";

pub(super) fn pages() -> Vec<Page> {
    let (look, manage) = (Access::With(Power::ReadStaff), Access::With(Power::ManageStaff));
    vec![
        Page::get(look, "/staff/people", get(show)),
        Page::post(manage, "/staff/people/invite", post(invite)),
        Page::post(manage, "/staff/people/withdraw", post(withdraw)),
        Page::post(manage, "/staff/people/roles", post(change_roles)),
        Page::post(manage, "/staff/people/end", post(end)),
    ]
}

struct Row {
    id: String,
    name: String,
    mail: String,
    roles: String,
    boxes: Vec<Choice>,
    factors: String,
    seen: String,
    own: bool,
    wrong: Option<String>,
}

struct InvitationRow {
    id: String,
    mail: String,
    roles: String,
    by: String,
    until: String,
}

#[derive(Template)]
#[template(path = "staff_people.html")]
struct PeoplePage {
    shell: Shell,
    people: Vec<Row>,
    invitations: Vec<InvitationRow>,
    mail: String,
    boxes: Vec<Choice>,
    wrong: Option<String>,
    may_manage: bool,
}

async fn show(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    rendered(&app, &visitor, &Attempt::default()).await
}

/// The page, after something was done or refused.
async fn rendered(app: &App, visitor: &StaffVisitor, sent: &Attempt) -> Result<Response, Refused> {
    let (ledger, scope) = (app.ledger(), visitor.scope());
    let (may, fresh) = (visitor.may(Power::ManageStaff), visitor.session.is_fresh(ledger.clock().now()));
    let shell = shell("Staff", visitor).confirming(may && !fresh, "/staff/people");
    let mut listed = staff::list(ledger, &scope).await?;
    listed.retain(|person| person.is_active());
    let people: Vec<_> = listed.iter().map(|person| row(person, visitor, sent)).collect();
    let invited = if may { invitations::list_staff(ledger, &scope).await? } else { Vec::new() };
    let shown = people.iter().map(|person| person.id.as_str()).chain([INVITE]);
    let error = sent.wrong_elsewhere(shown);
    let shown = PeoplePage {
        shell: shell.with_notice(sent.notice()).with_error(error),
        people,
        invitations: invited.iter().filter_map(invitation_row).collect(),
        mail: sent.text(INVITE, "mail", ""),
        boxes: role_boxes(sent, INVITE, "role", StaffRoles::default()),
        wrong: sent.wrong(INVITE),
        may_manage: may && fresh,
    };
    Ok(answered(sent.status(), &shown))
}

fn row(person: &Stored<StaffRecord>, visitor: &StaffVisitor, sent: &Attempt) -> Row {
    let id = person.id.to_string();
    let (totp, passkeys) = (person.credentials.totp.is_some(), person.credentials.passkeys.len());
    Row {
        name: person.name.clone(),
        mail: person.mail.expose().to_owned(),
        roles: roles_of(person.roles),
        boxes: role_boxes(sent, &id, "role", person.roles),
        factors: match (passkeys, totp) {
            (0, false) => String::from("none yet"),
            (0, true) => String::from("app"),
            (1, false) => String::from("1 passkey"),
            (1, true) => String::from("1 passkey, app"),
            (count, false) => format!("{count} passkeys"),
            (count, true) => format!("{count} passkeys, app"),
        },
        seen: person.last_sign_in_at.map_or_else(|| String::from("never"), when),
        own: person.id == visitor.record.id,
        wrong: sent.wrong(&id),
        id,
    }
}

fn invitation_row(invitation: &Stored<InvitationRecord>) -> Option<InvitationRow> {
    let Place::Staff { roles } = invitation.into else { return None };
    Some(InvitationRow {
        id: invitation.id.to_string(),
        mail: invitation.mail.expose().to_owned(),
        roles: roles_of(roles),
        by: invitation.invited_by.clone(),
        until: when(invitation.until),
    })
}

fn id_of<K: Kinded>(form: &Form) -> Result<Id<K>, PeopleError> {
    id_in(form.text("id"), "there is nobody with this id")
}

async fn invite(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let mail: MailAddress = form.text("mail").trim().parse()?;
        let roles = roles_in(form.all("role"))?;
        invitations::invite_staff(app.ledger(), &visitor.scope(), &visitor.record.name, mail, roles).await
    };
    let done = work.await;
    rendered(&app, &visitor, &Attempt::after(done, "The invitation is on its way by mail.", INVITE, form)?).await
}

async fn withdraw(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async { invitations::withdraw_staff(app.ledger(), &visitor.scope(), id_of(&form)?).await };
    let done = work.await;
    let notice = "The invitation was taken back; its link opens nothing any more.";
    rendered(&app, &visitor, &Attempt::after(done, notice, form.text("id").to_owned(), form)?).await
}

async fn change_roles(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let (id, roles) = (id_of(&form)?, roles_in(form.all("role"))?);
        staff::change_roles(app.ledger(), &visitor.scope(), Some(visitor.id()), id, roles).await
    };
    let done = work.await;
    let notice = "The roles were changed; the person's sessions have ended.";
    rendered(&app, &visitor, &Attempt::after(done, notice, form.text("id").to_owned(), form)?).await
}

async fn end(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff, form: Form) -> Result<Response, Refused> {
    let work = async { staff::end(app.ledger(), &visitor.scope(), Some(visitor.id()), id_of(&form)?).await };
    let done = work.await;
    let notice = "The account has ended, and its sessions with it.";
    rendered(&app, &visitor, &Attempt::after(done, notice, form.text("id").to_owned(), form)?).await
}
