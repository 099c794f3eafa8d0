//! Entries: what the log says, and the leaf of the Merkle tree that makes it unchangeable.
//!
//! A leaf commits to the entry's header in clear and to a salted digest of what it says, never to the sealed bytes: so
//! values may be sealed anew, and someone who holds only the log's hashes can guess nothing.

use crate::change::Said;
use crate::engine::{EntryRow, StoredEntry};
use crate::scope::Actor;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::{Chance, Id, Kind, Kinded, Moment};
use bonded_vault::Context;
use std::fmt::Write as _;

/// Bytes of salt before what an entry says.
pub const SALT_BYTES: usize = 16;

/// The number that `entries` goes by in a sealing context.
pub(crate) const TABLE_ENTRIES: u8 = 3;

/// What an entry is about, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// Its place in the account's log; 1 is the first.
    pub seq: u64,
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: Actor,
    /// What was done, in a word or two.
    pub action: String,
    /// To what.
    pub kind: Kind,
    /// To which one; zeros where it is about no single record.
    pub id: [u8; 16],
    /// The version that came of it, or that was seen.
    pub version: u64,
    /// The leaf hash, as the engine keeps it.
    pub leaf: [u8; 32],
}

/// An entry, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is about.
    pub headline: Headline,
    /// What it says.
    pub said: Said,
    /// The salted bytes that the leaf commits to: [`SALT_BYTES`] of salt, then `said` as JSON.
    pub plain: Vec<u8>,
}

impl Headline {
    pub(crate) fn of(stored: &StoredEntry) -> Option<Self> {
        let row = &stored.row;
        Some(Self {
            seq: stored.seq,
            at: Moment::from_millis(row.at),
            actor: Actor::from_row(row.actor)?,
            action: row.action.clone(),
            kind: Kind::from_number(row.kind)?,
            id: row.id,
            version: row.version,
            leaf: row.leaf,
        })
    }

    /// The id, if the entry is about a `R`.
    pub fn id_of<R: Kinded>(&self) -> Option<Id<R>> {
        (self.kind == R::KIND).then(|| Id::from_bytes(self.id))
    }

    /// The id as people read it: `ord_01jd…`; empty where the entry is about no single record.
    pub fn subject(&self) -> String {
        subject(self.kind, self.id)
    }

    /// The leaf's data: the lines that the Merkle tree is made of, given the salted bytes of what the entry says.
    pub fn leaf_data(&self, plain: &[u8]) -> Vec<u8> {
        leaf_data(self.at, self.actor, &self.action, (self.kind, self.id, self.version), plain)
    }
}

/// The data of a leaf: seven lines of text.
///
/// ```text
/// bonded entry v1
/// 2026-11-22T09:30:00.125Z
/// key_01jd2mk8x3e5v9zq4t7w6y5h0c
/// placed
/// order ord_01jd2mk8x3e5v9zq4t7w6y5h0d
/// 1
/// <base64 of SHA-256 over the salt and what the entry says>
/// ```
pub fn leaf_data(
    at: Moment,
    actor: Actor,
    action: &str,
    (kind, id, version): (Kind, [u8; 16], u64),
    plain: &[u8],
) -> Vec<u8> {
    let mut text = String::with_capacity(192);
    // Writing to a String cannot fail.
    let _ = write!(text, "bonded entry v1\n{at}\n{actor}\n{action}\n{kind} {}\n{version}\n", subject(kind, id));
    BASE64.encode_string(digest(&[plain]), &mut text);
    text.push('\n');
    text.into_bytes()
}

fn subject(kind: Kind, id: [u8; 16]) -> String {
    if id == [0; 16] { String::from("-") } else { bonded_base::id_text(kind, id) }
}

/// SHA-256 over parts laid end to end.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// The digest that ties a record, as JSON, to the entry that says so: base64 of SHA-256 over the entry's salt and it.
pub fn record_digest(salt: &[u8], json: &[u8]) -> String {
    BASE64.encode(digest(&[salt, json]))
}

/// The salted bytes of what an entry says.
pub(crate) fn salted(said: &Said, salt: [u8; SALT_BYTES]) -> Result<Vec<u8>, serde_json::Error> {
    let mut plain = salt.to_vec();
    serde_json::to_writer(&mut plain, said)?;
    Ok(plain)
}

pub(crate) fn salt(chance: &dyn Chance) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    chance.fill(&mut salt);
    salt
}

/// What an entry's sealed part is bound to: every column but its `seq` and its leaf, which the tree holds.
pub(crate) fn with_context<T>(row: &EntryRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
    let mut rest = Vec::with_capacity(25 + row.action.len());
    rest.extend_from_slice(&row.at.to_be_bytes());
    rest.extend_from_slice(&row.actor);
    rest.extend_from_slice(row.action.as_bytes());
    then(&Context { table: TABLE_ENTRIES, kind: row.kind, id: row.id, version: row.version, rest: &rest })
}
