//! `bonded export`: an account's log and records, as JSON lines.

use super::on_runtime;
use crate::cli::{Choices, Export};
use crate::desk::{Wish, ask};
use crate::ending::{Code, Ending};
use crate::terminal::say;
use bonded_ledger::PLATFORM;
use std::fs::File;
use std::io::{BufWriter, Write};

pub fn run(choices: &Choices, export: &Export) -> Result<(), Ending> {
    let settings = choices.settings()?;
    let account = match export.account.as_str() {
        "platform" => PLATFORM,
        id => id.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))?,
    };
    let mut to: Box<dyn Write> = match &export.output {
        Some(path) => Box::new(BufWriter::new(File::create_new(path).map_err(Ending::file("written", path))?)),
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    let lost = |error: std::io::Error| Ending::new(Code::Io, format!("the export cannot be written: {error}"));
    let wish = Wish::Export { account, with_consumers: export.with_consumers };
    let line = |line: &str| writeln!(to, "{line}").map_err(lost);
    let done = on_runtime(1, ask(&settings, wish, export.officer.as_deref(), line))??;
    to.flush().map_err(lost)?;
    if let Some(path) = &export.output {
        let count = |name| done.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
        say!("{}: {} records, {} entries", path.display(), count("records"), count("entries"));
    }
    Ok(())
}
