//! `Idempotency-Key`: a request that is sent again is answered again, not carried out again.
//!
//! Source: draft-ietf-httpapi-idempotency-key-header-07. The first commit of a request claims its key in the same
//! transaction, so a copy cannot slip in between. What is kept of an answer never holds a consumer's fields, because they
//! are added to an answer only on its way out, beside what can be kept of it; of one that shows a secret nothing is kept.

use crate::app::App;
use crate::body::{self, BodyLimit, IMPORT_BYTES_MAX};
use crate::caller::Caller;
use crate::problem::{Failure, in_progress, sorts};
use crate::reply::{Keepable, Reply};
use aws_lc_rs::digest::{Context, SHA256, digest};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::{Account, Id};
use bonded_ledger::{Answer, Change, Ledger, LedgerError, Lookup, LookupName, RequestKey, Scope, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Characters of a key at most.
pub const KEY_CHARS_MAX: usize = 255;
/// Bytes of an answer that is kept at most; of a larger one only what was written is known afterwards.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// How long a copy waits for the first one's answer before it is told to ask again.
const COPY_WAITS_MS: i64 = 10_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The requests that this process is carrying out under keys of their own: a copy waits for the first.
#[derive(Default)]
pub(crate) struct InFlight {
    requests: Mutex<HashMap<(Id<Account>, String), Turn>>,
}

/// Held by the one that is being carried out.
type Turn = Arc<tokio::sync::Mutex<()>>;

impl InFlight {
    /// Enters alone; the way is free again when the guard is dropped.
    async fn enter(&self, account: Id<Account>, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            // Turns that nobody holds or waits for are of the past.
            requests.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(requests.entry((account, key.to_owned())).or_default())
        };
        turn.lock_owned().await
    }
}

/// An answer, as it is kept: enough to give it again.
#[derive(Serialize, Deserialize)]
struct Kept {
    body: Value,
    version: Option<u64>,
    location: Option<String>,
}

/// What is known of a key before its request is carried out.
enum Known {
    New,
    Copy(Box<Stored<Answer>>),
}

/// Wraps the routes that change something.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    match carried_out(&app, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn carried_out(app: &App, request: Request, next: Next) -> Result<Response, Failure> {
    let Some(key) = key_of(&request)? else { return Ok(next.run(request).await) };
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(|| Failure::internal("a once-only route without a gate"))?;
    let (parts, body) = request.into_parts();
    // The whole of it is held in memory, to know the request again.
    let limit = BodyLimit(BodyLimit::of(&parts.extensions).0.min(IMPORT_BYTES_MAX));
    let bytes = body::whole(body, limit).await?;
    let once = RequestKey { key, fingerprint: fingerprint(parts.method.as_str(), &parts.uri, &bytes) };
    let request = Request::from_parts(parts, Body::from(bytes));
    // A caller that hangs up would end this future between the change and the keeping of its answer.
    let work = tokio::spawn(first_or_copy(app.clone(), caller, once, request, next));
    work.await.unwrap_or_else(|_| Err(Failure::internal("a handler panicked")))
}

async fn first_or_copy(
    app: App,
    caller: Caller,
    once: RequestKey,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let scope = caller.scope();
    let _turn = app.in_flight().enter(scope.account(), &once.key).await;
    if let Known::Copy(answer) = known(app.ledger(), scope, &once).await? {
        return given_again(app.ledger(), scope, *answer).await;
    }
    request.extensions_mut().insert(caller.under(scope.clone().once(once.clone())));
    let response = next.run(request).await;
    match response.status() {
        status if status.is_success() => {
            if let Some(keepable) = response.extensions().get::<Keepable>().cloned() {
                keep(app.ledger(), scope, &once, status, keepable).await;
            }
        }
        // A copy that reached another node first may be why this one lost.
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            if let Ok(Known::Copy(answer)) = known(app.ledger(), scope, &once).await {
                return given_again(app.ledger(), scope, *answer).await;
            }
        }
        _ => {}
    }
    Ok(response)
}

/// The caller's key, as a digest.
fn key_of(request: &Request) -> Result<Option<String>, Failure> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    // The draft writes it as a quoted string; most clients send it bare. Both are the same key.
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(|symbol| symbol.is_ascii_graphic()) {
        return Err(Failure::parameter("`Idempotency-Key` must be 1 to 255 visible ASCII characters."));
    }
    Ok(Some(digest_of(key)))
}

/// What is kept of a key: callers put anything into it, a consumer's mail address too.
pub(crate) fn digest_of(key: &str) -> String {
    BASE64URL.encode(digest(&SHA256, key.as_bytes()))
}

fn fingerprint(method: &str, uri: &Uri, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let path = uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
    for part in [method.as_bytes(), path.as_bytes()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.update(body);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Whether this is a copy. A key of another request is refused; one that has expired is free again.
async fn known(ledger: &Ledger, scope: &Scope, once: &RequestKey) -> Result<Known, Failure> {
    let Some(answer) = claimed(ledger, scope, &once.key).await? else { return Ok(Known::New) };
    if ledger.clock().now() >= answer.id.born_at().plus_millis(KEPT_MS) {
        let mut change = Change::new();
        change.remove(&answer, "expired");
        return match ledger.commit(&scope.again(), change).await {
            Ok(_) | Err(LedgerError::Conflict { .. }) => Ok(Known::New),
            Err(error) => Err(error.into()),
        };
    }
    if answer.fingerprint != once.fingerprint {
        let detail = "This Idempotency-Key was sent before with another request. Use a new key for a new request.";
        return Err(Failure::new(&sorts::KEY_REUSED, detail));
    }
    Ok(Known::Copy(Box::new(answer)))
}

async fn claimed(ledger: &Ledger, scope: &Scope, key: &str) -> Result<Option<Stored<Answer>>, LedgerError> {
    let scope = scope.again();
    match ledger.find(&scope, &Lookup::new(LookupName::Request, key.as_bytes())).await? {
        Some(id) => ledger.get(&scope, id).await,
        None => Ok(None),
    }
}

/// What is kept of an answer: nothing (`null`) of one that shows a secret or is too large.
fn kept(keepable: Keepable) -> serde_json::Result<Value> {
    match keepable {
        Keepable::Answer { json, version, location } if json.len() <= KEPT_BYTES_MAX => {
            serde_json::from_slice(&json).and_then(|body| serde_json::to_value(Kept { body, version, location }))
        }
        Keepable::Answer { .. } | Keepable::Nothing => Ok(Value::Null),
    }
}

/// Keeps the answer. Should that fail, a copy is told that the answer was lost, and what was written.
async fn keep(ledger: &Ledger, scope: &Scope, once: &RequestKey, status: StatusCode, keepable: Keepable) {
    let Ok(kept) = kept(keepable) else { return };
    let outcome = match claimed(ledger, scope, &once.key).await {
        // A request that changed nothing claimed nothing, and may be carried out again.
        Ok(None) => return,
        Ok(Some(answer)) => ledger.answered(scope, &answer, status.as_u16(), kept).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::warn!(%error, "an answer could not be kept");
    }
}

/// The answer that was given to the first copy.
async fn given_again(ledger: &Ledger, scope: &Scope, mut answer: Stored<Answer>) -> Result<Response, Failure> {
    if answer.given.is_none() {
        answer = awaited(ledger, scope, answer).await?;
    }
    let Some((status, kept)) = answer.given.as_ref().filter(|(_, kept)| !kept.is_null()) else {
        let detail = "This request was carried out, but its answer is not kept. `wrote` lists what it has written.";
        return Err(Failure::new(&sorts::ANSWER_LOST, detail).with_member("wrote", answer.wrote.clone().into()));
    };
    let kept = Kept::deserialize(kept).map_err(|error| Failure::internal(error.to_string()))?;
    let reply = Reply::ok(&kept.body)?.again(*status, kept.version, kept.location);
    let mut response = reply.into_response();
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Waits for the first copy, which another node may be carrying out, to be answered.
async fn awaited(ledger: &Ledger, scope: &Scope, mut answer: Stored<Answer>) -> Result<Stored<Answer>, Failure> {
    let scope = scope.again();
    let given_up = answer.id.born_at().plus_millis(COPY_WAITS_MS);
    loop {
        let seq = ledger.head(&scope).await?;
        answer = ledger.get(&scope, answer.id).await?.ok_or_else(in_progress)?;
        let left = given_up.millis() - ledger.clock().now().millis();
        // After so long, whoever was to answer it has ended.
        if answer.given.is_some() || left <= 0 {
            return Ok(answer);
        }
        let left = Duration::from_millis(left.unsigned_abs());
        if !ledger.wait_beyond(&scope, seq, left).await? {
            return Err(in_progress());
        }
    }
}
