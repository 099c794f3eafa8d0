//! A copy of a database file as it is at one moment, while its writer goes on.
//!
//! Source: <https://www.sqlite.org/backup.html>. A read transaction holds the moment; the writer appends to the log meanwhile.

use super::failure::engine_error;
use super::schema::{self, Role};
use crate::engine::{CHECKPOINT_LEVEL, EngineError, Facts, HEAD};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;

/// Pages that are copied between two looks at whether all are: 32 MiB.
const PAGES_A_STEP: i32 = 4096;

/// Copies the database at `from` into a new file at `to` and says what is in it. Blocks; may be asked while another process
/// has the database open. What lands in `to` is sealed as it is in `from`, and not yet durable.
pub fn copy(from: &Path, to: &Path) -> Result<Facts, EngineError> {
    let told = |error: rusqlite::Error| engine_error(&error);
    let source = schema::connect(from, Role::Reader)?;
    let held = source.unchecked_transaction().map_err(told)?;
    let facts = facts(&held).map_err(told)?;
    if facts.schema == 0 {
        return Err(EngineError::Failed("the database is empty: there is nothing to copy yet".into()));
    }
    drop(schema::own_file(to)?);
    let mut target = Connection::open(to).map_err(told)?;
    // A copy that is broken off is thrown away.
    for pragma in ["journal_mode", "synchronous"] {
        target.pragma_update_and_check(None, pragma, "off", |_| Ok(())).or_else(absent).map_err(told)?;
    }
    {
        let copying = Backup::new(&held, &mut target).map_err(told)?;
        while copying.step(PAGES_A_STEP).map_err(told)? != StepResult::Done {}
    }
    Ok(facts)
}

/// A pragma that answers nothing is no failure.
fn absent(error: rusqlite::Error) -> rusqlite::Result<()> {
    if matches!(error, rusqlite::Error::QueryReturnedNoRows) { Ok(()) } else { Err(error) }
}

fn facts(connection: &Connection) -> rusqlite::Result<Facts> {
    let schema = connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))?;
    if schema == 0 {
        return Ok(Facts::default());
    }
    let (accounts, entries) = connection.query_row(
        "SELECT count(*), coalesce(sum(seq), 0) FROM cursors WHERE consumer = ?1",
        [HEAD],
        |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
    )?;
    let checkpoints =
        connection.query_row("SELECT count(*) FROM tiles WHERE level = ?1", [CHECKPOINT_LEVEL], |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        })?;
    Ok(Facts { version: rusqlite::version().to_owned(), schema, accounts, entries, checkpoints })
}
