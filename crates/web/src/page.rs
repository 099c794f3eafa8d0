//! Query parameters and pages: what a caller may ask of a list, and how the answer says where to go on.

use crate::problem::Failure;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::{Id, Kind, Kinded, Moment, Problem};
use bonded_trade::Page;
use bonded_trade::screen::cards;
use std::fmt::Write as _;
use utoipa::{IntoParams, ToSchema};

/// Records on a page, when the caller does not say.
pub const PAGE_LIMIT_DEFAULT: u32 = 50;
/// Records on a page at most.
pub const PAGE_LIMIT_MAX: u32 = 500;
/// Seconds that a caller may wait for news at most.
pub const WAIT_SECONDS_MAX: u64 = 30;

/// Which page of a list; for the description of the API.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "says what `Params` reads, for the description of the API")]
pub struct PageParams {
    /// Records at most, from 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `asc` is oldest first.
    #[param(default = "asc")]
    order: Option<Order>,
}

/// In which order a list is read.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "says what `Params` reads, for the description of the API")]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// The query of a request, read parameter by parameter. What it does not know, it refuses without repeating it.
pub struct Params {
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let unreadable = |_| Failure::parameter("The query cannot be read: it is `name=value` pairs joined by `&`.");
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(unreadable)?;
        if pairs.iter().any(|(name, value)| holds_card(name, value)) {
            return Err(Problem { pointer: None, ..cards::refused("") }.into());
        }
        Ok(Self { pairs })
    }
}

/// Whether a parameter holds the number of a payment card, as its name or its value: it might be answered or logged.
fn holds_card(name: &str, value: &str) -> bool {
    let in_value =
        if name == "barcode" { cards::barcode_has_card_number(value) } else { cards::has_card_number(value) };
    in_value || cards::has_card_number(name)
}

impl Params {
    /// Refuses parameters that are none of these, or are said twice: a filter with a typing error would select everything.
    pub fn only(&self, known: &[&str]) -> Result<(), Failure> {
        for (place, (name, _)) in self.pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { String::from("none") } else { known.join(", ") };
                return Err(Failure::parameter(format!("A parameter of the query is not known here. Known: {known}.")));
            }
            if self.pairs.iter().skip(place + 1).any(|(other, _)| other == name) {
                return Err(Failure::parameter("A parameter of the query is said twice."));
            }
        }
        Ok(())
    }

    /// The text of a parameter, if it is there.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter as something that can be parsed; `expected` says of what form it is.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Failure> {
        let failure = |_| Failure::parameter(format!("`{name}` must be {expected}."));
        self.text(name).map(|text| text.parse().map_err(failure)).transpose()
    }

    /// A parameter that is the id of a `K`.
    pub fn id<K: Kinded>(&self, name: &str) -> Result<Option<Id<K>>, Failure> {
        self.parsed(name, &format!("an id that begins with `{}_`", K::KIND.prefix()))
    }

    /// A parameter that is one of a few words.
    pub fn one_of<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*value));
        }
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        Err(Failure::parameter(format!("`{name}` must be one of: {}.", words.join(", "))))
    }

    /// Which of the parts that can be shown with a record are asked for.
    pub fn expand<const N: usize>(&self, known: [&str; N]) -> Result<[bool; N], Failure> {
        let asked: Vec<_> =
            self.text("expand").unwrap_or_default().split(',').filter(|part| !part.is_empty()).collect();
        if asked.iter().any(|part| !known.contains(part)) {
            return Err(Failure::parameter(format!("`expand` takes: {}, joined by commas.", known.join(", "))));
        }
        Ok(known.map(|part| asked.contains(&part)))
    }

    /// How many records at most.
    pub fn limit(&self) -> Result<u32, Failure> {
        let expected = format!("a whole number from 1 to {PAGE_LIMIT_MAX}");
        match self.parsed::<u32>("limit", &expected)? {
            None => Ok(PAGE_LIMIT_DEFAULT),
            Some(limit) if (1..=PAGE_LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Failure::parameter(format!("`limit` must be {expected}."))),
        }
    }

    /// How long to wait for news.
    pub fn wait(&self) -> Result<std::time::Duration, Failure> {
        let expected = format!("a whole number of seconds from 0 to {WAIT_SECONDS_MAX}");
        match self.parsed::<u64>("wait", &expected)?.unwrap_or(0) {
            seconds @ 0..=WAIT_SECONDS_MAX => Ok(std::time::Duration::from_secs(seconds)),
            _ => Err(Failure::parameter(format!("`wait` must be {expected}."))),
        }
    }

    /// Which page of the records of a kind; only these parameters and the `filters` may be there.
    pub fn page(&self, kind: Kind, filters: &[&str]) -> Result<Page, Failure> {
        self.only(&[&["limit", "cursor", "order"], filters].concat())?;
        let descending = self.one_of("order", &[("asc", false), ("desc", true)])?.unwrap_or(false);
        let after = self.text("cursor").map(|text| read_cursor(kind, text)).transpose()?;
        Ok(Page { after, limit: self.limit()?, descending })
    }
}

/// Where a page ended, opaque to the caller.
pub(crate) fn cursor(kind: Kind, (at, id): (Moment, [u8; 16])) -> String {
    let mut bytes = vec![kind.number()];
    bytes.extend_from_slice(&at.millis().to_be_bytes());
    bytes.extend_from_slice(&id);
    BASE64URL.encode(bytes)
}

/// The place that such a text names.
pub(crate) fn read_cursor(kind: Kind, text: &str) -> Result<(Moment, [u8; 16]), Failure> {
    let read = || {
        let bytes = BASE64URL.decode(text).ok()?;
        let (number, rest) = bytes.split_first()?;
        let (at, id) = rest.split_first_chunk::<8>()?;
        let id = <[u8; 16]>::try_from(id).ok()?;
        (*number == kind.number()).then_some((Moment::from_millis(i64::from_be_bytes(*at)), id))
    };
    read().ok_or_else(|| Failure::parameter("`cursor` must be the `next_cursor` of an earlier page of the same list."))
}

/// The JSON of a page whose records are written already.
pub fn listing(kind: Kind, records: &[Vec<u8>], next: Option<(Moment, [u8; 16])>) -> Vec<u8> {
    let mut json = Vec::with_capacity(64 + records.iter().map(|record| record.len() + 1).sum::<usize>());
    json.extend_from_slice(br#"{"data":["#);
    for (place, record) in records.iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        json.extend_from_slice(record);
    }
    let mut end = String::from("],\"has_more\":");
    let _ = match next {
        // The cursor's alphabet needs no escapes.
        Some(next) => write!(end, "true,\"next_cursor\":\"{}\"}}", cursor(kind, next)),
        None => write!(end, "false,\"next_cursor\":null}}"),
    };
    json.extend_from_slice(end.as_bytes());
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/v1/orders?{query}").parse().unwrap();
        Params { pairs: Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap().0 }
    }

    #[test]
    fn a_cursor_leads_on_in_its_own_list_only() {
        let place = (Moment::from_millis(1_795_339_800_125), [7; 16]);
        let text = cursor(Kind::Order, place);
        assert_eq!(read_cursor(Kind::Order, &text).unwrap(), place);
        assert!(read_cursor(Kind::Product, &text).is_err());
        for wrong in ["", "AA", "!", &text[1..], &format!("{text}A")] {
            assert!(read_cursor(Kind::Order, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parameters_are_bounded_known_and_said_once() {
        assert_eq!(params("").limit().unwrap(), PAGE_LIMIT_DEFAULT);
        assert_eq!(params("limit=500").limit().unwrap(), 500);
        for wrong in ["limit=0", "limit=501", "limit=-1", "limit=ten", "limit=5.0"] {
            assert!(params(wrong).limit().is_err(), "{wrong}");
        }
        assert!(params("wait=31").wait().is_err());
        assert!(params("stauts=open").page(Kind::Order, &["status"]).is_err());
        assert!(params("limit=1&limit=2").page(Kind::Order, &[]).is_err());
        assert!(params("order=newest").page(Kind::Order, &[]).is_err());
        assert!(params("order=desc&limit=1").page(Kind::Order, &[]).unwrap().descending);
    }

    #[tokio::test]
    async fn a_card_number_is_refused_and_not_repeated() {
        let read = async |query: &str| {
            let request = axum::http::Request::get(format!("/v1/events?{query}")).body(()).unwrap();
            Params::from_request_parts(&mut request.into_parts().0, &()).await
        };
        for query in ["after=4242424242424242", "sku=4242%204242%204242%204242", "4242-4242-4242-4242=1"] {
            let failure = read(query).await.err().unwrap();
            let told = serde_json::to_value(failure.as_item()).unwrap();
            assert_eq!((&told["type"], told["pointer"].is_null()), (&"/problems/card-number".into(), true), "{query}");
            assert!(!told.to_string().contains("4242"));
        }
        assert!(read("barcode=4006381333931&after=1700000000000&cursor=AAAB4Pz42424242424242424").await.is_ok());
    }

    #[test]
    fn a_listing_is_json() {
        let json = listing(Kind::Order, &[b"{\"a\":1}".to_vec(), b"{}".to_vec()], Some((Moment::default(), [1; 16])));
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["data"], serde_json::json!([{"a": 1}, {}]));
        assert_eq!(value["has_more"], true);
        assert!(read_cursor(Kind::Order, value["next_cursor"].as_str().unwrap()).is_ok());
        let last: serde_json::Value = serde_json::from_slice(&listing(Kind::Order, &[], None)).unwrap();
        assert_eq!(last, serde_json::json!({"data": [], "has_more": false, "next_cursor": null}));
    }
}
