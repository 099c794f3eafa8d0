//! The growing edge of a tree: the little that must be known to append to a log of any length.

use crate::tile::{TILE_HEIGHT, TILE_LENGTH, TILE_WIDTH, Tile, TilePlace, TileSource, hashes_on, subtree, tile_width};
use crate::{EMPTY_ROOT, HASH_LENGTH, Hash, MissingTile, node_hash, ranges};

/// The roots of the complete subtrees a tree is made of, one for each bit of its size: enough to append and to know
/// the root, at most 64 hashes.
///
/// This is all an auditor carries while reading a log from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    /// From the left, so the largest first.
    roots: Vec<Hash>,
}

impl Peaks {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree so far (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        let folded = self.roots.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or(EMPTY_ROOT)
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: &Hash) {
        self.grow(leaf, |_, _| {});
    }

    /// Appends a leaf and shows every hash that is new and final, with its height: the leaf's at 0, then upwards.
    fn grow(&mut self, leaf: &Hash, mut final_hash: impl FnMut(u32, &Hash)) {
        let mut hash = *leaf;
        final_hash(0, &hash);
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            hash = node_hash(&left, &hash);
            final_hash(height, &hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }
}

/// The growing edge of a stored tree: its peaks and the partial tiles on its right side.
///
/// At most 255 hashes a level; a tree of a million leaves has three levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    peaks: Peaks,
    /// By level: the hashes of the partial tile there, empty where the last tile is full.
    edges: Vec<Vec<u8>>,
}

impl Frontier {
    /// The edge of a tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tiles that [`Frontier::from_tiles`] reads: the partial ones on the right side of a tree of `size` leaves.
    pub fn edge_tiles(size: u64) -> Vec<TilePlace> {
        let levels = (0_u8..).take_while(|&level| hashes_on(level, size) > 0);
        levels.filter_map(|level| edge_of(level, size)).collect()
    }

    /// The edge of a stored tree of `size` leaves, from the tiles that [`Frontier::edge_tiles`] names.
    ///
    /// Wider tiles do no harm: what lies beyond `size` is not read.
    pub fn from_tiles(size: u64, source: &impl TileSource) -> Result<Self, MissingTile> {
        let peaks = ranges::subtrees(0..size).map(|(height, index)| subtree(height, index, source));
        let roots = peaks.collect::<Result<_, _>>()?;
        let levels = (0_u8..).take_while(|&level| hashes_on(level, size) > 0);
        let edges = levels.map(|level| edge(level, size, source)).collect::<Result<_, _>>()?;
        Ok(Self { peaks: Peaks { size, roots }, edges })
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.peaks.size()
    }

    /// The root of the tree so far.
    pub fn root(&self) -> Hash {
        self.peaks.root()
    }

    /// Appends leaves by their hashes and returns every tile that changed, full or partial, each once.
    ///
    /// A tile replaces the stored one of the same level and index, which is its beginning.
    pub fn append(&mut self, leaves: &[Hash]) -> Vec<Tile> {
        let Self { peaks, edges } = self;
        let before = peaks.size;
        let mut changed = Vec::new();
        for leaf in leaves {
            let size = peaks.size + 1;
            peaks.grow(leaf, |height, hash| {
                if height % TILE_HEIGHT == 0 {
                    changed.extend(extend_edge(edges, height / TILE_HEIGHT, hash, size));
                }
            });
        }
        changed.extend(self.partial_tiles().filter(|tile| hashes_on(tile.level, before) < self.hashes_on(tile.level)));
        changed
    }

    /// The partial tiles on the right side, as they are now.
    fn partial_tiles(&self) -> impl Iterator<Item = Tile> {
        let levels = (0_u8..).zip(&self.edges).filter(|(_, hashes)| !hashes.is_empty());
        levels.map(|(level, hashes)| {
            let index = self.hashes_on(level) / TILE_WIDTH;
            Tile { level, index, hashes: hashes.clone() }
        })
    }

    fn hashes_on(&self, level: u8) -> u64 {
        hashes_on(level, self.size())
    }
}

/// The partial tile of a level in a tree of `size` leaves; `None` if the level ends with a full one.
fn edge_of(level: u8, size: u64) -> Option<TilePlace> {
    let index = hashes_on(level, size) / TILE_WIDTH;
    Some((level, index, tile_width(level, index, size))).filter(|&(.., width)| width > 0)
}

/// The hashes of that partial tile.
fn edge(level: u8, size: u64, source: &impl TileSource) -> Result<Vec<u8>, MissingTile> {
    let Some((level, index, width)) = edge_of(level, size) else { return Ok(Vec::new()) };
    let length = usize::from(width) * HASH_LENGTH;
    let bytes = source.tile(level, index).and_then(|bytes| bytes.get(..length));
    bytes.map(<[u8]>::to_vec).ok_or(MissingTile { level, index, width })
}

/// Puts a hash at the end of a level; the tile it completes, if it does, in a tree that now has `size` leaves.
fn extend_edge(edges: &mut Vec<Vec<u8>>, level: u32, hash: &Hash, size: u64) -> Option<Tile> {
    let place = level as usize;
    if edges.len() <= place {
        edges.resize_with(place + 1, Vec::new);
    }
    let edge = edges.get_mut(place)?;
    edge.extend_from_slice(hash);
    if edge.len() < TILE_LENGTH {
        return None;
    }
    let level = u8::try_from(level).ok()?;
    Some(Tile { level, index: hashes_on(level, size) / TILE_WIDTH - 1, hashes: std::mem::take(edge) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{root_of, tiles_of};
    use std::collections::BTreeMap;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| crate::leaf_hash(&number.to_be_bytes())).collect()
    }

    fn places(tiles: &[Tile]) -> Vec<TilePlace> {
        tiles.iter().map(Tile::place).collect()
    }

    #[test]
    fn an_append_returns_every_changed_tile_once() {
        let mut frontier = Frontier::new();
        let leaves = leaves(70_000);
        assert_eq!(places(&frontier.append(&[])), []);
        assert_eq!(places(&frontier.append(&leaves[..255])), [(0, 0, 255)]);
        assert_eq!(places(&frontier.append(&leaves[255..256])), [(0, 0, 256), (1, 0, 1)]);
        assert_eq!(places(&frontier.append(&leaves[256..257])), [(0, 1, 1)]);
        assert_eq!(places(&frontier.append(&[])), []);
        let mut rest = places(&frontier.append(&leaves[257..]));
        rest.sort_unstable();
        let expected: Vec<_> = tiles_of(70_000).filter(|&place| place != (0, 0, 256)).collect();
        assert_eq!(rest, expected);
    }

    #[test]
    fn an_edge_read_back_grows_as_if_it_had_never_been_away() {
        let leaves = leaves(66_000);
        for size in [0_u64, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_791, 65_792] {
            let mut always = Frontier::new();
            let mut stored = BTreeMap::new();
            let (first, more) = leaves.split_at(usize::try_from(size).unwrap());
            for tile in always.append(first) {
                stored.insert((tile.level, tile.index), tile.hashes);
            }
            let edge = Frontier::edge_tiles(size);
            stored.retain(|&(level, index), _| edge.iter().any(|place| (place.0, place.1) == (level, index)));
            assert_eq!(stored.len(), edge.len(), "{size}");
            assert_eq!(root_of(size, &stored), Ok(always.root()));

            let mut back = Frontier::from_tiles(size, &stored).unwrap();
            assert_eq!(back, always);
            assert_eq!(back.append(more), always.append(more));
            assert_eq!((back.root(), back.size()), (always.root(), 66_000));

            // Today's wider tiles serve as well.
            let mut wider = stored.clone();
            for hashes in wider.values_mut() {
                hashes.extend([7; HASH_LENGTH]);
            }
            assert_eq!(Frontier::from_tiles(size, &wider).unwrap().root(), root_of(size, &stored).unwrap());
            for lost in edge {
                let mut less = stored.clone();
                less.get_mut(&(lost.0, lost.1)).unwrap().truncate(usize::from(lost.2) * HASH_LENGTH - 1);
                let missing = Frontier::from_tiles(size, &less).unwrap_err();
                assert_eq!((missing.level, missing.index), (lost.0, lost.1));
            }
        }
    }
}
