//! `bonded`: the one program, from the command line to the running server. It wires; it has no rules of its own.

mod bench;
mod cli;
mod command;
mod demo;
mod deployment;
mod desk;
mod doctor;
mod ending;
mod hardware;
mod identity;
mod listen;
mod logging;
mod node;
mod officers;
mod places;
mod settings;
mod terminal;
mod tls;
mod verify;

use clap::Parser;
use clap::error::ErrorKind;
use ending::Code;
use nix::sys::stat::{Mode, umask};
use std::process::ExitCode;

/// A batch is thousands of small values that one thread makes and another drops, which the system's allocator is slow at:
/// a fifth of the processor's time. SQLite uses it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever is written is the owner's alone, unless the place says otherwise.
const UMASK: Mode = Mode::from_bits_truncate(0o077);

fn main() -> ExitCode {
    // Before a secret can be read or a file written.
    umask(UMASK);
    bonded_vault::harden_process();
    let line = match cli::Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Nowhere to say it if the terminal is gone.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Code::Usage.into(),
            };
        }
    };
    match command::run(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ending) => {
            eprintln!("bonded: {ending}");
            ending.code.into()
        }
    }
}
