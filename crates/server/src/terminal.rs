//! The person at the terminal: asked for passphrases without echo, shown colours where there are any.

use crate::ending::{Code, Ending};
use bonded_base::Secret;
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Write};

/// Whether to colour what goes here: a terminal, and nobody said no (<https://no-color.org>).
pub fn has_colour(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a line to standard output, as `println!` does.
macro_rules! say {
    ($($said:tt)*) => { $crate::terminal::print_line(format_args!($($said)*)) };
}
pub(crate) use say;

/// Writes a line to standard output. A reader who has gone, as `head` does, is no mistake of ours.
pub fn print_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Asks for a passphrase on the terminal, even where standard input is a pipe.
pub fn passphrase(question: &str) -> Result<Secret<String>, Ending> {
    let no_terminal = |_| {
        Ending::new(Code::NoInput, "a passphrase is needed, and there is no terminal to ask at")
            .next("run this at a terminal, or use an identity file without a passphrase")
    };
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    let failed = |error| Ending::new(Code::Io, format!("the terminal failed: {error}"));
    write!(terminal, "{question}: ").and_then(|()| terminal.flush()).map_err(failed)?;
    let quiet = Quiet::begin(terminal.try_clone().map_err(failed)?).map_err(Ending::internal)?;
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(quiet);
    let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
    zeroize::Zeroize::zeroize(&mut line);
    read.and_then(|_| writeln!(terminal)).map_err(failed)?;
    Ok(secret)
}

/// A new passphrase, asked twice.
pub fn new_passphrase() -> Result<Secret<String>, Ending> {
    let first = passphrase("New passphrase")?;
    if first.expose() != passphrase("The same again")?.expose() {
        return Err(Ending::new(Code::Usage, "the two passphrases differ").next("run the same again"));
    }
    Ok(first)
}

/// A terminal that shows nothing of what is typed, until dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin(terminal: File) -> nix::Result<Self> {
        let before = termios::tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        termios::tcsetattr(&terminal, SetArg::TCSADRAIN, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}
