//! Ceremonies: what was done with the deployment's keys, told in the platform's own log.
//!
//! The keys live outside the ledger; that an officer unsealed them, or that the officers changed, is an entry here, so that
//! nobody does it unseen.

use bonded_base::{Kind, Kinded, Moment};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, Record, Scope};
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// An officer unsealed the vault.
    Unsealed,
    /// The keys were forgotten until somebody unseals again.
    Sealed,
    /// The root was sealed to one more officer.
    OfficerAdded,
    /// The root was sealed to the other officers only.
    OfficerRemoved,
    /// A hardware module holds the root from now on.
    MovedToHardware,
    /// The officers hold the root from now on.
    MovedToOfficers,
}

impl Deed {
    const fn action(self) -> &'static str {
        match self {
            Self::Unsealed => "unsealed",
            Self::Sealed => "sealed",
            Self::OfficerAdded => "officer_added",
            Self::OfficerRemoved => "officer_removed",
            Self::MovedToHardware => "moved_to_hardware",
            Self::MovedToOfficers => "moved_to_officers",
        }
    }
}

/// One ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyRecord {
    /// What was done.
    pub deed: Deed,
    /// When.
    pub at: Moment,
    /// The version of the root afterwards.
    pub root_version: u64,
    /// The public keys of the officers afterwards.
    pub officers: Vec<String>,
}

impl Kinded for CeremonyRecord {
    const KIND: Kind = Kind::Ceremony;
}

impl Record for CeremonyRecord {}

/// Writes a ceremony down, as the vault stands now; needs a scope of the platform, and an unsealed vault.
pub async fn record(ledger: &Ledger, scope: &Scope, deed: Deed) -> Result<(), LedgerError> {
    let status = ledger.vault().status()?;
    let record = CeremonyRecord {
        deed,
        at: ledger.clock().now(),
        root_version: status.version,
        officers: status.officers.iter().map(ToString::to_string).collect(),
    };
    let mut change = Change::new();
    change.create(ledger.new_id(), &record, deed.action());
    ledger.commit(scope, change).await.map(|_| ())
}

/// A page of the ceremonies.
pub async fn list(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<CeremonyRecord>, LedgerError> {
    ledger.list(scope, &page).await
}
