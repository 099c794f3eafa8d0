//! Figures for whoever runs the server: requests by route and status, how long they took, whether the vault is sealed.
//!
//! In the text format of Prometheus (0.0.4), on the private listener alone. No figure names an account.

use crate::app::App;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// What has been counted since the process began.
#[derive(Default)]
pub(crate) struct Figures {
    /// By route, method and status: routes are those of the registry, so there is an end to them.
    requests: Mutex<BTreeMap<(String, &'static str, u16), Count>>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    requests: u64,
    millis: u64,
}

impl Figures {
    /// Counts one answer.
    pub fn count(&self, method: &'static str, route: &str, status: StatusCode, millis: i64) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry((route.to_owned(), method, status.as_u16())).or_default();
        count.requests += 1;
        count.millis += u64::try_from(millis).unwrap_or(0);
    }

    fn text(&self) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::from(
            "# HELP bonded_http_requests_total Requests that were answered.\n# TYPE bonded_http_requests_total counter\n",
        );
        // Writing to a String cannot fail.
        for ((route, method, status), count) in &requests {
            let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
            let _ = writeln!(text, "bonded_http_requests_total{labels} {}", count.requests);
        }
        text.push_str("# HELP bonded_http_request_seconds_total Time that answering took, all told.\n");
        text.push_str("# TYPE bonded_http_request_seconds_total counter\n");
        for ((route, method, status), count) in &requests {
            let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
            let (seconds, millis) = (count.millis / 1000, count.millis % 1000);
            let _ = writeln!(text, "bonded_http_request_seconds_total{labels} {seconds}.{millis:03}");
        }
        text
    }
}

/// `GET /metrics`.
pub(crate) fn router() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<App>) -> Response {
    let mut text = app.figures().text();
    text.push_str("# HELP bonded_vault_sealed Whether an officer has to unseal the vault.\n");
    let sealed = u8::from(app.ledger().vault().is_sealed());
    let _ = write!(text, "# TYPE bonded_vault_sealed gauge\nbonded_vault_sealed {sealed}\n");
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
