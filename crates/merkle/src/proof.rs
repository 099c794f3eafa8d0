//! Making proofs from stored tiles.
//!
//! Load what [`tiles_for_inclusion`] or [`tiles_for_consistency`] names, then ask for the proof: nothing here waits.

use crate::tile::{TilePlace, TileSource};
use crate::{EMPTY_ROOT, Hash, MissingTile, ranges};

/// Why a proof cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprovable {
    /// The entry is not in a tree of that size.
    #[error("there is no entry {index} in a tree of {size}")]
    BeyondTree {
        /// Index of the entry, from 0.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// A tree cannot have grown from a larger one.
    #[error("a tree of {new} has not grown from a tree of {old}")]
    Shrunk {
        /// Leaves in the tree that should be older.
        old: u64,
        /// Leaves in the tree that should be newer.
        new: u64,
    },
    /// A tile was not loaded or is not as wide as the size says.
    #[error(transparent)]
    Tile(#[from] MissingTile),
}

/// The tiles [`inclusion_proof`] reads, each once; none if there is no such entry.
pub fn tiles_for_inclusion(index: u64, size: u64) -> Vec<TilePlace> {
    let runs = if index < size { ranges::of_inclusion(index, size) } else { Vec::new() };
    ranges::tiles_for(runs, size)
}

/// The tiles [`consistency_proof`] reads, each once; none if the sizes are not those of a grown tree.
pub fn tiles_for_consistency(old: u64, new: u64) -> Vec<TilePlace> {
    let runs = if (1..=new).contains(&old) { ranges::of_consistency(old, new) } else { Vec::new() };
    ranges::tiles_for(runs, new)
}

/// Shows that entry `index` is in the tree of `size` leaves: its siblings up to the root (RFC 6962 section 2.1.1).
pub fn inclusion_proof(index: u64, size: u64, source: &impl TileSource) -> Result<Vec<Hash>, Unprovable> {
    if index >= size {
        return Err(Unprovable::BeyondTree { index, size });
    }
    hashes_of(ranges::of_inclusion(index, size), source)
}

/// Shows that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 section 2.1.2).
///
/// Empty when `old` is 0 or equals `new`: there is nothing to show.
pub fn consistency_proof(old: u64, new: u64, source: &impl TileSource) -> Result<Vec<Hash>, Unprovable> {
    if old > new {
        return Err(Unprovable::Shrunk { old, new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    hashes_of(ranges::of_consistency(old, new), source)
}

/// The root of the tree of `size` leaves. It reads the tiles that [`crate::Frontier::edge_tiles`] names.
pub fn root_of(size: u64, source: &impl TileSource) -> Result<Hash, Unprovable> {
    Ok(ranges::hash_of(0..size, source)?.unwrap_or(EMPTY_ROOT))
}

fn hashes_of(runs: Vec<std::ops::Range<u64>>, source: &impl TileSource) -> Result<Vec<Hash>, Unprovable> {
    let hashes = runs.into_iter().filter_map(|run| ranges::hash_of(run, source).transpose());
    Ok(hashes.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frontier;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_not_in_the_tree_is_refused() {
        let none = BTreeMap::new();
        assert_eq!(inclusion_proof(0, 0, &none), Err(Unprovable::BeyondTree { index: 0, size: 0 }));
        assert_eq!(inclusion_proof(7, 7, &none), Err(Unprovable::BeyondTree { index: 7, size: 7 }));
        assert_eq!(consistency_proof(8, 7, &none), Err(Unprovable::Shrunk { old: 8, new: 7 }));
        assert_eq!((tiles_for_inclusion(7, 7), tiles_for_consistency(8, 7)), (vec![], vec![]));
        assert_eq!(consistency_proof(0, 7, &none), Ok(vec![]));
        assert_eq!(tiles_for_consistency(0, 7), []);
    }

    #[test]
    fn a_tile_that_was_not_loaded_is_named() {
        let none = BTreeMap::new();
        let missing = MissingTile { level: 1, index: 0, width: 1 };
        assert_eq!(inclusion_proof(256, 257, &none), Err(missing.into()));
        let mut tiles = Frontier::new().append(&[[1; 32], [2; 32], [3; 32]]);
        tiles[0].hashes.truncate(70);
        assert_eq!(root_of(2, &tiles).map(|_| ()), Ok(()));
        assert_eq!(root_of(3, &tiles), Err(MissingTile { level: 0, index: 0, width: 3 }.into()));
    }
}
