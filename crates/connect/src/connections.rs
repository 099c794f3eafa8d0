//! Connections: the shops that an account has connected, what may be done in each, and how it stands with them.
//!
//! A connection names one host, which its account approved by making it; nothing of the account goes to any other. What
//! opens the shop is concealed in the record and lent to the platform's room alone; on disconnecting it is gone for good.

mod change;
mod policy;

pub use bonded_trade::inventory::StalePolicy;
pub use change::{
    ConnectionDraft, ConnectionPatch, ask_check, await_install, connect, credential, degrade, disconnect, get, list,
    pause, refresh, renew, resume, update, verified,
};
pub use policy::{Mode, Policy, Repair, Syncs, Unmatched};

use crate::platform::{PlatformName, RemoteId};
use bonded_base::{Currency, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Concealed, Lookup, LookupName, Record};
use serde::{Deserialize, Serialize};

/// Bytes of a shop's host at most: a name (RFC 1035), a colon and a port.
pub const SHOP_BYTES_MAX: usize = 253 + 6;
/// Characters of the reason why a connection is degraded.
pub const WHY_CHARS_MAX: usize = 300;
/// Connections of one account that are not disconnected, at most.
pub const CONNECTIONS_MAX: usize = 50;

/// The purpose under which what opens a shop is concealed.
const CREDENTIAL: &str = "credential";

/// Which way goods move through a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It sells what partners ship: its orders come in, tracking and stock go out.
    SellThrough,
    /// It ships what partners sell: its products and stock come in, purchase orders go out.
    SupplyFrom,
    /// Both.
    Both,
}

impl Direction {
    /// Whether the shop sells what partners ship.
    pub const fn sells(self) -> bool {
        matches!(self, Self::SellThrough | Self::Both)
    }

    /// Whether the shop ships what partners sell.
    pub const fn supplies(self) -> bool {
        matches!(self, Self::SupplyFrom | Self::Both)
    }
}

/// How it stands with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// The shop has not answered yet.
    Connecting,
    /// It works.
    Connected,
    /// It needs its owner; what can be done is done.
    Degraded,
    /// Its owner has stopped it for a while.
    Paused,
    /// It was given up, and what opened the shop is gone.
    Disconnected,
}

impl ConnectionState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Disconnected => "disconnected",
        }
    }

    /// Whether the shop is spoken to.
    pub const fn is_at_work(self) -> bool {
        matches!(self, Self::Connecting | Self::Connected | Self::Degraded)
    }
}

/// A shop that an account has connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// What it runs on.
    pub platform: PlatformName,
    /// Its host, with the port unless that is 443; all that is ever called.
    pub shop: String,
    /// What it calls itself, once it has answered.
    pub title: Option<String>,
    /// What its prices are in, once it has answered.
    pub currency: Option<Currency>,
    /// The version of its API that answered.
    pub version: Option<String>,
    /// Which way goods move.
    pub direction: Direction,
    /// What is kept in step.
    pub syncs: Syncs,
    /// How.
    pub policy: Policy,
    /// Where its stock is written; the first of its locations that is used, if not said.
    pub location: Option<RemoteId>,
    /// How it stands.
    pub state: ConnectionState,
    /// Why it needs its owner.
    pub why: Option<String>,
    /// What we need to be allowed there, in the platform's words.
    pub scopes_needed: Vec<String>,
    /// What we are allowed there.
    pub scopes_held: Vec<String>,
    /// When the shop was last found as it should be.
    pub verified_at: Option<Moment>,
    /// When somebody last asked that all its records be compared with ours.
    #[serde(default)]
    pub check_asked_at: Option<Moment>,
    /// What opens the shop.
    pub credential: Option<Concealed>,
}

impl Kinded for Connection {
    const KIND: Kind = Kind::Connection;
}

impl Record for Connection {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        match self.state {
            ConnectionState::Disconnected => Vec::new(),
            _ => vec![Lookup::new(LookupName::Shop, self.shop_name().into_bytes())],
        }
    }
}

impl Connection {
    /// The shop as the register of followers knows it: `shopify lamps.myshopify.com`.
    pub fn shop_name(&self) -> String {
        shop_name(self.platform, &self.shop)
    }

    /// What we would need and are not allowed. Who may write may read, and platforms name the one without the other.
    pub fn scopes_missing(&self) -> impl Iterator<Item = &String> {
        let is_held = |scope: &String| {
            let writes = scope.strip_prefix("read_").map(|of| format!("write_{of}"));
            self.scopes_held.iter().any(|held| held == scope || Some(held) == writes.as_ref())
        };
        self.scopes_needed.iter().filter(move |scope| !is_held(scope))
    }

    /// Whether it waits for its owner to install our app in the shop.
    pub fn awaits_install(&self) -> bool {
        self.credential.is_none() && self.state == ConnectionState::Connecting
    }

    /// What a connection in this state may still become.
    fn turned(&self, state: ConnectionState) -> Result<Self, Problem> {
        if self.state == ConnectionState::Disconnected {
            return Err(Problem::new(Reason::State, "it was disconnected for good; connect the shop anew"));
        }
        Ok(Self { state, why: None, ..self.clone() })
    }
}

/// A shop as the register of followers knows it: `shopify lamps.myshopify.com`.
pub fn shop_name(platform: PlatformName, shop: &str) -> String {
    format!("{} {shop}", platform.name())
}
