//! What surrounds every request.
//!
//! An id of our own, one line in the access log, headers that browsers obey, and a net under handlers that panic.
//!
//! The line holds method, route, status, time, request id and account; never a path as it was sent, a query, a body, a
//! header or an address.

use crate::app::App;
use crate::problem::{self, Failure};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bonded_base::Id;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;

/// Random bytes of a request's id.
const REQUEST_ID_BYTES: usize = 16;

/// The header that carries a request's id back to its caller.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whose request it turned out to be; the gate leaves it with the answer.
#[derive(Clone, Copy)]
pub(crate) struct Account(pub Id<bonded_base::Account>);

/// The id of a request, for whoever has to name it in the log.
#[derive(Clone)]
pub(crate) struct RequestId(pub String);

/// Wraps a whole router; must be its outermost layer.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let clock = app.ledger().clock();
    let (began, id) = (clock.now(), request_id(&app));
    let method = named(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        // What a panic says may hold anything; that it happened, and where to look, is enough.
        Err(_) => Failure::internal("a handler panicked").into_response(),
    };
    let account = response.extensions().get::<Account>().map(|Account(id)| id.to_string());
    let mut response = problem::finish(response, &id);
    write_headers(&mut response, &id);
    let ms = clock.now().millis() - began.millis();
    app.figures().count(method, route.as_deref().unwrap_or("-"), response.status(), ms);
    tracing::info!(
        target: "bonded::access",
        method,
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        ms,
        request_id = id,
        account = account.as_deref().unwrap_or("-"),
    );
    response
}

/// The method, if it is one; callers can write anything in its place.
fn named(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    known.into_iter().find(|known| method.as_str() == *known).unwrap_or("OTHER")
}

/// The id of a request, made here; a caller's own is not trusted.
fn request_id(app: &App) -> String {
    let mut random = [0; REQUEST_ID_BYTES];
    app.ledger().chance().fill(&mut random);
    format!("req_{:032x}", u128::from_be_bytes(random))
}

fn write_headers(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    let always = [
        (STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages and tiles say these themselves; what the API answers is nobody else's to keep or to frame.
    let unless_said =
        [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'")];
    for (name, value) in unless_said {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
