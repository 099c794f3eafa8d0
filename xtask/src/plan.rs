//! The steps of a check, one after another, the first failure ending it.

use crate::chore::Chore;
use crate::failure::Failure;
use crate::tally::Tally;
use crate::{docs, libraries, needs, suite, tidy};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// One step: its name on the command line, what it asks, and how it finds out.
struct Step {
    name: &'static str,
    question: &'static str,
    answer: fn(&mut Round) -> Result<(), Failure>,
}

/// What the steps of one run share.
pub struct Round<'a> {
    /// The root of the workspace.
    pub root: &'a Path,
    /// Tests counted so far.
    pub tally: Tally,
    /// Is what takes long left out?
    pub is_quick: bool,
}

/// The steps that a command asks for.
pub struct Plan {
    steps: Vec<&'static Step>,
    is_quick: bool,
}

const STEPS: [Step; 7] = [
    Step {
        name: "needs",
        question: "is everything here that the tests need?",
        answer: |round| needs::meet(round.root, round.is_quick),
    },
    Step { name: "fmt", question: "is every file formatted?", answer: format },
    Step { name: "tidy", question: "does the tree keep the house's rules?", answer: |round| tidy::check(round.root) },
    Step { name: "clippy", question: "is clippy silent?", answer: clippy },
    Step {
        name: "libraries",
        question: "are all libraries allowed, and is each there for a reason?",
        answer: |round| libraries::check(round.root),
    },
    Step { name: "tests", question: "do the tests pass, on both engines?", answer: suite::run },
    Step { name: "docs", question: "do the docs build, and do their examples run?", answer: docs::build },
];

/// What `--quick` leaves out, beside the steps that [`Plan::quick`] skips.
const LEFT_OUT: &str = "left out by --quick: conformance and end-to-end tests (each crate's tests/), Medusa and Vendure, docs and their examples";

impl Plan {
    /// Every step.
    pub fn whole() -> Self {
        Self { steps: STEPS.iter().collect(), is_quick: false }
    }

    /// The steps that are worth waiting for while working.
    pub fn quick() -> Self {
        Self { steps: STEPS.iter().filter(|step| step.name != "docs").collect(), is_quick: true }
    }

    /// The one step of this name.
    pub fn single(name: &str) -> Option<Self> {
        let step = STEPS.iter().find(|step| step.name == name)?;
        Some(Self { steps: vec![step], is_quick: false })
    }

    /// Runs the steps and tells how it went; the exit code is for the shell.
    pub fn carry_out(&self, root: &Path) -> ExitCode {
        let mut round = Round { root, tally: Tally::default(), is_quick: self.is_quick };
        let mut times = Vec::new();
        let mut failed = None;
        for step in &self.steps {
            println!("\n==> {}: {}", step.name, step.question);
            let start = Instant::now();
            let outcome = (step.answer)(&mut round);
            times.push((step.name, start.elapsed()));
            if let Err(why) = outcome {
                println!("{why}");
                failed = Some(step.name);
                break;
            }
            println!("    yes ({})", seconds(start.elapsed()));
        }
        self.close(&times, &round.tally, failed)
    }

    fn close(&self, times: &[(&str, Duration)], tally: &Tally, failed: Option<&str>) -> ExitCode {
        println!();
        for (name, time) in times {
            println!("{name:<10} {:>9}", seconds(*time));
        }
        println!("{:<10} {:>9}", "in all", seconds(times.iter().map(|(_, time)| *time).sum()));
        if self.is_quick {
            println!("{LEFT_OUT}");
        }
        if let Some(name) = failed {
            println!("failed at: {name} (again by itself: cargo xtask {name})");
        }
        if !tally.is_empty() {
            println!("{tally}");
        }
        if failed.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn format(round: &mut Round) -> Result<(), Failure> {
    Chore::cargo(round.root, &["fmt", "--all", "--", "--check", "-l"]).advising("`cargo fmt --all` puts it right").run()
}

fn clippy(round: &mut Round) -> Result<(), Failure> {
    Chore::cargo(round.root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// `12.3 s`.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_plan_says_what_it_leaves_out() {
        let names = |plan: &Plan| plan.steps.iter().map(|step| step.name).collect::<Vec<_>>();
        assert_eq!(names(&Plan::whole()), ["needs", "fmt", "tidy", "clippy", "libraries", "tests", "docs"]);
        let quick = names(&Plan::quick());
        for left_out in names(&Plan::whole()).into_iter().filter(|name| !quick.contains(name)) {
            assert!(LEFT_OUT.contains(left_out), "{left_out}");
        }
    }

    #[test]
    fn every_step_runs_by_itself() {
        assert!(STEPS.iter().all(|step| Plan::single(step.name).is_some_and(|plan| plan.steps.len() == 1)));
        assert!(Plan::single("nonsense").is_none());
    }
}
