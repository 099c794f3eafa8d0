//! Making and changing connections; each function reads, checks and commits once.

use super::{
    CONNECTIONS_MAX, CREDENTIAL, Connection, ConnectionState, Direction, Policy, SHOP_BYTES_MAX, Syncs, WHY_CHARS_MAX,
    shop_name,
};
use crate::followers::{self, Follower};
use crate::platform::{PlatformName, RemoteId, Shop};
use crate::shopify;
use bonded_base::{Id, Kind, Problem, Reason, Secret};
use bonded_ledger::{Change, Concealed, Ledger, LedgerError, Listed, LookupName, Scope, Stored};
use bonded_trade::{Page, Patch, Races, TradeError, Written, as_expected};
use serde::Deserialize;

/// A shop that is to be connected.
#[derive(Clone, Debug, Deserialize)]
pub struct ConnectionDraft {
    /// What it runs on.
    pub platform: PlatformName,
    /// Its host, with the port unless that is 443.
    pub shop: String,
    /// Which way goods move.
    pub direction: Direction,
    /// What is to be kept in step; nothing, if not said.
    #[serde(default)]
    pub syncs: Syncs,
    /// How.
    #[serde(default)]
    pub policy: Policy,
}

/// What is to become of a connection. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the connection's of the same name")]
pub struct ConnectionPatch {
    pub direction: Patch<Direction>,
    pub syncs: Patch<Syncs>,
    pub policy: Patch<Policy>,
    pub location: Patch<RemoteId>,
}

/// Connects a shop. `credential` opens it, in the words of the platform's own room; `needed` is what we have to be allowed
/// there. A shop can be connected once in a deployment.
pub async fn connect(
    ledger: &Ledger,
    scope: &Scope,
    draft: ConnectionDraft,
    needed: Vec<String>,
    credential: &Secret<Vec<u8>>,
) -> Result<Written<Connection>, TradeError> {
    make(ledger, scope, draft, needed, Some(credential)).await
}

/// Connects a shop that is yet to be opened: it waits until its owner has installed our app there (see
/// [`crate::installs`]). A shop can be connected once in a deployment.
pub async fn await_install(
    ledger: &Ledger,
    scope: &Scope,
    draft: ConnectionDraft,
    needed: Vec<String>,
) -> Result<Written<Connection>, TradeError> {
    make(ledger, scope, draft, needed, None).await
}

async fn make(
    ledger: &Ledger,
    scope: &Scope,
    draft: ConnectionDraft,
    needed: Vec<String>,
    credential: Option<&Secret<Vec<u8>>>,
) -> Result<Written<Connection>, TradeError> {
    let shop = host(&draft.shop)?;
    draft.policy.check().map_err(|problem| problem.within("/policy"))?;
    let alive = list(ledger, scope, None, Page::first(bonded_ledger::PAGE_MAX)).await?.records;
    if alive.iter().filter(|known| known.state != ConnectionState::Disconnected).count() >= CONNECTIONS_MAX {
        let detail = format!("an account has at most {CONNECTIONS_MAX} connections");
        return Err(Problem::new(Reason::TooMuch, detail).into());
    }
    let id: Id<Connection> = ledger.new_id();
    let connection = Connection {
        platform: draft.platform,
        shop,
        title: None,
        currency: None,
        version: None,
        direction: draft.direction,
        syncs: draft.syncs,
        policy: draft.policy,
        location: None,
        state: ConnectionState::Connecting,
        why: None,
        scopes_needed: needed,
        scopes_held: Vec::new(),
        verified_at: None,
        check_asked_at: None,
        credential: credential.map(|credential| conceal(ledger, scope, id, credential)).transpose()?,
    };
    let shop = Some(shop_name(connection.platform, &connection.shop));
    let follower = Follower { account: scope.account(), what: Kind::Connection, shop, aside: None };
    match followers::register(ledger, &follower, id.bytes()).await {
        Ok(()) => {}
        Err(LedgerError::Taken { name: LookupName::Shop, .. }) => return Err(taken().into()),
        Err(error) => return Err(error.into()),
    }
    let mut change = Change::new();
    change.create(id, &connection, "connected");
    match ledger.commit(scope, change).await {
        Ok(done) => Ok(Written::born(id, connection, done.at)),
        Err(error) => {
            // Should this fail too, the follower finds no record of its own, and goes.
            followers::retire(ledger, id.bytes()).await?;
            Err(match error {
                LedgerError::Taken { name: LookupName::Shop, .. } => taken().into(),
                other => other.into(),
            })
        }
    }
}

fn taken() -> Problem {
    Problem { reason: Reason::Duplicate, ..Problem::invalid("/shop", "this shop is connected already") }
}

/// A host as it is called: lower case, with the port unless that is 443.
fn host(given: &str) -> Result<String, Problem> {
    let refused = || Problem::invalid("/shop", "name the shop's host, as in shop.example.com");
    let given = given.trim().trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    let (name, port) = given.split_once(':').map_or((given.as_str(), None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let port = port.map(|port| port.parse::<u16>().map_err(|_| refused())).transpose()?.filter(|port| *port != 443);
    // A host by its number is no shop's, and it may be a person's.
    let is_named =
        name.rsplit('.').next().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_alphabetic()));
    if given.len() > SHOP_BYTES_MAX || !name.split('.').all(label) || !is_named {
        return Err(refused());
    }
    Ok(port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
}

fn conceal(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    credential: &Secret<Vec<u8>>,
) -> Result<Concealed, LedgerError> {
    ledger.conceal(scope, id, CREDENTIAL, credential.expose())
}

/// Keeps a fresh credential that the platform gave in the place of one that runs out; nothing else changes.
pub async fn refresh(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    credential: &Secret<Vec<u8>>,
) -> Result<(), TradeError> {
    let concealed = conceal(ledger, scope, id, credential)?;
    let fresh = |was: &Connection| Ok(Connection { credential: Some(concealed.clone()), ..was.clone() });
    turn(ledger, scope, id, None, "refreshed", |was| match was.state {
        ConnectionState::Disconnected => was.turned(was.state),
        _ => fresh(was),
    })
    .await
    .map(drop)
}

/// Lends what opens a shop to the platform's own room; `None` once it is given up. Never to be shown.
pub fn credential(
    ledger: &Ledger,
    scope: &Scope,
    connection: &Stored<Connection>,
) -> Result<Option<Secret<Vec<u8>>>, LedgerError> {
    let concealed = connection.credential.as_ref();
    concealed.map(|concealed| ledger.reveal(scope, connection.id, CREDENTIAL, concealed)).transpose()
}

/// One connection.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Connection>) -> Result<Stored<Connection>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Connection))
}

/// A page of the connections in one state, or of all, oldest first.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<ConnectionState>,
    page: Page,
) -> Result<Listed<Connection>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(ConnectionState::number))).await?)
}

/// Changes what is kept in step, and how.
pub async fn update(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
    patch: &ConnectionPatch,
) -> Result<Written<Connection>, TradeError> {
    turn(ledger, scope, id, expected, "updated", |was| {
        let mut next = was.turned(was.state)?;
        next.why.clone_from(&was.why);
        set(&mut next.direction, &patch.direction, "/direction")?;
        set(&mut next.syncs, &patch.syncs, "/syncs")?;
        set(&mut next.policy, &patch.policy, "/policy")?;
        next.policy.check().map_err(|problem| problem.within("/policy"))?;
        next.asks_anew();
        match &patch.location {
            Patch::Keep => {}
            Patch::Clear => next.location = None,
            Patch::Set(location) => next.location = Some(location.clone()),
        }
        Ok(next)
    })
    .await
}

fn set<T: Clone>(field: &mut T, patch: &Patch<T>, pointer: &'static str) -> Result<(), Problem> {
    match patch {
        Patch::Keep => Ok(()),
        Patch::Clear => Err(Problem::invalid(pointer, "this cannot be emptied")),
        Patch::Set(value) => {
            field.clone_from(value);
            Ok(())
        }
    }
}

/// Stops a connection for a while: the shop is not spoken to, and what it says is kept for later.
pub async fn pause(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
) -> Result<Written<Connection>, TradeError> {
    turn(ledger, scope, id, expected, "paused", |was| was.turned(ConnectionState::Paused)).await
}

/// Lets a connection go on, from where it stopped.
pub async fn resume(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
) -> Result<Written<Connection>, TradeError> {
    turn(ledger, scope, id, expected, "resumed", |was| match was.state {
        ConnectionState::Connecting | ConnectionState::Connected => {
            Err(Problem::new(Reason::State, "it is at work already"))
        }
        _ => was.turned(ConnectionState::Connecting),
    })
    .await
}

/// Asks that all records of a shop be compared with ours now.
pub async fn ask_check(ledger: &Ledger, scope: &Scope, id: Id<Connection>) -> Result<Written<Connection>, TradeError> {
    let now = ledger.clock().now();
    turn(ledger, scope, id, None, "check_asked", |was| {
        let next = was.turned(was.state)?;
        Ok(Connection { why: was.why.clone(), check_asked_at: Some(now), ..next })
    })
    .await
}

/// Puts another credential in the place of the one that opens the shop. The next call uses it, and none is lost: calls
/// that are on their way end with the old one.
pub async fn renew(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
    credential: &Secret<Vec<u8>>,
) -> Result<Written<Connection>, TradeError> {
    let concealed = conceal(ledger, scope, id, credential)?;
    turn(ledger, scope, id, expected, "renewed", |was| {
        let state = if was.state == ConnectionState::Paused { was.state } else { ConnectionState::Connecting };
        Ok(Connection { credential: Some(concealed.clone()), ..was.turned(state)? })
    })
    .await
}

/// Gives a connection up, for good: what opened the shop is gone.
pub async fn disconnect(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
) -> Result<Written<Connection>, TradeError> {
    let done = turn(ledger, scope, id, expected, "disconnected", |was| {
        Ok(Connection { credential: None, scopes_held: Vec::new(), ..was.turned(ConnectionState::Disconnected)? })
    })
    .await?;
    followers::set_aside(ledger, id.bytes()).await?;
    Ok(done)
}

/// Notes what the shop said of itself; whoever lacks a right, or a version, is degraded.
pub async fn verified(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    shop: &Shop,
) -> Result<Written<Connection>, TradeError> {
    let now = ledger.clock().now();
    turn(ledger, scope, id, None, "verified", |was| {
        let mut next = was.turned(ConnectionState::Connected)?;
        if was.state == ConnectionState::Paused {
            return Ok(was.clone());
        }
        next.title = Some(shop.name.clone());
        next.currency = Some(shop.currency);
        next.version = Some(shop.version.clone());
        next.scopes_held.clone_from(&shop.scopes);
        next.verified_at = Some(now);
        next.lacks();
        Ok(next)
    })
    .await
}

/// Notes that the connection needs its owner, and why. `why` is ours, or a code of the platform's.
pub async fn degrade(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    why: &str,
) -> Result<Written<Connection>, TradeError> {
    let why = short(why);
    turn(ledger, scope, id, None, "degraded", |was| match was.state {
        ConnectionState::Paused | ConnectionState::Disconnected => Ok(was.clone()),
        _ => Ok(Connection { why: Some(why.clone()), ..was.turned(ConnectionState::Degraded)? }),
    })
    .await
}

impl Connection {
    /// Works out what has to be allowed now; what a shop at work has not allowed yet needs its owner.
    fn asks_anew(&mut self) {
        if self.platform != PlatformName::Shopify {
            return;
        }
        let needed = shopify::scopes(self.direction, &self.syncs);
        self.scopes_needed = needed.into_iter().map(str::to_owned).collect();
        if self.state == ConnectionState::Connected {
            self.lacks();
        }
    }

    /// Says that it needs its owner, if the shop does not allow all that is needed.
    fn lacks(&mut self) {
        let missing: Vec<_> = self.scopes_missing().cloned().collect();
        if !missing.is_empty() {
            self.state = ConnectionState::Degraded;
            self.why = Some(short(&format!("the shop does not allow us: {}", missing.join(", "))));
        }
    }
}

fn short(why: &str) -> String {
    why.chars().take(WHY_CHARS_MAX).collect()
}

async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Connection>,
    expected: Option<u64>,
    action: &'static str,
    rule: impl Fn(&Connection) -> Result<Connection, Problem>,
) -> Result<Written<Connection>, TradeError> {
    let mut races = Races::staked(Kind::Connection, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        let next = rule(&was)?;
        if next == *was {
            return Ok(was.into());
        }
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(scope, change).await {
            Ok(done) => return Ok(Written::changed(&was, next, done.at)),
            Err(error) => races.lost(error)?,
        }
    }
}
