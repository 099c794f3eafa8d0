//! The program's own log, on standard error: events and numbers, never a consumer's data, an address or a query.

use crate::settings::LogFormat;
use tracing::Level;
use tracing_subscriber::EnvFilter;

/// Libraries speak only when something is wrong: some would tell addresses and headers otherwise.
const LIBRARIES: &str = "warn";

/// Our own crates.
const OURS: [&str; 11] = [
    "bonded",
    "bonded_base",
    "bonded_connect",
    "bonded_flow",
    "bonded_ledger",
    "bonded_merkle",
    "bonded_people",
    "bonded_server",
    "bonded_trade",
    "bonded_vault",
    "bonded_web",
];

/// Starts the log for the whole process. A second call changes nothing.
pub fn start(format: LogFormat, level: Level) {
    let filter = OURS.iter().fold(LIBRARIES.to_owned(), |filter, ours| format!("{filter},{ours}={level}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false);
    let begun = match format {
        LogFormat::Text => log.with_ansi(crate::terminal::has_colour(&std::io::stderr())).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    drop(begun);
    tell_panics();
}

/// A panic is told by its place. Its text could hold a value, unless it was written in the source.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(its text is not shown)");
        tracing::error!(place, words, "a mistake in the program");
    }));
}
