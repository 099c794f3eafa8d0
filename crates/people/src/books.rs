//! The platform's own account, as the program keeps people in it before it is known who they are.

use bonded_ledger::{PLATFORM, Scope, System};

/// The scope under which people, their sessions and the platform's copies are found and kept.
pub(crate) fn books() -> Scope {
    Scope::system(PLATFORM, System::Doorkeeper)
}
