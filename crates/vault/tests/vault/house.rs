//! A tree of keys in a temporary directory, with an officer.

use bonded_base::{Account, Id, SystemChance};
use bonded_vault::{Context, Environment, Officer, Places, Recipient, Slot, Vault, VaultError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub struct House {
    directory: TempDir,
    pub officer: Officer,
    replicas: Vec<PathBuf>,
}

impl House {
    pub fn new(replicas: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let replicas = replicas.iter().map(|name| directory.path().join(name)).collect();
        Self { directory, officer: Officer::generate(), replicas }
    }

    /// The same house with one more replica in its configuration.
    pub fn with_replica(mut self, name: &str) -> Self {
        self.replicas.push(self.at(name));
        self
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn places(&self) -> Places {
        Places { primary: self.at("primary"), replicas: self.replicas.clone() }
    }

    pub fn init(&self) -> Vault {
        init(&self.places(), &self.officer).unwrap()
    }

    pub fn open(&self) -> Result<Vault, VaultError> {
        open(&self.places())
    }

    pub fn unsealed(&self) -> Vault {
        let vault = self.open().unwrap();
        vault.unseal(&self.officer).unwrap();
        vault
    }
}

pub fn init(places: &Places, officer: &Officer) -> Result<Vault, VaultError> {
    Vault::init(places, Environment::Staging, &officer.recipients(), Arc::new(SystemChance))
}

pub fn open(places: &Places) -> Result<Vault, VaultError> {
    Vault::open(places, Environment::Staging, Arc::new(SystemChance))
}

pub fn account(number: u8) -> Id<Account> {
    Id::from_bytes([number; 16])
}

pub fn slot(number: u64) -> Slot {
    Slot::new(number).unwrap()
}

pub fn context(id: u8) -> Context<'static> {
    Context { table: 1, kind: 2, id: [id; 16], version: 3, rest: b"rest" }
}

pub fn recipient(officer: &Officer) -> Recipient {
    officer.recipients()[0].clone()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Every file below a directory, with its content.
pub fn files(place: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
