//! Opens connections to the database file and brings its tables up to date.

use super::failure::engine_error;
use crate::engine::{EngineError, Schema};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

/// The ordered migrations; a database's `user_version` says how many of them it has seen.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/sqlite/0001_tables.sql")];

/// `bond`: tells a file of this program from any other SQLite database (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x626f_6e64;

/// Bytes of a page. Twice SQLite's default: fewer pages a transaction for rows of half a kilobyte.
pub(super) const PAGE_BYTES: u32 = 8192;

/// Bytes of cache for each connection that only reads; the operating system's own cache stands behind it.
const READER_CACHE_KIB: i64 = 4 * 1024;

/// How long a connection waits for another's lock. Ours are held for milliseconds.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What a connection is for.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// The one that writes; a page cache of so many bytes, and at most so many pages in the file, if there is a limit.
    Writer { cache_bytes: u64, pages_max: Option<u32> },
    /// One of those that read.
    Reader,
    /// The one that copies the write-ahead log into the file.
    Checkpointer,
}

/// Makes the file (readable by its owner alone) if it is not there, and takes rights from others if they had any.
pub(super) fn own_file(path: &Path) -> Result<File, EngineError> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let told = |error: std::io::Error| EngineError::Failed(format!("the database file cannot be opened: {error}"));
    let existed = path.exists();
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(told)?;
    if existed {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(told)?;
    } else if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        // The name of a new file is durable only with its directory.
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(told)?;
    }
    Ok(file)
}

/// Opens one connection and sets it up for its role.
pub(super) fn connect(path: &Path, role: Role) -> Result<Connection, EngineError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let told = |error: rusqlite::Error| engine_error(&error);
    let connection = Connection::open_with_flags(path, flags).map_err(told)?;
    recognise(&connection)?;
    set_up(&connection, role).map_err(told)?;
    Ok(connection)
}

/// How far the tables of the database at `path` have come; `None` where there is no file. Changes nothing, and may be
/// asked while another process has the database open.
pub fn schema(path: &Path) -> Result<Option<Schema>, EngineError> {
    if !path.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| engine_error(&error))?;
    connection.busy_timeout(LOCK_WAIT).map_err(|error| engine_error(&error))?;
    Ok(Some(Schema { found: recognise(&connection)?, known: known() }))
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Refuses, before anything is changed, a file that is not ours or that a newer program made. Says its version.
fn recognise(connection: &Connection) -> Result<u32, EngineError> {
    let told = |error: rusqlite::Error| engine_error(&error);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(told);
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(told)?;
    if tables > 0 && number("application_id")? != APPLICATION_ID {
        return Err(EngineError::Failed("the file is another program's database".into()));
    }
    let found = number("user_version")?.cast_unsigned();
    let known = known();
    if found > known { Err(EngineError::Newer { found, known }) } else { Ok(found) }
}

fn set_up(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "synchronous", "full")?;
    match role {
        Role::Writer { cache_bytes, pages_max } => {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "secure_delete", true)?;
            let cache_kib = i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX);
            connection.pragma_update(None, "cache_size", -cache_kib)?;
            if let Some(pages) = pages_max {
                connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            }
        }
        Role::Reader => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        }
        Role::Checkpointer => {}
    }
    Ok(())
}

/// Applies the migrations that the database has not seen, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), EngineError> {
    let told = |error: rusqlite::Error| engine_error(&error);
    let found = recognise(connection)?;
    for (number, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction().map_err(told)?;
        transaction.execute_batch(sql).map_err(told)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(told)?;
        transaction.pragma_update(None, "user_version", number).map_err(told)?;
        transaction.commit().map_err(told)?;
    }
    Ok(())
}
