//! The keys of a deployment: one tree, sealed to officers or in hardware, from which any part can be destroyed for ever.
//!
//! Every value the product stores is sealed under a key of its account, and each order's consumer under a key of that
//! order. All these keys hang from one root. Below it nothing is stored until something is destroyed: keys are derived,
//! so a new account or order writes nothing here.
//!
//! # The life of a destruction
//! 1. [`Vault::destroy`] turns what is doomed into paths: a run of orders into whole nodes, an account into one.
//! 2. Every table on the way from the root to them is written out anew: survivors keep their keys, the doomed are left
//!    out, each file gets a fresh key. The files are durable on the primary before anything else happens.
//!    Where a hardware module holds the root, it has made a new wrapping key before that.
//! 3. The new root, which holds the fresh key of the topmost file, is written beside the old one. From here on it is
//!    done: a crash before leaves the tree as it was, a crash after leaves it as it will be.
//! 4. The old root is overwritten where it lies, then the files that only it could open are removed. A hardware module
//!    destroys the wrapping key of the old root: copies of it open for nobody.
//! 5. Each replica follows, 2 to 4. A replica that is away follows when it is back; [`Destruction::complete`] and
//!    [`Vault::catch_up`] say so.
//!
//! Whoever has every backup of the data, every old node file and today's root cannot open what was destroyed: the keys
//! of old files are in older files only, up to a root that is gone.
//!
//! # What is promised, and what is not
//! - The root is *latest only*: keep it out of backups. A copy of an old root together with copies of the node files of
//!   its time opens what lived then, to an officer of that time; where hardware holds the root, to nobody.
//! - Overwriting in place reaches what the disk lets a program reach; disks that move blocks as they wear, and file
//!   systems that copy on write, may keep older bytes. Use them with encryption of their own.
//! - Who can write to *all* places can put an old state back, root and nodes; nothing inside this crate could tell. A
//!   destruction's [`Destruction::root_after`] belongs in a log elsewhere, to be compared with [`Status::version`].
//! - A root that somebody else sealed to the officers' public keys is refused where a true one is at hand. Alone it
//!   opens, and then no value does.
//! - While unsealed, the process holds keys in memory: locked there and kept out of core dumps, as far as the system
//!   lets us.
//!
//! Architecture invariant: there is no way to store a value unsealed, no way to take a key out, and nothing that holds
//! a key can be printed.
#![deny(missing_docs)]

mod account;
mod assertion;
mod carve;
mod context;
mod disk;
mod environment;
mod error;
mod fragment;
mod grant;
mod hsm;
mod key;
mod memory;
mod officer;
mod path;
mod place;
mod root;
mod store;
mod tree;
mod vault;
mod xaes;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod promise;
#[cfg(test)]
mod testing;

pub use account::AccountKeys;
pub use assertion::{ApprovalKey, Assertion};
pub use context::Context;
pub use environment::{BadEnvironment, Environment};
pub use error::{BadOfficer, NotApproved, OpenError, VaultError};
pub use grant::{Approval, Approver, DAYS_MAX as GRANT_DAYS_MAX, Grant, SignedGrant};
pub use hsm::{Hsm, HsmError, HsmSetup};
pub use memory::harden_process;
pub use officer::{OFFICERS_MAX, Officer, Recipient};
pub use path::{Doomed, Slot};
pub use root::Holder;
pub use store::{Confirmation, PlaceStatus, Places};
pub use vault::{Destruction, Status, Vault};
