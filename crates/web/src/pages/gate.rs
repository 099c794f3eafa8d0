//! The registry's rows for pages, and the gate before each: who may come in, and where the others are sent.

use super::answer::{Refused, go};
use super::face::{Console, Face, Shop};
use super::form::FORM_BYTES_MAX;
use super::sign_in::entering;
use crate::app::App;
use crate::body::BodyLimit;
use crate::cookies::of_our_own_pages;
use crate::identity::AssertedIdentity;
use crate::observe::Account;
use crate::problem::Failure;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use bonded_people::session::Stage;
use bonded_people::sign_in::Holder as _;
use bonded_people::staff::{self, Power, StaffVisitor};
use bonded_people::users::{self, Visitor};
use bonded_people::{MailAddress, PeopleError, Permission};
use std::sync::Arc;

/// What a page asks of whoever opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: it is how one gets in.
    Anyone,
    /// A session of this face, however far its sign-in has come; the handler says what it may do.
    Session,
    /// A user who is signed in, in whichever account.
    User,
    /// A member of the account that is open, whose role has this permission.
    Member(Permission),
    /// One of the staff who is signed in.
    Staff,
    /// One of the staff whose roles have this power.
    With(Power),
    /// A program of the operator's, which has no session; of the staff only who has this power.
    Collector(Power),
}

/// One method at one address.
pub(crate) struct Page {
    /// GET or POST.
    pub method: Method,
    /// As the router writes it: `/members/{id}/role`.
    pub path: String,
    /// What it asks of its visitors.
    pub access: Access,
    handler: MethodRouter<App>,
}

impl Page {
    /// A page that is read.
    pub fn get(access: Access, path: impl Into<String>, handler: MethodRouter<App>) -> Self {
        Self { method: Method::GET, path: path.into(), access, handler }
    }

    /// What a page sends.
    pub fn post(access: Access, path: impl Into<String>, handler: MethodRouter<App>) -> Self {
        Self { method: Method::POST, path: path.into(), access, handler }
    }

    pub(super) fn mount<F: Face>(self, app: &App, router: Router<App>) -> Router<App> {
        let gate_of = (app.clone(), self.access, self.method != Method::GET);
        router.route(&self.path, self.handler.route_layer(from_fn_with_state(gate_of, gate::<F>)))
    }
}

async fn gate<F: Face>(
    State((app, access, changes)): State<(App, Access, bool)>,
    mut request: Request,
    next: Next,
) -> Response {
    if changes && !of_our_own_pages(request.headers(), F::origin(&app)) {
        return Refused::from(Failure::cross_site()).into_response();
    }
    request.extensions_mut().insert(BodyLimit(FORM_BYTES_MAX));
    let let_in = match access {
        Access::Anyone => Ok(None),
        Access::Session => begun::<F>(&app, request.headers(), request.extensions().get()).await,
        Access::User | Access::Member(_) => member(&app, access, &mut request).await,
        Access::Staff | Access::With(_) => one_of_the_staff(&app, access, &mut request).await,
        Access::Collector(power) => collector(&app, power, &mut request).await,
    };
    match let_in {
        Ok(None) => next.run(request).await,
        Ok(Some(account)) => {
            let mut response = next.run(request).await;
            response.extensions_mut().insert(account);
            response
        }
        Err(Elsewhere::To(path)) if !changes => go(&path),
        Err(Elsewhere::To(_)) => Refused::from(PeopleError::SignedOut).into_response(),
        Err(Elsewhere::Refused(refused)) => refused.into_response(),
    }
}

/// Where somebody is sent who is not let in.
enum Elsewhere {
    To(String),
    Refused(Refused),
}

impl<E: Into<Refused>> From<E> for Elsewhere {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Somebody who has at least begun to sign in.
async fn begun<F: Face>(
    app: &App,
    headers: &HeaderMap,
    asserted: Option<&AssertedIdentity>,
) -> Result<Option<Account>, Elsewhere> {
    match entering::<F>(app, headers).await {
        Ok(entering) => Ok(is_vouched_for(asserted, entering.holder.mail()).map(|()| None)?),
        Err(PeopleError::SignedOut) => Err(Elsewhere::To(F::path("/sign-in"))),
        Err(error) => Err(error.into()),
    }
}

async fn member(app: &App, access: Access, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
    let Some(token) = Shop::COOKIE.token(request.headers()) else { return Err(Elsewhere::To(Shop::path("/sign-in"))) };
    let visitor = match users::admit(app.ledger(), &token).await {
        Ok(visitor) => visitor,
        Err(PeopleError::SignedOut) => return Err(Elsewhere::To(Shop::path("/sign-in"))),
        Err(error) => return Err(error.into()),
    };
    stage(visitor.session.stage, Shop::PREFIX)?;
    let mut account = None;
    if let Access::Member(permission) = access {
        let Some((open, role)) = visitor.standing() else { return Err(Elsewhere::To(String::from("/accounts"))) };
        if !role.has(permission) {
            return Err(Failure::not_permitted("role", permission).into());
        }
        if !visitor.permissions().contains(permission) {
            return Err(Failure::second_factor().into());
        }
        account = Some(Account(open));
    }
    request.extensions_mut().insert(Arc::new(visitor));
    Ok(account)
}

async fn one_of_the_staff(app: &App, access: Access, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
    let to_sign_in = || Elsewhere::To(Console::path("/sign-in"));
    let token = Console::COOKIE.token(request.headers()).ok_or_else(to_sign_in)?;
    let visitor = match staff::admit(app.ledger(), &token).await {
        Ok(visitor) => visitor,
        Err(PeopleError::SignedOut) => return Err(to_sign_in()),
        Err(error) => return Err(error.into()),
    };
    is_vouched_for(request.extensions().get(), &visitor.record.mail)?;
    stage(visitor.session.stage, Console::PREFIX)?;
    if !visitor.is_let_in() {
        return Err(Failure::second_factor().into());
    }
    match access {
        Access::With(power) if !visitor.may(power) => return Err(Failure::no_power(power).into()),
        _ => {}
    }
    request.extensions_mut().insert(Arc::new(visitor));
    Ok(None)
}

/// Leaving the session at home is no way round the power: who the proxy says is on the staff must show it.
async fn collector(app: &App, power: Power, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
    let is_of_the_staff = match request.extensions().get::<AssertedIdentity>() {
        _ if Console::COOKIE.token(request.headers()).is_some() => true,
        // Of a sealed vault or a lost database a collector must hear, and then nobody can be looked up.
        Some(identity) => matches!(staff::find(app.ledger(), &identity.mail).await, Ok(Some(_))),
        None => false,
    };
    if is_of_the_staff { one_of_the_staff(app, Access::With(power), request).await } else { Ok(None) }
}

/// The proxy's word must be about the very person whose session is shown.
pub(crate) fn is_vouched_for(asserted: Option<&AssertedIdentity>, mail: &MailAddress) -> Result<(), Failure> {
    match asserted {
        Some(identity) if identity.mail.folded() != mail.folded() => Err(Failure::no_identity()),
        _ => Ok(()),
    }
}

/// Somebody whose sign-in is unfinished is sent to its next step.
fn stage(stage: Stage, prefix: &str) -> Result<(), Elsewhere> {
    match stage {
        Stage::Full => Ok(()),
        Stage::SecondFactor => Err(Elsewhere::To(format!("{prefix}/sign-in/second-factor"))),
        Stage::Enrolment => Err(Elsewhere::To(format!("{prefix}/security"))),
    }
}

/// The user that the gate let in.
pub(crate) struct Member(pub Arc<Visitor>);

/// The member of the staff that the gate let in.
pub(crate) struct OneOfTheStaff(pub Arc<StaffVisitor>);

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let lost = || Failure::internal("a page asked for its user behind no gate");
        parts.extensions.get::<Arc<Visitor>>().cloned().map(Self).ok_or_else(lost)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OneOfTheStaff {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let lost = || Failure::internal("a page asked for its visitor behind no gate");
        parts.extensions.get::<Arc<StaffVisitor>>().cloned().map(Self).ok_or_else(lost)
    }
}
