//! How people prove who they are: passwords, one-time codes, passkeys, recovery codes, and what slows guessing.
//!
//! [`Credentials`] is a part of a user's or of a staff member's record. Its secret parts are concealed once more inside
//! the record, so neither the log nor an export shows them. Nothing here decides who may sign in: it says whether what
//! was shown is right, and changes the credentials accordingly. Whoever asks then keeps the record *before* letting
//! anybody in: two uses of one code change the same version of the record, so only one of them is kept.

pub mod breached;
pub mod password;
pub mod recovery;
pub mod totp;

use bonded_base::{Id, Moment, Problem, Secret};
use bonded_ledger::{Concealed, Ledger, LedgerError, Record, Scope};
use password::Password;
use recovery::Recovery;
use serde::{Deserialize, Serialize};
use totp::{PendingTotp, Totp};

/// How a person proves who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credentials {
    /// Something they know.
    pub password: Option<Password>,
    /// An authenticator app.
    pub totp: Option<Totp>,
    /// An authenticator app whose first code has not come yet; it counts for nothing.
    pub pending_totp: Option<PendingTotp>,
    /// Codes on paper.
    pub recovery: Option<Recovery>,
}

/// Why credentials were not accepted, made or read. Says nothing of what was shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// What was shown does not prove who somebody is. Which part is not told.
    #[error("this does not prove who you are")]
    NotProven,
    /// More people are signing in at once than there is memory for; later.
    #[error("too many people are signing in at this moment: try again in a few seconds")]
    Busy,
    /// What is kept cannot be understood.
    #[error("the {0} that is kept cannot be read")]
    Unreadable(&'static str),
    /// A rule refuses it.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What conceals and reveals the secret parts of the credentials that one record holds.
pub struct Keeper<'a, R> {
    /// Where the keys are.
    pub ledger: &'a Ledger,
    /// Over the account that the record is in; it must be one that may write.
    pub scope: &'a Scope,
    /// The record that holds the credentials.
    pub id: Id<R>,
}

impl<R> Clone for Keeper<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Keeper<'_, R> {}

impl<'a, R: Record> Keeper<'a, R> {
    /// A keeper of one record's credentials.
    pub const fn new(ledger: &'a Ledger, scope: &'a Scope, id: Id<R>) -> Self {
        Self { ledger, scope, id }
    }

    fn conceal(&self, purpose: &'static str, plain: &[u8]) -> Result<Concealed, LedgerError> {
        self.ledger.conceal(self.scope, self.id, purpose, plain)
    }

    fn reveal(&self, purpose: &'static str, concealed: &Concealed) -> Result<Secret<Vec<u8>>, LedgerError> {
        self.ledger.reveal(self.scope, self.id, purpose, concealed)
    }

    fn now(&self) -> Moment {
        self.ledger.clock().now()
    }
}
