//! What an operator may wish for, as it crosses the socket.

use crate::ending::Ending;
use bonded_base::{Account, Id};
use bonded_people::mail::Mail;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a wish at most, and of the identity that may follow it.
pub const WISH_BYTES_MAX: usize = 64 * 1024;

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    /// How the vault stands.
    KeysStatus,
    /// Unseal with the identity that comes with the wish.
    Unseal,
    /// How old the keys are with which callers of the private listener are vouched for.
    IdentityStatus,
    /// Forget the keys.
    Seal,
    /// One more officer.
    AddOfficer {
        /// `age1…`
        key: String,
    },
    /// One officer less.
    RemoveOfficer {
        /// `age1…`
        key: String,
    },
    /// A new merchant account.
    AccountCreate {
        /// Its name.
        name: String,
        /// `retailer` or `supplier`.
        role: String,
        /// ISO 4217.
        currency: String,
    },
    /// Every merchant account.
    AccountList,
    /// A new API key.
    AccountKey {
        /// Whose.
        account: Id<Account>,
        /// What for.
        name: String,
        /// Names of permissions; none means all.
        permissions: Vec<String>,
        /// `bk_test_…` instead of `bk_live_…`.
        test: bool,
    },
    /// The newest mails.
    MailList {
        /// `waiting`, `sent` or `held`; none means what was not sent.
        state: Option<String>,
        /// Whether addresses are shown.
        addresses: bool,
    },
    /// Another attempt for a mail.
    MailRetry {
        /// Which.
        mail: Id<Mail>,
    },
    /// An account's log and records, line by line.
    Export {
        /// Whose.
        account: Id<Account>,
        /// Whether the six fields go with it.
        with_consumers: bool,
    },
}

impl Wish {
    /// Whether the keys alone are enough for it, without the database.
    pub const fn is_about_keys(&self) -> bool {
        matches!(
            self,
            Self::KeysStatus | Self::Unseal | Self::Seal | Self::AddOfficer { .. } | Self::RemoveOfficer { .. }
        )
    }
}

/// A wish on its way, and how many bytes of an identity follow its line.
#[derive(Serialize, Deserialize)]
pub struct Letter {
    /// The wish.
    #[serde(flatten)]
    pub wish: Wish,
    /// Zero where none follows.
    #[serde(default)]
    pub identity_bytes: usize,
}

/// One line of what comes back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A line of what was asked for; more follow.
    Line(String),
    /// All is done.
    Done(Value),
    /// It could not be done.
    Ended(Ending),
}
