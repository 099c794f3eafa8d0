//! The server: TLS with a certificate of the test's own, the API, the token endpoint and the files of bulk operations.

use crate::cost::{self, Bucket};
use crate::faults::{Fault, Faults};
use crate::inputs;
use crate::schema::{VERSIONS, schema};
use crate::state::State as Shop;
use crate::tokens::Tokens;
use crate::view::{Seen, Thing, World};
use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::OperationType;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::validation::Valid;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the server and the test share.
pub struct Shared {
    pub shop: Mutex<Shop>,
    pub faults: Mutex<Faults>,
    pub tokens: Mutex<Tokens>,
    pub bucket: Mutex<Bucket>,
    /// Every call of the API that came: its operation and body.
    pub calls: Mutex<Vec<Call>>,
    /// The version that answers, if not the one that is asked for: a version that is no longer served falls forward.
    pub falls_to: Mutex<Option<String>>,
    /// `https://localhost:port`
    pub base: String,
    documents: Mutex<HashMap<String, Checked>>,
}

/// A document that the schema allows, or why it does not.
type Checked = Result<Arc<Valid<ExecutableDocument>>, String>;

/// One call that came.
#[derive(Clone, Debug)]
pub struct Call {
    /// `Products`; `token` or `bulk` for the others.
    pub operation: String,
    /// As it was sent.
    pub body: String,
    /// Points that it asked for.
    pub cost: u64,
    /// Did it find the bucket too empty?
    pub throttled: bool,
}

/// A lock whose holder panicked is still a lock: the test fails for its own reason.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(shop: Shop, bucket: Bucket, base: String) -> Self {
        Self {
            shop: Mutex::new(shop),
            faults: Mutex::new(Faults::default()),
            tokens: Mutex::new(Tokens::default()),
            bucket: Mutex::new(bucket),
            calls: Mutex::new(Vec::new()),
            falls_to: Mutex::new(None),
            base,
            documents: Mutex::new(HashMap::new()),
        }
    }

    fn document(&self, version: &str, query: &str) -> Checked {
        let parse = || {
            let schema = schema(version).ok_or("no schema")?;
            let parsed = ExecutableDocument::parse_and_validate(schema, query, "request.graphql");
            parsed.map(Arc::new).map_err(|bad| bad.errors.to_string())
        };
        lock(&self.documents).entry(format!("{version} {query}")).or_insert_with(parse).clone()
    }
}

/// The shops behind one address.
#[derive(Clone)]
pub struct Shops {
    first: Arc<Shared>,
    others: Arc<Mutex<Vec<Arc<Shared>>>>,
}

impl Shops {
    /// One shop.
    pub fn new(first: Arc<Shared>) -> Self {
        Self { first, others: Arc::default() }
    }

    /// One more.
    pub fn add(&self, shop: Arc<Shared>) {
        lock(&self.others).push(shop);
    }
}

/// The shop that a call means, by the token that it shows; the first, if it shows none.
struct Meant(Arc<Shared>);

impl FromRequestParts<Shops> for Meant {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shops: &Shops) -> Result<Self, Infallible> {
        let token = parts.headers.get("x-shopify-access-token").map(HeaderValue::as_bytes);
        let others = lock(&shops.others);
        let found = others.iter().find(|shop| token == Some(lock(&shop.tokens).custom.as_bytes()));
        Ok(Self(Arc::clone(found.unwrap_or(&shops.first))))
    }
}

/// The routes of the shops.
pub fn router(shops: Shops) -> Router {
    Router::new()
        .route("/admin/api/{version}/graphql.json", post(graphql))
        .route("/admin/oauth/access_token", post(token))
        .route("/bulk/{file}", get(bulk))
        .with_state(shops)
}

async fn token(Meant(shared): Meant, headers: HeaderMap, body: Bytes) -> Response {
    let fault = lock(&shared.faults).of("token");
    if let Some(answer) = before(fault).await {
        return answer;
    }
    let is_json =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let fields: HashMap<String, String> = if is_json {
        let fields: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.into_iter().map(|(name, value)| (name, text(value))).collect()
    } else {
        form_urlencoded::parse(&body).into_owned().collect()
    };
    let now = lock(&shared.shop).now_ms();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (status, answer) = lock(&shared.tokens).answer(field, now);
    after(fault, respond(status, &answer.to_string(), None))
}

async fn bulk(Meant(shared): Meant, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let fault = lock(&shared.faults).of("bulk");
    if let Some(answer) = before(fault).await {
        return answer;
    }
    let id = file.trim_end_matches(".jsonl").parse().unwrap_or_default();
    let Some(lines) = lock(&shared.shop).bulks.get(&id).and_then(|bulk| bulk.lines.clone()) else {
        return respond(404, "", None);
    };
    let call = Call { operation: "bulk".to_owned(), body: String::new(), cost: 0, throttled: false };
    lock(&shared.calls).push(call);
    let wanted = headers.get(header::RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let wanted = wanted.and_then(|range| range.split_once('-'));
    let Some((from, to)) = wanted else { return respond(200, &lines, None) };
    let from: usize = from.parse().unwrap_or_default();
    let to = to.parse::<usize>().map_or(lines.len(), |to| (to + 1).min(lines.len()));
    let Some(part) = lines.as_bytes().get(from..to) else { return respond(416, "", None) };
    after(fault, (StatusCode::PARTIAL_CONTENT, part.to_vec()).into_response())
}

async fn graphql(Meant(shared): Meant, Path(version): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let query = request.get("query").and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation = query.split([' ', '(', '{']).nth(1).unwrap_or_default().to_owned();
    let fault = lock(&shared.faults).of(&operation);
    if let Some(answer) = before(fault).await {
        return answer;
    }
    let now = lock(&shared.shop).now_ms();
    let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !lock(&shared.tokens).opens(token, now) {
        return respond(401, r#"{"errors":"[API] Invalid API key or access token"}"#, None);
    }
    let served = lock(&shared.falls_to).clone().unwrap_or(version);
    let schema_of = if VERSIONS.contains(&served.as_str()) { served.as_str() } else { VERSIONS[1] };
    let mut call = Call {
        operation,
        body: String::from_utf8_lossy(&body).into_owned(),
        cost: 0,
        throttled: fault == Some(Fault::Throttled),
    };
    let variables = request.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let answer = answer(&shared, schema_of, &query, &variables, &mut call);
    lock(&shared.calls).push(call);
    after(fault, respond(200, &answer.to_string(), Some(&served)))
}

fn answer(shared: &Shared, version: &str, query: &str, variables: &Map<String, Value>, call: &mut Call) -> Value {
    let refused =
        |message: &str, code: &str| json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    let document = match shared.document(version, query) {
        Ok(document) => document,
        Err(why) => return refused(&why, "undefinedField"),
    };
    let (Some(schema), Ok(operation)) = (schema(version), document.operations.get(None)) else {
        return refused("no operation", "badRequest");
    };
    let now = lock(&shared.shop).now_ms();
    let ids = variables.get("ids").and_then(Value::as_array).map_or(1, Vec::len) as u64;
    let asked = cost::asked(&document, operation, ids);
    call.cost = asked;
    if asked > cost::QUERY_MAX {
        return refused("Query cost is too high", "MAX_COST_EXCEEDED");
    }
    let mut bucket = lock(&shared.bucket);
    if call.throttled || bucket.left(now) < asked {
        call.throttled = true;
        let answer = refused("Throttled", "THROTTLED");
        return with_cost(answer, bucket.told(now, asked, None));
    }
    if let Some(name) = inputs::deprecated(schema, operation, variables) {
        return refused(&format!("{name} is deprecated"), "DEPRECATED");
    }
    let raw = serde_json::from_value(Value::Object(variables.clone())).unwrap_or_default();
    let coerced = match coerce_variable_values(schema, operation, &raw) {
        Ok(coerced) => coerced,
        Err(why) => return refused(&why.message().to_string(), "INVALID_VARIABLE"),
    };
    let mut shop = lock(&shared.shop);
    let world = World {
        state: RefCell::new(&mut shop),
        variables,
        version,
        objects: Cell::new(1),
        is_bulk: false,
        base: &shared.base,
    };
    let is_mutation = operation.operation_type == OperationType::Mutation;
    let root = Seen { world: &world, thing: if is_mutation { Thing::Mutation } else { Thing::Query } };
    let executed = Execution::new(schema, &document).coerced_variable_values(&coerced).execute_sync(&root);
    let took = if is_mutation { asked } else { world.objects.get().min(asked) };
    let Ok(executed) = executed else { return refused("not executed", "INTERNAL_SERVER_ERROR") };
    let mut answer = serde_json::to_value(&executed).unwrap_or_default();
    if executed.errors.is_empty() {
        answer.as_object_mut().map(|answer| answer.remove("errors"));
    }
    for error in answer.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        // The executor says first who speaks.
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let code = message.trim_start_matches("resolver error: ").split_once(": ");
        let code = code.map_or("INTERNAL_SERVER_ERROR", |(code, _)| code).to_owned();
        if let Some(error) = error.as_object_mut() {
            error.insert("extensions".to_owned(), json!({ "code": code }));
        }
    }
    bucket.take(took);
    with_cost(answer, bucket.told(now, asked, Some(took)))
}

fn with_cost(mut answer: Value, cost: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("extensions".to_owned(), cost);
    }
    answer
}

/// What a fault does before anything is done.
async fn before(fault: Option<Fault>) -> Option<Response> {
    match fault? {
        Fault::ErrorBefore(status) => Some(respond(status, "", None)),
        Fault::CutBefore => Some(cut(StatusCode::OK)),
        Fault::Slow(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            None
        }
        Fault::ErrorAfter(_) | Fault::CutAfter | Fault::Throttled => None,
    }
}

/// What a fault does to the answer.
fn after(fault: Option<Fault>, answer: Response) -> Response {
    match fault {
        Some(Fault::ErrorAfter(status)) => respond(status, "", None),
        Some(Fault::CutAfter) => cut(answer.status()),
        _ => answer,
    }
}

/// An answer whose body breaks off.
fn cut(status: StatusCode) -> Response {
    let pieces = [Ok(Bytes::from_static(b"{\"da")), Err(std::io::Error::other("cut by plan"))];
    (status, Body::from_stream(futures::stream::iter(pieces))).into_response()
}

fn respond(status: u16, body: &str, version: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    if let Some(version) = version.and_then(|version| header::HeaderValue::from_str(version).ok()) {
        headers.insert("x-shopify-api-version", version);
    }
    (status, headers, body.to_owned()).into_response()
}
