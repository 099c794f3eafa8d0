//! Today's tree, unsealed: finds the key at a path, and remembers what it found.

use crate::fragment::{Branch, FRAGMENT_FILE_BYTES_MAX, Fragment, Link, Name, TOP};
use crate::key::Key;
use crate::memory::Locked;
use crate::path::{Child, Path};
use crate::root::Root;
use crate::xaes::Xaes;
use crate::{Environment, OpenError, Slot, VaultError, disk};
use aws_lc_rs::hmac;
use bonded_base::{Account, Id};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Accounts whose keys are kept ready: a locked page of 4 KiB each, half of what many systems let a process lock.
const ACCOUNTS_KEPT_MAX: usize = 1024;
/// Tables of fragments kept ready, five to a locked page.
const TABLES_KEPT_MAX: usize = 4096;

/// An unsealed tree of one version. A change makes a new one.
pub(crate) struct Tree {
    root: Locked<Root>,
    /// Where node files are; the first that has one wins.
    directories: Vec<PathBuf>,
    fragments: Mutex<HashMap<Name, Arc<Fragment>>>,
    accounts: RwLock<HashMap<Id<Account>, Arc<Locked<Secrets>>>>,
}

/// An account's own keys, ready for use.
pub(crate) struct Secrets {
    pub(crate) data: Xaes,
    pub(crate) index: hmac::Key,
    pub(crate) log: Key,
    pub(crate) approvals: hmac::Key,
    orders: Branch,
}

/// A position in the tree, and what is there.
pub(crate) struct Cursor<'t> {
    tree: &'t Tree,
    pub(crate) at: Path,
    pub(crate) branch: Branch,
    /// The fragment in which `branch` is a table.
    fragment: Option<Arc<Fragment>>,
}

impl Tree {
    /// The tree under a root, with node files in these directories.
    pub(crate) fn new(root: Root, directories: Vec<PathBuf>) -> Self {
        Self { root: Locked::new(root), directories, fragments: Mutex::default(), accounts: RwLock::default() }
    }

    /// The tree after a change: keeps in memory what the change did not touch.
    pub(crate) fn after(&self, root: Root, gone: &[Name], touched: &HashSet<Id<Account>>) -> Self {
        let gone: HashSet<_> = gone.iter().collect();
        let fragments = self.fragments.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let kept = fragments.iter().filter(|(name, _)| !gone.contains(name));
        let ready = accounts.iter().filter(|(account, _)| !touched.contains(account));
        Self {
            root: Locked::new(root),
            directories: self.directories.clone(),
            fragments: Mutex::new(kept.map(|(name, fragment)| (*name, Arc::clone(fragment))).collect()),
            accounts: RwLock::new(ready.map(|(account, secrets)| (*account, Arc::clone(secrets))).collect()),
        }
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn environment(&self) -> Environment {
        self.root.header.environment
    }

    /// At the root.
    pub(crate) fn top(&self) -> Cursor<'_> {
        let Link { key, name } = &self.root.top;
        let branch = Branch::Apart(Link { key: key.duplicate(), name: *name });
        Cursor { tree: self, at: Path::ROOT, branch, fragment: None }
    }

    fn find(&self, path: &Path) -> Result<Cursor<'_>, VaultError> {
        path.steps().iter().try_fold(self.top(), |cursor, step| cursor.down(*step))
    }

    /// An account's keys if they are in memory; the hot path.
    pub(crate) fn remembered(&self, account: Id<Account>) -> Option<Arc<Locked<Secrets>>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned()
    }

    /// An account's keys.
    pub(crate) fn secrets(&self, account: Id<Account>) -> Result<Arc<Locked<Secrets>>, VaultError> {
        if let Some(secrets) = self.remembered(account) {
            return Ok(secrets);
        }
        let node = self.find(&Path::account(account))?;
        let child = |child: Child| node.down(child as u8);
        let secrets = Arc::new(Locked::new(Secrets {
            data: Xaes::new(&child(Child::Data)?.key()?),
            index: hmac::Key::new(hmac::HMAC_SHA256, child(Child::Index)?.key()?.bytes()),
            log: child(Child::Log)?.key()?,
            approvals: hmac::Key::new(hmac::HMAC_SHA256, child(Child::Approvals)?.key()?.bytes()),
            orders: child(Child::Orders)?.branch,
        }));
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_KEPT_MAX {
            accounts.clear();
        }
        accounts.insert(account, Arc::clone(&secrets));
        Ok(secrets)
    }

    /// The key of one order's consumer.
    pub(crate) fn consumer(&self, account: Id<Account>, slot: Slot) -> Result<Xaes, VaultError> {
        let secrets = self.secrets(account)?;
        let path = Path::consumer(account, slot);
        let at = path.up_to(crate::path::CHILD_DEPTH);
        let orders = Cursor { tree: self, at, branch: secrets.orders.duplicate(), fragment: None };
        let steps = path.steps().iter().skip(at.depth());
        let leaf = steps.copied().try_fold(orders, |cursor, step| cursor.down(step))?;
        Ok(Xaes::new(&leaf.key()?))
    }

    /// The fragment that begins at `at`.
    fn fragment(&self, link: &Link, at: &Path) -> Result<Arc<Fragment>, VaultError> {
        if let Some(fragment) = self.fragments.lock().unwrap_or_else(PoisonError::into_inner).get(&link.name) {
            return Ok(Arc::clone(fragment));
        }
        let fragment = Arc::new(self.read(link, at)?);
        let mut fragments = self.fragments.lock().unwrap_or_else(PoisonError::into_inner);
        let tables: usize = fragments.values().map(|fragment| fragment.tables()).sum();
        if tables + fragment.tables() > TABLES_KEPT_MAX {
            fragments.clear();
        }
        fragments.insert(link.name, Arc::clone(&fragment));
        Ok(fragment)
    }

    fn read(&self, link: &Link, at: &Path) -> Result<Fragment, VaultError> {
        let mut failure = None;
        for file in self.directories.iter().map(|directory| directory.join(link.name.to_string())) {
            let damaged = |what| VaultError::Damaged { file: file.clone(), what };
            let error = match disk::read(&file, FRAGMENT_FILE_BYTES_MAX) {
                Ok(Some(content)) => match Fragment::open(&content, &link.key, self.environment(), at) {
                    Ok(fragment) => return Ok(fragment),
                    Err(_) => damaged("a node of the tree was changed"),
                },
                Ok(None) => damaged("a node of the tree is missing"),
                Err(error) => error,
            };
            failure = failure.or(Some(error));
        }
        // With several places, the error is the primary's.
        Err(failure.unwrap_or(VaultError::Open(OpenError::Damaged)))
    }
}

impl<'t> Cursor<'t> {
    /// The same position, inside its file if it goes on in one.
    pub(crate) fn enter(&self) -> Result<Self, VaultError> {
        let (branch, fragment) = match &self.branch {
            Branch::Apart(link) => (Branch::Table(TOP), Some(self.tree.fragment(link, &self.at)?)),
            other => (other.duplicate(), self.fragment.clone()),
        };
        Ok(Self { tree: self.tree, at: self.at, branch, fragment })
    }

    /// One step further down.
    pub(crate) fn down(&self, step: u8) -> Result<Cursor<'t>, VaultError> {
        let at = self.at.below(step);
        let (branch, fragment) = match (&self.branch, &self.fragment) {
            (Branch::Destroyed, _) => (Branch::Destroyed, None),
            (Branch::Whole(key), _) => (Branch::Whole(key.child(depth(&at), step)), None),
            (Branch::Table(number), Some(fragment)) => {
                (fragment.branch(*number, step).duplicate(), Some(Arc::clone(fragment)))
            }
            (Branch::Table(_), None) => return Err(OpenError::Damaged.into()),
            (Branch::Apart(_), _) => return self.enter()?.down(step),
        };
        Ok(Cursor { tree: self.tree, at, branch, fragment })
    }

    /// The key that is here.
    fn key(self) -> Result<Key, VaultError> {
        match self.branch {
            Branch::Whole(key) => Ok(key),
            Branch::Destroyed => Err(VaultError::Destroyed),
            // Leaves are never cut; only a forged fragment could say so.
            Branch::Table(_) | Branch::Apart(_) => Err(OpenError::Damaged.into()),
        }
    }
}

fn depth(path: &Path) -> u8 {
    u8::try_from(path.depth()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Header, Held};
    use crate::testing::house::{ENVIRONMENT, House, account, slot};
    use crate::testing::{Seeded, bytes};
    use crate::{Context, Doomed};
    use aws_lc_rs::digest::{SHA256, digest};

    /// Worked out with another implementation of HMAC: sixteen whole branches, whose keys are their step repeated.
    #[test]
    fn the_keys_of_a_known_tree_are_known() {
        let (chance, directory) = (Seeded::new(1), tempfile::TempDir::new().unwrap());
        let mut top = Fragment::default();
        top.add_table().unwrap();
        (0..16).for_each(|step| top.set(TOP, step, Branch::Whole(Key::from_bytes([step; 32]))));
        let link = Link { key: Key::random(&chance), name: Name::new(1, &chance) };
        let file = top.seal(&link.key, ENVIRONMENT, &Path::ROOT, &chance);
        std::fs::write(directory.path().join(link.name.to_string()), file).unwrap();
        let header =
            Header { tree: [0; 16], environment: ENVIRONMENT, version: 1, held: Held::Officers, officers: vec![] };
        let root = Root::first(header, Key::random(&chance), link);
        let tree = Tree::new(root, vec![directory.path().to_owned()]);

        let account = Id::from_bytes(std::array::from_fn(|place| u8::try_from(place).unwrap()));
        let key = |path| tree.find(&path).unwrap().key().map(|key| key.bytes().to_vec()).ok();
        let known = |hex| Some(bytes(hex));
        assert_eq!(
            key(Path::child(account, Child::Data)),
            known("cce8ed7be224001d92cb270c43c3eb7cbaecaf912d285da3f689335865da535d")
        );
        assert_eq!(
            key(Path::child(account, Child::Log)),
            known("28d8ab226f70ba36c3ce3ce5f7297378982a5ca26493cc9521072972418446c5")
        );
        assert_eq!(
            key(Path::consumer(account, slot(0x01_0203_0405))),
            known("2534d7d9072ad944e76529a3d7734004675214281148ff2b4371e16532d26b8c")
        );
        let secrets = tree.secrets(account).unwrap();
        let token = hmac::sign(&secrets.index, b"\x07SKU-1");
        assert_eq!(token.as_ref()[..16], bytes("5041e8fd7273e85119755518cc67baed"));
    }

    #[test]
    fn a_tree_keeps_only_so_much_in_memory() {
        let house = House::new(0);
        let vault = house.init(1);
        let of =
            |number: u64| Id::from_bytes(digest(&SHA256, &number.to_be_bytes()).as_ref()[..16].try_into().unwrap());
        for number in 0..=u64::try_from(ACCOUNTS_KEPT_MAX).unwrap() {
            vault.account(of(number)).unwrap();
        }
        let tree = vault.tree_for_tests();
        assert_eq!(tree.accounts.read().unwrap().len(), 1);
        assert!(tree.remembered(of(0)).is_none());
        // Three levels with a hole under each of 4,096 branches make one fragment of 273 tables.
        let holes =
            |of: u64| (0..256).map(move |at| Doomed::Slot { account: account(1), slot: slot(of * 4096 + at * 16) });
        let fragments = u64::try_from(TABLES_KEPT_MAX / 273 + 2).unwrap();
        assert!(vault.destroy(&(0..fragments).flat_map(holes).collect::<Vec<_>>()).unwrap().complete());
        let keys = vault.account(account(1)).unwrap();
        let context = Context { table: 1, kind: 1, id: [1; 16], version: 1, rest: b"" };
        for of in 0..fragments {
            assert!(keys.seal_consumer(slot(of * 4096), &context, b"").is_err());
            assert!(keys.seal_consumer(slot(of * 4096 + 1), &context, b"").is_ok());
        }
        let tree = vault.tree_for_tests();
        let tables: usize = tree.fragments.lock().unwrap().values().map(|fragment| fragment.tables()).sum();
        assert!((273..=TABLES_KEPT_MAX).contains(&tables), "{tables}");
    }

    /// What a change did not touch stays ready; what it touched is forgotten.
    #[test]
    fn a_change_forgets_only_what_it_touched() {
        let house = House::new(0);
        let vault = house.init(1);
        for number in [1, 2] {
            vault.account(account(number)).unwrap();
        }
        let doomed = [Doomed::Slot { account: account(1), slot: slot(1) }];
        let before: Vec<_> = vault.tree_for_tests().fragments.lock().unwrap().keys().copied().collect();
        assert!(vault.destroy(&doomed).unwrap().complete());
        let tree = vault.tree_for_tests();
        assert!(tree.remembered(account(1)).is_none() && tree.remembered(account(2)).is_some());
        assert!(before.iter().all(|name| !tree.fragments.lock().unwrap().contains_key(name)));
    }

    #[test]
    fn an_account_s_secrets_fit_one_page() {
        assert!(size_of::<Secrets>() <= 4096, "{}", size_of::<Secrets>());
    }
}
