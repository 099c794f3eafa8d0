//! A fresh PostgreSQL database for each test that asks, dropped when the test is over.
//!
//! The cluster is the one that `BONDED_TEST_POSTGRES` names (`cargo xtask test` starts it), else one that this process
//! starts for itself and that goes with it. Where PostgreSQL is not installed, [`database`] answers `None` and says so.

use bonded_base::{Chance, SystemChance};
pub use bonded_pgcluster::{Cluster, Programs};
use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use tokio_postgres::{Client, Error, NoTls};

/// The variable that holds the URL of a running cluster, with a user who may create databases.
pub const CLUSTER_VARIABLE: &str = "BONDED_TEST_POSTGRES";

/// One test's own database; dropping it drops the database with all connections to it.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// `postgres://user:password@host:port/name`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory of the cluster's data, for tests that search what the engine wrote; the server's log of a private
    /// cluster lies beside it as `log`.
    pub async fn data_directory(&self) -> Result<PathBuf, Error> {
        let row = connect(&self.url).await?.query_one("SHOW data_directory", &[]).await?;
        Ok(PathBuf::from(row.get::<_, String>(0)))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let cluster = self.cluster.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own, because a runtime cannot be waited for inside another; what fails here goes with the
        // cluster a little later.
        let _ = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(async { connect(&cluster).await?.batch_execute(&statement).await }))
        })
        .join();
    }
}

/// An empty database of the test's own, or `None`, said on standard output, where PostgreSQL is not installed.
///
/// Panics when PostgreSQL is there and does not work: then the test cannot say anything true.
#[expect(clippy::panic, reason = "a broken PostgreSQL must fail the test that asked for it, and only tests ask")]
pub async fn database() -> Option<TestDatabase> {
    let Some(cluster) = cluster() else {
        println!("skipped: PostgreSQL is not installed, and {CLUSTER_VARIABLE} is not set");
        return None;
    };
    match create(&cluster).await {
        Ok(database) => Some(database),
        Err(why) => panic!("no database could be made in the test cluster: {why:?}"),
    }
}

/// The URL of the cluster that tests share.
#[expect(clippy::panic, reason = "a broken PostgreSQL must fail the test that asked for it, and only tests ask")]
fn cluster() -> Option<String> {
    static OWN: OnceLock<Option<Cluster>> = OnceLock::new();
    if let Ok(url) = env::var(CLUSTER_VARIABLE) {
        return Some(url);
    }
    OWN.get_or_init(|| Programs::find().map(|programs| Cluster::start(&programs).unwrap_or_else(|why| panic!("{why}"))))
        .as_ref()
        .map(Cluster::url)
}

async fn create(cluster: &str) -> Result<TestDatabase, Error> {
    let mut bytes = [0; 8];
    SystemChance.fill(&mut bytes);
    let name = format!("test_{:016x}", u64::from_be_bytes(bytes));
    connect(cluster).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let url = with_database(cluster, &name);
    Ok(TestDatabase { cluster: cluster.to_owned(), name, url })
}

pub(crate) async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The same URL with another database's name, its options kept.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let authority = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = address.get(authority..).and_then(|rest| rest.find('/')).map_or(address.len(), |path| authority + path);
    let server = address.get(..path).unwrap_or(address);
    options.map_or_else(|| format!("{server}/{name}"), |options| format!("{server}/{name}?{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_database_is_replaced() {
        assert_eq!(with_database("postgres://u:p@127.0.0.1:5/postgres", "x"), "postgres://u:p@127.0.0.1:5/x");
        assert_eq!(with_database("postgres://u@localhost", "x"), "postgres://u@localhost/x");
        assert_eq!(with_database("postgres://u@h:5/a?sslmode=disable", "x"), "postgres://u@h:5/x?sslmode=disable");
    }

    #[tokio::test]
    async fn each_test_has_a_database_of_its_own_and_leaves_none() {
        let Some(first) = database().await else { return };
        let Some(second) = database().await else { return };
        assert_ne!(first.url(), second.url());
        let client = connect(first.url()).await.unwrap();
        client.batch_execute("CREATE TABLE only_here (n int)").await.unwrap();
        assert!(connect(second.url()).await.unwrap().batch_execute("SELECT n FROM only_here").await.is_err());
        assert!(first.data_directory().await.unwrap().join("PG_VERSION").exists());
        let url = first.url().to_owned();
        drop(first);
        assert!(connect(&url).await.is_err(), "the database is still there");
        assert!(connect(second.url()).await.is_ok());
    }
}
