//! The questions an engine answers, one statement each.

use super::columns::RecordKeys;
use super::write::{bytes, small};
use crate::engine::{Bytes16, ConsumerNumber, EntryRow, HEAD, ListBy, ListQuery, RecordRow, StoredEntry, TileRow};
use deadpool_postgres::Object;
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

/// The columns that [`record`] reads.
const RECORD: &str = "kind, id, version, state, parent, sort_at, sealed, consumer";

/// What finds a record: its kind and id.
type Found = Option<(u8, Bytes16)>;

// `LATERAL (… OFFSET 0)` makes the planner look each asked row up by its whole key: it would else be free to go through
// all rows of the account, and does while it believes the table to be small.

/// Each record with the account that it belongs to.
pub(super) async fn records(client: &Object, keys: &RecordKeys) -> Result<Vec<(Bytes16, RecordRow)>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT found.*, asked.account FROM unnest($1::uuid[], $2::smallint[], $3::uuid[])
                 AS asked (account, kind, id), LATERAL (
                 SELECT kind, id, version, state, parent, sort_at, sealed, consumer FROM records
                 WHERE account = asked.account AND kind = asked.kind AND id = asked.id OFFSET 0
             ) AS found",
        )
        .await?;
    let rows = client.query(&statement, &keys.parameters()).await?;
    Ok(rows.iter().map(|row| (bytes(row, 8), record(row))).collect())
}

pub(super) async fn list(client: &Object, account: Bytes16, query: &ListQuery) -> Result<Vec<RecordRow>, Error> {
    let (account, kind, limit) = (Uuid::from_bytes(account), i16::from(query.kind), i64::from(query.limit));
    let order = if query.descending { "DESC" } else { "ASC" };
    // The first page begins with the first place there can be, every other one behind a row.
    let (beyond, (sort_at, id)) = match (query.after, query.descending) {
        (Some(row), true) => ("<", row),
        (Some(row), false) => (">", row),
        (None, true) => ("<=", (i64::MAX, [0xff; 16])),
        (None, false) => (">=", (i64::MIN, [0; 16])),
    };
    let id = Uuid::from_bytes(id);
    let rows = match query.by {
        ListBy::Kind => {
            let sql = format!(
                "SELECT {RECORD} FROM records WHERE account = $1 AND kind = $2 AND id {beyond} $3
                 ORDER BY id {order} LIMIT $4"
            );
            client.query(&client.prepare_cached(&sql).await?, &[&account, &kind, &id, &limit]).await?
        }
        ListBy::Parent(parent) => {
            let sql = format!(
                "SELECT {RECORD} FROM records WHERE account = $1 AND kind = $2 AND parent = $3 AND id {beyond} $4
                 ORDER BY id {order} LIMIT $5"
            );
            let parent = Uuid::from_bytes(parent);
            client.query(&client.prepare_cached(&sql).await?, &[&account, &kind, &parent, &id, &limit]).await?
        }
        // `state > 0` tells the planner that the partial index has all of them.
        ListBy::State(state) => {
            let sql = format!(
                "SELECT {RECORD} FROM records WHERE account = $1 AND kind = $2 AND state = $3 AND state > 0
                 AND (sort_at, id) {beyond} ($4, $5) ORDER BY sort_at {order}, id {order} LIMIT $6"
            );
            let statement = client.prepare_cached(&sql).await?;
            client.query(&statement, &[&account, &kind, &i16::from(state), &sort_at, &id, &limit]).await?
        }
    };
    Ok(rows.iter().map(record).collect())
}

pub(super) async fn lookups(client: &Object, account: Bytes16, asked: &[(u8, Bytes16)]) -> Result<Vec<Found>, Error> {
    let (names, tokens): (Vec<i16>, Vec<Uuid>) =
        asked.iter().map(|(name, token)| (i16::from(*name), Uuid::from_bytes(*token))).unzip();
    let statement = client
        .prepare_cached(
            "SELECT asked.name, asked.token, found.kind, found.id
             FROM unnest($2::smallint[], $3::uuid[]) AS asked (name, token), LATERAL (
                 SELECT kind, id FROM lookups
                 WHERE account = $1 AND name = asked.name AND token = asked.token OFFSET 0
             ) AS found",
        )
        .await?;
    let rows = client.query(&statement, &[&Uuid::from_bytes(account), &names, &tokens]).await?;
    let found: HashMap<(u8, Bytes16), (u8, Bytes16)> =
        rows.iter().map(|row| ((small(row, 0), bytes(row, 1)), (small(row, 2), bytes(row, 3)))).collect();
    Ok(asked.iter().map(|wanted| found.get(wanted).copied()).collect())
}

pub(super) async fn entries(
    client: &Object,
    account: Bytes16,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredEntry>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT seq, at, actor, action, kind, id, version, sealed, leaf FROM entries
             WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let rows = client.query(&statement, &[&Uuid::from_bytes(account), &after.cast_signed(), &i64::from(limit)]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let row_of = EntryRow {
                at: row.get(1),
                actor: fixed(row, 2),
                action: row.get(3),
                kind: small(row, 4),
                id: bytes(row, 5),
                version: row.get::<_, i64>(6).cast_unsigned(),
                sealed: row.get(7),
                leaf: fixed(row, 8),
            };
            StoredEntry { seq: row.get::<_, i64>(0).cast_unsigned(), row: row_of }
        })
        .collect())
}

pub(super) async fn leaves(client: &Object, account: Bytes16, after: u64, limit: u32) -> Result<Vec<[u8; 32]>, Error> {
    let statement =
        client.prepare_cached("SELECT leaf FROM entries WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3").await?;
    let rows = client.query(&statement, &[&Uuid::from_bytes(account), &after.cast_signed(), &i64::from(limit)]).await?;
    Ok(rows.iter().map(|row| fixed(row, 0)).collect())
}

pub(super) async fn cursor(client: &Object, account: Bytes16, consumer: ConsumerNumber) -> Result<u64, Error> {
    let statement = client.prepare_cached("SELECT seq FROM cursors WHERE account = $1 AND consumer = $2").await?;
    let row = client.query_opt(&statement, &[&Uuid::from_bytes(account), &consumer]).await?;
    Ok(row.map_or(0, |row| row.get::<_, i64>(0).cast_unsigned()))
}

/// Fans out over all accounts.
pub(super) async fn behind(
    client: &Object,
    consumer: ConsumerNumber,
    after: Option<Bytes16>,
    limit: u32,
) -> Result<Vec<Bytes16>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT head.account FROM cursors AS head
             LEFT JOIN cursors AS reader ON reader.account = head.account AND reader.consumer = $1
             WHERE head.consumer = $2 AND ($3::uuid IS NULL OR head.account > $3)
               AND head.seq > coalesce(reader.seq, 0)
             ORDER BY head.account LIMIT $4",
        )
        .await?;
    let after = after.map(Uuid::from_bytes);
    let rows = client.query(&statement, &[&consumer, &HEAD, &after, &i64::from(limit)]).await?;
    Ok(rows.iter().map(|row| bytes(row, 0)).collect())
}

pub(super) async fn tiles(client: &Object, account: Bytes16, places: &[(u8, u64)]) -> Result<Vec<TileRow>, Error> {
    let places: BTreeSet<(u8, u64)> = places.iter().copied().collect();
    let (levels, indexes): (Vec<i16>, Vec<i64>) =
        places.iter().map(|(level, index)| (i16::from(*level), index.cast_signed())).unzip();
    let statement = client
        .prepare_cached(
            "SELECT asked.level, asked.index, found.hashes
             FROM unnest($2::smallint[], $3::bigint[]) AS asked (level, index), LATERAL (
                 SELECT hashes FROM tiles
                 WHERE account = $1 AND level = asked.level AND index = asked.index OFFSET 0
             ) AS found",
        )
        .await?;
    let rows = client.query(&statement, &[&Uuid::from_bytes(account), &levels, &indexes]).await?;
    Ok(rows
        .iter()
        .map(|row| TileRow { level: small(row, 0), index: row.get::<_, i64>(1).cast_unsigned(), hashes: row.get(2) })
        .collect())
}

pub(super) async fn ping(client: &Object) -> Result<(), Error> {
    let statement = client.prepare_cached("SELECT 1").await?;
    client.query_one(&statement, &[]).await.map(drop)
}

fn record(row: &Row) -> RecordRow {
    RecordRow {
        kind: small(row, 0),
        id: bytes(row, 1),
        version: row.get::<_, i64>(2).cast_unsigned(),
        state: small(row, 3),
        parent: row.get::<_, Option<Uuid>>(4).map(Uuid::into_bytes),
        sort_at: row.get(5),
        sealed: row.get(6),
        consumer: row.get(7),
    }
}

/// A value of known length; a stored one of another length would not open under its key, so zeros do as well.
fn fixed<const N: usize>(row: &Row, column: usize) -> [u8; N] {
    row.get::<_, &[u8]>(column).try_into().unwrap_or([0; N])
}
