//! The carrier: the part of the program that takes orders and news between partners, as whom some functions act.
//!
//! Functions that take an account instead of a scope are the carrier's; only the consumers of the log call them.

use bonded_base::{Account, Id};
use bonded_ledger::{Scope, System};

/// The carrier's scope of an account.
pub(crate) const fn carrier(account: Id<Account>) -> Scope {
    Scope::system(account, System::Route)
}
