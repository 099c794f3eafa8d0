//! Platforms: what Bonded says to a shop and hears from it, in words that every commerce platform has.
//!
//! A [`Platform`] is one connected shop, spoken to in its own language by a room beside this one. It knows nothing of
//! accounts, partners or the log: it reads the shop's state as it is now, and makes the shop agree with a state that it is
//! given. Every write may be repeated: a call whose answer was lost is made again, and finds what the first one did.
//!
//! Architecture invariant: of a consumer nothing but the six fields is ever asked for, read or held here.

pub(crate) mod body;
pub(crate) mod reading;
mod remote;
pub(crate) mod street;
pub(crate) mod walk;
mod write;

pub use remote::{
    RemoteFulfilment, RemoteId, RemoteLevel, RemoteLine, RemoteLocation, RemoteOrder, RemoteProduct, Shop,
};
pub use write::{FulfilmentWrite, LevelWrite, OrderLineWrite, OrderWrite, ParcelLine, ProductWrite, VariantWrite};

use async_trait::async_trait;
use bonded_base::Moment;
use bonded_ledger::LedgerError;
use serde::{Deserialize, Serialize};

/// Products, levels or orders that one page has at most; a platform may give fewer.
pub const PAGE_MAX: usize = 100;
/// Things that one call of [`Platform::products`] and its like may name.
pub const NAMED_MAX: usize = 100;

/// The platforms there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformName {
    /// Shopify, by its GraphQL Admin API.
    Shopify,
    /// Medusa 2, by its Admin API.
    Medusa,
    /// Vendure 3, by its Admin API.
    Vendure,
    /// Stripe, which is a gateway: it has charges, and none of the rest.
    Stripe,
}

impl PlatformName {
    /// Its name in the API and in lookups.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Medusa => "medusa",
            Self::Vendure => "vendure",
            Self::Stripe => "stripe",
        }
    }

    /// Whether its shops tell of changes by webhooks; the others are read at short intervals.
    pub const fn tells_of_changes(self) -> bool {
        matches!(self, Self::Shopify | Self::Stripe)
    }
}

/// Why a platform did not do what was asked. The texts are ours or the platform's own codes; no text of a platform that
/// could repeat what was sent is kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be reached, answered too late or failed itself. What was asked may have happened; ask again.
    #[error("{0}")]
    Away(String),
    /// It wants us to wait this many milliseconds.
    #[error("the platform asks for a pause of {0} ms")]
    Throttled(u64),
    /// It does not know us any more, or not for this: the connection needs its owner.
    #[error("{0}")]
    Unauthorised(String),
    /// It will not have this one thing, whoever asks and however often: to be held.
    #[error("{0}")]
    Refused(String),
    /// It has changed meanwhile: read it, and decide anew.
    #[error("it has changed on the platform meanwhile")]
    Changed,
    /// What was named is not there (any more).
    #[error("it is not there any more")]
    Gone,
    /// It answered what its own description does not allow.
    #[error("the platform answered what it should not: {0}")]
    Strange(String),
    /// Not the platform: our own ledger could not write the call down, so it was not made.
    #[error("the call could not be written down: {0}")]
    Ledger(std::sync::Arc<LedgerError>),
}

/// From where on something is read: all that changed at or after a moment, and the place in that list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// What changed at or after this; everything, if not said.
    #[serde(default)]
    pub updated_at: Option<Moment>,
    /// Where the page before ended, in the platform's own words; `None` begins.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page of what was read, oldest change first wherever the platform can.
#[derive(Clone, Debug)]
pub struct RemotePage<T> {
    /// What there is. One that could not be understood does not hold up the others.
    pub items: Vec<Read<T>>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// One thing that was read: as it is, or why it cannot be taken.
pub type Read<T> = Result<T, Unreadable>;

/// One thing of the platform's that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which.
    pub id: RemoteId,
    /// Why, with the JSON pointer of the field in the platform's own answer (`/variants/3/price`).
    pub problem: bonded_base::Problem,
    /// When it changed, if that could be read.
    pub updated_at: Option<Moment>,
}

/// One connected shop.
///
/// Reads are of the present state. A caller names at most [`NAMED_MAX`] things at once; the answers stand in the same
/// order, `None` for what is not there.
#[async_trait]
pub trait Platform: Send + Sync {
    /// Which platform it is.
    fn name(&self) -> PlatformName;

    /// Who answers: the shop's name, currency, version, and what we may do in it.
    async fn shop(&self) -> Result<Shop, Failure>;

    /// Where stock lies there.
    async fn locations(&self) -> Result<Vec<RemoteLocation>, Failure>;

    /// Products, with all their variants however many, that changed since then.
    async fn products_since(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure>;

    /// These products, as they are now.
    async fn products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure>;

    /// Stock that changed since then; where the platform cannot say what changed, all of it.
    async fn levels_since(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure>;

    /// The stock of these variants at every location, as it is now.
    async fn levels(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure>;

    /// Orders that changed since then, those that we placed there included.
    async fn orders_since(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure>;

    /// These orders, as they are now.
    async fn orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure>;

    /// Makes a product be there as it is given, and answers how it is there then. A product that has no id there yet is
    /// first looked for by its handle mark (see [`ProductWrite::mark`]), so that a lost answer makes no second one. What the
    /// shop added itself (pictures, fields that are not ours) stays.
    async fn put_product(&self, product: &ProductWrite) -> Result<RemoteProduct, Failure>;

    /// Makes each level be what it is given as; the answers stand in the same order, each the pieces confirmed. A level
    /// whose [`LevelWrite::was`] is not what the shop has now fails with [`Failure::Changed`].
    async fn put_levels(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure>;

    /// Places an order, unless one with this mark is there already; answers how it is there then.
    async fn put_order(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure>;

    /// Cancels what is left of an order that we placed there, if the shop still can; answers how it is there then.
    async fn cancel_order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure>;

    /// Says that a parcel has left. One with this mark that is there already is told anew how it can be followed, where the
    /// platform can change that; else it stays as it is. Answers how the order is then.
    async fn put_fulfilment(&self, fulfilment: &FulfilmentWrite) -> Result<RemoteOrder, Failure>;

    /// Makes the shop tell `address` of changes, as far as it can: subscriptions that are missing are made again, others
    /// stay. Does nothing on a platform that tells nobody.
    async fn subscribe(&self, address: &str) -> Result<(), Failure>;

    /// Takes back what [`Platform::subscribe`] made, before a connection is given up.
    async fn unsubscribe(&self) -> Result<(), Failure>;
}
