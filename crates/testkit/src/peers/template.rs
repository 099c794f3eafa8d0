//! A shop that can sell and has sold nothing: made once, kept as a dump, given to each test as a copy.

use super::Brand;
use super::server::{Server, node};
use crate::postgres::{self, Programs};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Our scripts for a platform, with the names that they have beside its packages.
const MEDUSA: [(&str, &str); 3] = [
    ("medusa-config.js", include_str!("../../peers/medusa/medusa-config.js")),
    ("server.js", include_str!("../../peers/medusa/server.js")),
    ("seed.js", include_str!("../../peers/medusa/seed.js")),
];
const VENDURE: [(&str, &str); 2] = [
    ("server.js", include_str!("../../peers/vendure/server.js")),
    ("seed.js", include_str!("../../peers/vendure/seed.js")),
];

/// The user that the seeds sign in as; there is nobody else on the loopback of a test.
const EMAIL: &str = "officer@bonded.invalid";
const PASSWORD: &str = "of the tests alone";

/// Fills an empty database with the shop; answers its keys. Makes the shop first, should that not have been done.
///
/// Another process that wants the same waits meanwhile.
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
pub async fn restore(brand: Brand, database: &str) -> Value {
    let directory = brand.directory();
    let lock = File::create(directory.join("template.lock")).expect("a lock");
    // Waiting for another process must not hold up this one's other tasks.
    let lock =
        tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.expect("a thread").expect("the lock");
    if !is_fresh(brand, &directory) {
        make(brand, &directory).await;
    }
    drop(lock);
    let dump = dump_file(&directory).display().to_string();
    run(Command::new(program("psql")).args([
        "--quiet",
        "-v",
        "ON_ERROR_STOP=1",
        "-o",
        "/dev/null",
        "-f",
        &dump,
        database,
    ]));
    serde_json::from_slice(&fs::read(keys_file(&directory)).expect("the shop's keys")).expect("the shop's keys as JSON")
}

/// Whether the shop was made with these scripts and these packages.
fn is_fresh(brand: Brand, directory: &Path) -> bool {
    fs::read_to_string(directory.join("template.of")).is_ok_and(|made_of| made_of == recipe(brand, directory))
}

/// All that a shop is made of, as one text.
fn recipe(brand: Brand, directory: &Path) -> String {
    let packages = fs::read_to_string(directory.join("installed")).unwrap_or_default();
    scripts(brand).iter().map(|(_, script)| *script).chain([packages.as_str()]).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
async fn make(brand: Brand, directory: &Path) {
    for (name, script) in scripts(brand) {
        fs::write(directory.join(name), script).expect("a script");
    }
    let database = postgres::database().await.expect("PostgreSQL was there a moment ago");
    if brand == Brand::Medusa {
        let medusa = "node_modules/@medusajs/cli/cli.js";
        run(node(brand, medusa, database.url(), 0).args(["db:migrate", "--skip-scripts"]));
        run(node(brand, medusa, database.url(), 0).args(["user", "-e", EMAIL, "-p", PASSWORD]));
    }
    let server = Server::start_with(brand, database.url(), &[("SCHEMA", "make")]).await;
    let mut seed = node(brand, "seed.js", database.url(), server.port());
    let keys = run(seed.env("EMAIL", EMAIL).env("PASSWORD", PASSWORD));
    drop(server);
    fs::write(keys_file(directory), keys).expect("the shop's keys");
    let dump = dump_file(directory).display().to_string();
    run(Command::new(program("pg_dump")).args(["--no-owner", "--no-privileges", "-f", &dump, database.url()]));
    // Last: what is half made is made again.
    fs::write(directory.join("template.of"), recipe(brand, directory)).expect("the mark that it is made");
}

const fn scripts(brand: Brand) -> &'static [(&'static str, &'static str)] {
    match brand {
        Brand::Medusa => &MEDUSA,
        Brand::Vendure => &VENDURE,
    }
}

fn dump_file(directory: &Path) -> PathBuf {
    directory.join("template.sql")
}

fn keys_file(directory: &Path) -> PathBuf {
    directory.join("template.json")
}

/// A client's program of PostgreSQL, which lies beside the server's.
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn program(name: &str) -> PathBuf {
    Programs::find().expect("PostgreSQL's programs").directory().join(name)
}

/// Runs a program to its end; answers what it wrote.
#[expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail, and only tests ask")]
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    if !output.status.success() {
        let program = command.get_program().to_string_lossy().into_owned();
        panic!("{program}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    output.stdout
}
