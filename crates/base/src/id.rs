//! Typed ids in the TypeID notation: a prefix, `_`, and a UUID version 7 in 26 characters.
//!
//! Source: the TypeID specification 0.3 and RFC 9562 section 5.7. Ids begin with their millisecond of birth, so that
//! rows made together lie together in an engine's pages.

use crate::{Chance, Clock, Kind, Moment};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

/// A type that has ids; `Id<Order>` takes its prefix from here.
pub trait Kinded {
    /// Which row of the registry.
    const KIND: Kind;
}

/// The id of a `K`: 16 bytes, printed as `ord_01jd2mk8x3e5v9zq4t7w6y5h0c`.
pub struct Id<K> {
    bytes: [u8; 16],
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Another kind's prefix, or none.
    #[error("an id that begins with `{0}_` was expected")]
    Prefix(&'static str),
    /// Not 26 characters of the alphabet, or above 128 bits.
    #[error("`{0}_` must be followed by 26 characters of 0-9 and a-z without i, l, o and u")]
    Suffix(&'static str),
}

/// Digits and lower-case letters without i, l, o and u (Crockford's base 32), five bits each: of ids, secrets and codes.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LENGTH: usize = 26;

impl<K: Kinded> Id<K> {
    /// A new id, born now.
    pub fn new(clock: &dyn Clock, chance: &dyn Chance) -> Self {
        Self::born(clock.now(), chance)
    }

    /// A new id, born at a given moment.
    pub fn born(at: Moment, chance: &dyn Chance) -> Self {
        let mut bytes = [0; 16];
        chance.fill(&mut bytes);
        bytes[..6].copy_from_slice(&at.millis().to_be_bytes()[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self::from_bytes(bytes)
    }

    /// The id with these bytes; whoever reads them from a store vouches for them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// Its 16 bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.bytes
    }

    /// The millisecond in which it was made.
    pub fn born_at(self) -> Moment {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.bytes[..6]);
        Moment::from_millis(i64::from_be_bytes(millis))
    }
}

/// An id as people read it, where its kind is known only when the program runs.
pub fn id_text(kind: Kind, bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(kind.prefix().len() + 1 + SUFFIX_LENGTH);
    text.push_str(kind.prefix());
    text.push('_');
    let value = u128::from_be_bytes(bytes);
    for place in (0..SUFFIX_LENGTH).rev() {
        let five = (value >> (5 * place)) & 31;
        text.extend(ALPHABET.get(five as usize).map(|symbol| char::from(*symbol)));
    }
    text
}

impl<K: Kinded> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&id_text(K::KIND, self.bytes))
    }
}

/// The 16 bytes of an id whose kind is known only when the program runs; `None` if it is no id of that kind.
pub fn id_bytes(kind: Kind, text: &str) -> Option<[u8; 16]> {
    let suffix = text.strip_prefix(kind.prefix())?.strip_prefix('_')?.as_bytes();
    // 26 characters hold 130 bits: the first may carry three only.
    if suffix.len() != SUFFIX_LENGTH || suffix.first().is_none_or(|&first| first > b'7') {
        return None;
    }
    let value = suffix.iter().try_fold(0_u128, |value, symbol| {
        let five = ALPHABET.iter().position(|known| known == symbol)?;
        Some(value << 5 | five as u128)
    });
    value.map(u128::to_be_bytes)
}

impl<K: Kinded> FromStr for Id<K> {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let prefix = K::KIND.prefix();
        if text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_none() {
            return Err(BadId::Prefix(prefix));
        }
        id_bytes(K::KIND, text).map(Self::from_bytes).ok_or(BadId::Suffix(prefix))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K: Kinded> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kinded> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kinded> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;

    /// The notation's own examples, with our prefix.
    #[test]
    fn the_specification_s_vectors_hold() {
        for (suffix, value) in [
            ("00000000000000000000000000", 0_u128),
            ("00000000000000000000000001", 1),
            ("0000000000000000000000000a", 10),
            ("0000000000000000000000000g", 16),
            ("00000000000000000000000010", 32),
            ("7zzzzzzzzzzzzzzzzzzzzzzzzz", u128::MAX),
            ("0123456789abcdefghjkmnpqrs", 0x0110_c853_1d09_52d8_d73e_1194_e95b_5f19),
            ("01h455vb4pex5vsknk084sn02q", 0x0189_0a5d_ac96_774b_bcce_b302_099a_8057),
        ] {
            let id = Id::<Account>::from_bytes(value.to_be_bytes());
            assert_eq!(id.to_string(), format!("acct_{suffix}"));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "acct",
            "acct_",
            "key_00000000000000000000000000",
            "acct_0000000000000000000000000",
            "acct_000000000000000000000000000",
            "acct_80000000000000000000000000",
            "acct_0000000000000000000000000i",
            "ACCT_00000000000000000000000000",
            "acct_0000000000000000000000000A",
            "acct_é000000000000000000000000",
        ] {
            assert!(text.parse::<Id<Account>>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_remembers_its_birth_and_is_a_uuid_v7() {
        struct Ones;
        impl Chance for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0xff);
            }
        }
        let id = Id::<Account>::born(Moment::from_millis(0x0189_0a5d_ac96), &Ones);
        assert_eq!(id.born_at().millis(), 0x0189_0a5d_ac96);
        assert_eq!(id.bytes()[6] >> 4, 7);
        assert_eq!(id.bytes()[8] >> 6, 2);
    }
}
