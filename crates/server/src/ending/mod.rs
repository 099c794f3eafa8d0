//! How the program ends: a number for scripts, one sentence for people, and what to do next.
//!
//! Source: the numbers follow `sysexits.h` of BSD where it has one that fits; `docs/running.md` lists them.

mod causes;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::process::ExitCode;

/// Why the program ends without having done what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Code {
    /// What was examined is not as it should be: a log that does not verify, a check of `doctor` that fails.
    Bad = 1,
    /// The command line cannot be understood.
    Usage = 64,
    /// Stored or given data is not what this program reads: a newer database, an export that is none.
    Data = 65,
    /// A file that was named is not there or cannot be read.
    NoInput = 66,
    /// PostgreSQL or the running server cannot be reached.
    Unavailable = 69,
    /// A mistake in the program.
    Internal = 70,
    /// Something exists already and is not overwritten, or cannot be made.
    CannotCreate = 73,
    /// Reading or writing failed: a full disk, a broken one.
    Io = 74,
    /// Another process has it; later it may work.
    InUse = 75,
    /// The vault is sealed, or who asks may not.
    Sealed = 77,
    /// The configuration is wrong, or belongs to another environment.
    Config = 78,
}

/// An end that was not wanted. Its texts never carry a stored value or a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ending {
    /// For scripts.
    pub code: Code,
    /// What happened, in one sentence.
    pub sentence: String,
    /// What the person can do about it.
    pub next: Option<String>,
}

impl Ending {
    /// An ending with nothing to advise.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), next: None }
    }

    /// The same, with advice.
    #[must_use]
    pub fn next(mut self, advice: impl Into<String>) -> Self {
        self.next = Some(advice.into());
        self
    }

    /// For `map_err`: what was being done to which file when the system said no.
    pub fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| {
            let code = match error.kind() {
                std::io::ErrorKind::NotFound => Code::NoInput,
                std::io::ErrorKind::AlreadyExists => Code::CannotCreate,
                std::io::ErrorKind::PermissionDenied => Code::Sealed,
                _ => Code::Io,
            };
            let ending = Self::new(code, format!("{path} cannot be {doing}: {error}"));
            match error.kind() {
                std::io::ErrorKind::StorageFull => ending.next("make room on that disk, then run the same again"),
                _ => ending,
            }
        }
    }

    /// A mistake of ours, not of the person.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(Code::Internal, format!("this should not happen: {what}")).next("please report it with this line")
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sentence)?;
        self.next.as_ref().map_or(Ok(()), |next| write!(f, "\n  next: {next}"))
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}
