//! What an ended program has left behind, as a thief finds it: files, dumps, logs, without any key.

use crate::canaries::{Canary, Shape};
use crate::encodings::{ENCODINGS, hex};
use crate::house::House;
use crate::search::{Found, Search, Searched, Word};
use bonded_base::{Account, Id};
use bonded_testkit::postgres::{Programs, TestDatabase};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The number of the first canary that is leaked on purpose; none of those that are planted comes that far.
const LEAKED_SERIAL: u32 = 999_000;

/// Searches all of it. Fails where the search itself looks in the wrong place: the account's id, which lies there in
/// clear, must be found in the log, in the database's files and in what is read out of it.
pub async fn searched(house: &House, search: &Search, account: Id<Account>) -> Searched {
    let uuid = uuid::Uuid::from_bytes(account.bytes()).to_string();
    let control = Search::with(&[
        Word::new("the account", account.bytes()),
        Word::new("the account", uuid),
        Word::new("the account", account.to_string()),
    ]);
    let mut all = search.directory(house.directory.path(), |_| true);
    let mut controls = control.directory(house.directory.path(), |name| name.starts_with("bonded-data/"));
    for known in ["bonded.toml", "bonded-data/tls/ca.pem", "bonded-data-keys/"] {
        assert!(all.files.iter().any(|name| name.starts_with(known)), "{known} was not searched: {:?}", all.files);
    }
    controls.add(&control, "log", &fs::read(house.path("log")).unwrap());
    let read_out = match &house.database {
        None => values(&Connection::open(house.path("bonded-data/bonded.sqlite")).unwrap()),
        Some(database) => {
            let (more, again) = cluster(database, search, &control).await;
            for (to, from) in [(&mut all, more), (&mut controls, again)] {
                to.bytes += from.bytes;
                to.findings.extend(from.findings);
                to.files.extend(from.files);
            }
            tables(database)
        }
    };
    for (table, bytes) in &read_out {
        all.add(search, table, bytes);
        controls.add(&control, table, bytes);
    }
    for source in ["log", if house.database.is_some() { "base/" } else { "sqlite" }, "entries"] {
        let found = controls.findings.iter().any(|finding| finding.source.contains(source));
        assert!(found, "the account is not in {source}, so something else was searched");
    }
    all
}

/// Every value of every table, because one that is longer than a page lies in pieces in the file.
fn values(database: &Connection) -> Vec<(String, Vec<u8>)> {
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let read = |table: String| {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let (mut rows, mut bytes) = (statement.query([]).unwrap(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let ValueRef::Text(value) | ValueRef::Blob(value) = row.get_ref(column).unwrap() {
                    bytes.extend_from_slice(value);
                    bytes.push(b'\n');
                }
            }
        }
        (table, bytes)
    };
    tables.into_iter().map(read).collect()
}

/// The same of PostgreSQL, which keeps long values compressed.
fn tables(database: &TestDatabase) -> Vec<(String, Vec<u8>)> {
    let names = sql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let names = String::from_utf8(names).unwrap();
    names
        .lines()
        .map(|table| (table.to_owned(), sql(database, &format!("COPY {table} TO STDOUT (FORMAT binary)"))))
        .collect()
}

fn sql(database: &TestDatabase, statement: &str) -> Vec<u8> {
    program("psql", &["-At", "--dbname", database.url(), "--command", statement])
}

fn program(name: &str, arguments: &[&str]) -> Vec<u8> {
    let programs = Programs::find().expect("a database without its programs");
    let output = Command::new(programs.directory().join(name)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// PostgreSQL's own files of this database, with the log that it writes ahead and the one for people, and a dump.
async fn cluster(database: &TestDatabase, search: &Search, control: &Search) -> (Searched, Searched) {
    // So that what is in memory lies in files too.
    sql(database, "CHECKPOINT");
    let data = database.data_directory().await.unwrap();
    let number = sql(database, "SELECT oid FROM pg_database WHERE datname = current_database()");
    let own = PathBuf::from("base").join(String::from_utf8(number).unwrap().trim());
    let is_own = |name: &str| PathBuf::from(name).starts_with(&own);
    let mut all = search.directory(&data, |name| !name.starts_with("base/") || is_own(name));
    assert!(all.files.iter().any(|name| name.starts_with("pg_wal/")), "no write-ahead log was searched");
    let mut controls = control.directory(&data, is_own);
    if let Ok(log) = fs::read(data.parent().unwrap().join("log")) {
        all.add(search, "PostgreSQL's log", &log);
    }
    let dump = program("pg_dump", &["--dbname", database.url()]);
    all.add(search, "the dump", &dump);
    controls.add(control, "the dump", &dump);
    (all, controls)
}

/// Leaks canaries into the name of a file of this deployment, into a file, and into the database: in the last two one in
/// each encoding. All of them come back.
pub fn leak(house: &House) -> BTreeSet<Found> {
    let leaked = |number| Canary { shape: Shape::ALL[number as usize % 3], serial: LEAKED_SERIAL + number };
    let count = u32::try_from(ENCODINGS.len()).unwrap();
    let written = |from: u32| {
        let each = (from..).zip(&ENCODINGS);
        each.map(|(number, encoding)| (encoding.write)(format!("   {}   ", leaked(number).written()).as_bytes()))
    };
    fs::write(house.path("bonded-data/leak"), written(0).collect::<Vec<_>>().join(&b'\n')).unwrap();
    fs::write(house.path("bonded-data").join(leaked(2 * count).written().replace('/', "_")), "").unwrap();
    let hex = written(count).map(|bytes| String::from_utf8(hex(&bytes)).unwrap());
    match &house.database {
        None => {
            let values = hex.map(|hex| format!("(x'{hex}')")).collect::<Vec<_>>().join(", ");
            let database = Connection::open(house.path("bonded-data/bonded.sqlite")).unwrap();
            database
                .execute_batch(&format!("CREATE TABLE leak (value BLOB); INSERT INTO leak VALUES {values}"))
                .unwrap();
        }
        Some(database) => {
            let values = hex.map(|hex| format!("('\\x{hex}')")).collect::<Vec<_>>().join(", ");
            sql(database, &format!("CREATE TABLE leak (value BYTEA); INSERT INTO leak VALUES {values}"));
        }
    }
    (0..=2 * count).map(|number| Found::Canary(leaked(number))).collect()
}
