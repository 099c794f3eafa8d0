//! A file that a form sends: read as it arrives, whatever its size.

use super::{SEND, listed, onward, permitted};
use crate::api::files::FORMATS;
use crate::app::App;
use crate::body::cut_short;
use crate::pages::answer::Refused;
use crate::pages::form::{Attempt, Form};
use crate::pages::gate::Member;
use crate::pages::of_trade;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bonded_base::{Currency, Problem};
use bonded_connect::files::{self, FILE_BYTES_MAX, Kept, ReceiveError, Upload};
use bonded_people::PeopleError;
use bonded_people::users::Visitor;

/// Bytes that stand around a file: the form's other fields, and what keeps them apart.
const AROUND_BYTES_MAX: u64 = 64 * 1024;
/// Characters of a field beside the file.
const FIELD_CHARS_MAX: usize = 100;

/// Takes a form with a file in it; the gate's own limit is for forms without one.
pub(super) fn handler() -> MethodRouter<App> {
    let bytes_max = usize::try_from(FILE_BYTES_MAX + AROUND_BYTES_MAX).unwrap_or(usize::MAX);
    post(send).layer(DefaultBodyLimit::max(bytes_max))
}

/// Why a file was not received.
enum Failed {
    /// The person can do something about it.
    Told(PeopleError),
    /// It is a page of its own.
    Refused(Refused),
}

impl<E: Into<PeopleError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Told(error.into())
    }
}

async fn send(
    State(app): State<App>,
    Member(visitor): Member,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refused> {
    let mut typed = Vec::new();
    let received = match form {
        Ok(form) => received(&app, &visitor, form, &mut typed).await,
        Err(_) => Err(no_file().into()),
    };
    match received {
        Ok(kept) => Ok(onward(&kept)),
        Err(Failed::Refused(refused)) => Err(refused),
        Err(Failed::Told(error)) => {
            listed(&app, &visitor, &Attempt::failed(SEND, Form::of(typed).unwrap_or_default(), error)?, None).await
        }
    }
}

/// Reads the fields before the file, then the file; what was typed is kept for a form that is shown again.
async fn received(
    app: &App,
    visitor: &Visitor,
    mut form: Multipart,
    typed: &mut Vec<(String, String)>,
) -> Result<Kept, Failed> {
    let mut format = None;
    let mut currency = None;
    while let Some(field) = form.next_field().await.map_err(torn)? {
        match field.name() {
            Some("format") => {
                let name = text(field).await?;
                format = FORMATS.into_iter().find(|(known, _)| *known == name).map(|(_, format)| format);
                typed.push(("format".to_owned(), name));
            }
            Some("currency") => {
                let code = text(field).await?;
                typed.push(("currency".to_owned(), code.clone()));
                if !code.trim().is_empty() {
                    let unknown = || Problem::invalid("/currency", "a currency is a code of ISO 4217, such as EUR");
                    currency = Some(Currency::from_code(code.trim()).ok_or_else(unknown)?);
                }
            }
            Some("file") => {
                let unknown = || Problem::invalid("/format", "say what the file is about");
                let format = format.ok_or_else(unknown)?;
                permitted(visitor, format).map_err(Failed::Refused)?;
                if field.file_name().is_none_or(str::is_empty) {
                    return Err(no_file().into());
                }
                let upload = Upload { format, currency };
                let kept = files::receive(app.ledger(), &visitor.scope()?, upload, field).await;
                return kept.map_err(|error| match error {
                    ReceiveError::Trade(error) => of_trade(error).into(),
                    ReceiveError::Body(error) => torn(error),
                });
            }
            _ => {}
        }
    }
    Err(no_file().into())
}

fn no_file() -> Problem {
    Problem::invalid("/file", "choose a file")
}

fn torn(_: MultipartError) -> Failed {
    Failed::Refused(cut_short().into())
}

/// A field beside the file, as much of it as can mean anything.
async fn text(mut field: Field<'_>) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(torn)? {
        bytes.extend(piece.iter().take(FIELD_CHARS_MAX.saturating_sub(bytes.len())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
