//! A consumer as it arrives: only what belongs to the six fields is ever read.

use super::{Consumer, SixFields};
use bonded_base::Problem;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A consumer as it was sent, not yet checked.
///
/// It reads an object with `first_name`, `last_name`, `street`, `postal_code`, `region` and `country`; instead of
/// `street`, the parts `address1`, `address2` and `city` are taken and become its lines. Every other member is dropped
/// without being looked at. Its errors never repeat what was sent.
///
/// ```compile_fail
/// fn printed(draft: &bonded_trade::consumers::ConsumerDraft) { println!("{draft:?}"); }
/// ```
/// ```compile_fail
/// fn written<T: serde::Serialize>(_: &T) {}
/// fn printed(draft: &bonded_trade::consumers::ConsumerDraft) { written(draft); }
/// ```
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct ConsumerDraft {
    first_name: String,
    last_name: String,
    street: String,
    address1: String,
    address2: String,
    city: String,
    postal_code: String,
    region: String,
    country: String,
}

impl ConsumerDraft {
    /// A consumer that is made, not received.
    pub fn of(fields: SixFields<'_>) -> Self {
        let mut draft = Self::default();
        draft.first_name.push_str(fields.first_name);
        draft.last_name.push_str(fields.last_name);
        draft.street.push_str(fields.street);
        draft.postal_code.push_str(fields.postal_code);
        draft.region.push_str(fields.region);
        draft.country.push_str(fields.country);
        draft
    }

    /// The consumer as it will be kept. Pointers of problems begin at the consumer: `/country`.
    pub fn check(&self) -> Result<Consumer, Problem> {
        let mut lines = Zeroizing::new(String::with_capacity(self.street.len() + self.parts_len()));
        // The parts are taken only where there is no street; adding them would say the same twice.
        let parts = [&self.address1, &self.address2, &self.city];
        let lines_of = if self.street.trim().is_empty() { parts } else { [&self.street, &EMPTY, &EMPTY] };
        for part in lines_of {
            lines.push_str(part);
            lines.push('\n');
        }
        Consumer::checked(SixFields {
            first_name: &self.first_name,
            last_name: &self.last_name,
            street: lines.trim_end(),
            postal_code: &self.postal_code,
            region: &self.region,
            country: &self.country,
        })
    }

    const fn parts_len(&self) -> usize {
        // Three line ends.
        self.address1.len() + self.address2.len() + self.city.len() + 3
    }

    /// The place of a member, if it belongs to the six fields.
    fn place(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "first_name" => &mut self.first_name,
            "last_name" => &mut self.last_name,
            "street" => &mut self.street,
            "address1" => &mut self.address1,
            "address2" => &mut self.address2,
            "city" => &mut self.city,
            "postal_code" => &mut self.postal_code,
            "region" => &mut self.region,
            "country" => &mut self.country,
            _ => return None,
        })
    }
}

static EMPTY: String = String::new();

impl<'de> Deserialize<'de> for ConsumerDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Members)
    }
}

/// What is said of a consumer that is no object.
const NO_OBJECT: &str = "a consumer is an object with first_name, last_name, street, postal_code, region and country";
/// What is said of a field that is no text.
const NO_TEXT: &str = "each field of a consumer is a text";

/// Refuses everything but what it is for, in words that do not repeat it: serde's own would.
macro_rules! refusing {
    ($why:expr, $($visit:ident: $kind:ty),*) => {$(
        fn $visit<E: Error>(self, _: $kind) -> Result<Self::Value, E> {
            Err(E::custom($why))
        }
    )*};
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = ConsumerDraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_OBJECT)
    }

    refusing!(NO_OBJECT, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_bytes: &[u8]);

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<ConsumerDraft, A::Error> {
        Err(A::Error::custom(NO_OBJECT))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ConsumerDraft, A::Error> {
        let mut draft = ConsumerDraft::default();
        while let Some(Name(name)) = members.next_key()? {
            match draft.place(&name) {
                None => drop(members.next_value::<IgnoredAny>()?),
                Some(place) => {
                    place.zeroize();
                    *place = members.next_value::<Text>()?.0;
                }
            }
        }
        Ok(draft)
    }
}

/// A member's name. Unknown ones may hold anything, so they are not kept.
struct Name(Zeroizing<String>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(|name| Self(Zeroizing::new(name)))
    }
}

/// A member's value; `null` is as good as absent.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_TEXT)
    }

    refusing!(NO_TEXT, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_bytes: &[u8]);

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(A::Error::custom(NO_TEXT))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(A::Error::custom(NO_TEXT))
    }
}
