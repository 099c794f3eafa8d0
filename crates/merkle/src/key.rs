//! Verifier keys: the one line of text by which a customer knows who signs their log.
//!
//! Source: C2SP signed-note, "Verifier keys" and "Ed25519 signatures": `<name>+<key id>+<base64 of 0x01 and the key>`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::str::FromStr;

/// The signature type of Ed25519 in C2SP signed-note; no other is read or written here.
const ED25519_TYPE: u8 = 0x01;
const ID_DIGITS: usize = 8;

/// Signs with an Ed25519 key (RFC 8032) that it keeps to itself.
pub trait Signer {
    /// The 32 bytes of the public key.
    fn public_key(&self) -> [u8; 32];
    /// The 64 bytes of the signature over a message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Who signs: a name, an Ed25519 public key, and the short id made of both.
///
/// Printed and parsed as `example.com/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public_key: [u8; 32],
}

/// Why a text is not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Empty, or with a space, a plus sign or a control character.
    #[error("a key's name has at least one character and no spaces, plus signs or control characters")]
    Name,
    /// Not three parts, or the second is not eight small hexadecimal digits, or the third not base64.
    #[error("a verifier key is a name, eight hexadecimal digits and base64, joined by plus signs")]
    Form,
    /// Not the signature type of Ed25519 and 32 bytes.
    #[error("the key is not an Ed25519 key")]
    Algorithm,
    /// The id was not made of this name and key.
    #[error("the key's id does not belong to its name and key")]
    Id,
}

impl VerifierKey {
    /// The verifier key of an Ed25519 public key under a name, best the log's origin.
    pub fn new(name: impl Into<String>, public_key: [u8; 32]) -> Result<Self, BadKey> {
        let name = name.into();
        if !is_name(&name) {
            return Err(BadKey::Name);
        }
        Ok(Self { id: id_of(&name, &public_key), name, public_key })
    }

    /// The name that stands in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name || "\n" || 0x01 || public key)`, big-endian. Short, so no proof of anything.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The Ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Whether these bytes are this key's signature over the message (RFC 8032).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(message, signature).is_ok()
    }
}

/// Whether a text can be a key's name. Notes know no control characters, so names have none either.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |symbol: char| !symbol.is_whitespace() && symbol != '+' && symbol >= ' ';
    !text.is_empty() && text.chars().all(plain)
}

fn id_of(name: &str, public_key: &[u8; 32]) -> u32 {
    let message = [name.as_bytes(), b"\n", &[ED25519_TYPE], public_key].concat();
    let hash = digest(&SHA256, &message);
    hash.as_ref().first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.public_key);
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let (name, rest) = text.split_once('+').ok_or(BadKey::Form)?;
        let (id, key) = rest.split_once('+').ok_or(BadKey::Form)?;
        let id = parse_id(id).ok_or(BadKey::Form)?;
        let key = BASE64.decode(key).map_err(|_| BadKey::Form)?;
        let public_key = match key.split_first() {
            Some((&ED25519_TYPE, public_key)) => public_key.try_into().map_err(|_| BadKey::Algorithm)?,
            _ => return Err(BadKey::Algorithm),
        };
        let parsed = Self::new(name, public_key)?;
        if parsed.id == id { Ok(parsed) } else { Err(BadKey::Id) }
    }
}

fn parse_id(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|symbol| symbol.is_ascii_digit() || (b'a'..=b'f').contains(&symbol));
    (digits && text.len() == ID_DIGITS).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the tests of Go's `sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    /// From the text of C2SP signed-note.
    const FOO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn published_keys_are_read_and_written() {
        for text in [PETER, FOO, "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"] {
            let key: VerifierKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(VerifierKey::new(key.name(), *key.public_key()), Ok(key));
        }
        assert_eq!(PETER.parse::<VerifierKey>().map(|key| key.id()), Ok(0xc74f_20a3));
    }

    #[test]
    fn a_published_key_with_any_change_is_refused() {
        for key in [PETER, FOO] {
            for from in 0..key.len() {
                for to in from..=key.len() {
                    assert!(key[from..to].parse::<VerifierKey>().is_err() || to - from == key.len());
                }
                for change in [1, 2, 32] {
                    let mut bytes = key.as_bytes().to_vec();
                    bytes[from] ^= change;
                    let text = String::from_utf8(bytes).unwrap();
                    assert!(text.parse::<VerifierKey>().is_err(), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        for (text, problem) in [
            ("PeterNeumann", BadKey::Form),
            ("PeterNeumann+c74f20a3", BadKey::Form),
            ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Form),
            ("PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Form),
            ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", BadKey::Form),
            ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Id),
            ("PeterNeumenn+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Id),
            ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Name),
            ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Name),
            // The ids of the next two do belong to them, as the tests of Go's `sumdb/note` have it: the first is a
            // byte sequence too long, and not in its one base64 spelling; the second is of another algorithm.
            ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", BadKey::Form),
            ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", BadKey::Algorithm),
            ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEA==", BadKey::Algorithm),
            ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=", BadKey::Algorithm),
        ] {
            assert_eq!(text.parse::<VerifierKey>(), Err(problem), "{text}");
        }
        for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}", "a\nb", "a\tb", "a\u{1}"] {
            assert_eq!(VerifierKey::new(name, [1; 32]), Err(BadKey::Name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_key_is_read_back(name in "[^\\s+\\pC]{1,20}", public_key: [u8; 32]) {
            let key = VerifierKey::new(name, public_key).unwrap();
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "\\PC*|[a-z]{1,3}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{0,48}") {
            if let Ok(key) = text.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
