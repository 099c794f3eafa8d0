//! What an audit can find wrong, in sentences for the customer whose log it is.

use crate::{BadCheckpoint, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Findings about single entries that are named; a log that is wrong throughout needs no longer list.
pub const FINDINGS_MAX: usize = 1000;

/// One thing that is wrong. Checkpoints are named by their place in the list that was given, from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// There is nothing to compare with.
    #[error("no checkpoint was given, so nothing is shown about this log")]
    NoCheckpoint,
    /// Not a checkpoint at all.
    #[error("checkpoint {checkpoint} cannot be read: {problem}")]
    Unreadable {
        /// Which one.
        checkpoint: usize,
        /// What is wrong with it.
        problem: BadCheckpoint,
    },
    /// It says that the key signed it, and the key did not; or it says nothing of the key.
    #[error("checkpoint {checkpoint} is not to be trusted: {problem}")]
    BadSignature {
        /// Which one.
        checkpoint: usize,
        /// Changed after signing, or signed by others.
        problem: BadCheckpoint,
    },
    /// Signed, but for another log.
    #[error("checkpoint {checkpoint} is of another log: {origin}")]
    WrongOrigin {
        /// Which one.
        checkpoint: usize,
        /// The log it is of.
        origin: String,
    },
    /// Two signed checkpoints of one size with different roots: the signer told two stories.
    #[error(
        "the log was forked: checkpoints {first} and {second} are both signed for {size} entries, with different roots"
    )]
    Fork {
        /// The size of both.
        size: u64,
        /// One of them.
        first: usize,
        /// The other.
        second: usize,
    },
    /// The signer signed a history and later another: this log is the newer one's, and does not have the older root.
    #[error("history was rewritten: the log fits the checkpoint of {newer} entries, but not the older one of {older}")]
    Rewritten {
        /// Size of the older checkpoint, which the log contradicts.
        older: u64,
        /// Size of the newer checkpoint, which the log matches.
        newer: u64,
    },
    /// The log has fewer entries than a signed checkpoint.
    #[error("the log went back: it has {entries} entries, and {size} were signed")]
    WentBack {
        /// Entries in the log.
        entries: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// The first entries of the log are not those that were signed.
    #[error(
        "the first {size} entries are not those that were signed: their root is {}, the signed one {}",
        BASE64.encode(.computed),
        BASE64.encode(.signed)
    )]
    RootMismatch {
        /// Size of the checkpoint.
        size: u64,
        /// Its root.
        signed: Hash,
        /// The root of the log at that size.
        computed: Hash,
        /// The leaf hashes that came with the export do have the signed root: only entries whose data differ from
        /// their leaf hash were changed.
        stored_hashes_agree: bool,
    },
    /// Where the first change is, as narrowly as the checkpoints allow.
    #[error("the first {intact} entries are as signed; the first change is among the {} after them", .changed_by - .intact)]
    FirstDivergence {
        /// Size of the largest checkpoint, or 0, up to which all is as signed.
        intact: u64,
        /// Size of the next checkpoint, by which something differs.
        changed_by: u64,
    },
    /// Entries that are not in the log, both ends included.
    #[error("entries are missing: from {first} to {last}")]
    Missing {
        /// The first of them, by sequence number.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// An entry that is in the log again.
    #[error("entry {seq} is there more than once")]
    Repeated {
        /// Its sequence number.
        seq: u64,
    },
    /// An entry that stands before or after its place.
    #[error("entry {seq} is not in its place")]
    OutOfOrder {
        /// Its sequence number.
        seq: u64,
    },
    /// The entry's data do not hash to the leaf hash stored with it: one of the two was changed.
    #[error("entry {seq} was changed: its data do not have the leaf hash stored with it")]
    LeafHashDiffers {
        /// Its sequence number.
        seq: u64,
    },
    /// More than [`FINDINGS_MAX`] entries are wrong; the rest are not named.
    #[error("more entries are wrong than are named here")]
    TooMany,
}
