//! Checks an exported log: its entries against signed checkpoints, its records against its entries.

use super::lines::{EntryLine, Header, Line, RecordLine, Said, subject};
use super::{Trust, Verdict};
use crate::ending::{Code, Ending};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_ledger::record_digest;
use bonded_merkle::{Audit, Exported, VerifierKey};
use std::collections::HashMap;
use std::io::BufRead;

/// An account's first entry.
const FIRST_SEQ: u64 = 1;

/// Findings of our own that are named; a log that is wrong throughout needs no longer list.
const FINDINGS_MAX: usize = 1_000;

/// Bytes of one line at most; a product with all its variants is far shorter.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads an export to its end and judges it. `first` is its first line, read already.
pub(super) fn check(first: &str, mut export: impl BufRead, trust: Trust) -> Result<Verdict, Ending> {
    let mut checking = match serde_json::from_str(first) {
        Ok(Line::Export(header)) if header.format == crate::desk::EXPORT_FORMAT => Checking::begin(&header, trust)?,
        Ok(Line::Export(header)) => {
            return Err(Ending::new(Code::Data, format!("this export has the form `{}`", header.format))
                .next("run the version of this program that wrote it, or a later one"));
        }
        _ => {
            let mut checking = Checking::of_entries(trust)?;
            checking.read(first, 1);
            checking
        }
    };
    let (mut text, mut number) = (String::new(), 1);
    while read_line(&mut export, &mut text)? > 0 {
        number += 1;
        checking.read(&text, number);
    }
    Ok(checking.end())
}

pub(super) fn read_line(export: &mut impl BufRead, text: &mut String) -> Result<usize, Ending> {
    text.clear();
    let read = std::io::Read::take(&mut *export, LINE_BYTES_MAX).read_line(text);
    read.map_err(|error| Ending::new(Code::Data, format!("the export cannot be read: {error}")))
}

struct Checking {
    key: VerifierKey,
    checkpoints: Vec<String>,
    /// Begun when the export's own checkpoints have been read.
    audit: Option<Audit>,
    /// Records that no entry has spoken for yet, by id and version.
    records: HashMap<(String, u64), String>,
    ended: bool,
    verdict: Verdict,
}

impl Checking {
    fn begin(header: &Header, trust: Trust) -> Result<Self, Ending> {
        let mut verdict = Verdict { log: header.log.clone(), ..Verdict::default() };
        let own: Option<VerifierKey> = header.key.parse().ok();
        let key = match (trust.key, own) {
            (Some(trusted), Some(own)) if trusted != own => {
                verdict.findings.push("the export names another key than the one you trust".to_owned());
                trusted
            }
            (Some(trusted), _) => trusted,
            (None, Some(own)) => {
                verdict.notes.push("the key came with the export: compare it with one you got elsewhere".to_owned());
                own
            }
            (None, None) => return Err(Ending::new(Code::Data, "the export's key cannot be read")),
        };
        if trust.checkpoints.is_empty() {
            verdict.notes.push("no checkpoint of your own was given: keep one to hold later exports to".to_owned());
        }
        let checkpoints = trust.checkpoints;
        Ok(Self { key, checkpoints, audit: None, records: HashMap::new(), ended: false, verdict })
    }

    /// A file of entries alone, as the API exports them: it has no key and no checkpoint of its own.
    fn of_entries(trust: Trust) -> Result<Self, Ending> {
        let Trust { checkpoints, key: Some(key) } = trust else {
            return Err(Ending::new(Code::Usage, "a file of entries alone does not say who signs this log")
                .next("give the log's key and a checkpoint: --key KEY --checkpoint FILE"));
        };
        let verdict = Verdict { log: key.name().to_owned(), ..Verdict::default() };
        Ok(Self { key, checkpoints, audit: None, records: HashMap::new(), ended: true, verdict })
    }

    fn read(&mut self, text: &str, number: u64) {
        match serde_json::from_str(text) {
            Ok(line) => self.take(line),
            Err(_) => match serde_json::from_str(text) {
                Ok(entry) => self.entry(&entry),
                // The parser's own words could quote the line.
                Err(_) => self.find(format!("line {number} cannot be read")),
            },
        }
    }

    fn find(&mut self, finding: String) {
        if self.verdict.findings.len() < FINDINGS_MAX {
            self.verdict.findings.push(finding);
        }
    }

    fn take(&mut self, line: Line<'_>) {
        match line {
            Line::Export(_) => self.find("a second export begins in the middle of this one".to_owned()),
            Line::Checkpoint(note) if self.audit.is_none() => self.checkpoints.push(note),
            Line::Checkpoint(_) => self.find("a checkpoint stands behind entries, where none belongs".to_owned()),
            Line::Record(record) => self.record(record),
            Line::Consumer(_) => {}
            Line::Entry(entry) => self.entry(&entry),
            Line::End(end) => {
                self.ended = true;
                let (entries, records) = (self.verdict.entries, self.verdict.records);
                if (end.entries, end.records) != (entries, records) {
                    self.find(format!(
                        "the export should hold {} entries and {} records, and holds {entries} and {records}",
                        end.entries, end.records
                    ));
                }
            }
        }
    }

    fn record(&mut self, record: RecordLine<'_>) {
        self.verdict.records += 1;
        let RecordLine { id, version, value } = record;
        if self.records.insert((id, version), value.get().to_owned()).is_some() {
            self.find("a record is there twice".to_owned());
        }
    }

    fn entry(&mut self, entry: &EntryLine<'_>) {
        self.verdict.entries += 1;
        let seq = entry.seq;
        let leaf = BASE64.decode(&entry.leaf).unwrap_or_default();
        let hash = BASE64.decode(&entry.leaf_hash).ok().and_then(|hash| hash.try_into().ok());
        let (checkpoints, key) = (&self.checkpoints, &self.key);
        self.audit.get_or_insert_with(|| Audit::new(checkpoints, key, FIRST_SEQ)).entry(Exported {
            seq,
            leaf: &leaf,
            // A hash that cannot be read is no hash of anything, and is found to differ.
            leaf_hash: hash.unwrap_or_default(),
        });
        let Some((id, version, digest)) = std::str::from_utf8(&leaf).ok().and_then(subject) else {
            return self.find(format!("entry {seq} is not of the form that entries have"));
        };
        let salt = BASE64.decode(&entry.salt).unwrap_or_default();
        // The same construction ties an entry to what it says, and a record to its entry.
        if record_digest(&salt, entry.said.get().as_bytes()) != digest {
            return self.find(format!("entry {seq} was changed: what it says is not what was hashed"));
        }
        let Some(record) = self.records.remove(&(id.to_owned(), version)) else { return };
        let said = serde_json::from_str::<Said>(entry.said.get()).ok().and_then(|said| said.record);
        if said.is_none_or(|said| said != record_digest(&salt, record.as_bytes())) {
            self.find(format!("{id} is not what entry {seq} says of its version {version}"));
        }
    }

    fn end(mut self) -> Verdict {
        let mut orphans: Vec<_> = std::mem::take(&mut self.records).into_keys().collect();
        orphans.sort_unstable();
        for (id, version) in orphans {
            self.find(format!("{id} has a version {version} of which no entry speaks"));
        }
        if !self.ended {
            self.find("the export breaks off: its last line is missing".to_owned());
        }
        let audit = self.audit.unwrap_or_else(|| Audit::new(&self.checkpoints, &self.key, FIRST_SEQ));
        match audit.finish() {
            Ok(report) => {
                self.verdict.signed_entries = report.signed_entries;
                self.verdict.checkpoints = report.checkpoints;
                self.verdict.root = BASE64.encode(report.root);
            }
            Err(findings) => self.verdict.findings.extend(findings.iter().map(ToString::to_string)),
        }
        self.verdict
    }
}
