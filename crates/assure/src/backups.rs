//! Backups: copies of the sealed data in several places, made while everything goes on, brought back after a check of all.
//!
//! ```text
//! moment of the database ── zstd ── age ── chunks of 16 MiB ──┬─▶ first place
//!                                                             └─▶ second place …     a signed manifest last
//! ```
//! The life of a backup: [`run`] holds a moment of the database, streams it in chunks to every place at once, and writes the
//! signed manifest when all chunks are there: without it there is no backup. [`list`] tells what each place has, [`verify`]
//! reads every byte again, [`restore`] brings one back into an empty place, checks it against its own log, and only then lets
//! it be used. [`prune`] removes what the policy no longer keeps.
//! [`watch`] does the first and the last of these by itself, four times a day.
//!
//! Architecture invariants: memory stays the same however large the database is; the tree of keys is in no backup; what does
//! not verify is never brought back in silence.

mod catalogue;
mod check;
mod chunks;
mod database;
mod error;
mod manifest;
mod place;
mod prune;
mod restore;
mod run;
mod signer;
pub mod watch;

pub use catalogue::{Listed, Listing, Verified, Whereabouts, list, verify};
pub use check::Checked;
pub use database::Database;
pub use error::{BackupError, PlaceError};
pub use manifest::{CHUNK_BYTES, CHUNKS_MAX, Chunk, FORMAT, Manifest};
pub use place::{Held, Place, PlaceSettings, open as open_place};
pub use prune::{Keep, Pruned, prune};
pub use restore::{Choice, Restored, identities, is_unfinished, restore};
pub use run::{Done, run};

pub use age::x25519::{Identity, Recipient};

use age::x25519;
use bonded_base::{Chance, Clock, Kind, Kinded};
use bonded_merkle::VerifierKey;
use bonded_vault::Environment;
use std::path::PathBuf;
use std::sync::Arc;

/// Places that a good backup lies in, at least.
pub const PLACES_MIN: usize = 2;

/// After how long without a whole backup the newest counts as stale: one that was due was missed.
pub const STALE_MS: i64 = 7 * 60 * 60 * 1000;

/// A backup; its id tells when it was begun.
pub enum Backup {}

impl Kinded for Backup {
    const KIND: Kind = Kind::Backup;
}

/// A deployment's backups: what is copied, where to, for whom.
#[derive(Clone)]
pub struct Setup {
    /// Bound into every backup: one of production is brought back in production only.
    pub environment: Environment,
    /// The deployment's name, under which its backups lie and are signed.
    pub deployment: String,
    /// What is copied, or where a copy is brought back to.
    pub database: Database,
    /// A directory for the owner alone: copies on their way, the key that signs. Made when it is needed.
    pub directory: PathBuf,
    /// Where backups lie.
    pub places: Vec<Arc<dyn Place>>,
    /// Whose keys open them.
    pub recipients: Vec<x25519::Recipient>,
    /// Who must have signed them; without it, whoever signed the first that was seen.
    pub signer: Option<VerifierKey>,
    /// How long they are kept.
    pub keep: Keep,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub chance: Arc<dyn Chance>,
}

/// How far long work has come; told as often as a chunk is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub stage: Stage,
    /// Bytes of chunks so far.
    pub bytes: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// What long work does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A moment of the database is held, or copied beside it.
    Copying,
    /// Chunks are on their way to their places.
    Sending,
    /// Chunks are read again, or brought back.
    Reading,
    /// What came back is compared with its log.
    Checking,
}

impl Stage {
    /// As people and programs read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Sending => "sending",
            Self::Reading => "reading",
            Self::Checking => "checking",
        }
    }
}

/// Who is told how far it is.
pub type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);
