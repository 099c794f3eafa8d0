//! Calls to other systems: whether they can be made at all, and whether they may lead to this machine.

use super::Finding;
use crate::settings::Settings;
use bonded_connect::outbound::Outbound;

/// Sets the way out up, and calls nobody.
pub fn outbound(settings: &Settings) -> Finding {
    match Outbound::new(settings.outbound.clone()) {
        Err(error) => Finding::fail("outbound", error.to_string(), "correct `outbound` in the configuration"),
        Ok(_) if settings.outbound.loopback => Finding::warn(
            "outbound",
            "connections and webhooks may lead to this very machine",
            "leave `outbound.loopback` out wherever others than developers have accounts",
        ),
        Ok(_) => Finding::ok("outbound", "other systems are called under https, on the internet alone"),
    }
}
