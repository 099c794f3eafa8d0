//! Writes a batch in one transaction of two round trips: one that locks and reads, one that writes and commits.
//!
//! The heads of the batch's accounts are locked in the order of their ids, so that nobody else can change anything in
//! those accounts between reading and committing. Statements of a round trip are sent together, without waiting.

use super::columns::{Entries, LookupKeys, LookupWork, Parameters, RecordKeys, RecordWork};
use super::decide::{Before, Decision, decide, write_names};
use super::failure::{engine_error, may_repeat};
use crate::engine::{Bytes16, Commit, EngineError, HEAD, Outcome, RecordWrite};
use deadpool_postgres::{Object, Pool};
use futures::future::{BoxFuture, FutureExt, try_join, try_join_all, try_join4};
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

/// How often a batch is sent when the server undoes it because of others, or a connection proves dead before anything
/// was written.
const ATTEMPTS_MAX: u32 = 4;

/// Locks the heads, making those that are missing; `WHERE false` locks a row without writing it anew.
const LOCK_HEADS: &str = "INSERT INTO cursors (account, consumer, seq, fence, node, until)
    SELECT account, $2, 0, 0, '00000000-0000-0000-0000-000000000000', 0 FROM unnest($1::uuid[]) AS head (account)
    ON CONFLICT (account, consumer) DO UPDATE SET seq = 0 WHERE false";

const READ_HEADS: &str = "SELECT account, seq FROM cursors WHERE account = ANY ($1::uuid[]) AND consumer = $2";

const READ_VERSIONS: &str = "SELECT asked.account, asked.kind, asked.id, found.version
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS asked (account, kind, id), LATERAL (
        SELECT version FROM records
        WHERE account = asked.account AND kind = asked.kind AND id = asked.id OFFSET 0
    ) AS found";

const READ_LOOKUPS: &str = "SELECT asked.account, asked.name, asked.token, found.kind, found.id
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS asked (account, name, token), LATERAL (
        SELECT kind, id FROM lookups
        WHERE account = asked.account AND name = asked.name AND token = asked.token OFFSET 0
    ) AS found";

const REMOVE_RECORDS: &str = "DELETE FROM records
    USING unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS old (account, kind, id)
    WHERE records.account = old.account AND records.kind = old.kind AND records.id = old.id";

const REMOVE_LOOKUPS: &str = "DELETE FROM lookups
    USING unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS old (account, name, token)
    WHERE lookups.account = old.account AND lookups.name = old.name AND lookups.token = old.token";

const INSERT_RECORDS: &str =
    "INSERT INTO records (account, kind, id, version, state, parent, sealed, consumer, sort_at)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[], $5::smallint[], $6::uuid[],
                         $7::bytea[], $8::bytea[], $9::bigint[])";

const UPDATE_RECORDS: &str = "UPDATE records
    SET version = new.version, state = new.state, parent = new.parent, sealed = new.sealed,
        consumer = CASE WHEN new.forgets THEN NULL ELSE coalesce(new.consumer, records.consumer) END
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[], $5::smallint[], $6::uuid[], $7::bytea[],
                $8::bytea[], $9::boolean[])
         AS new (account, kind, id, version, state, parent, sealed, consumer, forgets)
    WHERE records.account = new.account AND records.kind = new.kind AND records.id = new.id";

const INSERT_LOOKUPS: &str = "INSERT INTO lookups (account, name, token, kind, id)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::smallint[], $5::uuid[])";

const INSERT_ENTRIES: &str = "INSERT INTO entries (account, seq, at, actor, action, kind, id, version, sealed, leaf)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::smallint[],
                         $7::uuid[], $8::bigint[], $9::bytea[], $10::bytea[])";

const STORE_HEADS: &str = "UPDATE cursors SET seq = new.seq
    FROM unnest($1::uuid[], $2::bigint[]) AS new (account, seq)
    WHERE cursors.account = new.account AND cursors.consumer = $3";

/// Births in a batch from which on it is worth hoping: below, asking costs little.
const HOPEFUL_BIRTHS_MIN: usize = 256;

/// How a batch is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Without asking whether what begins exists already: nearly always it does not, and if it does, the table's key
    /// refuses the whole batch, which is then tried again with care.
    Hopeful,
    /// Having asked for everything.
    Careful,
}

/// Writes a batch; says what became of each commit, and which accounts got entries.
pub(super) async fn write(pool: &Pool, batch: &[Commit]) -> Result<(Vec<Outcome>, Vec<Bytes16>), EngineError> {
    let mut mode = if births(batch) < HOPEFUL_BIRTHS_MIN { Mode::Careful } else { Mode::Hopeful };
    let mut attempts = 1;
    loop {
        let mut session = Session { client: Some(super::connect::borrowed(pool).await?) };
        let trouble = match session.write(batch, mode).await {
            Ok(done) => {
                session.keep();
                return Ok(done);
            }
            Err(trouble) => trouble,
        };
        if session.undo(&trouble.error).await {
            session.keep();
        }
        if mode == Mode::Hopeful && trouble.error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
            mode = Mode::Careful;
        } else if trouble.nothing_done && attempts < ATTEMPTS_MAX {
            attempts += 1;
        } else {
            return Err(engine_error(&trouble.error));
        }
    }
}

fn births(batch: &[Commit]) -> usize {
    let writes = batch.iter().flat_map(|commit| &commit.writes);
    writes.filter(|write| matches!(write.record, Some(RecordWrite::Insert(_)))).count()
}

/// Why a batch was not written.
struct Trouble {
    error: Error,
    /// It is certain that nothing was, and trying again may help.
    nothing_done: bool,
}

impl Trouble {
    fn before_writing(error: Error) -> Self {
        let nothing_done = may_repeat(&error) || error.is_closed();
        Self { error, nothing_done }
    }

    fn while_writing(error: Error) -> Self {
        let nothing_done = may_repeat(&error);
        Self { error, nothing_done }
    }
}

/// A connection that goes back to the pool only after a transaction that has ended; dropped in the middle (the caller
/// may give up at any moment), it is closed, and the server undoes what was begun.
struct Session {
    client: Option<Object>,
}

impl Session {
    fn keep(mut self) {
        drop(self.client.take());
    }

    async fn write(&mut self, batch: &[Commit], mode: Mode) -> Result<(Vec<Outcome>, Vec<Bytes16>), Trouble> {
        let Some(client) = &self.client else { return Ok((Vec::new(), Vec::new())) };
        let mut before = read_before(client, batch, mode).await.map_err(Trouble::before_writing)?;
        let mut decision = decide(batch, &before);
        if mode == Mode::Hopeful
            && decision.outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Committed { .. }))
        {
            // Of two reasons to refuse a commit, the first is told, and it may be the one that was not asked about.
            let rows = read_rows(client, batch, Mode::Careful).await.map_err(Trouble::before_writing)?;
            before = Before { heads: before.heads, ..rows };
            decision = decide(batch, &before);
        }
        store(client, &decision, &before).await?;
        Ok((decision.outcomes, decision.heads.into_keys().collect()))
    }

    /// Ends a transaction in which the server refused something; whether that went well.
    async fn undo(&mut self, error: &Error) -> bool {
        match &self.client {
            Some(client) if error.as_db_error().is_some() => client.batch_execute("ROLLBACK").await.is_ok(),
            _ => false,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

/// Begins, locks the heads and reads the rows that the batch names.
async fn read_before(client: &Object, batch: &[Commit], mode: Mode) -> Result<Before, Error> {
    let accounts: BTreeSet<Bytes16> = batch.iter().map(|commit| commit.account).collect();
    let accounts: Vec<Uuid> = accounts.into_iter().map(Uuid::from_bytes).collect();
    let (lock_heads, read_heads) = (client.prepare_cached(LOCK_HEADS).await?, client.prepare_cached(READ_HEADS).await?);
    // Both must be known to the session before it begins, or asking for them would be the first thing sent.
    client.prepare_cached(READ_VERSIONS).await?;
    client.prepare_cached(READ_LOOKUPS).await?;
    let ((), _, heads, rows) = try_join4(
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
        client.execute(&lock_heads, &[&accounts, &HEAD]),
        client.query(&read_heads, &[&accounts, &HEAD]),
        read_rows(client, batch, mode),
    )
    .await?;
    let heads = heads.iter().map(|row| (bytes(row, 0), row.get::<_, i64>(1).cast_unsigned())).collect();
    Ok(Before { heads, ..rows })
}

/// Reads the rows that the batch names; the heads are locked by then.
async fn read_rows(client: &Object, batch: &[Commit], mode: Mode) -> Result<Before, Error> {
    let (records, lookups) = named(batch, mode);
    let (record_keys, lookup_keys) = (records.parameters(), lookups.parameters());
    let (versions, found) = try_join(
        rows(client, READ_VERSIONS, &record_keys, records.is_empty()),
        rows(client, READ_LOOKUPS, &lookup_keys, lookups.is_empty()),
    )
    .await?;
    Ok(Before {
        versions: versions.iter().map(|row| (key(row), row.get::<_, i64>(3).cast_unsigned())).collect(),
        lookups: found.iter().map(|row| (key(row), (small(row, 3), bytes(row, 4)))).collect(),
        heads: HashMap::new(),
    })
}

/// The records and lookups that a batch names, less those of whose absence one may hope; one that is named often is
/// asked for once.
fn named(batch: &[Commit], mode: Mode) -> (RecordKeys, LookupKeys) {
    let careful = mode == Mode::Careful;
    let (mut records, mut lookups) = (BTreeSet::new(), BTreeSet::new());
    for Commit { account, writes } in batch {
        for write in writes {
            let record = write.record.as_ref().filter(|write| careful || !matches!(write, RecordWrite::Insert(_)));
            records.extend(record.map(write_names).map(|(kind, id)| (*account, kind, id)));
            let added = write.lookups_added.iter().filter(|_| careful);
            lookups.extend(added.map(|lookup| (*account, lookup.name, lookup.token)));
            lookups.extend(write.lookups_removed.iter().map(|(name, token)| (*account, *name, *token)));
        }
    }
    let (mut record_keys, mut lookup_keys) = (RecordKeys::default(), LookupKeys::default());
    for key in records {
        record_keys.push(key);
    }
    for key in lookups {
        lookup_keys.push(key);
    }
    (record_keys, lookup_keys)
}

async fn rows(client: &Object, sql: &str, parameters: &Parameters<'_>, nothing_asked: bool) -> Result<Vec<Row>, Error> {
    if nothing_asked {
        return Ok(Vec::new());
    }
    client.query(&client.prepare_cached(sql).await?, parameters).await
}

/// Writes what was decided and commits.
async fn store(client: &Object, decision: &Decision<'_>, before: &Before) -> Result<(), Trouble> {
    let records = RecordWork::of(&decision.records);
    let lookups = LookupWork::of(&decision.lookups, |key| before.lookups.get(key).copied());
    let entries = Entries::of(&decision.entries);
    let (accounts, seqs): (Vec<Uuid>, Vec<i64>) =
        decision.heads.iter().map(|(account, seq)| (Uuid::from_bytes(*account), seq.cast_signed())).unzip();

    // What goes makes room before what comes.
    let work: Vec<(&str, Parameters<'_>, bool)> = vec![
        (REMOVE_RECORDS, records.removed.parameters(), records.removed.is_empty()),
        (REMOVE_LOOKUPS, lookups.removed.parameters(), lookups.removed.is_empty()),
        (INSERT_RECORDS, records.inserted.inserted(), records.inserted.is_empty()),
        (UPDATE_RECORDS, records.updated.updated(), records.updated.is_empty()),
        (INSERT_LOOKUPS, lookups.inserted(), lookups.inserts_nothing()),
        (INSERT_ENTRIES, entries.parameters(), entries.is_empty()),
        (STORE_HEADS, vec![&accounts, &seqs, &HEAD], accounts.is_empty()),
    ];
    let work: Vec<_> = work.into_iter().filter(|(.., nothing_to_do)| !nothing_to_do).collect();
    let statements =
        try_join_all(work.iter().map(|(sql, ..)| client.prepare_cached(sql))).await.map_err(Trouble::before_writing)?;

    let mut sent: Vec<BoxFuture<'_, Result<(), Error>>> = statements
        .iter()
        .zip(&work)
        .map(|(statement, (_, parameters, _))| client.execute(statement, parameters).map(|done| done.map(drop)).boxed())
        .collect();
    // After a statement that failed, the server takes this for a rollback.
    sent.push(client.batch_execute("COMMIT").boxed());
    try_join_all(sent).await.map_err(Trouble::while_writing)?;
    Ok(())
}

fn key(row: &Row) -> (Bytes16, u8, Bytes16) {
    (bytes(row, 0), small(row, 1), bytes(row, 2))
}

pub(super) fn bytes(row: &Row, column: usize) -> Bytes16 {
    row.get::<_, Uuid>(column).into_bytes()
}

/// Numbers of one byte are stored as `smallint`, which PostgreSQL has no smaller one than.
pub(super) fn small(row: &Row, column: usize) -> u8 {
    row.get::<_, i16>(column).to_le_bytes()[0]
}
