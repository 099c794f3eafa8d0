//! The payment gateway: its key, what it signs with, and for tests where it is.

use super::super::keys;
use super::Check;
use bonded_base::Secret;
use bonded_connect::outbound::{Host, Url};
use bonded_connect::stripe;
use bonded_vault::Environment;

/// How this deployment reaches Stripe.
pub struct StripeSettings {
    /// The platform account's key.
    pub key: Secret<String>,
    /// What webhooks may be signed with.
    pub webhook_secrets: Vec<Secret<String>>,
    /// The version of the API.
    pub version: String,
    /// Where it is.
    pub address: Url,
}

impl Check {
    /// Payments, if a key is named.
    pub(super) fn stripe(&mut self, environment: Environment) -> Option<StripeSettings> {
        let version = self.text(keys::STRIPE_API_VERSION).unwrap_or_else(|| stripe::VERSION.to_owned());
        if !version.bytes().all(|symbol| symbol.is_ascii_alphanumeric() || b".-".contains(&symbol)) {
            self.complain(keys::STRIPE_API_VERSION, "takes a version of Stripe's API, as 2025-09-30.clover");
        }
        let address = self.stripe_address(environment);
        let Some(file) = self.path(keys::STRIPE_KEY_FILE) else {
            if self.given.get(keys::STRIPE_WEBHOOK_SECRET_FILES).is_some_and(|(value, _)| !value.is_empty()) {
                self.complain(keys::STRIPE_WEBHOOK_SECRET_FILES, "needs `stripe.key_file` beside it");
            }
            return None;
        };
        let key = self.secret_file(keys::STRIPE_KEY_FILE, &file);
        if !key.is_empty() && !["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix)) {
            self.complain(keys::STRIPE_KEY_FILE, "must hold a secret or restricted key of Stripe's: sk_… or rk_…");
        }
        let files = self.paths(keys::STRIPE_WEBHOOK_SECRET_FILES);
        let webhook_secrets =
            files.iter().map(|file| Secret::new(self.secret_file(keys::STRIPE_WEBHOOK_SECRET_FILES, file))).collect();
        Some(StripeSettings { key: Secret::new(key), webhook_secrets, version, address: address? })
    }

    fn stripe_address(&mut self, environment: Environment) -> Option<Url> {
        let said = self.text(keys::STRIPE_ADDRESS);
        if said.is_some() && environment == Environment::Production {
            self.complain(keys::STRIPE_ADDRESS, "is for tests, and refused in production: there Stripe is where it is");
        }
        let address = said.as_deref().unwrap_or(stripe::ADDRESS).parse().ok().filter(|url| Host::of(url).is_some());
        if address.is_none() {
            self.complain(keys::STRIPE_ADDRESS, "takes an address that begins with https://");
        }
        address
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::checked;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn payments_take_a_key_of_its_owner_alone_and_another_address_only_in_tests() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        let (key, old, new) = (file("key", "sk_test_1\n"), file("old", "whsec_1\n"), file("new", "whsec_2\n"));
        let good = format!("[stripe]\nkey_file = \"{key}\"\nwebhook_secret_files = [\"{new}\", \"{old}\"]");
        let stripe = checked(&good, &[]).unwrap_or_else(|said| panic!("{said:?}")).stripe.unwrap();
        assert_eq!((stripe.key.expose().as_str(), stripe.webhook_secrets.len()), ("sk_test_1", 2));
        assert_eq!(stripe.address.as_str(), "https://api.stripe.com/");
        assert!(checked("", &[]).unwrap_or_else(|said| panic!("{said:?}")).stripe.is_none());
        let elsewhere = "[stripe]\naddress = \"https://localhost:4711\"";
        for (text, said) in [
            (elsewhere.to_owned(), "refused in production"),
            ("environment = \"development\"\n[stripe]\naddress = \"http://localhost\"".to_owned(), "https://"),
            (format!("[stripe]\nwebhook_secret_files = [\"{new}\"]"), "needs `stripe.key_file`"),
            (format!("[stripe]\nkey_file = \"{old}\""), "sk_… or rk_…"),
            ("[stripe]\napi_version = \"new one\"".to_owned(), "2025-09-30.clover"),
        ] {
            let complaints = checked(&text, &[]).map(|_| ()).expect_err(&text);
            assert!(complaints.len() == 1 && complaints[0].contains(said), "{text}: {complaints:?}");
        }
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(checked(&good, &[]).map(|_| ()).unwrap_err()[0].contains("chmod 600"));
        assert!(checked(&format!("environment = \"staging\"\n{elsewhere}"), &[]).is_ok());
    }
}
