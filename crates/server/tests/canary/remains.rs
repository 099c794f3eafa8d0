//! What an ended program has left behind, as a thief finds it: files, dumps, logs, without any key.

use crate::house::{House, postgres_log};
use crate::search::{Finding, Search, Searched, Word};
use bonded_base::{Account, Id};
use bonded_testkit::postgres::{Programs, TestDatabase};
use rusqlite::types::ValueRef;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the search came to.
pub struct Remains {
    pub findings: Vec<Finding>,
    pub bytes: usize,
}

/// Searches all of it. Fails where the search itself looks in the wrong place: what lies there in clear must be found.
pub async fn searched(house: &House, search: &Search, accounts: [Id<Account>; 3]) -> Remains {
    let (mut findings, own) = search.directory(house.root());
    for file in ["bonded.toml", "data/tls/ca.pem", "logs/log", "logs/commands"] {
        assert!(own.has(file), "{file} was not searched: {:?}", own.files);
    }
    assert!(own.files.iter().any(|name| name.starts_with("data-keys/")), "no keys were searched: {:?}", own.files);
    let [retailer, ..] = accounts;
    let text = Search::with(&[Word::text("the account", &retailer.to_string())]);
    assert!(!text.bytes("log", house.log().as_bytes()).is_empty(), "the log names no account");
    // A dump writes it as a UUID (RFC 9562 section 4).
    let uuid = uuid::Uuid::from_bytes(retailer.bytes()).to_string();
    let clear = Search::with(&[Word::bytes("the account", &retailer.bytes()), Word::text("the account", &uuid)]);
    let bytes = match &house.database {
        None => {
            findings.extend(values(&house.root().join("data/bonded.sqlite"), search));
            assert!(holds(&clear, house.root(), "sqlite"), "the account is not in the database");
            own.bytes
        }
        Some(database) => {
            let (more, cluster) = cluster(database, search, &clear).await;
            findings.extend(more);
            own.bytes + cluster.bytes
        }
    };
    Remains { findings, bytes }
}

/// Whether the control is found in a file whose path holds this.
fn holds(control: &Search, directory: &Path, path: &str) -> bool {
    control.directory(directory).0.iter().any(|finding| finding.source.contains(path))
}

/// Every value of every table, because one that is longer than a page lies in pieces in the file.
fn values(path: &Path, search: &Search) -> Vec<Finding> {
    let database = rusqlite::Connection::open(path).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() >= 5, "{tables:?}");
    let mut findings = Vec::new();
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (place, column) in columns.iter().enumerate() {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(place).unwrap() {
                    findings.extend(search.bytes(&format!("{table}.{column}"), bytes));
                }
            }
        }
    }
    findings
}

/// PostgreSQL's own files, with the log that it writes ahead and the one for people, and a dump.
async fn cluster(database: &TestDatabase, search: &Search, control: &Search) -> (Vec<Finding>, Searched) {
    let programs = Programs::find().expect("a database without its programs");
    let program = |name: &str, arguments: &[&str]| {
        let output = Command::new(programs.directory().join(name)).args(arguments).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    // So that what is in memory lies in files too.
    program("psql", &["--dbname", database.url(), "--command", "CHECKPOINT"]);
    let data = database.data_directory().await.unwrap();
    let (mut findings, searched) = search.directory(&data);
    assert!(searched.files.iter().any(|name| name.starts_with("pg_wal/")), "no write-ahead log was searched");
    assert!(holds(control, &data, "/base/"), "the account is not in the database");
    if let Ok(log) = fs::read(postgres_log(&data)) {
        findings.extend(search.bytes("PostgreSQL's log", &log));
    }
    let dump = program("pg_dump", &["--dbname", database.url()]);
    assert!(!control.bytes("the dump", &dump).is_empty(), "the account is not in the dump");
    findings.extend(search.dump("the dump", &dump));
    (findings, searched)
}
