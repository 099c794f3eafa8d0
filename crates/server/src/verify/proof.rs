//! Checks the proof of one entry: that it is in the log that a checkpoint was signed for.

use super::lines::Proof;
use super::{Trust, Verdict};
use crate::ending::{Code, Ending};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_merkle::{Checkpoint, HASH_LENGTH, leaf_hash, verify_inclusion};

/// Judges a proof. The key must be given: a proof that brings its own proves nothing.
pub(super) fn check(proof: &Proof, trust: &Trust) -> Result<Verdict, Ending> {
    let Some(key) = &trust.key else {
        return Err(Ending::new(Code::Usage, "a proof does not say who signs this log")
            .next("give the log's key, got from a place that you trust: --key KEY"));
    };
    let leaf = BASE64.decode(&proof.leaf).unwrap_or_default();
    let mut verdict = Verdict { log: key.name().to_owned(), entries: 1, ..Verdict::default() };
    verdict.proven = Some(String::from_utf8_lossy(&leaf).into_owned());
    let found = |why: String| format!("the proof of entry {} does not hold: {why}", proof.entry);
    let checkpoint = match Checkpoint::open(&proof.checkpoint, key) {
        Ok(checkpoint) => checkpoint,
        Err(bad) => {
            verdict.findings.push(found(bad.to_string()));
            return Ok(verdict);
        }
    };
    if checkpoint.origin != key.name() {
        verdict.findings.push(found("the checkpoint is of another log".to_owned()));
    }
    if checkpoint.size != proof.size || proof.entry.checked_sub(1) != Some(proof.index) {
        verdict.findings.push(found("its numbers are not those of the checkpoint".to_owned()));
    }
    let hashes: Option<Vec<[u8; HASH_LENGTH]>> =
        proof.hashes.iter().map(|hash| BASE64.decode(hash).ok()?.try_into().ok()).collect();
    match hashes
        .map(|hashes| verify_inclusion(&leaf_hash(&leaf), proof.index, checkpoint.size, &hashes, &checkpoint.root))
    {
        Some(Ok(())) => {
            verdict.signed_entries = checkpoint.size;
            verdict.checkpoints = 1;
            verdict.root = BASE64.encode(checkpoint.root);
        }
        Some(Err(wrong)) => verdict.findings.push(found(wrong.to_string())),
        None => verdict.findings.push(found("a hash cannot be read".to_owned())),
    }
    Ok(verdict)
}
