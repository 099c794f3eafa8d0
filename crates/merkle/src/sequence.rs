//! Whether entries are all there, once and in order, by their sequence numbers.

use crate::{FINDINGS_MAX, Finding, Hash, leaf_hash};
use std::collections::{BTreeMap, BTreeSet};

/// Compares sequence numbers in the order of the log with `first`, `first + 1`, ...: what is missing, repeated, misplaced.
pub fn check_sequence(first: u64, seqs: impl IntoIterator<Item = u64>) -> Vec<Finding> {
    let mut sequence = Sequence::from(first);
    seqs.into_iter().for_each(|seq| sequence.take(seq));
    sequence.finish()
}

/// Compares an entry's data with the leaf hash stored with it.
pub fn check_leaf(seq: u64, data: &[u8], stored: &Hash) -> Result<(), Finding> {
    if leaf_hash(data) == *stored { Ok(()) } else { Err(Finding::LeafHashDiffers { seq }) }
}

/// Reads sequence numbers one by one.
///
/// A number that is not the expected one is held until the next is known: only then can a gap be told from one entry
/// that is out of place.
#[derive(Debug)]
pub(crate) struct Sequence {
    expected: u64,
    held: Option<u64>,
    /// Missing so far, as first and last.
    gaps: BTreeMap<u64, u64>,
    /// Seen before their turn.
    early: BTreeSet<u64>,
    findings: Vec<Finding>,
    too_many: bool,
}

impl Sequence {
    pub(crate) fn from(first: u64) -> Self {
        Self {
            expected: first,
            held: None,
            gaps: BTreeMap::new(),
            early: BTreeSet::new(),
            findings: Vec::new(),
            too_many: false,
        }
    }

    pub(crate) fn take(&mut self, seq: u64) {
        if self.too_many {
            return;
        }
        if let Some(held) = self.held.take() {
            self.settle(held, Some(seq));
        }
        if seq == self.expected {
            self.advance_to(seq.saturating_add(1));
        } else {
            self.held = Some(seq);
        }
        self.too_many = self.findings.len() + self.gaps.len() >= FINDINGS_MAX;
    }

    /// Decides about a number that was not expected, knowing the one that follows it.
    fn settle(&mut self, seq: u64, following: Option<u64>) {
        let expected = self.expected;
        if seq < expected {
            let found = if self.fill_gap(seq) { Finding::OutOfOrder { seq } } else { Finding::Repeated { seq } };
            self.findings.push(found);
        } else if following == Some(expected) {
            self.note_early(seq);
        } else if following == expected.checked_add(1) && seq != expected {
            // It stands where the expected one should.
            self.gaps.insert(expected, expected);
            self.note_early(seq);
            self.advance_to(expected + 1);
        } else {
            self.open_gap(expected, seq);
            self.advance_to(seq.saturating_add(1));
        }
    }

    fn note_early(&mut self, seq: u64) {
        let found = if self.early.insert(seq) { Finding::OutOfOrder { seq } } else { Finding::Repeated { seq } };
        self.findings.push(found);
    }

    /// Everything from `first` up to before `end` is missing, less what was seen early.
    fn open_gap(&mut self, mut first: u64, end: u64) {
        for seen in self.early.range(first..end).copied() {
            if first < seen {
                self.gaps.insert(first, seen - 1);
            }
            first = seen + 1;
        }
        if first < end {
            self.gaps.insert(first, end - 1);
        }
        self.early.retain(|&seen| seen >= end);
    }

    /// Takes a late entry out of the missing ones, if it is one of them.
    fn fill_gap(&mut self, seq: u64) -> bool {
        let Some((&first, &last)) = self.gaps.range(..=seq).next_back() else { return false };
        if seq > last {
            return false;
        }
        self.gaps.remove(&first);
        if first < seq {
            self.gaps.insert(first, seq - 1);
        }
        if seq < last {
            self.gaps.insert(seq + 1, last);
        }
        true
    }

    fn advance_to(&mut self, expected: u64) {
        self.expected = expected;
        while self.early.remove(&self.expected) {
            self.expected = self.expected.saturating_add(1);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Finding> {
        if let Some(held) = self.held.take() {
            self.settle(held, None);
        }
        let missing = self.gaps.into_iter().map(|(first, last)| Finding::Missing { first, last });
        let mut findings: Vec<_> = missing.chain(self.findings).collect();
        if self.too_many {
            findings.truncate(FINDINGS_MAX);
            findings.push(Finding::TooMany);
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing(first: u64, last: u64) -> Finding {
        Finding::Missing { first, last }
    }

    #[test]
    fn what_happened_to_the_entries_is_named() {
        let repeated = |seq| Finding::Repeated { seq };
        let misplaced = |seq| Finding::OutOfOrder { seq };
        for (seqs, findings) in [
            (vec![], vec![]),
            (vec![1, 2, 3, 4], vec![]),
            (vec![2, 3, 4], vec![missing(1, 1)]),
            (vec![1, 2, 4, 5], vec![missing(3, 3)]),
            (vec![1, 2, 6, 7], vec![missing(3, 5)]),
            (vec![1, 3, 5, 7], vec![missing(2, 2), missing(4, 4), missing(6, 6)]),
            (vec![1, 2, 9], vec![missing(3, 8)]),
            (vec![1, 2, 2, 3], vec![repeated(2)]),
            (vec![1, 2, 3, 3], vec![repeated(3)]),
            (vec![1, 2, 3, 1, 4], vec![repeated(1)]),
            (vec![1, 2, 3, 1, 2, 3, 4], vec![repeated(1), repeated(2), repeated(3)]),
            (vec![1, 3, 2, 4, 5], vec![misplaced(3)]),
            (vec![1, 5, 2, 3, 4, 6], vec![misplaced(5)]),
            (vec![1, 3, 4, 5, 2, 6], vec![misplaced(2)]),
            // One number changed: its place is empty, and a stranger stands there.
            (vec![1, 2, 900, 4, 5], vec![missing(3, 3), misplaced(900)]),
            (vec![1, 2, 5, 4, 5, 6], vec![missing(3, 3), misplaced(5), repeated(5)]),
            (vec![0, 1, 2], vec![repeated(0)]),
            (vec![1, u64::MAX, 2, 3], vec![misplaced(u64::MAX)]),
        ] {
            assert_eq!(check_sequence(1, seqs.clone()), findings, "{seqs:?}");
        }
    }

    #[test]
    fn the_highest_numbers_do_no_harm() {
        let end = u64::MAX;
        assert_eq!(check_sequence(end - 1, [end - 1, end]), []);
        assert_eq!(check_sequence(end, [end]), []);
        assert_eq!(check_sequence(end - 2, [end, end]), [missing(end - 2, end - 1)]);
    }

    #[test]
    fn a_log_that_is_wrong_throughout_ends_the_list() {
        let findings = check_sequence(0, (0..1_000_000).map(|seq| seq * 2));
        assert_eq!(findings.len(), FINDINGS_MAX + 1);
        assert_eq!(findings.last(), Some(&Finding::TooMany));
        assert_eq!(check_sequence(0, std::iter::repeat_n(5, 1_000_000)).len(), FINDINGS_MAX + 1);
    }

    proptest! {
        #[test]
        fn a_dropped_run_is_named_exactly(size in 3_u64..200, from in 1_u64..200, length in 1_u64..50) {
            let from = 1 + from % (size - 2);
            let to = (from + length).min(size - 1);
            prop_assert_eq!(check_sequence(0, (0..from).chain(to..size)), [missing(from, to - 1)]);
        }

        #[test]
        fn any_order_but_the_right_one_is_found(seqs in prop::collection::vec(0_u64..12, 0..12)) {
            let right = seqs.iter().copied().eq(0..seqs.len() as u64);
            prop_assert_eq!(check_sequence(0, seqs).is_empty(), right);
        }

        #[test]
        fn any_numbers_are_read(first: u64, seqs: Vec<u64>) {
            check_sequence(first, seqs);
        }

        /// What is said to be missing was not there, and all that was not there is said to be missing.
        #[test]
        fn missing_is_what_is_missing(seqs in prop::collection::vec(0_u64..30, 1..60)) {
            let end = seqs.iter().max().map_or(0, |last| last + 1);
            let mut absent: Vec<u64> = (0..end).filter(|seq| !seqs.contains(seq)).collect();
            // What stands early may be a stranger, so nothing is said to be missing between it and the log's end.
            let said: Vec<u64> = check_sequence(0, seqs).into_iter().filter_map(|finding| match finding {
                Finding::Missing { first, last } => Some(first..=last),
                _ => None,
            }).flatten().collect();
            absent.truncate(said.len());
            prop_assert_eq!(said, absent);
        }
    }
}
