//! Running another program: shown before it runs, and watched while it speaks.

use crate::failure::Failure;
use crate::tally::Tally;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that is about to run in the root of the workspace, without anyone to ask on standard input.
#[derive(Debug)]
pub struct Chore {
    command: Command,
    advice: &'static str,
}

/// Where a test runner writes its summary.
#[derive(Debug, Clone, Copy)]
pub enum Voice {
    /// `cargo test`.
    Output,
    /// `cargo nextest`.
    Error,
}

impl Chore {
    /// `cargo WORDS`, by the Cargo that runs us.
    pub fn cargo(root: &Path, words: &[&str]) -> Self {
        Self::program(root, &std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), words)
    }

    /// `PROGRAM WORDS`.
    pub fn program(root: &Path, program: &str, words: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(words).current_dir(root).stdin(Stdio::null());
        Self { command, advice: "" }
    }

    /// What to tell the person when it fails.
    pub fn advising(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with our own output.
    pub fn run(mut self) -> Result<(), Failure> {
        let status = self.announce().command.status().map_err(Failure::reaching(self.line()))?;
        if status.success() { Ok(()) } else { Err(self.ended()) }
    }

    /// Runs it and hands over what it wrote to standard output.
    pub fn output(mut self) -> Result<String, Failure> {
        self.command.stderr(Stdio::inherit());
        let output = self.command.output().map_err(Failure::reaching(self.line()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.ended())
        }
    }

    /// Can it be run at all, and does it answer well? Says nothing.
    pub fn answers(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs a test runner, shows all that it writes and counts its tests.
    pub fn count(mut self, voice: Voice, tally: &mut Tally) -> Result<(), Failure> {
        match voice {
            Voice::Output => self.command.stdout(Stdio::piped()),
            Voice::Error => self.command.stderr(Stdio::piped()),
        };
        let mut child = self.announce().command.spawn().map_err(Failure::reaching(self.line()))?;
        let heard = match voice {
            Voice::Output => child.stdout.take().map(|output| listen(output, io::stdout(), tally)),
            Voice::Error => child.stderr.take().map(|error| listen(error, io::stderr(), tally)),
        };
        heard.transpose().map_err(Failure::reaching(self.line()))?;
        let status = child.wait().map_err(Failure::reaching(self.line()))?;
        if status.success() { Ok(()) } else { Err(self.ended()) }
    }

    fn announce(&mut self) -> &mut Self {
        println!("    {}", self.line());
        self
    }

    fn line(&self) -> String {
        let program = Path::new(self.command.get_program()).file_name().unwrap_or(self.command.get_program());
        let words = std::iter::once(program).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    fn ended(&self) -> Failure {
        Failure::Ended { line: self.line(), advice: self.advice }
    }
}

/// `always` when a person looks on, so that a runner keeps its colours although we read along.
pub fn colour() -> &'static str {
    if io::stderr().is_terminal() { "always" } else { "never" }
}

/// Passes on what is written, as it comes, and lets the tally read it.
fn listen(from: impl Read, mut to: impl Write, tally: &mut Tally) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    to.flush()
}
