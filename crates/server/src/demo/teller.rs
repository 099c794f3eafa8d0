//! How the story looks on a terminal: numbered steps, short aligned lines, colour where there is any.

use crate::terminal::{has_colour, say};
use std::time::Duration;

/// Columns for the name of a line.
pub const NAME_WIDTH: usize = 19;

/// The column at which timings end, if what is said leaves them room.
const TIME_COLUMN: usize = 100;

/// Tells the story, or keeps silent where machines listen.
pub struct Teller {
    silent: bool,
    colour: bool,
    step: u32,
}

impl Teller {
    /// Silent where the outcome is printed as JSON.
    pub fn new(silent: bool) -> Self {
        Self { silent, colour: has_colour(&std::io::stdout()), step: 0 }
    }

    /// The next step of the story.
    pub fn step(&mut self, title: &str) {
        self.step += 1;
        let number = format!("{:2}", self.step);
        self.print(&format!("\n{}  {}", self.paint("36;1", &number), self.paint("1", title)));
    }

    /// One line of a step.
    pub fn line(&self, name: &str, said: impl AsRef<str>) {
        self.print(&format!("    {} {}", self.paint("2", &format!("{name:NAME_WIDTH$}")), said.as_ref()));
    }

    /// One line of a step, and how long it took.
    pub fn timed(&self, name: &str, said: impl AsRef<str>, took: Duration) {
        let said = said.as_ref();
        let took = format!("{} ms", millis(took));
        let before = 4 + NAME_WIDTH + 1 + said.chars().count() + took.len();
        let gap = " ".repeat(TIME_COLUMN.saturating_sub(before).max(2));
        let took = self.paint("33", &took);
        self.print(&format!("    {} {said}{gap}{took}", self.paint("2", &format!("{name:NAME_WIDTH$}"))));
    }

    /// A line that belongs to the one above.
    pub fn more(&self, said: impl AsRef<str>) {
        self.print(&format!("    {:NAME_WIDTH$} {}", "", said.as_ref()));
    }

    /// A line outside of all steps.
    pub fn plain(&self, said: impl AsRef<str>) {
        self.print(said.as_ref());
    }

    /// Something good, in its colour.
    pub fn good(&self, said: &str) -> String {
        self.paint("32", said)
    }

    /// Something that deserves a look, in its colour.
    pub fn notable(&self, said: &str) -> String {
        self.paint("33", said)
    }

    fn paint(&self, code: &str, said: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{said}\u{1b}[0m") } else { said.to_owned() }
    }

    fn print(&self, line: &str) {
        if !self.silent {
            say!("{line}");
        }
    }
}

/// Milliseconds with one decimal below ten.
pub fn millis(took: Duration) -> String {
    let micros = took.as_micros();
    if micros < 10_000 { format!("{}.{}", micros / 1000, micros / 100 % 10) } else { format!("{}", micros / 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_have_a_decimal() {
        for (micros, said) in [(0, "0.0"), (950, "0.9"), (9_990, "9.9"), (10_000, "10"), (1_234_567, "1234")] {
            assert_eq!(millis(Duration::from_micros(micros)), said);
        }
    }
}
