//! How pages answer: rendered, redirected, or refused in words.

use crate::problem::Failure;
use askama::Template;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bonded_people::PeopleError;

/// What pages may load: their own style and script, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// How long a style or a script may be kept.
const ASSET_CACHE: &str = "public, max-age=300";

/// Pages that the head of a page leads to: their addresses, and what they are called.
pub(crate) type Links = Vec<(&'static str, &'static str)>;

/// Those that lead to a member's pages.
const MEMBERS: [(&str, &str); 9] = [
    ("/connections", "Connections"),
    ("/holds", "Holds"),
    ("/webhooks", "Webhooks"),
    ("/files", "Files"),
    ("/payments", "Payments"),
    ("/members", "Members"),
    ("/keys", "API keys"),
    ("/support", "Support"),
    ("/security", "Security"),
];

/// What surrounds every page.
pub(crate) struct Shell {
    /// What the page is about; also its heading.
    pub title: String,
    /// Who is signed in, and where.
    pub who: Option<String>,
    /// Where the pages of this face begin: empty, or `/staff`.
    pub prefix: &'static str,
    /// Where its head leads to.
    pub links: Links,
    /// What went wrong with what was just sent.
    pub error: Option<String>,
    /// What was just done.
    pub notice: Option<String>,
    /// The page's own address, where its forms are shown only after a confirmation.
    pub confirm: Option<String>,
}

impl Shell {
    /// A page for somebody who is not signed in.
    pub fn open(title: &str, prefix: &'static str) -> Self {
        let links = Links::new();
        Self { title: title.to_owned(), who: None, prefix, links, error: None, notice: None, confirm: None }
    }

    /// A page for somebody who is. Where the staff are led to depends on their powers, and is added.
    pub fn of(title: &str, prefix: &'static str, who: String) -> Self {
        let links = if prefix.is_empty() { MEMBERS.to_vec() } else { Links::new() };
        Self { who: Some(who), links, ..Self::open(title, prefix) }
    }

    /// The same page, with a head that leads there.
    #[must_use]
    pub fn with_links(self, links: Links) -> Self {
        Self { links, ..self }
    }

    /// The same page, with what went wrong.
    #[must_use]
    pub fn with_error(self, error: Option<String>) -> Self {
        Self { error, ..self }
    }

    /// The same page, with a link in place of its forms to where one confirms first, and comes back from to `page`.
    #[must_use]
    pub fn confirming(self, is_needed: bool, page: impl Into<String>) -> Self {
        Self { confirm: is_needed.then(|| page.into()), ..self }
    }

    /// The same page, with what was done.
    #[must_use]
    pub fn with_notice(self, notice: Option<String>) -> Self {
        Self { notice, ..self }
    }
}

/// A rendered page.
pub(crate) fn page(template: &impl Template) -> Response {
    answered(StatusCode::OK, template)
}

/// A rendered page with another status.
pub(crate) fn answered(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
            (status, headers, html).into_response()
        }
        Err(error) => Failure::internal(error.to_string()).into_response(),
    }
}

/// A style or a script.
pub(crate) fn asset(content_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, ASSET_CACHE)], text).into_response()
}

/// Go there, and forget how you came (303).
pub(crate) fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// The same answer, with a cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    shell: Shell,
    detail: String,
}

/// A page that cannot be shown: why, as a page for people.
pub(crate) struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<PeopleError> for Refused {
    fn from(error: PeopleError) -> Self {
        Self(error.into())
    }
}

impl From<bonded_ledger::LedgerError> for Refused {
    fn from(error: bonded_ledger::LedgerError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, title, detail) = self.0.in_words();
        answered(status, &RefusedPage { shell: Shell::open(&title, ""), detail })
    }
}

/// What a form's page shows again after a refusal: a sentence, if it is one that the person can do something about.
pub(crate) fn sentence(error: PeopleError) -> Result<String, Refused> {
    match error {
        PeopleError::NotProven
        | PeopleError::Wait(_)
        | PeopleError::Problem(_)
        | PeopleError::SecondFactor
        | PeopleError::Stale => Ok(Failure::from(error).in_words().2),
        other => Err(other.into()),
    }
}
