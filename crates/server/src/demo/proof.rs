//! A proof, fetched like any caller would, written to files, and checked by the offline verifier.

use super::api::{Caller, number, text};
use super::outcome::Proof;
use super::stage::Stage;
use super::teller::Teller;
use crate::ending::{Code, Ending};
use crate::verify::{self, Trust, Verdict};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The papers that are written.
struct Papers {
    key: PathBuf,
    proof: PathBuf,
    checkpoint: PathBuf,
    log: PathBuf,
}

impl Papers {
    fn within(directory: &Path) -> Self {
        let paper = |name| directory.join(name);
        Self {
            key: paper("log-key"),
            proof: paper("proof.json"),
            checkpoint: paper("checkpoint"),
            log: paper("log.jsonl"),
        }
    }
}

/// Proves the entry that says that the order was placed at `since`.
pub async fn prove(
    stage: &Stage,
    caller: &Caller,
    entry: u64,
    since: Instant,
    teller: &Teller,
) -> Result<Proof, Ending> {
    let size = caller
        .soon("a signed checkpoint", async || {
            let note = caller.text("/v1/log/checkpoint").await.unwrap_or_default();
            Ok(note.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).filter(|size| *size >= entry))
        })
        .await?;
    let signed = since.elapsed();
    let begun = Instant::now();
    let papers = Papers::within(&stage.papers);
    let proof = caller.get(&format!("/v1/log/proof?entry={entry}")).await?;
    write(&papers.proof, &proof.to_string())?;
    write(&papers.key, &caller.text("/v1/log/key").await?)?;
    write(&papers.log, &caller.text("/v1/log/export").await?)?;
    write(&papers.checkpoint, &caller.text("/v1/log/checkpoint").await?)?;
    teller.timed("fetched", format!("proof of entry {entry}, key, checkpoint, whole log"), begun.elapsed());

    let begun = Instant::now();
    let proven = check(&papers.proof, &papers, false)?;
    let path = number(&proof, "/size");
    teller.timed(
        "proof",
        verdict(teller, &proven, &format!("entry {entry} is one of the {path} that were signed")),
        begun.elapsed(),
    );
    let begun = Instant::now();
    let audited = check(&papers.log, &papers, true)?;
    let said = format!("all {} entries are as they were signed", audited.entries);
    teller.timed("log", verdict(teller, &audited, &said), begun.elapsed());
    if stage.papers_stay {
        teller.line("the same", format!("bonded verify {} --key {}", papers.proof.display(), papers.key.display()));
    }
    if let Some(bad) = proven.findings.iter().chain(&audited.findings).next() {
        return Err(Ending::new(Code::Bad, format!("the log does not verify: {bad}")));
    }
    Ok(Proof {
        entry,
        size,
        entry_proven: proven.is_good(),
        log_verified: audited.is_good(),
        log_entries: audited.entries,
        signed_ms: signed.as_secs_f64() * 1000.0,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Ending> {
    std::fs::write(path, text).map_err(Ending::file("written", path))
}

/// What `bonded verify` does with the same files.
fn check(paper: &Path, papers: &Papers, with_checkpoint: bool) -> Result<Verdict, Ending> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(Ending::file("read", path));
    let key = read(&papers.key)?.trim().parse().map_err(Ending::internal)?;
    let checkpoints = if with_checkpoint { vec![read(&papers.checkpoint)?] } else { Vec::new() };
    verify::check(read(paper)?.as_bytes(), Trust { checkpoints, key: Some(key) })
}

fn verdict(teller: &Teller, verdict: &Verdict, good: &str) -> String {
    if verdict.is_good() {
        format!("{} {good}", teller.good("verified offline:"))
    } else {
        teller.notable("does not hold")
    }
}

/// A few lines of an account's log, about one kind of record.
pub async fn tell_log(caller: &Caller, kind: &str, lines: usize, teller: &Teller) -> Result<Vec<Value>, Ending> {
    let mut events = caller.get(&format!("/v1/events?kind={kind}&limit=500")).await?;
    let Some(Value::Array(events)) = events.get_mut("data").map(Value::take) else { return Ok(Vec::new()) };
    teller.line(kind, format!("log of {}", caller.name));
    for event in events.iter().rev().take(lines).rev() {
        let at = text(event, "/at").get(11..23).unwrap_or("-");
        let actor = shortened(text(event, "/actor"));
        teller.more(format!(
            "{:>4}  {at}  {actor:20} {:14} version {}",
            number(event, "/seq"),
            text(event, "/action"),
            number(event, "/version")
        ));
    }
    Ok(events)
}

/// `key_01jd…h0c`: enough to tell two apart.
fn shortened(actor: &str) -> String {
    match (actor.split_once('_'), actor.len()) {
        (Some((kind, id)), 24..) => {
            let (start, end) = (id.get(..4).unwrap_or(id), id.get(id.len().saturating_sub(4)..).unwrap_or(id));
            format!("{kind}_{start}…{end}")
        }
        _ => actor.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_ids_are_shortened_and_words_are_not() {
        assert_eq!(shortened("key_01jd2mk8x3e5v9zq4t7w6y5h0c"), "key_01jd…5h0c");
        assert_eq!(shortened("system:route"), "system:route");
    }
}
