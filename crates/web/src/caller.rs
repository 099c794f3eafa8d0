//! The gate before every route of the API: somebody who was let in, with the route's permission, within their rate.
//!
//! On the public listener that is the holder of an API key, or a member whose browser shows a session; on the private
//! one it is a member of the staff with a grant of the account. All of it happens before the first byte of the body is
//! read.

use crate::app::App;
use crate::body::BodyLimit;
use crate::cookies::{Cookie, of_our_own_pages};
use crate::identity::AssertedIdentity;
use crate::observe::Account;
use crate::pages::face::{Face as _, Shop};
use crate::pages::{CONFIRM, is_vouched_for};
use crate::problem::Failure;
use crate::rate::Payer;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bonded_base::{Id, Moment, Secret};
use bonded_ledger::Scope;
use bonded_people::grants::{self, ApprovedWith, GrantRecord};
use bonded_people::keys::Admission;
use bonded_people::members::Acting;
use bonded_people::staff::{self, Power};
use bonded_people::users::{self, Visitor};
use bonded_people::{PeopleError, Permission, Permissions};
use std::sync::Arc;

/// Bytes of an `Authorization` header that are looked at, at most.
const HEADER_BYTES_MAX: usize = 256;

/// Who calls, what they may do, and the scope they act under.
#[derive(Clone)]
pub struct Caller {
    who: Who,
    permissions: Permissions,
    scope: Scope,
}

#[derive(Clone)]
enum Who {
    Key(Arc<Admission>),
    Member(Arc<Visitor>),
    /// One of the staff, with a grant of the account.
    Staff(Payer),
}

impl Caller {
    /// The scope of the caller's account; carries the once-only key, if the request has one.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same caller, under a scope of the same account.
    pub(crate) fn under(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// The API key that calls, if one does.
    pub fn key(&self) -> Option<&Admission> {
        match &self.who {
            Who::Key(admission) => Some(admission),
            Who::Member(_) | Who::Staff(_) => None,
        }
    }

    /// The member that calls.
    pub fn member(&self) -> Result<&Visitor, Failure> {
        match &self.who {
            Who::Member(visitor) => Ok(visitor),
            Who::Key(_) | Who::Staff(_) => Err(Failure::for_members()),
        }
    }

    /// The member that calls, as someone who acts on members and grants; carries the once-only key as well.
    pub fn acting(&self) -> Result<Acting, Failure> {
        Ok(Acting { scope: self.scope.clone(), ..self.member()?.acting()? })
    }

    /// Refuses a caller who lacks a permission that only this request needs, besides the route's own.
    pub fn must(&self, needed: Permission) -> Result<(), Failure> {
        if self.permissions.contains(needed) { Ok(()) } else { Err(self.lacks(needed)) }
    }

    /// Whether one of the platform's staff calls.
    pub const fn is_staff(&self) -> bool {
        matches!(self.who, Who::Staff(_))
    }

    /// Whether who this is was proven a short while ago; what takes that, no key and no grant can do anyway.
    fn is_proven(&self, now: Moment) -> bool {
        match &self.who {
            Who::Member(visitor) => visitor.session.is_fresh(now),
            Who::Key(_) | Who::Staff(_) => true,
        }
    }

    fn payer(&self) -> Payer {
        match &self.who {
            Who::Key(admission) => Payer(admission.key.bytes()),
            Who::Member(visitor) => Payer(visitor.session.id.bytes()),
            Who::Staff(payer) => *payer,
        }
    }

    fn of_key(admission: Arc<Admission>) -> Self {
        let (permissions, scope) = (admission.permissions, admission.scope.clone());
        Self { who: Who::Key(admission), permissions, scope }
    }

    fn of_member(visitor: Visitor) -> Result<Self, Failure> {
        let (permissions, scope) = (visitor.permissions(), visitor.scope()?);
        Ok(Self { who: Who::Member(Arc::new(visitor)), permissions, scope })
    }

    /// Why this caller may not, where the caller lacks a permission.
    fn lacks(&self, needed: Permission) -> Failure {
        match &self.who {
            Who::Member(visitor) if visitor.standing().is_some_and(|(_, role)| role.has(needed)) => {
                Failure::second_factor()
            }
            Who::Key(_) => Failure::not_permitted("key", needed),
            Who::Member(_) => Failure::not_permitted("role", needed),
            Who::Staff(_) => Failure::not_permitted("grant", needed),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let lost = || Failure::internal("a handler asked for its caller on a route without a gate");
        parts.extensions.get::<Self>().cloned().ok_or_else(lost)
    }
}

/// What a route asks of its callers.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    pub permission: Permission,
    /// Whether a member must have proven a short while ago who they are.
    pub needs_proof: bool,
    pub body_bytes_max: usize,
}

/// Lets a request on the public listener through to its handler, or says why not.
pub(crate) async fn gate(State((app, gate)): State<(App, Gate)>, request: Request, next: Next) -> Response {
    let caller = caller(&app, request.method(), request.headers()).await;
    let_in(&app, gate, caller, request, next).await
}

/// Lets one of the staff through to an account that has granted it, or says why not.
pub(crate) async fn staff_gate(
    State((app, gate)): State<(App, Gate)>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let grant = params.iter().find(|(name, _)| *name == "grant").map(|(_, id)| id.to_owned());
    let asserted = request.extensions().get::<AssertedIdentity>();
    let caller = granted(&app, request.method(), request.headers(), asserted, grant.as_deref()).await;
    let_in(&app, gate, caller, request, next).await
}

async fn let_in(app: &App, gate: Gate, caller: Result<Caller, Failure>, mut request: Request, next: Next) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(failure) => return failure.into_response(),
    };
    let account = Account(caller.scope.account());
    let now = app.ledger().clock().now();
    let taken = app.meter().take(caller.payer(), now);
    let mut response = match taken {
        Err(allowance) => allowance.failure().into_response(),
        Ok(_) if !caller.permissions.contains(gate.permission) => caller.lacks(gate.permission).into_response(),
        Ok(_) if gate.needs_proof && !caller.is_proven(now) => {
            Failure::unconfirmed(&Shop::path(CONFIRM)).into_response()
        }
        Ok(_) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(BodyLimit(gate.body_bytes_max));
            next.run(request).await
        }
    };
    taken.unwrap_or_else(|allowance| allowance).write(response.headers_mut());
    response.extensions_mut().insert(account);
    response
}

/// A key comes first: a program that sends one means it, whatever else its client attaches.
async fn caller(app: &App, method: &Method, headers: &HeaderMap) -> Result<Caller, Failure> {
    match (headers.get(AUTHORIZATION), Cookie::Member.token(headers)) {
        (None, Some(token)) => {
            if *method != Method::GET && !of_our_own_pages(headers, &app.settings().base_url) {
                return Err(Failure::cross_site());
            }
            Caller::of_member(users::admit(app.ledger(), &token).await?)
        }
        _ => Ok(Caller::of_key(admission(app, headers).await?)),
    }
}

async fn admission(app: &App, headers: &HeaderMap) -> Result<Arc<Admission>, Failure> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(Failure::no_key("Send `Authorization: Bearer` with an API key."));
    };
    let malformed = || Failure::no_key("The Authorization header must be `Bearer` and an API key.");
    let text = value.to_str().ok().filter(|text| text.len() <= HEADER_BYTES_MAX).ok_or_else(malformed)?;
    let (scheme, secret) = text.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed());
    }
    Ok(app.doorkeeper().admit(&Secret::new(secret.trim().to_owned())).await?)
}

/// What one of the staff may do under the grant that the address names.
async fn granted(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    asserted: Option<&AssertedIdentity>,
    grant: Option<&str>,
) -> Result<Caller, Failure> {
    let token = Cookie::Staff.token(headers).ok_or(PeopleError::SignedOut)?;
    let visitor = staff::admit(app.ledger(), &token).await?;
    is_vouched_for(asserted, &visitor.record.mail)?;
    if *method != Method::GET && !of_our_own_pages(headers, &app.settings().private_url) {
        return Err(Failure::cross_site());
    }
    let id: Id<GrantRecord> = grant.and_then(|id| id.parse().ok()).ok_or_else(|| Failure::missing("grant"))?;
    let copy = grants::copy_of(app.ledger(), id).await?;
    let needed = match copy.approved_with {
        Some(ApprovedWith::Officers) => Power::ActOnLegalDemand,
        _ => Power::AskForGrants,
    };
    if !visitor.may(needed) {
        return Err(Failure::no_power(needed));
    }
    let (scope, record) = grants::admit(app.ledger(), visitor.id(), copy.account, id).await?;
    let payer = Payer(visitor.session.id.bytes());
    Ok(Caller { who: Who::Staff(payer), permissions: record.scope.permissions(), scope })
}
