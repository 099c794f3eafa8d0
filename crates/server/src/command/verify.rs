//! `bonded verify`: whether an exported log is what was signed, and if not, where.

use crate::cli::Verify;
use crate::ending::{Code, Ending};
use crate::terminal::say;
use crate::verify::{self, Trust, Verdict};
use bonded_merkle::VerifierKey;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

pub fn run(asked: &Verify) -> Result<(), Ending> {
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).map_err(Ending::file("read", path));
    let checkpoints = asked.checkpoint.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = asked.key.as_deref().map(key).transpose()?;
    let from: Box<dyn BufRead> = if asked.log.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(&asked.log).map_err(Ending::file("read", &asked.log))?))
    };
    let verdict = verify::check(from, Trust { checkpoints, key })?;
    if asked.json {
        say!("{}", serde_json::to_string(&verdict).map_err(Ending::internal)?);
    } else {
        tell(&verdict);
    }
    match verdict.findings.len() {
        0 => Ok(()),
        1 => Err(Ending::new(Code::Bad, "the log does not verify: one thing is wrong")),
        many => Err(Ending::new(Code::Bad, format!("the log does not verify: {many} things are wrong"))),
    }
}

/// A verifier key, or the file that holds one.
fn key(word: &str) -> Result<VerifierKey, Ending> {
    let path = Path::new(word);
    let text = if path.is_file() {
        std::fs::read_to_string(path).map_err(Ending::file("read", path))?
    } else {
        word.to_owned()
    };
    text.trim().parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))
}

fn tell(verdict: &Verdict) {
    say!("log          {}", verdict.log);
    match &verdict.proven {
        Some(leaf) => leaf.lines().skip(1).for_each(|line| say!("entry        {line}")),
        None => say!("read         {} entries, {} records", verdict.entries, verdict.records),
    }
    if verdict.is_good() {
        say!("signed       the first {} entries, by {} checkpoints", verdict.signed_entries, verdict.checkpoints);
        say!("root         {}", verdict.root);
    }
    for note in &verdict.notes {
        say!("note         {note}");
    }
    for finding in &verdict.findings {
        say!("wrong        {finding}");
    }
    if verdict.is_good() {
        say!("verdict      all is as it was signed");
    }
}
