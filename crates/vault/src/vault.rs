//! The vault: opens sealed, is unsealed by an officer, lends keys, destroys.

use crate::carve::{Carved, carve, plant};
use crate::key::Key;
use crate::memory::harden_process;
use crate::path::{Doomed, Path, doomed_paths};
use crate::place::{Change, FIRST_VERSION};
use crate::root::{Header, Held, Holder, Opener, Root, SealedRoot};
use crate::store::{Confirmation, PlaceStatus, Places, Store};
use crate::tree::Tree;
use crate::{AccountKeys, Environment, Hsm, OFFICERS_MAX, Officer, Recipient, VaultError};
use bonded_base::{Account, Chance, Id};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

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
    /// The hardware module that holds the root, or is to hold it.
    hsm: OnceLock<Hsm>,
    /// Why the token may still hold the wrapping key of an older root; `None` once it is known to hold none.
    left_in_token: Mutex<Option<String>>,
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
    /// Who opens the root. While the vault is sealed, nobody vouches for it.
    pub holder: Holder,
    /// Who holds the root, or held it before hardware did. While the vault is sealed, nobody vouches for this list.
    pub officers: Vec<Recipient>,
    /// Every place, the primary first; at last the token that holds the root, or that may hold an older one's key.
    pub places: Vec<PlaceStatus>,
}

/// A token that was not looked through since the start may hold the wrapping key of an older root.
const NOT_SWEPT: &str = "it was not looked through for older wrapping keys since the start";

/// What a destruction did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a destruction is complete when every place has confirmed it"]
pub struct Destruction {
    /// The version of the root that could still open what was destroyed.
    pub root_before: u64,
    /// The version of the root that cannot.
    pub root_after: u64,
    /// Every place, the primary first; at last the hardware module that held the old root, which confirms that its
    /// wrapping key is destroyed.
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
        let (held, officers) = (Held::Officers, officers.to_vec());
        let header = Header { tree, environment, version: FIRST_VERSION, held, officers };
        let top = plant(environment, &store.primary, &*chance)?;
        let fresh = [top.name];
        let root = Root::first(header, Key::random(&*chance), top);
        let sealed = root.seal(None, &*chance)?;
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
        let (hsm, left_in_token) = (OnceLock::new(), Mutex::new(Some(NOT_SWEPT.to_owned())));
        Self(Arc::new(Inner { nodes: places.nodes(), environment, chance, tree, hsm, left_in_token, store }))
    }

    /// Names the hardware module that holds the root, or that it may be moved to. The first one named stays.
    pub fn attach(&self, hsm: Hsm) {
        let _ = self.0.hsm.set(hsm);
    }

    /// The label of the attached module's token.
    pub fn hsm_token(&self) -> Option<&str> {
        self.0.hsm.get().map(Hsm::token)
    }

    /// Leaves the hardware module, if one was attached; a program does it before it ends.
    pub fn leave_hsm(&self) {
        if let Some(hsm) = self.0.hsm.get() {
            hsm.close();
        }
    }

    /// Who opens the root, as its file says.
    pub fn holder(&self) -> Result<Holder, VaultError> {
        Ok(self.0.store().newest()?.0.header.held.by())
    }

    /// Asks the hardware module that holds the root whether it still answers; nothing is asked where officers hold it.
    ///
    /// # Errors
    /// [`VaultError::Hsm`]; [`VaultError::NoHsm`].
    pub fn check_holder(&self) -> Result<(), VaultError> {
        let held = self.0.store().newest()?.0.header.held.clone();
        held.key().map_or(Ok(()), |key| Ok(self.0.hsm()?.check(key)?))
    }

    /// Unseals it with the key of any officer, and ends what a crash may have interrupted.
    ///
    /// # Errors
    /// [`VaultError::WrongOfficer`]; [`VaultError::HeldByHsm`]; [`VaultError::Damaged`] if the root or the top of the tree
    /// was changed.
    pub fn unseal(&self, officer: &Officer) -> Result<(), VaultError> {
        self.unseal_by(&Opener::Officer(officer))
    }

    /// Unseals it by the hardware module that holds the root.
    ///
    /// # Errors
    /// [`VaultError::NoHsm`]; [`VaultError::Hsm`]; [`VaultError::HeldByOfficers`]; [`VaultError::Damaged`].
    pub fn unseal_by_hsm(&self) -> Result<(), VaultError> {
        self.unseal_by(&Opener::Hsm(self.0.hsm()?))
    }

    fn unseal_by(&self, opener: &Opener<'_>) -> Result<(), VaultError> {
        let mut store = self.0.store();
        let tree = Tree::new(store.unseal(opener)?, self.0.nodes.clone());
        // Before any place is written to: does this root open a tree at all?
        tree.top().enter()?;
        store.settle()?;
        self.0.sweep(&store, &tree.root().header);
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
        let tree = self.0.tree()?;
        store.settle()?;
        self.0.sweep(&store, &tree.root().header);
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
        let next = Next { officers, ..Next::of(&tree) };
        self.0.change(&mut store, &tree, next, &[], &HashSet::new())
    }

    /// Moves the root, with a fresh key, from the officers to the attached hardware module or back: from then on this
    /// holder opens it, and no other.
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::KnownHolder`]; [`VaultError::NoHsm`]; [`VaultError::Hsm`].
    pub fn move_to(&self, holder: Holder) -> Result<Destruction, VaultError> {
        let mut store = self.0.store();
        let tree = self.0.tree()?;
        if tree.root().header.held.by() == holder {
            return Err(VaultError::KnownHolder);
        }
        let next = Next { holder, ..Next::of(&tree) };
        self.0.change(&mut store, &tree, next, &[], &HashSet::new())
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
        let touched = what.iter().map(Doomed::account).collect();
        self.0.change(&mut store, &tree, Next::of(&tree), &doomed, &touched)
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

    fn hsm(&self) -> Result<&Hsm, VaultError> {
        self.hsm.get().ok_or(VaultError::NoHsm)
    }

    /// Goes over to the next root, everywhere; a wrapping key that comes to nothing is not left behind.
    fn change(
        &self,
        store: &mut Store,
        tree: &Tree,
        next: Next,
        doomed: &[Path],
        touched: &HashSet<Id<Account>>,
    ) -> Result<Destruction, VaultError> {
        let header = &tree.root().header;
        // Before anything is written: a token that is away lets nothing change.
        let held = match next.holder {
            Holder::Officers => Held::Officers,
            Holder::Hsm => Held::Hsm(self.hsm()?.make_key(&header.tree, &*self.chance)?),
        };
        let next = Header { held: held.clone(), officers: next.officers, ..header.next() };
        let changed = self.commit(store, tree, next, doomed, touched);
        if let (Held::Hsm(key), Err(error)) = (&held, &changed)
            && !matches!(error, VaultError::Uncertain { .. })
            && let Err(why_not) = self.hsm()?.destroy(key)
        {
            tracing::warn!(%why_not, "a wrapping key that came to nothing is left in the token until the next unseal");
        }
        changed
    }

    fn commit(
        &self,
        store: &mut Store,
        tree: &Tree,
        header: Header,
        doomed: &[Path],
        touched: &HashSet<Id<Account>>,
    ) -> Result<Destruction, VaultError> {
        let before = store.newest()?.0.clone();
        let Carved { top, fresh, gone } = carve(tree, doomed, &store.primary, &*self.chance)?;
        let root = tree.root().next(header, top);
        let sealed = root.seal(self.hsm.get(), &*self.chance);
        let sealed = sealed.inspect_err(|_| store.give_up(&fresh, root.header.version))?;
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
        // First of all: without its wrapping key the old root opens nowhere, wherever else it may lie.
        self.let_go(&before);
        let mut replicas = store.spread(&before, &change);
        if self.left_in_token().is_some() {
            self.sweep(store, &sealed.header);
        }
        replicas
            .extend(before.header.held.key().and_then(|_| self.token_status(&sealed.header)).map(Confirmation::from));
        let (root_before, root_after) = (before.header.version, sealed.header.version);
        Ok(Destruction { root_before, root_after, replicas })
    }

    /// Has the token destroy the wrapping key of the root before, if one held it.
    fn let_go(&self, before: &SealedRoot) {
        let Some(key) = before.header.held.key() else { return };
        if let Err(error) = self.hsm().and_then(|hsm| hsm.destroy(key)) {
            tracing::warn!(%error, "the wrapping key of the old root was not destroyed; it is tried again");
            *self.left_in_token() = Some(error.to_string());
        }
    }

    /// Destroys wrapping keys that a crash or a failure left in the token, never the one that today's root names. Only
    /// with every place at hand: a newer root than this one may lie where nobody can look, and name one of them.
    fn sweep(&self, store: &Store, today: &Header) {
        let Some(hsm) = self.hsm.get() else { return };
        if !store.status().is_ok_and(|places| places.iter().all(|place| place.confirmed)) {
            return;
        }
        let swept = hsm.sweep(&today.tree, today.held.key());
        if let Err(why_not) = &swept {
            tracing::warn!(%why_not, "wrapping keys of older roots may be left in the token; it is tried again");
        }
        *self.left_in_token() = swept.err().map(|error| error.to_string());
    }

    fn left_in_token(&self) -> MutexGuard<'_, Option<String>> {
        self.left_in_token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the token stands, as a place of the keys. Confirmed only if no key of any older root is left in it, for a copy
    /// of that root would open what is gone.
    fn token_status(&self, today: &Header) -> Option<PlaceStatus> {
        let (place, why_not) = (self.hsm.get()?.place().to_owned(), self.left_in_token().clone());
        let version = today.held.key().map(|_| today.version);
        Some(PlaceStatus { place, version, written_at: None, confirmed: why_not.is_none(), why_not })
    }

    fn status(&self, store: &Store) -> Result<Status, VaultError> {
        let (today, mut places) = (store.newest()?.0.header.clone(), store.status()?);
        places.extend(self.token_status(&today).filter(|token| token.version.is_some() || !token.confirmed));
        let Header { environment, version, held, officers, .. } = today;
        Ok(Status { environment, sealed: self.tree().is_err(), version, holder: held.by(), officers, places })
    }
}

/// What is to be so from the next root on.
struct Next {
    holder: Holder,
    officers: Vec<Recipient>,
}

impl Next {
    /// As it is.
    fn of(tree: &Tree) -> Self {
        let header = &tree.root().header;
        Self { holder: header.held.by(), officers: header.officers.clone() }
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
