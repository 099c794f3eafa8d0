//! Why the ledger could not.

use crate::engine::EngineError;
use crate::record::LookupName;
use bonded_base::Kind;
use bonded_vault::VaultError;
use std::sync::Arc;

/// Why the ledger could not. Carries no stored value.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The record has changed since it was read; nothing was done.
    #[error("the {kind} has changed since it was read")]
    Conflict {
        /// What.
        kind: Kind,
        /// Which.
        id: [u8; 16],
    },
    /// Another record is found by the same unique value; nothing was done.
    #[error("another {kind} has the same {name:?}")]
    Taken {
        /// Which lookup.
        name: LookupName,
        /// What holds it.
        kind: Kind,
        /// Which one holds it.
        id: [u8; 16],
    },
    /// The scope does not reach this far.
    #[error("this scope does not reach {0} records")]
    OutOfReach(Kind),
    /// The grant that a member of the staff reads under has ended, or was never approved.
    #[error("the grant does not hold (any more)")]
    NotGranted,
    /// The vault is sealed: nothing can be read or written until an officer unseals it.
    #[error("the vault is sealed")]
    Sealed,
    /// The keys of this account, or of these fields, were destroyed.
    #[error("the keys were destroyed")]
    Destroyed,
    /// A stored value does not open in its place: the database was changed from outside, or is another's.
    #[error("a stored {0} does not open: the database was changed from outside, or does not belong to these keys")]
    Damaged(Kind),
    /// A record could not be written as JSON.
    #[error("a {0} cannot be written down: {1}")]
    Unwritable(Kind, serde_json::Error),
    /// The engine failed; see there.
    #[error(transparent)]
    Engine(Arc<EngineError>),
    /// The keys failed; see there.
    #[error(transparent)]
    Vault(VaultError),
    /// The ledger is being closed.
    #[error("the ledger is stopping")]
    Stopping,
}

impl From<EngineError> for LedgerError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<VaultError> for LedgerError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Sealed => Self::Sealed,
            VaultError::Destroyed => Self::Destroyed,
            VaultError::NotApproved(_) => Self::NotGranted,
            other => Self::Vault(other),
        }
    }
}
