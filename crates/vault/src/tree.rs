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
