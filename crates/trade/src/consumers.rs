//! Consumers: the six fields that a parcel needs, and nothing else of a person.
//!
//! Architecture invariants: a [`Consumer`] cannot be printed, logged or serialised by accident, since it has no `Debug`,
//! no `Display` and no `Serialize`; it is wiped from memory when dropped; it is kept beside an order under a key of its
//! own, never inside a record.

mod country;
mod draft;
mod fields;

pub use draft::ConsumerDraft;
pub use fields::{FIELD_LISTS, FieldList, NOTICE_DAYS_MIN};

use crate::screen::{Kept, screened};
use crate::text::within;
use bonded_base::{Problem, Secret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Characters of a first or last name at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of a street address at most, its lines and the locality together.
pub const STREET_CHARS_MAX: usize = 400;
/// Characters of a postal code at most.
pub const POSTAL_CODE_CHARS_MAX: usize = 20;
/// Characters of a region at most.
pub const REGION_CHARS_MAX: usize = 100;

/// The six fields, as they are named and in the order in which they are sealed.
pub const FIELD_NAMES: [&str; 6] = ["first_name", "last_name", "street", "postal_code", "region", "country"];

/// Digits of a postal code at most: more would be a phone number. Iran alone has 10.
const POSTAL_CODE_DIGITS_MAX: usize = 9;
const POSTAL_CODE_DIGITS_MAX_IRAN: usize = 10;

/// The first byte of the stored form.
const FORM: u8 = 1;

/// Who gets the parcel, and where.
///
/// ```
/// fn lent(consumer: &bonded_trade::consumers::Consumer) -> &str { consumer.expose().country }
/// ```
/// ```compile_fail
/// fn printed(consumer: &bonded_trade::consumers::Consumer) { println!("{consumer:?}"); }
/// ```
/// ```compile_fail
/// fn printed(consumer: &bonded_trade::consumers::Consumer) { println!("{consumer}"); }
/// ```
/// ```compile_fail
/// fn written<T: serde::Serialize>(_: &T) {}
/// fn printed(consumer: &bonded_trade::consumers::Consumer) { written(consumer); }
/// ```
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Consumer {
    first_name: String,
    last_name: String,
    street: String,
    postal_code: String,
    region: String,
    country: String,
}

/// The six fields, lent; empty where one is not known. They are no more printable than their owner.
///
/// ```compile_fail
/// fn printed(fields: &bonded_trade::consumers::SixFields<'_>) { println!("{fields:?}"); }
/// ```
/// ```compile_fail
/// fn written<T: serde::Serialize>(_: &T) {}
/// fn printed(fields: &bonded_trade::consumers::SixFields<'_>) { written(fields); }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SixFields<'a> {
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// Street address: its lines and the locality, parted by `\n`.
    pub street: &'a str,
    /// Postal or zip code.
    pub postal_code: &'a str,
    /// Province or state.
    pub region: &'a str,
    /// ISO 3166-1 alpha-2 code.
    pub country: &'a str,
}

impl Consumer {
    /// Lends the six fields, for the one place that shows them.
    pub fn expose(&self) -> SixFields<'_> {
        SixFields {
            first_name: &self.first_name,
            last_name: &self.last_name,
            street: &self.street,
            postal_code: &self.postal_code,
            region: &self.region,
            country: &self.country,
        }
    }

    /// The form in which it is sealed: a byte that names the form, then each field after its length (big-endian u16).
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let fields = self.expose().in_order();
        // Reserved in whole, so that growing leaves no copy behind.
        let mut bytes = Vec::with_capacity(1 + fields.iter().map(|field| 2 + field.len()).sum::<usize>());
        bytes.push(FORM);
        for field in fields {
            // Limits keep every field far below 64 KiB.
            bytes.extend_from_slice(&u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        Secret::new(bytes)
    }

    /// Reads the sealed form; `None` when it is none.
    pub fn from_bytes(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        let mut rest = bytes.expose().strip_prefix(&[FORM])?;
        let mut field = || {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (text, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            rest = after;
            std::str::from_utf8(text).ok().map(str::to_owned)
        };
        let consumer = Self {
            first_name: field()?,
            last_name: field()?,
            street: field()?,
            postal_code: field()?,
            region: field()?,
            country: field()?,
        };
        rest.is_empty().then_some(consumer)
    }

    /// Screens and checks what was sent. Pointers are those of a consumer object: `/country`.
    fn checked(sent: SixFields<'_>) -> Result<Self, Problem> {
        let mut consumer = Self {
            first_name: kept("/first_name", sent.first_name, NAME_CHARS_MAX, Some(Kept::Name))?,
            last_name: kept("/last_name", sent.last_name, NAME_CHARS_MAX, Some(Kept::Name))?,
            street: kept("/street", sent.street, STREET_CHARS_MAX, Some(Kept::Street))?,
            postal_code: kept("/postal_code", sent.postal_code, POSTAL_CODE_CHARS_MAX, None)?,
            region: kept("/region", sent.region, REGION_CHARS_MAX, Some(Kept::Name))?,
            country: country::code(sent.country)
                .ok_or_else(|| Problem::invalid("/country", "a country's two-letter code (ISO 3166-1) is needed"))?
                .to_owned(),
        };
        if consumer.first_name.is_empty() && consumer.last_name.is_empty() {
            return Err(Problem::invalid("/last_name", "a parcel needs a name"));
        }
        if consumer.street.is_empty() {
            return Err(Problem::invalid("/street", "a parcel needs a street address"));
        }
        if !is_postal_code(&consumer.postal_code, &consumer.country) {
            consumer.postal_code.zeroize();
        }
        Ok(consumer)
    }
}

impl<'a> SixFields<'a> {
    /// Every field, in the order of [`FIELD_NAMES`].
    const fn in_order(self) -> [&'a str; FIELD_NAMES.len()] {
        let Self { first_name, last_name, street, postal_code, region, country } = self;
        [first_name, last_name, street, postal_code, region, country]
    }
}

/// A field as it is kept: its lines trimmed, nothing invisible in it, and screened, except for the postal code, which
/// is led by zeros and parted like a phone number and has a rule of its own. Only a street has more than one line.
fn kept(pointer: &str, sent: &str, chars_max: usize, screening: Option<Kept>) -> Result<String, Problem> {
    within(pointer, sent, chars_max)?;
    let visible = |symbol: char| if symbol == '\n' || !symbol.is_control() { symbol } else { ' ' };
    let visible: Zeroizing<String> = Zeroizing::new(sent.chars().map(visible).collect());
    let parting = if screening == Some(Kept::Street) { "\n" } else { " " };
    let lines = visible.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = Zeroizing::new(lines.collect::<Vec<_>>().join(parting));
    Ok(screening.map_or_else(|| lines.to_string(), |kept| screened(&lines, kept).into_owned()))
}

/// Letters, digits, spaces and hyphens, with no more digits than postal codes have.
fn is_postal_code(text: &str, country: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let digits_max = if country == "IR" { POSTAL_CODE_DIGITS_MAX_IRAN } else { POSTAL_CODE_DIGITS_MAX };
    digits <= digits_max && text.chars().all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, ' ' | '-'))
}

#[cfg(test)]
mod tests;
