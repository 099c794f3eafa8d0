//! A good answer: its status, its JSON, its version as an `ETag`, and (added last, in one place) a consumer's fields.

use crate::consumer;
use crate::problem::Failure;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bonded_trade::consumers::Consumer;
use bytes::Bytes;
use serde::Serialize;

/// An answer that carries JSON.
pub struct Reply {
    status: StatusCode,
    json: Vec<u8>,
    version: Option<u64>,
    location: Option<String>,
    consumer: Shown,
    shown_once: bool,
}

/// Whether a consumer is shown beside the JSON.
enum Shown {
    Not,
    Forgotten,
    With(Consumer),
}

/// What may be kept of an answer for a repeated request.
#[derive(Clone)]
pub(crate) enum Keepable {
    /// Its JSON without the six fields, and what goes with it.
    Answer { json: Bytes, version: Option<u64>, location: Option<String> },
    /// Nothing: it shows a secret.
    Nothing,
}

/// The JSON of a value.
pub fn written(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::internal(error.to_string()))
}

impl Reply {
    /// 200 with a value.
    pub fn ok(value: &impl Serialize) -> Result<Self, Failure> {
        written(value).map(Self::json)
    }

    /// 200 with JSON that is written already.
    pub fn json(json: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, json, version: None, location: None, consumer: Shown::Not, shown_once: false }
    }

    /// The version of what is shown, for `If-Match`.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// 201, and where the new thing is.
    #[must_use]
    pub fn created(self, location: String) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), ..self }
    }

    /// The answer shows a secret: nothing of it is kept, and a repeated request does not get it again.
    #[must_use]
    pub fn shown_once(self) -> Self {
        Self { shown_once: true, ..self }
    }

    /// As it was answered before.
    pub(crate) fn again(self, status: u16, version: Option<u64>, location: Option<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK), version, location, ..self }
    }

    /// Shows the six fields with it, or that there are none (any more).
    #[must_use]
    pub fn with_consumer(self, consumer: Option<Consumer>) -> Self {
        Self { consumer: consumer.map_or(Shown::Forgotten, Shown::With), ..self }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let json = Bytes::from(self.json);
        let keepable = if self.shown_once {
            Keepable::Nothing
        } else {
            Keepable::Answer { json: json.clone(), version: self.version, location: self.location.clone() }
        };
        let json = match &self.consumer {
            Shown::Not => json,
            Shown::Forgotten => consumer::beside(json.into(), None).into(),
            Shown::With(consumer) => consumer::beside(json.into(), Some(consumer)).into(),
        };
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(version) = self.version {
            headers.insert(ETAG, etag(version));
        }
        if let Some(location) = self.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(LOCATION, location);
        }
        response.extensions_mut().insert(keepable);
        response
    }
}

fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// The version that the caller's `If-Match` names; `None` if any will do.
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let quoted = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let version = quoted.and_then(|digits| digits.parse().ok());
        let unreadable = || Failure::parameter("`If-Match` must be one ETag as it was answered, such as \"3\".");
        version.map(|version| Self(Some(version))).ok_or_else(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::FromRequestParts as _;
    use axum::http::Request;

    async fn read(value: &str) -> Option<Option<u64>> {
        let (mut parts, ()) = Request::builder().header(IF_MATCH, value).body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await.ok().map(|IfMatch(version)| version)
    }

    #[tokio::test]
    async fn a_version_is_read_as_it_was_answered() {
        assert_eq!(etag(7), "\"7\"");
        assert_eq!(read("\"7\"").await, Some(Some(7)));
        assert_eq!(read("W/\"7\"").await, Some(Some(7)));
        assert_eq!(read("*").await, Some(None));
        for wrong in ["7", "\"7", "\"seven\"", "\"1\", \"2\""] {
            assert_eq!(read(wrong).await, None, "{wrong}");
        }
    }
}
