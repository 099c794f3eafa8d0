//! Reading what a page sends: a form's fields, or what a passkey answered as JSON.

use super::answer::{Refused, sentence};
use crate::app::App;
use crate::body::{BodyLimit, whole};
use crate::problem::Failure;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bonded_base::{Id, Kinded, Problem, Reason};
use bonded_people::PeopleError;
use bonded_trade::screen::cards;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;

/// Bytes that a page may send at most.
pub(crate) const FORM_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form; one that is missing is empty.
#[derive(Default)]
pub(crate) struct Form(HashMap<String, Vec<String>>);

impl Form {
    /// A form of these fields; refused if one holds the number of a payment card.
    pub fn of(fields: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problem> {
        let mut form = Self::default();
        for (name, value) in fields {
            if cards::has_card_number(&value) || cards::has_card_number(&name) {
                return Err(cards::refused(""));
            }
            form.0.entry(name).or_default().push(value);
        }
        Ok(form)
    }

    /// A field's one value.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// All values of a field that can be chosen several times.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes a secret out of the form.
    pub fn secret(&mut self, name: &str) -> bonded_base::Secret<String> {
        let value = self.0.remove(name).and_then(|values| values.into_iter().next());
        bonded_base::Secret::new(value.unwrap_or_default())
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}

impl FromRequest<App> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refused> {
        let bytes = whole(request.into_body(), BodyLimit(FORM_BYTES_MAX)).await?;
        let fields = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned()));
        Ok(Self::of(fields).map_err(Failure::from)?)
    }
}

/// The id that a page was sent; `missing` is said of what is none.
pub(crate) fn id_in<K: Kinded>(text: &str, missing: &'static str) -> Result<Id<K>, PeopleError> {
    let missing = |_| Problem::new(Reason::Missing, missing);
    Ok(text.parse().map_err(missing)?)
}

/// Something that a form lets people choose, and whether it is chosen.
pub(crate) struct Choice {
    pub value: String,
    pub words: &'static str,
    pub chosen: bool,
}

/// What was sent last from one of a page's forms and had a mistake in it, so that the form says what was wrong and keeps
/// what was typed; or nothing. Never of a form that has a secret in it.
#[derive(Default)]
pub(crate) struct Attempt {
    failed: Option<Failed>,
    notice: Option<&'static str>,
}

struct Failed {
    form: String,
    typed: Form,
    says: String,
}

impl Attempt {
    /// The form of this name was sent, and refused; an error that nobody who types can help is a page of its own.
    pub fn failed(form: impl Into<String>, typed: Form, error: PeopleError) -> Result<Self, Refused> {
        let failed = Failed { form: form.into(), typed, says: sentence(error)? };
        Ok(Self { failed: Some(failed), notice: None })
    }

    /// What came of the form of this name: what is said once it is done, or why it was refused.
    pub fn after<T>(
        done: Result<T, PeopleError>,
        notice: &'static str,
        form: impl Into<String>,
        typed: Form,
    ) -> Result<Self, Refused> {
        match done {
            Ok(_) => Ok(Self { notice: Some(notice), ..Self::default() }),
            Err(error) => Self::failed(form, typed, error),
        }
    }

    /// What was done.
    pub fn notice(&self) -> Option<String> {
        self.notice.map(str::to_owned)
    }

    /// The status of the page that shows it.
    pub const fn status(&self) -> StatusCode {
        if self.failed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }

    fn of(&self, form: &str) -> Option<&Failed> {
        self.failed.as_ref().filter(|failed| failed.form == form)
    }

    /// What was wrong with this form.
    pub fn wrong(&self, form: &str) -> Option<String> {
        self.of(form).map(|failed| failed.says.clone())
    }

    /// What was wrong with a form that is none of these, since what it was about is gone from the page.
    pub fn wrong_elsewhere<'a>(&self, mut shown: impl Iterator<Item = &'a str>) -> Option<String> {
        self.failed.as_ref().filter(|failed| !shown.any(|form| form == failed.form)).map(|failed| failed.says.clone())
    }

    /// What was typed into a field of this form, else what is there at present.
    pub fn text(&self, form: &str, name: &str, present: &str) -> String {
        self.of(form).map_or(present, |failed| failed.typed.text(name)).to_owned()
    }

    /// All values that were sent for a field of this form, if it was refused.
    pub fn all(&self, form: &str, name: &str) -> &[String] {
        self.of(form).map_or(&[], |failed| failed.typed.all(name))
    }

    /// Whether a value was chosen in this form, else whether it is at present.
    pub fn ticked(&self, form: &str, name: &str, value: &str, present: bool) -> bool {
        self.of(form).map_or(present, |failed| failed.typed.all(name).iter().any(|chosen| chosen == value))
    }

    /// The choices of a field: each with its words, and whether it is chosen at present.
    pub fn choices<V: ToString>(
        &self,
        form: &str,
        name: &str,
        choices: impl IntoIterator<Item = (V, &'static str, bool)>,
    ) -> Vec<Choice> {
        let choice = |(value, words, present): (V, &'static str, bool)| {
            let value = value.to_string();
            Choice { chosen: self.ticked(form, name, &value, present), value, words }
        };
        choices.into_iter().map(choice).collect()
    }
}

/// What a passkey's script sends.
#[derive(Deserialize)]
pub(crate) struct Answered {
    /// Which ceremony it answers.
    pub ceremony: String,
    /// `PublicKeyCredential.toJSON()`.
    pub answer: Value,
    /// What a new passkey is to be called.
    #[serde(default)]
    pub name: String,
    /// Where to go on, after a confirmation.
    #[serde(default)]
    pub next: String,
}

/// A small JSON body of a script of ours.
pub(crate) struct Script<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Script<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        let bytes = whole(request.into_body(), BodyLimit(FORM_BYTES_MAX)).await?;
        let unreadable =
            |_| Failure::new(&crate::problem::sorts::BODY, "The body is not what the page's script sends.");
        serde_json::from_slice(&bytes).map(Self).map_err(unreadable)
    }
}
