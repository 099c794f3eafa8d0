//! What the outside sees over HTTP: the `/v1` API, its description and its docs, health and readiness.
//!
//! A request passes, in this order: its own id, the net under panics, the door (what proxies say of a caller is taken
//! out, and on the private listener checked), the route's gate (key, rate, permission), the once-only layer, the
//! handler. A handler parses, calls one business function and answers: from a route to the store are two hops.
//!
//! Architecture invariants: a route without a permission cannot be written down (`route::Route::new`); what goes wrong
//! is worded in one place ([`problem`]) and never repeats what was sent; a consumer's six fields are rendered in one
//! place (`consumer`); no address of a caller is ever looked at.

mod api;
mod app;
mod body;
mod caller;
mod consumer;
mod cookies;
mod docs;
mod figures;
mod guest;
mod health;
mod hooks;
#[cfg(test)]
mod house;
pub mod identity;
mod observe;
mod once;
mod openapi;
mod page;
mod pages;
pub mod problem;
mod rate;
mod reply;
mod route;
pub mod shapes;
#[cfg(test)]
mod tests;
mod waiting;

pub use app::{App, Limits, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND, Readiness, Settings};
pub use guest::CallerMark;

use axum::Router;
use axum::middleware::from_fn_with_state;
use identity::Door;
use problem::Failure;

/// Everything on the public listener: the API, its docs, health. Whatever else is asked for is not found.
pub fn public(app: App) -> Router {
    let api = api::routes().into_iter().fold(Router::new(), |router, route| route.mount(&app, router));
    let router = api.merge(docs::router()).merge(health::router()).merge(hooks::router());
    let router = router.merge(pages::public_router(&app));
    surrounded(app, router, Door::Public)
}

/// Everything on the private listener: health, figures, and whatever the server adds (`extra`). All but health is for
/// those whom the identity-aware proxy vouches for, unless the settings ask for no proxy.
pub fn private(app: App, extra: Router) -> Router {
    let support = api::routes().into_iter().fold(Router::new(), |router, route| route.mount_for_staff(&app, router));
    let pages = pages::private_router(&app);
    let router = support.merge(health::router()).merge(pages).merge(extra.with_state(()));
    surrounded(app, router, Door::Private)
}

/// The description of the API as it is committed: indented JSON (`OpenAPI` 3.1) without a line end.
pub fn openapi() -> String {
    openapi::describe(&api::routes()).to_pretty_json().unwrap_or_default()
}

fn surrounded(app: App, router: Router<App>, door: Door) -> Router {
    router
        .fallback(async || Failure::no_route())
        .method_not_allowed_fallback(async || Failure::method())
        .layer(from_fn_with_state((app.clone(), door), identity::at_the_door))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}
