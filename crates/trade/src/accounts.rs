//! Merchant accounts: who is a customer of the platform, as a retailer or as a supplier.
//!
//! A profile is kept twice under one id: in the account, which owns it, and in the platform's directory, where partners
//! find it.

use crate::deletions::DeletionPolicy;
use crate::{Page, Races, TradeError, Written, text};
use bonded_base::{Account, Currency, Id, Kind, Kinded, Problem, Reason};
use bonded_ledger::{Actor, Change, Ledger, Listed, PLATFORM, Record, Scope, Stored, System};
use serde::{Deserialize, Serialize};

/// Characters of an account's name at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of an account at Stripe, behind its prefix, at most.
const STRIPE_ACCOUNT_CHARS_MAX: usize = 64;

/// What an account is in trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sells to consumers what its suppliers ship.
    Retailer,
    /// Has the goods, and ships them.
    Supplier,
}

impl Role {
    /// The other side's role.
    #[must_use]
    pub const fn counterpart(self) -> Self {
        match self {
            Self::Retailer => Self::Supplier,
            Self::Supplier => Self::Retailer,
        }
    }
}

/// What is known of an account. Its id has the same bytes as the `Id<Account>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As partners see it.
    pub name: String,
    /// What it is in trade.
    pub role: Role,
    /// What it reckons in; a price without a currency is in this one.
    pub currency: Currency,
    /// Where a supplier's money goes: its account at Stripe (`acct_…`). In the account's own profile only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_account: Option<String>,
    /// What it wants of its deletions. In the account's own profile only.
    #[serde(default, skip_serializing_if = "DeletionPolicy::is_default")]
    pub deletions: DeletionPolicy,
}

impl Kinded for Profile {
    const KIND: Kind = Kind::Account;
}

impl Record for Profile {}

/// An account that is to be opened.
#[derive(Clone, Debug, Deserialize)]
pub struct Draft {
    /// As partners will see it, up to [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// What it is in trade.
    pub role: Role,
    /// What it reckons in.
    pub currency: Currency,
}

impl Draft {
    /// The profile that this draft makes.
    pub fn check(self) -> Result<Profile, Problem> {
        let name = text::line("/name", &self.name, NAME_CHARS_MAX)?;
        Ok(Profile {
            name,
            role: self.role,
            currency: self.currency,
            stripe_account: None,
            deletions: DeletionPolicy::default(),
        })
    }
}

/// Opens an account; only the operator may, with a scope of the platform.
///
/// The account's own profile is written first: should the process end in between, an account remains that nobody can
/// find, and opening again is harmless.
pub async fn open(ledger: &Ledger, scope: &Scope, draft: Draft) -> Result<Id<Account>, TradeError> {
    if scope.account() != PLATFORM || scope.actor() != Actor::Operator {
        return Err(Problem::new(Reason::Forbidden, "only the operator opens accounts").into());
    }
    let profile = draft.check()?;
    let id = ledger.new_id::<Profile>();
    let account = Id::from_bytes(id.bytes());
    for scope in [&Scope::operator(account), scope] {
        let mut change = Change::new();
        change.create(id, &profile, "opened");
        ledger.commit(scope, change).await?;
    }
    Ok(account)
}

/// The scope's own account.
pub async fn profile(ledger: &Ledger, scope: &Scope) -> Result<Stored<Profile>, TradeError> {
    let own = Id::from_bytes(scope.account().bytes());
    ledger.get(scope, own).await?.ok_or_else(|| TradeError::missing(Kind::Account))
}

/// Says what the account wants of its deletions.
pub async fn keep_deletions(
    ledger: &Ledger,
    scope: &Scope,
    deletions: DeletionPolicy,
) -> Result<Written<Profile>, TradeError> {
    let mut races = Races::new();
    loop {
        let was = profile(ledger, scope).await?;
        let next = Profile { deletions, ..(*was).clone() };
        if next == *was {
            return Ok(was.into());
        }
        let mut change = Change::new();
        change.update(&was, &next, "keeps_for");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Says where a supplier's money goes: its own account at Stripe.
pub async fn pay_out_to(ledger: &Ledger, scope: &Scope, stripe_account: &str) -> Result<Written<Profile>, TradeError> {
    let mut races = Races::new();
    loop {
        let was = profile(ledger, scope).await?;
        if was.role != Role::Supplier {
            return Err(Problem::new(Reason::Forbidden, "only a supplier is paid through the platform").into());
        }
        if !is_stripe_account(stripe_account) {
            let detail = "an account at Stripe is written like acct_1A2b3C4d5E6f7G8h";
            return Err(Problem::invalid("/stripe_account", detail).into());
        }
        let next = Profile { stripe_account: Some(stripe_account.to_owned()), ..(*was).clone() };
        let mut change = Change::new();
        change.update(&was, &next, "pays_out_to");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Where the money of a retailer's supplier goes; whoever asks has an invoice of that supplier.
pub async fn payout_of(ledger: &Ledger, supplier: Id<Account>) -> Result<Option<String>, TradeError> {
    let profile = profile(ledger, &Scope::system(supplier, System::Doorkeeper)).await?;
    Ok(profile.stripe_account.clone())
}

fn is_stripe_account(text: &str) -> bool {
    let id = text.strip_prefix("acct_").unwrap_or_default();
    (4..=STRIPE_ACCOUNT_CHARS_MAX).contains(&id.len()) && id.bytes().all(|symbol| symbol.is_ascii_alphanumeric())
}

/// Accounts of the platform, in the order in which they were opened; needs a scope of the platform.
pub async fn directory(ledger: &Ledger, scope: &Scope, page: Page) -> Result<Listed<Profile>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(None)).await?)
}

/// An account as the directory shows it.
pub(crate) async fn find(ledger: &Ledger, account: Id<Account>) -> Result<Stored<Profile>, TradeError> {
    let scope = Scope::system(PLATFORM, System::Doorkeeper);
    let profile = ledger.get(&scope, Id::from_bytes(account.bytes())).await?;
    profile.ok_or_else(|| TradeError::missing(Kind::Account))
}
