//! Crashes, tested: wherever the power fails, the tree is before or after, and everything live opens.

use crate::disk::faults::{Loss, fail_after, recover, steps_taken};
use crate::path::Path;
use crate::testing::house::{CONTEXT, House, account, slot};
use crate::testing::thief::{Thief, opens_consumer, root_key};
use crate::{Doomed, Officer, Slot, Vault, VaultError};
use std::fs;

const LOSSES: [Loss; 3] = [Loss::Nothing, Loss::Everything, Loss::Half];
const DOOMED: u64 = 7;
const LIVE: u64 = 8;
const DESTROYED_BEFORE: u64 = 9;

/// A tree with a past: three orders, one of them destroyed.
struct Scene {
    house: House,
    sealed: Vec<(Slot, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        let house = House::new(1);
        let vault = house.init(1);
        let keys = vault.account(account(1)).unwrap();
        let seal = |number| (slot(number), keys.seal_consumer(slot(number), &CONTEXT, b"fields").unwrap());
        let sealed = [DOOMED, LIVE, DESTROYED_BEFORE].map(seal).to_vec();
        assert!(vault.destroy(&[doomed(DESTROYED_BEFORE)]).unwrap().complete());
        Self { house, sealed }
    }

    /// The state of an order: does it open?
    fn lives(&self, vault: &Vault, number: u64) -> bool {
        let (_, sealed) = self.sealed.iter().find(|(one, _)| *one == slot(number)).unwrap();
        match vault.account(account(1)).unwrap().open_consumer(&CONTEXT, sealed) {
            Ok(fields) => fields.expose() == b"fields",
            Err(VaultError::Destroyed) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a house after a crash: it is before or after, nothing else suffers, nothing is left behind.
    fn check(&self, house: &House) -> bool {
        let vault = house.open(99).unwrap();
        assert!(self.lives(&vault, LIVE) && !self.lives(&vault, DESTROYED_BEFORE));
        let before = self.lives(&vault, DOOMED);
        let status = vault.status().unwrap();
        assert!(status.places.iter().all(|place| place.confirmed), "{status:?}");
        assert_eq!(status.version, if before { 2 } else { 3 });
        let mut files = house.all().map(node_files).collect::<Vec<_>>();
        assert!(files.windows(2).all(|two| two[0] == two[1]));
        assert_eq!(files.remove(0).len(), live_files(&vault));
        before
    }
}

fn doomed(number: u64) -> Doomed {
    Doomed::Slot { account: account(1), slot: slot(number) }
}

fn node_files(place: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(place.join("nodes")).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

/// How many files today's tree consists of.
fn live_files(vault: &Vault) -> usize {
    fn count(cursor: &crate::tree::Cursor<'_>) -> usize {
        let here = usize::from(matches!(cursor.branch, crate::fragment::Branch::Apart(_)));
        let goes_on = here == 1 || matches!(cursor.branch, crate::fragment::Branch::Table(_));
        let inside = cursor.enter().unwrap();
        here + if goes_on { (0..16).map(|step| count(&inside.down(step).unwrap())).sum() } else { 0 }
    }
    count(&vault.tree_for_tests().top())
}

/// How many steps a deed takes, begun in a copy of the scene.
fn count_steps(scene: &Scene, deed: impl Fn(&Vault)) -> usize {
    let vault = scene.house.copy();
    let vault = vault.open(2).unwrap();
    fail_after(None);
    deed(&vault);
    steps_taken()
}

#[test]
fn a_power_failure_at_any_step_of_a_destruction_leaves_before_or_after() {
    let scene = Scene::new();
    let steps = count_steps(&scene, |vault| assert!(vault.destroy(&[doomed(DOOMED)]).unwrap().complete()));
    assert!(steps > 50, "{steps}");
    let mut outcomes = [0, 0];
    for loss in LOSSES {
        for step in 0..steps {
            let house = scene.house.copy();
            let vault = house.open(2).unwrap();
            fail_after(Some(step));
            let result = vault.destroy(&[doomed(DOOMED)]);
            drop(vault);
            recover(loss);
            let before = scene.check(&house);
            match result {
                Ok(destruction) => assert!(!before && !destruction.complete(), "{step} {loss:?}"),
                Err(VaultError::Uncertain { .. }) => {}
                Err(error) => assert!(before, "{step} {loss:?} {error}"),
            }
            outcomes[usize::from(before)] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 50), "{outcomes:?}");
}

/// So many new files that they are synced together.
#[test]
fn a_power_failure_in_a_large_destruction_leaves_before_or_after() {
    let scene = Scene::new();
    let doomed: Vec<_> = (1..20).map(|number| number << 12).chain([DOOMED]).map(doomed).collect();
    let steps = count_steps(&scene, |vault| assert!(vault.destroy(&doomed).unwrap().complete()));
    assert!(steps > 80, "{steps}");
    let mut outcomes = [0, 0];
    for (step, loss) in (0..steps).zip(LOSSES.into_iter().cycle()) {
        let house = scene.house.copy();
        let vault = house.open(2).unwrap();
        fail_after(Some(step));
        let _ = vault.destroy(&doomed);
        drop(vault);
        recover(loss);
        outcomes[usize::from(scene.check(&house))] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 20), "{outcomes:?}");
}

#[test]
fn a_power_failure_while_another_is_mended_changes_nothing() {
    let scene = Scene::new();
    let steps = count_steps(&scene, |vault| assert!(vault.destroy(&[doomed(DOOMED)]).unwrap().complete()));
    for step in 0..steps {
        let house = scene.house.copy();
        let vault = house.open(2).unwrap();
        fail_after(Some(step));
        let _ = vault.destroy(&[doomed(DOOMED)]);
        drop(vault);
        let loss = LOSSES[step % 3];
        recover(loss);
        let before = scene.check(&house.copy());
        // The mending itself is cut short again and again, a little later each time.
        let mut mending = step % 4;
        loop {
            fail_after(Some(mending));
            let mended = house.open(3);
            let done = mended.as_ref().is_ok_and(|vault| vault.status().unwrap().places.iter().all(|p| p.confirmed));
            drop(mended);
            recover(loss);
            if done {
                break;
            }
            mending += 4;
        }
        assert_eq!(scene.check(&house), before, "{step}");
    }
}

/// No crash: one step fails, as with a full disk, and the process goes on.
#[test]
fn a_step_that_fails_leaves_a_vault_that_works() {
    let scene = Scene::new();
    let steps = count_steps(&scene, |vault| assert!(vault.destroy(&[doomed(DOOMED)]).unwrap().complete()));
    for step in 0..steps {
        let house = scene.house.copy();
        let vault = house.open(2).unwrap();
        fail_after(Some(step));
        let result = vault.destroy(&[doomed(DOOMED)]);
        recover(Loss::Nothing);
        fail_after(None);
        if vault.is_sealed() {
            assert!(matches!(result, Err(VaultError::Uncertain { .. })));
            vault.unseal(&house.officer).unwrap();
        }
        assert_eq!(scene.lives(&vault, DOOMED), result.is_err(), "{step}");
        assert!(scene.lives(&vault, LIVE));
        // What did not come through comes through now, on every place.
        assert!(vault.destroy(&[doomed(DOOMED)]).unwrap().complete(), "{step}");
        assert!(!scene.lives(&vault, DOOMED));
        drop(vault);
        house.open(3).map(|vault| assert!(!scene.lives(&vault, DOOMED) && scene.lives(&vault, LIVE))).unwrap();
    }
}

/// A failure between the new root and the wiping of the old: until the old one is wiped, nothing is confirmed.
#[test]
fn an_old_root_never_survives_a_start() {
    let scene = Scene::new();
    let old = scene.house.open(2).map(|vault| root_key(&vault)).unwrap();
    let mut thief = Thief::default();
    thief.look(&scene.house);
    let (_, sealed) = &scene.sealed[0];
    let leaf = Path::consumer(account(1), slot(DOOMED));
    assert!(opens_consumer(&thief.open(&old).keys(&leaf), account(1), slot(DOOMED), sealed));

    let steps = count_steps(&scene, |vault| assert!(vault.destroy(&[doomed(DOOMED)]).unwrap().complete()));
    for step in 0..steps {
        let house = scene.house.copy();
        let vault = house.open(2).unwrap();
        fail_after(Some(step));
        let _ = vault.destroy(&[doomed(DOOMED)]);
        drop(vault);
        recover(Loss::Nothing);
        if scene.check(&house) {
            continue;
        }
        // Both root files of both places, as an officer of the time could read them.
        for place in house.all() {
            let halves = ["root.a", "root.b"].map(|half| fs::read(place.join(half)).unwrap());
            assert_eq!(halves.iter().filter(|half| half.iter().all(|byte| *byte == 0)).count(), 1, "{step}");
        }
    }
}

#[test]
fn a_power_failure_at_any_step_of_the_beginning_can_be_begun_again() {
    let officer = Officer::generate();
    let begin = |house: &House| {
        let chance = std::sync::Arc::new(crate::testing::Seeded::new(5));
        Vault::init(&house.places, crate::Environment::Staging, &officer.recipients(), chance)
    };
    fail_after(None);
    assert!(begin(&House::new(1)).is_ok());
    let steps = steps_taken();
    assert!(steps > 15, "{steps}");
    for loss in LOSSES {
        for step in 0..steps {
            let house = House::new(1);
            fail_after(Some(step));
            let came_through = begin(&house).is_ok();
            recover(loss);
            match begin(&house) {
                Ok(vault) => {
                    assert!(!came_through && vault.status().unwrap().places.iter().all(|place| place.confirmed));
                }
                Err(VaultError::Exists { .. }) => {
                    let chance = std::sync::Arc::new(crate::testing::Seeded::new(6));
                    let vault = Vault::open(&house.places, crate::Environment::Staging, chance).unwrap();
                    vault.unseal(&officer).unwrap();
                    assert!(vault.catch_up().unwrap().places.iter().all(|place| place.confirmed));
                }
                Err(error) => panic!("{step} {loss:?} {error}"),
            }
        }
    }
}
