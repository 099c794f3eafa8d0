//! What PostgreSQL's errors mean to the callers of an engine.

use crate::engine::EngineError;
use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// The engine's word for an error of PostgreSQL. Its DETAIL is never told: it may quote a row.
pub(super) fn engine_error(error: &tokio_postgres::Error) -> EngineError {
    let Some(told) = error.as_db_error() else {
        return if error.is_closed() || is_io(error) {
            EngineError::Unreachable("the connection to PostgreSQL was lost".into())
        } else {
            EngineError::Failed("PostgreSQL and this program did not understand each other".into())
        };
    };
    match told.code() {
        code if *code == SqlState::DISK_FULL => EngineError::DiskFull,
        code if means_gone(code) => EngineError::Unreachable(format!("PostgreSQL {}: {}", code.code(), told.message())),
        code => EngineError::Failed(format!("PostgreSQL {}: {}", code.code(), message(told))),
    }
}

/// The message of an error, unless it is one whose message may repeat what was sent (class 22, data exception).
fn message(told: &tokio_postgres::error::DbError) -> &str {
    if told.code().code().starts_with("22") { "a value was refused" } else { told.message() }
}

/// Whether no connection could be had.
pub(super) fn pool_error(error: &PoolError) -> EngineError {
    match error {
        PoolError::Backend(error) => connect_error(error),
        PoolError::Timeout(_) => EngineError::Unreachable("no connection to PostgreSQL became free in time".into()),
        PoolError::Closed => EngineError::Unreachable("the database is closed".into()),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            EngineError::Unreachable("a new connection to PostgreSQL could not be set up".into())
        }
    }
}

/// Why a connection failed: the server's own words (a wrong password, say), else that it was not reached.
pub(super) fn connect_error(error: &tokio_postgres::Error) -> EngineError {
    match error.as_db_error() {
        Some(told) => EngineError::Unreachable(format!("PostgreSQL {}: {}", told.code().code(), told.message())),
        None => EngineError::Unreachable(format!("PostgreSQL could not be reached: {}", reason(error))),
    }
}

/// The innermost reason, which names a host and a system error but no value.
fn reason(error: &tokio_postgres::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// Whether the same batch may simply be sent again: the server undid it because it stood in another's way.
pub(super) fn may_repeat(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// The server ends, starts, is full, or has become a copy that cannot be written.
fn means_gone(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || *code == SqlState::ADMIN_SHUTDOWN
        || *code == SqlState::CRASH_SHUTDOWN
        || *code == SqlState::CANNOT_CONNECT_NOW
        || *code == SqlState::TOO_MANY_CONNECTIONS
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}
