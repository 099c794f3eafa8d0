//! Checks what a server once said, without the server: an exported log, or the proof of one entry.
//!
//! Architecture invariant: nothing here opens a database, a key or a connection; all it needs is what it is given.

mod lines;
mod log;
mod proof;

use crate::ending::{Code, Ending};
use bonded_merkle::VerifierKey;
use serde::Serialize;
use std::io::{BufRead, Read as _};

/// Bytes of a proof at most; one of the largest log there can be has a few kilobytes.
const PROOF_BYTES_MAX: u64 = 1024 * 1024;

/// What the caller trusts already.
pub struct Trust {
    /// Signed checkpoints, kept from earlier or got from others.
    pub checkpoints: Vec<String>,
    /// The log's key; without it, an export's own word is taken.
    pub key: Option<VerifierKey>,
}

/// What came of a check. It is good when nothing was found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The log's name.
    pub log: String,
    /// Entries that were read.
    pub entries: u64,
    /// How many of the first entries are under a signed checkpoint.
    pub signed_entries: u64,
    /// Checkpoints that the log matches.
    pub checkpoints: usize,
    /// Records that were compared with their entries.
    pub records: u64,
    /// The root, in base64: over all entries of a log, or of the checkpoint that a proof leads to.
    pub root: String,
    /// The leaf of the entry that a proof is about: seven lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<String>,
    /// What limits the meaning of a good verdict.
    pub notes: Vec<String>,
    /// What is wrong, and where.
    pub findings: Vec<String>,
}

impl Verdict {
    /// Whether all is as it was signed.
    pub const fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Judges what was given: an export of `bonded export`, one of the API, or a proof.
pub fn check(mut given: impl BufRead, trust: Trust) -> Result<Verdict, Ending> {
    let mut first = String::new();
    log::read_line(&mut given, &mut first)?;
    let mut rest = first.clone();
    let is_entry = serde_json::from_str::<lines::Line<'_>>(&first).is_ok()
        || serde_json::from_str::<lines::EntryLine<'_>>(&first).is_ok();
    if is_entry {
        return log::check(&first, given, trust);
    }
    let unreadable = |_| Ending::new(Code::Data, "this is neither an export nor a proof");
    given.by_ref().take(PROOF_BYTES_MAX).read_to_string(&mut rest).map_err(unreadable)?;
    match serde_json::from_str(&rest) {
        Ok(found) => proof::check(&found, &trust),
        Err(_) => Err(Ending::new(Code::Data, "this is neither the export of a log nor the proof of an entry")
            .next("`bonded export ACCOUNT` writes an export; the API gives proofs at /v1/log/proof")),
    }
}

#[cfg(test)]
mod tests;
