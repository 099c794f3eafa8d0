//! Fulfilments: parcels on their way, and how to follow them.

use crate::lines::{LineQuantity, LineWish};
use crate::screen::{Kept, has_contacts};
use crate::text;
use bonded_base::{Id, Kind, Kinded, Moment, Problem};
use serde::{Deserialize, Serialize};

/// Characters of a carrier's name at most.
pub const CARRIER_CHARS_MAX: usize = 100;
/// Characters of a tracking number at most.
pub const TRACKING_NUMBER_CHARS_MAX: usize = 100;
/// Bytes of a tracking link at most.
pub const TRACKING_URL_BYTES_MAX: usize = 2_048;

/// Names fulfilments: `Id<FulfilmentMark>` prints as `ful_…`.
#[derive(Debug)]
pub enum FulfilmentMark {}

impl Kinded for FulfilmentMark {
    const KIND: Kind = Kind::Fulfilment;
}

/// A parcel that left a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Which one.
    pub id: Id<FulfilmentMark>,
    /// What is in it.
    pub lines: Vec<LineQuantity>,
    /// Who carries it, as the supplier said.
    pub carrier: Option<String>,
    /// Its number there, as the supplier said.
    pub number: Option<String>,
    /// Where it can be followed: an `https` address.
    pub url: Option<String>,
    /// When it left.
    pub shipped_at: Moment,
    /// How often it was said anew how it can be followed.
    #[serde(default, skip_serializing_if = "is_first")]
    pub revision: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) const fn is_first(revision: &u32) -> bool {
    *revision == 0
}

/// A parcel that is to be recorded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shipment {
    /// What is in it; all that is left, if not said.
    pub lines: Option<Vec<LineWish>>,
    /// Who carries it, up to [`CARRIER_CHARS_MAX`] characters.
    pub carrier: Option<String>,
    /// Its number there, up to [`TRACKING_NUMBER_CHARS_MAX`] characters.
    pub number: Option<String>,
    /// Where it can be followed, up to [`TRACKING_URL_BYTES_MAX`] bytes; `https` only.
    pub url: Option<String>,
}

/// How a parcel can be followed; each part as it was given, or not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    carrier: Option<String>,
    number: Option<String>,
    url: Option<String>,
}

impl Shipment {
    /// How the parcel can be followed, checked. Nothing is rewritten: what cannot be kept as it is is refused.
    pub fn tracking(&self) -> Result<Tracking, Problem> {
        let carrier = text::optional_line("/carrier", self.carrier.as_deref(), CARRIER_CHARS_MAX)?;
        if carrier.as_deref().is_some_and(|carrier| has_contacts(carrier, Kept::Text)) {
            return Err(Problem::invalid("/carrier", "a carrier's name holds no mail, phone or IP address"));
        }
        let number = text::optional_line("/number", self.number.as_deref(), TRACKING_NUMBER_CHARS_MAX)?;
        if number.as_deref().is_some_and(|number| !is_tracking_number(number)) {
            return Err(Problem::invalid(
                "/number",
                "a tracking number is made of letters, digits, spaces and hyphens",
            ));
        }
        let url = self.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        if url.is_some_and(|url| !is_tracking_url(url)) {
            return Err(Problem::invalid(
                "/url",
                format!(
                    "a tracking link is an https address of at most {TRACKING_URL_BYTES_MAX} bytes that names a host"
                ),
            ));
        }
        Ok(Tracking { carrier, number, url: url.map(str::to_owned) })
    }
}

impl Tracking {
    /// The parcel that these lines make.
    pub(crate) fn of(self, id: Id<FulfilmentMark>, lines: Vec<LineQuantity>, shipped_at: Moment) -> Fulfilment {
        Fulfilment { id, lines, carrier: self.carrier, number: self.number, url: self.url, shipped_at, revision: 0 }
    }

    /// The parcel as it can be followed now; `None` when that is nothing new.
    pub(crate) fn anew(self, known: &Fulfilment) -> Option<Fulfilment> {
        let Self { carrier, number, url } = self;
        let is_new = (&carrier, &number, &url) != (&known.carrier, &known.number, &known.url);
        let revision = known.revision.saturating_add(1);
        is_new.then(|| Fulfilment { carrier, number, url, revision, ..known.clone() })
    }
}

fn is_tracking_number(text: &str) -> bool {
    // Digits and hyphens alone cannot be told from a phone number, so only the signs of one are refused.
    text.chars().all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, ' ' | '-' | '/' | '_'))
}

/// An `https` address of a named host, without user, mail address or IP address in it.
fn is_tracking_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let named = name.contains('.') && name.bytes().any(|byte| byte.is_ascii_alphabetic());
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    url.len() <= TRACKING_URL_BYTES_MAX
        && plain
        && named
        && name.split('.').all(label)
        && !has_contacts(rest.get(host.len()..).unwrap_or_default(), Kept::Reference)
}
