//! A real mail server for each test that asks: Python's `aiosmtpd`, with certificates of the test's own.
//!
//! `cargo xtask needs` puts it into `target/mail-server`; where it is missing, [`MailServer::start`] answers `None` and
//! says so. What becomes of a mail is chosen by its address, see `mail_server.py` beside this file.

pub use crate::certificates::Shows;

use crate::certificates;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::sync::watch;

/// The Python that has `aiosmtpd`, from the root of the workspace.
pub const PYTHON: &str = "target/mail-server/bin/python";

const SCRIPT: &str = include_str!("mail_server.py");

/// How the server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// In clear first, then TLS when asked.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// In clear only.
    Clear,
}

/// A server to be started.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How it speaks TLS.
    pub speaks: Speaks,
    /// What certificate it shows.
    pub shows: Shows,
    /// `user:password`, if it asks for them.
    pub login: Option<&'static str>,
    /// The newest TLS that it speaks: `1.2` or `1.3`.
    pub newest: &'static str,
    /// Letters that it takes on one connection.
    pub letters_max: u32,
}

impl Wanted {
    /// A server as it should be: STARTTLS, a good certificate, no password.
    pub const GOOD: Self =
        Self { speaks: Speaks::StartTls, shows: Shows::Good, login: None, newest: "1.3", letters_max: 1_000 };
}

/// A running mail server of one test; dropping it ends it.
pub struct MailServer {
    child: Child,
    // Closing it is what ends the server, should it not be killed.
    stdin: Option<ChildStdin>,
    directory: TempDir,
    port: u16,
    asked: u32,
    told: Arc<Mutex<Vec<Value>>>,
    news: watch::Receiver<usize>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MailServer {
    /// Starts a server; `None`, and said on standard output, where `aiosmtpd` is not installed.
    ///
    /// Panics when it is there and does not start: then the test cannot say anything true.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn start(wanted: Wanted) -> Option<Self> {
        let python = python()?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [certificate, key] = certificates::write(directory.path(), wanted.shows, &["localhost"]);
        let script = directory.path().join("mail_server.py");
        std::fs::write(&script, SCRIPT).expect("the server's script");
        let tls = match wanted.speaks {
            Speaks::StartTls => "starttls",
            Speaks::Implicit => "implicit",
            Speaks::Clear => "none",
        };
        let mut command = Command::new(python);
        command.arg(script).args(["--tls", tls, "--newest", wanted.newest]);
        command.arg("--letters").arg(wanted.letters_max.to_string());
        command.arg("--certificate").arg(certificate).arg("--key").arg(key);
        if let Some(login) = wanted.login {
            command.args(["--login", login]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
        let stdin = child.stdin.take();
        let (told, (say, news)) = (Arc::new(Mutex::new(Vec::new())), watch::channel(0));
        if let Some(output) = child.stdout.take() {
            let told = Arc::clone(&told);
            std::thread::spawn(move || listen(BufReader::new(output), &told, &say));
        }
        let mut server = Self { child, stdin, directory, port: 0, asked: 0, told, news };
        let listening = server.wait_for("listening", 1).await;
        server.port =
            listening.get("port").and_then(Value::as_u64).and_then(|port| port.try_into().ok()).expect("port");
        Some(server)
    }

    /// Where it listens, on `localhost`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A PEM file of the authority that tests trust.
    pub fn authority(&self) -> PathBuf {
        certificates::authority_file(self.directory.path())
    }

    /// Lets it answer the letters that it was slow to take, and all later ones.
    pub fn answer(&mut self) {
        self.say("go");
    }

    /// Everything it was told so far, of one sort (`mail`, `taken`), in order.
    pub async fn told(&mut self, event: &str) -> Vec<Value> {
        self.asked += 1;
        let question = format!("heard-{}", self.asked);
        self.say(&question);
        self.wait_for(&question, 1).await;
        self.heard(event)
    }

    fn heard(&self, event: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|told| told.get("event").and_then(Value::as_str) == Some(event)).cloned().collect()
    }

    #[expect(clippy::expect_used, reason = "a server that ended must fail the test, and only tests ask")]
    fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the server's input");
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).expect("the mail server listens");
    }

    /// Waits until it was told something of this sort so many times, and answers the last of these.
    ///
    /// Panics when the server ends before.
    #[expect(clippy::expect_used, reason = "a server that ended must fail the test, and only tests ask")]
    pub async fn wait_for(&mut self, event: &str, times: usize) -> Value {
        loop {
            if let Some(told) = self.heard(event).into_iter().nth(times.saturating_sub(1)) {
                return told;
            }
            self.news.changed().await.expect("the mail server ended");
        }
    }
}

fn listen(lines: impl BufRead, told: &Mutex<Vec<Value>>, say: &watch::Sender<usize>) {
    for line in lines.lines().map_while(Result::ok) {
        let Ok(event) = serde_json::from_str(&line) else { continue };
        told.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        say.send_modify(|count| *count += 1);
    }
}

/// The Python that can be a mail server.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PYTHON);
    if python.is_file() {
        return Some(python);
    }
    println!("skipped: no mail server is installed; `cargo xtask needs` puts one into target/mail-server");
    None
}
