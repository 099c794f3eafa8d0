//! The headers in which proxies speak of a caller, which callers can write just as well.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that widely used proxies put in; a name that ends in `-` stands for all that begin with it.
pub const HEADER_NAMES_KNOWN: [&str; 6] = [
    "cf-access-jwt-assertion",
    "x-amzn-oidc-",
    "x-goog-authenticated-user-",
    "x-goog-iap-jwt-assertion",
    "x-pomerium-claim-",
    "x-pomerium-jwt-assertion",
];

/// Removes every field of them all, and of `own`; gives those of `own`.
pub(super) fn take(headers: &mut HeaderMap, own: Option<&HeaderName>) -> Vec<HeaderValue> {
    let taken = own.map(|own| headers.get_all(own).iter().cloned().collect()).unwrap_or_default();
    let spoken: Vec<HeaderName> =
        headers.keys().filter(|name| Some(*name) == own || is_known(name.as_str())).cloned().collect();
    for name in spoken {
        headers.remove(name);
    }
    taken
}

fn is_known(name: &str) -> bool {
    HEADER_NAMES_KNOWN.iter().any(|known| if known.ends_with('-') { name.starts_with(known) } else { name == *known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_proxies_say_is_taken_out_and_nothing_else() {
        let mut headers = HeaderMap::new();
        let spoken = [
            "X-Goog-IAP-JWT-Assertion",
            "x-goog-authenticated-user-email",
            "x-goog-authenticated-user-id",
            "x-pomerium-jwt-assertion",
            "x-pomerium-claim-email",
            "x-pomerium-claim-groups",
            "cf-access-jwt-assertion",
            "x-amzn-oidc-data",
            "x-amzn-oidc-identity",
            "x-amzn-oidc-accesstoken",
            "x-our-proxy",
        ];
        let others = ["authorization", "x-goog-request-params", "x-pomerium", "x-our-proxy-2", "cf-access-jwt", "host"];
        for name in spoken.iter().chain(&others) {
            for value in ["one", "two"] {
                headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
            }
        }
        let own = HeaderName::from_static("x-our-proxy");
        assert_eq!(take(&mut headers, Some(&own)), ["one", "two"]);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            ["authorization", "cf-access-jwt", "host", "x-goog-request-params", "x-our-proxy-2", "x-pomerium"]
        );
        assert_eq!(headers.get_all("host").iter().count(), 2);
        assert!(take(&mut headers, Some(&own)).is_empty() && take(&mut headers, None).is_empty());
    }
}
