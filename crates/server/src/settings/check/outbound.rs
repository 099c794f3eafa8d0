//! What the configuration says of calls to other systems.

use super::Check;
use crate::settings::keys;
use bonded_connect::outbound::{Host, OutboundSetup, Url};
use bonded_vault::Environment;

impl Check {
    /// How other systems are called.
    pub(super) fn outbound(&mut self, environment: Environment) -> OutboundSetup {
        let loopback = self.one_of(keys::OUTBOUND_LOOPBACK, &[("false", false), ("true", true)]);
        if loopback && environment == Environment::Production {
            let why =
                "is refused in production: whoever names a host there could reach what listens on this machine alone";
            self.complain(keys::OUTBOUND_LOOPBACK, why);
        }
        let root_certificate = self.path(keys::OUTBOUND_ROOT_CERTIFICATE);
        OutboundSetup {
            loopback,
            root_certificate,
            user_agent: concat!("Bonded/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
    /// Where Shopify's shops are, if not at their own names.
    pub(super) fn shopify(&mut self, environment: Environment) -> Option<Url> {
        let text = self.text(keys::OUTBOUND_SHOPIFY)?;
        let address = Url::parse(&text).ok().filter(|address| Host::of(address).is_some());
        if address.is_none() {
            self.complain(keys::OUTBOUND_SHOPIFY, "takes an address like https://localhost:9443");
        } else if environment == Environment::Production {
            let why = "is refused in production: what opens merchants' shops would be sent there";
            self.complain(keys::OUTBOUND_SHOPIFY, why);
        }
        address
    }
}
