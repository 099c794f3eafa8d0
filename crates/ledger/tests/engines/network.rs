//! What lies between this program and a PostgreSQL server: TLS, refusals, crashes.

use crate::postgres::{client, home};
use crate::rows::{KIND, account, all, commit, committed, insert, put, record, stored, witness};
use bonded_ledger::engine::{Engine, EngineError, ListBy, Outcome, RecordRow};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_testkit::postgres::{Cluster, Programs};
use futures::future::{join, join_all};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

#[tokio::test]
async fn an_error_tells_no_value() {
    let Some(home) = home().await else { return };
    let client = client(home.database.url()).await;
    client.batch_execute("ALTER TABLE records ADD CHECK (length(sealed) < 10)").await.unwrap();
    let row = RecordRow { sealed: b"sealed but long".to_vec(), ..record(1) };
    let error = home.engine.write(vec![commit(account(1), [insert(&row)])]).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("23514"), "{told}");
    for value in ["7365616c6564", "a0a0a0a0", "record 1", "sealed but"] {
        assert!(!told.contains(value), "{told}");
    }
    assert_eq!(home.engine.head(account(1)).await.unwrap(), 0);
    client.batch_execute("ALTER TABLE records DROP CONSTRAINT records_sealed_check").await.unwrap();
    assert_eq!(put(&home.engine, account(1), [insert(&row)]).await, committed(1));
}

/// The server refuses the next `times` inserts of records with this code.
async fn refuse(client: &tokio_postgres::Client, code: &str, times: u32) {
    client
        .batch_execute(&format!(
            "DROP SEQUENCE IF EXISTS refusals CASCADE;
             CREATE SEQUENCE refusals;
             CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('refusals') <= {times} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END IF;
                 RETURN NEW;
             END $$;
             CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_the_server_refuses_is_told_for_what_it_is() {
    let Some(home) = home().await else { return };
    let client = client(home.database.url()).await;
    let write = |number| home.engine.write(vec![commit(account(1), [insert(&record(number))])]);

    refuse(&client, "53100", 1).await;
    assert!(matches!(write(1).await, Err(EngineError::DiskFull)));
    refuse(&client, "57P01", 1).await;
    assert!(matches!(write(1).await, Err(EngineError::Unreachable(_))));
    refuse(&client, "25006", 1).await;
    assert!(matches!(write(1).await, Err(EngineError::Unreachable(_))));
    refuse(&client, "42501", 1).await;
    assert!(matches!(write(1).await, Err(EngineError::Failed(why)) if why.contains("42501")));
    assert_eq!(home.engine.head(account(1)).await.unwrap(), 0);

    // Whoever stood in another's way is simply told again, by the engine itself.
    refuse(&client, "40P01", 2).await;
    assert_eq!(write(1).await.unwrap(), [committed(1)]);
    refuse(&client, "40001", 100).await;
    assert!(matches!(write(2).await, Err(EngineError::Failed(why)) if why.contains("40001")));
    refuse(&client, "40001", 0).await;
    assert_eq!(write(2).await.unwrap(), [committed(2)]);
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

/// A root of one's own, and a certificate for `name` that descends from it.
struct Certificates {
    directory: TempDir,
}

impl Certificates {
    fn of(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |file: &str, text: String| std::fs::write(directory.path().join(file), text).unwrap();
        write("root.pem", root);
        write("server.pem", certificate.pem());
        write("server.key", key.serialize_pem());
        Self { directory }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    /// The server speaks TLS with this certificate from now on.
    async fn given_to(&self, cluster: &Cluster) {
        let data = cluster.directory().join("data");
        for file in ["server.pem", "server.key"] {
            given(&self.directory.path().join(file), &data.join(file));
        }
        let client = client(&cluster.url()).await;
        for setting in ["ssl = on", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'"] {
            client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
        }
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // The configuration is read when the server comes to it.
        while !tls_offered(cluster).await {
            tokio::task::yield_now().await;
        }
    }
}

/// Copies a file so that the server's user alone may read it.
fn given(from: &Path, to: &Path) {
    drop(std::fs::remove_file(to));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).unwrap();
    std::io::copy(&mut std::fs::File::open(from).unwrap(), &mut file).unwrap();
    let owner = std::fs::metadata(to.parent().unwrap()).unwrap();
    std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

async fn tls_offered(cluster: &Cluster) -> bool {
    let row = client(&cluster.url()).await.query_one("SHOW ssl", &[]).await.unwrap();
    row.get::<_, &str>(0) == "on"
}

#[tokio::test]
async fn a_server_is_known_by_its_certificate() {
    let Some(programs) = Programs::find() else {
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    let cluster = Cluster::start(&programs).unwrap();
    let url = format!("{}?sslmode=require", cluster.url());
    let connect = |root_certificates| {
        PostgresEngine::connect(&url, PostgresOptions { root_certificates, ..PostgresOptions::default() })
    };
    let ours = Certificates::of("127.0.0.1");
    assert!(matches!(connect(Some(ours.root())).await, Err(EngineError::Unreachable(_))), "it does not speak TLS yet");
    ours.given_to(&cluster).await;
    let engine = connect(Some(ours.root())).await.unwrap();
    assert_eq!(put(&engine, account(1), [witness(1)]).await, committed(1));
    let unsafe_ones = "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
                       WHERE application_name = 'bonded' AND NOT ssl";
    let row = client(&cluster.url()).await.query_one(unsafe_ones, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);

    let strangers = Certificates::of("127.0.0.1");
    assert!(matches!(connect(Some(strangers.root())).await, Err(EngineError::Unreachable(_))), "another root");
    assert!(matches!(connect(None).await, Err(EngineError::Unreachable(_))), "the system's roots");
    let misnamed = Certificates::of("db.example.com");
    misnamed.given_to(&cluster).await;
    assert!(matches!(connect(Some(misnamed.root())).await, Err(EngineError::Unreachable(_))), "another name");
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
    let records = all(&engine, account(1), KIND, &ListBy::Kind, false, 1_000).await;
    assert_eq!(records.len() * 2, entries.len(), "as many records as commits");
    assert!(records.len() as u64 - acknowledged.iter().flatten().count() as u64 <= CALLERS);
    assert_eq!(put(&engine, account(1), [witness(1)]).await, committed(head + 1));
}
