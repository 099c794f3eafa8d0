//! What can go wrong with keys, in words an operator can act on.

use crate::{Environment, HsmError};
use std::path::{Path, PathBuf};

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// No officer has unsealed the vault since it was opened or sealed.
    #[error("the vault is sealed: a security officer must unseal it")]
    Sealed,
    /// The key is gone for ever; nobody can open what was under it.
    #[error("this was destroyed: its key is gone for ever")]
    Destroyed,
    /// A sealed value does not open under its key and context.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What would open it was not approved by its owner.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    /// The tree belongs to another environment.
    #[error("these keys belong to {kept}, not to {asked}")]
    Environment {
        /// The environment the tree was made for.
        kept: Environment,
        /// The environment this process runs in.
        asked: Environment,
    },
    /// A tree of keys is there already; it is never overwritten.
    #[error("{} holds keys already; they are never overwritten", .place.display())]
    Exists {
        /// Where.
        place: PathBuf,
    },
    /// The primary place is away or holds no keys.
    #[error("{} holds no keys: mount the place that does, or name a replica as the primary", .place.display())]
    Missing {
        /// Where.
        place: PathBuf,
    },
    /// Another process works with this tree.
    #[error("another process holds the keys in {}", .place.display())]
    Busy {
        /// Where.
        place: PathBuf,
    },
    /// A place holds keys that are not this tree's, or this tree's with another history.
    #[error("{} holds another tree of keys; nothing was written there", .place.display())]
    AnotherTree {
        /// Where.
        place: PathBuf,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {what}", .file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What was seen.
        what: &'static str,
    },
    /// A root of a later version of this program.
    #[error("{} has format {format}; this program knows 1", .file.display())]
    Newer {
        /// Which file.
        file: PathBuf,
        /// The number it names.
        format: u32,
    },
    /// The root is not sealed to this officer.
    #[error("these keys do not open to this officer")]
    WrongOfficer,
    /// An officer's text was not understood.
    #[error(transparent)]
    Officer(#[from] BadOfficer),
    /// The officer is on the list already.
    #[error("this officer is on the list already")]
    KnownOfficer,
    /// The officer is not on the list.
    #[error("this officer is not on the list")]
    UnknownOfficer,
    /// Without an officer nobody could unseal again.
    #[error("the last officer cannot be removed: nobody could unseal the vault again")]
    LastOfficer,
    /// The list of officers is empty, or longer than [`crate::OFFICERS_MAX`].
    #[error("between 1 and {max} officers are needed", max = crate::OFFICERS_MAX)]
    OfficerCount,
    /// The hardware module that holds the root, or is to hold it, did not do what it was asked.
    #[error("the hardware module: {0}")]
    Hsm(#[from] HsmError),
    /// The root is held by hardware, or is to be, and no module was attached.
    #[error("this needs the hardware module that holds the root, and none is named")]
    NoHsm,
    /// No officer's key opens a root that hardware holds.
    #[error("the root is held by a hardware module; no officer's key opens it")]
    HeldByHsm,
    /// Hardware was asked to open a root that the officers hold.
    #[error("the root is held by the officers, not by a hardware module")]
    HeldByOfficers,
    /// The root is to move to where it is.
    #[error("the root is held so already")]
    KnownHolder,
    /// A slot above [`crate::Slot::LAST`].
    #[error("slot {0} is above the last one an account has")]
    Slot(u64),
    /// A range of slots that ends before it begins.
    #[error("a range of slots ends before it begins")]
    SlotRange,
    /// More accounts share one part of the tree than it has room for; some ten thousand million would be needed.
    #[error("a part of the tree of keys is full")]
    Full,
    /// The file system refused.
    #[error("{doing} {}: {source}", .file.display())]
    Store {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not known whether the new root is durable; the vault sealed itself.
    #[error("the new root could be neither written nor taken back, so the vault is sealed: {source}; unseal it again")]
    Uncertain {
        /// What the system said.
        source: Box<VaultError>,
    },
}

/// A sealed value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was changed, or belongs to another row, account or environment.
    #[error("a sealed value was changed, or belongs elsewhere")]
    Damaged,
    /// The grant under which it was to be opened does not name it.
    #[error("the grant does not reach this value")]
    NotGranted,
}

/// Why a grant opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It has run out, or has not begun.
    #[error("the grant does not hold now")]
    Time,
    /// It would hold for longer than any grant may.
    #[error("the grant is for longer than {} days", crate::grant::DAYS_MAX)]
    TooLong,
    /// The key that signed is not one that may approve for this account.
    #[error("the approver's key does not speak for this account")]
    Approver,
    /// The signature is over something else, or not the key's.
    #[error("the approval was not signed for this grant")]
    Signature,
}

/// Why a text is no officer's key. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOfficer {
    /// Not an X25519 recipient of age.
    #[error("an officer's public key begins with `age1` and is 62 characters long")]
    Recipient,
    /// No line of the file is an X25519 identity of age.
    #[error("an officer's key file holds a line that begins with `AGE-SECRET-KEY-1`")]
    Identity,
    /// The file is encrypted and no passphrase was given.
    #[error("this key file is protected by a passphrase")]
    PassphraseNeeded,
    /// The passphrase is wrong, or the file damaged.
    #[error("this passphrase does not open the key file")]
    Passphrase,
}

impl VaultError {
    /// Names the deed and the file of an input/output error.
    pub(crate) fn store(doing: &'static str, file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Store { doing, file, source }
    }
}
