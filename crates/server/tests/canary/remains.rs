//! What an ended program has left behind, as a thief finds it: files, dumps, logs, without any key.

use crate::canaries::{Canary, Shape};
use crate::encodings::{ENCODINGS, hex};
use crate::house::House;
use crate::search::{Finding, Found, Search, Searched, Word};
use bonded_base::{Account, Id};
use bonded_testkit::postgres::{Programs, TestDatabase};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The name of what must be found.
const CONTROL: &str = "the control";
/// The number of the first canary that is leaked on purpose; none of those that are planted comes that far.
const LEAKED_SERIAL: u32 = 999_000;

/// What lies everywhere in clear, in the forms of an id: whoever does not find it searched something else.
pub fn control(account: &str) -> [Word; 3] {
    let id: Id<Account> = account.parse().unwrap();
    let uuid = uuid::Uuid::from_bytes(id.bytes()).to_string();
    [account.as_bytes().to_vec(), id.bytes().to_vec(), uuid.into_bytes()].map(|form| Word::new(CONTROL, form))
}

/// The file that PostgreSQL writes ahead to just now; later ones have later names.
pub fn wal_file(database: &TestDatabase) -> String {
    let name = sql(database, "SELECT 'pg_wal/' || pg_walfile_name(pg_current_wal_lsn())");
    String::from_utf8(name).unwrap().trim().to_owned()
}

/// Searches all of it, for the control too, which is not among what is found; of what PostgreSQL wrote ahead the part
/// from this file on, since other tests may use the same cluster.
pub async fn searched(house: &House, search: &Search, wal_from: Option<&str>) -> Searched {
    let mut all = search.directory(house.directory.path(), |_| true);
    let (database_file, read_out) = match &house.database {
        None => {
            ("bonded-data/bonded.sqlite", values(&Connection::open(house.path("bonded-data/bonded.sqlite")).unwrap()))
        }
        Some(database) => {
            // So that what is in memory lies in files too.
            sql(database, "CHECKPOINT");
            let data = database.data_directory().await.unwrap();
            let number = sql(database, "SELECT oid FROM pg_database WHERE datname = current_database()");
            let own = format!("base/{}/", String::from_utf8(number).unwrap().trim());
            let wal = wal_from.unwrap().to_owned()..=wal_file(database);
            all.append(search.directory(&data, |name| match name.split('/').next() {
                Some("base") => name.starts_with(&own) || name.starts_with("base/pgsql_tmp"),
                Some("pg_wal") => wal.contains(&name.to_owned()),
                _ => true,
            }));
            if let Ok(log) = fs::read(data.parent().unwrap().join("log")) {
                all.add(search, "PostgreSQL's log", &log);
            }
            all.add(search, "the dump", &program("pg_dump", &["--dbname", database.url()]));
            assert!(all.files.iter().any(|name| name.starts_with("pg_wal/")), "no write-ahead log was searched");
            ("base/", tables(database))
        }
    };
    for (table, bytes) in &read_out {
        all.add(search, table, bytes);
    }
    for known in ["bonded.toml", "bonded-data/tls/ca.pem", "bonded-data-keys/"] {
        assert!(all.files.iter().any(|name| name.starts_with(known)), "{known} was not searched: {:?}", all.files);
    }
    let is_control = |finding: &Finding| finding.found == Found::Word(CONTROL.to_owned());
    let (controls, others) = all.findings.into_iter().partition::<Vec<_>, _>(is_control);
    for source in ["log", database_file, "entries"] {
        let found = controls.iter().any(|finding| finding.source.starts_with(source));
        assert!(found, "the control is not in {source}, so something else was searched");
    }
    Searched { findings: others, ..all }
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

/// Leaks canaries into the name of a file of this deployment, into a file, and into the database: in the last two one in
/// each encoding; and these words into a file, each in one encoding or the other. All of them come back.
pub fn leak(house: &House, words: &[Word]) -> BTreeSet<Found> {
    let leaked =
        |number| Canary { shape: Shape::EVERY[number as usize % Shape::EVERY.len()], serial: LEAKED_SERIAL + number };
    let count = u32::try_from(ENCODINGS.len()).unwrap();
    let written = |from: u32| {
        let each = (from..).zip(&ENCODINGS);
        each.map(|(number, encoding)| (encoding.write)(format!("   {}   ", leaked(number).written()).as_bytes()))
    };
    fs::write(house.path("bonded-data/leak"), written(0).collect::<Vec<_>>().join(&b'\n')).unwrap();
    fs::write(house.path("bonded-data").join(leaked(2 * count).written().replace('/', "_")), "").unwrap();
    let said = words.iter().zip(ENCODINGS.iter().cycle());
    let said = said.map(|(word, encoding)| (encoding.write)(&[&b"   "[..], &word.bytes, b"   "].concat()));
    fs::write(house.path("bonded-data/leaked-words"), said.collect::<Vec<_>>().join(&b'\n')).unwrap();
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
            // Unlogged, so that it is in no file that other tests search.
            let values = hex.map(|hex| format!("('\\x{hex}')")).collect::<Vec<_>>().join(", ");
            sql(database, &format!("CREATE UNLOGGED TABLE leak (value BYTEA); INSERT INTO leak VALUES {values}"));
        }
    }
    let words = words.iter().map(|word| Found::Word(word.name.clone()));
    (0..=2 * count).map(|number| Found::Canary(leaked(number))).chain(words).collect()
}
