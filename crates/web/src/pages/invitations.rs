//! Accepting an invitation that came by mail.

use super::answer::{Refused, Shell, answered, sentence};
use super::face::{Console, Face, Shop};
use super::form::Form;
use super::gate::{Access, Page};
use super::sign_in::entered;
use crate::app::App;
use crate::guest::device_of;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::Stored;
use bonded_people::invitations::{self, Into as Place, InvitationRecord};
use bonded_people::users::{self, Visitor};
use bonded_people::{PeopleError, directory, sign_in};

const ADDRESS: &str = "/invitations/{invitation}/{code}";

pub(super) fn pages() -> Vec<Page> {
    vec![
        Page::get(Access::Anyone, Shop::path(ADDRESS), get(show)),
        Page::post(Access::Anyone, Shop::path(ADDRESS), post(accept)),
    ]
}

/// The same for staff, on the private listener.
pub(super) fn staff_pages() -> Vec<Page> {
    vec![
        Page::get(Access::Anyone, Console::path(ADDRESS), get(show_staff)),
        Page::post(Access::Anyone, Console::path(ADDRESS), post(accept_staff)),
    ]
}

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage {
    shell: Shell,
    invited: String,
    mail: String,
    name: String,
    known: bool,
    signed_in: bool,
}

/// The invitation that the link is for; one that cannot be accepted any more looks like one that never was.
async fn invited(app: &App, (id, code): &(String, String)) -> Result<Stored<InvitationRecord>, PeopleError> {
    let missing = || Problem::new(Reason::Missing, "this invitation was used, taken back, or has run out");
    let id: Id<InvitationRecord> = id.parse().map_err(|_| missing())?;
    invitations::find(app.ledger(), id, code).await.map_err(|error| match error {
        PeopleError::Problem(problem) if problem.reason == Reason::Missing => missing().into(),
        other => other,
    })
}

async fn signed_in(app: &App, headers: &HeaderMap) -> Option<Visitor> {
    users::admit(app.ledger(), &Shop::COOKIE.token(headers)?).await.ok()
}

async fn rendered(
    app: &App,
    invitation: &InvitationRecord,
    visitor: Option<&Visitor>,
    name: &str,
    error: Option<String>,
) -> Result<Response, Refused> {
    let by = &invitation.invited_by;
    let (prefix, invited) = match &invitation.into {
        Place::Account { account, role } => {
            let account = directory::name_of(app.ledger(), *account).await?;
            ("", format!("{by} invites you into {account} as {role}."))
        }
        Place::Staff { roles } => {
            let roles: Vec<_> = roles.iter().map(bonded_people::staff::StaffRole::name).collect();
            (Console::PREFIX, format!("{by} invites you onto the staff as {}.", roles.join(", ")))
        }
    };
    let ours = visitor.is_some_and(|visitor| visitor.user.mail.folded() == invitation.mail.folded());
    let is_user = matches!(invitation.into, Place::Account { .. })
        && sign_in::find::<users::UserRecord>(app.ledger(), &invitation.mail).await?.is_some();
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shell = Shell::open("You are invited", prefix).with_error(error);
    let mail = invitation.mail.expose().to_owned();
    let join = JoinPage { shell, invited, mail, name: name.to_owned(), known: is_user && !ours, signed_in: ours };
    Ok(answered(status, &join))
}

async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(link): Path<(String, String)>,
) -> Result<Response, Refused> {
    let invitation = invited(&app, &link).await?;
    let visitor = signed_in(&app, &headers).await;
    rendered(&app, &invitation, visitor.as_ref(), "", None).await
}

async fn accept(
    State(app): State<App>,
    headers: HeaderMap,
    Path(link): Path<(String, String)>,
    mut form: Form,
) -> Result<Response, Refused> {
    let invitation = invited(&app, &link).await?;
    let (ledger, code) = (app.ledger(), &link.1);
    let visitor = signed_in(&app, &headers).await;
    if let Some(visitor) = visitor.filter(|visitor| visitor.user.mail.folded() == invitation.mail.folded()) {
        let account = invitations::accept_as_user(ledger, invitation.id, code, &visitor).await?;
        let visitor = users::admit(ledger, &Shop::COOKIE.token(&headers).ok_or(PeopleError::SignedOut)?).await?;
        let begun = sign_in::open_account(ledger, &visitor, account).await?;
        return Ok(entered::<Shop>(&app, &begun)?);
    }
    let (name, password) = (form.text("name").to_owned(), form.secret("password"));
    let joined = invitations::accept_as_new(ledger, &app.doors().passwords, invitation.id, code, &name, password).await;
    match joined {
        Ok(user) => {
            // The mailed link and the new password were both just shown.
            let begun = sign_in::first_time(ledger, &user, &device_of(&headers)).await?;
            Ok(entered::<Shop>(&app, &begun)?)
        }
        Err(error) => rendered(&app, &invitation, None, &name, Some(sentence(error)?)).await,
    }
}

async fn show_staff(State(app): State<App>, Path(link): Path<(String, String)>) -> Result<Response, Refused> {
    rendered(&app, &*for_staff(&app, &link).await?, None, "", None).await
}

async fn for_staff(app: &App, link: &(String, String)) -> Result<Stored<InvitationRecord>, PeopleError> {
    let invitation = invited(app, link).await?;
    match invitation.into {
        Place::Staff { .. } => Ok(invitation),
        Place::Account { .. } => {
            Err(Problem::new(Reason::Missing, format!("there is no such {}", Kind::Invitation)).into())
        }
    }
}

async fn accept_staff(
    State(app): State<App>,
    headers: HeaderMap,
    Path(link): Path<(String, String)>,
    mut form: Form,
) -> Result<Response, Refused> {
    let invitation = for_staff(&app, &link).await?;
    let (name, password) = (form.text("name").to_owned(), form.secret("password"));
    let passwords = &app.doors().passwords;
    match invitations::accept_staff(app.ledger(), passwords, invitation.id, &link.1, &name, password).await {
        Ok(staff) => {
            let begun = sign_in::first_time(app.ledger(), &staff, &device_of(&headers)).await?;
            Ok(entered::<Console>(&app, &begun)?)
        }
        Err(error) => rendered(&app, &invitation, None, &name, Some(sentence(error)?)).await,
    }
}
