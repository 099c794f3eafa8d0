//! The machine: clock, disks, core dumps, swap, open files.

use super::Finding;
use crate::places::Places;
use crate::settings::{EngineChoice, Settings};
use bonded_base::{Clock, Moment, SystemClock};
use nix::sys::prctl::get_dumpable;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// No clock of a machine that runs this program is earlier.
const NOT_BEFORE: &str = "2026-11-01T00:00:00Z";

/// How much earlier than its own files a clock may be.
const CLOCK_SLACK_MS: i64 = 60_000;

/// Bytes of a disk below which a server soon stops.
const FREE_BYTES_FAIL: u64 = 256 * 1024 * 1024;

/// Bytes of a disk below which somebody should look.
const FREE_BYTES_WARN: u64 = 4 * 1024 * 1024 * 1024;

/// Files that a server has open besides its connections.
const FILES_BESIDES: u64 = 128;

const MEBIBYTE: u64 = 1024 * 1024;

/// Whether the clock is later than what was written by it.
pub fn clock(settings: &Settings) -> Finding {
    let now = SystemClock.now();
    let places = Places::new(settings.data.clone());
    let written = [places.authority(), places.database()].iter().filter_map(|path| written(path)).max();
    let earliest = NOT_BEFORE.parse().unwrap_or_default();
    if now < earliest || written.is_some_and(|written| now.plus_millis(CLOCK_SLACK_MS) < written) {
        return Finding::fail(
            "clock",
            format!("it says {now}, which is earlier than what was written by it"),
            "set it, and keep it by NTP",
        );
    }
    Finding::ok("clock", format!("{now}"))
}

fn written(path: &Path) -> Option<Moment> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(modified.as_millis()).ok().map(Moment::from_millis)
}

/// How much room the disks of the data and of the keys have.
pub fn disks(settings: &Settings) -> Vec<Finding> {
    let keys = std::iter::once(&settings.keys_primary).chain(&settings.keys_replicas);
    let places = matches!(settings.engine, EngineChoice::Sqlite).then_some(&settings.data).into_iter().chain(keys);
    places.filter(|path| path.exists()).map(|path| disk(path)).collect()
}

fn disk(path: &Path) -> Finding {
    let shown = path.display();
    let Ok(disk) = statvfs(path) else {
        return Finding::warn("disk", format!("{shown} does not say how much room it has"), "look at it yourself");
    };
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    let said = format!("{shown} has {} MiB left", free / MEBIBYTE);
    if free < FREE_BYTES_FAIL {
        Finding::fail("disk", said, "make room: without it nothing more is taken")
    } else if free < FREE_BYTES_WARN {
        Finding::warn("disk", said, "make room before it runs out")
    } else {
        Finding::ok("disk", said)
    }
}

/// Whether a crash could write keys to a disk.
pub fn core_dumps() -> Finding {
    let limit = getrlimit(Resource::RLIMIT_CORE).map(|(soft, _)| soft);
    match (limit, get_dumpable()) {
        (Ok(0), Ok(false)) => Finding::ok("core dumps", "off for this program"),
        _ => Finding::warn("core dumps", "could not be turned off", "a crash may write keys to a disk: see ulimit -c"),
    }
}

/// Whether memory could be written to a disk.
pub fn swap() -> Finding {
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    match swaps.lines().count() {
        0 | 1 => Finding::ok("swap", "off"),
        _ => Finding::warn(
            "swap",
            "on",
            "turn it off or encrypt it: what cannot be locked in memory may be written there",
        ),
    }
}

/// Whether as many connections as are allowed could be open.
pub fn open_files(settings: &Settings) -> Finding {
    let connections = settings.public.connections_max + settings.private.connections_max;
    let needed = FILES_BESIDES + connections as u64;
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft < needed => Finding::warn(
            "open files",
            format!("at most {soft}, and {connections} connections are allowed"),
            format!("ulimit -n {needed}, or LimitNOFILE={needed} in the service's unit"),
        ),
        Ok((soft, _)) => Finding::ok("open files", format!("at most {soft}")),
        Err(_) => Finding::warn("open files", "the system does not say how many", "look at ulimit -n"),
    }
}
