//! The vault: opens sealed, is unsealed by an officer, lends keys, destroys.

use crate::carve::{Carved, carve, plant};
use crate::key::Key;
use crate::memory::harden_process;
use crate::path::{Doomed, doomed_paths};
use crate::place::{Change, FIRST_VERSION};
use crate::root::{Header, Root};
use crate::store::{Confirmation, PlaceStatus, Places, Store};
use crate::tree::Tree;
use crate::{AccountKeys, Environment, OFFICERS_MAX, Officer, Recipient, VaultError};
use bonded_base::{Account, Chance, Id};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The keys of a deployment. Clones are the same vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) environment: Environment,
    pub(crate) chance: Arc<dyn Chance>,
    /// Directories with node files, the primary's first.
    nodes: Vec<PathBuf>,
    /// Today's tree; `None` while sealed.
    tree: RwLock<Option<Arc<Tree>>>,
    /// The disks. Who holds this is the only one to change the tree.
    store: Mutex<Store>,
}

/// How the vault stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The environment the keys belong to.
    pub environment: Environment,
    /// Whether an officer must unseal it.
    pub sealed: bool,
    /// The version of the root: one more at each destruction and each change of officers.
    pub version: u64,
    /// To whom the root is sealed. While the vault is sealed, nobody vouches for this list.
    pub officers: Vec<Recipient>,
    /// Every place, the primary first.
    pub places: Vec<PlaceStatus>,
}

/// What a destruction did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a destruction is complete when every place has confirmed it"]
pub struct Destruction {
    /// The version of the root that could still open what was destroyed.
    pub root_before: u64,
    /// The version of the root that cannot.
    pub root_after: u64,
    /// Every place, the primary first.
    pub replicas: Vec<Confirmation>,
}

impl Destruction {
    /// Whether every place has the new root and has overwritten the old one.
    pub fn complete(&self) -> bool {
        self.replicas.iter().all(|place| place.confirmed)
    }
}

impl Vault {
    /// Makes a tree of keys in places that hold none, sealed to the officers, and leaves it unsealed.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if any place holds keys; [`VaultError::OfficerCount`]; [`VaultError::KnownOfficer`] if
    /// one is named twice.
    pub fn init(
        places: &Places,
        environment: Environment,
        officers: &[Recipient],
        chance: Arc<dyn Chance>,
    ) -> Result<Self, VaultError> {
        harden_process();
        check_officers(officers)?;
        let mut store = Store::prepare(places)?;
        let mut tree = [0; 16];
        chance.fill(&mut tree);
        let header = Header { tree, environment, version: FIRST_VERSION, officers: officers.to_vec() };
        let top = plant(environment, &store.primary, &*chance)?;
        let fresh = [top.name];
        let root = Root::first(header, Key::random(&*chance), top);
        let sealed = root.seal()?;
        store.switch(&Change { fresh: &fresh, gone: &[], root: &sealed })?;
        store.settle()?;
        let tree = Tree::new(root, places.nodes());
        Ok(Self::new(places, environment, chance, store, Some(tree)))
    }

    /// Opens a tree, sealed. One process at a time may.
    ///
    /// # Errors
    /// [`VaultError::Environment`] for the keys of another; [`VaultError::Busy`]; [`VaultError::Missing`] or
    /// [`VaultError::Damaged`] if the primary has no whole root; [`VaultError::AnotherTree`] if a replica holds one.
    pub fn open(places: &Places, environment: Environment, chance: Arc<dyn Chance>) -> Result<Self, VaultError> {
        harden_process();
        let store = Store::open(places)?;
        store.check(environment)?;
        Ok(Self::new(places, environment, chance, store, None))
    }

    fn new(
        places: &Places,
        environment: Environment,
        chance: Arc<dyn Chance>,
        store: Store,
        tree: Option<Tree>,
    ) -> Self {
        let (tree, store) = (RwLock::new(tree.map(Arc::new)), Mutex::new(store));
        Self(Arc::new(Inner { nodes: places.nodes(), environment, chance, tree, store }))
    }

    /// Unseals it with the key of any officer, and ends what a crash may have interrupted.
    ///
    /// # Errors
    /// [`VaultError::WrongOfficer`]; [`VaultError::Damaged`] if the root or the top of the tree was changed.
    pub fn unseal(&self, officer: &Officer) -> Result<(), VaultError> {
        let mut store = self.0.store();
        let tree = Tree::new(store.unseal(officer)?, self.0.nodes.clone());
        // Before any place is written to: does this root open a tree at all?
        tree.top().enter()?;
        store.settle()?;
        let mut place = self.0.tree.write().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = Some(Arc::new(tree));
        }
        Ok(())
    }

    /// Forgets all keys until an officer unseals it again.
    pub fn seal(&self) {
        self.0.tree.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether it is sealed.
    pub fn is_sealed(&self) -> bool {
        self.0.tree().is_err()
    }

    /// The environment its keys belong to.
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// How it stands. Waits for a destruction that is under way, unlike [`Self::is_sealed`].
    pub fn status(&self) -> Result<Status, VaultError> {
        self.0.status(&self.0.store())
    }

    /// Brings replicas that were away up to date.
    pub fn catch_up(&self) -> Result<Status, VaultError> {
        let mut store = self.0.store();
        self.0.tree()?;
        store.settle()?;
        self.0.status(&store)
    }

    /// Seals the root to one more officer.
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::KnownOfficer`]; [`VaultError::OfficerCount`] above [`OFFICERS_MAX`].
    pub fn add_officer(&self, officer: Recipient) -> Result<Destruction, VaultError> {
        self.change_officers(|mut officers| {
            officers.push(officer);
            Ok(officers)
        })
    }

    /// Seals the root, with a fresh key, to the others only: an old copy of the root file opens nothing of today's
    /// store. What an officer copied while in office, root and node files both, stays open to him.
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::UnknownOfficer`]; [`VaultError::LastOfficer`].
    pub fn remove_officer(&self, officer: &Recipient) -> Result<Destruction, VaultError> {
        self.change_officers(|officers| {
            let others: Vec<_> = officers.iter().filter(|other| *other != officer).cloned().collect();
            match (others.len() == officers.len(), others.is_empty()) {
                (true, _) => Err(VaultError::UnknownOfficer),
                (false, true) => Err(VaultError::LastOfficer),
                (false, false) => Ok(others),
            }
        })
    }

    fn change_officers(
        &self,
        change: impl FnOnce(Vec<Recipient>) -> Result<Vec<Recipient>, VaultError>,
    ) -> Result<Destruction, VaultError> {
        let mut store = self.0.store();
        let tree = self.0.tree()?;
        let officers = change(tree.root().header.officers.clone())?;
        check_officers(&officers)?;
        let carved = carve(&tree, &[], &store.primary, &*self.0.chance)?;
        self.0.commit(&mut store, &tree, carved, officers, &HashSet::new())
    }

    /// An account's keys, for one operation; nothing is written for a new account.
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::Destroyed`]; [`VaultError::Damaged`].
    pub fn account(&self, account: Id<Account>) -> Result<AccountKeys, VaultError> {
        let secrets = self.0.with_tree(|tree| tree.secrets(account))?;
        Ok(AccountKeys::new(Arc::clone(&self.0), account, secrets))
    }

    pub(crate) fn with_tree<R>(&self, read: impl Fn(&Tree) -> Result<R, VaultError>) -> Result<R, VaultError> {
        self.0.with_tree(read)
    }

    /// Destroys keys for ever, all with one switch of the root. Used or not, what is named never opens again.
    ///
    /// When this returns, the primary has the new root; the answer says which places have confirmed it. With an error,
    /// nothing was destroyed (but see [`VaultError::Uncertain`]).
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::SlotRange`]; [`VaultError::Store`], for instance with a full disk.
    pub fn destroy(&self, what: &[Doomed]) -> Result<Destruction, VaultError> {
        let doomed = doomed_paths(what)?;
        let mut store = self.0.store();
        let tree = self.0.tree()?;
        let carved = carve(&tree, &doomed, &store.primary, &*self.0.chance)?;
        let officers = tree.root().header.officers.clone();
        self.0.commit(&mut store, &tree, carved, officers, &what.iter().map(Doomed::account).collect())
    }
}

#[cfg(test)]
impl Vault {
    pub(crate) fn tree_for_tests(&self) -> Arc<Tree> {
        self.0.tree().unwrap()
    }
}

impl Inner {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tree(&self) -> Result<Arc<Tree>, VaultError> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(VaultError::Sealed)
    }

    /// Reads in today's tree. A change may remove files under a reader's feet: then he reads in the new tree.
    pub(crate) fn with_tree<R>(&self, read: impl Fn(&Tree) -> Result<R, VaultError>) -> Result<R, VaultError> {
        loop {
            let tree = self.tree()?;
            match read(&tree) {
                Err(VaultError::Damaged { .. }) if !Arc::ptr_eq(&tree, &self.tree()?) => {}
                result => return result,
            }
        }
    }

    /// Switches to the next root, everywhere.
    fn commit(
        &self,
        store: &mut Store,
        tree: &Tree,
        carved: Carved,
        officers: Vec<Recipient>,
        touched: &HashSet<Id<Account>>,
    ) -> Result<Destruction, VaultError> {
        let Carved { top, fresh, gone } = carved;
        let header = Header { officers, ..tree.root().header.next() };
        let root = tree.root().next(header, top);
        let before = store.newest()?.0.clone();
        let sealed = root.seal()?;
        let change = Change { fresh: &fresh, gone: &gone, root: &sealed };
        let switched = store.switch(&change);
        let mut place = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = switched {
            if matches!(error, VaultError::Uncertain { .. }) {
                *place = None;
            }
            return Err(error);
        }
        // If somebody sealed the vault meanwhile, it stays sealed.
        if place.is_some() {
            *place = Some(Arc::new(tree.after(root, &gone, touched)));
        }
        drop(place);
        let replicas = store.spread(&before, &change);
        let (root_before, root_after) = (before.header.version, sealed.header.version);
        Ok(Destruction { root_before, root_after, replicas })
    }

    fn status(&self, store: &Store) -> Result<Status, VaultError> {
        let Header { environment, version, officers, .. } = store.newest()?.0.header.clone();
        Ok(Status { environment, sealed: self.tree().is_err(), version, officers, places: store.status()? })
    }
}

fn check_officers(officers: &[Recipient]) -> Result<(), VaultError> {
    let different = officers.iter().collect::<HashSet<_>>().len();
    match officers.len() {
        0 => Err(VaultError::OfficerCount),
        count if count > OFFICERS_MAX => Err(VaultError::OfficerCount),
        count if count > different => Err(VaultError::KnownOfficer),
        _ => Ok(()),
    }
}
