//! Who is on the staff: roles, factors, invitations.

use super::{roles_of, shell};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered, sentence};
use crate::pages::form::Form;
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::when;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::Stored;
use bonded_people::staff::{self, Power, StaffRecord, StaffRole, StaffRoles, StaffVisitor};
use bonded_people::{MailAddress, PeopleError, invitations};

pub(super) fn pages() -> Vec<Page> {
    let (look, manage) = (Access::With(Power::ReadStaff), Access::With(Power::ManageStaff));
    vec![
        Page::get(look, "/staff/people", get(show)),
        Page::post(manage, "/staff/people/invite", post(invite)),
        Page::post(manage, "/staff/people/roles", post(change_roles)),
        Page::post(manage, "/staff/people/end", post(end)),
    ]
}

struct Row {
    id: String,
    name: String,
    mail: String,
    roles: String,
    held: StaffRoles,
    factors: String,
    seen: String,
    own: bool,
}

impl Row {
    fn has(&self, role: &str) -> bool {
        role.parse().is_ok_and(|role| self.held.contains(role))
    }
}

#[derive(Template)]
#[template(path = "staff_people.html")]
struct PeoplePage {
    shell: Shell,
    people: Vec<Row>,
    all_roles: [&'static str; 5],
    may_manage: bool,
}

async fn show(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    rendered(&app, &visitor, Ok("")).await
}

async fn rendered(app: &App, visitor: &StaffVisitor, done: Result<&str, PeopleError>) -> Result<Response, Refused> {
    let row = |person: &Stored<StaffRecord>| {
        let (totp, passkeys) = (person.credentials.totp.is_some(), person.credentials.passkeys.len());
        Row {
            id: person.id.to_string(),
            name: person.name.clone(),
            mail: person.mail.expose().to_owned(),
            roles: roles_of(person.roles),
            held: person.roles,
            factors: match (passkeys, totp) {
                (0, false) => String::from("none yet"),
                (0, true) => String::from("app"),
                (count, false) => format!("{count} passkeys"),
                (count, true) => format!("{count} passkeys, app"),
            },
            seen: person.last_sign_in_at.map_or_else(|| String::from("never"), when),
            own: person.id == visitor.record.id,
        }
    };
    let listed = staff::list(app.ledger(), &visitor.scope()).await?;
    let (may, fresh) = (visitor.may(Power::ManageStaff), visitor.session.is_fresh(app.ledger().clock().now()));
    let shell = shell("Staff", visitor).confirming((may && !fresh).then(|| String::from("/staff/people")));
    let (status, shell) = match done {
        Ok("") => (StatusCode::OK, shell),
        Ok(notice) => (StatusCode::OK, shell.with_notice(Some(notice.to_owned()))),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, shell.with_error(Some(sentence(error)?))),
    };
    let shown = PeoplePage {
        shell,
        people: listed.iter().filter(|person| person.is_active()).map(row).collect(),
        all_roles: StaffRole::ALL.map(StaffRole::name),
        may_manage: may && fresh,
    };
    Ok(answered(status, &shown))
}

fn roles_in(form: &Form) -> Result<StaffRoles, PeopleError> {
    let named = form.all("role").iter().map(|name| name.parse::<StaffRole>());
    Ok(named.collect::<Result<_, _>>().map_err(|unknown| Problem::invalid("/roles", format!("{unknown}")))?)
}

fn id_in(form: &Form) -> Result<Id<StaffRecord>, PeopleError> {
    let missing = |_| Problem::new(Reason::Missing, "there is nobody with this id");
    Ok(form.text("id").parse().map_err(missing)?)
}

async fn invite(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let mail: MailAddress = form.text("mail").trim().parse()?;
        let roles = roles_in(&form)?;
        invitations::invite_staff(app.ledger(), &visitor.scope(), &visitor.record.name, mail, roles).await
    };
    let done = work.await.map(|_| "The invitation is on its way by mail.");
    rendered(&app, &visitor, done).await
}

async fn change_roles(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let (id, roles) = (id_in(&form)?, roles_in(&form)?);
        staff::change_roles(app.ledger(), &visitor.scope(), Some(visitor.id()), id, roles).await
    };
    let done = work.await.map(|_| "The roles were changed; the person's sessions have ended.");
    rendered(&app, &visitor, done).await
}

async fn end(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff, form: Form) -> Result<Response, Refused> {
    let work = async { staff::end(app.ledger(), &visitor.scope(), Some(visitor.id()), id_in(&form)?).await };
    let done = work.await.map(|_| "The account has ended, and its sessions with it.");
    rendered(&app, &visitor, done).await
}
