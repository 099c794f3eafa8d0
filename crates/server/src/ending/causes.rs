//! What the crates below call their failures, as endings: the number, the sentence, and what to do next.

use super::{Code, Ending};
use bonded_ledger::LedgerError;
use bonded_ledger::engine::EngineError;
use bonded_people::PeopleError;
use bonded_people::keys::KeyError;
use bonded_trade::TradeError;
use bonded_vault::{BadOfficer, VaultError};

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
