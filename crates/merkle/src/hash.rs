//! The two hashes a Merkle tree is made of: one for leaves, one for pairs.
//!
//! Source: RFC 6962 section 2.1, with SHA-256. The first byte keeps a leaf from passing as a pair.

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

/// A SHA-256 hash.
pub type Hash = [u8; HASH_LENGTH];

/// Bytes in a hash.
pub const HASH_LENGTH: usize = 32;

/// The root of a tree without leaves: the hash of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;
/// Leaves up to this length are hashed in one call, which spares the engine an allocation.
const SHORT_LEAF: usize = 1023;

/// The hash of a leaf: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut short = [LEAF_PREFIX; 1 + SHORT_LEAF];
    if let Some(place) = short.get_mut(1..=data.len()) {
        place.copy_from_slice(data);
        if let Some(message) = short.get(..=data.len()) {
            return sized(digest(&SHA256, message));
        }
    }
    let mut context = Context::new(&SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(data);
    sized(context.finish())
}

/// The hash of two subtrees: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut message = [NODE_PREFIX; 1 + 2 * HASH_LENGTH];
    message[1..=HASH_LENGTH].copy_from_slice(left);
    message[1 + HASH_LENGTH..].copy_from_slice(right);
    sized(digest(&SHA256, &message))
}

fn sized(digest: Digest) -> Hash {
    let mut hash = [0; HASH_LENGTH];
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_hash_of_nothing() {
        assert_eq!(sized(digest(&SHA256, b"")), EMPTY_ROOT);
    }

    #[test]
    fn short_and_long_leaves_are_hashed_alike() {
        for length in [0, 1, SHORT_LEAF - 1, SHORT_LEAF, SHORT_LEAF + 1, 70_000] {
            let data = vec![7; length];
            let prefixed = [&[LEAF_PREFIX][..], &data].concat();
            assert_eq!(leaf_hash(&data), sized(digest(&SHA256, &prefixed)), "{length}");
        }
    }
}
