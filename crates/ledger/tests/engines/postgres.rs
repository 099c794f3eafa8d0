//! What is PostgreSQL's own: many nodes, a network, a server that goes and comes.

use crate::random::agrees_with_the_model;
use crate::rows::{Adding, account, commit, committed, found, insert, put, record, stored, witness};
use bonded_ledger::engine::{Engine, EngineError, LeaseRow, Outcome};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_testkit::postgres::{Cluster, Programs, TestDatabase, database};
use futures::future::{join, join_all};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// An engine in a database that goes with it.
pub struct Home {
    pub engine: PostgresEngine,
    database: TestDatabase,
}

pub async fn home() -> Option<Home> {
    let database = database().await?;
    let engine = node(&database).await;
    Some(Home { engine, database })
}

async fn node(database: &TestDatabase) -> PostgresEngine {
    PostgresEngine::connect(database.url(), PostgresOptions::default()).await.unwrap()
}

async fn client(url: &str) -> tokio_postgres::Client {
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

#[tokio::test]
async fn an_error_tells_no_value() {
    let Some(home) = home().await else { return };
    let client = client(home.database.url()).await;
    client.batch_execute("ALTER TABLE records ADD CHECK (length(sealed) < 10)").await.unwrap();
    let row = bonded_ledger::engine::RecordRow { sealed: b"sealed but long".to_vec(), ..record(1) };
    let error = home.engine.write(vec![commit(account(1), [insert(&row)])]).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("23514"), "{told}");
    for value in ["7365616c6564", "a0a0a0a0", "record 1", "sealed but"] {
        assert!(!told.contains(value), "{told}");
    }
    assert_eq!(engine_head(&home.engine).await, 0);
    client.batch_execute("ALTER TABLE records DROP CONSTRAINT records_sealed_check").await.unwrap();
    assert_eq!(put(&home.engine, account(1), [insert(&row)]).await, committed(1));
}

async fn engine_head(engine: &PostgresEngine) -> u64 {
    engine.head(account(1)).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://bonded:secret@127.0.0.1:{port}/bonded");
    let Err(error) = PostgresEngine::connect(&url, PostgresOptions::default()).await else { panic!("it connected") };
    assert!(matches!(error, EngineError::Unreachable(_)), "{error:?}");
    assert!(!error.to_string().contains("secret"));
}

/// Stops or starts the server of a cluster, as the user whose it is.
fn control(programs: &Programs, cluster: &Cluster, arguments: &[&str]) {
    let data = cluster.directory().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let mut command = Command::new(programs.directory().join("pg_ctl"));
    command
        .current_dir("/")
        .arg("-D")
        .arg(&data)
        .args(["-w", "-l"])
        .arg(cluster.directory().join("log"))
        .args(arguments);
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(owner.uid()).gid(owner.gid());
    }
    assert!(command.output().unwrap().status.success(), "pg_ctl {arguments:?}");
}

/// Writes what the server was told at its start into its configuration, so that it starts again with the same.
async fn keep_settings(cluster: &Cluster) {
    let client = client(&cluster.url()).await;
    for setting in ["port", "listen_addresses", "unix_socket_directories"] {
        let value: String = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap().get(0);
        client.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
    }
}

/// Crashes the server while four callers write, starts it again, and accounts for every change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_crashes() {
    const CALLERS: u64 = 4;
    let Some(programs) = Programs::find() else {
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    let cluster = Cluster::start(&programs).unwrap();
    keep_settings(&cluster).await;
    let engine = PostgresEngine::connect(&cluster.url(), PostgresOptions::default()).await.unwrap();
    let crashed = tokio::sync::Semaphore::new(0);

    let caller = |caller: u64| {
        let (engine, crashed) = (&engine, &crashed);
        async move {
            let (mut acknowledged, mut number) = (Vec::new(), caller * 100_000);
            loop {
                number += 1;
                match engine.write(vec![commit(account(1), [insert(&record(number)), witness(number)])]).await {
                    Ok(outcomes) => {
                        assert!(matches!(outcomes[..], [Outcome::Committed { .. }]), "{outcomes:?}");
                        acknowledged.push(number);
                        if acknowledged.len() == 20 {
                            crashed.add_permits(1);
                        }
                    }
                    Err(EngineError::Unreachable(_)) => return acknowledged,
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    };
    let crash = async {
        drop(crashed.acquire_many(u32::try_from(CALLERS).unwrap()).await.unwrap());
        tokio::task::block_in_place(|| control(&programs, &cluster, &["-m", "immediate", "stop"]));
    };
    let (acknowledged, ()) = join(join_all((1..=CALLERS).map(caller)), crash).await;
    assert!(matches!(engine.ping().await, Err(EngineError::Unreachable(_))));

    tokio::task::block_in_place(|| control(&programs, &cluster, &["start"]));
    engine.ping().await.unwrap();
    for number in acknowledged.iter().flatten() {
        assert!(stored(&engine, account(1), *number).await.is_some(), "{number} is lost");
    }
    let head = engine.head(account(1)).await.unwrap();
    let entries = engine.entries(account(1), 0, u32::MAX).await.unwrap();
    assert!(entries.iter().map(|entry| entry.seq).eq(1..=head));
    let records =
        crate::rows::all(&engine, account(1), crate::rows::KIND, &bonded_ledger::engine::ListBy::Kind, false, 1_000)
            .await;
    assert_eq!(records.len() * 2, entries.len(), "as many records as commits");
    assert!(records.len() as u64 - acknowledged.iter().flatten().count() as u64 <= CALLERS);
    assert_eq!(put(&engine, account(1), [witness(1)]).await, committed(head + 1));
}
