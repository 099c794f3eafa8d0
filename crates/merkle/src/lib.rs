//! The tree that makes a log impossible to change in silence: hashes, tiles, proofs, signed checkpoints.
