//! How often a key or a session may call: a bucket of tokens each, in memory, refilled over time.
//!
//! Source: draft-ietf-httpapi-ratelimit-headers-10. Every answer to a key says what is left.

use crate::app::Limits;
use crate::problem::{Failure, sorts};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bonded_base::Moment;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keys at which the full buckets are swept out: a full bucket and none are the same.
const SWEEP_AT: usize = 10_000;
/// Parts of a token, so that a bucket fills evenly at any rate.
const PARTS: u64 = 1_000;

/// Whose bucket a request is taken from: the id of a key, or of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Payer(pub [u8; 16]);

/// The buckets of all that have called lately.
pub(crate) struct Meter {
    limits: Limits,
    buckets: Mutex<HashMap<Payer, Bucket>>,
}

/// What a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    limits: Limits,
    /// Requests it may send now.
    pub left: u64,
    /// Seconds until the bucket is full again, or (when nothing is left) until there is one more.
    pub seconds: u64,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Thousandths of a request.
    parts: u64,
    at: Moment,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        let limits = Limits {
            requests_per_second: limits.requests_per_second.max(1),
            requests_at_once: limits.requests_at_once.max(1),
        };
        Self { limits, buckets: Mutex::default() }
    }

    /// Takes one request from a key's bucket: what is left, or (as an error) that there was none.
    pub fn take(&self, payer: Payer, now: Moment) -> Result<Allowance, Allowance> {
        let full = u64::from(self.limits.requests_at_once) * PARTS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < full);
        }
        let bucket = buckets.entry(payer).or_insert(Bucket { parts: full, at: now });
        let filled = self.filled(*bucket, now);
        let taken = filled.checked_sub(PARTS);
        *bucket = Bucket { parts: taken.unwrap_or(filled), at: now };
        match taken {
            Some(parts) => Ok(self.allowance(parts, full - parts)),
            None => Err(self.allowance(filled, PARTS - filled)),
        }
    }

    fn filled(&self, bucket: Bucket, now: Moment) -> u64 {
        // A thousandth a millisecond is one a second; a clock that goes back adds nothing.
        let millis = u64::try_from(now.millis() - bucket.at.millis()).unwrap_or(0);
        let added = millis.saturating_mul(u64::from(self.limits.requests_per_second));
        bucket.parts.saturating_add(added).min(u64::from(self.limits.requests_at_once) * PARTS)
    }

    fn allowance(&self, parts: u64, lacking: u64) -> Allowance {
        let seconds = lacking.div_ceil(u64::from(self.limits.requests_per_second) * PARTS);
        Allowance { limits: self.limits, left: parts / PARTS, seconds }
    }
}

impl Allowance {
    /// Writes `RateLimit-Policy` and `RateLimit`.
    pub fn write(self, headers: &mut HeaderMap) {
        let Limits { requests_per_second, requests_at_once } = self.limits;
        let window = requests_at_once.div_ceil(requests_per_second);
        set(headers, "ratelimit-policy", &format!("\"key\";q={requests_at_once};w={window}"));
        set(headers, "ratelimit", &format!("\"key\";r={};t={}", self.left, self.seconds));
    }

    /// The answer to a key that has nothing left.
    pub fn failure(self) -> Failure {
        let seconds = u32::try_from(self.seconds.max(1)).unwrap_or(u32::MAX);
        Failure::new(&sorts::RATE, "This key has used up its requests for now.").retry_after(seconds)
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_millis(1_000_000);

    fn meter() -> Meter {
        Meter::new(Limits { requests_per_second: 2, requests_at_once: 3 })
    }

    fn key(byte: u8) -> Payer {
        Payer([byte; 16])
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let meter = meter();
        for left in [2, 1, 0] {
            assert_eq!(meter.take(key(1), START).map(|allowance| allowance.left), Ok(left));
        }
        let none = meter.take(key(1), START).unwrap_err();
        assert_eq!((none.left, none.seconds), (0, 1));
        assert!(meter.take(key(2), START).is_ok(), "each key has its own");
        assert!(meter.take(key(1), START.plus_millis(499)).is_err());
        assert_eq!(meter.take(key(1), START.plus_millis(500)).unwrap().left, 0);
        assert_eq!(meter.take(key(1), START.plus_millis(60_000)).unwrap().left, 2, "never fuller than full");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let meter = meter();
        for _ in 0..3 {
            meter.take(key(1), START).unwrap();
        }
        assert!(meter.take(key(1), START.plus_millis(-60_000)).is_err());
    }

    #[test]
    fn the_headers_say_the_policy_and_what_is_left() {
        let mut headers = HeaderMap::new();
        meter().take(key(1), START).unwrap().write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"key\";q=3;w=2");
        assert_eq!(headers["ratelimit"], "\"key\";r=2;t=1");
    }
}
