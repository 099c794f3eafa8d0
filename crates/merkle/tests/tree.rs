//! The tree against a naive one, and against the published one of eight leaves.

mod naive;

use bonded_merkle::{
    EMPTY_ROOT, Frontier, Hash, Peaks, ProofError, TilePlace, TileSource, Unprovable, consistency_proof,
    inclusion_proof, leaf_hash, node_hash, root_of, tiles_for_consistency, tiles_for_inclusion, tiles_of,
    verify_consistency, verify_inclusion,
};
use naive::Naive;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Tiles = BTreeMap<(u8, u64), Vec<u8>>;

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(format!("leaf {number}").as_bytes())).collect()
}

fn store(tiles: &mut Tiles, frontier: &mut Frontier, leaves: &[Hash]) {
    for tile in frontier.append(leaves) {
        tiles.insert((tile.level, tile.index), tile.hashes);
    }
}

fn tiles_over(leaves: &[Hash]) -> Tiles {
    let mut tiles = Tiles::new();
    store(&mut tiles, &mut Frontier::new(), leaves);
    tiles
}

/// Only the tiles of a list, each cut to the width the list says.
fn only(tiles: &Tiles, places: &[TilePlace]) -> Tiles {
    let cut = places.iter().filter_map(|&(level, index, width)| {
        let hashes = tiles.tile(level, index)?.get(..usize::from(width) * 32)?;
        Some(((level, index), hashes.to_vec()))
    });
    cut.collect()
}

/// Checks both proofs of a tree against the naive ones, made from nothing but the tiles they are said to need.
fn check_inclusion(tiles: &Tiles, naive: &Naive, index: usize, size: usize) {
    let (m, n) = (index as u64, size as u64);
    let loaded = only(tiles, &tiles_for_inclusion(m, n));
    let proof = inclusion_proof(m, n, &loaded);
    assert_eq!(proof, Ok(naive.path(index, 0, size)), "{index} of {size}");
    let (leaf, root) = (naive.root(index, index + 1), naive.root(0, size));
    assert_eq!(verify_inclusion(&leaf, m, n, &proof.unwrap_or_default(), &root), Ok(()), "{index} of {size}");
}

fn check_consistency(tiles: &Tiles, naive: &Naive, old: usize, new: usize) {
    let (m, n) = (old as u64, new as u64);
    let loaded = only(tiles, &tiles_for_consistency(m, n));
    let proof = consistency_proof(m, n, &loaded);
    assert_eq!(proof, Ok(naive.proof(old, new)), "{old} to {new}");
    let (old_root, new_root) = (naive.root(0, old), naive.root(0, new));
    let verdict = verify_consistency(m, &old_root, n, &new_root, &proof.unwrap_or_default());
    assert_eq!(verdict, Ok(()), "{old} to {new}");
}

#[test]
fn every_size_has_the_root_and_the_tiles_of_the_naive_tree() {
    let leaves = leaves(600);
    let naive = Naive::new(leaves.clone());
    let (mut tiles, mut frontier, mut peaks) = (Tiles::new(), Frontier::new(), Peaks::new());
    for size in 0..=600 {
        let root = naive.root(0, size);
        assert_eq!(frontier.root(), root, "{size}");
        assert_eq!(peaks.root(), root, "{size}");
        let edge = Frontier::edge_tiles(size as u64);
        assert_eq!(root_of(size as u64, &only(&tiles, &edge)), Ok(root), "{size}");
        let held: Vec<_> = tiles.iter().map(|(&(level, index), hashes)| (level, index, hashes.len())).collect();
        let expected = tiles_of(size as u64).map(|(level, index, width)| (level, index, usize::from(width) * 32));
        assert_eq!(held, expected.collect::<Vec<_>>(), "{size}");
        for ((level, index), hashes) in &tiles {
            let span = 256_usize.pow(u32::from(*level));
            for (place, hash) in hashes.chunks_exact(32).enumerate() {
                let start = (usize::try_from(*index).unwrap() * 256 + place) * span;
                assert_eq!(hash, naive.root(start, start + span), "{size}: {level} {index} {place}");
            }
        }
        if let Some(leaf) = leaves.get(size) {
            store(&mut tiles, &mut frontier, &[*leaf]);
            peaks.push(leaf);
        }
    }
}

#[test]
fn every_proof_of_a_small_tree_is_the_naive_one_and_verifies() {
    let leaves = leaves(70);
    let (tiles, naive) = (tiles_over(&leaves), Naive::new(leaves));
    for size in 1..=70 {
        (0..size).for_each(|index| check_inclusion(&tiles, &naive, index, size));
        (1..=size).for_each(|old| check_consistency(&tiles, &naive, old, size));
    }
}

#[test]
fn proofs_of_every_size_to_600_are_the_naive_ones_and_verify() {
    let leaves = leaves(600);
    let (tiles, naive) = (tiles_over(&leaves), Naive::new(leaves));
    for size in 1..=600 {
        // The ends, the edges of tiles, and a handful spread differently for each size.
        let spread = (0..6).map(|step| (step * 97 + size * 31) % size);
        for index in [0, 1, 255, 256, 257, 511, 512, size / 2, size - 1].into_iter().chain(spread) {
            if index < size {
                check_inclusion(&tiles, &naive, index, size);
                check_consistency(&tiles, &naive, index + 1, size);
            }
        }
    }
}

#[test]
fn large_trees_have_the_naive_roots_and_proofs() {
    let leaves = leaves(140_000);
    let (tiles, naive) = (tiles_over(&leaves), Naive::new(leaves));
    for size in [65_535, 65_536, 65_537, 65_792, 70_000, 131_072, 131_329, 140_000] {
        assert_eq!(root_of(size as u64, &tiles), Ok(naive.root(0, size)));
        for index in [0, 255, 256, 65_279, 65_535, 65_536, 65_791, 131_071, 131_072, size - 1] {
            if index < size {
                check_inclusion(&tiles, &naive, index, size);
                check_consistency(&tiles, &naive, index + 1, size);
            }
        }
    }
}

/// Every way to change a proof, its index, its sizes or its roots must be noticed.
#[test]
fn no_tampered_proof_is_accepted() {
    let leaves = leaves(300);
    let (tiles, naive) = (tiles_over(&leaves), Naive::new(leaves.clone()));
    for size in (1..40).chain([63, 64, 65, 255, 256, 257, 300]) {
        let root = naive.root(0, size);
        for index in (0..size).step_by(1 + size / 9) {
            let (m, n, leaf) = (index as u64, size as u64, leaves[index]);
            let proof = inclusion_proof(m, n, &tiles).unwrap();
            for changed in tampered(&proof) {
                assert!(verify_inclusion(&leaf, m, n, &changed, &root).is_err(), "{index} of {size}");
            }
            for other in (0..size + 3).filter(|other| *other != index) {
                assert!(verify_inclusion(&leaf, other as u64, n, &proof, &root).is_err(), "{other} for {index}");
            }
            assert_eq!(verify_inclusion(&flipped(&leaf, 77), m, n, &proof, &root), Err(ProofError::Root));
            assert_eq!(verify_inclusion(&leaf, m, n, &proof, &flipped(&root, 5)), Err(ProofError::Root));
        }
        for old in (1..=size).step_by(1 + size / 9) {
            let (m, n, old_root) = (old as u64, size as u64, naive.root(0, old));
            let proof = consistency_proof(m, n, &tiles).unwrap();
            for changed in tampered(&proof) {
                assert!(verify_consistency(m, &old_root, n, &root, &changed).is_err(), "{old} to {size}");
            }
            let verify = |old_root, new_root| verify_consistency(m, &old_root, n, &new_root, &proof);
            assert!(verify(flipped(&old_root, 5), root).is_err());
            assert!(verify(old_root, flipped(&root, 5)).is_err());
            assert!(old == size || verify(root, old_root).is_err());
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "a test stops where it reaches too far")]
fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut hash = *hash;
    hash[bit / 8] ^= 1 << (bit % 8);
    hash
}

/// Each hash changed, left out, doubled, replaced; hashes swapped; a hash before and behind.
#[expect(clippy::indexing_slicing, reason = "a test stops where it reaches too far")]
fn tampered(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Vec<Hash>)| {
        let mut changed = proof.to_vec();
        change(&mut changed);
        all.push(changed);
    };
    for place in 0..proof.len() {
        with(&|proof| proof[place] = flipped(&proof[place], 0));
        with(&|proof| proof[place] = flipped(&proof[place], 255));
        with(&|proof| proof[place] = EMPTY_ROOT);
        with(&|proof| {
            proof.remove(place);
        });
        with(&|proof| proof.insert(place, proof[place]));
        with(&|proof| proof.truncate(place));
    }
    for place in 1..proof.len() {
        with(&|proof| proof.swap(place - 1, place));
    }
    with(&|proof| proof.insert(0, EMPTY_ROOT));
    with(&|proof| proof.push(EMPTY_ROOT));
    with(&|proof| proof.extend(std::iter::repeat_n([0; 32], 64)));
    all
}

/// The tree that the tests of Certificate Transparency have used since RFC 6962: its leaves, nodes and roots.
#[test]
fn the_published_tree_of_eight_leaves_is_built_and_proven() {
    let data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves: Vec<Hash> = data.iter().map(|text| leaf_hash(&bytes(text))).collect();
    assert_eq!(leaves.first(), Some(&hash("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")));
    assert_eq!(leaves.last(), Some(&hash("46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1")));
    let pair = hash("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(node_hash(&leaves[0], &leaves[1]), pair);

    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let tiles = tiles_over(&leaves);
    for (size, root) in (0..).zip(roots) {
        assert_eq!(root_of(size, &tiles), Ok(hash(root)), "{size}");
    }

    let nodes = [
        hash("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
        hash("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
    ];
    assert_eq!(inclusion_proof(0, 8, &tiles), Ok(nodes.to_vec()));
    assert_eq!(verify_inclusion(&leaves[0], 0, 8, &nodes, &hash(roots[8])), Ok(()));
    assert_eq!(consistency_proof(1, 8, &tiles), Ok(nodes.to_vec()));
    assert_eq!(verify_consistency(1, &hash(roots[1]), 8, &hash(roots[8]), &nodes), Ok(()));
    let six_to_eight = [
        hash("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
        hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ];
    assert_eq!(consistency_proof(6, 8, &tiles), Ok(six_to_eight.to_vec()));
    assert_eq!(verify_consistency(6, &hash(roots[6]), 8, &hash(roots[8]), &six_to_eight), Ok(()));
}

/// From the tests of Go's `sumdb/tlog`.
#[test]
fn a_published_leaf_has_its_hash() {
    let published = hash("4eccf34608d31bac5c7becf6006df59005d828181056d092084e341e6bb005bd");
    assert_eq!(leaf_hash(b"hello world"), published);
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_into_appends_makes_the_same_tree(sizes in prop::collection::vec(0_usize..700, 0..8), index: usize) {
        let leaves = leaves(sizes.iter().sum());
        let naive = Naive::new(leaves.clone());
        let (mut tiles, mut frontier, mut rest) = (Tiles::new(), Frontier::new(), leaves.as_slice());
        for size in sizes {
            let (now, later) = rest.split_at(size);
            // As a server does after a restart: read the edge back, then go on.
            frontier = Frontier::from_tiles(frontier.size(), &tiles).unwrap();
            store(&mut tiles, &mut frontier, now);
            rest = later;
        }
        prop_assert_eq!(frontier.root(), naive.root(0, leaves.len()));
        prop_assert_eq!(&tiles, &tiles_over(&leaves));
        if let Some(index) = index.checked_rem(leaves.len()) {
            check_inclusion(&tiles, &naive, index, leaves.len());
            check_consistency(&tiles, &naive, index + 1, leaves.len());
        }
    }

    #[test]
    fn proofs_about_trees_of_any_size_ask_for_few_tiles(index: u64, size in 1_u64.., old in 1_u64..) {
        let index = index % size;
        let old = 1 + old % size;
        for places in [tiles_for_inclusion(index, size), tiles_for_consistency(old, size)] {
            prop_assert!(places.len() <= 16);
            prop_assert!(places.iter().all(|place| (1..=256).contains(&place.2)));
        }
        let none = Tiles::new();
        prop_assert!(size == 1 || matches!(inclusion_proof(index, size, &none), Err(Unprovable::Tile(_))));
    }

    #[test]
    fn any_claim_is_judged_without_harm(
        leaf: Hash, root: Hash, other: Hash, index: u64, size: u64, proof in prop::collection::vec(any::<Hash>(), 0..70),
    ) {
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        prop_assert!(verify_consistency(index.max(1), &root, size, &other, &proof).is_err());
    }
}
