//! The registry's rows: each route of the API with its handler, its description and the permission it needs.
//!
//! Architecture invariant: a route without a permission cannot be written down, because [`Route::new`] asks for it, and
//! [`Route::mount`], the one way to serve it, puts the gate before its handler.

use crate::app::App;
use crate::body::BODY_BYTES_MAX;
use crate::caller::{Gate, gate, staff_gate};
use crate::once::once;
use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use bonded_people::Permission;
use bonded_people::grants::GrantScope;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

/// One method at one path.
pub struct Route {
    /// GET, POST, PATCH or DELETE.
    pub method: Method,
    /// As in the description: `/v1/orders/{id}`.
    pub path: String,
    /// What a key must have been given.
    pub permission: Permission,
    /// What the description says of it.
    pub operation: Operation,
    /// The shapes that the description speaks of, by name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    body_bytes_max: usize,
    versioned: bool,
    needs_proof: bool,
    handler: MethodRouter<App>,
}

impl Route {
    /// A route from `routes!(handler)`, for keys with this permission.
    pub fn new(permission: Permission, (schemas, paths, handler): UtoipaMethodRouter<App>) -> Self {
        let (path, item) = paths.paths.into_iter().next().unwrap_or_default();
        let (method, operation) = operation_of(item).unwrap_or_default();
        // Whatever changes members, keys or grants or moves money, unless the route says otherwise.
        let needs_proof = method != Method::GET && permission.is_grave();
        let (body_bytes_max, versioned) = (BODY_BYTES_MAX, false);
        Self { method, path, permission, operation, schemas, body_bytes_max, versioned, needs_proof, handler }
    }

    /// The same route, for bodies of up to this many bytes.
    #[must_use]
    pub fn taking(self, body_bytes_max: usize) -> Self {
        Self { body_bytes_max, ..self }
    }

    /// The same route, which takes the version that the caller has seen (`If-Match`).
    #[must_use]
    pub fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }

    /// The same route, also for a member who proved long ago who they are: what only takes back must never be hindered.
    #[must_use]
    pub fn at_any_time(self) -> Self {
        Self { needs_proof: false, ..self }
    }

    /// Whether it takes a session in which its owner has proven a short while ago who they are.
    pub const fn needs_proof(&self) -> bool {
        self.needs_proof
    }

    /// Whether it takes the version that the caller has seen.
    pub const fn takes_version(&self) -> bool {
        self.versioned
    }

    /// Whether it changes something, and so takes an `Idempotency-Key`.
    pub fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// Serves it: the gate first, then the once-only layer where something changes, then the handler.
    pub(crate) fn mount(self, app: &App, router: Router<App>) -> Router<App> {
        let gate_of = (app.clone(), self.gate());
        let path = self.address();
        router.route(&path, self.handled(app).route_layer(from_fn_with_state(gate_of, gate)))
    }

    /// Serves it to staff with a grant of the account, below `/support/{grant}`; routes that no grant reaches are not
    /// served.
    pub(crate) fn mount_for_staff(self, app: &App, router: Router<App>) -> Router<App> {
        if !GrantScope::everything().permissions().contains(self.permission) {
            return router;
        }
        let gate_of = (app.clone(), self.gate());
        let path = format!("/support/{{grant}}{}", self.address());
        router.route(&path, self.handled(app).route_layer(from_fn_with_state(gate_of, staff_gate)))
    }

    const fn gate(&self) -> Gate {
        Gate { permission: self.permission, needs_proof: self.needs_proof, body_bytes_max: self.body_bytes_max }
    }

    fn handled(self, app: &App) -> MethodRouter<App> {
        if self.changes() {
            return self.handler.route_layer(from_fn_with_state(app.clone(), once));
        }
        self.handler
    }

    /// The description and the router write parameters alike; a rest of several segments is `{*rest}` here only.
    fn address(&self) -> String {
        self.path.replace("{rest}", "{*rest}")
    }
}

fn operation_of(item: PathItem) -> Option<(Method, Operation)> {
    let of = |method, operation: Option<Operation>| operation.map(|operation| (method, operation));
    of(Method::GET, item.get)
        .or_else(|| of(Method::POST, item.post))
        .or_else(|| of(Method::PUT, item.put))
        .or_else(|| of(Method::PATCH, item.patch))
        .or_else(|| of(Method::DELETE, item.delete))
}

/// The method as the description names it.
pub(crate) fn described(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}
