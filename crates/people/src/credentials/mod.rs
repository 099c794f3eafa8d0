//! How people prove who they are: passwords, one-time codes, passkeys, recovery codes, and what slows guessing.
//!
//! [`Credentials`] is a part of a user's or of a staff member's record. Its secret parts are concealed once more inside
//! the record, so neither the log nor an export shows them. Nothing here decides who may sign in: it says whether what
//! was shown is right, and changes the credentials accordingly. Whoever asks then keeps the record *before* letting
//! anybody in: two uses of one code change the same version of the record, so only one of them is kept.

pub mod breached;
pub mod device;
pub mod passkeys;
pub mod password;
pub mod recovery;
pub mod throttle;
pub mod totp;

use bonded_base::{Id, Moment, Problem, Secret};
use bonded_ledger::{Concealed, Ledger, LedgerError, Record, Scope};
use passkeys::Passkey;
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
    /// Keys that sign.
    pub passkeys: Vec<Passkey>,
    /// Codes on paper.
    pub recovery: Option<Recovery>,
}

/// What shows who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// Something they know.
    Password,
    /// A one-time code from an app.
    Totp,
    /// A key that signs, and recognises its owner.
    Passkey,
    /// A code on paper.
    RecoveryCodes,
}

/// One factor, for its owner to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactorShown {
    /// What it is.
    pub kind: FactorKind,
    /// The passkey's id.
    pub id: Option<String>,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Since when it counts.
    pub enrolled_at: Moment,
    /// When it was used last, as far as is known.
    pub last_used_at: Option<Moment>,
    /// Codes on paper that are left.
    pub left: Option<u8>,
}

impl Credentials {
    /// Whether more than a password can be asked for. Recovery codes alone are none: they stand in for another.
    pub const fn has_second_factor(&self) -> bool {
        self.totp.is_some() || self.has_passkey()
    }

    /// Whether there is a passkey.
    pub const fn has_passkey(&self) -> bool {
        !self.passkeys.is_empty()
    }

    /// The passkey with this id.
    pub fn passkey(&self, id: &str) -> Option<&Passkey> {
        self.passkeys.iter().find(|passkey| passkey.id == id)
    }

    /// Every factor that counts, for its owner to see.
    pub fn factors(&self) -> Vec<FactorShown> {
        let factor = |kind, enrolled_at, last_used_at| FactorShown {
            kind,
            id: None,
            name: None,
            enrolled_at,
            last_used_at,
            left: None,
        };
        let password = self.password.iter().map(|one| factor(FactorKind::Password, one.set_at, None));
        let totp = self.totp.iter().map(|one| factor(FactorKind::Totp, one.enrolled_at, Some(one.last_used_at)));
        let passkeys = self.passkeys.iter().map(|one| FactorShown {
            id: Some(one.id.clone()),
            name: Some(one.name.clone()),
            ..factor(FactorKind::Passkey, one.enrolled_at, one.last_used_at)
        });
        let recovery = self.recovery.iter().map(|one| FactorShown {
            left: Some(one.left),
            ..factor(FactorKind::RecoveryCodes, one.made_at, one.last_used_at)
        });
        password.chain(totp).chain(passkeys).chain(recovery).collect()
    }
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
