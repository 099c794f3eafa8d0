//! An S3-compatible server for each test that asks: Python's `moto`, which checks signatures and policies here.
//!
//! `cargo xtask needs` puts it into `target/object-store`; where it is missing, [`ObjectServer::start`] answers `None` and
//! says so.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The Python that has `moto`, from the root of the workspace.
pub const PYTHON: &str = "target/object-store/bin/python";

const SCRIPT: &str = include_str!("object_server.py");

/// Somebody with a key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key's id.
    pub id: String,
    /// And its secret.
    pub secret: String,
}

/// A running server of one test, with the buckets `backups` and `locked`; dropping it ends it.
pub struct ObjectServer {
    child: Child,
    // Closing it is what ends the server, should it not be killed.
    _stdin: Option<ChildStdin>,
    /// Where it listens, on the loopback.
    pub port: u16,
    /// May do everything in the buckets.
    pub writer: Caller,
    /// Is known, and may do nothing.
    pub stranger: Caller,
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ObjectServer {
    /// Starts a server; `None`, and said on standard output, where `moto` is not installed.
    ///
    /// Panics when it is there and does not start: then the test cannot say anything true.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub fn start() -> Option<Self> {
        let mut command = Command::new(python()?);
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let (stdin, mut line) = (child.stdin.take(), String::new());
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("the server's port");
        let said: Value = serde_json::from_str(&line).expect("the server says its port");
        let port = said.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()).expect("a port");
        let caller = |name: &str| {
            let word = |part: &str| said.pointer(&format!("/{name}/{part}")).and_then(Value::as_str).expect("a key");
            Caller { id: word("id").to_owned(), secret: word("secret").to_owned() }
        };
        Some(Self { port, writer: caller("writer"), stranger: caller("stranger"), child, _stdin: stdin })
    }
}

/// The Python that can be an object store.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PYTHON);
    if python.is_file() {
        return Some(python);
    }
    println!("skipped: no object store is installed; `cargo xtask needs` puts one into target/object-store");
    None
}
