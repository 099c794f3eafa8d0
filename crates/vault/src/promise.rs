//! The promise, tested: what lives opens; what was destroyed opens to nobody, whatever he kept.

use crate::path::Path;
use crate::testing::house::{CONTEXT, House, account, slot};
use crate::testing::thief::{Thief, data_path, opens_consumer, opens_value, root_key};
use crate::{Doomed, Officer, Slot, Vault, VaultError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Debug)]
enum Step {
    /// Seals a consumer.
    Order(u8, Slot),
    /// Seals a value of the account.
    Value(u8),
    Destroy(Vec<Doomed>),
    /// A second officer comes, or goes.
    Officers,
    /// The vault is sealed and unsealed.
    Reseal,
    /// The process ends and begins again.
    Restart,
}

/// Numbers around which nodes end.
fn slots() -> impl Strategy<Value = Slot> {
    let edges = prop::sample::select(vec![0, 16, 255, 256, 4_095, 4_096, 65_536, 1 << 24, Slot::LAST.number() - 3]);
    (edges, 0..4_u64).prop_map(|(edge, more)| slot(edge + more))
}

fn doomed() -> impl Strategy<Value = Doomed> {
    prop_oneof![
        6 => (0..3_u8, slots()).prop_map(|(of, slot)| Doomed::Slot { account: account(of), slot }),
        3 => (0..3_u8, slots(), slots()).prop_map(|(of, one, other)| Doomed::Slots {
            account: account(of),
            from: one.min(other),
            to: one.max(other),
        }),
        1 => (0..3_u8).prop_map(|of| Doomed::Account(account(of))),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_u8, slots()).prop_map(|(of, slot)| Step::Order(of, slot)),
        2 => (0..3_u8).prop_map(Step::Value),
        4 => prop::collection::vec(doomed(), 1..4).prop_map(Step::Destroy),
        1 => Just(Step::Officers),
        1 => Just(Step::Reseal),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

/// What was sealed, and what became of it.
#[derive(Default)]
struct Model {
    orders: Vec<(u8, Slot, Vec<u8>)>,
    values: Vec<(u8, Vec<u8>)>,
    /// All that was ever named, with the version whose root could still open it.
    destroyed: Vec<(Doomed, u64)>,
    /// The root keys of all versions.
    roots: BTreeMap<u64, [u8; 32]>,
}

impl Model {
    /// The last version that could open this; `None` while it lives.
    fn last(&self, of: u8, slot: Option<Slot>) -> Option<u64> {
        let hit = |doomed: &Doomed| match (*doomed, slot) {
            (Doomed::Account(account), _) => account == self::account(of),
            (Doomed::Slot { account, slot }, Some(one)) => account == self::account(of) && slot == one,
            (Doomed::Slots { account, from, to }, Some(one)) => {
                account == self::account(of) && (from..=to).contains(&one)
            }
            (_, None) => false,
        };
        self.destroyed.iter().find(|(doomed, _)| hit(doomed)).map(|(_, version)| *version)
    }
}

struct Story {
    house: House,
    vault: Option<Vault>,
    thief: Thief,
    model: Model,
    second: Officer,
    seed: u64,
}

impl Story {
    fn begin() -> Self {
        static SEED: AtomicU64 = AtomicU64::new(0);
        let seed = SEED.fetch_add(1 << 32, Ordering::Relaxed);
        let house = House::new(1);
        let vault = Some(house.init(seed));
        let (thief, model) = (Thief::default(), Model::default());
        let mut story = Self { house, vault, thief, model, second: Officer::generate(), seed };
        story.note();
        story
    }

    fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    /// The thief copies all files; the model keeps the root key.
    fn note(&mut self) {
        self.thief.look(&self.house);
        let version = self.vault().status().unwrap().version;
        self.model.roots.insert(version, *root_key(self.vault()).bytes());
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Order(of, slot) => self.order(*of, *slot),
            Step::Value(of) => match self.vault().account(account(*of)) {
                Ok(keys) => self.model.values.push((*of, keys.seal(&CONTEXT, b"value"))),
                Err(error) => self.expect_destroyed(&error, *of, None),
            },
            Step::Destroy(what) => {
                let done = self.vault().destroy(what).unwrap();
                assert!(done.complete() && done.root_after == done.root_before + 1);
                self.model.destroyed.extend(what.iter().map(|doomed| (*doomed, done.root_before)));
            }
            Step::Officers => {
                let (vault, second) = (self.vault(), self.second.recipients().remove(0));
                let known = vault.status().unwrap().officers.contains(&second);
                let change = if known { vault.remove_officer(&second) } else { vault.add_officer(second) };
                assert!(change.unwrap().complete());
            }
            Step::Reseal => {
                self.vault().seal();
                self.vault().unseal(&self.house.officer).unwrap();
            }
            Step::Restart => {
                self.vault = None;
                self.seed += 1;
                self.vault = Some(self.house.open(self.seed).unwrap());
            }
        }
        self.note();
    }

    fn order(&mut self, of: u8, slot: Slot) {
        let sealed = self.vault().account(account(of)).and_then(|keys| keys.seal_consumer(slot, &CONTEXT, b"fields"));
        match sealed {
            Ok(sealed) => self.model.orders.push((of, slot, sealed)),
            Err(error) => self.expect_destroyed(&error, of, Some(slot)),
        }
    }

    fn expect_destroyed(&self, error: &VaultError, of: u8, slot: Option<Slot>) {
        assert!(matches!(error, VaultError::Destroyed), "{error}");
        assert!(self.model.last(of, slot).is_some(), "{of} {slot:?} was never destroyed");
    }

    /// Live ones open, destroyed ones do not: not through the door, and not to the thief with today's root. With the
    /// root of the last version before, they do: the thief would find a way if there were one.
    fn end(&self) {
        let version = self.vault().status().unwrap().version;
        let loot: BTreeMap<_, _> = self
            .model
            .roots
            .iter()
            .map(|(version, root)| (*version, self.thief.open(&crate::key::Key::from_bytes(*root))))
            .collect();
        for (of, slot, sealed) in &self.model.orders {
            let opened = self.vault().account(account(*of)).and_then(|keys| keys.open_consumer(&CONTEXT, sealed));
            let leaf = Path::consumer(account(*of), *slot);
            let stolen = |version| opens_consumer(&loot[&version].keys(&leaf), account(*of), *slot, sealed);
            if let Some(last) = self.model.last(*of, Some(*slot)) {
                assert!(matches!(opened, Err(VaultError::Destroyed)));
                assert!(stolen(last) && (last + 1..=version).all(|version| !stolen(version)));
            } else {
                assert_eq!(opened.unwrap().expose(), b"fields");
                assert!(stolen(version));
            }
        }
        for (of, sealed) in &self.model.values {
            let stolen = |version| opens_value(&loot[&version].keys(&data_path(account(*of))), account(*of), sealed);
            match (self.model.last(*of, None), self.vault().account(account(*of))) {
                (Some(last), Err(VaultError::Destroyed)) => assert!(stolen(last) && !stolen(version)),
                (None, Ok(keys)) => assert_eq!(keys.open(&CONTEXT, sealed).unwrap().expose(), b"value"),
                (last, other) => panic!("{of} {last:?} {:?}", other.err()),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_destroyed_is_gone_and_the_rest_lives(steps in steps()) {
        let mut story = Story::begin();
        for step in &steps {
            story.take(step);
        }
        story.end();
    }
}

/// A thief who does not know how the tree works tries all keys on all files at all places, and derives from all.
#[test]
fn no_key_opens_what_was_destroyed_not_even_by_force() {
    let mut story = Story::begin();
    for step in [
        Step::Order(1, slot(7)),
        Step::Order(1, slot(8)),
        Step::Destroy(vec![Doomed::Slot { account: account(1), slot: slot(7) }]),
        Step::Destroy(vec![Doomed::Slot { account: account(1), slot: slot(9) }]),
    ] {
        story.take(&step);
    }
    let root = root_key(story.vault());
    let forced = |slot| {
        let keys = story.thief.force(&root, &Path::consumer(account(1), slot));
        let sealed = story.model.orders.iter().find(|(_, other, _)| *other == slot).unwrap();
        opens_consumer(&keys, account(1), slot, &sealed.2)
    };
    assert!(forced(slot(8)), "force opens what lives");
    assert!(!forced(slot(7)));
    story.end();
}

/// Whoever left takes along his key and a copy of the root as it was; with today's node files they open nothing.
#[test]
fn the_root_of_a_former_officer_opens_nothing_of_today() {
    let house = House::new(0);
    let vault = house.init(1);
    let former = Officer::generate();
    assert!(vault.add_officer(former.recipients().remove(0)).unwrap().complete());
    let old_root = root_key(&vault);
    assert!(vault.remove_officer(&former.recipients().remove(0)).unwrap().complete());
    let mut thief = Thief::default();
    thief.look(&house);
    let leaf = data_path(account(1));
    assert_eq!((thief.files(), thief.open(&old_root).keys(&leaf).len()), (1, 0));
    assert_eq!(thief.open(&root_key(&vault)).keys(&leaf).len(), 1);
    vault.seal();
    assert!(matches!(vault.unseal(&former), Err(VaultError::WrongOfficer)));
}
