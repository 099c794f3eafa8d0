//! The gate before every route of the API: a valid key, with the route's permission, within its rate.
//!
//! All of it happens before the first byte of the body is read.

use crate::app::App;
use crate::body::BodyLimit;
use crate::observe::Account;
use crate::problem::Failure;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bonded_base::Secret;
use bonded_ledger::Scope;
use bonded_people::Permission;
use bonded_people::keys::Admission;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes of an `Authorization` header that are looked at, at most.
const HEADER_BYTES_MAX: usize = 256;

/// Who calls: a key that was let in, and the scope it acts under.
#[derive(Clone)]
pub struct Caller {
    admission: Arc<Admission>,
    scope: Scope,
}

impl Caller {
    /// The scope of the caller's account; carries the once-only key, if the request has one.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same caller, under a scope of the same account.
    pub(crate) fn under(&self, scope: Scope) -> Self {
        Self { admission: Arc::clone(&self.admission), scope }
    }
}

impl Deref for Caller {
    type Target = Admission;

    fn deref(&self) -> &Admission {
        &self.admission
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
    pub body_bytes_max: usize,
}

/// Lets a request through to its handler, or says why not.
pub(crate) async fn gate(State((app, gate)): State<(App, Gate)>, mut request: Request, next: Next) -> Response {
    let admission = match admission(&app, request.headers()).await {
        Ok(admission) => admission,
        Err(failure) => return failure.into_response(),
    };
    let account = Account(admission.scope.account());
    let taken = app.meter().take(admission.key, app.ledger().clock().now());
    let mut response = match taken {
        Err(allowance) => allowance.failure().into_response(),
        Ok(_) if !admission.permissions.contains(gate.permission) => {
            Failure::not_permitted(gate.permission).into_response()
        }
        Ok(_) => {
            let scope = admission.scope.clone();
            request.extensions_mut().insert(Caller { admission, scope });
            request.extensions_mut().insert(BodyLimit(gate.body_bytes_max));
            next.run(request).await
        }
    };
    taken.unwrap_or_else(|allowance| allowance).write(response.headers_mut());
    response.extensions_mut().insert(account);
    response
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
