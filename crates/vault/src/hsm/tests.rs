//! Hardware holds the root: `SoftHSM2` plays the hardware, and power and processes fail.

use super::{Hsm, HsmError, HsmSetup};
use crate::disk::faults::{Loss, fail_after, recover};
use crate::testing::house::{CONTEXT, ENVIRONMENT, House, account, copy_directory, slot};
use crate::testing::softhsm::{again, hsm, module, play, setup};
use crate::testing::{Seeded, thief::Thief, thief::opens_consumer, thief::root_key};
use crate::{Doomed, Holder, Officer, Places, Vault, VaultError};
use bonded_base::Secret;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, mpsc};
use std::time::Duration;

impl Hsm {
    /// The labels of the keys. `SoftHSM2`, killed while it makes a key, leaves an object without one, and without a key.
    fn labels(&self) -> Vec<String> {
        let labels = self.ask(super::Token::labels).unwrap();
        let labels = labels.into_iter().map(|label| String::from_utf8(label).unwrap());
        labels.filter(|label| !label.is_empty()).collect()
    }
}

fn open(places: &Places, seed: u64, hsm: &Hsm) -> Result<Vault, VaultError> {
    let vault = Vault::open(places, ENVIRONMENT, Arc::new(Seeded::new(seed)))?;
    vault.attach(hsm.clone());
    vault.unseal_by_hsm()?;
    Ok(vault)
}

/// A house whose root is in hardware.
fn house_in_hardware(replicas: usize, hsm: &Hsm) -> (House, Vault) {
    let house = House::new(replicas);
    let vault = house.init(1);
    vault.attach(hsm.clone());
    assert!(vault.move_to(Holder::Hsm).unwrap().complete());
    (house, vault)
}

fn doomed(number: u64) -> [Doomed; 1] {
    [Doomed::Slot { account: account(1), slot: slot(number) }]
}

fn lives(vault: &Vault, number: u64) -> bool {
    match vault.account(account(1)).unwrap().seal_consumer(slot(number), &CONTEXT, b"") {
        Ok(_) => true,
        Err(VaultError::Destroyed) => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_root_moves_into_hardware_and_back() {
    play("hsm::tests::the_root_moves_into_hardware_and_back", |_| {
        let (house, hsm) = (House::new(1), hsm());
        let vault = house.init(1);
        let value = vault.account(account(1)).unwrap().seal(&CONTEXT, b"value");
        assert!(matches!(vault.move_to(Holder::Hsm), Err(VaultError::NoHsm)));
        assert!(matches!(vault.move_to(Holder::Officers), Err(VaultError::KnownHolder)));
        vault.attach(hsm.clone());
        assert!(matches!(vault.unseal_by_hsm(), Err(VaultError::HeldByOfficers)));
        assert!(vault.move_to(Holder::Hsm).unwrap().complete());
        assert_eq!(hsm.labels().len(), 1);
        drop(vault);

        let vault = open(&house.places, 2, &hsm).unwrap();
        assert_eq!(vault.account(account(1)).unwrap().open(&CONTEXT, &value).unwrap().expose(), b"value");
        let status = vault.status().unwrap();
        assert_eq!((status.holder, status.officers), (Holder::Hsm, house.officer.recipients()));
        vault.check_holder().unwrap();
        vault.seal();
        assert!(matches!(vault.unseal(&house.officer), Err(VaultError::HeldByHsm)));
        vault.unseal_by_hsm().unwrap();

        // The officers change while hardware holds the root; each change is under a new wrapping key.
        let (second, before) = (Officer::generate(), hsm.labels());
        assert!(vault.add_officer(second.recipients().remove(0)).unwrap().complete());
        assert!(hsm.labels().len() == 1 && hsm.labels() != before);
        assert!(vault.move_to(Holder::Officers).unwrap().complete());
        assert_eq!(hsm.labels(), Vec::<String>::new());
        vault.seal();
        assert!(matches!(vault.unseal_by_hsm(), Err(VaultError::HeldByOfficers)));
        vault.unseal(&second).unwrap();
        assert_eq!(vault.account(account(1)).unwrap().open(&CONTEXT, &value).unwrap().expose(), b"value");
    });
}

/// What no file system can promise of an old root, hardware does: a copy of every file of then opens for nobody.
#[test]
fn a_copy_of_everything_from_before_opens_for_nobody() {
    play("hsm::tests::a_copy_of_everything_from_before_opens_for_nobody", |stage| {
        let hsm = hsm();
        let (house, vault) = house_in_hardware(1, &hsm);
        let sealed = vault.account(account(1)).unwrap().seal_consumer(slot(7), &CONTEXT, b"fields").unwrap();
        let stolen = Places { primary: stage.join("stolen"), replicas: vec![] };
        copy_directory(&house.places.primary, &stolen.primary);
        // The copy is good: until the root changes, the token opens it.
        let copy = open(&stolen, 5, &hsm).unwrap();
        let old_root = root_key(&copy);
        drop(copy);

        let destruction = vault.destroy(&doomed(7)).unwrap();
        assert!(destruction.complete());
        assert_eq!(destruction.replicas.len(), 3);
        assert_eq!(destruction.replicas[2].place, Path::new("pkcs11:token=bonded"));
        let again = Vault::open(&stolen, ENVIRONMENT, Arc::new(Seeded::new(6))).unwrap();
        again.attach(hsm.clone());
        assert!(matches!(again.unseal_by_hsm(), Err(VaultError::Hsm(HsmError::NoKey))));
        assert!(matches!(again.unseal(&house.officer), Err(VaultError::HeldByHsm)));
        // It is the wrapping key alone that is missing: with the old root key, the stolen nodes would open the order.
        let mut thief = Thief::default();
        let mut copied = House::new(0);
        copied.places = stolen;
        thief.look(&copied);
        let leaf = crate::path::Path::consumer(account(1), slot(7));
        assert!(opens_consumer(&thief.open(&old_root).keys(&leaf), account(1), slot(7), &sealed));
    });
}

/// Wherever the power fails, on the disk or before the token is asked, the tree is before or after, the token opens it,
/// and no other wrapping key is left.
#[test]
fn a_power_failure_at_any_step_leaves_a_root_that_the_token_opens() {
    play("hsm::tests::a_power_failure_at_any_step_leaves_a_root_that_the_token_opens", |_| {
        let hsm = hsm();
        let (house, vault) = house_in_hardware(1, &hsm);
        drop(vault);
        let (mut number, mut outcomes) = (0, [0, 0]);
        for loss in [Loss::Nothing, Loss::Everything, Loss::Half] {
            for step in 0.. {
                number += 1;
                let vault = open(&house.places, 10 + number, &hsm).unwrap();
                fail_after(Some(step));
                let result = vault.destroy(&doomed(number));
                drop(vault);
                recover(loss);
                let after = open(&house.places, 1_000 + number, &hsm).unwrap();
                let is_alive = lives(&after, number);
                match &result {
                    Ok(_) => assert!(!is_alive, "{step} {loss:?}"),
                    Err(VaultError::Uncertain { .. }) => {}
                    Err(error) => assert!(is_alive, "{step} {loss:?} {error}"),
                }
                assert!(after.status().unwrap().places.iter().all(|place| place.confirmed));
                let today = after.tree_for_tests().root().header.held.key().unwrap().to_string();
                assert_eq!(hsm.labels(), [today], "{step} {loss:?}");
                outcomes[usize::from(is_alive)] += 1;
                if result.is_ok_and(|destruction| destruction.complete()) {
                    break;
                }
            }
        }
        assert!(outcomes.iter().all(|count| *count > 30), "{outcomes:?}");
    });
}

#[test]
fn a_power_failure_at_any_step_of_a_move_leaves_one_holder() {
    play("hsm::tests::a_power_failure_at_any_step_of_a_move_leaves_one_holder", |_| {
        let (hsm, house) = (hsm(), House::new(1));
        drop(house.init(1));
        let mut moves = 0;
        for (from, to) in [(Holder::Officers, Holder::Hsm), (Holder::Hsm, Holder::Officers)] {
            for step in 0.. {
                let enter = |seed| {
                    let vault = Vault::open(&house.places, ENVIRONMENT, Arc::new(Seeded::new(seed))).unwrap();
                    vault.attach(hsm.clone());
                    match vault.holder().unwrap() {
                        Holder::Officers => vault.unseal(&house.officer).unwrap(),
                        Holder::Hsm => vault.unseal_by_hsm().unwrap(),
                    }
                    vault
                };
                let vault = enter(100 + step);
                if vault.holder().unwrap() == to {
                    assert!(vault.move_to(from).unwrap().complete());
                }
                fail_after(Some(usize::try_from(step).unwrap()));
                let result = vault.move_to(to);
                drop(vault);
                recover(Loss::Nothing);
                let vault = enter(1_000 + step);
                let today = vault.tree_for_tests().root().header.held.key().map(ToString::to_string);
                assert_eq!(hsm.labels(), today.into_iter().collect::<Vec<_>>(), "{step}");
                moves += 1;
                if result.is_ok_and(|done| done.complete()) {
                    assert_eq!(vault.holder().unwrap(), to);
                    break;
                }
            }
        }
        assert!(moves > 50, "{moves}");
    });
}

#[test]
fn a_token_that_is_away_changes_nothing_and_is_entered_again_when_it_is_back() {
    play("hsm::tests::a_token_that_is_away_changes_nothing_and_is_entered_again_when_it_is_back", |stage| {
        let hsm = hsm();
        let (house, vault) = house_in_hardware(0, &hsm);
        let away = || std::fs::rename(stage.join("tokens"), stage.join("unplugged")).unwrap();
        let back = || std::fs::rename(stage.join("unplugged"), stage.join("tokens")).unwrap();
        let files = std::fs::read_dir(house.places.primary.join("nodes")).unwrap().count();
        away();
        assert!(matches!(vault.check_holder(), Err(VaultError::Hsm(_))));
        assert!(matches!(vault.destroy(&doomed(3)), Err(VaultError::Hsm(_))));
        vault.seal();
        assert!(matches!(vault.unseal_by_hsm(), Err(VaultError::Hsm(_))));
        back();
        vault.unseal_by_hsm().unwrap();
        vault.check_holder().unwrap();
        assert!(lives(&vault, 3));
        assert_eq!(std::fs::read_dir(house.places.primary.join("nodes")).unwrap().count(), files);
        assert!(vault.destroy(&doomed(3)).unwrap().complete());
        assert_eq!(hsm.labels().len(), 1);
        vault.leave_hsm();
        assert!(matches!(vault.check_holder(), Err(VaultError::Hsm(HsmError::Closed))));
    });
}

/// A key that the token did not destroy keeps every later deletion from being complete, until it is gone.
#[test]
fn a_wrapping_key_that_was_not_destroyed_is_told_and_swept() {
    play("hsm::tests::a_wrapping_key_that_was_not_destroyed_is_told_and_swept", |_| {
        let hsm = hsm();
        let (house, vault) = house_in_hardware(0, &hsm);
        // Power fails for good somewhere between the new root and the end: the key of the old one is still there.
        let steps = {
            fail_after(None);
            assert!(vault.destroy(&doomed(1)).unwrap().complete());
            crate::disk::faults::steps_taken()
        };
        let failed = (0..steps).rev().find_map(|step| {
            fail_after(Some(step));
            let done = vault.destroy(&doomed(100 + step as u64));
            recover(Loss::Nothing);
            done.ok().filter(|done| done.replicas.iter().any(|place| place.place == hsm.place() && !place.confirmed))
        });
        let failed = failed.unwrap();
        assert!(!failed.complete());
        assert_eq!(hsm.labels().len(), 2);
        let token = |vault: &Vault| vault.status().unwrap().places.pop().unwrap();
        assert!(token(&vault).place == hsm.place() && !token(&vault).confirmed);
        assert!(vault.catch_up().unwrap().places.iter().all(|place| place.confirmed));
        assert_eq!(hsm.labels().len(), 1);
        assert!(token(&vault).confirmed && vault.destroy(&doomed(3)).unwrap().complete());
        drop(vault);
        assert!(token(&open(&house.places, 4, &hsm).unwrap()).confirmed);
    });
}

/// While a replica is away, a newer root may lie there that names a key of the token.
#[test]
fn keys_are_swept_only_with_every_place_at_hand() {
    play("hsm::tests::keys_are_swept_only_with_every_place_at_hand", |stage| {
        let hsm = hsm();
        let house = House::new(1);
        let vault = house.init(1);
        let old = stage.join("old");
        copy_directory(&house.places.primary, &old);
        vault.attach(hsm.clone());
        assert!(vault.move_to(Holder::Hsm).unwrap().complete());
        drop(vault);
        // The newest root is on the replica alone, which is away; an old copy stands in for the primary.
        let (replica, away) = (&house.places.replicas[0], stage.join("away"));
        copy_directory(replica, &away);
        std::fs::remove_dir_all(replica).unwrap();
        let places = Places { primary: old, replicas: vec![replica.clone()] };
        let stale = Vault::open(&places, ENVIRONMENT, Arc::new(Seeded::new(8))).unwrap();
        stale.attach(hsm.clone());
        stale.unseal(&house.officer).unwrap();
        drop(stale);
        assert_eq!(hsm.labels().len(), 1, "the key of the root on the replica is still there");
        copy_directory(&away, replica);
        assert!(open(&places, 9, &hsm).unwrap().status().unwrap().places.iter().all(|place| place.confirmed));
    });
}

#[test]
fn two_trees_share_a_token_and_leave_each_other_alone() {
    play("hsm::tests::two_trees_share_a_token_and_leave_each_other_alone", |_| {
        let hsm = hsm();
        let (one, other) = (House::new(0), House::new(0));
        let vaults = [(&one, 1), (&other, 2)].map(|(house, seed)| {
            let vault = house.init(seed);
            vault.attach(hsm.clone());
            assert!(vault.move_to(Holder::Hsm).unwrap().complete());
            vault
        });
        assert_eq!(hsm.labels().len(), 2);
        for vault in &vaults {
            assert!(vault.destroy(&doomed(1)).unwrap().complete());
        }
        drop(vaults);
        assert!(open(&one.places, 3, &hsm).is_ok() && open(&other.places, 4, &hsm).is_ok());
        assert_eq!(hsm.labels().len(), 2);
    });
}

#[test]
fn a_wrong_pin_label_or_library_is_told_by_its_code_alone() {
    play("hsm::tests::a_wrong_pin_label_or_library_is_told_by_its_code_alone", |_| {
        let (_house, vault) = house_in_hardware(0, &hsm());
        drop(vault);
        let key = "bonded-0000000000000000-0000000000000000".parse().unwrap();
        let ask = |setup: HsmSetup| Hsm::new(setup).unwrap().check(&key);
        let wrong = Some(Arc::new(Secret::new("000000".to_owned())));
        let refused = ask(HsmSetup { pin: wrong, ..setup() }).unwrap_err();
        assert_eq!(refused, HsmError::Pin { code: "PinIncorrect".to_owned() });
        assert!(!format!("{refused} {refused:?}").contains("000000"));
        assert_eq!(ask(HsmSetup { token: "else".into(), ..setup() }), Err(HsmError::NoToken { token: "else".into() }));
        let nothing = HsmSetup { module: "/nowhere.so".into(), ..setup() };
        assert_eq!(ask(nothing), Err(HsmError::Module { module: "/nowhere.so".into() }));
        // Without a PIN nobody logged in, so private keys are not seen.
        assert_eq!(ask(HsmSetup { pin: None, ..setup() }), Err(HsmError::NoKey));
        assert_eq!(ask(setup()), Err(HsmError::NoKey));
    });
}

#[test]
fn a_name_fits_every_token_and_tells_its_tree() {
    let chance = Seeded::new(1);
    let name = super::KeyName::new(&[0xab; 16], &chance);
    assert_eq!(name.to_string().len(), super::NAME_BYTES);
    assert!(name.to_string().starts_with(&super::KeyName::start(&[0xab; 16])));
    assert_eq!(name.to_string().parse(), Ok(name));
    for text in ["", "bonded-", "bonded-ABABABABABABABAB-0000000000000001", "another-abababababababab-000000000000001"]
    {
        assert_eq!(text.parse::<super::KeyName>(), Err(()), "{text}");
    }
}

/// A deed that was given up is waited for before the next one begins: it could otherwise destroy a newer key.
#[test]
fn a_late_answer_is_never_overtaken() {
    let setup = HsmSetup { module: "/nowhere.so".into(), token: "t".into(), pin: None };
    let hsm = Hsm::with_patience(setup, Duration::ZERO).unwrap();
    let ((go, gone), (done, order)) = (mpsc::channel::<()>(), mpsc::channel());
    let first = done.clone();
    let late = hsm.ask(move |_| {
        let _ = gone.recv();
        first.send("late").unwrap();
        Ok(())
    });
    assert_eq!(late, Err(HsmError::Silent));
    let next = || {
        let done = done.clone();
        hsm.ask(move |_| {
            done.send("next").unwrap();
            Ok(())
        })
    };
    assert_eq!(next(), Err(HsmError::Silent));
    assert_eq!(order.try_recv(), Err(mpsc::TryRecvError::Empty), "the next was not even begun");
    go.send(()).unwrap();
    assert_eq!(order.recv(), Ok("late"));
    // Whether its own answer is in time or not: it begins only now.
    while order.try_recv() != Ok("next") {
        let _ = next();
    }
}

/// Tells the victim where the keys are.
const VICTIM: &str = "BONDED_VAULT_TEST_HSM_VICTIM";
const KILLS: u64 = 8;

/// Not a test of its own: what the killed process does. Destroys one order after the other, and says so.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let directory = Path::new(&directory);
    let places = Places { primary: directory.join("primary"), replicas: vec![directory.join("replica-0")] };
    let vault = open(&places, u64::from(std::process::id()), &hsm()).unwrap();
    for number in (0..).skip_while(|number| !lives(&vault, *number)) {
        println!("\nbegins {number}");
        assert!(vault.destroy(&doomed(number)).unwrap().complete());
        println!("\nends {number}");
    }
}

#[test]
fn a_killed_process_leaves_a_root_that_the_token_opens() {
    play("hsm::tests::a_killed_process_leaves_a_root_that_the_token_opens", |_| {
        assert!(module().is_some());
        let hsm = hsm();
        let (house, vault) = house_in_hardware(1, &hsm);
        drop(vault);
        let directory = house.places.primary.parent().unwrap();
        let mut destroyed = 0;
        for round in 0..KILLS {
            let mut command = again("hsm::tests::victim");
            command.env(VICTIM, directory).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut victim = command.spawn().unwrap();
            let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
            let of = |line: &String, word: &str| line.strip_prefix(word).map(|number| number.parse::<u64>().unwrap());
            let begins =
                lines.by_ref().filter_map(|line| of(&line, "begins ")).nth(usize::try_from(round % 3).unwrap());
            assert!(begins.is_some(), "the victim lives until it is killed");
            for _ in 0..round * 2_000 {
                std::thread::yield_now();
            }
            victim.kill().unwrap();
            victim.wait().unwrap();
            let ended = lines.filter_map(|line| of(&line, "ends ")).last();

            let vault = open(&house.places, 50 + round, &hsm).unwrap();
            let now = (0..100_000).find(|number| lives(&vault, *number)).unwrap();
            assert!(now >= destroyed, "nothing comes back");
            assert!(ended.is_none_or(|ended| now > ended), "what was confirmed is destroyed");
            assert!(lives(&vault, now + 1) && lives(&vault, now + 2));
            let today = vault.tree_for_tests().root().header.held.key().unwrap().to_string();
            assert_eq!(hsm.labels(), [today]);
            destroyed = now;
        }
        assert!(destroyed > 0);
    });
}
