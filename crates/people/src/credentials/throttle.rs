//! What slows guessing, locks nobody out, and writes nobody's address down.
//!
//! Failures are counted in memory alone, under keyed hashes (`throttle/counters.rs`). What is counted follows from who
//! guesses:
//!
//! | counted for | free | then a wait of | so that |
//! |---|---|---|---|
//! | a person on a device that they signed in with before | 5 | 1 s, doubling to 15 min | a stolen device helps little |
//! | a person from one caller (mark), device unknown | 5 | 1 s, doubling to 15 min | one guesser is slow |
//! | a person from all unknown devices | 20 | 1 s, doubling to 1 min; 100 in a row stop for 1 h | many guessers are slow |
//! | a caller over all persons, devices unknown | 100 an hour | 1 s, doubling to 1 min | one password for everybody is slow |
//!
//! A person on a known device waits only for what was done with that device, so no stranger can keep them out; a
//! passkey and a mailed reset are never made to wait here either. One-time and recovery codes have counters of their
//! own, tighter over all unknown devices since a code has six digits.
//!
//! An attempt counts as failed from the moment it is admitted, so that a hundred at the same instant are not a hundred
//! free ones. NIST SP 800-63B-4, section 3.2.2, wants no more than 100 failures in a row; here they stop unknown devices
//! for an hour and not for good, since a stranger must not be able to shut a person out.

mod counters;

use bonded_base::{Chance, Moment};
use counters::{Counter, Counters};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

pub use counters::{COUNTERS_MAX, KEY_LIFE_MS};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Wrong codes in a row that end a sign-in whose password was right.
pub const WRONG_CODES_MAX: u32 = 10;

/// How failures of one sort are made to wait.
struct Rule {
    /// Tells its counters from those of others.
    number: u8,
    /// Failures without a wait.
    free: u32,
    /// The first wait; each further failure doubles it.
    wait_ms_min: i64,
    /// The longest wait.
    wait_ms_max: i64,
    /// Time in which one failure is forgotten, if they are forgotten one by one.
    leak_ms: Option<i64>,
    /// So many failures stop the unknown devices for so long.
    stop: Option<(u32, i64)>,
}

/// A person on a device of theirs.
const DEVICE: Rule =
    Rule { number: 1, free: 5, wait_ms_min: SECOND_MS, wait_ms_max: 15 * MINUTE_MS, leak_ms: None, stop: None };
/// A person from one caller.
const CALLER: Rule = Rule { number: 2, ..DEVICE };
/// A person from all unknown devices.
const PERSON: Rule = Rule { number: 3, free: 20, wait_ms_max: MINUTE_MS, stop: Some((100, HOUR_MS)), ..DEVICE };
/// A caller over all persons.
const SPRAY: Rule = Rule { number: 4, free: 100, wait_ms_max: MINUTE_MS, leak_ms: Some(HOUR_MS / 100), ..DEVICE };
/// A person's codes on a device of theirs.
const DEVICE_CODES: Rule = Rule { number: 5, ..DEVICE };
/// A person's codes from one caller.
const CALLER_CODES: Rule = Rule { number: 6, ..DEVICE };
/// A person's codes from all unknown devices: about a hundred guesses a day at a code with a million values.
const PERSON_CODES: Rule = Rule { number: 7, free: 10, ..DEVICE };
/// Codes of one sign-in that has begun.
const PENDING: Rule = Rule { number: 8, free: u32::MAX, ..DEVICE };
/// Mails that somebody asks for, to one address: three at once, then one in twenty minutes.
const MAIL_TO: Rule = Rule {
    number: 9,
    free: 3,
    wait_ms_min: MINUTE_MS,
    wait_ms_max: 20 * MINUTE_MS,
    leak_ms: Some(20 * MINUTE_MS),
    stop: None,
};
/// Mails that one caller asks for: twenty in an hour.
const MAIL_FROM: Rule = Rule { number: 10, free: 20, leak_ms: Some(3 * MINUTE_MS), ..MAIL_TO };

/// Passkeys that one caller asks for before anybody is known: thirty at once, then one in two seconds.
const ASKED: Rule = Rule {
    number: 11,
    free: 30,
    wait_ms_min: SECOND_MS,
    wait_ms_max: MINUTE_MS,
    leak_ms: Some(2 * SECOND_MS),
    stop: None,
};

/// One try at a password or at a code.
#[derive(Clone)]
pub struct Attempt {
    person: Zeroizing<String>,
    mark: [u8; 16],
    device: Option<[u8; 16]>,
    /// The sign-in that has begun, if a code is tried.
    pending: Option<[u8; 16]>,
}

impl Attempt {
    /// A try at a password. `person` is the mail address as it was typed, whether or not there is such a person; `mark`
    /// stands for the caller and tells nothing of their address; `device` names a device that this very person has
    /// signed in with before, *shown to be so*: whoever could invent one would have five free guesses for each.
    pub fn at_password(person: &str, mark: [u8; 16], device: Option<[u8; 16]>) -> Self {
        Self { person: Zeroizing::new(person.trim().to_lowercase()), mark, device, pending: None }
    }

    /// A try at a one-time or recovery code, in a sign-in that has begun (the 16 bytes of its id).
    pub fn at_code(person: &str, mark: [u8; 16], device: Option<[u8; 16]>, pending: [u8; 16]) -> Self {
        Self { pending: Some(pending), ..Self::at_password(person, mark, device) }
    }

    /// What it is counted for.
    fn counted(&self) -> Vec<(&'static Rule, [&[u8]; 2])> {
        let person = self.person.as_bytes();
        match (&self.pending, &self.device) {
            (None, Some(device)) => vec![(&DEVICE, [person, device])],
            (None, None) => {
                vec![(&CALLER, [person, &self.mark]), (&PERSON, [person, b""]), (&SPRAY, [b"", &self.mark])]
            }
            (Some(pending), Some(device)) => {
                vec![(&PENDING, [person, pending]), (&DEVICE_CODES, [person, device])]
            }
            (Some(pending), None) => vec![
                (&PENDING, [person, pending]),
                (&CALLER_CODES, [person, &self.mark]),
                (&PERSON_CODES, [person, b""]),
            ],
        }
    }
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In so many seconds again, at least one.
    pub seconds: u32,
    /// Whether unknown devices are stopped: a passkey, a mailed reset or a known device is the way in.
    pub is_stopped: bool,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// They may try again.
    Again,
    /// The sign-in that had begun is over: too many wrong codes.
    Over,
    /// Unknown devices are stopped from now on: too many failures of this person.
    Stopped,
}

/// Counts failures; one for the whole process.
pub struct Throttle {
    counters: Mutex<Counters>,
}

impl Throttle {
    /// Has counted nothing yet; `chance` gives it a fresh key every hour.
    pub fn new(chance: Arc<dyn Chance>) -> Self {
        Self { counters: Mutex::new(Counters::new(chance)) }
    }

    fn counters(&self, now: Moment) -> MutexGuard<'_, Counters> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.rotate(now);
        counters
    }

    /// Whether an attempt may be made now. It counts as failed until [`Throttle::succeeded`] or
    /// [`Throttle::withdrawn`] is told; one that is made to wait does not count.
    pub fn check(&self, attempt: &Attempt, now: Moment) -> Result<(), Wait> {
        self.admit(&attempt.counted(), now)
    }

    /// It failed.
    pub fn failed(&self, attempt: &Attempt, now: Moment) -> After {
        let counters = self.counters(now);
        let has_come_to = |rule: &Rule, parts, most| {
            counters.read(rule.number, parts).is_some_and(|counter| counter.failures >= most)
        };
        let counted = attempt.counted();
        if counted
            .iter()
            .any(|(rule, parts)| rule.number == PENDING.number && has_come_to(rule, *parts, WRONG_CODES_MAX))
        {
            return After::Over;
        }
        let is_stopped =
            |(rule, parts): &(&Rule, _)| rule.stop.is_some_and(|(most, _)| has_come_to(rule, *parts, most));
        if counted.iter().any(is_stopped) { After::Stopped } else { After::Again }
    }

    /// It succeeded: what was counted for this device, or this caller, is forgotten. What strangers did is not.
    pub fn succeeded(&self, attempt: &Attempt, now: Moment) {
        let mut counters = self.counters(now);
        for (rule, parts) in attempt.counted() {
            let is_shared = [PERSON.number, SPRAY.number, PERSON_CODES.number].contains(&rule.number);
            if is_shared {
                take_back(&mut counters, rule, parts);
            } else {
                counters.forget(rule.number, parts);
            }
        }
    }

    /// It was neither: nobody looked whether it was right.
    pub fn withdrawn(&self, attempt: &Attempt, now: Moment) {
        let mut counters = self.counters(now);
        for (rule, parts) in attempt.counted() {
            take_back(&mut counters, rule, parts);
        }
    }

    /// Whether one more mail that anybody may ask for (a reset) may be sent to this address. Nobody must be able to tell
    /// from the answer that it was not.
    pub fn check_mail(&self, address: &str, mark: [u8; 16], now: Moment) -> Result<(), Wait> {
        let address = Zeroizing::new(address.trim().to_lowercase());
        self.admit(&[(&MAIL_TO, [address.as_bytes(), b""]), (&MAIL_FROM, [b"", &mark])], now)
    }

    /// Whether a caller may ask for one more passkey before anybody is known, so that no stranger fills the room in which
    /// what others were asked waits for its answer.
    pub fn check_asked(&self, mark: [u8; 16], now: Moment) -> Result<(), Wait> {
        self.admit(&[(&ASKED, [b"", &mark])], now)
    }

    fn admit(&self, counted: &[(&'static Rule, [&[u8]; 2])], now: Moment) -> Result<(), Wait> {
        let mut counters = self.counters(now);
        let now = now.millis();
        let found: Vec<Counter> = counted
            .iter()
            .map(|(rule, parts)| rule.settled(counters.read(rule.number, *parts).unwrap_or(Counter::fresh(now)), now))
            .collect();
        let waits = counted.iter().zip(&found).map(|((rule, _), counter)| rule.wait_ms(counter, now));
        if let Some((wait_ms, is_stopped)) = waits.max().filter(|(wait_ms, _)| *wait_ms > 0) {
            let seconds = u32::try_from((wait_ms + SECOND_MS - 1) / SECOND_MS).unwrap_or(u32::MAX);
            return Err(Wait { seconds, is_stopped });
        }
        for ((rule, parts), counter) in counted.iter().zip(found) {
            let failures = counter.failures.saturating_add(1);
            counters.write(rule.number, *parts, Counter { failures, last_ms: now, ..counter });
        }
        Ok(())
    }
}

fn take_back(counters: &mut Counters, rule: &Rule, parts: [&[u8]; 2]) {
    if let Some(counter) = counters.read(rule.number, parts) {
        let failures = counter.failures.saturating_sub(1);
        counters.write(rule.number, parts, Counter { failures, ..counter });
    }
}

impl Rule {
    /// A counter as it is now, after what time has healed.
    fn settled(&self, mut counter: Counter, now: i64) -> Counter {
        if let Some(leak_ms) = self.leak_ms {
            let leaked = (now - counter.healed_ms).max(0) / leak_ms;
            counter.failures = counter.failures.saturating_sub(u32::try_from(leaked).unwrap_or(u32::MAX));
            counter.healed_ms += leaked * leak_ms;
        }
        if self.stop.is_some_and(|(most, stop_ms)| counter.failures >= most && now >= counter.last_ms + stop_ms) {
            counter.failures = self.free;
        }
        counter
    }

    /// How long to wait, and whether that is a stop.
    fn wait_ms(&self, counter: &Counter, now: i64) -> (i64, bool) {
        if let Some((_, stop_ms)) = self.stop.filter(|(most, _)| counter.failures >= *most) {
            return ((counter.last_ms + stop_ms - now).clamp(0, stop_ms), true);
        }
        let Some(beyond) = counter.failures.checked_sub(self.free) else { return (0, false) };
        let doubled = self.wait_ms_min.saturating_mul(1 << beyond.min(20));
        // A clock that went back makes nobody wait longer than the rule says.
        let wait_ms = doubled.min(self.wait_ms_max);
        ((counter.last_ms + wait_ms - now).clamp(0, wait_ms), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_testkit::ledger::{BEGINNING, SeededChance};
    use proptest::prelude::*;

    const MARK: [u8; 16] = [1; 16];
    const ADA_S_DEVICE: [u8; 16] = [9; 16];

    fn throttle() -> Throttle {
        Throttle::new(Arc::new(SeededChance::of(5)))
    }

    fn mark(number: u32) -> [u8; 16] {
        u128::from(number).to_be_bytes()
    }

    fn at(seconds: i64) -> Moment {
        BEGINNING.plus_millis(seconds * SECOND_MS)
    }

    /// Fails as often as it may, waiting as long as it must; says how long each wait was.
    fn waits(throttle: &Throttle, attempts: impl Iterator<Item = Attempt>, now: &mut Moment) -> Vec<u32> {
        let mut waits = Vec::new();
        for attempt in attempts {
            let mut waited = 0;
            while let Err(wait) = throttle.check(&attempt, *now) {
                waited += wait.seconds;
                *now = now.plus_millis(i64::from(wait.seconds) * SECOND_MS);
            }
            throttle.failed(&attempt, *now);
            waits.push(waited);
        }
        waits
    }

    #[test]
    fn one_guesser_has_five_free_and_then_waits_twice_as_long_each_time() {
        let (throttle, mut now) = (throttle(), BEGINNING);
        let attempts = std::iter::repeat_n(Attempt::at_password("ada@example.com", MARK, None), 18);
        let waits = waits(&throttle, attempts, &mut now);
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    }

    #[test]
    fn many_guessers_of_one_person_are_slow_together_and_stopped_at_a_hundred() {
        let (throttle, mut now) = (throttle(), BEGINNING);
        let attempt = |number| Attempt::at_password("ada@example.com", mark(number), None);
        let waits = waits(&throttle, (0..100).map(attempt), &mut now);
        assert_eq!(waits[..20], [0; 20]);
        assert_eq!(waits[20..28], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits.iter().sum::<u32>(), 63 + 74 * 60);
        assert_eq!(throttle.failed(&attempt(99), now), After::Stopped, "which is to be told");
        let at_home = Attempt::at_password("ada@example.com", MARK, Some(ADA_S_DEVICE));
        assert_eq!(throttle.failed(&at_home, now), After::Again);
        let stopped = throttle.check(&attempt(100), now).unwrap_err();
        assert_eq!(stopped, Wait { seconds: 3600, is_stopped: true });
        // However it is capitalised, and for nobody else.
        assert!(throttle.check(&Attempt::at_password(" ADA@example.COM", mark(101), None), now).is_err());
        assert!(throttle.check(&Attempt::at_password("bob@example.com", mark(100), None), now).is_ok());
        // On her own device Ada does not even notice.
        assert!(throttle.check(&Attempt::at_password("ada@example.com", MARK, Some(ADA_S_DEVICE)), now).is_ok());
        let later = now.plus_millis(HOUR_MS);
        assert!(throttle.check(&attempt(102), later).is_ok());
        let again = throttle.check(&attempt(103), later).unwrap_err();
        assert_eq!(again, Wait { seconds: 2, is_stopped: false }, "it goes on where the free ones ended");
    }

    #[test]
    fn one_guesser_of_many_persons_is_slow() {
        let (throttle, mut now) = (throttle(), BEGINNING);
        let attempt = |number: u32| Attempt::at_password(&format!("{number}@example.com"), MARK, None);
        let waits = waits(&throttle, (0..110).map(attempt), &mut now);
        assert_eq!(waits[..100], [0; 100]);
        assert_eq!(waits[100..106], [1, 2, 4, 8, 16, 32]);
        // One failure in 36 seconds is forgotten, so an office with a common address is not shut out.
        assert!(throttle.check(&attempt(1000), now.plus_millis(HOUR_MS)).is_ok());
    }

    #[test]
    fn attempts_at_the_same_instant_all_count() {
        let throttle = throttle();
        let attempt = Attempt::at_password("ada@example.com", MARK, None);
        let admitted = (0..50).filter(|_| throttle.check(&attempt, BEGINNING).is_ok()).count();
        assert_eq!(admitted, 5);
        throttle.withdrawn(&attempt, BEGINNING);
        assert!(throttle.check(&attempt, BEGINNING).is_ok(), "one was not looked at");
    }

    #[test]
    fn waiting_is_not_made_longer_by_trying() {
        let throttle = throttle();
        let attempt = Attempt::at_password("ada@example.com", MARK, None);
        for _ in 0..5 {
            throttle.check(&attempt, BEGINNING).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(throttle.check(&attempt, BEGINNING).unwrap_err().seconds, 1);
        }
        assert!(throttle.check(&attempt, at(1)).is_ok());
    }

    #[test]
    fn success_forgets_what_belongs_to_the_device_and_no_more() {
        let throttle = throttle();
        let stranger = |number| Attempt::at_password("ada@example.com", mark(number), None);
        for number in 0..19 {
            throttle.check(&stranger(number), BEGINNING).unwrap();
        }
        let hers = Attempt::at_password("ada@example.com", MARK, None);
        throttle.check(&hers, BEGINNING).unwrap();
        throttle.succeeded(&hers, BEGINNING);
        assert!(throttle.check(&stranger(20), BEGINNING).is_ok(), "her own was taken back");
        assert!(throttle.check(&stranger(21), BEGINNING).is_err(), "theirs were not");
        let device = Attempt::at_password("ada@example.com", MARK, Some(ADA_S_DEVICE));
        for _ in 0..3 {
            for _ in 0..5 {
                throttle.check(&device, BEGINNING).unwrap();
            }
            assert!(throttle.check(&device, BEGINNING).is_err());
            throttle.succeeded(&device, BEGINNING);
        }
    }

    #[test]
    fn ten_wrong_codes_end_the_sign_in_that_had_begun() {
        let (throttle, mut now) = (throttle(), BEGINNING);
        let attempt = Attempt::at_code("ada@example.com", MARK, Some(ADA_S_DEVICE), [3; 16]);
        for count in 1..=WRONG_CODES_MAX {
            while let Err(wait) = throttle.check(&attempt, now) {
                now = now.plus_millis(i64::from(wait.seconds) * SECOND_MS);
            }
            let after = throttle.failed(&attempt, now);
            assert_eq!(after, if count < WRONG_CODES_MAX { After::Again } else { After::Over });
        }
        // Passwords are counted elsewhere.
        assert!(throttle.check(&Attempt::at_password("ada@example.com", MARK, Some(ADA_S_DEVICE)), now).is_ok());
        throttle.succeeded(&attempt, now);
        let next = Attempt::at_code("ada@example.com", MARK, Some(ADA_S_DEVICE), [4; 16]);
        assert!(throttle.check(&next, now).is_ok());
        assert_eq!(throttle.failed(&next, now), After::Again);
    }

    #[test]
    fn codes_are_guessed_slowly_from_however_many_places() {
        let (throttle, mut now) = (throttle(), BEGINNING);
        let attempt = |number| Attempt::at_code("ada@example.com", mark(number), None, mark(number));
        let waits = waits(&throttle, (0..60).map(attempt), &mut now);
        assert_eq!(waits[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert!(now >= BEGINNING.plus_millis(9 * HOUR_MS), "sixty guesses take more than nine hours");
    }

    #[test]
    fn mails_to_one_address_and_from_one_caller_have_a_budget() {
        let throttle = throttle();
        let sent = (0..100).filter(|number| throttle.check_mail("ada@example.com", mark(*number), BEGINNING).is_ok());
        assert_eq!(sent.count(), 3);
        assert!(throttle.check_mail("ada@example.com", MARK, at(20 * 60)).is_ok(), "one in twenty minutes");
        let sent =
            (0..100).filter(|n: &u32| throttle.check_mail(&format!("{n}@example.com"), mark(7777), at(0)).is_ok());
        assert_eq!(sent.count(), 20);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever strangers do, and from wherever: also from the same office, or with devices of others.
        #[test]
        fn a_known_device_never_waits_for_strangers(
            tries in proptest::collection::vec((0_u32..6, 0_u8..3, 0_i64..90, any::<bool>()), 1..400),
            own_failures in 0_u32..5,
        ) {
            let (throttle, mut now) = (throttle(), BEGINNING);
            let hers = Attempt::at_password("ada@example.com", mark(0), Some(ADA_S_DEVICE));
            let her_code = Attempt::at_code("ada@example.com", mark(0), Some(ADA_S_DEVICE), [3; 16]);
            for (number, sort, seconds, fails) in tries {
                let attempt = match sort {
                    0 => Attempt::at_password("ada@example.com", mark(number), None),
                    1 => Attempt::at_code("ada@example.com", mark(number), None, mark(number)),
                    _ => Attempt::at_password("bob@example.com", mark(number), Some(ADA_S_DEVICE)),
                };
                now = now.plus_millis(seconds * SECOND_MS);
                if throttle.check(&attempt, now).is_ok() {
                    if fails { throttle.failed(&attempt, now); } else { throttle.succeeded(&attempt, now); }
                }
            }
            for _ in 0..own_failures {
                prop_assert!(throttle.check(&hers, now).is_ok());
                throttle.failed(&hers, now);
            }
            prop_assert_eq!(throttle.check(&hers, now), Ok(()));
            prop_assert_eq!(throttle.check(&her_code, now), Ok(()));
        }

        /// No order of moments, not even a clock that jumps, makes a wait longer than its rule.
        #[test]
        fn waits_have_an_end(jumps in proptest::collection::vec(-100_000_i64..100_000, 1..300)) {
            let (throttle, mut now) = (throttle(), BEGINNING);
            let attempt = Attempt::at_password("ada@example.com", MARK, None);
            for jump in jumps {
                now = now.plus_millis(jump);
                if let Err(wait) = throttle.check(&attempt, now) {
                    prop_assert!(wait.is_stopped || wait.seconds <= 900, "{}", wait.seconds);
                    prop_assert!(wait.seconds > 0);
                }
            }
        }
    }
}
