//! Who may touch which account: no record is read or written without a [`Scope`].
//!
//! Architecture invariant: a scope is made only where its evidence was checked. The places that may call a
//! constructor are named in the tidy test: keys in `people`, partner links in `trade`, consumers of the log in `flow`,
//! the operator's command line in `server`.

use crate::engine::ActorRow;
use bonded_base::{Account, ApiKey, Id, Kind, Staff, User};
use bonded_vault::SignedGrant;
use std::fmt;
use std::sync::Arc;

/// Who did something, as the log keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The operator, at the command line of the machine.
    Operator,
    /// A person of the account.
    Member(Id<User>),
    /// A key to the API.
    Key(Id<ApiKey>),
    /// The partner account on the other side of a link.
    Partner(Id<Account>),
    /// A part of the program itself.
    System(System),
    /// A person who runs the platform.
    Staff(Id<Staff>),
}

/// The parts of the program that act by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum System {
    /// Carries orders and their progress between partners.
    Route,
    /// Tells partners what a supplier shares.
    Share,
    /// Signs the log.
    Checkpoint,
    /// Finds an account by what a caller presents: a key, a link.
    Doorkeeper,
    /// Keeps the ledger's own books, such as the places of consumer keys.
    Ledger,
    /// Sends the mail that waits.
    Post,
    /// Does what a day brings: ends what has run out, opens what is due.
    Calendar,
    /// Speaks with the platforms that are connected.
    Connect,
    /// Tells the account's own systems by webhooks.
    Webhooks,
    /// Reads files in.
    Import,
    /// Destroys what is to be forgotten, and chases who has not confirmed it.
    Deletion,
    /// Copies everything elsewhere, and tries the copies.
    Backups,
}

impl System {
    const ALL: [Self; 12] = [
        Self::Route,
        Self::Share,
        Self::Checkpoint,
        Self::Doorkeeper,
        Self::Ledger,
        Self::Post,
        Self::Calendar,
        Self::Connect,
        Self::Webhooks,
        Self::Import,
        Self::Deletion,
        Self::Backups,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Share => "share",
            Self::Checkpoint => "checkpoint",
            Self::Doorkeeper => "doorkeeper",
            Self::Ledger => "ledger",
            Self::Post => "post",
            Self::Calendar => "calendar",
            Self::Connect => "connect",
            Self::Webhooks => "webhooks",
            Self::Import => "import",
            Self::Deletion => "deletion",
            Self::Backups => "backups",
        }
    }
}

impl Actor {
    /// As an engine keeps it: a tag and 16 bytes.
    pub(crate) fn to_row(self) -> ActorRow {
        let (tag, id) = match self {
            Self::Operator => (0, [0; 16]),
            Self::Member(id) => (1, id.bytes()),
            Self::Key(id) => (2, id.bytes()),
            Self::Partner(id) => (3, id.bytes()),
            Self::System(system) => (4, [system as u8; 16]),
            Self::Staff(id) => (5, id.bytes()),
        };
        let mut row = [tag; 17];
        row[1..].copy_from_slice(&id);
        row
    }

    pub(crate) fn from_row(row: ActorRow) -> Option<Self> {
        let mut id = [0; 16];
        id.copy_from_slice(&row[1..]);
        Some(match row[0] {
            0 => Self::Operator,
            1 => Self::Member(Id::from_bytes(id)),
            2 => Self::Key(Id::from_bytes(id)),
            3 => Self::Partner(Id::from_bytes(id)),
            4 => Self::System(System::ALL.into_iter().find(|system| *system as u8 == id[0])?),
            5 => Self::Staff(Id::from_bytes(id)),
            _ => return None,
        })
    }
}

impl fmt::Display for Actor {
    /// `key_01jd…`, `system:route`, `operator`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Member(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
            Self::Partner(id) => id.fmt(f),
            Self::System(system) => write!(f, "system:{}", system.name()),
            Self::Staff(id) => id.fmt(f),
        }
    }
}

/// What a caller asked to happen only once, however often it is sent.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The caller's own key (`Idempotency-Key`).
    pub key: String,
    /// A digest of the request, so that one key cannot stand for two different ones.
    pub fingerprint: [u8; 32],
}

/// The proof that a caller may touch an account, and as whom.
#[derive(Clone, Debug)]
pub struct Scope {
    account: Id<Account>,
    actor: Actor,
    reach: Reach,
    request: Option<Arc<RequestKey>>,
}

#[derive(Clone, Debug)]
enum Reach {
    Whole,
    /// Reading these kinds only.
    Shared(&'static [Kind]),
    /// What the account has approved; nothing is opened without that.
    Granted(Arc<Granted>),
    /// Leaving a request, and nothing else.
    Asking,
}

/// A grant as it was when a scope was made of it.
#[derive(Debug)]
pub(crate) struct Granted {
    pub signed: SignedGrant,
    /// The version of its record: any change to that, such as its end, ends the scope.
    pub version: u64,
}

/// What one side of a partner link may read on the other.
pub const SHARED_WITH_PARTNERS: &[Kind] = &[Kind::Product, Kind::Variant, Kind::InventoryLevel, Kind::Location];

impl Scope {
    /// The operator at the command line.
    pub const fn operator(account: Id<Account>) -> Self {
        Self::whole(account, Actor::Operator)
    }

    /// A signed-in person of the account.
    pub const fn member(account: Id<Account>, user: Id<User>) -> Self {
        Self::whole(account, Actor::Member(user))
    }

    /// A key that was presented and found valid.
    pub const fn key(account: Id<Account>, key: Id<ApiKey>) -> Self {
        Self::whole(account, Actor::Key(key))
    }

    /// A part of the program.
    pub const fn system(account: Id<Account>, system: System) -> Self {
        Self::whole(account, Actor::System(system))
    }

    /// What an active partner link opens of `account` to its `partner`: the shared kinds, for reading.
    pub const fn partner(account: Id<Account>, partner: Id<Account>) -> Self {
        Self { account, actor: Actor::Partner(partner), reach: Reach::Shared(SHARED_WITH_PARTNERS), request: None }
    }

    /// What an order's supplier may read of the retailer's `account`: that order, for its consumer's address.
    pub const fn partner_order(account: Id<Account>, partner: Id<Account>) -> Self {
        Self { account, actor: Actor::Partner(partner), reach: Reach::Shared(&[Kind::Order]), request: None }
    }

    /// A signed-in person who runs the platform, in the platform's own account.
    pub const fn staff(staff: Id<Staff>) -> Self {
        Self::whole(PLATFORM, Actor::Staff(staff))
    }

    /// What a merchant account has approved that one of the staff may do in it. `version` is that of the grant's record:
    /// the scope ends when that changes. Every read leaves an entry before it answers.
    pub fn granted(signed: SignedGrant, version: u64) -> Self {
        let (account, actor) = (signed.grant.account, Actor::Staff(signed.grant.staff));
        Self { account, actor, reach: Reach::Granted(Arc::new(Granted { signed, version })), request: None }
    }

    /// One of the staff who asks an account for a grant: leaves the request there, and reads nothing.
    pub const fn asking(account: Id<Account>, staff: Id<Staff>) -> Self {
        Self { account, actor: Actor::Staff(staff), reach: Reach::Asking, request: None }
    }

    const fn whole(account: Id<Account>, actor: Actor) -> Self {
        Self { account, actor, reach: Reach::Whole, request: None }
    }

    /// The same scope, for a request that must happen only once: the first commit under it claims the key.
    #[must_use]
    pub fn once(mut self, request: RequestKey) -> Self {
        self.request = Some(Arc::new(request));
        self
    }

    /// The same scope, free of the once-only request.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { request: None, ..self.clone() }
    }

    /// Whose account.
    pub const fn account(&self) -> Id<Account> {
        self.account
    }

    /// As whom.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    pub(crate) fn request(&self) -> Option<&RequestKey> {
        self.request.as_deref()
    }

    /// Whether it is the account's own, and so reaches everything in it.
    pub const fn is_whole(&self) -> bool {
        matches!(self.reach, Reach::Whole)
    }

    pub(crate) fn may_read(&self, kind: Kind) -> bool {
        match &self.reach {
            Reach::Whole => true,
            Reach::Shared(kinds) => kinds.contains(&kind),
            Reach::Granted(granted) => granted.signed.grant.opens.contains(&kind),
            Reach::Asking => false,
        }
    }

    pub(crate) fn may_write(&self, kind: Kind) -> bool {
        match &self.reach {
            Reach::Whole => true,
            Reach::Shared(_) => false,
            Reach::Granted(granted) => granted.signed.grant.may_change(kind),
            Reach::Asking => kind == Kind::Grant,
        }
    }

    /// Whether each read leaves an entry before it answers.
    pub(crate) const fn leaves_traces(&self) -> bool {
        matches!(self.reach, Reach::Granted(_))
    }

    /// Whether this record is among those that may be read.
    pub(crate) fn reaches(&self, kind: Kind, id: [u8; 16]) -> bool {
        self.granted_by().is_none_or(|granted| granted.signed.grant.reaches(kind, id))
    }

    pub(crate) fn granted_by(&self) -> Option<&Granted> {
        match &self.reach {
            Reach::Granted(granted) => Some(granted),
            Reach::Whole | Reach::Shared(_) | Reach::Asking => None,
        }
    }
}

/// The account of the platform itself: what must be found before an account is known.
pub const PLATFORM: Id<Account> = Id::from_bytes([0; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_kept_and_found_again() {
        let id = [7; 16];
        let actors = [
            Actor::Operator,
            Actor::Member(Id::from_bytes(id)),
            Actor::Key(Id::from_bytes(id)),
            Actor::Partner(Id::from_bytes(id)),
            Actor::Staff(Id::from_bytes(id)),
        ];
        for actor in actors.into_iter().chain(System::ALL.map(Actor::System)) {
            assert_eq!(Actor::from_row(actor.to_row()), Some(actor));
        }
        assert_eq!(Actor::from_row([9; 17]), None);
    }

    #[test]
    fn a_partner_reads_what_is_shared_and_writes_nothing() {
        let scope = Scope::partner(PLATFORM, PLATFORM);
        assert!(scope.may_read(Kind::Variant));
        assert!(!scope.may_read(Kind::Order));
        assert!(!scope.may_write(Kind::Variant) && !scope.is_whole());
    }
}
