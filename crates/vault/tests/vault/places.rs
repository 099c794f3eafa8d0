//! Places go away, come back, are mixed up or belong to somebody else.

use crate::house::{House, account, context, copy, files, init, open, slot};
use bonded_base::SystemChance;
use bonded_vault::{Doomed, Environment, Officer, Places, Vault, VaultError};
use std::fs;
use std::sync::Arc;

fn doomed(number: u64) -> Doomed {
    Doomed::Slot { account: account(1), slot: slot(number) }
}

fn lives(vault: &Vault, number: u64) -> bool {
    vault.account(account(1)).unwrap().seal_consumer(slot(number), &context(1), b"fields").is_ok()
}

#[test]
fn a_replica_that_was_away_is_not_confirmed_until_it_has_caught_up() {
    let house = House::new(&["one", "two"]);
    let vault = house.init();
    fs::rename(house.at("two"), house.at("away")).unwrap();
    let destruction = vault.destroy(&[doomed(1)]).unwrap();
    assert!(!destruction.complete());
    let confirmed: Vec<_> = destruction.replicas.iter().map(|place| place.confirmed).collect();
    assert_eq!(confirmed, [true, true, false]);
    assert!(destruction.replicas[2].why_not.as_ref().is_some_and(|why| why.contains("two")));
    assert_eq!(vault.catch_up().unwrap().places[2].version, None);

    assert!(!vault.destroy(&[doomed(2)]).unwrap().complete());
    fs::rename(house.at("away"), house.at("two")).unwrap();
    let status = vault.catch_up().unwrap();
    assert!(status.places.iter().all(|place| place.confirmed && place.version == Some(3)), "{status:?}");
    assert!(vault.destroy(&[doomed(3)]).unwrap().complete());
    let contents = |name| files(&house.at(name)).into_iter().map(|(_, content)| content).collect::<Vec<_>>();
    assert_eq!(contents("two").len(), contents("primary").len());
}

#[test]
fn a_replica_that_lags_is_brought_up_when_the_vault_is_unsealed() {
    let house = House::new(&["one"]);
    let vault = house.init();
    copy(&house.at("one"), &house.at("old"));
    assert!(vault.destroy(&[doomed(1)]).unwrap().complete());
    drop(vault);
    fs::remove_dir_all(house.at("one")).unwrap();
    copy(&house.at("old"), &house.at("one"));

    let vault = house.open().unwrap();
    let status = vault.status().unwrap();
    assert_eq!((status.version, status.sealed), (2, true));
    assert!(!status.places[1].confirmed && status.places[1].version == Some(1));
    vault.unseal(&house.officer).unwrap();
    assert!(vault.status().unwrap().places[1].confirmed);
    let root = |half| fs::read(house.at("one").join(half)).unwrap();
    assert!(["root.a", "root.b"].map(root).iter().any(|half| half.iter().all(|byte| *byte == 0)));
}

#[test]
fn a_primary_that_went_back_follows_a_replica_that_did_not() {
    let house = House::new(&["one"]);
    let vault = house.init();
    copy(&house.at("primary"), &house.at("backup"));
    assert!(vault.destroy(&[doomed(1)]).unwrap().complete());
    drop(vault);
    fs::remove_dir_all(house.at("primary")).unwrap();
    copy(&house.at("backup"), &house.at("primary"));
    let vault = house.unsealed();
    assert!(!lives(&vault, 1) && lives(&vault, 2));
    assert!(vault.status().unwrap().places.iter().all(|place| place.confirmed && place.version == Some(2)));
}

/// Two administrators, each with one of the places: neither history may swallow the other.
#[test]
fn two_histories_of_one_tree_are_not_mixed() {
    let house = House::new(&["one"]);
    drop(house.init());
    let alone = |name: &str, number| {
        let vault = open(&Places { primary: house.at(name), replicas: vec![] }).unwrap();
        vault.unseal(&house.officer).unwrap();
        assert!(vault.destroy(&[doomed(number)]).unwrap().complete());
    };
    alone("primary", 1);
    alone("one", 2);
    assert!(matches!(house.open(), Err(VaultError::AnotherTree { place }) if place == house.at("one")));
}

#[test]
fn another_tree_is_never_written_over() {
    let (ours, theirs) = (House::new(&["one"]), House::new(&[]));
    drop((ours.init(), theirs.init()));
    let mixed = Places { primary: ours.at("primary"), replicas: vec![theirs.at("primary")] };
    let before = files(&theirs.at("primary"));
    assert!(matches!(open(&mixed), Err(VaultError::AnotherTree { place }) if place == theirs.at("primary")));

    // Not even when it turns up later, in a replica's place.
    fs::rename(ours.at("one"), ours.at("away")).unwrap();
    let vault = ours.unsealed();
    copy(&theirs.at("primary"), &ours.at("one"));
    assert!(!vault.destroy(&[doomed(1)]).unwrap().complete());
    assert!(vault.catch_up().unwrap().places[1].why_not.as_ref().is_some_and(|why| why.contains("another tree")));
    let contents = |files: Vec<(_, Vec<u8>)>| files.into_iter().map(|(_, content)| content).collect::<Vec<_>>();
    assert_eq!(contents(files(&ours.at("one"))), contents(before));
}

#[test]
fn keys_of_one_environment_do_not_open_in_another() {
    let house = House::new(&["one"]);
    drop(house.init());
    let asked = Environment::Production;
    let opened = Vault::open(&house.places(), asked, Arc::new(SystemChance));
    let Err(VaultError::Environment { kept, asked }) = opened else { panic!("opened") };
    assert_eq!((kept, asked), (Environment::Staging, Environment::Production));
    assert_eq!(house.open().unwrap().environment(), Environment::Staging);
}

#[test]
fn a_tree_is_never_overwritten_and_one_process_has_it() {
    let house = House::new(&["one"]);
    let vault = house.init();
    assert!(matches!(house.open(), Err(VaultError::Busy { .. })));
    assert!(matches!(init(&house.places(), &house.officer), Err(VaultError::Busy { .. })));
    // A replica alone is held too, and so is a place under another name.
    assert!(matches!(open(&Places { primary: house.at("one"), replicas: vec![] }), Err(VaultError::Busy { .. })));
    drop(vault);
    assert!(matches!(init(&house.places(), &house.officer), Err(VaultError::Exists { .. })));
    let elsewhere = Places { primary: house.at("new"), replicas: vec![house.at("one")] };
    assert!(matches!(init(&elsewhere, &house.officer), Err(VaultError::Exists { place }) if place == house.at("one")));
    std::os::unix::fs::symlink(house.at("primary"), house.at("link")).unwrap();
    let twice = Places { primary: house.at("primary"), replicas: vec![house.at("link")] };
    assert!(matches!(open(&twice), Err(VaultError::Busy { .. })));
    let same = Places { primary: house.at("primary"), replicas: vec![house.at("primary")] };
    assert!(matches!(open(&same), Err(VaultError::Busy { .. })));
    house.unsealed();
}

#[test]
fn without_its_primary_no_vault_opens() {
    let house = House::new(&["one"]);
    drop(house.init());
    fs::rename(house.at("primary"), house.at("away")).unwrap();
    assert!(matches!(house.open(), Err(VaultError::Missing { place }) if place == house.at("primary")));
    fs::create_dir(house.at("primary")).unwrap();
    assert!(matches!(house.open(), Err(VaultError::Missing { .. })), "an empty mount point is no tree");
    // The way out that the error names.
    let replica = Places { primary: house.at("one"), replicas: vec![] };
    open(&replica).unwrap().unseal(&house.officer).unwrap();
}

#[test]
fn a_new_replica_is_filled_once_it_is_made_ready() {
    let mut house = House::new(&[]);
    drop(house.init());
    house = house.with_replica("more");
    fs::create_dir(house.at("more")).unwrap();
    let vault = house.unsealed();
    assert!(!vault.catch_up().unwrap().places[1].confirmed);
    assert!(files(&house.at("more")).is_empty(), "a directory that was not made ready is left alone");
    Places::prepare_replica(&house.at("more")).unwrap();
    assert!(vault.catch_up().unwrap().places[1].confirmed);
    drop(vault);
    assert!(matches!(Places::prepare_replica(&house.at("more")), Err(VaultError::Exists { .. })));
    let replica = Places { primary: house.at("more"), replicas: vec![] };
    open(&replica).unwrap().unseal(&house.officer).unwrap();
}

#[test]
fn a_beginning_needs_officers_and_each_once() {
    let house = House::new(&[]);
    let begin =
        |officers: Vec<_>| Vault::init(&house.places(), Environment::Staging, &officers, Arc::new(SystemChance)).err();
    let many = |count| (0..count).flat_map(|_| Officer::generate().recipients()).collect::<Vec<_>>();
    assert!(matches!(begin(vec![]), Some(VaultError::OfficerCount)));
    assert!(matches!(begin(many(17)), Some(VaultError::OfficerCount)));
    assert!(matches!(
        begin([house.officer.recipients(), house.officer.recipients()].concat()),
        Some(VaultError::KnownOfficer)
    ));
    assert!(begin(many(16)).is_none());
}

/// Only the owner can enter, and no file is readable to others.
#[test]
fn the_places_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new(&["one"]);
    drop(house.init());
    for (path, _) in files(&house.at("primary")).into_iter().chain(files(&house.at("one"))) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
