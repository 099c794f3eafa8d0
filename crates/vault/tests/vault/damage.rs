//! Values are swapped and files are changed: nothing opens wrongly, and errors say which file.

use crate::house::{House, account, context, copy, files, open, slot};
use bonded_base::{Account, Id};
use bonded_vault::{AccountKeys, Context, Doomed, OpenError, Places, Slot, Vault, VaultError};
use proptest::prelude::*;
use std::fs;

/// A place where a value may be.
#[derive(Clone, Copy, PartialEq)]
struct Spot {
    account: Id<Account>,
    slot: Option<Slot>,
    context: Context<'static>,
}

impl Spot {
    fn seal(&self, keys: &AccountKeys) -> Vec<u8> {
        match self.slot {
            None => keys.seal(&self.context, b"value"),
            Some(slot) => keys.seal_consumer(slot, &self.context, b"value").unwrap(),
        }
    }

    /// Whether something opens here.
    fn opens(&self, vault: &Vault, sealed: &[u8]) -> bool {
        let keys = vault.account(self.account).unwrap();
        match self.slot {
            None => keys.open(&self.context, sealed).is_ok(),
            Some(_) => keys.open_consumer(&self.context, sealed).is_ok(),
        }
    }
}

/// Spots that differ from one another in one thing each.
fn spots() -> Vec<Spot> {
    let base = Spot { account: account(1), slot: None, context: context(1) };
    let with = |context| Spot { context, ..base };
    let values = [
        base,
        Spot { account: account(2), ..base },
        with(Context { table: 9, ..base.context }),
        with(Context { kind: 9, ..base.context }),
        with(Context { id: [9; 16], ..base.context }),
        with(Context { version: 9, ..base.context }),
        with(Context { rest: b"", ..base.context }),
        with(Context { rest: b"rest.", ..base.context }),
        with(Context { rest: &[7; 500], ..base.context }),
    ];
    let consumers = values.map(|spot| Spot { slot: Some(slot(5)), ..spot });
    values.into_iter().chain(consumers).collect()
}

#[test]
fn no_value_opens_in_another_s_place() {
    let house = House::new(&[]);
    let vault = house.init();
    let spots = spots();
    let sealed: Vec<_> = spots.iter().map(|spot| spot.seal(&vault.account(spot.account).unwrap())).collect();
    for (home, sealed) in spots.iter().zip(&sealed) {
        for spot in &spots {
            assert_eq!(spot.opens(&vault, sealed), spot == home);
        }
    }
}

#[test]
fn a_consumer_does_not_move_to_another_slot() {
    let house = House::new(&[]);
    let vault = house.init();
    let keys = vault.account(account(1)).unwrap();
    let sealed = keys.seal_consumer(slot(5), &context(1), b"fields").unwrap();
    for number in [0, 4, 6, 5 << 8, (1 << 40) - 1] {
        let mut moved = sealed.clone();
        moved[..5].copy_from_slice(&u64::to_be_bytes(number)[3..]);
        assert!(matches!(keys.open_consumer(&context(1), &moved), Err(VaultError::Open(OpenError::Damaged))));
    }
    assert!(keys.open_consumer(&context(1), &sealed[..4]).is_err());
    // A value of another tree does not open either, though everything about it is the same.
    let another_house = House::new(&[]);
    let other = another_house.init();
    assert!(other.account(account(1)).unwrap().open_consumer(&context(1), &sealed).is_err());
}

/// Whether the vault in these places opens and gives what it should. Anything but an error or that is a failure.
fn works(house: &House, places: &Places, sealed: &[u8]) -> Result<(), VaultError> {
    let vault = open(places)?;
    vault.unseal(&house.officer)?;
    let opened = vault.account(account(1))?.open_consumer(&context(1), sealed)?;
    assert_eq!(opened.expose(), b"fields");
    Ok(())
}

fn damaged_house(replicas: &[&str]) -> (House, Vec<u8>) {
    let house = House::new(replicas);
    let vault = house.init();
    let sealed = vault.account(account(1)).unwrap().seal_consumer(slot(5), &context(1), b"fields").unwrap();
    assert!(vault.destroy(&[Doomed::Slot { account: account(1), slot: slot(4) }]).unwrap().complete());
    (house, sealed)
}

#[test]
fn a_flipped_bit_in_any_file_is_an_error_that_names_it() {
    let (house, sealed) = damaged_house(&[]);
    let primary = house.at("primary");
    for (path, content) in files(&primary).into_iter().filter(|(_, content)| content.iter().any(|byte| *byte != 0)) {
        let length = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for place in (0..length).step_by(1 + length / 40) {
            let mut changed = content.clone();
            changed[place] ^= 0x10;
            fs::write(&path, changed).unwrap();
            match works(&house, &house.places(), &sealed) {
                Err(VaultError::Damaged { file, .. }) if file.parent() == path.parent() => {}
                // The first line of a root names its format.
                Err(VaultError::Newer { .. }) if place < 16 => {}
                other => panic!("{} byte {place}: {other:?}", path.display()),
            }
        }
        for short in [&content[..0], &content[..length / 2], &content[..length - 1]] {
            fs::write(&path, short).unwrap();
            assert!(works(&house, &house.places(), &sealed).is_err(), "{} cut short", path.display());
        }
        fs::write(&path, content).unwrap();
        works(&house, &house.places(), &sealed).unwrap();
    }
}

#[test]
fn a_lost_or_changed_node_is_read_from_a_replica() {
    let (house, sealed) = damaged_house(&["one"]);
    for (number, (path, content)) in files(&house.at("primary").join("nodes")).into_iter().enumerate() {
        if number % 2 == 0 {
            fs::remove_file(&path).unwrap();
        } else {
            fs::write(&path, &content[1..]).unwrap();
        }
        works(&house, &house.places(), &sealed).unwrap();
    }
    let alone = Places { replicas: vec![], ..house.places() };
    assert!(matches!(works(&house, &alone, &sealed), Err(VaultError::Damaged { .. })));
}

#[test]
fn a_broken_replica_is_made_whole_from_the_primary() {
    let (house, sealed) = damaged_house(&["one"]);
    for (path, content) in files(&house.at("one")).into_iter().filter(|(path, _)| !path.ends_with("lock")) {
        fs::write(&path, vec![0x55; content.len()]).unwrap();
    }
    works(&house, &house.places(), &sealed).unwrap();
    let replica = Places { primary: house.at("one"), replicas: vec![] };
    works(&house, &replica, &sealed).unwrap();
}

#[test]
fn a_root_of_a_later_program_is_left_alone() {
    let (house, sealed) = damaged_house(&["one"]);
    let half = ["root.a", "root.b"].map(|half| house.at("primary").join(half));
    let blank = half.iter().find(|half| fs::read(half).unwrap().iter().all(|byte| *byte == 0)).unwrap();
    fs::write(blank, b"bonded root 3 of a later program\n").unwrap();
    let opened = works(&house, &house.places(), &sealed);
    assert!(matches!(opened, Err(VaultError::Newer { format: 3, .. })));
    assert_eq!(fs::read(blank).unwrap(), b"bonded root 3 of a later program\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Whatever lies there instead of a root, the answer is an error.
    #[test]
    fn garbage_for_a_root_is_an_error(
        garbage in prop::collection::vec(any::<u8>(), 0..300),
        keeps in 0..400_usize,
    ) {
        let (house, sealed) = GARBAGE_HOUSE.with(|built| (built.0.at("primary"), built.1.clone()));
        let target = tempfile::TempDir::new().unwrap();
        copy(&house, target.path());
        for half in ["root.a", "root.b"].map(|half| target.path().join(half)) {
            let content = fs::read(&half).unwrap();
            let kept = &content[..keeps.min(content.len())];
            fs::write(&half, [kept, &garbage].concat()).unwrap();
        }
        let places = Places { primary: target.path().to_owned(), replicas: vec![] };
        GARBAGE_HOUSE.with(|built| assert!(works(&built.0, &places, &sealed).is_err()));
    }
}

thread_local! {
    static GARBAGE_HOUSE: (House, Vec<u8>) = damaged_house(&[]);
}
