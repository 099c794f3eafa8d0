//! The identity-aware proxy before the private listener: whether one is asked for, and how old its issuer's keys are.

use super::Finding;
use crate::desk::{Wish, ask_running};
use crate::identity::Issuer;
use crate::places::Places;
use crate::settings::{Identity, IdentityRules, IssuerSource, Settings};
use bonded_base::{Clock, Moment, SystemClock};
use bonded_people::assertion::KEPT_MS_MAX;
use bonded_vault::Environment;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

const MINUTE_MS: i64 = 60_000;

/// Asks the source of the keys itself, and a running server for the age of those that it uses.
pub async fn identity(settings: &Settings) -> Vec<Finding> {
    let Identity::Required(IdentityRules { rules, keys, .. }) = &settings.identity else {
        return vec![match settings.environment {
            Environment::Production => Finding::warn(
                "identity",
                "whoever reaches the private listener on loopback is asked for no identity",
                "put an identity-aware proxy before it: docs/running.md",
            ),
            _ => Finding::ok("identity", "no proxy is asked for; the private listener is on loopback"),
        }];
    };
    let place = match keys {
        IssuerSource::File(path) => path.display().to_string(),
        IssuerSource::Url(url) => url.to_string(),
    };
    let read = match Issuer::new(keys, Arc::new(SystemClock)) {
        Ok(issuer) => issuer.refresh().await,
        Err(ending) => Err(ending.sentence),
    };
    let mut findings = vec![match read {
        Ok(count) => {
            let written = match keys {
                IssuerSource::File(path) => written(path),
                IssuerSource::Url(_) => String::new(),
            };
            Finding::ok("identity", format!("{} signs with {}, in {place}{written}", rules.issuer, keys_of(count)))
        }
        Err(why) => Finding::fail(
            "identity",
            format!("the keys in {place} cannot be read: {why}"),
            "correct `identity.keys`; a day after they were last read, the private listener answers nobody",
        ),
    }];
    if let Ok(told) = ask_running(&Places::new(settings.data.clone()), Wish::IdentityStatus).await {
        findings.push(in_use(&told));
    }
    findings
}

/// The keys that the running server uses.
fn in_use(told: &Value) -> Finding {
    let confirmed_at = told.get("confirmed_at").and_then(|at| serde_json::from_value::<Moment>(at.clone()).ok());
    let Some(confirmed_at) = confirmed_at else {
        let said = "the running server has no keys, so its private listener answers nobody";
        return Finding::fail("identity", said, "see its log, and whether `identity.keys` can be reached");
    };
    let age_ms = SystemClock.now().millis() - confirmed_at.millis();
    let said = format!("the running server read its keys {} min ago", age_ms.max(0) / MINUTE_MS);
    if age_ms >= KEPT_MS_MAX {
        Finding::fail("identity", said, "they are too old to be used: see whether `identity.keys` can be reached")
    } else if age_ms >= KEPT_MS_MAX / 2 {
        Finding::warn(
            "identity",
            said,
            "after a day they are used no longer: see whether `identity.keys` can be reached",
        )
    } else {
        Finding::ok("identity", said)
    }
}

fn keys_of(count: usize) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
}

/// When a file was written, as far as the system tells.
fn written(path: &Path) -> String {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    match since.and_then(|since| i64::try_from(since.as_millis()).ok()) {
        Some(millis) => format!(", written {}", Moment::from_millis(millis)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use serde_json::json;

    #[test]
    fn keys_that_nobody_confirms_are_told_in_time() {
        let ago = |millis: i64| in_use(&json!({"confirmed_at": SystemClock.now().plus_millis(-millis)})).level;
        assert_eq!(ago(0), Level::Ok);
        assert_eq!(ago(KEPT_MS_MAX / 2 + MINUTE_MS), Level::Warn);
        assert_eq!(ago(KEPT_MS_MAX + MINUTE_MS), Level::Fail);
        assert_eq!(in_use(&json!({"confirmed_at": null})).level, Level::Fail);
    }
}
