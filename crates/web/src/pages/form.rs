//! Reading what a page sends: a form's fields, or what a passkey answered as JSON.

use super::answer::Refused;
use crate::app::App;
use crate::body::{BodyLimit, whole};
use crate::problem::Failure;
use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;

/// Bytes that a page may send at most.
pub(crate) const FORM_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form; one that is missing is empty.
pub(crate) struct Form(HashMap<String, Vec<String>>);

impl Form {
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
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(&bytes) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(Self(fields))
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
