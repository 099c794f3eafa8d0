//! Connections at work: what a connected shop has is taken in, and what it is to have is brought there.
//!
//! One worker a connection does both, one after the other, so that it never races with itself. It hears of changes by the
//! shop's notices and, since notices are lost, by reading all that changed since; of changes here by the logs that it
//! follows, the account's own and those that its partners share. In all cases it reads the present state of both sides and
//! sends the difference to what their mirror says was agreed. A log's place is noted only when everything before it has
//! arrived, or has a mirror that says why not: so nothing is lost, and what is repeated changes nothing.
//!
//! Architecture invariant: what is wrong with one thing holds back only that thing.

mod at;
mod compare;
mod conformity;
mod corrected;
mod feed;
pub mod hooks;
mod levels_in;
mod news;
mod ordered;
mod orders_in;
mod orders_out;
mod parcels_out;
mod products_in;
mod products_out;
mod read;
mod stock_out;
mod tally;

use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use at::{At, Halt, Luck, Seen, apart};
use bonded_base::{Account, Id, Moment};
use bonded_connect::connections::{self, Connection, ConnectionState};
use bonded_connect::followers;
use bonded_connect::platform::{Failure, Platform};
use bonded_connect::platforms::Platforms;
use bonded_ledger::{Concealed, Lease, Ledger, LedgerError, Scope, Stored, System};
use conformity::Checks;
use feed::Feed;
use news::News;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;

/// How often a shop that works is asked who it is and what we may do there.
const VERIFY_MS: i64 = 60 * 60_000;
/// The same for one that does not work.
const VERIFY_AGAIN_MS: i64 = 60_000;
/// How often a shop that tells nobody of changes is read.
const POLL_MS: i64 = 1_500;
/// How often one that does tell is read all the same, for what it forgot to tell.
const RECONCILE_MS: i64 = 5 * 60_000;
/// How often at most a shop's products are read from the first because partners have new ones.
const AGAIN_MS: i64 = 60_000;
/// How long to wait after a shop could not be reached, at first and at most: each time twice as long.
const AWAY_MS: i64 = 1_000;
const AWAY_MS_MAX: i64 = 60_000;
/// How often in a row a shop may be away before its owner is told.
const AWAY_TIMES_MAX: u32 = 4;
/// How long a paused connection, or one that nothing happens with, is left alone.
const IDLE: Duration = Duration::from_mins(10);
/// How long a follower may have no record of its own before it is taken off the register.
const ORPHAN_MS: i64 = 10 * 60_000;

/// Opens shops: makes the platform's own client of a connection and what opens it.
pub trait Opens: Send + Sync {
    /// The shop at the other end; nothing is called yet.
    fn open(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        connection: &Stored<Connection>,
    ) -> Result<Arc<dyn Platform>, Failure>;

    /// Where a shop is to tell of changes, if it can.
    fn address(&self, connection: Id<Connection>) -> String;
}

/// One connection at work.
pub struct Connected {
    ledger: Ledger,
    opens: Arc<dyn Opens>,
    id: Id<Connection>,
    scope: Scope,
    /// The client, and what it was made of: another credential makes another.
    platform: Option<(Option<Concealed>, Arc<dyn Platform>)>,
    /// How far the logs of partners were read.
    places: HashMap<Id<Account>, Lease>,
    /// When the shop is read again, and when it is asked who it is.
    read_at: Moment,
    verify_at: Moment,
    /// How often in a row it was away.
    away: u32,
    /// When the shop's products may be read from the first again, because partners have new ones.
    again_at: Moment,
    is_behind: bool,
    /// As of when things of the shop's were last read.
    seen: Arc<Seen>,
    /// What is compared next, and what was counted.
    checks: Checks,
    tally: Arc<Tally>,
    /// When the shop was last read, and whether its stock is known to be stale.
    feed: Feed,
}

impl Connected {
    /// A worker for this connection.
    pub fn new(ledger: Ledger, opens: Arc<dyn Opens>, account: Id<Account>, id: [u8; 16]) -> Self {
        let (long_ago, now) = (Moment::from_millis(0), ledger.clock().now());
        Self {
            ledger,
            opens,
            id: Id::from_bytes(id),
            scope: Scope::system(account, System::Connect),
            platform: None,
            places: HashMap::new(),
            read_at: long_ago,
            verify_at: long_ago,
            away: 0,
            again_at: long_ago,
            is_behind: false,
            seen: Arc::default(),
            checks: Checks::new(now),
            tally: Arc::default(),
            feed: Feed::default(),
        }
    }
}

#[async_trait]
impl Turn for Connected {
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        let Some(connection) = self.ledger.get(&self.scope, self.id).await? else {
            return self.orphaned().await;
        };
        match connection.state {
            ConnectionState::Disconnected => {
                // What was counted last is the account's own to keep from now on.
                feed::say(&self.ledger, &self.scope, self.id, None).await?;
                followers::set_aside(&self.ledger, self.id.bytes()).await?;
                return Ok(Again::Never);
            }
            _ if connection.awaits_install() => return Ok(Again::Within(IDLE, Vec::new())),
            ConnectionState::Paused => {
                let due = self.feed.unheard(&self.ledger, &self.scope, &connection).await?;
                return Ok(Again::Within(due.map_or(IDLE, |due| self.until(due)), Vec::new()));
            }
            ConnectionState::Connecting | ConnectionState::Connected | ConnectionState::Degraded => {}
        }
        let luck = Luck::default();
        let worked = match self.open(&connection) {
            Ok(platform) => self.work(held, &connection, &*platform, &luck).await,
            Err(failure) => Err(Halt::Shop(failure)),
        };
        if luck.is_some() {
            self.away = 0;
        }
        match worked {
            Ok(again) => {
                self.away = 0;
                Ok(again)
            }
            Err(Halt::Ledger(error)) => Err(error),
            Err(Halt::Shop(failure)) => {
                self.feed.unheard(&self.ledger, &self.scope, &connection).await?;
                self.failed(&connection, failure).await
            }
        }
    }
}

impl Connected {
    fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    /// Its record was never made, or not yet.
    async fn orphaned(&self) -> Result<Again, LedgerError> {
        if self.id.born_at().plus_millis(ORPHAN_MS) > self.now() {
            return Ok(Again::Within(IDLE, Vec::new()));
        }
        followers::retire(&self.ledger, self.id.bytes()).await?;
        Ok(Again::Never)
    }

    fn open(&mut self, connection: &Stored<Connection>) -> Result<Arc<dyn Platform>, Failure> {
        if let Some((credential, platform)) = &self.platform
            && *credential == connection.credential
        {
            return Ok(Arc::clone(platform));
        }
        let platform = self.opens.open(&self.ledger, &self.scope, connection)?;
        self.platform = Some((connection.credential.clone(), Arc::clone(&platform)));
        Ok(platform)
    }

    async fn work(
        &mut self,
        held: &mut Held,
        connection: &Stored<Connection>,
        platform: &dyn Platform,
        luck: &Luck,
    ) -> Result<Again, Halt> {
        let (ledger, scope) = (self.ledger.clone(), self.scope.clone());
        let (tally, seen) = (Arc::clone(&self.tally), Arc::clone(&self.seen));
        let (tally, seen, has_read) = (&tally, &*seen, false);
        let at = At { ledger: &ledger, scope: &scope, connection, platform, luck, tally, seen, has_read };
        let is_new = connection.state == ConnectionState::Connecting;
        if is_new || self.verify_at <= self.now() {
            let shop = platform.shop().await?;
            platform.subscribe(&self.opens.address(self.id)).await?;
            apart(connections::verified(&self.ledger, &self.scope, self.id, &shop).await)?.ok();
            let pause = if is_new { VERIFY_AGAIN_MS } else { VERIFY_MS };
            self.verify_at = self.now().plus_millis(pause);
            if is_new {
                // What is known of the shop now is read with the record.
                return Ok(Again::Within(Duration::ZERO, self.places.keys().copied().collect()));
            }
        }
        let read = self.read(&at).await;
        let read = match read {
            Err(halt) if !halt.is_away() => return Err(halt),
            read => read,
        };
        let at = At { has_read: matches!(read, Ok(true)), ..at };
        let news = News::gather(&at, held, &mut self.places).await?;
        let watched = news.watched();
        // What somebody asked for is read again first: with its corrections it may have become good.
        read::asked(&at, &news.asked).await?;
        let next_try = self.deliver(&at, held, news).await?;
        // A shop that could not be read to the end has got all the same what is new for it.
        read?;
        let check = self.checks.turn(&at).await?;
        if std::mem::take(&mut self.tally.open().is_read_next) {
            self.read_at = self.now();
        }
        let next = next_try.into_iter().fold(self.read_at.min(self.verify_at).min(check), Moment::min);
        Ok(Again::Within(self.until(next), watched))
    }

    /// Takes in what is new in the shop; says whether it was read to the end, because that was due.
    async fn read(&mut self, at: &At<'_>) -> Result<bool, Halt> {
        if read::noticed(at).await?.is_thrown_out {
            // It may be long ago, and the shop may have let us in again: the shop itself knows.
            match at.platform.shop().await {
                Err(Failure::Unauthorised(_)) => {
                    return Err(Failure::Unauthorised("the shop has removed us".to_owned()).into());
                }
                answer => drop(answer?),
            }
        }
        if self.read_at <= self.now() {
            read::everything_new(at).await?;
            self.feed.heard(at).await?;
            let pause = if at.connection.platform.tells_of_changes() { RECONCILE_MS } else { POLL_MS };
            // Often enough that one reading may fail before what is known is stale.
            let stale_ms = at.connection.policy.stale_after_s.map_or(i64::MAX, |seconds| i64::from(seconds) * 1_000);
            self.read_at = self.now().plus_millis(pause.min(stale_ms / 2));
            return Ok(true);
        }
        Ok(false)
    }

    /// Brings everything that changed here to the shop, and notes then how far the logs were read; answers when the
    /// first thing that failed is due again.
    async fn deliver(&mut self, at: &At<'_>, held: &mut Held, news: News) -> Result<Option<Moment>, Halt> {
        // Stock goes first: what is oversold cannot be taken back, everything else can wait a moment.
        let disagree = stock_out::deliver(at, &news).await?;
        if disagree {
            // The shop has sold some meanwhile: its orders are read before anything is decided about it again.
            self.read_at = self.now();
        }
        orders_out::deliver(at, &news).await?;
        parcels_out::deliver(at, &news).await?;
        let are_new = products_out::deliver(at, &news).await?;
        if news.partners.iter().any(|news| news.has_grown) {
            self.is_behind = true;
        }
        if self.is_behind && self.again_at <= self.now() {
            read::again(at).await?;
            (self.is_behind, self.again_at, self.read_at) = (false, self.now().plus_millis(AGAIN_MS), self.now());
        }
        let next_try = news.next_try;
        news.note(at, held, &mut self.places).await?;
        let again = self.is_behind.then_some(self.again_at);
        Ok(if disagree || are_new { Some(self.now()) } else { next_try.into_iter().chain(again).min() })
    }

    /// The shop did not do what was asked, and not because of one thing.
    async fn failed(&mut self, connection: &Stored<Connection>, failure: Failure) -> Result<Again, LedgerError> {
        let again = |pause_ms: i64| {
            let pause = Duration::from_millis(pause_ms.max(0).unsigned_abs());
            Again::Within(pause, self.places.keys().copied().collect())
        };
        match failure {
            Failure::Ledger(error) => {
                tracing::warn!(%error, connection = %self.id, "a connection rests: its calls could not be written down");
                Ok(again(AWAY_MS))
            }
            Failure::Throttled(pause_ms) => Ok(again(i64::try_from(pause_ms).unwrap_or(AWAY_MS_MAX).min(AWAY_MS_MAX))),
            Failure::Unauthorised(_) | Failure::Strange(_) => {
                let again = again(VERIFY_AGAIN_MS);
                self.degrade(connection, &failure).await?;
                Ok(again)
            }
            Failure::Away(_) | Failure::Refused(_) | Failure::Changed | Failure::Gone => {
                let again = again(AWAY_MS.saturating_mul(1 << self.away.min(16)).min(AWAY_MS_MAX));
                self.away += 1;
                if self.away >= AWAY_TIMES_MAX {
                    self.degrade(connection, &failure).await?;
                }
                Ok(again)
            }
        }
    }

    async fn degrade(&mut self, connection: &Stored<Connection>, failure: &Failure) -> Result<(), LedgerError> {
        self.verify_at = self.now();
        if connection.state == ConnectionState::Degraded {
            return Ok(());
        }
        match connections::degrade(&self.ledger, &self.scope, self.id, &failure.to_string()).await {
            Ok(_) | Err(bonded_trade::TradeError::Problem(_)) => Ok(()),
            Err(bonded_trade::TradeError::Ledger(error)) => Err(error),
        }
    }

    fn until(&self, at: Moment) -> Duration {
        let pause = at.millis().saturating_sub(self.now().millis()).max(0).unsigned_abs();
        Duration::from_millis(pause).min(IDLE)
    }
}

impl Opens for Platforms {
    fn open(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        connection: &Stored<Connection>,
    ) -> Result<Arc<dyn Platform>, Failure> {
        Self::open(self, ledger, scope, connection)
    }

    fn address(&self, connection: Id<Connection>) -> String {
        Self::address(self, connection)
    }
}
