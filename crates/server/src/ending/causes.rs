//! What the crates below call their failures, as endings: the number, the sentence, and what to do next.

use super::{Code, Ending};
use bonded_assure::backups::BackupError;
use bonded_ledger::LedgerError;
use bonded_ledger::engine::EngineError;
use bonded_people::PeopleError;
use bonded_people::keys::KeyError;
use bonded_trade::TradeError;
use bonded_vault::{BadOfficer, HsmError, VaultError};

impl From<VaultError> for Ending {
    fn from(error: VaultError) -> Self {
        let (code, next) = match &error {
            VaultError::Sealed => (Code::Sealed, "an officer unseals it: bonded keys unseal --officer FILE"),
            VaultError::Environment { .. } => (
                Code::Config,
                "set `environment` to what these keys were made for, or name the right keys in `keys.primary`",
            ),
            VaultError::Exists { .. } => {
                (Code::CannotCreate, "use these keys, or name an empty place in `keys.primary`")
            }
            VaultError::Missing { .. } => {
                (Code::Sealed, "a new server's keys are made by: bonded keys init --officer FILE")
            }
            VaultError::Busy { .. } => {
                (Code::InUse, "stop the other process, or ask it: it listens in its data directory")
            }
            VaultError::AnotherTree { .. } | VaultError::Damaged { .. } => {
                (Code::Data, "name a whole copy of the tree as `keys.primary`; docs/running.md says how")
            }
            VaultError::Newer { .. } => (Code::Data, "run the version of this program that wrote it, or a later one"),
            VaultError::WrongOfficer => (Code::Sealed, "`bonded keys status` lists the officers"),
            VaultError::Officer(BadOfficer::Passphrase | BadOfficer::PassphraseNeeded) => {
                (Code::Sealed, "try again; nothing was changed")
            }
            VaultError::Officer(_) => (Code::Sealed, "`bonded keys new-officer FILE` makes a key of the right form"),
            VaultError::Hsm(HsmError::Pin { .. }) => {
                (Code::Sealed, "correct the PIN in `hsm.pin_file`, start again; a few more tries may lock the token")
            }
            VaultError::Hsm(_) => (Code::Unavailable, "see whether the module runs and `hsm` is right; docs/keys.md"),
            VaultError::NoHsm => (Code::Config, "name it: `hsm.module`, `hsm.token`, `hsm.pin_file`; docs/keys.md"),
            VaultError::HeldByHsm => (Code::Sealed, "`bonded keys unseal` without an officer asks the module"),
            VaultError::Destroyed | VaultError::Open(_) => (Code::Data, "nothing can bring it back"),
            VaultError::Store { .. } | VaultError::Uncertain { .. } => {
                (Code::Io, "see whether that disk is full, read-only or failing")
            }
            _ => (Code::Usage, "`bonded keys status` lists the officers"),
        };
        Self::new(code, error.to_string()).next(next)
    }
}

impl From<EngineError> for Ending {
    fn from(error: EngineError) -> Self {
        Self::from(&error)
    }
}

impl From<&EngineError> for Ending {
    fn from(error: &EngineError) -> Self {
        let (code, next) = match error {
            EngineError::DiskFull => (Code::Io, "make room on that disk, then start again; nothing was lost"),
            EngineError::Unreachable(_) => (Code::Unavailable, "see whether the database runs and `database` is right"),
            EngineError::Newer { .. } => (Code::Data, "run the newer version of this program"),
            EngineError::InUse => (Code::InUse, "stop the other process, or ask it: it listens in its data directory"),
            EngineError::Failed(_) => (Code::Io, "`bonded doctor` looks at the database and its disk"),
        };
        Self::new(code, error.to_string()).next(next)
    }
}

impl From<LedgerError> for Ending {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Engine(error) => Self::from(&*error),
            LedgerError::Vault(error) => error.into(),
            LedgerError::Sealed => VaultError::Sealed.into(),
            LedgerError::Destroyed => VaultError::Destroyed.into(),
            LedgerError::Stopping => Self::new(Code::Unavailable, "the server is stopping"),
            other => Self::new(Code::Data, other.to_string()),
        }
    }
}

impl From<BackupError> for Ending {
    fn from(error: BackupError) -> Self {
        let (code, next) = match &error {
            BackupError::Engine(error) => return error.into(),
            BackupError::NoPlace | BackupError::NoRecipient => (Code::Config, "docs/backups.md shows how to name them"),
            BackupError::Environment { .. } | BackupError::OtherEngine { .. } => {
                (Code::Config, "bring it back where it comes from; for other environments make data of their own")
            }
            BackupError::Busy => (Code::InUse, "wait until that one is done: bonded backup list"),
            BackupError::Place { .. } | BackupError::NoPlaceWhole(_) => {
                (Code::Unavailable, "see whether the places are mounted, in reach, and have room; then run it again")
            }
            BackupError::Tool(_) => (Code::Unavailable, "docs/backups.md says what a machine needs"),
            BackupError::File { .. } => (Code::Io, "see whether that disk is full, read-only or failing"),
            BackupError::NotFound(_) => (Code::NoInput, "`bonded backup list` says what is where"),
            BackupError::WrongIdentity => (Code::Sealed, "name the identity of one of `backup.recipients`"),
            BackupError::NotEmpty(_) => {
                (Code::CannotCreate, "name an empty place; what is there now is never overwritten")
            }
            BackupError::Manifest { .. }
            | BackupError::Chunk { .. }
            | BackupError::Content(_)
            | BackupError::Checks(_) => (Code::Data, "take another backup: bonded backup list, then restore BACKUP"),
            BackupError::Internal(_) => (Code::Internal, "please report it with this line"),
        };
        Self::new(code, error.to_string()).next(next)
    }
}

impl From<TradeError> for Ending {
    fn from(error: TradeError) -> Self {
        match error {
            TradeError::Problem(problem) => Self::new(Code::Usage, problem.to_string()),
            TradeError::Ledger(error) => error.into(),
        }
    }
}

impl From<KeyError> for Ending {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Problem(problem) => Self::new(Code::Usage, problem.to_string()),
            KeyError::Ledger(error) => error.into(),
            KeyError::NotValid => Self::new(Code::Usage, error.to_string()),
        }
    }
}

impl From<PeopleError> for Ending {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Problem(problem) => Self::new(Code::Usage, problem.to_string()),
            PeopleError::Ledger(error) => error.into(),
            other => Self::new(Code::Usage, other.to_string()),
        }
    }
}
