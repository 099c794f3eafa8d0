//! All the places of one tree: the primary, which must be there, and replicas, which may be away for a while.

use crate::fragment::Name;
use crate::place::{Change, NODES, Place};
use crate::root::{Against, Opener, Root, SealedRoot};
use crate::{Environment, VaultError};
use bonded_base::Moment;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Where a tree of keys lies: directories outside the backups of the data, each on a disk of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Must be there for the vault to open; written first.
    pub primary: PathBuf,
    /// Hold the same; written at each change, or when they are back.
    pub replicas: Vec<PathBuf>,
}

impl Places {
    /// Makes a directory ready to be a replica: an operator does it once, and names the replica in the configuration.
    /// [`crate::Vault::catch_up`] then fills it. A directory that was not made ready is never written to, for it may be
    /// a mount point whose disk is away.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if it holds keys already.
    pub fn prepare_replica(place: &Path) -> Result<(), VaultError> {
        blank(place).map(drop)
    }

    /// Directories with node files, the primary's first.
    pub(crate) fn nodes(&self) -> Vec<PathBuf> {
        std::iter::once(&self.primary).chain(&self.replicas).map(|place| place.join(NODES)).collect()
    }

    /// No two places may be one directory.
    fn check(&self) -> Result<(), VaultError> {
        let mut seen = HashSet::from([&self.primary]);
        match self.replicas.iter().find(|place| !seen.insert(place)) {
            Some(place) => Err(VaultError::Busy { place: place.clone() }),
            None => Ok(()),
        }
    }
}

/// A place made ready, which holds no root.
fn blank(path: &Path) -> Result<Place, VaultError> {
    let place = Place::prepare(path)?;
    if !place.is_blank() {
        return Err(VaultError::Exists { place: path.to_owned() });
    }
    place.clear_nodes()?;
    Ok(place)
}

/// How a place stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceStatus {
    /// Its directory.
    pub place: PathBuf,
    /// The version of the root there; `None` if it is away or holds none.
    pub version: Option<u64>,
    /// When that root was written there, by the clock of its file system.
    pub written_at: Option<Moment>,
    /// Whether it holds today's root and no older one.
    pub confirmed: bool,
    /// If not, why.
    pub why_not: Option<String>,
}

/// Whether a place confirmed a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Its directory.
    pub place: PathBuf,
    /// Whether the new root is durable there and the old one overwritten.
    pub confirmed: bool,
    /// If not, why.
    pub why_not: Option<String>,
}

impl From<PlaceStatus> for Confirmation {
    fn from(PlaceStatus { place, confirmed, why_not, .. }: PlaceStatus) -> Self {
        Self { place, confirmed, why_not }
    }
}

struct Replica {
    path: PathBuf,
    place: Option<Place>,
    why_not: Option<String>,
}

pub(crate) struct Store {
    pub(crate) primary: Place,
    replicas: Vec<Replica>,
}

impl Store {
    /// Makes all places ready; none may hold a root.
    pub(crate) fn prepare(places: &Places) -> Result<Self, VaultError> {
        places.check()?;
        let primary = blank(&places.primary)?;
        let replica = |path: &PathBuf| Ok(Replica { path: path.clone(), place: Some(blank(path)?), why_not: None });
        Ok(Self { primary, replicas: places.replicas.iter().map(replica).collect::<Result<_, VaultError>>()? })
    }

    /// Opens the places that are there.
    pub(crate) fn open(places: &Places) -> Result<Self, VaultError> {
        places.check()?;
        let primary = Place::open(&places.primary)?;
        let mut replicas = Vec::with_capacity(places.replicas.len());
        for path in &places.replicas {
            let mut replica = Replica { path: path.clone(), place: None, why_not: None };
            match Place::open(path) {
                Ok(place) => replica.place = Some(place),
                // Another process there is no absence: both would change the tree.
                Err(error @ VaultError::Busy { .. }) => return Err(error),
                Err(error) => replica.why_not = Some(error.to_string()),
            }
            replicas.push(replica);
        }
        Ok(Self { primary, replicas })
    }

    /// The newest root among the places, and where it lies.
    ///
    /// The primary must hold one too: a replica may have been away when something was destroyed.
    pub(crate) fn newest(&self) -> Result<(&SealedRoot, &Path), VaultError> {
        let primary = self.primary.root().ok_or_else(|| self.primary.why_no_root())?;
        let mut newest = (primary, self.primary.path());
        for place in self.present() {
            match place.root().map(|root| (root, root.against(newest.0))) {
                Some((_, Against::Stranger)) => {
                    return Err(VaultError::AnotherTree { place: place.path().to_owned() });
                }
                Some((root, Against::Newer)) => newest = (root, place.path()),
                _ => {}
            }
        }
        Ok(newest)
    }

    /// Refuses the keys of another environment.
    pub(crate) fn check(&self, asked: Environment) -> Result<(), VaultError> {
        let primary = self.primary.root().ok_or_else(|| self.primary.why_no_root())?;
        let kept = primary.header.environment;
        if kept == asked { self.newest().map(drop) } else { Err(VaultError::Environment { kept, asked }) }
    }

    /// The places that are there, the primary first.
    fn present(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.primary).chain(self.replicas.iter().filter_map(|replica| replica.place.as_ref()))
    }

    /// Opens the newest root, and sees that the older ones which open too are of the same tree.
    pub(crate) fn unseal(&self, opener: &Opener<'_>) -> Result<Root, VaultError> {
        let (sealed, path) = self.newest()?;
        let root = sealed.unseal(opener, path)?;
        for place in self.present() {
            let older = place.root().filter(|other| *other != sealed);
            let older = older.and_then(|older| older.unseal(opener, place.path()).ok());
            if older.is_some_and(|older| !older.same_tree(&root)) {
                return Err(VaultError::AnotherTree { place: path.to_owned() });
            }
        }
        Ok(root)
    }

    /// Brings every place to the newest root and ends what a crash interrupted. An error is the primary's.
    pub(crate) fn settle(&mut self) -> Result<(), VaultError> {
        let (root, source) = self.newest()?;
        let (root, source) = (root.clone(), source.to_owned());
        if source != self.primary.path() {
            self.primary.mirror(&source, &root)?;
        }
        self.primary.settle(root.header.version)?;
        for replica in &mut self.replicas {
            replica.update(&root, |place| {
                if place.holds_only(&root) {
                    place.settle(root.header.version)
                } else {
                    place.mirror(self.primary.path(), &root)
                }
            });
        }
        Ok(())
    }

    /// Removes node files for a root that came to nothing.
    pub(crate) fn give_up(&self, fresh: &[Name], version: u64) {
        if let Err(error) = self.primary.forget(fresh, version) {
            tracing::warn!(%error, "node files of an attempt that failed could not be removed");
        }
    }

    /// Makes a root today's on the primary; what comes before this returns can be undone, what comes after cannot.
    pub(crate) fn switch(&mut self, change: &Change<'_>) -> Result<(), VaultError> {
        let announced = self.primary.announce(change);
        let Err(error) = announced.and_then(|()| self.primary.switch(change.root)) else { return Ok(()) };
        // The write may have reached the disk or not: take it back, for certain, or stop.
        match self.primary.wipe_others() {
            Ok(()) => {
                self.give_up(change.fresh, change.root.header.version);
                Err(error)
            }
            Err(_) => Err(VaultError::Uncertain { source: Box::new(error) }),
        }
    }

    /// Removes the old root everywhere and takes the change to the replicas. The primary's answer comes first.
    pub(crate) fn spread(&mut self, before: &SealedRoot, change: &Change<'_>) -> Vec<Confirmation> {
        let cleared = self.primary.clear(change).map_err(|error| error.to_string()).err();
        if let Some(why_not) = &cleared {
            tracing::warn!(%why_not, "the primary could not be tidied after a change of the keys");
        }
        let confirmed = self.primary.holds_only(change.root);
        let place = self.primary.path().to_owned();
        let mut confirmations = vec![Confirmation { place, confirmed, why_not: cleared.filter(|_| !confirmed) }];
        for replica in &mut self.replicas {
            replica.update(change.root, |place| place.follow(self.primary.path(), before, change));
            confirmations.push(replica.status(change.root).into());
        }
        confirmations
    }

    /// How each place stands, the primary first.
    pub(crate) fn status(&self) -> Result<Vec<PlaceStatus>, VaultError> {
        let newest = self.newest()?.0;
        let primary = PlaceStatus {
            place: self.primary.path().to_owned(),
            version: self.primary.root().map(|root| root.header.version),
            written_at: self.primary.written_at(),
            confirmed: self.primary.holds_only(newest),
            why_not: (!self.primary.holds_only(newest)).then(|| String::from(BEHIND)),
        };
        Ok(std::iter::once(primary).chain(self.replicas.iter().map(|replica| replica.status(newest))).collect())
    }
}

const BEHIND: &str = "an older root is still there";

impl Replica {
    /// Does something to the place, if it is there and holds nothing of another tree, and notes how it went.
    fn update(&mut self, root: &SealedRoot, deed: impl FnOnce(&mut Place) -> Result<(), VaultError>) {
        let result = self.present(root).and_then(deed);
        self.why_not = result.err().map(|error| error.to_string());
        if let Some(why_not) = &self.why_not {
            tracing::warn!(place = %self.path.display(), %why_not, "a replica of the keys is not up to date");
            // Whatever went wrong, what is on the disk is read again next time.
            self.place = None;
        }
    }

    fn present(&mut self, root: &SealedRoot) -> Result<&mut Place, VaultError> {
        let place = match self.place.take() {
            Some(place) => place,
            None => Place::open(&self.path)?,
        };
        match place.root().map(|other| other.against(root)) {
            Some(Against::Stranger | Against::Newer) => Err(VaultError::AnotherTree { place: self.path.clone() }),
            _ => Ok(self.place.insert(place)),
        }
    }

    fn status(&self, newest: &SealedRoot) -> PlaceStatus {
        let confirmed = self.place.as_ref().is_some_and(|place| place.holds_only(newest));
        let behind = || (!confirmed).then(|| String::from(BEHIND));
        PlaceStatus {
            place: self.path.clone(),
            version: self.place.as_ref().and_then(Place::root).map(|root| root.header.version),
            written_at: self.place.as_ref().and_then(Place::written_at),
            confirmed,
            why_not: self.why_not.clone().or_else(behind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::Link;
    use crate::key::Key;
    use crate::root::Header;
    use crate::testing::Seeded;
    use crate::testing::house::House;

    /// Whoever can write to a replica, and knows all that is public, cannot make the vault overwrite the true root.
    #[test]
    fn a_forged_newer_root_is_refused_and_nothing_is_written() {
        let house = House::new(1);
        let vault = house.init(1);
        let public = vault.tree_for_tests().root().header.clone();
        drop(vault);
        let chance = Seeded::new(2);
        let top = Link { key: Key::random(&chance), name: Name::new(99, &chance) };
        let forged = Root::first(Header { version: 99, ..public }, Key::random(&chance), top);
        let mut replica = Place::open(&house.places.replicas[0]).unwrap();
        replica.switch(&forged.seal(None, &chance).unwrap()).unwrap();
        drop(replica);

        let before = std::fs::read(house.places.primary.join(crate::place::HALVES[0])).unwrap();
        let refused = house.open(3).err();
        assert!(matches!(refused, Some(VaultError::AnotherTree { place }) if place == house.places.replicas[0]));
        assert_eq!(std::fs::read(house.places.primary.join(crate::place::HALVES[0])).unwrap(), before);
    }
}
