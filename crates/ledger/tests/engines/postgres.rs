//! What is PostgreSQL's own: many nodes on one database.

use crate::random::agrees_with_the_model;
use crate::rows::{Adding, account, commit, committed, found, insert, put, record, witness};
use bonded_ledger::engine::{Engine, EngineError, LeaseRow, Outcome};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_testkit::postgres::{TestDatabase, database};
use futures::future::{join, join_all};

/// An engine in a database that goes with it.
pub struct Home {
    pub engine: PostgresEngine,
    pub database: TestDatabase,
}

pub async fn home() -> Option<Home> {
    let database = database().await?;
    let engine = node(&database).await;
    Some(Home { engine, database })
}

async fn node(database: &TestDatabase) -> PostgresEngine {
    PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap()
}

pub async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn random_histories_agree_with_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(home) = runtime.block_on(home()) else { return };
    agrees_with_the_model(&home.engine, &runtime, 0);
}

/// In batches so large that the engine hopes for the best first.
#[test]
fn random_histories_agree_in_large_batches() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(home) = runtime.block_on(home()) else { return };
    agrees_with_the_model(&home.engine, &runtime, 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_make_the_tables_once() {
    let Some(database) = database().await else { return };
    let nodes = join_all((0..4).map(|_| node(&database))).await;
    for (number, node) in (1..).zip(&nodes) {
        assert_eq!(put(node, account(1), [witness(number)]).await, committed(number));
    }
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let Some(home) = home().await else { return };
    let client = client(home.database.url()).await;
    client.batch_execute("UPDATE bonded_schema SET version = 99").await.unwrap();
    let refused = PostgresEngine::connect(home.database.url(), PostgresOptions::default()).await;
    assert!(matches!(refused, Err(EngineError::Newer { found: 99, known: 1 })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_to_the_same_accounts() {
    const BATCHES: u64 = 15;
    let Some(home) = home().await else { return };
    let other = node(&home.database).await;
    let accounts: Vec<_> = (1..=5).map(account).collect();
    let work = |engine: PostgresEngine, salt: u64| {
        let accounts = accounts.clone();
        async move {
            for batch in 0..BATCHES {
                let mut commits: Vec<_> = accounts
                    .iter()
                    .map(|us| commit(*us, [insert(&record(salt + batch)).found_by(salt + batch), witness(1)]))
                    .collect();
                commits.rotate_left(usize::try_from((salt + batch) % 5).unwrap());
                assert_eq!(engine.write(commits).await.unwrap().len(), 5);
            }
            engine
        }
    };
    let (one, _two) = join(work(home.engine, 0), work(other, 1_000)).await;
    for us in accounts {
        let entries = one.entries(us, 0, 1_000).await.unwrap();
        assert!(entries.iter().map(|entry| entry.seq).eq(1..=BATCHES * 4));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_is_taken_once_among_nodes() {
    let Some(home) = home().await else { return };
    let other = node(&home.database).await;
    for token in 0..10 {
        let (one, two) = (record(token * 2), record(token * 2 + 1));
        let (first, second) = join(
            put(&home.engine, account(1), [insert(&one).found_by(token)]),
            put(&other, account(1), [insert(&two).found_by(token)]),
        )
        .await;
        let winners = [&first, &second].iter().filter(|outcome| matches!(outcome, Outcome::Committed { .. })).count();
        assert_eq!(winners, 1, "{first:?} {second:?}");
        assert!(found(&other, account(1), token).await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_wakes_other_nodes() {
    let Some(home) = home().await else { return };
    let other = node(&home.database).await;
    let (mut here, mut there) = (home.engine.wakes(), other.wakes());
    // The other node may still be about to listen, so it is told until it hears.
    let told = async {
        loop {
            put(&home.engine, account(7), [witness(1)]).await;
            let slept = tokio::time::sleep(std::time::Duration::from_millis(50));
            tokio::select! {
                woken = there.recv() => return woken.unwrap(),
                () = slept => {}
            }
        }
    };
    assert_eq!(told.await, account(7));
    assert_eq!(here.recv().await.unwrap(), account(7));
}

#[tokio::test]
async fn a_lease_is_one_node_s_among_many() {
    let Some(home) = home().await else { return };
    let other = node(&home.database).await;
    let (one, two) =
        join(home.engine.lease(account(1), 4, [1; 16], 100, 200), other.lease(account(1), 4, [2; 16], 100, 200)).await;
    let held: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(held, [LeaseRow { seq: 0, fence: 1 }]);
}
