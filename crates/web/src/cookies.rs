//! The cookies that carry sessions, and whether a request comes from a page of our own.
//!
//! Source: RFC 6265bis (the `__Host-` prefix: secure, of this host alone, for all of it) and Fetch Metadata. A request
//! that changes something is taken only from our own origin, which a browser says and a foreign page cannot forge.

use axum::http::header::{COOKIE, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use bonded_base::Secret;

/// Bytes of a cookie's value that are looked at, at most.
const VALUE_BYTES_MAX: usize = 256;
/// How long a device is known after a sign-in, in seconds: 180 days.
const DEVICE_SECONDS: u32 = 180 * 24 * 60 * 60;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// A member's session.
    Member,
    /// A session of one of the staff.
    Staff,
    /// A device from which somebody signed in before.
    Device,
    /// What a passkey was asked, until it answers.
    Ceremony,
    /// A shop that somebody came to connect before they had signed in.
    Installing,
}

impl Cookie {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "__Host-bonded-session",
            Self::Staff => "__Host-bonded-staff",
            Self::Device => "__Host-bonded-device",
            Self::Ceremony => "__Host-bonded-ceremony",
            Self::Installing => "__Host-bonded-installing",
        }
    }

    /// Its value in a request; none if it is there twice.
    pub fn token(self, headers: &HeaderMap) -> Option<Secret<String>> {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found = pairs.flat_map(|value| value.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name() && value.len() <= VALUE_BYTES_MAX).then_some(value)
        });
        let value = found.next()?;
        found.next().is_none().then(|| Secret::new(value.to_owned()))
    }

    /// The header that sets it. Sessions end with the browser, and on the server before that.
    pub fn set(self, value: &Secret<String>) -> HeaderValue {
        let lasts = if self == Self::Device { format!("; Max-Age={DEVICE_SECONDS}") } else { String::new() };
        self.header(&format!("{}={}{lasts}", self.name(), value.expose()))
    }

    /// The header that takes it away.
    pub fn clear(self) -> HeaderValue {
        self.header(&format!("{}=; Max-Age=0", self.name()))
    }

    fn header(self, beginning: &str) -> HeaderValue {
        // Lax, so that a link in a mail finds its reader signed in; staff follow no such links into the console.
        let same_site = if self == Self::Staff { "Strict" } else { "Lax" };
        let text = format!("{beginning}; Path=/; Secure; HttpOnly; SameSite={same_site}");
        let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// Whether a request was made by a page of the origin `own` (`https://app.bonded.example`), as its browser says.
pub fn of_our_own_pages(headers: &HeaderMap, own: &str) -> bool {
    match (headers.get("sec-fetch-site"), headers.get(ORIGIN)) {
        // No page can write this header; a browser that sends it knows better than we which origins are one.
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == own,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_and_not_if_it_is_there_twice() {
        let one = headers(&[("cookie", "a=b; __Host-bonded-session=bs_1; c=d")]);
        assert_eq!(Cookie::Member.token(&one).unwrap().expose(), "bs_1");
        assert!(Cookie::Staff.token(&one).is_none());
        let two = headers(&[("cookie", "__Host-bonded-session=bs_1; __Host-bonded-session=bs_2")]);
        assert!(Cookie::Member.token(&two).is_none());
    }

    #[test]
    fn a_session_s_cookie_is_of_this_host_alone_and_hidden_from_scripts() {
        let set = Cookie::Member.set(&Secret::new(String::from("bs_1")));
        assert_eq!(set, "__Host-bonded-session=bs_1; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert!(set.is_sensitive());
        assert!(
            Cookie::Staff.clear().to_str().unwrap().contains("Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict")
        );
    }

    #[test]
    fn only_our_own_pages_change_anything() {
        let own = "https://app.bonded.example";
        let asked = |pairs: &[(&'static str, &'static str)]| of_our_own_pages(&headers(pairs), own);
        assert!(asked(&[("origin", own)]));
        assert!(asked(&[("sec-fetch-site", "same-origin"), ("origin", own)]));
        for foreign in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://app.bonded.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", own)],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!asked(foreign), "{foreign:?}");
        }
    }
}
