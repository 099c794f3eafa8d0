//! What SQLite's errors mean to the callers of an engine.

use crate::engine::EngineError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// The engine's word for an error of SQLite. Only codes are told: a message could quote a value.
pub(super) fn engine_error(error: &rusqlite::Error) -> EngineError {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::DiskFull => EngineError::DiskFull,
        rusqlite::Error::SqliteFailure(failure, _) if loses_writes(failure.extended_code) => {
            EngineError::Unreachable("the disk failed while it made a change durable".into())
        }
        rusqlite::Error::SqliteFailure(failure, _) => EngineError::Failed(format!(
            "SQLite code {}: {}",
            failure.extended_code,
            ffi::code_to_str(failure.extended_code)
        )),
        _ => EngineError::Failed("SQLite answered with a row of another shape".into()),
    }
}

/// Whether an error leaves open what the disk holds. After a failed fsync the system may forget what it could not write
/// and report success the next time, so nothing may be promised any more.
pub(super) const fn loses_writes(extended_code: i32) -> bool {
    extended_code == ffi::SQLITE_IOERR_FSYNC || extended_code == ffi::SQLITE_IOERR_DIR_FSYNC
}

/// What a caller hears when the engine's threads have ended.
pub(super) fn closed() -> EngineError {
    EngineError::Unreachable("the database is closed".into())
}
