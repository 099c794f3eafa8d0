//! The issuer's public keys, from the document in which it publishes them.
//!
//! Source: RFC 7517 section 5 (the set), RFC 7518 section 6.2 (elliptic curves), which Google IAP and Pomerium both
//! publish; and Google's older form, an object of keys in PEM by name (RFC 7468 section 13, RFC 5480 section 2).

use super::json::{self, Object, Value};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// Bytes of a document at most.
pub const KEYS_BYTES_MAX: usize = 64 * 1024;
/// Keys in a document at most, those that are of no use here included.
pub const KEYS_MAX: usize = 100;

/// The lines around a public key in PEM.
const PEM_LINES: [&str; 2] = ["-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"];
/// What stands before the point of every uncompressed key of P-256 in DER (RFC 5480 section 2).
const DER_BEFORE_POINT: [u8; 26] =
    *b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// Begins an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// Bytes of a coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// Why a document gives no keys. Such a document is refused whole, and the keys that are known stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadKeys {
    /// More than [`KEYS_BYTES_MAX`] bytes.
    #[error("the document is too long")]
    TooLong,
    /// Something else, or a member stands twice.
    #[error("it is no JSON object with a list `keys` of objects, nor one of keys in PEM")]
    NotASet,
    /// More than [`KEYS_MAX`].
    #[error("it holds too many keys")]
    TooMany,
    /// Somebody published what must be kept.
    #[error("it holds a private key, which is burnt by that")]
    Private,
    /// A key for ES256 without a `kid`.
    #[error("a key for ES256 has no name (`kid`)")]
    Nameless,
    /// Two keys for ES256 with one `kid`.
    #[error("two keys for ES256 have the same name (`kid`)")]
    Repeated,
    /// `x` and `y` are no point of P-256.
    #[error("a key for ES256 is no point of its curve")]
    Point,
    /// None at all, or only for other algorithms and purposes.
    #[error("it holds no key for ES256 signatures")]
    NoneOfUse,
}

/// The keys with which one issuer signs, by name.
pub struct KeySet {
    keys: BTreeMap<String, ParsedPublicKey>,
}

impl KeySet {
    /// Reads a JWK set, or keys in PEM by name. Keys of a set that are for other algorithms and purposes are left out;
    /// those for ES256 must be whole.
    pub fn parse(document: &[u8]) -> Result<Self, BadKeys> {
        if document.len() > KEYS_BYTES_MAX {
            return Err(BadKeys::TooLong);
        }
        let set = json::object(document).ok_or(BadKeys::NotASet)?;
        let published = match set.get("keys") {
            Some(Value::List(published)) => published,
            Some(_) => return Err(BadKeys::NotASet),
            None => return Self::of_pem(&set),
        };
        if published.len() > KEYS_MAX {
            return Err(BadKeys::TooMany);
        }
        let mut keys = BTreeMap::new();
        for key in published {
            let Value::Object(key) = key else { return Err(BadKeys::NotASet) };
            if key.get("d").is_some() {
                return Err(BadKeys::Private);
            }
            if !is_of_use(key) {
                continue;
            }
            let kid = key.text("kid").filter(|kid| !kid.is_empty()).ok_or(BadKeys::Nameless)?;
            if keys.insert(kid.to_owned(), point(key).ok_or(BadKeys::Point)?).is_some() {
                return Err(BadKeys::Repeated);
            }
        }
        if keys.is_empty() { Err(BadKeys::NoneOfUse) } else { Ok(Self { keys }) }
    }

    fn of_pem(published: &Object) -> Result<Self, BadKeys> {
        let mut keys = BTreeMap::new();
        for (kid, value) in published.members() {
            let Value::Text(pem) = value else { return Err(BadKeys::NotASet) };
            let Some(pem) = pem.trim().strip_prefix(PEM_LINES[0]) else { return Err(BadKeys::NotASet) };
            if kid.is_empty() {
                return Err(BadKeys::Nameless);
            }
            keys.insert(kid.to_owned(), point_in_pem(pem).ok_or(BadKeys::Point)?);
        }
        match keys.len() {
            0 => Err(BadKeys::NotASet),
            1..=KEYS_MAX => Ok(Self { keys }),
            _ => Err(BadKeys::TooMany),
        }
    }

    /// How many keys there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "a set without a key cannot be made")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of this name.
    pub(super) fn get(&self, kid: &str) -> Option<&ParsedPublicKey> {
        self.keys.get(kid)
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |set: &Self| -> Vec<(String, Vec<u8>)> {
            set.keys.iter().map(|(kid, key)| (kid.clone(), key.as_ref().to_vec())).collect()
        };
        bytes(self) == bytes(other)
    }
}

impl Eq for KeySet {}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys.len()).finish()
    }
}

/// Whether it is a key that signs with ES256.
fn is_of_use(key: &Object) -> bool {
    let absent_or = |name: &str, wanted: &str| key.get(name).is_none() || key.text(name) == Some(wanted);
    let may_verify = match key.get("key_ops") {
        None => true,
        Some(Value::List(operations)) => {
            operations.iter().any(|operation| matches!(operation, Value::Text(text) if text == "verify"))
        }
        Some(_) => false,
    };
    key.text("kty") == Some("EC")
        && key.text("crv") == Some("P-256")
        && absent_or("use", "sig")
        && absent_or("alg", "ES256")
        && may_verify
}

fn point(key: &Object) -> Option<ParsedPublicKey> {
    let mut point = vec![UNCOMPRESSED];
    for name in ["x", "y"] {
        let coordinate = URL_SAFE_NO_PAD.decode(key.text(name)?).ok()?;
        // Leading zeros are written (RFC 7518 section 6.2.1.2), so the length is always the same.
        if coordinate.len() != COORDINATE_BYTES {
            return None;
        }
        point.extend(coordinate);
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()
}

/// The key behind the first line of its PEM.
fn point_in_pem(pem: &str) -> Option<ParsedPublicKey> {
    let body: String = pem.strip_suffix(PEM_LINES[1])?.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    let point = der.strip_prefix(&DER_BEFORE_POINT)?;
    let is_whole = point.len() == 1 + 2 * COORDINATE_BYTES && point.first() == Some(&UNCOMPRESSED);
    if is_whole { ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok() } else { None }
}
