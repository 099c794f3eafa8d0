//! Why something with people could not be done.

use crate::credentials::CredentialError;
use bonded_base::{Kind, Problem, Reason};
use bonded_ledger::LedgerError;
use bonded_vault::VaultError;

/// Why something with people could not be done. Says nothing that its hearer may not know.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Nobody is signed in, or no longer.
    #[error("nobody is signed in")]
    SignedOut,
    /// A second factor must be shown, or enrolled, first.
    #[error("a second factor is needed for this")]
    SecondFactor,
    /// Who somebody is was proven too long ago for this: it must be confirmed first.
    #[error("confirm first that it is you")]
    Stale,
    /// What was shown does not prove who somebody is. Which part is not told.
    #[error("this does not prove who you are")]
    NotProven,
    /// Too many attempts; in this many seconds again.
    #[error("too many attempts: wait {0} seconds")]
    Wait(u32),
    /// A rule refuses it.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl PeopleError {
    /// There is no such record.
    pub(crate) fn missing(kind: Kind) -> Self {
        Problem::new(Reason::Missing, format!("there is no such {kind}")).into()
    }

    /// Its state does not allow this.
    pub(crate) fn state(detail: &'static str) -> Self {
        Problem::new(Reason::State, detail).into()
    }

    /// The caller may not.
    pub(crate) fn forbidden(detail: &'static str) -> Self {
        Problem::new(Reason::Forbidden, detail).into()
    }
}

impl From<CredentialError> for PeopleError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NotProven => Self::NotProven,
            CredentialError::Problem(problem) => problem.into(),
            CredentialError::Ledger(error) => error.into(),
            CredentialError::Busy => Problem::new(Reason::Unavailable, error.to_string()).into(),
            CredentialError::Unreadable(_) => Self::Ledger(LedgerError::Damaged(Kind::User)),
        }
    }
}

impl From<VaultError> for PeopleError {
    fn from(error: VaultError) -> Self {
        Self::Ledger(error.into())
    }
}
