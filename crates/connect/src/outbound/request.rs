//! What is sent, and what comes back.

use super::CallError;
use bonded_base::Secret;
use bonded_people::mail::TlsVersion;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use url::{Position, Url};

/// How long a call may take in whole, connecting and redirects included, unless the request says otherwise.
pub const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer's body at most, unless the request says otherwise.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a call is sent on at most, unless the request says otherwise.
pub const REDIRECTS_MAX: u32 = 3;

/// A host that may be called: its name or address, with its port unless that is 443; `shop.example`, `[2606::1]:8443`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// The host of an https address; `None` for any other address.
    pub fn of(url: &Url) -> Option<Self> {
        let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        // Without the port that https has anyway, so that each host is written in one way.
        (is_plain && url.has_host()).then(|| Self(url[Position::BeforeHost..Position::AfterPort].to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a host's name, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is written like shop.example or shop.example:8443")]
pub struct BadHost;

impl FromStr for Host {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        // What an address would read as its path, query or user is no part of a host.
        if text.contains(['/', '\\', '?', '#', '@']) {
            return Err(BadHost);
        }
        Url::parse(&format!("https://{text}/")).ok().and_then(|url| Self::of(&url)).ok_or(BadHost)
    }
}

/// One call that is to be made.
#[derive(Clone)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeout: Duration,
    pub(super) answer_bytes_max: usize,
    redirects_left: Option<u32>,
    is_writable: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.url.host_str().unwrap_or_default())
    }
}

impl Request {
    /// A call by this method, without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: CALL_LIMIT,
            answer_bytes_max: ANSWER_BYTES_MAX,
            redirects_left: Some(REDIRECTS_MAX),
            is_writable: true,
        }
    }

    /// Reads.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sends a body.
    pub fn post(url: Url, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url).body(body)
    }

    /// Takes something away.
    pub fn delete(url: Url) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// The same, with this body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same, with this header besides; one that cannot be written fails the call.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(name, value, false)
    }

    /// The same, with a header that is never shown and never goes to another host than the first.
    #[must_use]
    pub fn secret_header(self, name: &str, value: &Secret<String>) -> Self {
        self.with(name, value.expose(), true)
    }

    fn with(mut self, name: &str, value: &str, is_secret: bool) -> Self {
        match (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(is_secret);
                self.headers.append(name, value);
            }
            _ => self.is_writable = false,
        }
        self
    }

    /// The same, taking this long at most.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same, for answers of up to this many bytes.
    #[must_use]
    pub fn answer_bytes_max(self, answer_bytes_max: usize) -> Self {
        Self { answer_bytes_max, ..self }
    }

    /// The same, but being sent on is the answer, and not followed.
    #[must_use]
    pub fn without_redirects(self) -> Self {
        Self { redirects_left: None, ..self }
    }

    /// The host that it goes to, if it can be sent at all.
    pub(super) fn host(&self) -> Result<Host, CallError> {
        if !self.is_writable {
            return Err(CallError::Header);
        }
        Host::of(&self.url).ok_or(CallError::NotHttps)
    }

    /// The same call at the place that this answer sends it on to; `None` if the answer is the last. RFC 9110 section
    /// 15.4: 307 and 308 repeat the call; 301, 302 and 303 are followed by reading only.
    pub(super) fn sent_on(&self, answer: &Answer) -> Result<Option<Self>, CallError> {
        let follows = match answer.status {
            307 | 308 => true,
            301..=303 => self.method == Method::GET,
            _ => false,
        };
        let Some(left) = self.redirects_left.filter(|_| follows) else { return Ok(None) };
        let redirects_left = Some(left.checked_sub(1).ok_or(CallError::TooManyRedirects)?);
        let place = answer.headers.get(hyper::header::LOCATION).and_then(|place| place.to_str().ok());
        let url = place.and_then(|place| self.url.join(place).ok()).ok_or(CallError::TooManyRedirects)?;
        let mut next = Self { url, redirects_left, ..self.clone() };
        if next.host()? != self.host()? {
            let own: Vec<_> = self.headers.iter().filter(|(_, value)| !value.is_sensitive()).collect();
            next.headers = own.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        Ok(Some(next))
    }
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status, 200 to 599.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it was sent; no compression was asked for.
    pub body: Bytes,
    /// The TLS that was agreed.
    pub tls: TlsVersion,
    /// From the first byte that left to the last that came, redirects included.
    pub took: Duration,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_in_one_way() {
        for (text, written) in [
            ("shop.example", "shop.example"),
            ("SHOP.Example:443", "shop.example"),
            ("shop.example:8443", "shop.example:8443"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("0x7f.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("[::1]:8443", "[::1]:8443"),
            ("[::ffff:7f00:1]", "[::ffff:7f00:1]"),
        ] {
            assert_eq!(text.parse::<Host>().map(|host| host.to_string()), Ok(written.to_owned()));
        }
        for text in ["", "a/b", "user@shop.example", "shop.example:99999", "a b", "a?b", "a#b", "a\\b", "256.1.1.1"] {
            assert_eq!(text.parse::<Host>(), Err(BadHost), "{text}");
        }
        for url in
            ["http://shop.example/", "ftp://shop.example/", "https://u@shop.example/", "https://u:p@shop.example/"]
        {
            assert_eq!(Host::of(&url.parse().unwrap()), None, "{url}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let url = Url::parse("https://shop.example/orders?token=hunter2").unwrap();
        let request = Request::post(url, "hunter2").secret_header("authorization", &Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{request:?}"), "Request(POST shop.example)");
        assert!(!format!("{:?}", request.headers).contains("hunter2"));
    }
}
