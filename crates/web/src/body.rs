//! Reading what was sent: JSON of a known shape, in one piece or record by record, and files as they are.
//!
//! What the parsers say of a bad body may repeat it, so nothing they say passes without being put in our own words.

mod wording;

use crate::app::App;
use crate::problem::{Failure, sorts};
use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use bonded_base::{Id, Kinded};
use bonded_trade::catalog::{Patched, Update};
use bonded_trade::screen::cards;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of a body at most, unless the route says otherwise.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of a file that is imported at once, and of any body under an `Idempotency-Key`, at most.
pub const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Records of a batch at most.
pub const BATCH_MAX: usize = 1_000;

/// How many bytes this request's body may have; the route's gate leaves it with the request.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub usize);

impl BodyLimit {
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(BODY_BYTES_MAX))
    }
}

/// A JSON body of a known shape.
pub struct Sent<T>(pub T);

/// A JSON body that may be left out.
pub struct MaybeSent<T>(pub Option<T>);

/// A body of many records: `{"data": [ … ]}`, each read by itself so that a bad one holds back no other.
pub struct Batch<T>(pub Vec<Result<T, Failure>>);

/// A body of many changes: `{"data": [ … ]}`, each a patch beside the `id` of its record and the `version` expected, if any.
pub struct Changes<R: Patched>(pub Vec<Result<Update<R>, Failure>>);

/// A CSV file.
pub struct CsvFile(pub Bytes);

/// A CSV file that is read as it arrives.
pub struct CsvStream(pub BodyDataStream);

/// The id of this kind in the request's path; where there are several, each is of another kind. What is no such id is not
/// found.
pub struct IdIn<K>(pub Id<K>);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        taken(&json_of(request).await?).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for MaybeSent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        if request.body().is_end_stream() {
            return Ok(Self(None));
        }
        let typed = expect_type(request.headers(), is_json, "application/json");
        let bytes = all_of(request).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        typed?;
        taken(&bytes).map(Some).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Batch<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        read_batch(&json_of(request).await?, taken).map(Self)
    }
}

impl<R> FromRequest<App> for Changes<R>
where
    R: Patched,
    R::Patch: DeserializeOwned,
{
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        read_batch(&json_of(request).await?, read_update).map(Self)
    }
}

impl FromRequest<App> for CsvFile {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        expect_type(request.headers(), |essence| essence == "text/csv", "text/csv")?;
        all_of(request).await.map(Self)
    }
}

impl FromRequest<App> for CsvStream {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        expect_type(request.headers(), |essence| essence == "text/csv", "text/csv")?;
        let limit = BodyLimit::of(request.extensions());
        let body = request.into_body();
        announced(&body, limit)?;
        Ok(Self(body.into_data_stream()))
    }
}

impl<K: Kinded, S: Send + Sync> FromRequestParts<S> for IdIn<K> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let missing = || Failure::missing(&K::KIND.name().replace('_', " "));
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let id = path.iter().find_map(|(_, text)| text.parse().ok());
        id.map(Self).ok_or_else(missing)
    }
}

#[derive(Deserialize)]
struct BatchBody<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

fn read_batch<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, Failure>) -> Result<Vec<Result<T, Failure>>, Failure> {
    let body: BatchBody<'_> = serde_json::from_slice(bytes).map_err(|error| explain::<BatchBody<'_>>(bytes, &error))?;
    if body.data.is_empty() || body.data.len() > BATCH_MAX {
        return Err(Failure::new(&sorts::TOO_MUCH, "A batch holds 1 to 1,000 records.").at("/data"));
    }
    let record = |(place, raw): (usize, &RawValue)| {
        read(raw.get().as_bytes()).map_err(|failure| failure.within(&format!("/data/{place}")))
    };
    Ok(body.data.into_iter().enumerate().map(record).collect())
}

#[derive(Deserialize)]
#[serde(bound = "R: Kinded")]
struct Named<R> {
    id: Id<R>,
    #[serde(default)]
    version: Option<u64>,
}

/// Reads which record, then what of it: a flattened patch could not say which of its fields is to blame.
fn read_update<R>(json: &[u8]) -> Result<Update<R>, Failure>
where
    R: Patched,
    R::Patch: DeserializeOwned,
{
    let Named { id, version } = taken(json)?;
    Ok(Update { id, expected_version: version, patch: parse(json)? })
}

/// Reads a value that holds no card number: in no field, not even in one that we would drop.
fn taken<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    if cards::is_suspect(bytes)
        && let Ok(value) = serde_json::from_slice::<Value>(bytes)
        && let Some(pointer) = cards::card_number_in(&value)
    {
        return Err(cards::refused(pointer).into());
    }
    parse(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))
}

/// Why a body is not a `T`: read again, slowly, to know the place.
fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: &serde_json::Error) -> Failure {
    if !error.is_data() {
        // What the JSON parser itself says is made of fixed words and a place.
        return Failure::new(&sorts::BODY, format!("The body is not JSON: {error}."));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let pointer = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(error) => wording::pointer(error.path()),
    };
    Failure::new(&sorts::INVALID, wording::in_our_words(&error.to_string())).at(pointer)
}

fn expect_type(headers: &HeaderMap, fits: impl Fn(&str) -> bool, wanted: &'static str) -> Result<(), Failure> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if fits(&essence) {
        return Ok(());
    }
    Err(Failure::new(&sorts::MEDIA_TYPE, format!("Send this body with `Content-Type: {wanted}`.")))
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn json_of(request: Request) -> Result<Bytes, Failure> {
    expect_type(request.headers(), is_json, "application/json")?;
    all_of(request).await
}

async fn all_of(request: Request) -> Result<Bytes, Failure> {
    let limit = BodyLimit::of(request.extensions());
    whole(request.into_body(), limit).await
}

/// The whole body, if it keeps to its limit.
pub(crate) async fn whole(body: Body, limit: BodyLimit) -> Result<Bytes, Failure> {
    announced(&body, limit)?;
    axum::body::to_bytes(body, limit.0).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            too_large(limit)
        } else {
            cut_short()
        }
    })
}

/// What announces itself as too large is not read at all.
fn announced(body: &Body, limit: BodyLimit) -> Result<(), Failure> {
    if body.size_hint().lower() > limit.0 as u64 { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(BodyLimit(limit): BodyLimit) -> Failure {
    Failure::new(&sorts::TOO_LARGE, format!("The body may have {limit} bytes at most."))
}

/// The caller has hung up, or the connection was cut.
pub(crate) fn cut_short() -> Failure {
    Failure::new(&sorts::BODY, "The body ended before it was complete.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Money;

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Line {
        quantity: u32,
        price: Money,
    }

    fn told(failure: &Failure) -> Value {
        serde_json::to_value(failure.as_item()).unwrap()
    }

    #[test]
    fn a_bad_record_holds_back_no_other_and_is_told_by_its_place() {
        let body = br#"{"data": [
            {"quantity": 1, "price": {"amount": 1, "currency": "EUR"}},
            {"quantity": "canary@example.com", "price": {"amount": 1, "currency": "EUR"}},
            {"quantity": 1, "price": {"amount": 1, "currency": "canary"}},
            7
        ]}"#;
        let records = read_batch(body, parse::<Line>).unwrap();
        assert!(records[0].is_ok());
        let told: Vec<_> = records.iter().skip(1).map(|record| told(record.as_ref().unwrap_err())).collect();
        assert_eq!(told[0]["pointer"], "/data/1/quantity");
        assert_eq!(told[1]["pointer"], "/data/2/price/currency");
        assert_eq!(told[2]["pointer"], "/data/3");
        assert!(!format!("{told:?}").contains("canary"));
    }

    #[test]
    fn a_card_number_is_refused_by_its_place_and_never_repeated() {
        let body = br#"{"data": [
            {"quantity": 1, "price": {"amount": 1, "currency": "EUR"}},
            {"quantity": 1, "price": {"amount": 1, "currency": "EUR"}, "note": "4242 4242 4242 4242"}
        ]}"#;
        let records = read_batch(body, taken::<Line>).unwrap();
        let told = told(records[1].as_ref().unwrap_err());
        assert!(records[0].is_ok());
        assert_eq!((&told["type"], &told["pointer"]), (&"/problems/card-number".into(), &"/data/1/note".into()));
        assert!(!told.to_string().contains("4242"));
        assert!(taken::<String>(br#""\u0034242424242424242""#.as_slice()).is_err());
    }

    #[test]
    fn a_body_that_is_not_json_is_told_by_line_and_column() {
        let failure = parse::<Line>(b"{\n  \"quantity\": canary").unwrap_err();
        assert_eq!(told(&failure)["status"], 400);
        assert_eq!(told(&failure)["detail"], "The body is not JSON: expected value at line 2 column 15.");
        assert!(read_batch(b"[]", parse::<Line>).is_err());
        assert!(read_batch(br#"{"data": []}"#, parse::<Line>).is_err());
    }
}
