//! Why a step did not succeed, in words for the person who reads the terminal.

use crate::tidy::Refusal;
use std::fmt;
use std::io;

/// What ends a step.
#[derive(Debug)]
pub enum Failure {
    /// Something that the step needs is not on this machine; the text says what to do.
    Missing(String),
    /// A program could not be started, or a file not read.
    Unreachable { what: String, why: io::Error },
    /// A program said no; the advice says what helps.
    Ended { line: String, advice: &'static str },
    /// Rules of the house that the tree breaks.
    Refused(Vec<Refusal>),
}

impl Failure {
    /// For `map_err`: what was being reached when `why` happened.
    pub fn reaching(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |why| Self::Unreachable { what, why }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => f.write_str(what),
            Self::Unreachable { what, why } => write!(f, "{what}: {why}"),
            Self::Ended { line, advice: "" } => write!(f, "`{line}` failed"),
            Self::Ended { line, advice } => write!(f, "`{line}` failed: {advice}"),
            Self::Refused(refusals) => {
                for refusal in refusals {
                    writeln!(f, "{refusal}")?;
                }
                write!(f, "{} in all", refusals.len())
            }
        }
    }
}
