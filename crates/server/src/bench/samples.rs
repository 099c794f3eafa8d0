//! Samples of how long something took: every one is kept, and percentiles are read from all of them.

use std::cmp::Ordering;
use std::time::Duration;

/// How long something took, each time.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// One more.
    pub fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The part of all pairs in which a sample of these is larger than one of the others: 0.5 tells them apart in nothing.
    pub fn larger_than(&self, others: &Self) -> f64 {
        let pairs = self.0.iter().flat_map(|own| others.0.iter().map(move |other| own.cmp(other)));
        let (larger, all) = pairs.fold((0.0, 0.0), |(larger, all), order| match order {
            Ordering::Greater => (larger + 1.0, all + 1.0),
            Ordering::Equal => (larger + 0.5, all + 1.0),
            Ordering::Less => (larger, all + 1.0),
        });
        larger / f64::max(all, 1.0)
    }

    /// The smallest sample that at least `per_thousand` thousandths of all do not exceed (nearest rank); zero of none.
    pub fn percentile(&mut self, per_thousand: usize) -> Duration {
        self.0.sort_unstable();
        let rank = (self.0.len() * per_thousand).div_ceil(1_000).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl Extend<Duration> for Samples {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, more: T) {
        self.0.extend(more);
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts and sizes of a bench are far below 2^52")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// So many in so long, a second.
pub fn per_second(count: u64, took: Duration) -> f64 {
    number(count) / took.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// How a count grew over time: what was reached when.
pub struct Growth {
    /// Time since the beginning, and how many there were then; both only rise.
    points: Vec<(Duration, u64)>,
}

impl Growth {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { points: vec![(Duration::ZERO, 0)] }
    }

    /// Some more, at a later time.
    pub fn add(&mut self, at: Duration, more: u64) {
        let last = self.points.last().map_or(0, |(_, count)| *count);
        self.points.push((at, last + more));
    }

    /// How many there are, and how long it took.
    pub fn whole(&self) -> (u64, Duration) {
        self.points.last().map_or((0, Duration::ZERO), |(at, count)| (*count, *at))
    }

    /// How many a second between two counts; between points the way is straight.
    pub fn rate(&self, from: u64, to: u64) -> f64 {
        per_second(to.saturating_sub(from), self.reached(to).saturating_sub(self.reached(from)))
    }

    /// What one costs when there are `late`, over what one cost when there were `early`, each seen over `early` of them.
    pub fn dearer(&self, early: u64, late: u64) -> f64 {
        self.rate(early / 2, early / 2 + early) / self.rate(late.saturating_sub(early), late)
    }

    fn reached(&self, wanted: u64) -> Duration {
        let place = self.points.partition_point(|(_, count)| *count < wanted);
        let Some((after, more)) = self.points.get(place) else { return self.whole().1 };
        let Some((before, less)) = place.checked_sub(1).and_then(|place| self.points.get(place)) else { return *after };
        let part = number(wanted - less) / number(more - less);
        *before + after.saturating_sub(*before).mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn percentiles_are_samples_that_were_taken() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile(990), Duration::ZERO);
        samples.extend((1..=200).rev().map(Duration::from_millis));
        assert_eq!(samples.percentile(500), Duration::from_millis(100));
        assert_eq!(samples.percentile(990), Duration::from_millis(198));
        assert_eq!(samples.percentile(1_000), Duration::from_millis(200));
        assert_eq!(samples.count(), 200);
    }

    #[test]
    fn two_sorts_of_samples_are_told_apart_by_their_pairs() {
        let samples = |millis: &[u64]| {
            let mut samples = Samples::default();
            samples.extend(millis.iter().copied().map(Duration::from_millis));
            samples
        };
        let (low, high) = (samples(&[1, 2]), samples(&[2, 3]));
        assert!((high.larger_than(&low) - 3.5 / 4.0).abs() < 1e-9);
        assert!((low.larger_than(&high) - 0.5 / 4.0).abs() < 1e-9);
        assert!((low.larger_than(&low) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn growth_is_read_between_its_points() {
        let mut growth = Growth::new();
        growth.add(SECOND, 100);
        growth.add(3 * SECOND, 100);
        assert_eq!(growth.whole(), (200, 3 * SECOND));
        assert!((growth.rate(0, 100) - 100.0).abs() < 1e-9);
        assert!((growth.rate(100, 200) - 50.0).abs() < 1e-9);
        assert!((growth.rate(50, 150) - 100.0 / 1.5).abs() < 1e-9);
        assert!((growth.dearer(20, 200) - 2.0).abs() < 1e-9);
    }
}
