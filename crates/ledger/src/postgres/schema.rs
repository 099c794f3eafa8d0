//! Brings the tables of a PostgreSQL database up to date; nodes that start together take turns.

use super::failure::engine_error;
use crate::engine::{EngineError, Schema};
use tokio_postgres::{Client, Transaction};

/// The ordered migrations; the table `bonded_schema` says how many of them a database has seen.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/postgres/0001_tables.sql")];

/// The advisory lock that is held while migrating: `bonded` in ASCII.
const LOCK: i64 = 0x626f_6e64_6564;

/// Applies the migrations that the database has not seen, all in one transaction.
pub(super) async fn migrate(client: &mut Client) -> Result<(), EngineError> {
    let transaction = client.transaction().await.map_err(|error| engine_error(&error))?;
    let found = version(&transaction).await.map_err(|error| engine_error(&error))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(EngineError::Newer { found, known });
    }
    apply(transaction, found, known).await.map_err(|error| engine_error(&error))
}

/// How far the tables have come. Changes nothing.
pub(super) async fn schema(client: &Client) -> Result<Schema, EngineError> {
    let told = |error: tokio_postgres::Error| engine_error(&error);
    let exists = client.query_one("SELECT to_regclass('bonded_schema') IS NOT NULL", &[]).await.map_err(told)?;
    let mut found = 0;
    if exists.get::<_, bool>(0) {
        let row = client.query_one("SELECT max(version) FROM bonded_schema", &[]).await.map_err(told)?;
        found = row.get::<_, i32>(0).cast_unsigned();
    }
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known { Err(EngineError::Newer { found, known }) } else { Ok(Schema { found, known }) }
}

/// Takes the lock and reads the version; 0 for an empty database.
async fn version(transaction: &Transaction<'_>) -> Result<u32, tokio_postgres::Error> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let exists = transaction.query_one("SELECT to_regclass('bonded_schema') IS NOT NULL", &[]).await?;
    if !exists.get::<_, bool>(0) {
        transaction.batch_execute("CREATE TABLE bonded_schema (version integer NOT NULL)").await?;
        transaction.execute("INSERT INTO bonded_schema (version) VALUES (0)", &[]).await?;
    }
    let row = transaction.query_one("SELECT max(version) FROM bonded_schema", &[]).await?;
    Ok(row.get::<_, i32>(0).cast_unsigned())
}

async fn apply(transaction: Transaction<'_>, found: u32, known: u32) -> Result<(), tokio_postgres::Error> {
    for sql in MIGRATIONS.into_iter().skip(found as usize) {
        transaction.batch_execute(sql).await?;
    }
    if found < known {
        transaction.execute("UPDATE bonded_schema SET version = $1", &[&known.cast_signed()]).await?;
    }
    transaction.commit().await
}
