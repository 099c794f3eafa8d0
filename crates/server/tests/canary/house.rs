//! A deployment of a test's own: the real program, set up, served with TLS, stopped or killed, its every file in reach.

use bonded_testkit::postgres::{self, TestDatabase};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use tempfile::TempDir;

/// Requests of one key before the meter says no.
pub const REQUESTS_AT_ONCE: usize = 3_000;

/// Which engine keeps the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A deployment: configuration, data, keys, logs and temporary files in one directory, and a database perhaps.
pub struct House {
    root: TempDir,
    /// The officer's identity lies elsewhere, as it should.
    office: TempDir,
    pub database: Option<TestDatabase>,
    pub log_format: &'static str,
}

/// The running program.
pub struct Server {
    child: Child,
    log: Option<JoinHandle<()>>,
    pub public: SocketAddr,
    pub private: SocketAddr,
}

impl House {
    /// Sets a deployment up by the program's own commands; `None` where PostgreSQL is asked for and not installed.
    pub async fn found(engine: Engine, log_format: &'static str) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(postgres::database().await?),
        };
        let house = Self { root: TempDir::new().unwrap(), office: TempDir::new().unwrap(), database, log_format };
        for directory in ["tmp", "logs"] {
            fs::create_dir(house.root().join(directory)).unwrap();
        }
        house.run(&["keys", "new-officer", "--plain", &house.officer()]);
        let engine = if engine == Engine::Sqlite { "sqlite" } else { "postgres" };
        let data = house.root().join("data");
        let officer = format!("{}.pub", house.officer());
        let data = ["--data", data.to_str().unwrap(), "--engine", engine];
        let doors = ["--public", "127.0.0.1:0", "--private", "127.0.0.1:0"];
        let init = ["init", "--environment", "production", "--officer", &officer];
        house.run(&[&init[..], &data, &doors].concat());
        Some(house)
    }

    /// Everything of it is below here, but the officer's identity and PostgreSQL's own files.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The officer's identity file.
    pub fn officer(&self) -> String {
        self.office.path().join("officer.key").display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonded"));
        command.args(arguments).args(["--config", self.root().join("bonded.toml").to_str().unwrap()]);
        command.env("TMPDIR", self.root().join("tmp")).current_dir(self.root()).stdin(Stdio::null());
        // A meter that hardly fills again, so that how many requests empty it is no question of time.
        command.env("BONDED_PUBLIC_REQUESTS_PER_SECOND", "1");
        command.env("BONDED_PUBLIC_REQUESTS_AT_ONCE", REQUESTS_AT_ONCE.to_string());
        if let Some(database) = &self.database {
            command.env("BONDED_DATABASE_URL", database.url());
        }
        command
    }

    /// Runs a command to its end and gives what it printed; what it logged is kept to be searched.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "bonded {}: {said}", arguments.join(" "));
        let log = File::options().create(true).append(true).open(self.root().join("logs/commands"));
        log.unwrap().write_all(&output.stderr).unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, for commands that print JSON.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Starts the server, at the log level that tells most, and unseals it.
    pub fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--log-level", "trace", "--log-format", self.log_format]);
        let output = File::create(self.root().join("logs/output")).unwrap();
        let mut child = command.stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let (said, addresses) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        let kept = File::options().create(true).append(true).open(self.root().join("logs/log")).unwrap();
        let log = thread::spawn(move || keep(stderr, kept, &said));
        let address = || addresses.recv().expect("the server ended before it listened; see its log");
        let (public, private) = (address(), address());
        self.run(&["keys", "unseal", "--officer", &self.officer()]);
        Server { child, log: Some(log), public, private }
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root().join("logs/log")).unwrap()
    }
}

/// Writes the log down as it comes, and tells the addresses in it.
fn keep(stderr: impl Read, mut kept: File, said: &mpsc::Sender<SocketAddr>) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).unwrap() > 0 {
        kept.write_all(&line).unwrap();
        let text = String::from_utf8_lossy(&line);
        if text.contains("listening") {
            let address = text.split("address").nth(1).unwrap_or_default();
            let address: String = address
                .trim_start_matches(['=', '"', ':'])
                .chars()
                .take_while(|symbol| symbol.is_ascii_digit() || ".:".contains(*symbol))
                .collect();
            // The receiver is gone once both addresses are known.
            let _ = said.send(address.parse().unwrap());
        }
        line.clear();
    }
}

impl Server {
    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        let id = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Takes it away at once, as a failure of the machine would.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it was stopped before, there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

/// The certificate that clients trust.
pub fn authority(root: &Path) -> Vec<u8> {
    fs::read(root.join("data/tls/ca.pem")).unwrap()
}

/// Where PostgreSQL keeps the log of its server, if it is the tests' own.
pub fn postgres_log(data: &Path) -> PathBuf {
    data.parent().unwrap().join("log")
}
