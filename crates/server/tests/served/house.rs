//! A deployment of a test's own, run by the real program.

use bonded_testkit::postgres::TestDatabase;
use reqwest::{Certificate, Client, RequestBuilder};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tempfile::TempDir;

/// Where a deployment lies, and the officer's key beside it.
pub struct House {
    pub directory: TempDir,
    pub database: Option<TestDatabase>,
}

/// A running server.
pub struct Server {
    child: Child,
    log: Option<JoinHandle<String>>,
    pub public: SocketAddr,
    pub private: SocketAddr,
    pub client: Client,
}

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {} {}", self.out, self.err))
    }
}

impl House {
    /// A place where nothing is set up yet.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), database: None }
    }

    /// Set up with keys for one officer, as a development server on free ports.
    pub fn new() -> Self {
        Self::empty().furnished()
    }

    /// The same on PostgreSQL, where it is installed.
    pub async fn on_postgres() -> Option<Self> {
        let database = Some(bonded_testkit::postgres::database().await?);
        Some(Self { database, ..Self::empty() }.furnished())
    }

    fn furnished(self) -> Self {
        self.must(&["keys", "new-officer", "--plain", &self.officer()]);
        let public = format!("{}.pub", self.officer());
        let engine = if self.database.is_some() { "postgres" } else { "sqlite" };
        self.must(&["init", "--environment", "development", "--engine", engine, "--officer", &public]);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn officer(&self) -> String {
        self.path("officer.key").display().to_string()
    }

    /// The command, without variables that a developer's shell may have set.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonded"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BONDED_")) {
            command.env_remove(name);
        }
        if let Some(database) = &self.database {
            command.env("BONDED_DATABASE_URL", database.url());
        }
        command.args(words).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Said {
        Said::of(&self.command(words).output().unwrap())
    }

    /// Runs what must succeed.
    pub fn must(&self, words: &[&str]) -> Said {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        said
    }

    /// Starts a server, sealed.
    pub fn serve(&self) -> Server {
        self.serve_by(self.command(&["serve"]))
    }

    /// Starts a server by this command; it logs as JSON and in detail unless the command's environment says how.
    pub fn serve_by(&self, mut command: Command) -> Server {
        for (name, value) in [("BONDED_LOG_FORMAT", "json"), ("BONDED_LOG_LEVEL", "debug")] {
            if command.get_envs().all(|(known, value)| known != name || value.is_none()) {
                command.env(name, value);
            }
        }
        command
            .args(["--public", "127.0.0.1:0", "--private", "127.0.0.1:0"])
            .stdout(File::create(self.path("output")).unwrap())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (told, addresses) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || listen(stderr, &told));
        let next = || addresses.recv().ok();
        let (Some(public), Some(private)) = (next(), next()) else {
            child.wait().unwrap();
            panic!("the server did not start: {}", log.join().unwrap());
        };
        Server { child, log: Some(log), public, private, client: client(self.directory.path()) }
    }

    /// Starts a server and unseals it.
    pub fn serve_unsealed(&self) -> Server {
        let server = self.serve();
        self.must(&["keys", "unseal", "--officer", &self.officer()]);
        server
    }

    /// A new account and the secret of its key.
    pub fn account(&self, name: &str, role: &str) -> (String, String) {
        let create = ["account", "create", "--json", "--name", name, "--role", role, "--currency", "EUR"];
        let account = self.must(&create).json()["account"].as_str().unwrap().to_owned();
        let key = self.must(&["account", "key", "--json", &account]).json()["secret"].as_str().unwrap().to_owned();
        (account, key)
    }
}

/// Keeps the log, and tells each listener's address.
fn listen(stderr: ChildStderr, told: &mpsc::Sender<SocketAddr>) -> String {
    let mut whole = String::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut parts = line.split(|symbol: char| !symbol.is_ascii_digit() && !".:".contains(symbol));
        if line.contains("listening")
            && let Some(address) = parts.find_map(|part| part.parse().ok())
        {
            // Nobody waits for it after the start.
            let _ = told.send(address);
        }
        whole.push_str(&line);
        whole.push('\n');
    }
    whole
}

/// Trusts the deployment's own authority and nobody else.
fn client(directory: &Path) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let pem = std::fs::read(directory.join("bonded-data/tls/ca.pem")).unwrap();
    let authority = Certificate::from_pem(&pem).unwrap();
    Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap()
}

impl Server {
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("https://{}{path}", self.public))
    }

    pub fn post(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("https://{}{path}", self.public)).bearer_auth(key).json(body)
    }

    /// Status and body of an answer.
    pub async fn answer(request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn ready(&self) -> (u16, Value) {
        Self::answer(self.get("/readyz")).await
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(process, signal).unwrap();
    }

    /// Waits for its end; gives its status and its whole log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }

    /// Asks it to stop and expects a clean end; gives its log.
    pub fn end(self) -> String {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    /// The same, while this thread goes on to serve connections: HTTP/2 ends by a word and an answer.
    pub async fn stop(self) -> String {
        tokio::task::spawn_blocking(|| self.end()).await.unwrap()
    }

    /// Ends it as a power cut would.
    pub fn kill(self) {
        self.signal(nix::sys::signal::Signal::SIGKILL);
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A failed test must not leave its server behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An order of one piece of something nobody sells: it is placed and stays open.
pub fn order(reference: &str) -> Value {
    json!({
        "reference": reference,
        "lines": [{"title": "Lamp", "sku": "LAMP", "quantity": 1, "price": {"amount": 1999, "currency": "EUR"}}],
        "consumer": {"first_name": "Ada", "last_name": "Example", "street": "1 Sample Road\nTestbury",
            "postal_code": "T3 5TT", "region": "Testshire", "country": "GB"},
    })
}
