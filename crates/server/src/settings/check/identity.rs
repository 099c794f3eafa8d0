//! What the configuration says of the identity-aware proxy before the private listener.

use super::Check;
use crate::settings::{Door, Identity, IdentityRules, IssuerSource, keys};
use axum::http::HeaderName;
use bonded_people::assertion::Rules;
use bonded_web::identity::HEADER_NAMES_KNOWN;
use reqwest::Url;

/// Headers that mean something else. The proxy's header is taken out of every request, so it must be none of these.
const HEADERS_TAKEN: [&str; 14] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "if-match",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const KEYS_OF_IDENTITY: [&str; 5] =
    [keys::IDENTITY_CHECK, keys::IDENTITY_HEADER, keys::IDENTITY_ISSUER, keys::IDENTITY_AUDIENCE, keys::IDENTITY_KEYS];

impl Check {
    /// `private` is a door that only this machine or a private network reaches.
    pub(super) fn identity(&mut self, private: &Door) -> Identity {
        let is_said = KEYS_OF_IDENTITY.into_iter().any(|key| self.is_said(key));
        let on_loopback = private.listen.ip().is_loopback();
        match self.text(keys::IDENTITY_CHECK).as_deref() {
            Some("required") => self.required(),
            Some("off") if on_loopback => Identity::Off,
            Some("off") => {
                let why = "`off` is for a private listener on loopback (127.0.0.1 or ::1); others than this machine reach this one";
                self.complain(keys::IDENTITY_CHECK, why);
                Identity::Off
            }
            Some(_) => {
                self.complain(keys::IDENTITY_CHECK, "takes `required` or `off`");
                Identity::Off
            }
            None if is_said => self.required(),
            None if on_loopback => Identity::Off,
            None => {
                let why = "a private listener that others than this machine reach stands behind an identity-aware proxy: \
                           say which, as docs/running.md shows, or listen on 127.0.0.1";
                self.complain(keys::IDENTITY_CHECK, why);
                Identity::Off
            }
        }
    }

    fn is_said(&self, key: &str) -> bool {
        self.given.get(key).is_some_and(|(value, _)| !value.is_empty())
    }

    fn required(&mut self) -> Identity {
        let header = self.needed(keys::IDENTITY_HEADER);
        let header = header.and_then(|text| self.header(&text));
        let issuer = self.needed(keys::IDENTITY_ISSUER);
        let audience = self.needed(keys::IDENTITY_AUDIENCE);
        let keys = self.needed(keys::IDENTITY_KEYS);
        let keys = keys.and_then(|text| self.issuer_source(&text));
        match (header, issuer, audience, keys) {
            (Some(header), Some(issuer), Some(audience), Some(keys)) => {
                Identity::Required(IdentityRules { header, rules: Rules { issuer, audience }, keys })
            }
            // Each that is missing has its complaint.
            _ => Identity::Off,
        }
    }

    fn needed(&mut self, key: &str) -> Option<String> {
        if !self.is_said(key) {
            self.complain(key, "is needed where an assertion is asked for");
            return None;
        }
        self.text(key)
    }

    fn header(&mut self, text: &str) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok();
        // Those that are known by how they begin are not signed.
        let is_fit = |name: &HeaderName| {
            let mut unsigned = HEADER_NAMES_KNOWN.iter().filter(|known| known.ends_with('-'));
            !HEADERS_TAKEN.contains(&name.as_str()) && !unsigned.any(|known| name.as_str().starts_with(known))
        };
        let fit = name.filter(is_fit);
        if fit.is_none() {
            let why = "takes the name of the header with the signed assertion, as x-goog-iap-jwt-assertion, and none that means something else";
            self.complain(keys::IDENTITY_HEADER, why);
        }
        fit
    }

    fn issuer_source(&mut self, text: &str) -> Option<IssuerSource> {
        if !text.contains("://") {
            return Some(IssuerSource::File(self.placed(keys::IDENTITY_KEYS, text)));
        }
        let fit = |url: &Url| {
            let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
            url.scheme() == "https" && url.has_host() && is_bare
        };
        let url = Url::parse(text).ok().filter(fit);
        if url.is_none() {
            self.complain(
                keys::IDENTITY_KEYS,
                "takes a file, or an address that begins with https://, without a password",
            );
        }
        url.map(IssuerSource::Url)
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::given::Given;
    use crate::settings::{Identity, IssuerSource, check};
    use std::path::Path;

    const IAP: &str = "[identity]\nheader = \"X-Goog-IAP-JWT-Assertion\"\nissuer = \"https://cloud.google.com/iap\"\n\
        audience = \"/projects/1/global/backendServices/2\"\nkeys = \"https://www.gstatic.com/iap/verify/public_key-jwk\"\n";

    fn checked(file: &str) -> Result<Identity, Vec<String>> {
        let mut given = Given::default();
        given.read_file(Path::new("/etc/bonded/bonded.toml"), file);
        check::settings(given).map(|settings| settings.identity)
    }

    #[test]
    fn nothing_said_is_off_on_loopback_alone() {
        for listen in ["127.0.0.1:8444", "[::1]:8444", "127.8.8.8:1"] {
            assert!(matches!(checked(&format!("[private]\nlisten = \"{listen}\"")), Ok(Identity::Off)), "{listen}");
        }
        for listen in ["10.0.0.5:8444", "[fd00::1]:8444", "192.168.1.1:8444", "169.254.1.1:8444"] {
            let complaints = checked(&format!("[private]\nlisten = \"{listen}\"")).map(|_| ()).unwrap_err();
            assert_eq!(complaints.len(), 1, "{complaints:?}");
            assert!(complaints[0].starts_with("identity.check") && complaints[0].contains("docs/running.md"));
        }
    }

    #[test]
    fn a_proxy_that_is_described_is_required_anywhere() {
        for start in ["", "[private]\nlisten = \"10.0.0.5:8444\"\n", "[private]\nlisten = \"127.0.0.1:1\"\n"] {
            for end in ["", "check = \"required\"\n"] {
                let Ok(Identity::Required(rules)) = checked(&format!("{start}{IAP}{end}")) else {
                    panic!("{start}{end}")
                };
                assert_eq!(rules.header, "x-goog-iap-jwt-assertion");
                assert_eq!(rules.rules.issuer, "https://cloud.google.com/iap");
                assert!(matches!(rules.keys, IssuerSource::Url(_)));
            }
        }
        let by_file = IAP.replace("https://www.gstatic.com/iap/verify/public_key-jwk", "keys.json");
        let Ok(Identity::Required(rules)) = checked(&by_file) else { panic!("refused") };
        assert_eq!(rules.keys, IssuerSource::File("/etc/bonded/keys.json".into()));
        assert!(matches!(checked(&format!("{IAP}check = \"off\"\n")), Ok(Identity::Off)));
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let said = |from: &str, to: &str| IAP.replace(from, to);
        let url = "https://www.gstatic.com/iap/verify/public_key-jwk";
        for (file, about) in [
            (format!("{IAP}check = \"on\"\n"), "`required` or `off`"),
            (
                format!("{IAP}check = \"off\"\n[private]\nlisten = \"10.0.0.5:1\"\n"),
                "for a private listener on loopback",
            ),
            (said("header = \"X-Goog-IAP-JWT-Assertion\"\n", ""), "identity.header: is needed"),
            (said("issuer = \"https://cloud.google.com/iap\"", "issuer = \"\""), "identity.issuer (from"),
            (said("audience = \"/projects/1/global/backendServices/2\"\n", ""), "identity.audience: is needed"),
            (said(&format!("keys = \"{url}\"\n"), ""), "identity.keys: is needed"),
            (said("X-Goog-IAP-JWT-Assertion", "Authorization"), "means something else"),
            (said("X-Goog-IAP-JWT-Assertion", "cookie"), "means something else"),
            (said("X-Goog-IAP-JWT-Assertion", "x-goog-authenticated-user-email"), "means something else"),
            (said("X-Goog-IAP-JWT-Assertion", "two words"), "means something else"),
            (said(url, "http://www.gstatic.com/keys"), "begins with https://"),
            (said(url, "ftp://www.gstatic.com/keys"), "begins with https://"),
            (said(url, "https://user:word@keys.example/keys"), "without a password"),
            (said(url, "https://"), "begins with https://"),
        ] {
            let complaints = checked(&file).map(|_| ()).expect_err(&file);
            assert_eq!(complaints.len(), 1, "{file}: {complaints:?}");
            assert!(complaints[0].contains(about), "{file}: {complaints:?}");
        }
        let complaints = checked("[identity]\ncheck = \"required\"\n").map(|_| ()).unwrap_err();
        assert_eq!(complaints.len(), 4, "{complaints:?}");
    }
}
