//! The server's own things: configuration, data directory, running server, keys, certificates.

use super::Finding;
use crate::desk::{Wish, ask, connect};
use crate::ending::Code;
use crate::places::Places;
use crate::settings::{Door, Settings};
use crate::tls::{Authority, not_after_of};
use bonded_base::{Clock, Moment, SystemClock};
use serde_json::Value;
use std::path::Path;

/// A certificate with fewer days left than this should be replaced.
const DAYS_LEFT_WARN: i64 = 21;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Which file holds, and for which environment.
pub fn configuration(file: Option<&Path>, settings: &Settings) -> Finding {
    let from = file.map_or_else(|| "defaults, no file".to_owned(), |file| file.display().to_string());
    Finding::ok("configuration", format!("{from}; environment {}", settings.environment))
}

/// Whether the data directory is there, and its owner's alone.
pub fn data(settings: &Settings) -> Finding {
    match Places::new(settings.data.clone()).check() {
        Ok(()) => Finding::ok("data", format!("{}, for its owner alone", settings.data.display())),
        Err(ending) => Finding::failed("data", ending),
    }
}

/// Whether a server runs on it.
pub async fn server(settings: &Settings) -> Finding {
    match Places::new(settings.data.clone()).socket() {
        Err(ending) => Finding::failed("server", ending),
        Ok(socket) if connect(&socket).await.is_some() => Finding::ok("server", "runs"),
        Ok(_) => Finding::ok("server", "does not run"),
    }
}

/// The tree of keys: whether each place is there and up to date, and how many officers there are.
pub async fn vault(settings: &Settings) -> Vec<Finding> {
    let status = match ask(settings, Wish::KeysStatus, None, |_| Ok(())).await {
        Ok(status) => status,
        Err(ending) => return vec![Finding::failed("keys", ending)],
    };
    let list = |name: &str| status.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
    let officers = list("officers").len();
    let stand = if sealed { "sealed" } else { "unsealed" };
    let mut findings = vec![match officers {
        1 => Finding::warn(
            "keys",
            format!("{stand}; one officer"),
            "name a second officer, or one lost key locks everything: bonded keys add-officer",
        ),
        _ => Finding::ok("keys", format!("{stand}; {officers} officers")),
    }];
    let holder = status.get("holder").unwrap_or(&Value::Null);
    if let Some(token) = holder.get("token").and_then(Value::as_str) {
        findings.push(match holder.get("why_not").and_then(Value::as_str) {
            None => Finding::ok("keys", format!("held by the hardware token {token}, which answers")),
            Some(why) => Finding::fail(
                "keys",
                format!("held by the hardware token {token}, which is away: {why}"),
                "until it is back the vault is sealed; docs/keys.md",
            ),
        });
    } else if holder.get("kind").and_then(Value::as_str) == Some("hsm") {
        findings.push(Finding::fail(
            "keys",
            "held by a hardware module, and the configuration names none",
            "name it: `hsm.module`, `hsm.token`, `hsm.pin_file`; docs/keys.md",
        ));
    }
    let places = list("places");
    for place in &places {
        let path = place.get("place").and_then(Value::as_str).unwrap_or("-");
        findings.push(match place.get("why_not").and_then(Value::as_str) {
            None => Finding::ok("keys", format!("{path} is up to date")),
            Some(why) => {
                Finding::warn("keys", format!("{path}: {why}"), "mount it; it is brought up to date at the next unseal")
            }
        });
    }
    if places.len() == 1 {
        findings.push(Finding::warn("keys", "they lie in one place only", "name further ones in `keys.replicas`"));
    }
    findings
}

/// How long the certificates hold.
pub fn certificates(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, door) in [("public", &settings.public), ("private", &settings.private)] {
        if let Some(finding) = files(name, door) {
            findings.push(finding);
        }
    }
    if settings.public.files.is_none() || settings.private.files.is_none() {
        findings.push(match Authority::open(&Places::new(settings.data.clone())) {
            Ok(authority) => days_left("the local authority", authority.not_after()),
            Err(mut ending) => {
                if ending.code == Code::NoInput {
                    ending = ending.next("`bonded init` makes it, or name certificate files in the configuration");
                }
                Finding::failed("certificate", ending)
            }
        });
    }
    findings
}

fn files(name: &str, door: &Door) -> Option<Finding> {
    let files = door.files.as_ref()?;
    Some(match not_after_of(&files.certificate) {
        Ok(end) => days_left(&format!("that of the {name} listener"), end),
        Err(ending) => Finding::failed("certificate", ending),
    })
}

fn days_left(whose: &str, end: Option<Moment>) -> Finding {
    let Some(end) = end else {
        return Finding::fail("certificate", format!("{whose} cannot be read"), "replace it");
    };
    let days = (end.millis() - SystemClock.now().millis()).div_euclid(DAY_MS);
    let said = format!("{whose} holds {days} more days");
    if days < 0 {
        let said = format!("{whose} ended at {end}");
        Finding::fail("certificate", said, "replace it; the server takes it without a restart")
    } else if days < DAYS_LEFT_WARN {
        Finding::warn("certificate", said, "replace it in time")
    } else {
        Finding::ok("certificate", said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_certificate_near_its_end_is_told() {
        let in_days = |days: i64| days_left("it", Some(SystemClock.now().plus_millis(days * DAY_MS + 1000)));
        assert_eq!(in_days(90).level, Level::Ok);
        assert_eq!(in_days(20).level, Level::Warn);
        assert_eq!(in_days(-1).level, Level::Fail);
        assert_eq!(days_left("it", None).level, Level::Fail);
    }
}
