//! The platform's directory of merchant accounts, as far as people need it: that an account exists, and its name.

use bonded_base::{Account, Id, Kind, Kinded, Problem, Reason};
use bonded_ledger::{Ledger, LedgerError, List, Listed, PLATFORM, Record, Scope, System};
use serde::{Deserialize, Serialize};

/// What is read of an account's profile; the business knows the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountName {
    /// As partners see it.
    pub name: String,
}

impl Kinded for AccountName {
    const KIND: Kind = Kind::Account;
}

impl Record for AccountName {}

/// The account's name; a problem if there is no such account.
pub async fn name_of(ledger: &Ledger, account: Id<Account>) -> Result<String, crate::PeopleError> {
    let id = Id::<AccountName>::from_bytes(account.bytes());
    let known = ledger.get(&Scope::system(PLATFORM, System::Doorkeeper), id).await?;
    let missing = || Problem::new(Reason::Missing, "there is no such account");
    Ok(known.ok_or_else(missing)?.into_value().name)
}

/// A page of the directory, in the order in which accounts were opened; needs a scope of the platform.
pub async fn list(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<AccountName>, LedgerError> {
    ledger.list(scope, &page).await
}
