//! A thief who kept every node file that ever was, and every value that was ever sealed.

use super::house::{CONTEXT, ENVIRONMENT, House};
use crate::context::Under;
use crate::fragment::{Branch, CUTS, Fragment, Name, TOP};
use crate::key::Key;
use crate::path::{Child, Path};
use crate::xaes::Xaes;
use crate::{Slot, Vault};
use bonded_base::{Account, Id};
use std::collections::{BTreeMap, HashSet};
use std::fs;

#[derive(Default)]
pub(crate) struct Thief {
    files: BTreeMap<Name, Vec<u8>>,
}

/// What some root opens, with all the files the thief has.
pub(crate) struct Loot {
    /// Keys that derive all below a path.
    whole: Vec<(Path, Key)>,
    seen: HashSet<(Vec<u8>, [u8; 32])>,
}

impl Thief {
    /// Copies what lies in every place.
    pub(crate) fn look(&mut self, house: &House) {
        for place in house.all() {
            let Ok(files) = fs::read_dir(place.join("nodes")) else { continue };
            for file in files.map(|file| file.unwrap()) {
                if let Ok(name) = file.file_name().to_str().unwrap().parse() {
                    self.files.entry(name).or_insert_with(|| fs::read(file.path()).unwrap());
                }
            }
        }
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Everything that opens from a root key: each key found is tried on every file, of whatever age and name.
    pub(crate) fn open(&self, root: &Key) -> Loot {
        let mut loot = Loot { whole: Vec::new(), seen: HashSet::new() };
        self.try_key(root, &Path::ROOT, &mut loot);
        loot
    }

    fn try_key(&self, key: &Key, at: &Path, loot: &mut Loot) {
        if !loot.seen.insert((at.steps().to_vec(), *key.bytes())) {
            return;
        }
        for file in self.files.values() {
            if let Ok(fragment) = Fragment::open(file, key, ENVIRONMENT, at) {
                self.plunder(&fragment, TOP, at, loot);
            }
        }
    }

    fn plunder(&self, fragment: &Fragment, table: u16, at: &Path, loot: &mut Loot) {
        for step in 0..16 {
            let below = at.below(step);
            match fragment.branch(table, step) {
                Branch::Destroyed => {}
                Branch::Whole(key) => loot.whole.push((below, key.duplicate())),
                Branch::Table(number) => self.plunder(fragment, *number, &below, loot),
                Branch::Apart(link) => self.try_key(&link.key, &below, loot),
            }
        }
    }

    /// Without trust in the shape of the tree: every key of any opened file is tried on every file, as if it hung at
    /// any place on the way to `leaf`, and every key found is taken for one at any depth and derived down to the leaf.
    pub(crate) fn force(&self, root: &Key, leaf: &Path) -> Vec<Key> {
        let mut known = vec![root.duplicate()];
        let mut closed: BTreeMap<_, _> = self.files.iter().collect();
        let mut next = 0;
        while let Some(key) = known.get(next).map(Key::duplicate) {
            next += 1;
            closed.retain(|_, file| {
                let mut places = CUTS.iter().map(|depth| leaf.up_to(*depth));
                let opened = places.find_map(|at| Fragment::open(file, &key, ENVIRONMENT, &at).ok());
                for branch in opened.iter().flat_map(Fragment::branches) {
                    match branch {
                        Branch::Whole(key) => known.push(key.duplicate()),
                        Branch::Apart(link) => known.push(link.key.duplicate()),
                        Branch::Destroyed | Branch::Table(_) => {}
                    }
                }
                opened.is_none()
            });
        }
        let depths = 0..=leaf.depth();
        known.iter().flat_map(|key| depths.clone().map(|depth| derive(key, depth, leaf))).collect()
    }
}

impl Loot {
    /// Keys for a leaf, of whatever age.
    pub(crate) fn keys(&self, leaf: &Path) -> Vec<Key> {
        let above = self.whole.iter().filter(|(at, _)| leaf.up_to(at.depth()) == *at);
        above.map(|(at, key)| derive(key, at.depth(), leaf)).collect()
    }
}

/// Takes `key` for the node `depth` steps above on the way to `leaf`.
fn derive(key: &Key, depth: usize, leaf: &Path) -> Key {
    let steps = leaf.steps().iter().enumerate().skip(depth);
    steps.fold(key.duplicate(), |key, (depth, step)| key.child(u8::try_from(depth + 1).unwrap(), *step))
}

/// Today's root key, as if read from the process.
pub(crate) fn root_key(vault: &Vault) -> Key {
    vault.tree_for_tests().root().top.key.duplicate()
}

/// Whether one of the keys opens a sealed consumer.
pub(crate) fn opens_consumer(keys: &[Key], account: Id<Account>, slot: Slot, sealed: &[u8]) -> bool {
    CONTEXT.bind(ENVIRONMENT, account, Under::Consumer(slot), |bound| {
        keys.iter().any(|key| Xaes::new(key).open(bound, &sealed[5..]).is_ok())
    })
}

/// Whether one of the keys opens a sealed value.
pub(crate) fn opens_value(keys: &[Key], account: Id<Account>, sealed: &[u8]) -> bool {
    CONTEXT.bind(ENVIRONMENT, account, Under::Data, |bound| {
        keys.iter().any(|key| Xaes::new(key).open(bound, sealed).is_ok())
    })
}

/// Where the data key of an account hangs.
pub(crate) fn data_path(account: Id<Account>) -> Path {
    Path::child(account, Child::Data)
}
