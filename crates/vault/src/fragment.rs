//! A fragment: the part of the tree that one node file holds, as tables of sixteen branches.
//!
//! A file begins where the tree is cut ([`CUTS`]); within it, tables lead to tables until a branch is whole (its key
//! derives all below it), destroyed, or goes on in a file of its own. The file is sealed under a fresh random key
//! that only the table above it knows, bound to its environment and path, and never changed.
//!
//! Plain form: for each table sixteen branches, each a tag and its payload: `0` destroyed, `1` whole (key, 32 bytes),
//! `2` table (number, 2 bytes), `3` apart (key, 32 bytes; name, 16 bytes). Table 0 is the top.

use crate::key::{KEY_BYTES, Key};
use crate::memory::Locked;
use crate::path::{FAN_OUT, Path};
use crate::xaes::{NONCE_BYTES, Xaes};
use crate::{Environment, OpenError};
use bonded_base::{Chance, Secret};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Depths at which a file begins. The top levels are short, for they fill up with accounts; the rest is chosen so that
/// destroying one order writes seven small files, and 100,000 scattered ones a few thousand.
pub(crate) const CUTS: [usize; 7] = [0, 2, 4, 6, 17, 21, 24];

/// The largest plain form: four levels, every branch apart.
const FRAGMENT_BYTES_MAX: usize = (1 + 16 + 256 + 4096) * FAN_OUT * (1 + KEY_BYTES + NAME_BYTES);
/// The longest file that is read.
pub(crate) const FRAGMENT_FILE_BYTES_MAX: u64 = FRAGMENT_BYTES_MAX as u64 + 64;

const NAME_BYTES: usize = 16;
/// A branch takes 50 bytes; this many tables fill a page of 4,096.
const TABLES_A_PAGE: usize = 5;

/// The name of a node file: the root version that brought it, then 8 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name([u8; NAME_BYTES]);

impl Name {
    pub(crate) fn new(version: u64, chance: &dyn Chance) -> Self {
        let mut name = [0; NAME_BYTES];
        chance.fill(&mut name);
        name[..8].copy_from_slice(&version.to_be_bytes());
        Self(name)
    }

    pub(crate) const fn from_bytes(bytes: [u8; NAME_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(self) -> [u8; NAME_BYTES] {
        self.0
    }

    /// The root version that brought the file.
    pub(crate) fn version(self) -> u64 {
        u64::try_from(u128::from_be_bytes(self.0) >> 64).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let name = u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| ())?;
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

/// Where a file is and what opens it.
pub(crate) struct Link {
    pub(crate) key: Key,
    pub(crate) name: Name,
}

/// One of a node's sixteen.
#[derive(Default)]
pub(crate) enum Branch {
    /// Nothing will ever be here again.
    #[default]
    Destroyed,
    /// Nothing below was destroyed: all keys below derive from this one.
    Whole(Key),
    /// Goes on in this table of the same fragment.
    Table(u16),
    /// Goes on in a file of its own.
    Apart(Link),
}

impl Branch {
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Destroyed => Self::Destroyed,
            Self::Whole(key) => Self::Whole(key.duplicate()),
            Self::Table(number) => Self::Table(*number),
            Self::Apart(link) => Self::Apart(Link { key: link.key.duplicate(), name: link.name }),
        }
    }

    /// Bytes of its plain form.
    fn width(&self) -> usize {
        1 + match self {
            Self::Destroyed => 0,
            Self::Whole(_) => KEY_BYTES,
            Self::Table(_) => 2,
            Self::Apart(_) => KEY_BYTES + NAME_BYTES,
        }
    }
}

type Table = [Branch; FAN_OUT];

/// The top table of every fragment.
pub(crate) const TOP: u16 = 0;

/// The tables of one file, in locked memory.
#[derive(Default)]
pub(crate) struct Fragment {
    pages: Vec<Locked<[Table; TABLES_A_PAGE]>>,
    tables: usize,
}

impl Fragment {
    /// How many tables it holds.
    pub(crate) fn tables(&self) -> usize {
        self.tables
    }

    /// One more table, all destroyed until it is filled. `None` beyond 65,536, which the cuts rule out.
    pub(crate) fn add_table(&mut self) -> Option<u16> {
        let number = u16::try_from(self.tables).ok()?;
        if self.tables.is_multiple_of(TABLES_A_PAGE) {
            self.pages.push(Locked::new(std::array::from_fn(|_| Table::default())));
        }
        self.tables += 1;
        Some(number)
    }

    /// Takes the newest table away again; it must be all destroyed.
    pub(crate) fn take_back(&mut self, number: u16) {
        self.tables = usize::from(number);
        self.pages.truncate(self.tables.div_ceil(TABLES_A_PAGE));
    }

    /// Step `step` of table `number`; what is not there is destroyed.
    pub(crate) fn branch(&self, number: u16, step: u8) -> &Branch {
        let number = usize::from(number);
        let page = self.pages.get(number / TABLES_A_PAGE);
        let table = page.and_then(|page| page.get(number % TABLES_A_PAGE));
        table.and_then(|table| table.get(usize::from(step))).unwrap_or(&Branch::Destroyed)
    }

    pub(crate) fn set(&mut self, number: u16, step: u8, branch: Branch) {
        let number = usize::from(number);
        let page = self.pages.get_mut(number / TABLES_A_PAGE);
        let table = page.and_then(|page| page.get_mut(number % TABLES_A_PAGE));
        if let Some(place) = table.and_then(|table| table.get_mut(usize::from(step))) {
            *place = branch;
        }
    }

    /// All branches, table by table.
    pub(crate) fn branches(&self) -> impl Iterator<Item = &Branch> {
        self.pages.iter().flat_map(|page| page.iter()).take(self.tables).flatten()
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let length = self.branches().map(Branch::width).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(length));
        for branch in self.branches() {
            match branch {
                Branch::Destroyed => plain.push(0),
                Branch::Whole(key) => {
                    plain.push(1);
                    plain.extend_from_slice(key.bytes());
                }
                Branch::Table(number) => {
                    plain.push(2);
                    plain.extend_from_slice(&number.to_be_bytes());
                }
                Branch::Apart(link) => {
                    plain.push(3);
                    plain.extend_from_slice(link.key.bytes());
                    plain.extend_from_slice(&link.name.0);
                }
            }
        }
        plain
    }

    fn decode(mut plain: &[u8]) -> Option<Self> {
        let mut fragment = Self::default();
        while !plain.is_empty() {
            let number = fragment.add_table()?;
            for step in 0..16 {
                let branch = match take::<1>(&mut plain)? {
                    [0] => Branch::Destroyed,
                    [1] => Branch::Whole(Key::from_bytes(*take(&mut plain)?)),
                    [2] => Branch::Table(u16::from_be_bytes(*take(&mut plain)?)),
                    [3] => {
                        Branch::Apart(Link { key: Key::from_bytes(*take(&mut plain)?), name: Name(*take(&mut plain)?) })
                    }
                    _ => return None,
                };
                fragment.set(number, step, branch);
            }
        }
        Some(fragment)
    }

    /// The file: sealed under `key`, bound to the environment and to where it hangs.
    pub(crate) fn seal(&self, key: &Key, environment: Environment, at: &Path, chance: &dyn Chance) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        chance.fill(&mut nonce);
        Xaes::new(key).seal(&[], nonce, &bound(environment, at), &self.encode())
    }

    /// Opens a file.
    pub(crate) fn open(file: &[u8], key: &Key, environment: Environment, at: &Path) -> Result<Self, OpenError> {
        let plain: Secret<Vec<u8>> = Xaes::new(key).open(&bound(environment, at), file)?;
        Self::decode(plain.expose()).ok_or(OpenError::Damaged)
    }
}

fn take<'a, const N: usize>(plain: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = plain.split_first_chunk::<N>()?;
    *plain = rest;
    Some(taken)
}

/// `3` sets it apart from sealed values; the rest of the bytes are the path, whose length ends the text.
fn bound(environment: Environment, at: &Path) -> Vec<u8> {
    [&[3, environment.number()], at.steps()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    fn sample() -> Fragment {
        let mut fragment = Fragment::default();
        for _ in 0..7 {
            fragment.add_table().unwrap();
        }
        fragment.set(0, 3, Branch::Table(6));
        fragment.set(6, 0, Branch::Whole(Key::from_bytes([7; 32])));
        fragment.set(6, 15, Branch::Apart(Link { key: Key::from_bytes([8; 32]), name: Name([9; 16]) }));
        fragment
    }

    #[test]
    fn a_fragment_is_written_and_read_back() {
        let chance = Seeded::new(1);
        let (key, at) = (Key::random(&chance), Path::ROOT.below(4).below(2));
        let file = sample().seal(&key, Environment::Staging, &at, &chance);
        let again = Fragment::open(&file, &key, Environment::Staging, &at).unwrap();
        assert_eq!(again.tables(), 7);
        assert!(matches!(again.branch(0, 3), Branch::Table(6)));
        assert!(matches!(again.branch(6, 0), Branch::Whole(key) if key.bytes() == &[7; 32]));
        assert!(matches!(again.branch(6, 15), Branch::Apart(link) if link.name == Name([9; 16])));
        assert!(matches!(again.branch(9, 0), Branch::Destroyed));
        assert_eq!(*again.encode(), *sample().encode());
    }

    #[test]
    fn it_opens_nowhere_else_and_not_when_changed() {
        let chance = Seeded::new(2);
        let (key, at) = (Key::random(&chance), Path::ROOT.below(4).below(2));
        let file = sample().seal(&key, Environment::Staging, &at, &chance);
        assert!(Fragment::open(&file, &key, Environment::Production, &at).is_err());
        assert!(Fragment::open(&file, &key, Environment::Staging, &Path::ROOT.below(4)).is_err());
        assert!(Fragment::open(&file, &Key::random(&chance), Environment::Staging, &at).is_err());
        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(Fragment::open(&changed, &key, Environment::Staging, &at).is_err());
        }
    }

    #[test]
    fn a_plain_form_that_ends_early_is_refused() {
        let plain = sample().encode();
        for length in 1..plain.len() {
            let whole_tables = Fragment::decode(&plain[..length]).map(|fragment| fragment.tables());
            assert!(whole_tables.is_none_or(|tables| tables < 7), "{length}");
        }
        assert!(Fragment::decode(&[4; 16]).is_none());
    }

    #[test]
    fn a_name_is_read_back_and_knows_its_version() {
        let name = Name::new(77, &Seeded::new(3));
        assert_eq!(name.version(), 77);
        assert_eq!(name.to_string().parse(), Ok(name));
        for text in ["", "0", "root.a", "+0000000000000000000000000000001", "0000000000000000000000000000000A"] {
            assert_eq!(text.parse::<Name>(), Err(()), "{text}");
        }
    }

    #[test]
    fn the_largest_fragment_has_fewer_tables_than_numbers() {
        let widest = CUTS.windows(2).map(|cut| cut[1] - cut[0]).chain([crate::path::LEAF_DEPTH - 24]);
        // Between the cuts at 6 and 17 lie hashed accounts: eleven levels, but never filled.
        assert!(widest.filter(|levels| *levels != 11).all(|levels| levels <= 4));
    }
}
