//! Confirming that it is still oneself, on either face: what was shown long ago is shown again, before something grave.

use super::answer::{Refused, Shell, answered, go, sentence, with_cookie};
use super::face::{Console, Face};
use super::form::{Answered, Form, Script};
use super::gate::{Access, Page};
use super::sign_in::{entered_by_script, entering, onward};
use crate::app::App;
use crate::guest::Guest;
use crate::problem::Failure;
use askama::Template;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_people::PeopleError;
use bonded_people::session::{Factor, Stage};
use bonded_people::sign_in::{self, Entering, Holder as _};
use serde::Deserialize;
use serde_json::{Value, json};

/// Where one confirms, on either face.
pub(crate) const CONFIRM: &str = "/confirm";
/// Bytes of the address to go on to, at most.
const NEXT_BYTES_MAX: usize = 200;

pub(super) fn pages<F: Face>() -> Vec<Page> {
    let (at, own) = (|rest: &str| F::path(&format!("{CONFIRM}{rest}")), Access::Session);
    vec![
        Page::get(own, at(""), get(show::<F>)),
        Page::post(own, at(""), post(with_word::<F>)),
        Page::post(own, at("/passkey/ask"), post(ask_passkey::<F>)),
        Page::post(own, at("/passkey"), post(with_passkey::<F>)),
    ]
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    shell: Shell,
    next: String,
    mail: String,
    ways: Vec<Factor>,
}

impl ConfirmPage {
    fn takes(&self, factor: Factor) -> bool {
        self.ways.contains(&factor)
    }
}

/// What the page is asked in its query.
#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default)]
    next: String,
    /// Whether a form was sent that has changed nothing.
    #[serde(default)]
    unchanged: String,
}

/// The address to go on to: a page of the same face and origin, or else its first page.
///
/// No escape, dot, query or backslash is let through, so that no reader of addresses finds another origin in it.
fn next_of<F: Face>(asked: &str) -> &str {
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '/' | '_' | '-');
    let is_path = asked.starts_with('/') && !asked.contains("//") && asked.chars().all(is_plain);
    let of_staff = asked.strip_prefix(Console::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_ours = of_staff == (F::PREFIX == Console::PREFIX);
    if is_path && is_ours && asked.len() <= NEXT_BYTES_MAX { asked } else { F::HOME }
}

async fn rendered<F: Face>(
    app: &App,
    entering: &Entering<F::Holder>,
    next: &str,
    error: Option<String>,
) -> Result<ConfirmPage, PeopleError> {
    let holder = &entering.holder;
    Ok(ConfirmPage {
        shell: F::shell(app, "Confirm that it is you", entering).await?.with_error(error),
        next: next.to_owned(),
        mail: holder.mail().expose().to_owned(),
        ways: sign_in::ways_to_confirm(&**holder),
    })
}

async fn show<F: Face>(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let entering = entering::<F>(&app, &headers).await?;
    if entering.session.stage == Stage::SecondFactor {
        return Ok(go(&onward::<F>(entering.session.stage)));
    }
    let Query(Asked { next, unchanged }) = query.unwrap_or_default();
    let said = "Nothing was changed yet: confirm first that it is you, then do it again.";
    let error = (!unchanged.is_empty()).then(|| String::from(said));
    Ok(answered(StatusCode::OK, &rendered::<F>(&app, &entering, next_of::<F>(&next), error).await?))
}

/// With a code, or with the password of whoever has nothing more.
async fn with_word<F: Face>(
    State(app): State<App>,
    guest: Guest,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Refused> {
    let entering = entering::<F>(&app, &headers).await?;
    let by_password = sign_in::ways_to_confirm(&*entering.holder).contains(&Factor::Password);
    let done = if by_password {
        sign_in::confirm_with_password(app.doors(), &entering, form.secret("password")).await
    } else {
        sign_in::confirm_with_code(app.doors(), &entering, form.text("code"), guest.visit()).await
    };
    let next = next_of::<F>(form.text("next"));
    let error = match done {
        Ok(begun) => return Ok(with_cookie(go(next), F::COOKIE.set(&begun.token))),
        Err(PeopleError::NotProven) if by_password => String::from("The password is not right."),
        Err(PeopleError::NotProven) => String::from("This code is not right, or was used before."),
        Err(error) => sentence(error)?,
    };
    Ok(answered(StatusCode::UNAUTHORIZED, &rendered::<F>(&app, &entering, next, Some(error)).await?))
}

async fn ask_passkey<F: Face>(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let asked = sign_in::ask_to_confirm(app.doors(), &entering::<F>(&app, &headers).await?)?;
    Ok(Json(json!({ "ceremony": asked.ceremony, "options": asked.options })))
}

async fn with_passkey<F: Face>(
    State(app): State<App>,
    headers: HeaderMap,
    Script(Answered { ceremony, answer, next, .. }): Script<Answered>,
) -> Result<Response, Failure> {
    let entering = entering::<F>(&app, &headers).await?;
    let begun = sign_in::confirm_with_passkey(app.doors(), &entering, &ceremony, &answer).await?;
    entered_by_script::<F>(&app, &begun, next_of::<F>(&next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::face::Shop;
    use proptest::prelude::*;

    #[test]
    fn pages_of_the_same_face_are_gone_on_to() {
        for page in ["/members", "/keys", "/security", "/support/grant_01jd2mk8x3e5v9zq4t7w6y5h0c", "/staffing"] {
            assert_eq!(next_of::<Shop>(page), page);
            assert_eq!(next_of::<Console>(page), "/staff");
        }
        for page in ["/staff", "/staff/people", "/staff/reviews/rev_01jd2mk8x3e5v9zq4t7w6y5h0c"] {
            assert_eq!(next_of::<Console>(page), page);
            assert_eq!(next_of::<Shop>(page), "/home");
        }
    }

    #[test]
    fn other_origins_are_not() {
        for elsewhere in [
            "",
            "members",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "/%2f/evil.example",
            "/%5cevil.example",
            "/./members",
            "/..//evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/@evil.example",
            "/members?x=https://evil.example",
            "/members#x",
            "/members\r\nset-cookie: x=y",
            "/mémbers",
        ] {
            assert_eq!(next_of::<Shop>(elsewhere), "/home", "{elsewhere:?}");
            assert_eq!(next_of::<Console>(elsewhere), "/staff", "{elsewhere:?}");
        }
        assert_eq!(next_of::<Shop>(&format!("/{}", "a".repeat(NEXT_BYTES_MAX))), "/home");
    }

    /// What a browser does to an address before it reads it: takes tabs and line ends out, blanks off its ends, and turns
    /// backslashes (WHATWG URL, basic URL parser).
    fn as_browsers_read(address: &str) -> String {
        let kept: String = address.chars().filter(|symbol| !matches!(symbol, '\t' | '\n' | '\r')).collect();
        kept.trim_matches(|symbol: char| symbol <= ' ').replace('\\', "/")
    }

    proptest! {
        #[test]
        fn whatever_is_asked_leads_to_a_path_of_this_face(
            asked in prop_oneof![
                "\\PC*",
                proptest::collection::vec(
                    prop_oneof![
                        Just("/"), Just("\\"), Just("\t"), Just("\n"), Just(" "), Just("."), Just(":"), Just("@"), Just("%2f"),
                        Just("?"), Just("#"), Just("staff"), Just("members"), Just("evil.example"), Just("https:"), Just("a"),
                    ],
                    0..8,
                ).prop_map(|parts| parts.concat()),
                "/[a-z/]{0,12}",
            ],
        ) {
            for (next, home, is_staff) in [
                (next_of::<Shop>(&asked), "/home", false),
                (next_of::<Console>(&asked), "/staff", true),
            ] {
                prop_assert!(next == asked || next == home);
                let read = as_browsers_read(next);
                prop_assert_eq!(&read, next, "nothing is left to be read otherwise");
                prop_assert!(read.starts_with('/') && !read.contains("//") && !read.contains(':'));
                prop_assert_eq!(read == "/staff" || read.starts_with("/staff/"), is_staff);
            }
        }
    }
}
