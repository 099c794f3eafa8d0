//! The offline audit: an exported log against signed checkpoints, without the server and without trust in it.
//!
//! Whoever keeps old checkpoints holds the log to them. The more of them, the more narrowly a change is located.

use crate::sequence::Sequence;
use crate::{BadCheckpoint, BadNote, Checkpoint, FINDINGS_MAX, Finding, Hash, Peaks, VerifierKey, leaf_hash};
use std::collections::BTreeMap;

/// What was checked and found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Entries in the log.
    pub entries: u64,
    /// Its root at that length.
    pub root: Hash,
    /// How many of the first entries are under a signed checkpoint; those behind are not yet shown to be final.
    pub signed_entries: u64,
    /// How many checkpoints were verified, all of which the log matches.
    pub checkpoints: usize,
}

/// An entry as it was exported.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// Its sequence number, gap-free within the account.
    pub seq: u64,
    /// The data that were hashed into the tree.
    pub leaf: &'a [u8],
    /// The leaf hash the server stored with it.
    pub leaf_hash: Hash,
}

/// Audits a log by its leaf data, in order.
///
/// All checkpoints must be signed by `key` and name its log: their origin is the key's name.
pub fn audit<L: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = L>,
    checkpoints: &[impl AsRef<str>],
    key: &VerifierKey,
) -> Result<Report, Vec<Finding>> {
    let mut audit = Audit::new(checkpoints, key, 0);
    for leaf in leaves {
        audit.leaf(leaf.as_ref());
    }
    audit.finish()
}

/// An audit under way, for a log that is read piece by piece; it keeps a few hashes and the checkpoints.
#[derive(Debug)]
pub struct Audit {
    findings: Vec<Finding>,
    checkpoints: usize,
    /// By size, the roots that were signed for it: more than one is a fork.
    signed: BTreeMap<u64, Vec<Signed>>,
    peaks: Peaks,
    /// The tree of the exported leaf hashes, as long as the export carries them.
    stored: Peaks,
    sequence: Sequence,
    leaf_findings: Vec<Finding>,
    outcomes: Vec<Outcome>,
}

#[derive(Debug)]
struct Signed {
    checkpoint: usize,
    root: Hash,
}

/// What the log had at the size of a checkpoint.
#[derive(Debug)]
struct Outcome {
    size: u64,
    signed: Hash,
    computed: Hash,
    stored: Hash,
}

impl Outcome {
    fn matches(&self) -> bool {
        self.signed == self.computed
    }
}

impl Audit {
    /// Opens the checkpoints; those that are not to be trusted become findings and count no further.
    ///
    /// `first_seq` is the sequence number that the log's first entry must have, for [`Audit::entry`].
    pub fn new(checkpoints: &[impl AsRef<str>], key: &VerifierKey, first_seq: u64) -> Self {
        let mut audit = Self {
            findings: Vec::new(),
            checkpoints: 0,
            signed: BTreeMap::new(),
            peaks: Peaks::new(),
            stored: Peaks::new(),
            sequence: Sequence::from(first_seq),
            leaf_findings: Vec::new(),
            outcomes: Vec::new(),
        };
        if checkpoints.is_empty() {
            audit.findings.push(Finding::NoCheckpoint);
        }
        for (place, note) in checkpoints.iter().enumerate() {
            match opened(place, note.as_ref(), key) {
                Ok(checkpoint) => audit.hold_to(place, &checkpoint),
                Err(finding) => audit.findings.push(finding),
            }
        }
        audit.compare();
        audit
    }

    fn hold_to(&mut self, place: usize, checkpoint: &Checkpoint) {
        self.checkpoints += 1;
        let roots = self.signed.entry(checkpoint.size).or_default();
        if roots.iter().any(|signed| signed.root == checkpoint.root) {
            return;
        }
        if let Some(other) = roots.first() {
            self.findings.push(Finding::Fork { size: checkpoint.size, first: other.checkpoint, second: place });
        }
        roots.push(Signed { checkpoint: place, root: checkpoint.root });
    }

    /// Takes the next entry by its data alone.
    pub fn leaf(&mut self, data: &[u8]) {
        let hash = leaf_hash(data);
        self.grow(&hash, &hash);
    }

    /// Takes the next entry of an export, and compares its sequence number and leaf hash as well.
    pub fn entry(&mut self, entry: Exported<'_>) {
        self.sequence.take(entry.seq);
        let hash = leaf_hash(entry.leaf);
        if hash != entry.leaf_hash {
            self.leaf_findings.push(Finding::LeafHashDiffers { seq: entry.seq });
            self.leaf_findings.truncate(FINDINGS_MAX + 1);
        }
        self.grow(&hash, &entry.leaf_hash);
    }

    fn grow(&mut self, leaf: &Hash, stored: &Hash) {
        self.peaks.push(leaf);
        self.stored.push(stored);
        self.compare();
    }

    /// Compares with the checkpoints of the size reached, if there are any.
    fn compare(&mut self) {
        let Some(roots) = self.signed.remove(&self.peaks.size()) else { return };
        let (size, computed, stored) = (self.peaks.size(), self.peaks.root(), self.stored.root());
        // After a fork the log can only follow one of the two; the fork itself is already found.
        let matching = roots.iter().find(|signed| signed.root == computed);
        if let Some(Signed { root, .. }) = matching.or(roots.first()) {
            self.outcomes.push(Outcome { size, signed: *root, computed, stored });
        }
    }

    /// Everything that is wrong, or what was shown to be right.
    pub fn finish(mut self) -> Result<Report, Vec<Finding>> {
        let entries = self.peaks.size();
        self.findings.extend(self.signed.keys().map(|&size| Finding::WentBack { entries, size }));
        self.findings.extend(divergence(&self.outcomes));
        self.findings.extend(self.sequence.finish());
        if self.leaf_findings.len() > FINDINGS_MAX {
            self.leaf_findings.truncate(FINDINGS_MAX);
            self.leaf_findings.push(Finding::TooMany);
        }
        self.findings.append(&mut self.leaf_findings);
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        let signed_entries = self.outcomes.last().map_or(0, |outcome| outcome.size);
        Ok(Report { entries, root: self.peaks.root(), signed_entries, checkpoints: self.checkpoints })
    }
}

/// The checkpoint in a note, if this key signed it for the log of the key's name.
fn opened(place: usize, note: &str, key: &VerifierKey) -> Result<Checkpoint, Finding> {
    let checkpoint = Checkpoint::open(note, key).map_err(|problem| match problem {
        BadCheckpoint::Note(BadNote::Signature(_) | BadNote::UnknownSigners) => {
            Finding::BadSignature { checkpoint: place, problem }
        }
        _ => Finding::Unreadable { checkpoint: place, problem },
    })?;
    if checkpoint.origin == key.name() {
        Ok(checkpoint)
    } else {
        Err(Finding::WrongOrigin { checkpoint: place, origin: checkpoint.origin })
    }
}

/// What the roots at the checkpoints' sizes, smallest first, say about where the log was changed.
fn divergence(outcomes: &[Outcome]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let newest_match = outcomes.iter().rfind(|outcome| outcome.matches());
    for outcome in outcomes.iter().filter(|outcome| !outcome.matches()) {
        let &Outcome { size, signed, computed, stored } = outcome;
        // What fits a newer checkpoint was not changed since; the older one was signed over something else.
        match newest_match {
            Some(newer) if newer.size > size => findings.push(Finding::Rewritten { older: size, newer: newer.size }),
            _ => {
                let stored_hashes_agree = stored == signed;
                findings.push(Finding::RootMismatch { size, signed, computed, stored_hashes_agree });
            }
        }
    }
    findings.extend(first_divergence(outcomes));
    findings
}

/// Between which two sizes the first change lies. A wrong root of the empty log is no change of an entry.
fn first_divergence(outcomes: &[Outcome]) -> Option<Finding> {
    let changed_by = outcomes.iter().find(|outcome| !outcome.matches() && outcome.size > 0)?.size;
    let before = outcomes.iter().take_while(|outcome| outcome.size < changed_by);
    let intact = before.last().map_or(0, |outcome| outcome.size);
    Some(Finding::FirstDivergence { intact, changed_by })
}
