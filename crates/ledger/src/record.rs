//! Records: the present state of things, as business code sees them.

use bonded_base::{Id, Kinded, Moment};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::ops::Deref;

/// A thing that is kept in an account.
///
/// What it serialises to is what is kept and what the log compares; it never holds one of the six consumer fields
/// (those travel beside it, see [`crate::Change::create_with_consumer`]).
pub trait Record: Kinded + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its state as a small number, if its kind is listed by state; 0 otherwise.
    fn state(&self) -> u8 {
        0
    }

    /// What it belongs to, if its kind is listed by that.
    fn parent(&self) -> Option<[u8; 16]> {
        None
    }

    /// What lists by state are ordered by, if not its birth. Must not change during its life.
    fn sort_at(&self) -> Option<Moment> {
        None
    }

    /// What finds it, besides its id. Each is unique in the account.
    fn lookups(&self) -> Vec<Lookup<'_>> {
        Vec::new()
    }
}

/// The registry of lookups. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LookupName {
    /// A variant's stock keeping unit.
    Sku = 1,
    /// A product's handle.
    Handle = 2,
    /// The caller's own number for an order.
    OrderReference = 3,
    /// The partner link with an account.
    Partner = 4,
    /// An API key, by the digest of its secret.
    ApiKey = 5,
    /// A request that must happen only once.
    Request = 6,
    /// A location's name.
    Location = 7,
    /// A person's mail address, folded to lower case.
    MailAddress = 8,
    /// A session, by the digest of its token.
    Session = 9,
    /// A passkey, by its credential id.
    Passkey = 10,
    /// A course, by its name.
    Course = 11,
    /// The access review that is open, of which there is one at most.
    OpenReview = 12,
    /// The connection to a shop, by platform and host.
    Shop = 13,
    /// What we know of one of a platform's things, by connection and the platform's id.
    Remote = 14,
    /// A notice of a platform's, by connection and the platform's id of it.
    Event = 15,
    /// What one of the account's own SKUs means, by that SKU.
    SkuMapping = 16,
    /// The one charge for an invoice.
    Invoice = 17,
}

impl LookupName {
    const ALL: [Self; 17] = [
        Self::Sku,
        Self::Handle,
        Self::OrderReference,
        Self::Partner,
        Self::ApiKey,
        Self::Request,
        Self::Location,
        Self::MailAddress,
        Self::Session,
        Self::Passkey,
        Self::Course,
        Self::OpenReview,
        Self::Shop,
        Self::Remote,
        Self::Event,
        Self::SkuMapping,
        Self::Invoice,
    ];

    /// The number an engine keeps.
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.number() == number)
    }
}

/// A unique find: a name and a value, which an engine sees only as a keyed hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// Which lookup.
    pub name: LookupName,
    /// The value, exactly as it will be asked for.
    pub value: Cow<'a, [u8]>,
}

impl<'a> Lookup<'a> {
    /// A lookup of a value.
    pub fn new(name: LookupName, value: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { name, value: value.into() }
    }
}

/// A record as it was read: with its id, its version, and when it last changed.
pub struct Stored<R> {
    /// Which one.
    pub id: Id<R>,
    /// 1 at its birth, one more at each change.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Moment,
    pub(crate) value: R,
    pub(crate) consumer: Option<Vec<u8>>,
}

impl<R> Stored<R> {
    /// Whether consumer fields are kept beside it (they may have been destroyed since).
    pub const fn has_consumer(&self) -> bool {
        self.consumer.is_some()
    }

    /// The record alone.
    pub fn into_value(self) -> R {
        self.value
    }
}

impl<R> Deref for Stored<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.value
    }
}

impl<R: Clone> Clone for Stored<R> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), consumer: self.consumer.clone(), ..*self }
    }
}
