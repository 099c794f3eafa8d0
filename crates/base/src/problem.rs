//! What is wrong with a request, in business words; knows nothing of HTTP.

use std::borrow::Cow;
use std::fmt;

/// The sort of a problem; `web` gives each its status and its page in the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A value is not what the field takes.
    Invalid,
    /// A value is well formed but business rules refuse it.
    Refused,
    /// There is no such thing in this account.
    Missing,
    /// It exists already.
    Duplicate,
    /// It has changed since it was read.
    Changed,
    /// Its state does not allow this.
    State,
    /// More than a named limit.
    TooMuch,
    /// The caller may not.
    Forbidden,
    /// Not now; the same call may succeed later.
    Unavailable,
    /// It holds the number of a payment card.
    CardNumber,
    /// The operator has not set up what this needs.
    NotSetUp,
}

/// A refused request: why, in a sentence that helps, and where.
///
/// The detail never repeats a value that was sent: it may be a consumer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The sort.
    pub reason: Reason,
    /// One sentence for a person.
    pub detail: Cow<'static, str>,
    /// JSON pointer (RFC 6901) of the field, if one is to blame.
    pub pointer: Option<String>,
}

impl Problem {
    /// A problem with nothing said about the place.
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into(), pointer: None }
    }

    /// A value that a field does not take.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::Invalid, detail: detail.into(), pointer: Some(pointer.into()) }
    }

    /// The same problem, seen from an enclosing object: `within("/lines/0")` puts it before the pointer.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.pointer = Some(format!("{prefix}{}", self.pointer.unwrap_or_default()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pointer {
            Some(pointer) => write!(f, "{pointer}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Problem {}
