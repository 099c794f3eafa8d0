//! What is known of whoever signs in, for a moment: a mark in place of an address, a device, a browser's name.
//!
//! The listener turns a caller's address into a mark before HTTP is looked at (see [`CallerMark`]), so nothing here ever
//! sees one.

use crate::app::App;
use crate::cookies::Cookie;
use crate::pages::face::Face;
use crate::problem::Failure;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::Response;
use bonded_people::MailAddress;
use bonded_people::session::{Begun, Stage};
use bonded_people::sign_in::{self, Holder, Visit};
use std::convert::Infallible;

/// Stands for a caller's address: a keyed hash under a key that the listener makes anew every hour and keeps in memory
/// alone. It tells two callers apart, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct CallerMark(pub [u8; 16]);

/// Browsers by the word that only they say, the more particular first.
const BROWSERS: [(&str, &str); 5] =
    [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
/// Systems by a word of theirs.
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "Mac"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
];

/// Whoever calls, before anybody knows who it is.
pub(crate) struct Guest(Visit);

impl FromRequestParts<App> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let CallerMark(mark) = parts.extensions.get().copied().unwrap_or_default();
        let (device, description) = (Cookie::Device.token(&parts.headers), device_of(&parts.headers));
        Ok(Self(Visit { mark, device, description }))
    }
}

impl Guest {
    /// As signing in takes it.
    pub const fn visit(&self) -> &Visit {
        &self.0
    }

    /// Whether one more mail may be sent to an address at this caller's request.
    pub fn may_be_mailed(&self, app: &App, address: &MailAddress) -> bool {
        let now = app.ledger().clock().now();
        app.doors().throttle.check_mail(address.expose(), self.0.mark, now).is_ok()
    }
}

/// The same answer, with a cookie that makes this device known to whoever has just signed in with it; while the sign-in
/// is not complete, without.
pub(crate) fn remembered<F: Face>(app: &App, begun: &Begun, response: Response) -> Result<Response, Failure> {
    let is_complete = begun.record.stage == Stage::Full;
    let Some(id) = F::Holder::id_of(begun.record.person).filter(|_| is_complete) else { return Ok(response) };
    let cookie = sign_in::remember_device(app.ledger(), id)?;
    Ok(crate::pages::answer::with_cookie(response, Cookie::Device.set(&cookie)))
}

/// A browser and its system, for a person to recognise: `Firefox on Linux`. No version, nothing that tells more.
pub(crate) fn device_of(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = |words: &[(&'static str, &'static str)]| {
        words.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => String::from("Unknown device"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_device_is_told_by_browser_and_system_alone() {
        let told = |agent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_static(agent));
            device_of(&headers)
        };
        assert_eq!(told("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Linux");
        assert_eq!(
            told("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156"),
            "Edge on Windows"
        );
        assert_eq!(told("curl/8.5.0"), "Unknown device");
        assert_eq!(device_of(&HeaderMap::new()), "Unknown device");
    }
}
