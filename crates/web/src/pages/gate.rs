//! The registry's rows for pages, and the gate before each: who may come in, and where the others are sent.

use super::CONFIRM;
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
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use bonded_people::session::{SessionRecord, Stage};
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

impl Access {
    /// Whether what changes something under it takes a fresh proof, unless its page says otherwise.
    fn is_grave(self) -> bool {
        match self {
            Self::Member(permission) => permission.is_grave(),
            Self::With(_) => true,
            Self::Anyone | Self::Session | Self::User | Self::Staff | Self::Collector(_) => false,
        }
    }
}

/// One method at one address.
pub(crate) struct Page {
    /// GET or POST.
    pub method: Method,
    /// As the router writes it: `/members/{id}/role`.
    pub path: String,
    /// What it asks of its visitors.
    pub access: Access,
    /// Whether the visitor must have proven a short while ago who they are.
    pub needs_proof: bool,
    handler: MethodRouter<App>,
}

impl Page {
    /// A page that is read.
    pub fn get(access: Access, path: impl Into<String>, handler: MethodRouter<App>) -> Self {
        Self { method: Method::GET, path: path.into(), access, needs_proof: false, handler }
    }

    /// What a page sends.
    pub fn post(access: Access, path: impl Into<String>, handler: MethodRouter<App>) -> Self {
        Self { method: Method::POST, path: path.into(), access, needs_proof: access.is_grave(), handler }
    }

    /// The same, after a fresh proof alone.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self { needs_proof: true, ..self }
    }

    /// The same, also for somebody who proved long ago who they are: it carries a proof of its own, only takes back, or
    /// only asks.
    #[must_use]
    pub fn at_any_time(self) -> Self {
        Self { needs_proof: false, ..self }
    }

    /// Whether it changes something.
    pub fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// Serves it behind its gate. `read` has the addresses of all pages that are read.
    pub(super) fn mount<F: Face>(self, app: &App, router: Router<App>, read: &[String]) -> Router<App> {
        let below = |page: &&String| {
            self.path.strip_prefix(page.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let page_segments = read.iter().filter(below).map(|page| page.split('/').count()).max().unwrap_or_default();
        let asks = Asks { access: self.access, changes: self.changes(), needs_proof: self.needs_proof, page_segments };
        router.route(&self.path, self.handler.route_layer(from_fn_with_state((app.clone(), asks), gate::<F>)))
    }
}

/// What a gate asks.
#[derive(Clone, Copy)]
struct Asks {
    access: Access,
    changes: bool,
    needs_proof: bool,
    /// How many segments of the address name the page that has the form.
    page_segments: usize,
}

impl Asks {
    /// Where somebody confirms, and comes back from to the page that has the form.
    fn confirmation<F: Face>(self, path: &str) -> String {
        let page = path.split('/').take(self.page_segments).collect::<Vec<_>>().join("/");
        format!("{}?unchanged=yes&next={page}", F::path(CONFIRM))
    }
}

async fn gate<F: Face>(State((app, asks)): State<(App, Asks)>, mut request: Request, next: Next) -> Response {
    let Asks { access, changes, .. } = asks;
    if changes && !of_our_own_pages(request.headers(), F::origin(&app)) {
        return Refused::from(Failure::cross_site()).into_response();
    }
    request.extensions_mut().insert(BodyLimit(FORM_BYTES_MAX));
    let let_in = match access {
        Access::Anyone => Ok(None),
        Access::Session => begun::<F>(&app, asks, request.headers(), request.extensions().get()).await,
        Access::User | Access::Member(_) => member(&app, asks, &mut request).await,
        Access::Staff | Access::With(_) => one_of_the_staff(&app, asks, &mut request).await,
        Access::Collector(power) => collector(&app, asks, power, &mut request).await,
    };
    match let_in {
        Ok(None) => next.run(request).await,
        Ok(Some(account)) => {
            let mut response = next.run(request).await;
            response.extensions_mut().insert(account);
            response
        }
        Err(Elsewhere::Confirming) => unconfirmed(&asks.confirmation::<F>(request.uri().path()), request.headers()),
        Err(Elsewhere::To(path)) if !changes => go(&path),
        Err(Elsewhere::To(_)) => Refused::from(PeopleError::SignedOut).into_response(),
        Err(Elsewhere::Refused(refused)) => refused.into_response(),
    }
}

/// A form is led to where one confirms; a script is told the same in words.
fn unconfirmed(path: &str, headers: &HeaderMap) -> Response {
    match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(b"application/json") => Failure::unconfirmed(path.split('?').next().unwrap_or_default()).into_response(),
        _ => go(path),
    }
}

/// Where somebody is sent who is not let in.
enum Elsewhere {
    To(String),
    /// To where one confirms that it is oneself.
    Confirming,
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
    asks: Asks,
    headers: &HeaderMap,
    asserted: Option<&AssertedIdentity>,
) -> Result<Option<Account>, Elsewhere> {
    let entering = match entering::<F>(app, headers).await {
        Ok(entering) => entering,
        Err(PeopleError::SignedOut) => return Err(Elsewhere::To(F::path("/sign-in"))),
        Err(error) => return Err(error.into()),
    };
    is_vouched_for(asserted, entering.holder.mail())?;
    proven(app, asks, &entering.session)?;
    Ok(None)
}

/// Who must have proven a short while ago who they are, and has not, confirms first.
fn proven(app: &App, asks: Asks, session: &SessionRecord) -> Result<(), Elsewhere> {
    let is_enough = !asks.needs_proof || session.is_fresh(app.ledger().clock().now());
    if is_enough { Ok(()) } else { Err(Elsewhere::Confirming) }
}

async fn member(app: &App, asks: Asks, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
    let Some(token) = Shop::COOKIE.token(request.headers()) else { return Err(Elsewhere::To(Shop::path("/sign-in"))) };
    let visitor = match users::admit(app.ledger(), &token).await {
        Ok(visitor) => visitor,
        Err(PeopleError::SignedOut) => return Err(Elsewhere::To(Shop::path("/sign-in"))),
        Err(error) => return Err(error.into()),
    };
    stage(visitor.session.stage, Shop::PREFIX)?;
    let mut account = None;
    if let Access::Member(permission) = asks.access {
        let Some((open, role)) = visitor.standing() else { return Err(Elsewhere::To(String::from("/accounts"))) };
        if !role.has(permission) {
            return Err(Failure::not_permitted("role", permission).into());
        }
        if !visitor.permissions().contains(permission) {
            return Err(Failure::second_factor().into());
        }
        account = Some(Account(open));
    }
    proven(app, asks, &visitor.session)?;
    request.extensions_mut().insert(Arc::new(visitor));
    Ok(account)
}

async fn one_of_the_staff(app: &App, asks: Asks, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
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
    match asks.access {
        Access::With(power) if !visitor.may(power) => return Err(Failure::no_power(power).into()),
        _ => {}
    }
    proven(app, asks, &visitor.session)?;
    request.extensions_mut().insert(Arc::new(visitor));
    Ok(None)
}

/// Leaving the session at home is no way round the power: who the proxy says is on the staff must show it.
async fn collector(app: &App, asks: Asks, power: Power, request: &mut Request) -> Result<Option<Account>, Elsewhere> {
    let is_of_the_staff = match request.extensions().get::<AssertedIdentity>() {
        _ if Console::COOKIE.token(request.headers()).is_some() => true,
        // Of a sealed vault or a lost database a collector must hear, and then nobody can be looked up.
        Some(identity) => matches!(staff::find(app.ledger(), &identity.mail).await, Ok(Some(_))),
        None => false,
    };
    let asks = Asks { access: Access::With(power), ..asks };
    if is_of_the_staff { one_of_the_staff(app, asks, request).await } else { Ok(None) }
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
