//! How many calls may be under way at once: to one host, whoever calls it, and for one owner.

use super::CallError;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls to one host at once, of all accounts together.
pub const CALLS_PER_HOST_MAX: usize = 256;
/// Calls for one owner at once.
pub const CALLS_PER_OWNER_MAX: usize = 64;
/// How long a call waits for its turn before it is not made.
pub const TURN_LIMIT: Duration = Duration::from_secs(10);
/// Budgets that are kept before those that nobody uses are forgotten.
const KEPT_MAX: usize = 1_024;

/// The budgets of one sort: so many calls at once for each key.
pub struct Budgets<K> {
    calls_max: usize,
    by_key: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Hash + Eq> Budgets<K> {
    /// Nothing is under way yet.
    pub fn of(calls_max: usize) -> Self {
        Self { calls_max, by_key: Mutex::new(HashMap::new()) }
    }

    /// Waits for a turn, which ends when it is dropped.
    pub async fn turn(&self, key: K) -> Result<OwnedSemaphorePermit, CallError> {
        let budget = self.budget(key);
        match tokio::time::timeout(TURN_LIMIT, budget.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(CallError::Busy),
        }
    }

    fn budget(&self, key: K) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= KEPT_MAX {
            // Whoever waits or calls holds one besides ours.
            by_key.retain(|_, budget| Arc::strong_count(budget) > 1);
        }
        Arc::clone(by_key.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.calls_max))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_so_and_others_are_not_hindered() {
        let budgets = Budgets::of(2);
        let _one = budgets.turn("slow").await.unwrap();
        let other = budgets.turn("slow").await.unwrap();
        assert!(matches!(budgets.turn("slow").await, Err(CallError::Busy)));
        assert!(budgets.turn("fast").await.is_ok());
        drop(other);
        assert!(budgets.turn("slow").await.is_ok());
    }

    #[tokio::test]
    async fn budgets_that_nobody_uses_are_forgotten() {
        let budgets = Budgets::of(1);
        let _turn = budgets.turn(0).await.unwrap();
        for key in 1..=2 * KEPT_MAX {
            drop(budgets.turn(key).await.unwrap());
        }
        let kept = budgets.by_key.lock().unwrap();
        assert!(kept.len() <= KEPT_MAX && kept.contains_key(&0), "{}", kept.len());
    }
}
