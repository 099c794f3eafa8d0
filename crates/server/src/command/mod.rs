//! What each command does.

mod serve;

use crate::cli::{Command, Line};
use crate::ending::Ending;
use std::future::Future;

/// Does what was asked.
pub fn run(line: Line) -> Result<(), Ending> {
    let Line { choices, command } = line;
    match command {
        Command::Serve(serve) => serve::run(&choices, &serve),
        _ => Err(Ending::internal("not yet")),
    }
}

/// Runs a future on this many worker threads; one means the thread that calls.
fn on_runtime<T>(threads: usize, work: impl Future<Output = T>) -> Result<T, Ending> {
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.worker_threads(threads).enable_all().build().map_err(Ending::internal)?;
    Ok(runtime.block_on(work))
}
