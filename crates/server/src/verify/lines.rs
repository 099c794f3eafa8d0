//! The lines of an export, as whoever checks one reads them. See `docs/export.md`.

use serde::Deserialize;
use serde_json::value::RawValue;

/// One line.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<'a> {
    /// What this is; the first line.
    Export(Header),
    /// A checkpoint, as a signed note.
    Checkpoint(String),
    /// A record as it was.
    #[serde(borrow)]
    Record(RecordLine<'a>),
    /// A consumer's fields; nothing of them is in the log.
    Consumer(serde::de::IgnoredAny),
    /// An entry of the log.
    #[serde(borrow)]
    Entry(EntryLine<'a>),
    /// How much there was; the last line.
    End(End),
}

/// What an export is of.
#[derive(Deserialize)]
pub struct Header {
    /// Which form it has.
    pub format: String,
    /// The log's name, which its checkpoints carry.
    pub log: String,
    /// The key that signs them, as the export itself says.
    pub key: String,
}

/// A record.
#[derive(Deserialize)]
pub struct RecordLine<'a> {
    /// As `ord_01jd…`.
    pub id: String,
    /// Which of its versions.
    pub version: u64,
    /// The record in the bytes it was kept in.
    #[serde(borrow)]
    pub value: &'a RawValue,
}

/// An entry.
#[derive(Deserialize)]
pub struct EntryLine<'a> {
    /// Its place; 1 is the first.
    pub seq: u64,
    /// Base64 of the seven lines that were hashed into the tree.
    pub leaf: String,
    /// Base64 of the hash that the server kept of them.
    pub leaf_hash: String,
    /// Base64 of what was put before `said` when its digest was made.
    pub salt: String,
    /// What the entry says, in the bytes it was kept in.
    #[serde(borrow)]
    pub said: &'a RawValue,
}

/// The proof of one entry, as the API's `/v1/log/proof` gives it.
#[derive(Deserialize)]
pub struct Proof {
    /// The entry's place in the account's log; 1 is the first.
    pub entry: u64,
    /// The same from 0, as the tree counts.
    pub index: u64,
    /// Entries under the checkpoint.
    pub size: u64,
    /// Base64 of the seven lines that were hashed into the tree.
    pub leaf: String,
    /// Base64 of the hashes that lead to the root, the lowest first.
    #[serde(rename = "proof")]
    pub hashes: Vec<String>,
    /// The checkpoint, as a signed note.
    pub checkpoint: String,
}

/// How much there was.
#[derive(Deserialize)]
pub struct End {
    /// Entries.
    pub entries: u64,
    /// Records.
    pub records: u64,
}

/// What of an entry's saying is checked.
#[derive(Deserialize)]
pub struct Said {
    /// The digest of the record as it became.
    pub record: Option<String>,
}

/// The last three of a leaf's seven lines: what it is about, which version came of it, and the digest of what it says.
pub fn subject(leaf: &str) -> Option<(&str, u64, &str)> {
    let mut lines = leaf.lines().skip(4);
    let (about, version, digest) = (lines.next()?, lines.next()?, lines.next()?);
    let (_, id) = about.split_once(' ')?;
    Some((id, version.parse().ok()?, digest))
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_leaf_says_what_it_is_about() {
        let leaf = "bonded entry v1\n2026-11-22T09:30:00.125Z\noperator\nplaced\norder ord_1\n7\nZGlnZXN0\n";
        assert_eq!(subject(leaf), Some(("ord_1", 7, "ZGlnZXN0")));
        assert_eq!(subject("bonded entry v1\n"), None);
    }
}
