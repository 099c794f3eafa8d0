//! Which runs of leaves a proof speaks of, and where their hashes stand in the tiles.
//!
//! Source: RFC 6962 sections 2.1.1 (audit paths) and 2.1.2 (consistency proofs), with their recursion unrolled from the
//! root downwards. Making a proof and saying which tiles it needs share these lists, so that they cannot disagree.

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TilePlace, TileSource, subtree, tile_width};
use crate::{Hash, MissingTile, node_hash};
use std::ops::Range;

/// The siblings on the way from a leaf to the root, the leaf's own first; `index < size`.
pub(crate) fn of_inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut start, mut end) = (0, size);
    let mut siblings = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    siblings.reverse();
    siblings
}

/// The runs from which both roots can be computed, in the order of the proof; `0 < old <= new`.
pub(crate) fn of_consistency(old: u64, new: u64) -> Vec<Range<u64>> {
    let (mut start, mut end) = (0, new);
    let mut runs = Vec::new();
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            runs.push(middle..end);
            end = middle;
        } else {
            runs.push(start..middle);
            start = middle;
        }
    }
    // From the very left the run is the old tree itself, whose root the verifier has already.
    if start > 0 {
        runs.push(start..end);
    }
    runs.reverse();
    runs
}

/// The largest power of two below `length`, for a length of at least two.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// The complete subtrees of a run, as (height, index at that height) from the left.
///
/// Every run of a proof begins where a subtree of its own size would, so cutting off the largest power of two is right.
pub(crate) fn subtrees(run: Range<u64>) -> impl Iterator<Item = (u32, u64)> {
    let mut start = run.start;
    std::iter::from_fn(move || {
        let height = (run.end - start).checked_ilog2()?;
        let index = start >> height;
        start += 1 << height;
        Some((height, index))
    })
}

/// Where a complete subtree is computed from: (level, tile, first hash, how many hashes).
pub(crate) fn place_of(height: u32, index: u64) -> (u8, u64, u16, u16) {
    let inside = height % TILE_HEIGHT;
    let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
    let tile = index >> (TILE_HEIGHT - inside);
    let first = u16::try_from((index << inside) % TILE_WIDTH).unwrap_or(u16::MAX);
    (level, tile, first, 1 << inside)
}

/// The hash over a run of leaves; `None` for an empty one.
pub(crate) fn hash_of(run: Range<u64>, source: &impl TileSource) -> Result<Option<Hash>, MissingTile> {
    let hashes = subtrees(run).map(|(height, index)| subtree(height, index, source));
    let hashes: Vec<Hash> = hashes.collect::<Result<_, _>>()?;
    Ok(hashes.into_iter().rev().reduce(|right, left| node_hash(&left, &right)))
}

/// The tiles, each once and in order, from which the runs are computed in a tree of `size` leaves.
pub(crate) fn tiles_for(runs: Vec<Range<u64>>, size: u64) -> Vec<TilePlace> {
    let places = runs.into_iter().flat_map(subtrees).map(|(height, index)| {
        let (level, tile, ..) = place_of(height, index);
        (level, tile, tile_width(level, tile, size))
    });
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6962 section 2.1.3: a tree of seven leaves.
    #[test]
    fn the_seven_leaves_of_the_rfc_have_its_proofs() {
        assert_eq!(of_inclusion(0, 7), [1..2, 2..4, 4..7]);
        assert_eq!(of_inclusion(3, 7), [2..3, 0..2, 4..7]);
        assert_eq!(of_inclusion(4, 7), [5..6, 6..7, 0..4]);
        assert_eq!(of_inclusion(6, 7), [4..6, 0..4]);
        assert_eq!(of_consistency(3, 7), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(of_consistency(4, 7), vec![4_u64..7; 1]);
        assert_eq!(of_consistency(6, 7), [4..6, 6..7, 0..4]);
        assert_eq!(of_consistency(7, 7), []);
    }

    #[test]
    fn a_subtree_is_found_in_the_tile_that_holds_its_hashes() {
        assert_eq!(place_of(0, 0), (0, 0, 0, 1));
        assert_eq!(place_of(0, 257), (0, 1, 1, 1));
        assert_eq!(place_of(7, 3), (0, 1, 128, 128));
        assert_eq!(place_of(8, 300), (1, 1, 44, 1));
        assert_eq!(place_of(63, 1), (7, 0, 128, 128));
    }

    #[test]
    fn a_run_is_cut_into_subtrees_from_the_left() {
        assert_eq!(subtrees(0..7).collect::<Vec<_>>(), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(subtrees(8..12).collect::<Vec<_>>(), [(2, 2)]);
        assert_eq!(subtrees(5..5).count(), 0);
        assert_eq!(subtrees(0..u64::MAX).count(), 64);
    }
}
