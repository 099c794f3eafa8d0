//! When the issuer's keys are asked for again, and how long they are used while nobody answers.
//!
//! Only the rules; whoever holds a keyring asks the source, and says when.

use super::KeySet;
use bonded_base::Moment;
use std::sync::Arc;

/// How long keys are used after their source last confirmed them: 24 hours.
pub const KEPT_MS_MAX: i64 = 24 * 60 * 60 * 1000;
/// Between two questions that unknown keys cause. Anybody can name a key that does not exist.
pub const SEEK_MS_MIN: i64 = 30_000;
/// Between two questions by the clock while the source does not answer.
pub const RETRY_MS: i64 = 60_000;

/// The keys of one issuer, as far as its source has told.
#[derive(Debug)]
pub struct Keyring {
    every_ms: i64,
    held: Option<Held>,
    tried_at: Option<Moment>,
    sought_at: Option<Moment>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    confirmed_at: Moment,
}

impl Keyring {
    /// Empty; its keys are to be confirmed every so many milliseconds.
    pub const fn new(every_ms: i64) -> Self {
        Self { every_ms, held: None, tried_at: None, sought_at: None }
    }

    /// The newest keys, unless their source has been silent for too long.
    pub fn usable(&self, now: Moment) -> Option<Arc<KeySet>> {
        let held = self.held.as_ref()?;
        (now.millis() - held.confirmed_at.millis() < KEPT_MS_MAX).then(|| Arc::clone(&held.keys))
    }

    /// When the source last said that these are the keys.
    pub fn confirmed_at(&self) -> Option<Moment> {
        self.held.as_ref().map(|held| held.confirmed_at)
    }

    /// Whether the clock says to ask the source.
    pub fn is_due(&self, now: Moment) -> bool {
        let old = self.held.as_ref().is_none_or(|held| has_passed(held.confirmed_at, self.every_ms, now));
        old && self.tried_at.is_none_or(|tried| has_passed(tried, RETRY_MS.min(self.every_ms), now))
    }

    /// Whether a key that is not among those known may cause a question now; if so, that one is begun.
    pub fn may_seek(&mut self, now: Moment) -> bool {
        // Without any key, every caller's is unknown: then what counts is when the source was asked at all.
        if self.usable(now).is_none() {
            return self.tried_at.is_none_or(|tried| has_passed(tried, SEEK_MS_MIN, now));
        }
        let may = self.sought_at.is_none_or(|sought| has_passed(sought, SEEK_MS_MIN, now));
        if may {
            self.sought_at = Some(now);
        }
        may
    }

    /// The source is being asked.
    pub const fn tried(&mut self, now: Moment) {
        self.tried_at = Some(now);
    }

    /// The source has answered. Tells whether these are other keys than before.
    pub fn confirmed(&mut self, keys: KeySet, now: Moment) -> bool {
        let same = self.held.as_ref().is_some_and(|held| *held.keys == keys);
        self.held = Some(Held { keys: Arc::new(keys), confirmed_at: now });
        !same
    }
}

/// A clock that was set back counts as time that passed: better one question too many than none for hours.
const fn has_passed(since: Moment, millis: i64, now: Moment) -> bool {
    let passed = now.millis() - since.millis();
    passed < 0 || passed >= millis
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;
    const DOCUMENT: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "KID",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

    fn keys(kid: &str) -> KeySet {
        KeySet::parse(DOCUMENT.replace("KID", kid).as_bytes()).unwrap()
    }

    fn at(millis: i64) -> Moment {
        Moment::from_millis(1_795_339_800_000 + millis)
    }

    #[test]
    fn keys_are_asked_for_by_the_clock_and_sooner_while_nobody_answers() {
        let mut ring = Keyring::new(HOUR_MS);
        assert!(ring.is_due(at(0)) && ring.usable(at(0)).is_none() && ring.confirmed_at().is_none());
        ring.tried(at(0));
        assert!(!ring.is_due(at(RETRY_MS - 1)) && ring.is_due(at(RETRY_MS)));
        ring.tried(at(RETRY_MS));
        assert!(ring.confirmed(keys("a"), at(RETRY_MS)));
        assert!(!ring.is_due(at(HOUR_MS)) && ring.is_due(at(HOUR_MS + RETRY_MS)));
        ring.tried(at(HOUR_MS + RETRY_MS));
        assert!(!ring.is_due(at(HOUR_MS + 2 * RETRY_MS - 1)) && ring.is_due(at(HOUR_MS + 2 * RETRY_MS)));
        assert_eq!(ring.confirmed_at(), Some(at(RETRY_MS)));
    }

    #[test]
    fn keys_that_nobody_confirms_are_used_for_a_day() {
        let mut ring = Keyring::new(HOUR_MS);
        ring.confirmed(keys("a"), at(0));
        ring.tried(at(HOUR_MS));
        assert!(ring.usable(at(KEPT_MS_MAX - 1)).is_some());
        assert!(ring.usable(at(KEPT_MS_MAX)).is_none());
        assert!(!ring.confirmed(keys("a"), at(KEPT_MS_MAX)), "the same keys are no news");
        assert!(ring.usable(at(2 * KEPT_MS_MAX - 1)).is_some());
        assert!(ring.confirmed(keys("b"), at(KEPT_MS_MAX + 1)));
    }

    #[test]
    fn a_storm_of_unknown_keys_is_one_question_in_thirty_seconds() {
        let mut ring = Keyring::new(HOUR_MS);
        ring.tried(at(0));
        ring.confirmed(keys("a"), at(0));
        let asked = (0..90_000).filter(|millis| ring.may_seek(at(*millis))).count();
        assert_eq!(asked, 3);
    }

    #[test]
    fn without_keys_the_source_is_asked_as_seldom_and_the_first_unknown_key_still_finds_it() {
        let mut ring = Keyring::new(HOUR_MS);
        assert!(ring.may_seek(at(0)));
        ring.tried(at(0));
        assert!(!ring.may_seek(at(SEEK_MS_MIN - 1)) && ring.may_seek(at(SEEK_MS_MIN)));
        ring.tried(at(SEEK_MS_MIN));
        ring.confirmed(keys("a"), at(SEEK_MS_MIN));
        assert!(ring.may_seek(at(SEEK_MS_MIN)) && !ring.may_seek(at(SEEK_MS_MIN + 1)));
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let mut ring = Keyring::new(HOUR_MS);
        ring.tried(at(0));
        ring.confirmed(keys("a"), at(0));
        assert!(ring.may_seek(at(0)) && !ring.may_seek(at(1)));
        assert!(ring.is_due(at(-1)) && ring.may_seek(at(-1)));
        assert!(ring.usable(at(-1)).is_some());
    }
}
