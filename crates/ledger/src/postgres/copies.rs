//! What PostgreSQL's own tools need to copy a database as it is at one moment, and to bring a copy back.

use super::connect::{Server, has_foreign_address, is_this_machine};
use super::failure::engine_error;
use crate::engine::{CHECKPOINT_LEVEL, EngineError, Facts, HEAD};
use std::path::PathBuf;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

/// Our tables, as the migrations make them.
const TABLES: [&str; 6] = ["records", "lookups", "entries", "cursors", "tiles", "bonded_schema"];

/// A moment of the database that is held for others to read, until this is dropped.
pub struct Held {
    /// The exported snapshot's name, for `pg_dump --snapshot`.
    pub snapshot: String,
    /// What is in the database at that moment.
    pub facts: Facts,
    /// The server's major version: 15.
    pub major: u32,
    client: Client,
    driven: JoinHandle<()>,
}

impl Held {
    /// Whether the server still answers, and so still holds the moment.
    pub async fn holds(&self) -> bool {
        self.client.simple_query("SELECT 1").await.is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.driven.abort();
    }
}

async fn connected(url: &str, root_certificates: Option<PathBuf>) -> Result<(Client, JoinHandle<()>), EngineError> {
    let (client, connection) = Server::at(url, root_certificates)?.connect().await?;
    let driven = tokio::spawn(async move {
        // Whoever asks hears of it.
        drop(connection.await);
    });
    Ok((client, driven))
}

/// Holds the present moment of the database at a URL.
pub async fn hold(url: &str, root_certificates: Option<PathBuf>) -> Result<Held, EngineError> {
    let told = |error: tokio_postgres::Error| engine_error(&error);
    let (client, driven) = connected(url, root_certificates).await?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(told)?;
    let snapshot = client.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(told)?.get(0);
    let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await.map_err(told)?;
    let number = version.get::<_, i32>(0).cast_unsigned();
    let made = client.query_one("SELECT to_regclass('bonded_schema') IS NOT NULL", &[]).await.map_err(told)?;
    if !made.get::<_, bool>(0) {
        return Err(EngineError::Failed("the database is empty: there is nothing to copy yet".into()));
    }
    let schema = client.query_one("SELECT max(version) FROM bonded_schema", &[]).await.map_err(told)?;
    let heads = "SELECT count(*), coalesce(sum(seq), 0)::bigint FROM cursors WHERE consumer = $1";
    let heads = client.query_one(heads, &[&HEAD]).await.map_err(told)?;
    let level = i16::from(CHECKPOINT_LEVEL);
    let signed = client.query_one("SELECT count(*) FROM tiles WHERE level = $1", &[&level]).await.map_err(told)?;
    let facts = Facts {
        version: format!("{}.{}", number / 10_000, number % 10_000),
        schema: schema.get::<_, i32>(0).cast_unsigned(),
        accounts: heads.get::<_, i64>(0).cast_unsigned(),
        entries: heads.get::<_, i64>(1).cast_unsigned(),
        checkpoints: signed.get::<_, i64>(0).cast_unsigned(),
    };
    Ok(Held { snapshot, facts, major: number / 10_000, client, driven })
}

/// The server's major version, and whether none of our tables is in the database.
pub async fn is_empty(url: &str, root_certificates: Option<PathBuf>) -> Result<(u32, bool), EngineError> {
    let told = |error: tokio_postgres::Error| engine_error(&error);
    let (client, driven) = connected(url, root_certificates).await?;
    let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await.map_err(told)?;
    let tables = "SELECT count(*) FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL";
    let names = TABLES.as_slice();
    let found = client.query_one(tables, &[&names]).await.map_err(told)?;
    driven.abort();
    Ok((version.get::<_, i32>(0).cast_unsigned() / 10_000, found.get::<_, i64>(0) == 0))
}

/// Removes our tables with all that is in them: what a restore that was refused has brought.
pub async fn clear(url: &str, root_certificates: Option<PathBuf>) -> Result<(), EngineError> {
    let (client, driven) = connected(url, root_certificates).await?;
    let cleared = client.batch_execute(&format!("DROP TABLE IF EXISTS {}", TABLES.join(", "))).await;
    driven.abort();
    cleared.map_err(|error| engine_error(&error))
}

/// How PostgreSQL's own programs reach the database: variables for their environment, the password among them.
/// Source: "Environment Variables" in the documentation of libpq.
pub fn variables(url: &str, root_certificates: Option<PathBuf>) -> Result<Vec<(&'static str, String)>, EngineError> {
    let unreadable = || EngineError::Failed("the PostgreSQL URL cannot be read".into());
    let config: Config = url.parse().map_err(|_| unreadable())?;
    let hosts: Vec<_> = config.get_hosts().iter().map(host_text).collect();
    let ports: Vec<_> = config.get_ports().iter().map(u16::to_string).collect();
    let addresses: Vec<_> = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    let mut variables = vec![("PGHOST", hosts.join(",")), ("PGAPPNAME", "bonded".to_owned())];
    let mut say = |name, value: String| {
        if !value.is_empty() {
            variables.push((name, value));
        }
    };
    say("PGPORT", ports.join(","));
    say("PGHOSTADDR", addresses.join(","));
    say("PGUSER", config.get_user().unwrap_or_default().to_owned());
    say("PGDATABASE", config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned());
    say("PGPASSWORD", config.get_password().map(String::from_utf8_lossy).unwrap_or_default().into_owned());
    if !config.get_hosts().iter().all(is_this_machine) || has_foreign_address(&config) {
        say("PGSSLMODE", "verify-full".to_owned());
        let roots = root_certificates.map_or_else(|| "system".to_owned(), |file| file.display().to_string());
        say("PGSSLROOTCERT", roots);
    }
    Ok(variables)
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_is_reached_over_checked_tls_only() {
        let said = |url: &str| variables(url, None).unwrap();
        let local = said("postgres://ada:pass@127.0.0.1:5433/trade");
        for (name, value) in [
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", "5433"),
            ("PGUSER", "ada"),
            ("PGPASSWORD", "pass"),
            ("PGDATABASE", "trade"),
        ] {
            assert!(local.contains(&(name, value.to_owned())), "{name}");
        }
        assert!(local.iter().all(|(name, _)| *name != "PGSSLMODE"));
        let remote = said("postgres://ada@db.example.com/trade");
        assert!(remote.contains(&("PGSSLMODE", "verify-full".to_owned())));
        assert!(variables("nonsense://", None).is_err());
    }
}
