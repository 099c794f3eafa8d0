//! What is SQLite's own: one file, one process, a disk that ends.

use crate::random::agrees_with_the_model;
use crate::rows::{
    Adding, KIND, account, all, committed, found, insert, put, record, remove, stored, taken_by, witness,
};
use bonded_ledger::engine::{Engine, EngineError, ListBy, ListQuery, RecordRow};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// An engine in a directory that goes with it.
pub struct Home {
    pub engine: SqliteEngine,
    _directory: TempDir,
}

pub fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    Home { engine: open(&directory, SqliteOptions::default()).unwrap(), _directory: directory }
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("bonded.db")
}

fn open(directory: &TempDir, options: SqliteOptions) -> Result<SqliteEngine, EngineError> {
    SqliteEngine::open(&path(directory), options)
}

#[test]
fn random_histories_agree_with_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    agrees_with_the_model(&home().engine, &runtime, 0);
}

/// With generations so small that a history has many of them.
#[test]
fn random_histories_agree_over_many_generations_of_lookups() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    agrees_with_the_model(&open(&directory, small_generations()).unwrap(), &runtime, 2);
}

fn small_generations() -> SqliteOptions {
    SqliteOptions { generation_rows: 3, ..SqliteOptions::default() }
}

/// Each opening finds what all the ones before wrote, whatever was stored of the filter by then.
#[tokio::test]
async fn lookups_of_all_generations_are_found_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let us = account(1);
    for opening in 0..20 {
        let options = if opening == 13 { SqliteOptions::default() } else { small_generations() };
        let engine = open(&directory, options).unwrap();
        for number in 0..opening * 4 {
            let expected = (number % 7 != 3).then_some((KIND, crate::rows::id(number)));
            assert_eq!(found(&engine, us, number).await, expected, "{number} at opening {opening}");
        }
        for number in opening * 4..opening * 4 + 4 {
            let born = insert(&record(number)).found_by(number);
            put(&engine, us, [born]).await;
            let again = insert(&record(number + 1_000_000)).found_by(number);
            assert_eq!(put(&engine, us, [again]).await, taken_by(&record(number)));
            if number % 7 == 3 {
                put(&engine, us, [remove(&record(number)).no_longer_by(number)]).await;
            }
        }
    }
}

/// A transaction that fails after it closed a generation takes that back too.
#[tokio::test]
async fn a_full_disk_does_not_confuse_generations() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory, SqliteOptions { pages_max: Some(64), ..small_generations() }).unwrap();
    let us = account(1);
    let mut written = Vec::new();
    for number in 0..40 {
        let row =
            RecordRow { sealed: vec![1; 10_000 + 5_000 * usize::try_from(number % 7).unwrap()], ..record(number) };
        if engine.write(vec![crate::rows::commit(us, [insert(&row).found_by(number)])]).await.is_ok() {
            written.push(number);
        }
    }
    assert!((5..39).contains(&written.len()), "{}", written.len());
    drop(engine);
    let engine = open(&directory, small_generations()).unwrap();
    for number in 0..40 {
        let expected = written.contains(&number).then_some((KIND, crate::rows::id(number)));
        assert_eq!(found(&engine, us, number).await, expected, "{number}");
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let us = account(1);
    for number in 1..=3 {
        let engine = open(&directory, SqliteOptions::default()).unwrap();
        assert_eq!(put(&engine, us, [insert(&record(number))]).await, committed(number));
    }
    let engine = open(&directory, SqliteOptions::default()).unwrap();
    assert_eq!(all(&engine, us, KIND, &ListBy::Kind, false, 9).await.len(), 3);
    assert_eq!(engine.head(us).await.unwrap(), 3);
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(&directory, SqliteOptions::default()).unwrap();
    assert!(matches!(open(&directory, SqliteOptions::default()), Err(EngineError::InUse)));
    first.ping().await.unwrap();
    drop(first);
    open(&directory, SqliteOptions::default()).unwrap().ping().await.unwrap();
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory, SqliteOptions::default()).unwrap());
    let connection = rusqlite::Connection::open(path(&directory)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(path(&directory)).unwrap();
    let refused = open(&directory, SqliteOptions::default());
    assert!(matches!(refused, Err(EngineError::Newer { found: 99, known: 1 })));
    assert!(std::fs::read(path(&directory)).unwrap() == before);
}

#[test]
fn another_program_s_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(path(&directory)).unwrap();
    connection.execute_batch("CREATE TABLE theirs (value TEXT)").unwrap();
    drop(connection);
    let before = std::fs::read(path(&directory)).unwrap();
    assert!(matches!(open(&directory, SqliteOptions::default()), Err(EngineError::Failed(_))));
    assert!(std::fs::read(path(&directory)).unwrap() == before);
}

#[tokio::test]
async fn its_files_are_their_owner_s_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(path(&directory), b"").unwrap();
    std::fs::set_permissions(path(&directory), PermissionsExt::from_mode(0o644)).unwrap();
    let engine = open(&directory, SqliteOptions::default()).unwrap();
    put(&engine, account(1), [witness(1)]).await;
    let mut files: Vec<String> = Vec::new();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        files.push(file.file_name().into_string().unwrap());
    }
    files.sort();
    assert_eq!(files, ["bonded.db", "bonded.db-shm", "bonded.db-wal", "bonded.db.lock"]);
}

#[tokio::test]
async fn a_full_disk_is_told_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory, SqliteOptions { pages_max: Some(64), ..SqliteOptions::default() }).unwrap();
    let us = account(1);
    let large = |number| RecordRow { sealed: vec![9; 40_000], ..record(number) };
    let mut written = 0;
    let refused = loop {
        let commit = crate::rows::commit(us, [insert(&large(written + 1))]);
        match engine.write(vec![commit]).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, EngineError::DiskFull), "{refused:?}");
    assert!(written > 3);
    assert_eq!(stored(&engine, us, written + 1).await, None);
    assert_eq!(engine.head(us).await.unwrap(), written);
    // Reading goes on, and so does writing as soon as there is room.
    assert_eq!(put(&engine, us, [remove(&large(1))]).await, committed(written + 1));
    assert_eq!(put(&engine, us, [insert(&large(1))]).await, committed(written + 2));
    drop(engine);
    let engine = open(&directory, SqliteOptions::default()).unwrap();
    assert_eq!(put(&engine, us, [insert(&large(written + 1))]).await, committed(written + 3));
    assert_eq!(all(&engine, us, KIND, &ListBy::Kind, false, 99).await.len() as u64, written + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_short_under_load() {
    const LOG_BYTES: u64 = 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { log_bytes: LOG_BYTES, ..SqliteOptions::default() };
    let engine = open(&directory, options).unwrap();
    let log = path(&directory).with_extension("db-wal");
    let us = account(1);
    let mut longest = 0;
    for number in 0..400 {
        let row = RecordRow { sealed: vec![3; 100_000], ..record(number) };
        let page = ListQuery { kind: KIND, by: ListBy::Kind, descending: true, after: None, limit: 5 };
        let listing = engine.list(us, &page);
        let (_, rows) = futures::future::join(put(&engine, us, [insert(&row)]), listing).await;
        assert!(rows.unwrap().len() as u64 >= number.min(5));
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    assert!(longest < 5 * LOG_BYTES, "{longest} bytes");
}
