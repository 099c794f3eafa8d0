//! Followers: the connections and webhook endpoints of all accounts, registered where every node finds them.
//!
//! A follower is a record of its own in its merchant's account; here stands only that it is there, in the platform's
//! account and under the same id, so that a node need not read every account to find a handful. It is registered before
//! its own record is made: what a crash leaves is an entry without a record, which opens nothing and is taken away.

use bonded_base::{Account, Id, Kind, Kinded};
use bonded_ledger::{
    Change, Ledger, LedgerError, List, Lookup, LookupName, PAGE_MAX, PLATFORM, Record, Scope, Stored, System,
};
use serde::{Deserialize, Serialize};

/// That an account has a follower; its id is the follower's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// Whose.
    pub account: Id<Account>,
    /// What: `connection`, `webhook_endpoint`.
    pub what: Kind,
    /// The shop at the other end (`shopify lamps.myshopify.com`), which one account of a deployment can have; `None` for
    /// what is no shop.
    pub shop: Option<String>,
}

impl Kinded for Follower {
    const KIND: Kind = Kind::Follower;
}

impl Record for Follower {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        self.shop.iter().map(|shop| of_shop(shop)).collect()
    }
}

fn of_shop(shop: &str) -> Lookup<'_> {
    Lookup::new(LookupName::Shop, shop.as_bytes())
}

fn scope() -> Scope {
    Scope::system(PLATFORM, System::Doorkeeper)
}

/// Registers a follower by the id of its own record; does nothing when it is registered. Fails with
/// [`LedgerError::Taken`] where its shop is another follower's.
pub async fn register(ledger: &Ledger, follower: &Follower, id: [u8; 16]) -> Result<(), LedgerError> {
    let mut change = Change::new();
    change.create(Id::from_bytes(id), follower, "registered");
    match ledger.commit(&scope(), change).await {
        Ok(_) | Err(LedgerError::Conflict { kind: Kind::Follower, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes a follower off the register, for good; does nothing when it is not there.
pub async fn retire(ledger: &Ledger, id: [u8; 16]) -> Result<(), LedgerError> {
    let Some(known) = find(ledger, id).await? else { return Ok(()) };
    let mut change = Change::new();
    change.remove(&known, "retired");
    match ledger.commit(&scope(), change).await {
        Ok(_) | Err(LedgerError::Conflict { kind: Kind::Follower, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whose this follower is, and what; `None` when there is none.
pub async fn find(ledger: &Ledger, id: [u8; 16]) -> Result<Option<Stored<Follower>>, LedgerError> {
    ledger.get(&scope(), Id::from_bytes(id)).await
}

/// The follower of a shop, named as in [`Follower::shop`].
pub async fn of(ledger: &Ledger, shop: &str) -> Result<Option<Stored<Follower>>, LedgerError> {
    match ledger.find::<Follower>(&scope(), &of_shop(shop)).await? {
        Some(id) => ledger.get(&scope(), id).await,
        None => Ok(None),
    }
}

/// Every follower of the deployment, oldest first.
pub async fn all(ledger: &Ledger) -> Result<Vec<Stored<Follower>>, LedgerError> {
    let (mut all, mut page) = (Vec::new(), List::first(PAGE_MAX));
    loop {
        let listed = ledger.list(&scope(), &page).await?;
        all.extend(listed.records);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(all),
        }
    }
}
