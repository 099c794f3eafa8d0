//! One server process of a platform, ended with its owner, its words in a file of its own.

use super::Brand;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// What a server's script says when its API answers.
const READY: &str = "ready";
/// Lines of its log that are shown when it does not start.
const LAST_WORDS: usize = 30;
/// How often a server is started anew because another program was quicker to take the free port.
const STARTS_MAX: usize = 3;

/// A running server; dropping it ends it.
pub struct Server {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts the server on a database that has its tables; comes back when its API answers.
    pub async fn start(brand: Brand, database: &str) -> Self {
        Self::start_with(brand, database, &[]).await
    }

    /// The same with more variables of the environment.
    #[expect(clippy::panic, reason = "a server that does not start must fail the test, and only tests ask")]
    pub async fn start_with(brand: Brand, database: &str, variables: &[(&str, &str)]) -> Self {
        let mut words = String::new();
        for _ in 0..STARTS_MAX {
            match Self::start_once(brand, database, variables).await {
                Ok(server) => return server,
                Err(last) => words = last,
            }
        }
        panic!("{brand:?} did not start: {words}");
    }

    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    async fn start_once(brand: Brand, database: &str, variables: &[(&str, &str)]) -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let log = std::fs::File::create(log_file(directory.path())).expect("a log");
        let port = free_port();
        let mut command = node(brand, "server.js", database, port);
        command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(log.try_clone().expect("a log")).spawn().expect("Node.js starts");
        let (say, mut told) = mpsc::unbounded_channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || listen(output, log, &say));
        }
        let server = Self { child, port, directory };
        // The channel closes when the process ends.
        match told.recv().await {
            Some(()) => Ok(server),
            None => Err(server.last_words()),
        }
    }

    /// Where it listens, on the loopback, in clear.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(log_file(self.directory.path())).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)).copied().collect::<Vec<_>>().join("\n")
    }
}

/// A script of this platform's, about to run.
pub fn node(brand: Brand, script: &str, database: &str, port: u16) -> Command {
    let directory = brand.directory();
    let mut command = Command::new("node");
    command.arg(directory.join(script)).current_dir(directory).stdin(Stdio::null());
    command.env("DATABASE_URL", database).env("PORT", port.to_string());
    command.env("NODE_ENV", "production").env("MEDUSA_DISABLE_TELEMETRY", "true").env("LOG_LEVEL", "warn");
    command
}

fn log_file(directory: &Path) -> std::path::PathBuf {
    directory.join("log")
}

fn listen(output: ChildStdout, mut log: std::fs::File, say: &mpsc::UnboundedSender<()>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let _ = writeln!(log, "{line}");
        if line == READY {
            let _ = say.send(());
        }
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}
