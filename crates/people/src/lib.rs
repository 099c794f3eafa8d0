//! Who may use the platform: for now, the keys with which programs call the API.
//!
//! Architecture invariant: a [`bonded_ledger::Scope`] of a key is made only after its secret was found valid, in
//! [`keys::admit`] and nowhere else.

pub mod keys;
mod permission;

pub use permission::{Permission, Permissions, UnknownPermission};
