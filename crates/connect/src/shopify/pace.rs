//! Pace: no call is made before the shop has the points that it costs, by what the shop itself says of its bucket.
//!
//! The limits differ by plan and may change at any time (`shopify.dev/docs/api/usage/limits`), so none is written here: every
//! answer says how full the bucket is, how fast it fills, and what the call cost. Several nodes draw on one bucket; then
//! a call may still be refused as throttled, and waits as long as its cost needs.

use async_trait::async_trait;
use bonded_base::Moment;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Milliseconds that one call waits for its points at most; after that the caller is told how long it is still to wait.
pub const WAIT_MS_MAX: u64 = 30_000;
/// What a document is taken to cost before it was ever answered: no single query may cost more than 1,000 points.
const COST_UNKNOWN: f64 = 1_000.0;
/// The least wait after a call was refused as throttled, in milliseconds.
pub(super) const THROTTLED_MS_MIN: u64 = 200;

/// How waiting is done; tests have their own.
#[async_trait]
pub trait Patience: Send + Sync {
    /// Comes back after this many milliseconds.
    async fn wait(&self, ms: u64);
}

/// By the machine's own clock.
struct Sleeps;

#[async_trait]
impl Patience for Sleeps {
    async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// What an answer says of its cost: `extensions.cost`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    requested_query_cost: f64,
    throttle_status: ThrottleStatus,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

/// The bucket as it was last seen, less what was promised to calls since.
#[derive(Clone, Copy)]
struct Bucket {
    maximum: f64,
    available: f64,
    restore: f64,
    at: Moment,
}

#[derive(Default)]
struct Known {
    bucket: Option<Bucket>,
    /// What each document asked for the last time, by its name.
    costs: HashMap<&'static str, f64>,
}

pub(super) struct Pace {
    known: Mutex<Known>,
    patience: Arc<dyn Patience>,
}

impl Pace {
    pub(super) fn new(patience: Option<Arc<dyn Patience>>) -> Self {
        Self { known: Mutex::default(), patience: patience.unwrap_or_else(|| Arc::new(Sleeps)) }
    }

    /// Takes the points of a call, or says for how many milliseconds there will not be enough.
    pub(super) fn take(&self, document: &'static str, now: Moment) -> Result<(), u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = known.costs.get(document).copied().unwrap_or(COST_UNKNOWN);
        let Some(bucket) = &mut known.bucket else { return Ok(()) };
        bucket.fill(now);
        // A bucket that never holds what is asked for is used when it is full.
        let cost = cost.min(bucket.maximum);
        if bucket.available < cost {
            return Err(bucket.until(cost));
        }
        bucket.available -= cost;
        Ok(())
    }

    /// Believes what an answer says; answers how long a call of that cost has to wait now.
    pub(super) fn learn(&self, document: &'static str, cost: Cost, now: Moment) -> u64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.costs.insert(document, cost.requested_query_cost);
        let status = cost.throttle_status;
        let bucket = Bucket {
            maximum: status.maximum_available.max(1.0),
            available: status.currently_available,
            restore: status.restore_rate.max(1.0),
            at: now,
        };
        known.bucket = Some(bucket);
        bucket.until(cost.requested_query_cost.min(bucket.maximum))
    }

    pub(super) async fn wait(&self, ms: u64) {
        self.patience.wait(ms).await;
    }
}

impl Bucket {
    fn fill(&mut self, now: Moment) {
        let passed_ms = now.millis().saturating_sub(self.at.millis()).clamp(0, i64::from(u32::MAX));
        let passed_ms = f64::from(u32::try_from(passed_ms).unwrap_or(u32::MAX));
        self.available = (self.available + passed_ms * self.restore / 1_000.0).min(self.maximum);
        self.at = now;
    }

    /// Milliseconds until there is this much.
    fn until(&self, cost: f64) -> u64 {
        let ms = ((cost - self.available).max(0.0) * 1_000.0 / self.restore).ceil();
        Duration::try_from_secs_f64(ms / 1_000.0)
            .map_or(WAIT_MS_MAX, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(asked: f64, available: f64) -> Cost {
        let throttle_status =
            ThrottleStatus { maximum_available: 1_000.0, currently_available: available, restore_rate: 50.0 };
        Cost { requested_query_cost: asked, throttle_status }
    }

    #[test]
    fn a_call_goes_when_its_points_are_there_and_not_before() {
        let pace = Pace::new(None);
        let now = Moment::from_millis(1_000_000);
        assert_eq!(pace.take("Products", now), Ok(()));
        assert_eq!(pace.learn("Products", cost(400.0, 500.0), now), 0);
        assert_eq!(pace.take("Products", now), Ok(()));
        // 100 points are left; 300 more come at 50 a second.
        assert_eq!(pace.take("Products", now), Err(6_000));
        assert_eq!(pace.take("Products", now.plus_millis(5_999)), Err(1));
        assert_eq!(pace.take("Products", now.plus_millis(6_000)), Ok(()));
    }

    #[test]
    fn the_shops_own_word_replaces_what_was_reckoned() {
        let pace = Pace::new(None);
        let now = Moment::from_millis(1_000_000);
        pace.learn("Orders", cost(900.0, 1_000.0), now);
        assert_eq!(pace.take("Orders", now), Ok(()));
        // It cost less than it might have.
        pace.learn("Orders", cost(900.0, 990.0), now);
        assert_eq!(pace.take("Orders", now), Ok(()));
        assert_eq!(pace.learn("Orders", cost(900.0, 400.0), now), 10_000);
    }
}
