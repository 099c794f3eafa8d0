//! Ceremonies that have begun: what a passkey was asked, kept until its answer comes.

use crate::credentials::CredentialError;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::{Chance, Moment};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How long an answer is waited for.
pub const WAIT_MS_MAX: i64 = 5 * 60 * 1000;
/// Ceremonies that are kept at once; the oldest gives way.
pub const KEPT_MAX: usize = 10_000;

/// Whose ceremony it is: a session, a sign-in that has begun, or what a browser was given before it says who it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; 32]);

impl Binding {
    /// A binding to this session's, or this attempt's, token. It is kept as a hash.
    pub fn to(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(hash)
    }
}

/// Ceremonies of one sort, in memory only: a restart means that people try again.
pub(super) struct Shelf<S>(Mutex<Kept<S>>);

struct Kept<S> {
    ceremonies: HashMap<String, Ceremony<S>>,
    /// Their ids, the oldest first; also of some that are done.
    ids: VecDeque<String>,
}

struct Ceremony<S> {
    state: S,
    binding: Binding,
    until: Moment,
}

impl<S> Shelf<S> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { ceremonies: HashMap::new(), ids: VecDeque::new() }))
    }

    /// Keeps what was asked; the id goes to the browser.
    pub(super) fn put(&self, state: S, binding: Binding, now: Moment, chance: &dyn Chance) -> String {
        let mut random = [0; 16];
        chance.fill(&mut random);
        let id = BASE64URL.encode(random);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.ids.len() >= KEPT_MAX || kept.oldest_is_over(now) {
            let Some(oldest) = kept.ids.pop_front() else { break };
            kept.ceremonies.remove(&oldest);
        }
        kept.ids.push_back(id.clone());
        kept.ceremonies.insert(id.clone(), Ceremony { state, binding, until: now.plus_millis(WAIT_MS_MAX) });
        id
    }

    /// Takes what was asked, once. Another's stays where it is.
    pub(super) fn take(&self, id: &str, binding: Binding, now: Moment) -> Result<S, CredentialError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_theirs = kept.ceremonies.get(id).is_some_and(|ceremony| ceremony.binding == binding);
        let taken = if is_theirs { kept.ceremonies.remove(id) } else { None };
        taken.filter(|ceremony| now < ceremony.until).map(|ceremony| ceremony.state).ok_or(CredentialError::NotProven)
    }
}

impl<S> Kept<S> {
    fn oldest_is_over(&self, now: Moment) -> bool {
        self.ids.front().is_some_and(|id| self.ceremonies.get(id).is_none_or(|ceremony| ceremony.until <= now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_testkit::ledger::{BEGINNING, SeededChance};

    #[test]
    fn a_ceremony_is_taken_once_in_time_and_by_whoever_began_it() {
        let (shelf, chance) = (Shelf::new(), SeededChance::of(1));
        let (ada, eve) = (Binding::to(b"ada"), Binding::to(b"eve"));
        let id = shelf.put(7, ada, BEGINNING, &chance);
        assert_eq!(id.len(), 22);
        assert!(shelf.take("", ada, BEGINNING).is_err());
        assert_eq!(shelf.take(&id, ada, BEGINNING.plus_millis(WAIT_MS_MAX - 1)).unwrap(), 7);
        assert!(shelf.take(&id, ada, BEGINNING).is_err(), "taken already");
        let id = shelf.put(8, ada, BEGINNING, &chance);
        assert!(shelf.take(&id, ada, BEGINNING.plus_millis(WAIT_MS_MAX)).is_err(), "too late");
        let id = shelf.put(9, ada, BEGINNING, &chance);
        assert!(shelf.take(&id, eve, BEGINNING).is_err(), "another's");
        assert_eq!(shelf.take(&id, ada, BEGINNING).unwrap(), 9, "which is still there for its owner");
    }

    #[test]
    fn the_shelf_has_an_end_and_the_oldest_gives_way() {
        let (shelf, chance, ada) = (Shelf::new(), SeededChance::of(1), Binding::to(b"ada"));
        let ids: Vec<String> = (0..=KEPT_MAX).map(|number| shelf.put(number, ada, BEGINNING, &chance)).collect();
        assert!(shelf.take(&ids[0], ada, BEGINNING).is_err());
        assert_eq!(shelf.take(&ids[1], ada, BEGINNING).unwrap(), 1);
        assert_eq!(shelf.take(&ids[KEPT_MAX], ada, BEGINNING).unwrap(), KEPT_MAX);
        shelf.put(0, ada, BEGINNING.plus_millis(WAIT_MS_MAX), &chance);
        let kept = shelf.0.lock().unwrap();
        assert_eq!((kept.ids.len(), kept.ceremonies.len()), (1, 1), "what is over is gone");
    }
}
