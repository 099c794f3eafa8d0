//! A tree of keys in a temporary directory, with an officer.

use super::Seeded;
use crate::{Context, Environment, Officer, Places, Slot, Vault, VaultError};
use bonded_base::{Account, Id};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const ENVIRONMENT: Environment = Environment::Staging;

pub(crate) struct House {
    directory: TempDir,
    pub(crate) officer: Officer,
    pub(crate) places: Places,
}

impl House {
    /// An empty house for a primary and this many replicas.
    pub(crate) fn new(replicas: usize) -> Self {
        Self::of(Officer::generate(), replicas)
    }

    fn of(officer: Officer, replicas: usize) -> Self {
        // Power failures are played in these tests, so a disk of memory does, where there is one: real syncing is slow.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let place = |name: String| directory.path().join(name);
        let replicas = (0..replicas).map(|number| place(format!("replica-{number}"))).collect();
        let places = Places { primary: place(String::from("primary")), replicas };
        Self { directory, officer, places }
    }

    /// A house with the same officer and the same files.
    pub(crate) fn copy(&self) -> Self {
        let officer = Officer::read(self.officer.to_file(None).expose(), None).unwrap();
        let copy = Self::of(officer, self.places.replicas.len());
        copy_directory(self.directory.path(), copy.directory.path());
        copy
    }

    pub(crate) fn init(&self, seed: u64) -> Vault {
        Vault::init(&self.places, ENVIRONMENT, &self.officer.recipients(), Arc::new(Seeded::new(seed))).unwrap()
    }

    pub(crate) fn open(&self, seed: u64) -> Result<Vault, VaultError> {
        let vault = Vault::open(&self.places, ENVIRONMENT, Arc::new(Seeded::new(seed)))?;
        vault.unseal(&self.officer)?;
        Ok(vault)
    }

    /// The directories of all places, the primary first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.places.primary).chain(&self.places.replicas).map(std::path::PathBuf::as_path)
    }
}

pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if entry.is_dir() {
            copy_directory(&entry, &to.join(name));
        } else {
            fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

pub(crate) fn account(number: u8) -> Id<Account> {
    Id::from_bytes([number; 16])
}

pub(crate) fn slot(number: u64) -> Slot {
    Slot::new(number).unwrap()
}

pub(crate) const CONTEXT: Context<'static> = Context { table: 1, kind: 11, id: [4; 16], version: 2, rest: b"" };
