//! The manifest: what a backup is made of, signed, and written last, so that what has none is no backup.
//!
//! Source of the form: C2SP signed-note. The text is one line of JSON, the signature Ed25519 (RFC 8032) under the
//! deployment's name.

use super::error::BackupError;
use super::{Backup, signer};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Id, Moment};
use bonded_merkle::{NOTE_LENGTH_MAX, Note, VerifierKey};
use bonded_vault::Environment;
use serde::{Deserialize, Serialize};

/// The form of what is written now.
pub const FORMAT: u32 = 1;

/// Bytes of a chunk; the last one may have fewer.
pub const CHUNK_BYTES: usize = 16 * 1024 * 1024;

/// Chunks of a backup at most, so that its manifest stays a note: 112 GiB, compressed.
pub const CHUNKS_MAX: usize = 7_000;

/// Where all backups of a deployment lie in a place, below its name.
const UNDER: &str = "backups";

/// A piece of the encrypted stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl Chunk {
    /// What these bytes are.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex(digest(&SHA256, bytes).as_ref()) }
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a backup is, and what bringing it back needs. The tree of keys is not among it: that has places of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Which backup.
    pub backup: Id<Backup>,
    /// `production`, `staging` or `development`.
    pub environment: String,
    /// The deployment's name.
    pub deployment: String,
    /// The version of Bonded that made it.
    pub program: String,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// The engine's own version.
    pub engine_version: String,
    /// Migrations that the database had seen.
    pub schema: u32,
    /// The moment that it shows.
    pub at: Moment,
    /// Accounts with a log.
    pub accounts: u64,
    /// Entries of all logs: the sum of their heads.
    pub entries: u64,
    /// Logs with a signed checkpoint.
    pub checkpoints: u64,
    /// Bytes before they were compressed.
    pub plain_bytes: u64,
    /// To whom it is encrypted.
    pub recipients: Vec<String>,
    /// The pieces, in order.
    pub chunks: Vec<Chunk>,
    /// Who signed: a verifier key of C2SP signed-note.
    pub signer: String,
}

impl Manifest {
    /// Bytes of all chunks.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }

    /// As it is written into places.
    pub(crate) fn signed(&self, signer: &signer::BackupSigner) -> Result<String, BackupError> {
        let text = serde_json::to_string(self).map_err(BackupError::internal)? + "\n";
        let note = Note::signed(text, signer.key().name(), signer).map_err(BackupError::internal)?.to_string();
        if note.len() > NOTE_LENGTH_MAX {
            return Err(BackupError::Internal("the manifest is too long".to_owned()));
        }
        Ok(note)
    }

    /// Reads one and checks its signature: by one of `trusted`, or, where nobody is, by
    /// the key that it names itself.
    /// On failure, what is wrong: `is …`.
    pub(crate) fn open(note: &[u8], trusted: &[VerifierKey]) -> Result<Self, String> {
        let text = std::str::from_utf8(note).map_err(|_| "is no text".to_owned())?;
        let note: Note = text.parse().map_err(|_| "is cut off, or no signed note".to_owned())?;
        let told: Self = serde_json::from_str(note.text()).map_err(|_| "is not of a form that is known".to_owned())?;
        let named: VerifierKey = told.signer.parse().map_err(|_| "names no key".to_owned())?;
        if !trusted.is_empty() && !trusted.contains(&named) {
            return Err(format!("is signed by {named}, whom nobody here trusts"));
        }
        note.verify(std::slice::from_ref(&named)).map_err(|_| "was changed after it was signed".to_owned())?;
        if told.format != FORMAT {
            return Err(format!("is of form {}, and this program knows {FORMAT}", told.format));
        }
        Ok(told)
    }
}

/// Where a deployment's backups lie.
pub(crate) fn home(environment: Environment, deployment: &str) -> String {
    format!("{deployment}/{environment}/{UNDER}")
}

/// Where one backup's things lie.
pub(crate) fn room(home: &str, backup: Id<Backup>) -> String {
    format!("{home}/{backup}")
}

/// The name of a chunk.
pub(crate) fn chunk_name(room: &str, number: usize) -> String {
    format!("{room}/chunk-{number:06}")
}

/// The name of the manifest.
pub(crate) fn manifest_name(room: &str) -> String {
    format!("{room}/manifest")
}
