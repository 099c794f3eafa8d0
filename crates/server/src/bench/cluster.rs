//! The PostgreSQL server of a run: the one that the environment names, else a private one that is gone afterwards.
//!
//! Of a server that was named, only databases are used that the bench makes itself, and drops at the end.

use crate::ending::{Code, Ending};
use bonded_base::{Chance, Secret, SystemChance};
use bonded_pgcluster::{Cluster, Programs};
use std::path::Path;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// The variables that name a server, as for every other command.
const URL: &str = "BONDED_DATABASE_URL";
const URL_FILE: &str = "BONDED_DATABASE_URL_FILE";

/// What a server for much writing is told. By default it would stop and copy all the time, and leave what it wrote to the
/// system, which then writes all of it at once while commits wait for the disk.
const TUNED: [&str; 4] = [
    "ALTER SYSTEM SET max_wal_size = '8GB'",
    "ALTER SYSTEM SET backend_flush_after = '512kB'",
    "ALTER SYSTEM SET bgwriter_flush_after = '512kB'",
    "SELECT pg_reload_conf()",
];

/// A server, and the databases that were made on it.
pub struct Postgres {
    url: Secret<String>,
    databases: Vec<String>,
    /// Stops the private server when dropped.
    _private: Option<Cluster>,
}

impl Postgres {
    /// Finds the server that is named, or starts one from the machine's own packages.
    pub async fn find() -> Result<Self, Ending> {
        if let Some(url) = named()? {
            on_this_machine(&url)?;
            return Ok(Self { url, databases: Vec::new(), _private: None });
        }
        let programs = Programs::find().ok_or_else(|| {
            Ending::new(Code::Unavailable, "there is no PostgreSQL on this machine")
                .next(format!("apt-get install postgresql, or name a server of this machine in {URL}"))
        })?;
        let cluster = Cluster::start(&programs).map_err(|error| Ending::new(Code::Unavailable, error.to_string()))?;
        let server = Self { url: Secret::new(cluster.url()), databases: Vec::new(), _private: Some(cluster) };
        let client = server.connect().await?;
        for statement in TUNED {
            client.batch_execute(statement).await.map_err(|error| failed(&error))?;
        }
        Ok(server)
    }

    /// Makes an empty database; says its URL.
    pub async fn database(&mut self) -> Result<Secret<String>, Ending> {
        let mut mark = [0; 8];
        SystemChance.fill(&mut mark);
        let name = format!("bonded_bench_{:016x}", u64::from_be_bytes(mark));
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
        self.connect().await?.batch_execute(&statement).await.map_err(|error| failed(&error))?;
        let url = with_database(self.url.expose(), &name);
        self.databases.push(name);
        Ok(Secret::new(url))
    }

    /// Drops the databases that were made.
    pub async fn tidy(&mut self) -> Result<(), Ending> {
        let client = self.connect().await?;
        for name in self.databases.drain(..) {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            client.batch_execute(&statement).await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Client, Ending> {
        connect(&self.url).await
    }
}

/// A connection to one database.
pub async fn connect(url: &Secret<String>) -> Result<Client, Ending> {
    let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// What the environment says; a file's last line end does not count.
fn named() -> Result<Option<Secret<String>>, Ending> {
    if let Ok(url) = std::env::var(URL) {
        return Ok(Some(Secret::new(url)));
    }
    let Some(path) = std::env::var_os(URL_FILE) else { return Ok(None) };
    let path = Path::new(&path);
    let text = std::fs::read_to_string(path).map_err(Ending::file("read", path))?;
    Ok(Some(Secret::new(text.trim_end().to_owned())))
}

/// The figures are for client, server and database on one machine.
fn on_this_machine(url: &Secret<String>) -> Result<(), Ending> {
    // The parser's own words could repeat a part of the URL, and so of the password.
    let config: Config =
        url.expose().parse().map_err(|_| Ending::new(Code::Config, format!("{URL} holds no URL of PostgreSQL")))?;
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
    };
    if config.get_hosts().iter().all(is_local) && config.get_hostaddrs().is_empty() {
        return Ok(());
    }
    Err(Ending::new(Code::Config, "the bench measures one machine, and this PostgreSQL is on another")
        .next(format!("name a server of this machine in {URL}, or none: then one is started")))
}

/// The same URL for another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let scheme = address.find("://").map_or(0, |place| place + 3);
    let host_end = address.get(scheme..).and_then(|rest| rest.find('/')).map_or(address.len(), |place| scheme + place);
    let server = address.get(..host_end).unwrap_or(address);
    options.map_or_else(|| format!("{server}/{name}"), |options| format!("{server}/{name}?{options}"))
}

/// Has a database do now what its server would do by itself at some time within the next minute, and on half of a small
/// machine: so that what is measured next is always measured after it.
pub async fn tidy_up(url: &Secret<String>) -> Result<(), Ending> {
    connect(url).await?.batch_execute("VACUUM (ANALYZE)").await.map_err(|error| failed(&error))
}

/// What the server said, as an ending.
pub fn failed(error: &tokio_postgres::Error) -> Ending {
    let said = error.as_db_error().map_or_else(|| "it cannot be reached".to_owned(), |said| said.message().to_owned());
    Ending::new(Code::Unavailable, format!("PostgreSQL failed: {said}"))
        .next("the bench makes databases of its own: its user needs the right to (CREATEDB)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_changes_in_a_url() {
        for (url, wanted) in [
            ("postgres://me:pw@localhost:5432/postgres", "postgres://me:pw@localhost:5432/b"),
            ("postgres://me@localhost", "postgres://me@localhost/b"),
            ("postgres://me@%2Frun%2Fpg/x?sslmode=disable", "postgres://me@%2Frun%2Fpg/b?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "b"), wanted);
        }
    }

    #[test]
    fn a_server_elsewhere_is_refused_without_repeating_its_password() {
        assert!(on_this_machine(&Secret::new("postgres://me:hunter2@127.0.0.1/x".to_owned())).is_ok());
        let refused = on_this_machine(&Secret::new("postgres://me:hunter2@db.example.com/x".to_owned())).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"));
    }
}
