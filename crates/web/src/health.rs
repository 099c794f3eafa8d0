//! Whether the server is alive, and whether it can serve: for load balancers and for whoever is on call.

use crate::app::App;
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

/// `GET /healthz` and `GET /readyz`.
pub(crate) fn router() -> Router<App> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// 200 as long as the process answers at all.
async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// 200 when requests can be served; 503 with the reason when not.
async fn ready(State(app): State<App>) -> Response {
    let reason = match () {
        () if !app.readiness().is_open() => Some("stopping"),
        () if app.ledger().vault().is_sealed() => Some("sealed"),
        () if app.ledger().ping().await.is_err() => Some("database"),
        () => None,
    };
    match reason {
        None => Json(json!({"status": "ready"})).into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": reason}))).into_response(),
    }
}
