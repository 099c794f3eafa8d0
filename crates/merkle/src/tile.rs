//! Tiles: the tree cut into pieces of up to 256 hashes, which is how it is stored and fetched.
//!
//! Source: C2SP tlog-tiles, "Merkle Tree". Level 0 holds leaf hashes; a hash on a higher level is the root of one full
//! tile on the level below. The first hashes of a tile never change once written, so a partial tile is always the
//! beginning of every later one: a store keeps one row per level and index and lets it grow.

use crate::hash::HASH_LENGTH;
use crate::{Hash, ranges};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree that one tile spans: `2^8 = 256`.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// Bytes of a full tile.
pub(crate) const TILE_LENGTH: usize = 256 * HASH_LENGTH;

/// Which tile, and how much of it: (level, index within the level, hashes from 1 to 256).
pub type TilePlace = (u8, u64, u16);

/// A tile with its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// 0 for leaf hashes; a tree of 64 bits has no level above 7.
    pub level: u8,
    /// Its place within the level, from 0.
    pub index: u64,
    /// 1 to 256 hashes of 32 bytes, joined.
    pub hashes: Vec<u8>,
}

impl Tile {
    /// How many hashes it holds: 256 when full.
    pub fn width(&self) -> u16 {
        u16::try_from(self.hashes.len() / HASH_LENGTH).unwrap_or(u16::MAX)
    }

    /// Where it stands and how wide it is.
    pub fn place(&self) -> TilePlace {
        (self.level, self.index, self.width())
    }
}

/// Reads tiles the tree already has.
///
/// A tile may be wider than the tree that is asked about: only its first hashes are read then. So the tiles of today
/// serve for proofs about every earlier size.
pub trait TileSource {
    /// The joined hashes of a tile; `None` if it was not loaded or does not exist.
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]>;
}

impl<T: TileSource + ?Sized> TileSource for &T {
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]> {
        (**self).tile(level, index)
    }
}

impl<S: BuildHasher> TileSource for HashMap<(u8, u64), Vec<u8>, S> {
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]> {
        self.get(&(level, index)).map(Vec::as_slice)
    }
}

impl TileSource for BTreeMap<(u8, u64), Vec<u8>> {
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]> {
        self.get(&(level, index)).map(Vec::as_slice)
    }
}

impl TileSource for [Tile] {
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]> {
        let here = self.iter().filter(|tile| (tile.level, tile.index) == (level, index));
        here.map(|tile| tile.hashes.as_slice()).max_by_key(|hashes| hashes.len())
    }
}

impl TileSource for Vec<Tile> {
    fn tile(&self, level: u8, index: u64) -> Option<&[u8]> {
        self.as_slice().tile(level, index)
    }
}

/// A tile that was needed was not there, or held too few hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {index} of level {level} is missing or holds fewer than {width} hashes")]
pub struct MissingTile {
    /// Its level.
    pub level: u8,
    /// Its index within the level.
    pub index: u64,
    /// How many hashes were needed.
    pub width: u16,
}

/// How many hashes a tree of `size` leaves has on a level.
pub(crate) fn hashes_on(level: u8, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// How wide a tile is in a tree of `size` leaves: 0 (it does not exist) to 256 (full).
pub fn tile_width(level: u8, index: u64, size: u64) -> u16 {
    let before = index.saturating_mul(TILE_WIDTH);
    let width = hashes_on(level, size).saturating_sub(before).min(TILE_WIDTH);
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// Every tile of a tree of `size` leaves, the lowest level first, each level from the left.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TilePlace> {
    let levels = (0_u8..).take_while(move |&level| hashes_on(level, size) > 0);
    levels.flat_map(move |level| {
        let tiles = hashes_on(level, size).div_ceil(TILE_WIDTH);
        (0..tiles).map(move |index| (level, index, tile_width(level, index, size)))
    })
}

/// The hash of one complete subtree: the leaves from `index * 2^height`, `2^height` of them.
pub(crate) fn subtree(height: u32, index: u64, source: &impl TileSource) -> Result<Hash, MissingTile> {
    let (level, tile, first, count) = ranges::place_of(height, index);
    let missing = MissingTile { level, index: tile, width: first + count };
    let bytes = source.tile(level, tile).ok_or(missing)?;
    let hashes = bytes.as_chunks().0;
    let below = hashes.get(usize::from(first)..usize::from(first + count)).ok_or(missing)?;
    fold(below).ok_or(missing)
}

/// The root over a power of two of hashes.
fn fold(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        [left, right] => Some(crate::node_hash(left, right)),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            Some(crate::node_hash(&fold(left)?, &fold(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two examples of C2SP tlog-tiles, "Partial Tiles".
    #[test]
    fn the_specification_s_trees_have_the_tiles_it_names() {
        let tiles: Vec<_> = tiles_of(70_000).collect();
        let full = |level| tiles.iter().filter(|tile| (tile.0, tile.2) == (level, 256)).count();
        assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
        let partial: Vec<_> = tiles.iter().copied().filter(|tile| tile.2 < 256).collect();
        assert_eq!(partial, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);

        assert_eq!(tiles_of(256).collect::<Vec<_>>(), [(0, 0, 256), (1, 0, 1)]);
        assert_eq!(tiles_of(0).count(), 0);
    }

    #[test]
    fn a_tree_of_any_size_has_widths_for_every_tile_and_none_beyond() {
        assert_eq!(tile_width(7, 0, u64::MAX), 255);
        assert_eq!(tile_width(7, 1, u64::MAX), 0);
        assert_eq!(tile_width(8, 0, u64::MAX), 0);
        assert_eq!(tile_width(63, 0, u64::MAX), 0);
        assert_eq!(tile_width(0, u64::MAX, u64::MAX), 0);
        assert_eq!(tile_width(0, u64::MAX / 256, u64::MAX), 255);
        assert_eq!(tile_width(0, 1, 256), 0);
        assert_eq!(tile_width(0, 1, 257), 1);
    }

    #[test]
    fn of_several_versions_of_a_tile_the_widest_is_read() {
        let tile = |width: usize| Tile { level: 0, index: 3, hashes: vec![1; width * HASH_LENGTH] };
        let tiles = vec![tile(4), tile(9), tile(2)];
        assert_eq!(tiles.tile(0, 3).map(<[u8]>::len), Some(9 * HASH_LENGTH));
        assert_eq!(tiles.tile(0, 2), None);
        assert_eq!(tile(9).place(), (0, 3, 9));
    }
}
