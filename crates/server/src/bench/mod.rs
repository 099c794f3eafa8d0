//! `bonded bench`: how fast this program is on this machine, beside what its storage engine could do at best.
//!
//! One run: the raw engine through its own driver; then a server of this very program, as a child process on data of its
//! own, asked over HTTPS as merchants would; then the table of what was to be reached. Client, server and database
//! share the machine. Nothing of it stays behind.

mod answers;
mod batches;
mod child;
mod cluster;
mod connections;
mod figure;
mod forgetting;
mod guessing;
mod https;
mod orders;
mod plan;
mod raw;
mod rows;
mod samples;
mod sharing;
mod sizes;
mod traders;
mod trial;

use crate::cli;
use crate::ending::{Code, Ending};
use cluster::Postgres;
use figure::Outcome;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use plan::{Plan, RECORDS, RECORDS_LONG, RECORDS_MAX, RECORDS_MIN, ROWS_MAX};
use std::path::{Path, PathBuf};
use trial::Trial;

/// Threads of the client and of the raw engine's callers.
const THREADS: usize = 2;

/// Runs the bench and prints what it found.
pub fn run(engine: Option<&str>, bench: &cli::Bench) -> Result<(), Ending> {
    let records = bench.records.unwrap_or(if bench.long { RECORDS_LONG } else { RECORDS });
    if !(RECORDS_MIN..=RECORDS_MAX).contains(&records) {
        return Err(Ending::new(Code::Usage, format!("--records takes a number from {RECORDS_MIN} to {RECORDS_MAX}")));
    }
    let mut plan = Plan::of(records);
    plan.rows = bench.rows.unwrap_or(plan.rows);
    if !(1..=ROWS_MAX).contains(&plan.rows) {
        return Err(Ending::new(Code::Usage, format!("--rows takes a number from 1 to {ROWS_MAX}")));
    }
    let engine = match engine.unwrap_or("sqlite") {
        "sqlite" => "sqlite",
        "postgres" => "postgres",
        _ => return Err(Ending::new(Code::Usage, "--engine takes `sqlite` or `postgres`")),
    };
    let room = room(bench.scratch.as_deref())?;
    more_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let outcome = runtime.map_err(Ending::internal)?.block_on(async {
        tokio::select! {
            outcome = measure(engine, room.path(), plan, bench.what) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Ending::new(Code::Bad, "the bench was interrupted")),
        }
    })?;
    if bench.json {
        println!("{}", outcome.to_json());
    } else {
        print!("{}", outcome.to_table());
    }
    if bench.check && !outcome.reached() {
        return Err(Ending::new(Code::Bad, "a target was missed"));
    }
    Ok(())
}

async fn measure(
    engine: &'static str,
    room: &Path,
    plan: Plan,
    what: Option<cli::BenchWhat>,
) -> Result<Outcome, Ending> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let figures = if engine == "sqlite" {
        match what {
            None => Trial::new(room, plan).on_sqlite().await?,
            Some(cli::BenchWhat::Connections) => connections::on_sqlite(room, plan).await?,
        }
    } else {
        let mut server = Postgres::find().await?;
        let figures = match what {
            None => Trial::new(room, plan).on_postgres(&mut server).await,
            Some(cli::BenchWhat::Connections) => connections::on_postgres(room, plan, &mut server).await,
        };
        // Also after a failure, whose own words matter more than those of tidying up.
        let tidied = server.tidy().await;
        let figures = figures?;
        tidied?;
        figures
    };
    Ok(Outcome { engine, records: plan.records, cores, figures })
}

/// A directory for everything, removed at the end.
fn room(scratch: Option<&Path>) -> Result<tempfile::TempDir, Ending> {
    let place = scratch.map_or_else(std::env::temp_dir, PathBuf::from);
    let room = tempfile::Builder::new().prefix("bonded-bench-").tempdir_in(&place);
    let room = room.map_err(Ending::file("written", &place))?;
    if statfs(room.path()).is_ok_and(|disk| disk.filesystem_type() == TMPFS_MAGIC) {
        eprintln!("note: {} is memory, not a disk: name a directory on one with --scratch", place.display());
    }
    Ok(room)
}

/// A thousand retailers are two thousand sockets: takes what the system allows, for the child as well.
fn more_files() -> Result<(), Ending> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Ending::internal)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(Ending::internal)
}
