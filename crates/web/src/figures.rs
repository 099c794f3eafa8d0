//! Figures for whoever runs the server: requests by route and status, how long they took, whether the vault is sealed.
//!
//! In the text format of Prometheus (0.0.4), on the private listener alone. No figure names an account. Programs collect
//! them without a session; of the staff whoever has the power reads the same text.

use crate::app::App;
use crate::pages::{Access, Page};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bonded_connect::outbound::{CallCount, TlsVersion};
use bonded_people::staff::Power;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// What has been counted since the process began.
#[derive(Default)]
pub(crate) struct Figures {
    /// By route, method and status: routes are those of the registry, so there is an end to them.
    requests: Mutex<BTreeMap<(String, &'static str, u16), Count>>,
    /// By reason, of which there are few.
    identity_refusals: Mutex<BTreeMap<&'static str, u64>>,
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

    /// Counts one request that the door of the private listener refused.
    pub fn count_identity_refusal(&self, reason: &'static str) {
        let mut refusals = self.identity_refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(reason).or_default() += 1;
    }

    fn identity_text(&self) -> String {
        let refusals = self.identity_refusals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::from(
            "# HELP bonded_identity_refusals_total Requests that the proxy did not vouch for.\n\
             # TYPE bonded_identity_refusals_total counter\n",
        );
        for (reason, count) in &refusals {
            let _ = writeln!(text, "bonded_identity_refusals_total{{reason=\"{reason}\"}} {count}");
        }
        text
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

/// Calls that left, by purpose and TLS; no host and no account.
fn outbound_text(counts: &[CallCount]) -> String {
    let mut text = String::from(
        "# HELP bonded_outbound_calls_total Calls to other systems; tls is none where no answer came.\n\
         # TYPE bonded_outbound_calls_total counter\n",
    );
    for CallCount { purpose, tls, calls } in counts {
        let tls = tls.map_or("none", TlsVersion::name);
        let _ = writeln!(text, "bonded_outbound_calls_total{{purpose=\"{purpose}\",tls=\"{tls}\"}} {calls}");
    }
    text
}

/// What was held, and how that ended; no account.
fn holds_text() -> String {
    let mut text = String::from(
        "# HELP bonded_holds_total What was held, and how holds ended.\n# TYPE bonded_holds_total counter\n",
    );
    for (event, count) in bonded_trade::holds::counted() {
        let _ = writeln!(text, "bonded_holds_total{{event=\"{event}\"}} {count}");
    }
    text
}

/// `GET /metrics`.
pub(crate) fn pages() -> Vec<Page> {
    vec![Page::get(Access::Collector(Power::ReadFigures), "/metrics", get(metrics))]
}

async fn metrics(State(app): State<App>) -> Response {
    let mut text = app.figures().text();
    text.push_str("# HELP bonded_vault_sealed Whether an officer has to unseal the vault.\n");
    let sealed = u8::from(app.ledger().vault().is_sealed());
    let _ = write!(text, "# TYPE bonded_vault_sealed gauge\nbonded_vault_sealed {sealed}\n");
    text.push_str(&app.figures().identity_text());
    text.push_str(&holds_text());
    if let Some(platforms) = app.platforms() {
        text.push_str(&outbound_text(&platforms.outbound().counts()));
    }
    if let Some(confirmed_at) = app.settings().identity.keys_confirmed_at() {
        let age_ms = (app.ledger().clock().now().millis() - confirmed_at.millis()).max(0);
        text.push_str("# HELP bonded_identity_keys_age_seconds Since the proxy's issuer last confirmed its keys.\n");
        let _ = write!(
            text,
            "# TYPE bonded_identity_keys_age_seconds gauge\nbonded_identity_keys_age_seconds {}\n",
            age_ms / 1000
        );
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
