//! The one place where anything that goes wrong becomes an answer: a problem document.
//!
//! Source: RFC 9457. `type` is a path on this server where the sort of problem is explained. No document repeats what
//! was sent: it may be a consumer's.

pub(crate) mod sorts;

pub use sorts::Sort;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bonded_base::{Problem, Reason};
use bonded_ledger::engine::EngineError;
use bonded_ledger::{LedgerError, LookupName};
use bonded_merkle::Unprovable;
use bonded_people::keys::KeyError;
use bonded_people::staff::Power;
use bonded_people::{PeopleError, Permission};
use bonded_trade::TradeError;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// Seconds after which a caller may try again what could not be done now.
pub const RETRY_SECONDS: u32 = 2;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A request that cannot be answered as it was meant.
#[derive(Debug)]
pub struct Failure(Box<Wrong>);

#[derive(Debug)]
struct Wrong {
    sort: &'static Sort,
    detail: Cow<'static, str>,
    pointer: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    member: Option<(&'static str, Value)>,
    /// What the program's own log says of it; never shown to the caller.
    cause: Option<String>,
}

/// What is wrong, as it is written.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    request_id: &'a str,
    #[serde(flatten)]
    member: std::collections::BTreeMap<&'a str, &'a Value>,
}

impl Failure {
    /// A failure of a sort, in a sentence that helps.
    pub fn new(sort: &'static Sort, detail: impl Into<Cow<'static, str>>) -> Self {
        let (pointer, headers, member, cause) = (None, Vec::new(), None, None);
        Self(Box::new(Wrong { sort, detail: detail.into(), pointer, headers, member, cause }))
    }

    /// The program's own fault; `cause` goes to its log alone.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(&sorts::INTERNAL, "Something failed on our side. The request id helps us to find it.").because(cause)
    }

    /// There is no such address.
    pub fn no_route() -> Self {
        Self::new(&sorts::NOT_FOUND, "There is nothing at this address. /docs lists what there is.")
    }

    /// There is no such thing in the caller's account.
    pub fn missing(what: &str) -> Self {
        Self::new(&sorts::NOT_FOUND, format!("There is no such {what} in this account."))
    }

    /// The address does not take this method; the router names those that it takes.
    pub fn method() -> Self {
        Self::new(&sorts::METHOD, "This address takes other methods; the Allow header names them.")
    }

    /// A parameter of the query or of the path is not what it should be.
    pub fn parameter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&sorts::PARAMETER, detail)
    }

    /// No key, or none that is valid.
    pub fn no_key(detail: &'static str) -> Self {
        Self::new(&sorts::UNAUTHENTICATED, detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bonded\""))
    }

    /// What the caller holds (`key`, `role`, `grant`) is good but lacks this permission.
    pub fn not_permitted(holds: &'static str, needed: Permission) -> Self {
        Self::new(&sorts::NOT_PERMITTED, format!("This {holds} lacks the permission {needed}."))
    }

    /// The roles of one of the staff lack this power, or a valid course for it.
    pub fn no_power(needed: Power) -> Self {
        let detail = format!("Your roles lack the power {}, or a course that they demand is not valid.", needed.name());
        Self::new(&sorts::NOT_PERMITTED, detail)
    }

    /// A member may, but must show a second factor first.
    pub fn second_factor() -> Self {
        Self::new(&sorts::SECOND_FACTOR, "Sign in with a second factor for this, or enrol one.")
    }

    /// A member or one of the staff may, but must confirm first, at this address, that it is still they.
    pub fn unconfirmed(address: &str) -> Self {
        let detail = format!("Confirm at {address} that it is you, then do this again. Nothing was changed.");
        Self::new(&sorts::CONFIRMATION, detail)
    }

    /// Only a member who is signed in may, no API key.
    pub fn for_members() -> Self {
        Self::new(&sorts::FORBIDDEN, "Only a member who is signed in may do this.")
    }

    /// Something is to be changed, and no page of our own asks for it.
    pub fn cross_site() -> Self {
        Self::new(&sorts::CROSS_SITE, "This was not sent by a page of this server.")
    }

    /// Nobody vouches for the caller on the private listener.
    pub fn no_identity() -> Self {
        Self::new(&sorts::IDENTITY, "This listener answers only what comes through its identity-aware proxy.")
    }

    /// Not now: the same call may succeed after [`RETRY_SECONDS`].
    pub fn unavailable(detail: &'static str) -> Self {
        Self::new(&sorts::UNAVAILABLE, detail).retry_after(RETRY_SECONDS)
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Says to the program's own log why; the caller does not hear of it.
    fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds a member of its own to the document (RFC 9457 section 3.2).
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: Value) -> Self {
        self.0.member = Some((name, value));
        self
    }

    /// Names the field that is to blame, as a JSON pointer (RFC 6901).
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    /// Seen from an enclosing value: `/lines` becomes `/3/lines`.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.0.pointer = Some(format!("{prefix}{}", self.0.pointer.unwrap_or_default()));
        self
    }

    /// The status of its answer.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.sort.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document without a request id, for one record of a batch.
    pub fn as_item(&self) -> ItemProblem<'_> {
        ItemProblem {
            r#type: self.0.sort.path(),
            title: self.0.sort.title,
            status: self.0.sort.status,
            detail: &self.0.detail,
            pointer: self.0.pointer.as_deref(),
        }
    }

    fn document(&self, request_id: &str) -> Vec<u8> {
        let document = Document {
            r#type: self.0.sort.path(),
            title: self.0.sort.title,
            status: self.0.sort.status,
            detail: &self.0.detail,
            pointer: self.0.pointer.as_deref(),
            request_id,
            member: self.0.member.iter().map(|(name, value)| (*name, value)).collect(),
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// What is wrong with one record of a batch.
#[derive(Serialize)]
pub struct ItemProblem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

/// A failure on its way out, until the outermost layer writes it down with the request's id.
#[derive(Clone)]
struct Pending(std::sync::Arc<Failure>);

impl Failure {
    /// Its status, its title and its detail, for a page that people read; what the program's own log should know of it is
    /// written there.
    pub(crate) fn in_words(&self) -> (StatusCode, String, String) {
        if let Some(cause) = &self.0.cause {
            tracing::error!(cause, "a page failed");
        }
        (self.status(), self.0.sort.title.to_owned(), sentence(self.0.detail.clone()).into_owned())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Pending(std::sync::Arc::new(self)));
        response
    }
}

/// Writes down the problem document of an answer that has one to write.
pub fn finish(mut response: Response, request_id: &str) -> Response {
    let Some(Pending(failure)) = response.extensions_mut().remove::<Pending>() else { return response };
    let Wrong { headers: own, cause, .. } = &*failure.0;
    if let Some(cause) = cause {
        tracing::error!(request_id, cause, "a request failed");
    }
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    for (name, value) in own {
        headers.insert(name.clone(), value.clone());
    }
    *response.body_mut() = Body::from(failure.document(request_id));
    response
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let sort = match problem.reason {
            Reason::Invalid => &sorts::INVALID,
            Reason::Refused => &sorts::REFUSED,
            Reason::Missing => &sorts::NOT_FOUND,
            Reason::Duplicate => &sorts::DUPLICATE,
            Reason::Changed => &sorts::CHANGED,
            Reason::State => &sorts::STATE,
            Reason::TooMuch => &sorts::TOO_MUCH,
            Reason::Forbidden => &sorts::FORBIDDEN,
            Reason::Unavailable => &sorts::UNAVAILABLE,
            Reason::CardNumber => &sorts::CARD_NUMBER,
            Reason::NotSetUp => &sorts::NOT_SET_UP,
        };
        let mut failure = Self::new(sort, sentence(problem.detail));
        failure.0.pointer = problem.pointer;
        if problem.reason == Reason::Unavailable { failure.retry_after(RETRY_SECONDS) } else { failure }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict { kind, .. } => {
                Self::new(&sorts::CONFLICT, format!("The {kind} was changed by others at the same time. Try again."))
                    .retry_after(1)
            }
            LedgerError::Taken { name: LookupName::Request, .. } => in_progress(),
            LedgerError::Taken { kind, .. } => {
                Self::new(&sorts::DUPLICATE, format!("Another {kind} of this account has the same unique value."))
            }
            LedgerError::Sealed => Self::unavailable("The vault is sealed: an officer has to unseal it first."),
            LedgerError::Stopping => Self::unavailable("The server is stopping; another will answer."),
            LedgerError::Destroyed => {
                Self::new(&sorts::NOT_FOUND, "What this was sealed with has been destroyed, as was asked for.")
            }
            LedgerError::OutOfReach(_) => {
                Self::new(&sorts::FORBIDDEN, "This is outside of what the partner link or the grant opens.")
            }
            LedgerError::NotGranted => Self::new(&sorts::NOT_GRANTED, "The account has not approved this (any more)."),
            LedgerError::Engine(error) => of_engine(&error),
            error @ (LedgerError::Damaged(_) | LedgerError::Unwritable(..) | LedgerError::Vault(_)) => {
                Self::internal(error.to_string())
            }
        }
    }
}

impl From<PeopleError> for Failure {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::SignedOut => Self::new(&sorts::UNAUTHENTICATED, "Nobody is signed in, or no longer."),
            PeopleError::SecondFactor => Self::second_factor(),
            PeopleError::Stale => Self::new(
                &sorts::CONFIRMATION,
                "Confirm first that it is you, then do this again. Nothing was changed.",
            ),
            PeopleError::NotProven => Self::new(&sorts::NOT_PROVEN, "This does not prove who you are."),
            PeopleError::Wait(seconds) => Self::new(
                &sorts::RATE,
                format!("Too many attempts. Wait {seconds} second{}.", if seconds == 1 { "" } else { "s" }),
            )
            .retry_after(seconds),
            PeopleError::Problem(problem) => problem.into(),
            PeopleError::Ledger(error) => error.into(),
        }
    }
}

fn of_engine(error: &EngineError) -> Failure {
    let failure = match error {
        EngineError::DiskFull => Failure::unavailable("The disk is full; nothing was changed."),
        EngineError::Unreachable(_) => {
            Failure::unavailable("The database cannot be reached. Send an Idempotency-Key to repeat this safely.")
        }
        _ => return Failure::internal(error.to_string()),
    };
    failure.because(error.to_string())
}

/// A copy of the request is being carried out.
pub fn in_progress() -> Failure {
    Failure::new(&sorts::IN_PROGRESS, "A request with this Idempotency-Key is being carried out. Ask again.")
        .retry_after(1)
}

impl From<TradeError> for Failure {
    fn from(error: TradeError) -> Self {
        match error {
            TradeError::Problem(problem) => problem.into(),
            TradeError::Ledger(error) => error.into(),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NotValid => Self::no_key("The API key is not valid. It may have been revoked."),
            KeyError::Problem(problem) => problem.into(),
            KeyError::Ledger(error) => error.into(),
        }
    }
}

impl From<Unprovable> for Failure {
    fn from(error: Unprovable) -> Self {
        match error {
            Unprovable::BeyondTree { .. } => {
                Self::new(&sorts::NOT_FOUND, "No signed checkpoint covers this entry yet.").retry_after(1)
            }
            Unprovable::Shrunk { .. } => Self::parameter("`from` must not be greater than `to`."),
            Unprovable::Tile(_) => Self::internal(error.to_string()),
        }
    }
}

/// The same words, as a sentence: a capital in front and a full stop behind.
pub(crate) fn sentence(detail: Cow<'static, str>) -> Cow<'static, str> {
    let mut symbols = detail.chars();
    let Some(first) = symbols.next() else { return detail };
    let dot = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    if first.is_uppercase() && dot.is_empty() {
        return detail;
    }
    Cow::Owned(first.to_uppercase().chain(symbols).chain(dot.chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(failure: &Failure) -> Value {
        serde_json::from_slice(&failure.document("req_1")).unwrap()
    }

    #[test]
    fn a_problem_document_has_the_members_of_the_standard_and_ours() {
        let failure = Failure::from(Problem::invalid("/lines/0/quantity", "a quantity is at least 1"));
        assert_eq!(failure.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            written(&failure),
            serde_json::json!({
                "type": "/problems/invalid",
                "title": "A value is not what the field takes",
                "status": 422,
                "detail": "A quantity is at least 1.",
                "pointer": "/lines/0/quantity",
                "request_id": "req_1",
            })
        );
    }

    #[test]
    fn what_failed_inside_is_not_told() {
        let failure = Failure::from(LedgerError::Engine(std::sync::Arc::new(EngineError::Failed("secret".into()))));
        assert_eq!(failure.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!written(&failure).to_string().contains("secret"));
    }

    #[test]
    fn what_the_ledger_cannot_is_told_apart() {
        let engine = |error| LedgerError::Engine(std::sync::Arc::new(error));
        let (kind, id) = (bonded_base::Kind::Order, [1; 16]);
        for (error, slug, retry) in [
            (LedgerError::Sealed, "unavailable", true),
            (LedgerError::Stopping, "unavailable", true),
            (engine(EngineError::DiskFull), "unavailable", true),
            (engine(EngineError::Unreachable("canary".into())), "unavailable", true),
            (LedgerError::Conflict { kind, id }, "conflict", true),
            (LedgerError::Taken { name: LookupName::Request, kind, id }, "in-progress", true),
            (LedgerError::Taken { name: LookupName::Sku, kind, id }, "duplicate", false),
            (LedgerError::OutOfReach(kind), "forbidden", false),
            (LedgerError::NotGranted, "not-granted", false),
            (LedgerError::Destroyed, "not-found", false),
            (LedgerError::Damaged(kind), "internal", false),
        ] {
            let failure = Failure::from(error);
            let document = written(&failure);
            assert_eq!(document["type"], format!("/problems/{slug}"));
            assert!(!document.to_string().contains("canary"));
            let response = finish(failure.into_response(), "req_1");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), retry, "{slug}");
            assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        }
    }

    #[test]
    fn details_become_sentences_once() {
        assert_eq!(sentence("it is so".into()), "It is so.");
        assert_eq!(sentence("It is so.".into()), "It is so.");
        assert_eq!(sentence("".into()), "");
    }
}
