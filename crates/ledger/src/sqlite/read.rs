//! The questions an engine answers, each from one consistent moment of the database.

use crate::engine::{Bytes16, ConsumerNumber, EntryRow, HEAD, ListBy, ListQuery, RecordRow, StoredEntry, TileRow};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// Statements each reading connection keeps prepared.
pub(super) const STATEMENTS_KEPT: usize = 32;

/// The columns that [`record`] reads.
const RECORD: &str = "kind, id, version, state, parent, sort_at, sealed, consumer";

pub(super) fn records(connection: &Connection, account: Bytes16, kind: u8, ids: &[Bytes16]) -> Result<Vec<RecordRow>> {
    let transaction = connection.unchecked_transaction()?;
    let mut find = transaction
        .prepare_cached(&format!("SELECT {RECORD} FROM records WHERE account = ?1 AND kind = ?2 AND id = ?3"))?;
    // An id that is asked for twice is answered once.
    let mut wanted: Vec<&Bytes16> = ids.iter().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = Vec::with_capacity(wanted.len());
    for id in wanted {
        found.extend(find.query_row(params![account, kind, id], record).optional()?);
    }
    Ok(found)
}

pub(super) fn list(connection: &Connection, account: Bytes16, query: &ListQuery) -> Result<Vec<RecordRow>> {
    let ListQuery { kind, ref by, descending, after, limit } = *query;
    let order = if descending { "DESC" } else { "ASC" };
    // The first page begins with the first place there can be, every other one behind a row.
    let (beyond, (sort_at, id)) = match (after, descending) {
        (Some(row), true) => ("<", row),
        (Some(row), false) => (">", row),
        (None, true) => ("<=", (i64::MAX, [0xff; 16])),
        (None, false) => (">=", (i64::MIN, [0; 16])),
    };
    let mut page = connection.prepare_cached(&page_of(by, beyond, order))?;
    match by {
        ListBy::Kind => page.query_map(params![account, kind, id, limit], record)?.collect(),
        ListBy::Parent(parent) => page.query_map(params![account, kind, parent, id, limit], record)?.collect(),
        ListBy::State(state) => page.query_map(params![account, kind, state, sort_at, id, limit], record)?.collect(),
    }
}

/// The statement that reads a page. The indexes are named: left to choose, the planner, which knows nothing of how many
/// rows there are, would look through all of a kind for a parent's few.
fn page_of(by: &ListBy, beyond: &str, order: &str) -> String {
    match by {
        ListBy::Kind => format!(
            "SELECT {RECORD} FROM records WHERE account = ?1 AND kind = ?2 AND id {beyond} ?3
             ORDER BY id {order} LIMIT ?4"
        ),
        ListBy::Parent(_) => format!(
            "SELECT {RECORD} FROM records INDEXED BY records_by_parent
             WHERE account = ?1 AND kind = ?2 AND parent = ?3 AND id {beyond} ?4 ORDER BY id {order} LIMIT ?5"
        ),
        // `state > 0` tells the planner that the partial index has all of them.
        ListBy::State(_) => format!(
            "SELECT {RECORD} FROM records INDEXED BY records_by_state
             WHERE account = ?1 AND kind = ?2 AND state = ?3 AND state > 0
             AND (sort_at, id) {beyond} (?4, ?5) ORDER BY sort_at {order}, id {order} LIMIT ?6"
        ),
    }
}

pub(super) fn entries(connection: &Connection, account: Bytes16, after: u64, limit: u32) -> Result<Vec<StoredEntry>> {
    connection
        .prepare_cached(
            "SELECT seq, at, actor, action, kind, id, version, sealed, leaf FROM entries
             WHERE account = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?
        .query_map(params![account, after.cast_signed(), limit], |row| {
            let (seq, version): (i64, i64) = (row.get(0)?, row.get(6)?);
            let row = EntryRow {
                at: row.get(1)?,
                actor: row.get(2)?,
                action: row.get(3)?,
                kind: row.get(4)?,
                id: row.get(5)?,
                version: version.cast_unsigned(),
                sealed: row.get(7)?,
                leaf: row.get(8)?,
            };
            Ok(StoredEntry { seq: seq.cast_unsigned(), row })
        })?
        .collect()
}

pub(super) fn leaves(connection: &Connection, account: Bytes16, after: u64, limit: u32) -> Result<Vec<[u8; 32]>> {
    connection
        .prepare_cached("SELECT leaf FROM entries WHERE account = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?
        .query_map(params![account, after.cast_signed(), limit], |row| row.get(0))?
        .collect()
}

pub(super) fn cursor(connection: &Connection, account: Bytes16, consumer: ConsumerNumber) -> Result<u64> {
    let seq: Option<i64> = connection
        .prepare_cached("SELECT seq FROM cursors WHERE account = ?1 AND consumer = ?2")?
        .query_row(params![account, consumer], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or(0).cast_unsigned())
}

/// Fans out over all accounts.
pub(super) fn behind(
    connection: &Connection,
    consumer: ConsumerNumber,
    after: Option<Bytes16>,
    limit: u32,
) -> Result<Vec<Bytes16>> {
    // The empty blob comes before every account.
    let after = after.as_ref().map_or(&[][..], |account| &account[..]);
    connection
        .prepare_cached(
            "SELECT head.account FROM cursors AS head
             LEFT JOIN cursors AS reader ON reader.account = head.account AND reader.consumer = ?1
             WHERE head.consumer = ?2 AND head.account > ?3 AND head.seq > coalesce(reader.seq, 0)
             ORDER BY head.account LIMIT ?4",
        )?
        .query_map(params![consumer, HEAD, after, limit], |row| row.get(0))?
        .collect()
}

pub(super) fn tiles(connection: &Connection, account: Bytes16, places: &[(u8, u64)]) -> Result<Vec<TileRow>> {
    let transaction = connection.unchecked_transaction()?;
    let mut find = transaction.prepare_cached(
        "SELECT level, \"index\", hashes FROM tiles WHERE account = ?1 AND level = ?2 AND \"index\" = ?3",
    )?;
    let mut wanted = places.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = Vec::with_capacity(wanted.len());
    for (level, index) in wanted {
        let tile = find.query_row(params![account, level, index.cast_signed()], |row| {
            let index: i64 = row.get(1)?;
            Ok(TileRow { level: row.get(0)?, index: index.cast_unsigned(), hashes: row.get(2)? })
        });
        found.extend(tile.optional()?);
    }
    Ok(found)
}

pub(super) fn ping(connection: &Connection) -> Result<()> {
    connection.prepare_cached("SELECT count(*) FROM cursors WHERE account = x''")?.query_row([], |_| Ok(()))
}

fn record(row: &Row<'_>) -> Result<RecordRow> {
    let version: i64 = row.get(2)?;
    Ok(RecordRow {
        kind: row.get(0)?,
        id: row.get(1)?,
        version: version.cast_unsigned(),
        state: row.get(3)?,
        parent: row.get(4)?,
        sort_at: row.get(5)?,
        sealed: row.get(6)?,
        consumer: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_by_an_index_and_comes_in_its_order() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/sqlite/0001_tables.sql")).unwrap();
        let plan = |by: &ListBy, beyond: &str, order: &str| {
            let mut explained =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {}", page_of(by, beyond, order))).unwrap();
            for parameter in 1..=explained.parameter_count() {
                explained.raw_bind_parameter(parameter, 1).unwrap();
            }
            let mut steps = Vec::new();
            let mut rows = explained.raw_query();
            while let Some(row) = rows.next().unwrap() {
                steps.push(row.get::<_, String>(3).unwrap());
            }
            steps.join("; ")
        };
        for (beyond, order) in [(">=", "ASC"), (">", "ASC"), ("<=", "DESC"), ("<", "DESC")] {
            let sign = &beyond[..1];
            for (by, wanted) in [
                (ListBy::Kind, format!("PRIMARY KEY (account=? AND kind=? AND id{sign}?)")),
                (
                    ListBy::Parent([1; 16]),
                    format!("INDEX records_by_parent (account=? AND kind=? AND parent=? AND id{sign}?)"),
                ),
                (
                    ListBy::State(1),
                    format!("INDEX records_by_state (account=? AND kind=? AND state=? AND (sort_at,id){sign}(?,?))"),
                ),
            ] {
                assert_eq!(plan(&by, beyond, order), format!("SEARCH records USING {wanted}"));
            }
        }
    }
}
