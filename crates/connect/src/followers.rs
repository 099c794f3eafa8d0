//! Followers: the connections and webhook endpoints of all accounts, registered where every node finds them.
//!
//! A follower is a record of its own in its merchant's account; here stands only that it is there, in the platform's
//! account and under the same id, so that a node need not read every account to find a handful. It is registered before
//! its own record is made: what a crash leaves is an entry without a record, which opens nothing and is taken away.
//!
//! A shop that was given up may still be spoken of: platforms ask months later that a consumer of it be forgotten. So its
//! follower is not taken away but set aside, in a chain behind the first that was set aside for this shop.

use bonded_base::{Account, Id, Kind, Kinded};
use bonded_ledger::{
    Change, Ledger, LedgerError, List, Lookup, LookupName, PAGE_MAX, PLATFORM, Record, Scope, Stored, System,
};
use serde::{Deserialize, Serialize};

/// Followers of one shop that were set aside and are looked through at most.
const SET_ASIDE_MAX: usize = 200;

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
    /// That it does nothing any more, and is only remembered for its shop.
    #[serde(default)]
    pub aside: Option<Aside>,
}

/// How a follower that was set aside is found: behind the first one of its shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// Whether it is the first, which alone is found by the shop.
    is_first: bool,
    /// The one behind it.
    next: Option<Id<Follower>>,
}

impl Kinded for Follower {
    const KIND: Kind = Kind::Follower;
}

impl Record for Follower {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        let Some(shop) = &self.shop else { return Vec::new() };
        match &self.aside {
            None => vec![of_shop(shop)],
            Some(aside) if aside.is_first => vec![once_of_shop(shop)],
            Some(_) => Vec::new(),
        }
    }
}

fn of_shop(shop: &str) -> Lookup<'_> {
    Lookup::new(LookupName::Shop, shop.as_bytes())
}

/// No shop's own name begins like this.
fn once_of_shop(shop: &str) -> Lookup<'static> {
    Lookup::new(LookupName::Shop, format!("once {shop}").into_bytes())
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

/// Sets the follower of a shop aside: it follows nothing any more, and the shop can have another. Does nothing when that is
/// done already.
pub async fn set_aside(ledger: &Ledger, id: [u8; 16]) -> Result<(), LedgerError> {
    let Some(known) = find(ledger, id).await?.filter(|known| known.aside.is_none()) else { return Ok(()) };
    let Some(shop) = known.shop.clone() else { return retire(ledger, id).await };
    let first = first_aside(ledger, &shop).await?;
    let next = first.as_ref().and_then(|first| first.aside.as_ref()).and_then(|aside| aside.next);
    let aside = Some(Aside { is_first: first.is_none(), next });
    let mut change = Change::new();
    change.update(&known, &Follower { aside, ..Follower::clone(&known) }, "left");
    if let Some(first) = first {
        let aside = Some(Aside { is_first: true, next: Some(known.id) });
        change.update(&first, &Follower { aside, ..Follower::clone(&first) }, "followed");
    }
    ledger.commit(&scope(), change).await.map(drop)
}

async fn first_aside(ledger: &Ledger, shop: &str) -> Result<Option<Stored<Follower>>, LedgerError> {
    match ledger.find::<Follower>(&scope(), &once_of_shop(shop)).await? {
        Some(id) => ledger.get(&scope(), id).await,
        None => Ok(None),
    }
}

/// Followers of a shop that were set aside, those of other accounts included.
pub async fn once_of(ledger: &Ledger, shop: &str) -> Result<Vec<Stored<Follower>>, LedgerError> {
    let (mut found, mut next) = (Vec::new(), first_aside(ledger, shop).await?);
    while let Some(known) = next.take() {
        let behind = known.aside.as_ref().and_then(|aside| aside.next);
        found.push(known);
        next = match behind {
            Some(id) if found.len() < SET_ASIDE_MAX => ledger.get(&scope(), id).await?,
            _ => None,
        };
    }
    Ok(found)
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

/// Every follower of the deployment that is at work, oldest first.
pub async fn all(ledger: &Ledger) -> Result<Vec<Stored<Follower>>, LedgerError> {
    let (mut all, mut page) = (Vec::new(), List::first(PAGE_MAX));
    loop {
        let listed = ledger.list::<Follower>(&scope(), &page).await?;
        all.extend(listed.records.into_iter().filter(|known| known.aside.is_none()));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(all),
        }
    }
}
