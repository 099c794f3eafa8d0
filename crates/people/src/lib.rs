//! Who may use the platform, and what each may do: users of merchant accounts, the platform's staff, and programs.
//!
//! ```text
//! invitation ─▶ user, staff ─▶ sign-in ─▶ session ─▶ visitor ─▶ scope ─▶ ledger
//!                                 │
//!                   credentials: password, codes, passkeys; what slows guessing
//!
//! staff ─▶ request ─▶ grant, signed by the account's own passkey ─▶ scope of what it names, and no more
//! ```
//! People are records of the platform's own account, since they are found before any account is known; their memberships
//! and the grants are records of the merchant's. Reviews and training decide whether the staff keep their powers.
//!
//! Architecture invariants: a [`bonded_ledger::Scope`] is made only of evidence that was just checked: a key's secret
//! ([`keys::admit`]), a session ([`users::Visitor::scope`], [`staff::StaffVisitor::scope`]), a grant as its approver left it
//! ([`grants::admit`]). What a role may do stands in one place: [`members::Role`] and [`staff::Power`].

mod address;
pub mod assertion;
mod bearer;
mod books;
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
