//! Counters under keyed hashes, of which there is only room for so many.
//!
//! The key is random, lives in this process alone, and is replaced every hour; what was counted under the one before is
//! honoured for one more hour, and moves when it is counted on. So even a copy of the memory tells neither who tried nor
//! from where, except to somebody who guesses the address while the key still lives.
//!
//! The table has small buckets; the hash says which bucket a counter is in, so nobody can aim at one. A full bucket
//! gives up the counter with the fewest failures, then the oldest. Whoever floods the table thus pushes out their own
//! counters of one failure and not the one that slows them: to push that out they would have to fail as often in eight
//! other counters of a bucket that they cannot find.

use aws_lc_rs::hmac;
use bonded_base::{Chance, Moment};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long a key is used.
pub const KEY_LIFE_MS: i64 = 60 * 60 * 1000;
/// Counters under one key at most: 3 MiB, and as much again under the key before.
pub const COUNTERS_MAX: usize = BUCKETS * WAYS;

const BUCKETS: usize = 8192;
const WAYS: usize = 8;
/// Bytes of a hash that tell one counter from another.
const TAG_BYTES: usize = 16;

/// How often something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    /// So often.
    pub failures: u32,
    /// And last then, in milliseconds since 1970.
    pub last_ms: i64,
    /// Until when failures were forgotten one by one.
    pub healed_ms: i64,
}

impl Counter {
    pub const fn fresh(now: i64) -> Self {
        Self { failures: 0, last_ms: now, healed_ms: now }
    }
}

/// All counters, under the present key and the one before.
pub(super) struct Counters {
    chance: Arc<dyn Chance>,
    present: Generation,
    before: Generation,
    /// When the present key began; `None` before the first attempt.
    since: Option<Moment>,
}

/// The counters under one key.
struct Generation {
    key: hmac::Key,
    buckets: Vec<Vec<Slot>>,
}

struct Slot {
    tag: [u8; TAG_BYTES],
    counter: Counter,
}

impl Counters {
    pub fn new(chance: Arc<dyn Chance>) -> Self {
        let [present, before] = [Generation::new(&*chance, BUCKETS), Generation::new(&*chance, BUCKETS)];
        Self { chance, present, before, since: None }
    }

    /// Changes keys where it is time.
    pub fn rotate(&mut self, now: Moment) {
        let since = *self.since.get_or_insert(now);
        // A clock that went back must not keep a key alive.
        let age = now.millis().abs_diff(since.millis());
        if age < KEY_LIFE_MS.unsigned_abs() {
            return;
        }
        let fresh = Generation::new(&*self.chance, BUCKETS);
        self.before = std::mem::replace(&mut self.present, fresh);
        if age >= 2 * KEY_LIFE_MS.unsigned_abs() {
            self.before = Generation::new(&*self.chance, BUCKETS);
        }
        self.since = Some(now);
    }

    pub fn read(&self, rule: u8, parts: [&[u8]; 2]) -> Option<Counter> {
        self.present.read(rule, parts).or_else(|| self.before.read(rule, parts))
    }

    pub fn write(&mut self, rule: u8, parts: [&[u8]; 2], counter: Counter) {
        self.before.forget(rule, parts);
        self.present.write(rule, parts, counter);
    }

    pub fn forget(&mut self, rule: u8, parts: [&[u8]; 2]) {
        self.before.forget(rule, parts);
        self.present.forget(rule, parts);
    }
}

impl Generation {
    fn new(chance: &dyn Chance, buckets: usize) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        chance.fill(&mut key[..]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key[..]);
        Self { key, buckets: std::iter::repeat_with(Vec::new).take(buckets).collect() }
    }

    /// What a counter goes by under this key, and its bucket.
    fn place(&self, rule: u8, [one, other]: [&[u8]; 2]) -> ([u8; TAG_BYTES], usize) {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[rule]);
        context.update(&(one.len() as u64).to_be_bytes());
        context.update(one);
        context.update(other);
        let hash = context.sign();
        let (tag, rest) = hash.as_ref().split_at(TAG_BYTES);
        let bucket =
            rest.iter().take(4).fold(0, |value: usize, byte| value << 8 | usize::from(*byte)) % self.buckets.len();
        (std::array::from_fn(|at| tag.get(at).copied().unwrap_or_default()), bucket)
    }

    fn read(&self, rule: u8, parts: [&[u8]; 2]) -> Option<Counter> {
        let (tag, bucket) = self.place(rule, parts);
        self.buckets.get(bucket)?.iter().find(|slot| slot.tag == tag).map(|slot| slot.counter)
    }

    fn write(&mut self, rule: u8, parts: [&[u8]; 2], counter: Counter) {
        let (tag, bucket) = self.place(rule, parts);
        let Some(slots) = self.buckets.get_mut(bucket) else { return };
        if let Some(slot) = slots.iter_mut().find(|slot| slot.tag == tag) {
            slot.counter = counter;
            return;
        }
        if slots.len() == WAYS {
            let heat = |slot: &Slot| (slot.counter.failures, slot.counter.last_ms);
            let coldest = slots.iter().enumerate().min_by_key(|(_, slot)| heat(slot)).map(|(at, _)| at);
            slots.swap_remove(coldest.unwrap_or_default());
        }
        slots.push(Slot { tag, counter });
    }

    fn forget(&mut self, rule: u8, parts: [&[u8]; 2]) {
        let (tag, bucket) = self.place(rule, parts);
        if let Some(slots) = self.buckets.get_mut(bucket) {
            slots.retain(|slot| slot.tag != tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_testkit::ledger::{BEGINNING, SeededChance};
    use proptest::prelude::*;
    use std::collections::HashSet;

    const HOT: [&[u8]; 2] = [b"ada@example.com", b"mark"];

    fn counters() -> Counters {
        let mut counters = Counters::new(Arc::new(SeededChance::of(2)));
        counters.rotate(BEGINNING);
        counters
    }

    const fn failed(failures: u32) -> Counter {
        Counter { failures, ..Counter::fresh(0) }
    }

    fn hours(hours: i64) -> Moment {
        BEGINNING.plus_millis(hours * KEY_LIFE_MS)
    }

    #[test]
    fn a_flood_pushes_itself_out_and_not_the_one_that_is_slowed() {
        let mut counters = counters();
        counters.write(1, HOT, failed(6));
        for number in 0..3 * COUNTERS_MAX {
            counters.write(1, [&number.to_be_bytes(), b""], failed(1));
        }
        let held: usize = counters.present.buckets.iter().map(Vec::len).sum();
        assert!(held <= COUNTERS_MAX && counters.present.buckets.iter().all(|slots| slots.len() <= WAYS));
        assert_eq!(counters.read(1, HOT), Some(failed(6)));
        assert_eq!(counters.read(1, [&0_usize.to_be_bytes(), b""]), None);
    }

    #[test]
    fn what_was_counted_is_honoured_for_one_more_hour_and_moves_when_it_is_counted_on() {
        let mut counters = counters();
        counters.write(1, HOT, failed(6));
        counters.rotate(hours(1));
        assert_eq!(counters.read(1, HOT), Some(failed(6)));
        counters.rotate(hours(2));
        assert_eq!(counters.read(1, HOT), None);
        counters.write(1, HOT, failed(6));
        counters.rotate(hours(3));
        counters.write(1, HOT, failed(7));
        counters.rotate(hours(4));
        assert_eq!(counters.read(1, HOT), Some(failed(7)));
        counters.rotate(hours(9));
        assert_eq!(counters.read(1, HOT), None, "nobody came for hours");
        counters.write(1, HOT, failed(1));
        counters.forget(1, HOT);
        assert_eq!(counters.read(1, HOT), None);
    }

    #[test]
    fn counters_of_different_rules_and_parts_are_different() {
        let counters = counters();
        let parts: [[&[u8]; 2]; 5] = [[b"ab", b""], [b"a", b"b"], [b"", b"ab"], [b"abc", b""], [b"", b""]];
        let places = (0..20).flat_map(|rule| parts.map(|parts| counters.present.place(rule, parts).0));
        assert_eq!(places.collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn no_key_comes_again() {
        let mut counters = counters();
        let mut tags = HashSet::new();
        for hour in 0..50 {
            counters.rotate(hours(hour));
            assert!(tags.insert(counters.present.place(1, HOT)), "hour {hour}");
            assert_ne!(counters.present.place(1, HOT), counters.before.place(1, HOT));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// In two buckets, which are soon full.
        #[test]
        fn memory_has_an_end_and_only_the_coldest_gives_way(
            writes in proptest::collection::vec((0_u8..60, 0_u32..9, 0_i64..9), 1..300),
        ) {
            let mut generation = Generation::new(&SeededChance::of(2), 2);
            for (who, failures, last_ms) in writes {
                let name: [&[u8]; 2] = [&[who], b""];
                let bucket = generation.place(1, name).1;
                let of = |generation: &Generation| -> Vec<_> {
                    generation.buckets[bucket].iter().map(|slot| (slot.counter.failures, slot.counter.last_ms, slot.tag)).collect()
                };
                let before = of(&generation);
                let is_new = generation.read(1, name).is_none();
                let counter = Counter { failures, last_ms, healed_ms: 0 };
                generation.write(1, name, counter);
                prop_assert_eq!(generation.read(1, name), Some(counter));
                let after = of(&generation);
                prop_assert!(after.len() <= WAYS);
                let gone: Vec<_> = before.iter().filter(|slot| after.iter().all(|other| other.2 != slot.2)).collect();
                prop_assert_eq!(gone.len(), usize::from(is_new && before.len() == WAYS));
                for slot in gone {
                    let coldest = before.iter().map(|other| (other.0, other.1)).min();
                    prop_assert_eq!(Some((slot.0, slot.1)), coldest);
                }
            }
        }
    }
}
