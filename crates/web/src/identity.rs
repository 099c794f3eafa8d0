//! Who came through the identity-aware proxy: asked of every request on the private listener, and of no caller outside.
//!
//! In front of the private listener stands a proxy that signs in people and puts its word about them into a header of
//! each request. Here the header is taken out, its assertion checked, and what it says handed on as an
//! [`AssertedIdentity`]. It comes on top of the staff's own sign-in, which must be that of the same person.
//!
//! Architecture invariants: no handler ever sees a header in which a proxy speaks, on either listener, so none can
//! believe one; an [`AssertedIdentity`] is made here alone; what was refused is never quoted.

mod headers;

pub use headers::HEADER_NAMES_KNOWN;

use crate::app::App;
use crate::observe::RequestId;
use crate::problem::Failure;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bonded_base::{Clock, Moment};
use bonded_people::MailAddress;
use bonded_people::assertion::{Identity, KeySet, Refusal, Verifier};
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// Routes that need no assertion: whoever looks after the machine asks them, and they tell nothing else.
const OPEN_ROUTES: [&str; 2] = ["/healthz", "/readyz"];

/// Where the issuer's public keys come from. The server fetches them; here they are only used.
pub trait IssuerKeys: Send + Sync {
    /// The newest keys, if there are any that may be used now.
    fn usable(&self, now: Moment) -> Option<Arc<KeySet>>;

    /// Asks the source again, unless it was asked for the same reason a moment ago; ends when it has answered.
    fn seek(&self) -> BoxFuture<'_, ()>;

    /// When the source last said that these are the keys.
    fn confirmed_at(&self) -> Option<Moment>;
}

/// How the proxy proves whom it let through.
pub struct IdentityProof {
    /// The header that carries the assertion.
    pub header: HeaderName,
    /// Issuer and audience.
    pub verifier: Verifier,
    /// The issuer's keys.
    pub keys: Arc<dyn IssuerKeys>,
}

/// What the private listener asks of a request before anything else.
#[derive(Clone)]
pub enum IdentityCheck {
    /// Nothing: nobody but this machine reaches the listener.
    Off,
    /// A valid assertion.
    Required(Arc<IdentityProof>),
}

impl IdentityCheck {
    fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Off => None,
            Self::Required(proof) => Some(&proof.header),
        }
    }

    /// When the issuer's keys were last confirmed, where an assertion is asked for.
    pub(crate) fn keys_confirmed_at(&self) -> Option<Moment> {
        match self {
            Self::Off => None,
            Self::Required(proof) => proof.keys.confirmed_at(),
        }
    }
}

impl fmt::Debug for IdentityCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("Off"),
            Self::Required(proof) => write!(f, "Required({:?})", proof.verifier.rules()),
        }
    }
}

/// Whom the proxy let through: stands in the extensions of a request on the private listener, put there by its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertedIdentity {
    /// The address that the person signed in with at the proxy.
    pub mail: MailAddress,
}

/// One of the two listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The world's.
    Public,
    /// The operator's.
    Private,
}

/// Why a request was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The header is not there.
    Absent,
    /// The header stands there more than once, or holds more than one value.
    Repeated,
    /// The issuer's keys are not known, or nobody has confirmed them for too long.
    KeysAway,
    /// The assertion is not believed.
    NotBelieved(Refusal),
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Repeated => "repeated",
            Self::KeysAway => "keys_away",
            Self::NotBelieved(refusal) => refusal.word(),
        }
    }
}

/// Takes out what proxies say, and on the private listener lets through only whom its own proxy vouches for.
pub(crate) async fn at_the_door(State((app, door)): State<(App, Door)>, mut request: Request, next: Next) -> Response {
    let check = &app.settings().identity;
    let presented = headers::take(request.headers_mut(), check.header());
    let proof = match (door, check) {
        (Door::Private, IdentityCheck::Required(proof)) if !is_open(&request) => Arc::clone(proof),
        _ => return next.run(request).await,
    };
    match believe(&proof, &presented, app.ledger().clock()).await {
        Ok(identity) => {
            request.extensions_mut().insert(AssertedIdentity { mail: identity.mail });
            next.run(request).await
        }
        Err(why) => {
            let request_id = request.extensions().get::<RequestId>().map_or("-", |RequestId(id)| id);
            app.figures().count_identity_refusal(why.word());
            tracing::warn!(reason = why.word(), request_id, "a request on the private listener was refused");
            Failure::no_identity().into_response()
        }
    }
}

/// As the router matched it, so that what is asked here and what answers there cannot differ.
fn is_open(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    route.is_some_and(|route| OPEN_ROUTES.contains(&route.as_str()))
}

async fn believe(proof: &IdentityProof, presented: &[HeaderValue], clock: &dyn Clock) -> Result<Identity, Why> {
    let assertion = match presented {
        [] => return Err(Why::Absent),
        // Some intermediaries fold two fields into one with a comma (RFC 9110 section 5.3).
        [only] if !only.as_bytes().contains(&b',') => only,
        _ => return Err(Why::Repeated),
    };
    let assertion = assertion.to_str().map_err(|_| Why::NotBelieved(Refusal::Encoding))?;
    let try_now = || {
        let now = clock.now();
        let keys = proof.keys.usable(now).ok_or(Why::KeysAway)?;
        proof.verifier.verify(&keys, assertion, now).map_err(Why::NotBelieved)
    };
    match try_now() {
        Err(Why::KeysAway | Why::NotBelieved(Refusal::UnknownKey)) => {
            proof.keys.seek().await;
            try_now()
        }
        tried => tried,
    }
}
