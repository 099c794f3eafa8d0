//! The tree that makes a log impossible to change in silence: hashes, tiles, proofs, signed checkpoints.
//!
//! What is written here can be read by verifiers that others wrote, and the other way round: hashes and proofs are
//! those of RFC 6962 with SHA-256, storage and transport are C2SP tlog-tiles, what is signed is C2SP tlog-checkpoint
//! in a C2SP signed-note with Ed25519.
//!
//! The life of a leaf: [`leaf_hash`] makes 32 bytes of an entry; [`Frontier::append`] takes them into the tree and says
//! which [`Tile`]s to store; [`sign`] signs the [`Checkpoint`] of the new root; [`inclusion_proof`] and
//! [`consistency_proof`] are made from stored tiles, and anyone checks them with [`verify_inclusion`] and
//! [`verify_consistency`]. Whoever has the entries themselves needs no proof: [`audit`] compares them with checkpoints.
//!
//! ```
//! use bonded_merkle::{Frontier, inclusion_proof, leaf_hash, verify_inclusion};
//!
//! let leaves = [leaf_hash(b"ordered"), leaf_hash(b"acknowledged"), leaf_hash(b"shipped")];
//! let mut frontier = Frontier::new();
//! let tiles = frontier.append(&leaves);
//! let proof = inclusion_proof(1, 3, &tiles)?;
//! verify_inclusion(&leaf_hash(b"acknowledged"), 1, 3, &proof, &frontier.root())?;
//! assert!(verify_inclusion(&leaf_hash(b"rejected"), 1, 3, &proof, &frontier.root()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Architecture invariant: nothing here reads, writes, waits, tells the time, throws dice or holds a private key.
#![deny(missing_docs)]

mod audit;
mod bundle;
mod checkpoint;
mod decimal;
mod finding;
mod frontier;
mod hash;
mod key;
mod note;
mod path;
mod proof;
mod ranges;
mod sequence;
mod tile;
mod verify;

pub use audit::{Audit, Exported, Report, audit};
pub use bundle::{BadBundle, ENTRY_LENGTH_MAX, decode_bundle, encode_bundle};
pub use checkpoint::{BadCheckpoint, Checkpoint, sign};
pub use finding::{FINDINGS_MAX, Finding};
pub use frontier::{Frontier, Peaks};
pub use hash::{EMPTY_ROOT, HASH_LENGTH, Hash, leaf_hash, node_hash};
pub use key::{BadKey, Signer, VerifierKey};
pub use note::{BadNote, NOTE_LENGTH_MAX, Note, SIGNATURES_MAX, Signature, Verified, open};
pub use path::{BadPath, LogPath, entries_path, tile_path};
pub use proof::{Unprovable, consistency_proof, inclusion_proof, root_of, tiles_for_consistency, tiles_for_inclusion};
pub use sequence::{check_leaf, check_sequence};
pub use tile::{MissingTile, TILE_WIDTH, Tile, TilePlace, TileSource, tile_width, tiles_of};
pub use verify::{ProofError, verify_consistency, verify_inclusion};
