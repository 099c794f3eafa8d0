//! Checking proofs: all that an outsider needs besides a signed root.
//!
//! Source: RFC 9162 sections 2.1.3.2 and 2.1.4.2, which say step by step how the proofs of RFC 6962 are verified.

use crate::{EMPTY_ROOT, Hash, node_hash};

/// Why a proof does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry is not in a tree of that size.
    #[error("there is no entry {index} in a tree of {size}")]
    BeyondTree {
        /// Index of the entry, from 0.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The tree that should be newer is smaller.
    #[error("the log went back from {old} entries to {new}")]
    Shrunk {
        /// Leaves in the older tree.
        old: u64,
        /// Leaves in the newer tree.
        new: u64,
    },
    /// Too few or too many hashes for trees of these sizes.
    #[error("the proof has {0} hashes, which does not fit the sizes")]
    Length(usize),
    /// The entry, its index or the proof does not belong to this root.
    #[error("the proof leads to another root")]
    Root,
    /// The proof does not start from the older root: what was signed then is not the beginning of the newer log.
    #[error("the proof does not lead from the older root")]
    OldRoot,
}

/// Where a node stands among those of its height, and which is the last there.
struct Place {
    node: u64,
    last: u64,
}

impl Place {
    /// One step towards the root.
    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    /// The sibling is on the left. A last node without sibling rises until it has one.
    fn joins_left(&mut self) -> bool {
        let left = self.node & 1 == 1 || self.node == self.last;
        while left && self.node & 1 == 0 && self.node != 0 {
            self.up();
        }
        left
    }
}

/// Checks that the leaf with this hash is entry `index` of the tree of `size` leaves with this root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::BeyondTree { index, size });
    }
    let mut place = Place { node: index, last: size - 1 };
    let mut computed = *leaf;
    for sibling in proof {
        if place.last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        computed = if place.joins_left() { node_hash(sibling, &computed) } else { node_hash(&computed, sibling) };
        place.up();
    }
    if place.last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    if computed == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `new_size` leaves begins with the tree of `old_size` leaves.
///
/// An older tree without leaves is the beginning of every tree, with an empty proof, as in C2SP tlog-witness.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old: old_size, new: new_size });
    }
    if old_size == 0 || old_size == new_size {
        return without_proof(old_size, old_root, new_size, new_root, proof);
    }
    // A power of two is one complete subtree of the newer tree, so its root stands for the first hash.
    let (first, rest) = match proof.split_first() {
        None => return Err(ProofError::Length(0)),
        Some(_) if old_size.is_power_of_two() => (old_root, proof),
        Some(split) => split,
    };
    let mut place = Place { node: old_size - 1, last: new_size - 1 };
    while place.node & 1 == 1 {
        place.up();
    }
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if place.last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if place.joins_left() {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
        } else {
            new = node_hash(&new, hash);
        }
        place.up();
    }
    match () {
        () if place.last != 0 => Err(ProofError::Length(proof.len())),
        () if old != *old_root => Err(ProofError::OldRoot),
        () if new != *new_root => Err(ProofError::Root),
        () => Ok(()),
    }
}

/// The cases in which the roots alone decide.
fn without_proof(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let expected = if old_size == 0 { &EMPTY_ROOT } else { new_root };
    match () {
        () if !proof.is_empty() => Err(ProofError::Length(proof.len())),
        () if old_root != expected => Err(ProofError::OldRoot),
        () if new_size == 0 && *new_root != EMPTY_ROOT => Err(ProofError::Root),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Hash = [9; 32];

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        assert_eq!(verify_inclusion(&OTHER, 0, 0, &[], &EMPTY_ROOT), Err(ProofError::BeyondTree { index: 0, size: 0 }));
        assert_eq!(verify_inclusion(&OTHER, 0, 1, &[], &OTHER), Ok(()));
        assert_eq!(verify_inclusion(&OTHER, 0, 1, &[OTHER], &OTHER), Err(ProofError::Length(1)));
        assert_eq!(verify_inclusion(&OTHER, 0, u64::MAX, &[], &OTHER), Err(ProofError::Length(0)));
        assert_eq!(verify_consistency(2, &OTHER, 1, &OTHER, &[]), Err(ProofError::Shrunk { old: 2, new: 1 }));
        assert_eq!(verify_consistency(1, &OTHER, 2, &OTHER, &[]), Err(ProofError::Length(0)));
    }

    #[test]
    fn equal_and_empty_trees_need_no_proof_and_take_none() {
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 5, &OTHER, &[]), Ok(()));
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 0, &EMPTY_ROOT, &[]), Ok(()));
        assert_eq!(verify_consistency(0, &OTHER, 5, &OTHER, &[]), Err(ProofError::OldRoot));
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 0, &OTHER, &[]), Err(ProofError::Root));
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 5, &OTHER, &[OTHER]), Err(ProofError::Length(1)));
        assert_eq!(verify_consistency(5, &OTHER, 5, &OTHER, &[]), Ok(()));
        assert_eq!(verify_consistency(5, &OTHER, 5, &EMPTY_ROOT, &[]), Err(ProofError::OldRoot));
        assert_eq!(verify_consistency(5, &OTHER, 5, &OTHER, &[OTHER]), Err(ProofError::Length(1)));
    }
}
