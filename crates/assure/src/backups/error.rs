//! Why a backup was not made, not found good, or not brought back.

use bonded_ledger::engine::EngineError;
use bonded_vault::Environment;
use std::path::PathBuf;

/// Why a place did not do what it was asked. Carries codes, never what the other side wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The credentials are wrong, or may not do this.
    #[error("it refuses our credentials")]
    Refused,
    /// Nothing more fits.
    #[error("it is full")]
    Full,
    /// What was to be removed or replaced is locked for now.
    #[error("it is locked until its time is over")]
    Locked,
    /// It answered with this status of HTTP, also after several attempts.
    #[error("it answers with status {0}")]
    Status(u16),
    /// It did not answer, or broke off.
    #[error("it cannot be reached")]
    Unreachable,
    /// The system said no.
    #[error("{0}")]
    System(std::io::ErrorKind),
    /// It is set up wrongly.
    #[error("{0}")]
    Setup(String),
}

/// Why something about backups could not be done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nobody said where backups go.
    #[error("no place for backups is named")]
    NoPlace,
    /// Nobody said who can open them.
    #[error("no recipient is named to whom backups are encrypted")]
    NoRecipient,
    /// Another run is under way.
    #[error("another backup is being made")]
    Busy,
    /// A place failed.
    #[error("{place}: {why}")]
    Place {
        /// Which.
        place: String,
        /// Why.
        why: PlaceError,
    },
    /// No place took everything.
    #[error("no place took the backup whole: {0}")]
    NoPlaceWhole(String),
    /// The database said no.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// PostgreSQL's own program is not on this machine, or too old.
    #[error("{0}")]
    Tool(String),
    /// A file of ours cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: std::io::ErrorKind,
    },
    /// There is none such.
    #[error("there is no whole backup {0}")]
    NotFound(String),
    /// The manifest is not what it should be.
    #[error("the manifest of {backup} in {place} {why}")]
    Manifest {
        /// Of which backup.
        backup: String,
        /// Where.
        place: String,
        /// `is not signed by …`
        why: String,
    },
    /// A chunk is damaged or missing in every place.
    #[error("chunk {number} of {backup} is whole in no place: {whys}")]
    Chunk {
        /// Which.
        number: usize,
        /// Of which backup.
        backup: String,
        /// Each place with what was found there.
        whys: String,
    },
    /// It belongs to another environment.
    #[error("the backup is of environment {found}, and this is {here}: it is brought back in {found} only")]
    Environment {
        /// The backup's.
        found: String,
        /// This deployment's.
        here: Environment,
    },
    /// It is of the other engine.
    #[error("the backup is of the engine {found}, and this deployment has {here}")]
    OtherEngine {
        /// The backup's.
        found: String,
        /// This deployment's.
        here: &'static str,
    },
    /// None of the identities given opens it.
    #[error("none of the identities given opens the backup")]
    WrongIdentity,
    /// What was decrypted is not what the manifest tells of.
    #[error("the backup's content is not what its manifest says: {0}")]
    Content(String),
    /// Something is there already.
    #[error("{0} is not empty: a backup is brought back into an empty place only")]
    NotEmpty(String),
    /// What came back contradicts itself; it was taken away again.
    #[error("what came back does not agree with its own log, and was taken away again: {}", .0.join("; "))]
    Checks(Vec<String>),
    /// A mistake in the program.
    #[error("this should not happen: {0}")]
    Internal(String),
}

impl BackupError {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, why: error.kind() }
    }

    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}
