//! What each command does.

mod account;
mod backup;
mod deletions;
mod export;
mod import;
mod init;
mod keys;
mod mail;
mod people;
mod serve;
mod verify;

use crate::cli::{Choices, Command, Line, Unsealed};
use crate::desk::{Wish, ask};
use crate::ending::{Code, Ending};
use crate::settings::LogFormat;
use crate::terminal::say;
use serde_json::Value;
use std::future::Future;

/// Does what was asked.
pub fn run(line: Line) -> Result<(), Ending> {
    let Line { choices, command } = line;
    if !matches!(command, Command::Serve(_) | Command::Demo(_)) {
        // What the crates below have to say must not be lost, nor mix with an answer on standard output.
        crate::logging::start(LogFormat::Text, tracing::Level::WARN);
    }
    match command {
        Command::Init(init) => init::run(&choices, &init),
        Command::Serve(serve) => serve::run(&choices, serve),
        Command::Keys(keys) => keys::run(&choices, keys),
        Command::Account(account) => account::run(&choices, account),
        Command::Mail(mail) => mail::run(&choices, mail),
        Command::Staff(staff) => people::staff(&choices, staff),
        Command::SignOut(sign_out) => people::sign_out(&choices, sign_out),
        Command::Training(training) => people::training(&choices, training),
        Command::Review(review) => people::review(&choices, review),
        Command::Roles(json) => {
            people::roles(json.json);
            Ok(())
        }
        Command::Verify(verify) => verify::run(&verify),
        Command::Bench(bench) => crate::bench::run(choices.engine.as_deref(), &bench),
        Command::Backup(backup) => backup::run(&choices, backup),
        Command::Deletion(deletion) => deletions::run(&choices, deletion),
        Command::Import(import) => import::run(&choices, import),
        Command::Export(export) => export::run(&choices, &export),
        Command::Listen(listen) => on_runtime(1, crate::listen::run(&listen))?,
        Command::Demo(demo) => crate::demo::run(&choices, &demo),
        Command::Doctor(doctor) => on_runtime(1, crate::doctor::run(&choices, doctor.json))?,
        Command::Openapi => {
            say!("{}", bonded_web::openapi());
            Ok(())
        }
    }
}

/// Has a wish carried out, by the running server or here.
fn wish(choices: &Choices, wish: Wish, unsealed: &Unsealed) -> Result<Value, Ending> {
    let settings = choices.settings()?;
    on_runtime(1, ask(&settings, wish, unsealed.officer.as_deref(), |_| Ok(())))?
}

/// An id, as people write it.
fn parsed<T: std::str::FromStr<Err = bonded_base::BadId>>(text: &str) -> Result<T, Ending> {
    text.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))
}

/// Tells what came of it: for people, or as JSON where that was asked for.
fn tell(done: &Value, unsealed: &Unsealed, show: impl FnOnce(&Value)) {
    if unsealed.json { say!("{}", done) } else { show(done) }
}

/// Runs a future on this many worker threads; one means the thread that calls.
pub fn on_runtime<T>(threads: usize, work: impl Future<Output = T>) -> Result<T, Ending> {
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.worker_threads(threads).enable_all().build().map_err(Ending::internal)?;
    Ok(runtime.block_on(work))
}
