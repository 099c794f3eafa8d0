//! What a storage engine must do: the narrow waist below which SQLite and PostgreSQL differ.
//!
//! An engine keeps five tables, the account first in every key, and understands none of the values: they arrive
//! sealed. It decides nothing either; its one rule is that a [`Commit`] happens whole or not at all.
//! Every method names one account, or says that it fans out over all of them.

use async_trait::async_trait;
use tokio::sync::broadcast;

/// The 16 bytes of an account's or a record's id.
pub type Bytes16 = [u8; 16];

/// Who did something: a tag byte and 16 bytes of id (see [`crate::Actor`]).
pub type ActorRow = [u8; 17];

/// One row of `records`: the present state of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// [`bonded_base::Kind::number`].
    pub kind: u8,
    /// Time-ordered.
    pub id: Bytes16,
    /// 1 at its birth, one more at each change.
    pub version: u64,
    /// The record's own small number for its state; 0 for kinds that are never listed by state (and so not indexed by it).
    pub state: u8,
    /// The record it belongs to, if it is ever listed by that.
    pub parent: Option<Bytes16>,
    /// What lists are ordered by, milliseconds since 1970; never changes.
    pub sort_at: i64,
    /// The record itself, sealed.
    pub sealed: Vec<u8>,
    /// The six consumer fields, sealed under the record's own key.
    pub consumer: Option<Vec<u8>>,
}

/// One row of `lookups`: finds a record without clear text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupRow {
    /// Which lookup: [`crate::LookupName::number`].
    pub name: u8,
    /// Keyed hash of the value.
    pub token: Bytes16,
    /// The kind of what it finds.
    pub kind: u8,
    /// The id of what it finds.
    pub id: Bytes16,
}

/// One row of `entries`, before the engine gives it its `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: ActorRow,
    /// What was done, in a word or two: `placed`.
    pub action: String,
    /// What it was done to.
    pub kind: u8,
    /// Which one; zeros where the entry is about no single record.
    pub id: Bytes16,
    /// The version that came of it, or that was seen.
    pub version: u64,
    /// What changed, sealed.
    pub sealed: Vec<u8>,
    /// The entry's leaf hash in the account's Merkle tree.
    pub leaf: [u8; 32],
}

/// What happens to one record, with the entry that says so; there is no way to write the one without the other.
#[derive(Clone, Debug)]
pub struct Write {
    /// The entry.
    pub entry: EntryRow,
    /// What becomes of the record; `None` for an entry that only witnesses (a staff read).
    pub record: Option<RecordWrite>,
    /// Lookups that begin, after all that end in the whole commit, so that records may swap them. One that exists already
    /// for another record refuses the whole commit; for the same record it may be said again.
    pub lookups_added: Vec<LookupRow>,
    /// Lookups that end: (name, token). One that does not exist is no error.
    pub lookups_removed: Vec<(u8, Bytes16)>,
}

/// What becomes of a record.
#[derive(Clone, Debug)]
pub enum RecordWrite {
    /// A new row, version 1. Refused if the id exists.
    Insert(RecordRow),
    /// The row as it will be; the stored version must be one less. `sort_at` is never changed.
    /// `consumer: None` leaves the stored consumer as it is.
    Update(RecordRow),
    /// The same, but the stored consumer goes.
    Forget(RecordRow),
    /// The row goes; the stored version must be `version`.
    Remove {
        /// Its kind.
        kind: u8,
        /// Its id.
        id: Bytes16,
        /// The version that was read.
        version: u64,
    },
}

/// Everything that happens together in one account.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Whose.
    pub account: Bytes16,
    /// In order; their entries get consecutive `seq`s.
    pub writes: Vec<Write>,
}

/// What became of one [`Commit`]. Of several reasons to refuse it the first is told: lookups in their order, then records
/// in theirs; so a request that is repeated hears what holds its idempotency key, even if its records have moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable. The `seq` of its first entry; the others follow without a gap.
    Committed {
        /// 1 is the account's first entry.
        first_seq: u64,
    },
    /// A record is not at the version that was expected (or exists already); nothing was done.
    Conflict {
        /// Whose version.
        kind: u8,
        /// Which.
        id: Bytes16,
    },
    /// A lookup belongs to another record already; nothing was done.
    Taken {
        /// Which lookup.
        name: u8,
        /// The kind that holds it.
        kind: u8,
        /// The record that holds it.
        id: Bytes16,
    },
}

/// A page of records: those of a kind, or of a parent, in the order of (`sort_at`, `id`) or of `id`.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Which kind.
    pub kind: u8,
    /// What narrows it.
    pub by: ListBy,
    /// Newest first.
    pub descending: bool,
    /// Where the last page ended: the (`sort_at`, `id`) of its last row, exclusive.
    pub after: Option<(i64, Bytes16)>,
    /// Rows at most.
    pub limit: u32,
}

/// What narrows a list, and so which index answers it.
#[derive(Clone, Debug)]
pub enum ListBy {
    /// All of the kind, ordered by id alone (that is, by birth).
    Kind,
    /// Those with one parent, ordered by id alone.
    Parent(Bytes16),
    /// Those in one state (not 0), ordered by (`sort_at`, `id`).
    State(u8),
}

/// An entry with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// 1 is the account's first entry; there are no gaps.
    pub seq: u64,
    /// The entry.
    pub row: EntryRow,
}

/// A tile of the Merkle tree, or (at level [`CHECKPOINT_LEVEL`]) the newest signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileRow {
    /// 0 is the level of leaf hashes.
    pub level: u8,
    /// Which tile of its level.
    pub index: u64,
    /// 1 to 256 hashes of 32 bytes; the text of the note at the checkpoint's level.
    pub hashes: Vec<u8>,
}

/// Where an account's newest signed checkpoint lies among the tiles, always at index 0.
pub const CHECKPOINT_LEVEL: u8 = 255;

/// Who reads the log, and how far; also the account's head under [`HEAD`].
pub type ConsumerNumber = i64;

/// The cursor that is no consumer's: its `seq` is the last one given out. Engines keep it themselves.
pub const HEAD: ConsumerNumber = 0;

/// The right to read a log for one consumer, until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// The last `seq` that was dealt with.
    pub seq: u64,
    /// Rises each time the lease changes hands; an older one can no longer advance the cursor.
    pub fence: u64,
}

/// Why an engine could not.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The disk is full; nothing was done.
    #[error("the disk that holds the database is full")]
    DiskFull,
    /// The engine cannot be reached or is shutting down; what was sent may or may not have been done.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database was made by a newer version of this program.
    #[error("the database has schema version {found}, this program knows {known}: use the newer program")]
    Newer {
        /// What the database says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// Another process has this database open, and this engine serves one process.
    #[error("another process has the database open")]
    InUse,
    /// Anything else the engine said. Never carries a stored value.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// How far a database's tables have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Migrations that it has seen; 0 when it is empty.
    pub found: u32,
    /// Migrations that this program knows.
    pub known: u32,
}

/// What a copy of a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The engine's own version, as `3.50.4` or `15.14`.
    pub version: String,
    /// Migrations that the database has seen.
    pub schema: u32,
    /// Accounts with a log.
    pub accounts: u64,
    /// Entries of all logs.
    pub entries: u64,
    /// Accounts whose log has a signed checkpoint.
    pub checkpoints: u64,
}

/// A storage engine.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// How many [`Engine::write`]s may usefully run at once.
    fn writers(&self) -> usize;

    /// Writes many commits in one durable transaction and says what became of each. A refused one leaves no trace and
    /// does not hold back the others. When this returns `Ok`, what was committed survives a power cut.
    /// On `Err` nothing was done, except after [`EngineError::Unreachable`], where it cannot be known.
    async fn write(&self, batch: Vec<Commit>) -> Result<Vec<Outcome>, EngineError>;

    /// The records with these ids, in any order, missing ones left out.
    async fn records(&self, account: Bytes16, kind: u8, ids: &[Bytes16]) -> Result<Vec<RecordRow>, EngineError>;

    /// A page of records.
    async fn list(&self, account: Bytes16, query: &ListQuery) -> Result<Vec<RecordRow>, EngineError>;

    /// What each (name, token) finds, in the order asked.
    async fn lookups(
        &self,
        account: Bytes16,
        asked: &[(u8, Bytes16)],
    ) -> Result<Vec<Option<(u8, Bytes16)>>, EngineError>;

    /// Up to `limit` entries after `after`, in order, without gaps.
    async fn entries(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<StoredEntry>, EngineError>;

    /// The leaf hashes alone of up to `limit` entries after `after`.
    async fn leaves(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<[u8; 32]>, EngineError>;

    /// How far a consumer has read the account's log; 0 where it has not begun.
    async fn cursor(&self, account: Bytes16, consumer: ConsumerNumber) -> Result<u64, EngineError>;

    /// The last `seq` of the account's log; 0 when it is empty.
    async fn head(&self, account: Bytes16) -> Result<u64, EngineError> {
        self.cursor(account, HEAD).await
    }

    /// Accounts whose head is beyond this consumer's cursor, at most `limit`, in the order of their ids after `after`.
    /// Fans out over all accounts: the slow sweep behind the wakes.
    async fn behind(
        &self,
        consumer: ConsumerNumber,
        after: Option<Bytes16>,
        limit: u32,
    ) -> Result<Vec<Bytes16>, EngineError>;

    /// Takes or renews the lease on an account's cursor until `until` (milliseconds since 1970): succeeds when nobody
    /// holds it at `now`, or `node` does. The fence rises when it changes hands, and after a lapse even if `node` had it
    /// before. A lease until `now` is given back. `None`: another node has it.
    async fn lease(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        node: Bytes16,
        now: i64,
        until: i64,
    ) -> Result<Option<LeaseRow>, EngineError>;

    /// Moves a cursor on to `seq` and stores tiles with it, in one transaction; `false` (and nothing done) if the fence
    /// is no longer the newest. A cursor never goes back.
    async fn advance(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        fence: u64,
        seq: u64,
        tiles: Vec<TileRow>,
    ) -> Result<bool, EngineError>;

    /// The tiles at these (level, index) places, in any order, missing ones left out.
    async fn tiles(&self, account: Bytes16, places: &[(u8, u64)]) -> Result<Vec<TileRow>, EngineError>;

    /// Tells the id of each account that got new entries, on this node or (where the engine can) on any other.
    /// A slow receiver may miss some; the sweep is the safety net.
    fn wakes(&self) -> broadcast::Receiver<Bytes16>;

    /// A cheap question that shows whether the engine answers.
    async fn ping(&self) -> Result<(), EngineError>;
}
