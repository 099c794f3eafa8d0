//! The keys of a deployment: one tree, sealed to officers, from which any part can be destroyed for ever.
#![deny(missing_docs)]

mod account;
mod carve;
mod context;
mod disk;
mod environment;
mod error;
mod fragment;
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
pub use context::Context;
pub use environment::{BadEnvironment, Environment};
pub use error::{BadOfficer, OpenError, VaultError};
pub use memory::harden_process;
pub use officer::{OFFICERS_MAX, Officer, Recipient};
pub use path::{Doomed, Slot};
pub use store::{Confirmation, PlaceStatus, Places};
pub use vault::{Destruction, Status, Vault};
