//! Whether what was brought back agrees with itself: each log without gaps under its checkpoint, each record with its log.

use super::error::BackupError;
use super::manifest::Manifest;
use super::{Progress, Stage, Tell};
use bonded_ledger::engine::{Bytes16, CHECKPOINT_LEVEL, Engine, StoredEntry};
use bonded_merkle::{Checkpoint, Note, Peaks};
use serde::Serialize;
use std::collections::HashMap;

/// Entries that are read at once.
const ENTRIES_A_PAGE: u32 = 4_000;

/// Accounts that are asked for at once.
const ACCOUNTS_A_PAGE: u32 = 1_000;

/// Things found wrong that are named; more are counted.
const NAMED_MAX: usize = 20;

/// The cursor of nobody: no log was ever read under it, so every account with a log is behind it.
const NOBODY: i64 = i64::MIN;

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Accounts with a log.
    pub accounts: u64,
    /// Entries, each in its place.
    pub entries: u64,
    /// Records whose version is that of their last entry.
    pub records: u64,
    /// Records whose log tells of them and that are no longer there: removed, as some are in daily work.
    pub removed: u64,
    /// Logs whose Merkle root is that of their newest checkpoint.
    pub checkpoints: u64,
    /// Entries behind the newest checkpoint of their log: not under a signature yet.
    pub unsigned_entries: u64,
    /// What is wrong.
    pub findings: Vec<String>,
}

impl Checked {
    fn found(&mut self, what: String) {
        if self.findings.len() < NAMED_MAX {
            self.findings.push(what);
        } else if self.findings.len() == NAMED_MAX {
            self.findings.push("and more".to_owned());
        }
    }
}

/// Whether the engine answers at all.
pub(super) async fn answers(engine: &dyn Engine) -> Result<(), BackupError> {
    Ok(engine.ping().await?)
}

/// Checks everything in `engine` against itself and the manifest.
pub(super) async fn check(engine: &dyn Engine, manifest: &Manifest, tell: Tell<'_>) -> Result<Checked, BackupError> {
    answers(engine).await?;
    let mut checked = Checked::default();
    let mut after = None;
    loop {
        let accounts = engine.behind(NOBODY, after, ACCOUNTS_A_PAGE).await?;
        let Some(last) = accounts.last() else { break };
        after = Some(*last);
        for account in accounts {
            one(engine, account, &mut checked).await?;
            tell(Progress { stage: Stage::Checking, bytes: checked.entries, of: Some(manifest.entries) });
        }
    }
    let promised = [
        ("accounts", manifest.accounts, checked.accounts),
        ("entries", manifest.entries, checked.entries),
        ("checkpoints", manifest.checkpoints, checked.checkpoints),
    ];
    for (what, promised, found) in promised {
        if promised != found {
            checked.found(format!("{promised} {what} were backed up and {found} came back"));
        }
    }
    Ok(checked)
}

async fn one(engine: &dyn Engine, account: Bytes16, checked: &mut Checked) -> Result<(), BackupError> {
    let name = uuid::Uuid::from_bytes(account);
    let head = engine.head(account).await?;
    let promised = checkpoint(engine, account).await?;
    let mut log = Log::default();
    while log.seq < head {
        let page = engine.entries(account, log.seq, ENTRIES_A_PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            if entry.seq != log.seq + 1 {
                checked.found(format!("account {name}: entry {} is missing", log.seq + 1));
            }
            log.seq = entry.seq;
            log.peaks.push(&entry.row.leaf);
            if let Promised::Signed(signed) = &promised
                && signed.size == log.seq
                && log.peaks.size() == log.seq
            {
                log.proven = signed.root == log.peaks.root();
            }
        }
        log.compare(engine, account, &page, checked).await?;
    }
    checked.accounts += 1;
    checked.entries += log.peaks.size();
    if log.seq != head {
        checked.found(format!("account {name}: the log should end with {head} and ends with {}", log.seq));
    }
    match promised {
        Promised::None => checked.unsigned_entries += log.seq,
        Promised::Signed(signed) if log.proven || signed.size == 0 => {
            checked.checkpoints += 1;
            checked.unsigned_entries += log.seq.saturating_sub(signed.size);
        }
        Promised::Signed(_) => checked.found(format!("account {name}: the log is not that of its signed checkpoint")),
        Promised::Unreadable => checked.found(format!("account {name}: its checkpoint cannot be read")),
    }
    for (kind, id) in log.ahead.keys().take(NAMED_MAX) {
        let id = uuid::Uuid::from_bytes(*id);
        checked.found(format!("account {name}: the record {kind}/{id} has a version that its log does not tell of"));
    }
    Ok(())
}

/// What a log promises about itself.
enum Promised {
    None,
    Signed(Checkpoint),
    Unreadable,
}

async fn checkpoint(engine: &dyn Engine, account: Bytes16) -> Result<Promised, BackupError> {
    let tiles = engine.tiles(account, &[(CHECKPOINT_LEVEL, 0)]).await?;
    let Some(tile) = tiles.into_iter().next() else { return Ok(Promised::None) };
    let note = String::from_utf8(tile.hashes).ok().and_then(|text| text.parse::<Note>().ok());
    let signed = note.and_then(|note| Checkpoint::parse(note.text()).ok());
    Ok(signed.map_or(Promised::Unreadable, Promised::Signed))
}

/// A log on the way through it.
#[derive(Default)]
struct Log {
    seq: u64,
    peaks: Peaks,
    proven: bool,
    /// Records that are further than the log has told yet, with the version that it must still tell of.
    ahead: HashMap<(u8, Bytes16), u64>,
}

impl Log {
    /// Holds the records that a page of entries is about against what it says of them.
    async fn compare(
        &mut self,
        engine: &dyn Engine,
        account: Bytes16,
        page: &[StoredEntry],
        checked: &mut Checked,
    ) -> Result<(), BackupError> {
        let mut told: HashMap<u8, HashMap<Bytes16, u64>> = HashMap::new();
        for StoredEntry { row, .. } in page.iter().filter(|entry| entry.row.id != [0; 16]) {
            let version = told.entry(row.kind).or_default().entry(row.id).or_default();
            *version = row.version.max(*version);
        }
        for (kind, told) in told {
            let ids: Vec<_> = told.keys().copied().collect();
            let mut there: HashMap<_, _> = engine
                .records(account, kind, &ids)
                .await?
                .into_iter()
                .map(|record| (record.id, record.version))
                .collect();
            for (id, told) in told {
                match there.remove(&id) {
                    None => checked.removed += 1,
                    Some(version) if version < told => {
                        let (account, id) = (uuid::Uuid::from_bytes(account), uuid::Uuid::from_bytes(id));
                        checked.found(format!("account {account}: the record {kind}/{id} is older than its log"));
                    }
                    Some(version) if version > told => {
                        self.ahead.insert((kind, id), version);
                    }
                    Some(_) => {
                        self.ahead.remove(&(kind, id));
                        checked.records += 1;
                    }
                }
            }
        }
        Ok(())
    }
}
