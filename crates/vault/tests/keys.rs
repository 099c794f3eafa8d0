//! The vault as others use it: made, sealed, unsealed, lent, destroyed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as it should be")]

use bonded_base::{Account, Id, SystemChance};
use bonded_vault::{Context, Doomed, Environment, Officer, OpenError, Places, Recipient, Slot, Vault, VaultError};
use std::sync::Arc;
use tempfile::TempDir;

struct House {
    directory: TempDir,
    officer: Officer,
}

impl House {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), officer: Officer::generate() }
    }

    fn places(&self) -> Places {
        let place = |name| self.directory.path().join(name);
        Places { primary: place("primary"), replicas: vec![place("one"), place("two")] }
    }

    fn init(&self) -> Vault {
        Vault::init(&self.places(), Environment::Staging, &self.officer.recipients(), Arc::new(SystemChance)).unwrap()
    }

    fn open(&self) -> Result<Vault, VaultError> {
        Vault::open(&self.places(), Environment::Staging, Arc::new(SystemChance))
    }

    fn unsealed(&self) -> Vault {
        let vault = self.open().unwrap();
        vault.unseal(&self.officer).unwrap();
        vault
    }
}

fn account(number: u8) -> Id<Account> {
    Id::from_bytes([number; 16])
}

fn slot(number: u64) -> Slot {
    Slot::new(number).unwrap()
}

fn context(id: u8) -> Context<'static> {
    Context { table: 1, kind: 2, id: [id; 16], version: 3, rest: b"rest" }
}

fn recipient(officer: &Officer) -> Recipient {
    officer.recipients()[0].clone()
}

#[test]
fn values_open_again_after_the_vault_was_closed_and_unsealed() {
    let house = House::new();
    let vault = house.init();
    let keys = vault.account(account(1)).unwrap();
    let value = keys.seal(&context(1), b"value");
    let consumer = keys.seal_consumer(slot(77), &context(2), b"consumer").unwrap();
    let (token, public) = (keys.token(1, b"SKU"), keys.log_public_key());
    drop((vault, keys));

    let vault = house.open().unwrap();
    assert!(vault.is_sealed());
    assert!(matches!(vault.account(account(1)), Err(VaultError::Sealed)));
    assert!(matches!(vault.destroy(&[]), Err(VaultError::Sealed)));
    vault.unseal(&house.officer).unwrap();
    let keys = vault.account(account(1)).unwrap();
    assert_eq!(keys.open(&context(1), &value).unwrap().expose(), b"value");
    assert_eq!(keys.open_consumer(&context(2), &consumer).unwrap().expose(), b"consumer");
    assert_eq!((keys.token(1, b"SKU"), keys.log_public_key()), (token, public));
    assert!(vault.status().unwrap().places.iter().all(|place| place.confirmed));

    vault.seal();
    assert!(matches!(vault.account(account(1)), Err(VaultError::Sealed)));
    assert!(matches!(keys.open_consumer(&context(2), &consumer), Err(VaultError::Sealed)));
}

#[test]
fn what_is_destroyed_stays_destroyed_and_the_rest_opens() {
    let house = House::new();
    let vault = house.init();
    let keys = vault.account(account(1)).unwrap();
    let sealed: Vec<_> = (0..40).map(|n| keys.seal_consumer(slot(n), &context(2), b"six fields").unwrap()).collect();
    let value = keys.seal(&context(1), b"value");
    let other = vault.account(account(2)).unwrap().seal(&context(1), b"other");

    let gone = vault
        .destroy(&[
            Doomed::Slot { account: account(1), slot: slot(3) },
            Doomed::Slots { account: account(1), from: slot(10), to: slot(35) },
            Doomed::Account(account(2)),
        ])
        .unwrap();
    assert!(gone.complete());
    assert_eq!((gone.root_before, gone.root_after, gone.replicas.len()), (1, 2, 3));
    let check = |vault: &Vault| {
        let keys = vault.account(account(1)).unwrap();
        for (number, sealed) in sealed.iter().enumerate() {
            let opened = keys.open_consumer(&context(2), sealed);
            if number == 3 || (10..=35).contains(&number) {
                assert!(matches!(opened, Err(VaultError::Destroyed)), "{number}");
            } else {
                assert_eq!(opened.unwrap().expose(), b"six fields");
            }
        }
        assert!(matches!(keys.seal_consumer(slot(20), &context(2), b""), Err(VaultError::Destroyed)));
        assert_eq!(keys.open(&context(1), &value).unwrap().expose(), b"value");
        assert!(matches!(vault.account(account(2)), Err(VaultError::Destroyed)));
        assert_eq!(vault.account(account(3)).unwrap().open(&context(1), &other).err(), Some(OpenError::Damaged));
    };
    check(&vault);
    drop((vault, keys));
    check(&house.unsealed());
}

#[test]
fn officers_come_and_go_but_the_last_stays() {
    let house = House::new();
    let vault = house.init();
    let second = Officer::generate();
    assert!(vault.add_officer(recipient(&second)).unwrap().complete());
    assert!(matches!(vault.add_officer(recipient(&second)), Err(VaultError::KnownOfficer)));
    vault.seal();
    vault.unseal(&second).unwrap();
    assert!(vault.remove_officer(&recipient(&house.officer)).unwrap().complete());
    assert!(matches!(vault.remove_officer(&recipient(&house.officer)), Err(VaultError::UnknownOfficer)));
    assert!(matches!(vault.remove_officer(&recipient(&second)), Err(VaultError::LastOfficer)));
    vault.seal();
    assert!(matches!(vault.unseal(&house.officer), Err(VaultError::WrongOfficer)));
    assert!(vault.is_sealed());
    vault.unseal(&second).unwrap();
    assert_eq!(vault.status().unwrap().officers, second.recipients());
}
