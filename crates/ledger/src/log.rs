//! The log as its readers see it: entries from a cursor, leases on cursors, tiles and the signing of checkpoints.

use crate::engine::{CHECKPOINT_LEVEL, ConsumerNumber, TileRow};
use crate::entry::{Entry, Headline, with_context};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::scope::{Scope, System};
use bonded_base::{Account, Id, Kind, Moment, Node};
use bonded_merkle::Signer;
use bonded_vault::AccountKeys;
use tokio::sync::watch;

/// Entries that one read gives at most.
pub const ENTRIES_MAX: u32 = 4_096;

/// The program's own readers of the log. Numbers are never reused; 0 is the head's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i64)]
pub enum Reader {
    /// Carries orders and their progress between partners.
    Route = 1,
    /// Grows the Merkle tree and signs checkpoints.
    Checkpoint = 2,
    /// Sends the mail that waits in the platform's account.
    Post = 3,
    /// Does what a day brings.
    Calendar = 4,
    /// Makes backups.
    Backups = 5,
}

impl Reader {
    /// Those that read every account's log; the post, the calendar and the backups read no log, and take their leases so
    /// that one node does the work.
    pub const ALL: [Self; 2] = [Self::Route, Self::Checkpoint];

    /// As whom it acts.
    pub const fn system(self) -> System {
        match self {
            Self::Route => System::Route,
            Self::Checkpoint => System::Checkpoint,
            Self::Post => System::Post,
            Self::Calendar => System::Calendar,
            Self::Backups => System::Backups,
        }
    }
}

/// The first number of a follower.
const FOLLOWERS: ConsumerNumber = 1 << 62;

/// Who reads a log from a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// One of the program's own, which every account has.
    Reader(Reader),
    /// A connection or a webhook endpoint, by its id: it follows its own account's log, and those that partners share.
    Follower([u8; 16]),
}

impl Consumer {
    /// The number that an engine keeps: a reader's own, or beyond all of them 62 bits of the follower's id. Those are random
    /// in an id, and in one log there are thousands of followers at most, so no two meet.
    fn number(self) -> ConsumerNumber {
        match self {
            Self::Reader(reader) => reader as ConsumerNumber,
            Self::Follower(id) => {
                let (_, random) = id.split_at(8);
                let number = random.iter().fold(0, |number, byte| number << 8 | i64::from(*byte));
                number & (FOLLOWERS - 1) | FOLLOWERS
            }
        }
    }
}

impl From<Reader> for Consumer {
    fn from(reader: Reader) -> Self {
        Self::Reader(reader)
    }
}

/// The right of one node to read one log for one consumer, until it ends.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Whose log.
    pub account: Id<Account>,
    /// For whom.
    pub consumer: Consumer,
    /// The last entry that was dealt with.
    pub seq: u64,
    /// When it ends, if it is not renewed.
    pub until: Moment,
    fence: u64,
}

impl Ledger {
    /// The headlines of up to `limit` entries after `after`, in order: what the program's own readers read.
    pub async fn headlines(&self, scope: &Scope, after: u64, limit: u32) -> Result<Vec<Headline>, LedgerError> {
        Ok(self.headlines_read_to(scope, after, limit).await?.0)
    }

    /// The same, with the `seq` of the last entry that was looked at: a partner's scope sees only some of them.
    pub async fn headlines_read_to(
        &self,
        scope: &Scope,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<Headline>, u64), LedgerError> {
        if scope.leaves_traces() {
            return Err(LedgerError::OutOfReach(Kind::Account));
        }
        let rows = self.inner.engine.entries(scope.account().bytes(), after, limit.clamp(1, ENTRIES_MAX)).await?;
        let read_to = rows.last().map_or(after, |row| row.seq);
        let headlines = rows.iter().map(|row| Headline::of(row).ok_or(LedgerError::Damaged(Kind::Account)));
        let visible = |headline: &Headline| scope.may_read(headline.kind);
        let seen = headlines.filter(|headline| headline.as_ref().map_or(true, visible)).collect::<Result<_, _>>()?;
        Ok((seen, read_to))
    }

    /// Up to `limit` entries after `after`, in order, opened. Needs a scope of the whole account.
    pub async fn entries(&self, scope: &Scope, after: u64, limit: u32) -> Result<Vec<Entry>, LedgerError> {
        if !scope.is_whole() {
            return Err(LedgerError::OutOfReach(Kind::Account));
        }
        let keys = self.keys(scope)?;
        let rows = self.inner.engine.entries(scope.account().bytes(), after, limit.clamp(1, ENTRIES_MAX)).await?;
        rows.iter()
            .map(|stored| {
                let headline = Headline::of(stored).ok_or(LedgerError::Damaged(Kind::Account))?;
                let damaged = || LedgerError::Damaged(headline.kind);
                let plain = with_context(&stored.row, |context| keys.open(context, &stored.row.sealed))
                    .map_err(|_| damaged())?
                    .expose()
                    .clone();
                let said = plain.get(crate::SALT_BYTES..).ok_or_else(damaged)?;
                let said = serde_json::from_slice(said).map_err(|_| damaged())?;
                Ok(Entry { headline, said, plain })
            })
            .collect()
    }

    /// The last `seq` of the account's log; 0 when it is empty.
    pub async fn head(&self, scope: &Scope) -> Result<u64, LedgerError> {
        Ok(self.inner.engine.head(scope.account().bytes()).await?)
    }

    /// The last `seq` of the account's log that a reader has dealt with, on whichever node.
    pub async fn read_to(&self, scope: &Scope, reader: Reader) -> Result<u64, LedgerError> {
        Ok(self.inner.engine.cursor(scope.account().bytes(), Consumer::from(reader).number()).await?)
    }

    /// Changes each time the account's log grows.
    pub fn watch(&self, account: Id<Account>) -> watch::Receiver<()> {
        self.inner.wakes.watch(account.bytes())
    }

    /// Waits until the account's log goes beyond `seq`, or until `limit` has passed; says whether it did.
    pub async fn wait_beyond(&self, scope: &Scope, seq: u64, limit: std::time::Duration) -> Result<bool, LedgerError> {
        // Subscribing before asking is what makes missing a wake impossible.
        let mut grown = self.watch(scope.account());
        let deadline = tokio::time::Instant::now() + limit;
        while self.head(scope).await? <= seq {
            // A wake may come late, for an entry that was counted before: it is no reason to stop waiting.
            match tokio::time::timeout_at(deadline, grown.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Tells the id of each account that got new entries; a slow receiver may miss some.
    pub fn wakes(&self) -> tokio::sync::broadcast::Receiver<[u8; 16]> {
        self.inner.engine.wakes()
    }

    /// Accounts whose log is beyond a reader's cursor: the slow sweep behind the wakes.
    pub async fn behind(
        &self,
        reader: Reader,
        after: Option<Id<Account>>,
        limit: u32,
    ) -> Result<Vec<Id<Account>>, LedgerError> {
        let found = self.inner.engine.behind(Consumer::from(reader).number(), after.map(Id::bytes), limit).await?;
        Ok(found.into_iter().map(Id::from_bytes).collect())
    }

    /// Takes or renews the lease on a consumer's cursor for `span_ms`; `None` when another node has it.
    pub async fn lease(
        &self,
        account: Id<Account>,
        consumer: impl Into<Consumer>,
        node: Id<Node>,
        span_ms: i64,
    ) -> Result<Option<Lease>, LedgerError> {
        let now = self.clock().now();
        let until = now.plus_millis(span_ms);
        let consumer = consumer.into();
        let (held_by, number) = (node.bytes(), consumer.number());
        let row = self.inner.engine.lease(account.bytes(), number, held_by, now.millis(), until.millis()).await?;
        Ok(row.map(|row| Lease { account, consumer, seq: row.seq, until, fence: row.fence }))
    }

    /// Moves a consumer's cursor on; `false` when the lease was lost to another node, and nothing was done.
    pub async fn advance(&self, lease: &mut Lease, seq: u64) -> Result<bool, LedgerError> {
        self.publish(lease, seq, Vec::new(), None).await
    }

    /// Moves the cursor on, and stores tiles and a signed checkpoint with it.
    pub async fn publish(
        &self,
        lease: &mut Lease,
        seq: u64,
        tiles: Vec<bonded_merkle::Tile>,
        checkpoint: Option<String>,
    ) -> Result<bool, LedgerError> {
        let note = checkpoint.map(|note| TileRow { level: CHECKPOINT_LEVEL, index: 0, hashes: note.into_bytes() });
        let rows = tiles
            .into_iter()
            .map(|tile| TileRow { level: tile.level, index: tile.index, hashes: tile.hashes })
            .chain(note)
            .collect();
        let (account, consumer) = (lease.account.bytes(), lease.consumer.number());
        let done = self.inner.engine.advance(account, consumer, lease.fence, seq, rows).await?;
        if done {
            lease.seq = seq;
        }
        Ok(done)
    }

    /// The leaf hashes of up to `limit` entries after `after`.
    pub async fn leaves(&self, scope: &Scope, after: u64, limit: u32) -> Result<Vec<[u8; 32]>, LedgerError> {
        Ok(self.inner.engine.leaves(scope.account().bytes(), after, limit).await?)
    }

    /// The tiles at these (level, index) places, missing ones left out.
    pub async fn tiles(&self, scope: &Scope, places: &[(u8, u64)]) -> Result<Vec<bonded_merkle::Tile>, LedgerError> {
        let rows = self.inner.engine.tiles(scope.account().bytes(), places).await?;
        let tile = |row: TileRow| bonded_merkle::Tile { level: row.level, index: row.index, hashes: row.hashes };
        Ok(rows.into_iter().map(tile).collect())
    }

    /// The newest signed checkpoint, as a C2SP signed note; `None` until the first is signed.
    pub async fn checkpoint(&self, scope: &Scope) -> Result<Option<String>, LedgerError> {
        let rows = self.inner.engine.tiles(scope.account().bytes(), &[(CHECKPOINT_LEVEL, 0)]).await?;
        let damaged = |_| LedgerError::Damaged(Kind::Account);
        rows.into_iter().next().map(|row| String::from_utf8(row.hashes).map_err(damaged)).transpose()
    }

    /// Signs for an account's log, with the key that lives in its part of the vault.
    pub fn log_signer(&self, scope: &Scope) -> Result<impl Signer + use<>, LedgerError> {
        Ok(LogSigner(self.keys(scope)?))
    }
}

struct LogSigner(AccountKeys);

impl Signer for LogSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.log_public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign_log(message)
    }
}
