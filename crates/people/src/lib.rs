//! Who may use the platform: for now, the keys with which programs call the API.
//!
//! Architecture invariant: a [`bonded_ledger::Scope`] of a key is made only after its secret was found valid, in
//! [`keys::admit`] and nowhere else.

mod address;
pub mod assertion;
pub mod ceremonies;
pub mod credentials;
pub mod directory;
mod error;
pub mod grants;
pub mod invitations;
pub mod keys;
pub mod leftovers;
pub mod mail;
pub mod members;
mod permission;
mod reminders;
pub mod reviews;
pub mod roles;
pub mod session;
pub mod sign_in;
pub mod staff;
pub mod training;
pub mod users;

pub use address::{ADDRESS_BYTES_MAX, MailAddress};
pub use error::PeopleError;
pub use permission::{Permission, Permissions, UnknownPermission};
