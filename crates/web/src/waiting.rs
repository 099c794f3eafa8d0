//! What one request leaves for the next of the same session, in memory and for a few minutes.
//!
//! Recovery codes on their way to the page that shows them once, terms on their way to the passkey that signs them, an
//! installation on its way to the shop's owner and back.

use bonded_base::Moment;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long something waits to be taken.
const WAIT_MS_MAX: i64 = 5 * 60 * 1000;

/// Things by the session that left them, one each.
pub(crate) struct Waiting<T>(Mutex<HashMap<[u8; 16], (Moment, T)>>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Waiting<T> {
    /// Leaves something for a session; what nobody came for in time is dropped.
    pub fn leave(&self, session: [u8; 16], thing: T, now: Moment) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|_, (since, _)| now < since.plus_millis(WAIT_MS_MAX));
        left.insert(session, (now, thing));
    }

    /// What was left for a session, once.
    pub fn take(&self, session: [u8; 16], now: Moment) -> Option<T> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
        taken.filter(|(since, _)| now < since.plus_millis(WAIT_MS_MAX)).map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_taken_once_and_in_time() {
        let waiting = Waiting::default();
        let (now, later) = (Moment::from_millis(0), Moment::from_millis(WAIT_MS_MAX));
        waiting.leave([1; 16], "codes", now);
        waiting.leave([2; 16], "late", now);
        assert_eq!(waiting.take([1; 16], now), Some("codes"));
        assert_eq!(waiting.take([1; 16], now), None);
        assert_eq!(waiting.take([2; 16], later), None);
    }
}
