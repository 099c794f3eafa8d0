//! How many tests passed and failed, read from the closing lines of the test runners.

use std::fmt;

/// Tests counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    /// Reads one line of a runner's output; lines that are no summary change nothing.
    pub fn read(&mut self, line: &str) {
        let line = without_colour(line);
        let Some(counts) = summary(&line) else { return };
        for count in counts.split([',', ';']) {
            let mut words = count.split_whitespace();
            let Some(number) = words.next().and_then(|number| number.parse::<usize>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed" | "timed" | "exec") => self.failed += number,
                Some("skipped" | "ignored") => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Has any test been counted?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

/// The part with the counts, of `Summary [ 1.2s] 3 tests run: …` (nextest) or `test result: ok. …` (libtest).
///
/// Nextest shows what a failed test wrote, libtest's closing line too, but indented: that one does not count again.
fn summary(line: &str) -> Option<&str> {
    if line.trim_start().starts_with("Summary [") {
        return line.split_once(" run: ").map(|(_, counts)| counts);
    }
    line.strip_prefix("test result: ")?.split_once(". ").map(|(_, counts)| counts)
}

/// Without the escape sequences that colour a terminal.
fn without_colour(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> String {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        tally.to_string()
    }

    #[test]
    fn both_runners_are_understood() {
        let lines = [
            "     Summary [   0.982s] 5 tests run: 5 passed, 0 skipped",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        ];
        assert_eq!(tally(&lines), "8 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn every_way_to_fail_counts_as_failed() {
        let line =
            "Summary [ 9s] 9/12 tests run: 4 passed (1 slow, 1 flaky), 2 failed, 2 timed out, 1 exec failed, 3 skipped";
        assert_eq!(tally(&[line]), "4 passed, 5 failed, 3 skipped");
        assert_eq!(tally(&["test result: FAILED. 1 passed; 2 failed; 0 ignored"]), "1 passed, 2 failed");
    }

    #[test]
    fn colours_do_not_hide_the_counts() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.9s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped";
        assert_eq!(tally(&[line]), "2 passed, 0 failed");
    }

    #[test]
    fn a_failed_test_counts_once() {
        let lines = [
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 34 filtered out",
            "     Summary [ 0.1s] 2 tests run: 1 passed, 1 failed, 0 skipped",
        ];
        assert_eq!(tally(&lines), "1 passed, 1 failed");
    }

    #[test]
    fn what_a_test_prints_is_no_summary() {
        assert_eq!(tally(&["7 passed, 1 failed", "PASS [ 0.1s] summary", ""]), "0 passed, 0 failed");
        assert!(Tally::default().is_empty());
    }
}
