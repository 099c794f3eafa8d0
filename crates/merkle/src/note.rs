//! Signed notes: a text and, below it, a line for each who signed it.
//!
//! Source: C2SP signed-note. A text is trusted only after [`open`] has found a signature of a known key on it.

use crate::key::is_name;
use crate::{BadKey, Signer, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::str::FromStr;

/// Bytes in a note, at most.
pub const NOTE_LENGTH_MAX: usize = 1_000_000;
/// Signatures on a note, at most. The specification asks for at least 16.
pub const SIGNATURES_MAX: usize = 100;

const LINE_START: &str = "\u{2014} ";
const ID_LENGTH: usize = 4;

/// A text with its signatures, well formed but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key that is said to have signed.
    pub name: String,
    /// The short id of that key.
    pub key_id: u32,
    /// The signature itself; 64 bytes for Ed25519, other lengths for algorithms not known here.
    pub bytes: Vec<u8>,
}

/// A note's text, and the known keys whose signatures on it are good: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signed text, with its last line's end.
    pub text: String,
    /// Each key once, in the order of the signature lines.
    pub signed_by: Vec<VerifierKey>,
}

/// Why a note is not accepted or not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Longer than [`NOTE_LENGTH_MAX`] or with more than [`SIGNATURES_MAX`] signatures.
    #[error("a note has at most 1,000,000 bytes and 100 signatures")]
    Long,
    /// A control character other than the line's end, or no line's end at the end.
    #[error("a note is lines of text without control characters, each ended by a line feed")]
    Text,
    /// No empty line with signatures below it.
    #[error("a note has an empty line and signatures below it")]
    Unsigned,
    /// A line below the text that is not a signature; its place among them, from 0.
    #[error("signature line {0} of the note is malformed")]
    Line(usize),
    /// The name cannot be a key's.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// Two of the keys given have this name and the same id.
    #[error("two of the known keys have the name {0} and the same id")]
    Ambiguous(String),
    /// A line says that a known key signed, but the signature is not good.
    #[error("the signature of {0} is not good: the text was changed, or another key signed")]
    Signature(String),
    /// No line is from a key that was given.
    #[error("none of the known keys signed this")]
    UnknownSigners,
}

impl Note {
    /// Signs a text, which must end with a line feed and may have empty lines.
    pub fn signed(text: impl Into<String>, key_name: &str, signer: &dyn Signer) -> Result<Self, BadNote> {
        let text = text.into();
        if !is_text(&text) {
            return Err(BadNote::Text);
        }
        Self { text, signatures: Vec::new() }.also_signed(key_name, signer)
    }

    /// Adds a further signature, or renews the one of the same key.
    pub fn also_signed(mut self, key_name: &str, signer: &dyn Signer) -> Result<Self, BadNote> {
        let key = VerifierKey::new(key_name, signer.public_key())?;
        self.signatures.retain(|signature| !signature.is_of(&key));
        let bytes = signer.sign(self.text.as_bytes()).to_vec();
        self.signatures.push(Signature { name: key.name().to_owned(), key_id: key.id(), bytes });
        let short = self.signatures.len() <= SIGNATURES_MAX && self.to_string().len() <= NOTE_LENGTH_MAX;
        if short { Ok(self) } else { Err(BadNote::Long) }
    }

    /// The text, not yet to be trusted.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, not yet verified.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Verifies every line that names a known key; unknown ones are passed over.
    pub fn verify(self, keys: &[VerifierKey]) -> Result<Verified, BadNote> {
        let mut signed_by: Vec<VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = signature.key_among(keys)? else { continue };
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(BadNote::Signature(key.name().to_owned()));
            }
            if !signed_by.contains(key) {
                signed_by.push(key.clone());
            }
        }
        if signed_by.is_empty() { Err(BadNote::UnknownSigners) } else { Ok(Verified { text: self.text, signed_by }) }
    }
}

/// Reads a note and verifies it against known keys.
///
/// One good signature is enough; one bad signature of a known key is too much.
pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Verified, BadNote> {
    note.parse::<Note>()?.verify(keys)
}

impl Signature {
    fn is_of(&self, key: &VerifierKey) -> bool {
        self.key_id == key.id() && self.name == key.name()
    }

    fn key_among<'k>(&self, keys: &'k [VerifierKey]) -> Result<Option<&'k VerifierKey>, BadNote> {
        let mut known = keys.iter().filter(|key| self.is_of(key));
        let first = known.next();
        if known.any(|other| Some(other) != first) {
            return Err(BadNote::Ambiguous(self.name.clone()));
        }
        Ok(first)
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.strip_prefix(LINE_START)?.split_once(' ')?;
        let decoded = BASE64.decode(rest).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk::<ID_LENGTH>()?;
        if !is_name(name) || bytes.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), key_id: u32::from_be_bytes(*key_id), bytes: bytes.to_vec() })
    }
}

/// Lines of text, each ended by a line feed, without any other control character of ASCII.
pub(crate) fn is_text(text: &str) -> bool {
    text.ends_with('\n') && text.chars().all(|symbol| symbol >= ' ' || symbol == '\n')
}

impl FromStr for Note {
    type Err = BadNote;

    fn from_str(note: &str) -> Result<Self, BadNote> {
        if note.len() > NOTE_LENGTH_MAX {
            return Err(BadNote::Long);
        }
        if !is_text(note) {
            return Err(BadNote::Text);
        }
        // The last empty line parts text and signatures; the text keeps the end of its last line.
        let part = note.rfind("\n\n").ok_or(BadNote::Unsigned)? + 1;
        let (text, below) = note.split_at(part);
        let lines: Vec<&str> = below.lines().skip(1).collect();
        if lines.is_empty() {
            return Err(BadNote::Unsigned);
        }
        if lines.len() > SIGNATURES_MAX {
            return Err(BadNote::Long);
        }
        let signatures =
            lines.iter().enumerate().map(|(place, line)| Signature::parse(line).ok_or(BadNote::Line(place)));
        Ok(Self { text: text.to_owned(), signatures: signatures.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, key_id, bytes } in &self.signatures {
            let line = [&key_id.to_be_bytes()[..], bytes].concat();
            writeln!(f, "{LINE_START}{name} {}", BASE64.encode(line))?;
        }
        Ok(())
    }
}
