//! Keys are lent, values opened, parts of the tree destroyed; officers come and go.

use crate::house::{House, account, context, recipient, slot};
use bonded_vault::{Doomed, Officer, OpenError, Vault, VaultError};

#[test]
fn values_open_again_after_the_vault_was_closed_and_unsealed() {
    let house = House::new(&["one", "two"]);
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
    let house = House::new(&["one", "two"]);
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
    let house = House::new(&["one", "two"]);
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

#[test]
fn what_was_never_used_is_destroyed_too() {
    let house = House::new(&[]);
    let vault = house.init();
    let run = Doomed::Slots { account: account(1), from: slot(1_000), to: slot(101_000) };
    assert!(vault.destroy(&[run, Doomed::Account(account(9))]).unwrap().complete());
    drop(vault);
    let vault = house.unsealed();
    let keys = vault.account(account(1)).unwrap();
    for (number, lives) in [(999, true), (1_000, false), (50_000, false), (101_000, false), (101_001, true)] {
        assert_eq!(keys.seal_consumer(slot(number), &context(1), b"fields").is_ok(), lives, "{number}");
    }
    assert!(matches!(vault.account(account(9)), Err(VaultError::Destroyed)));
    // Once more is no harm.
    assert!(vault.destroy(&[run]).unwrap().complete());
}

#[test]
fn each_account_has_tokens_and_a_log_key_of_its_own() {
    let house = House::new(&[]);
    let vault = house.init();
    let [one, two] = [1, 2].map(|number| vault.account(account(number)).unwrap());
    assert_eq!(one.token(1, b"SKU-1"), one.token(1, b"SKU-1"));
    for other in [one.token(2, b"SKU-1"), one.token(1, b"SKU-2"), two.token(1, b"SKU-1")] {
        assert_ne!(one.token(1, b"SKU-1"), other);
    }
    assert_ne!(one.log_public_key(), two.log_public_key());
    let verifies = |public: [u8; 32], message: &[u8], signature: [u8; 64]| {
        use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
        UnparsedPublicKey::new(&ED25519, public).verify(message, &signature).is_ok()
    };
    assert!(verifies(one.log_public_key(), b"checkpoint", one.sign_log(b"checkpoint")));
    assert!(!verifies(two.log_public_key(), b"checkpoint", one.sign_log(b"checkpoint")));
}

#[test]
fn two_values_alike_are_never_sealed_alike() {
    let house = House::new(&[]);
    let keys = house.init().account(account(1)).unwrap();
    let sealed: std::collections::HashSet<_> = (0..100).map(|_| keys.seal(&context(1), b"same")).collect();
    assert_eq!(sealed.len(), 100);
    assert!(sealed.iter().all(|sealed| sealed.len() == 24 + 4 + 16));
}

/// Readers go on while the tree is changed under them, and never see anything but their value or its end.
#[test]
fn readers_are_not_disturbed_by_destruction() {
    let house = House::new(&[]);
    let vault = house.init();
    let keys = vault.account(account(1)).unwrap();
    let (lives, dies) = (5_000, 40);
    let sealed = keys.seal_consumer(slot(lives), &context(1), b"fields").unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut reads = 0_u32;
                while !done.load(std::sync::atomic::Ordering::Acquire) || reads == 0 {
                    let keys = vault.account(account(1)).unwrap();
                    assert_eq!(keys.open_consumer(&context(1), &sealed).unwrap().expose(), b"fields");
                    reads += 1;
                }
            })
        });
        for number in 0..dies {
            assert!(vault.destroy(&[Doomed::Slot { account: account(1), slot: slot(number) }]).unwrap().complete());
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}
