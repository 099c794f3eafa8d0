//! Rows, writes and commits in few words.

use bonded_ledger::engine::{
    Bytes16, Commit, Engine, EntryRow, ListBy, ListQuery, LookupRow, Outcome, RecordRow, RecordWrite, Write,
};

pub const KIND: u8 = 8;
pub const OTHER_KIND: u8 = 9;

/// An id that sorts by its number.
pub fn id(number: u64) -> Bytes16 {
    let mut bytes = [0x01; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// An account of one story.
pub fn account(number: u8) -> Bytes16 {
    let mut bytes = [0xa0; 16];
    bytes[15] = number;
    bytes
}

/// A record at its birth; what it holds tells its id and version.
pub fn record(number: u64) -> RecordRow {
    RecordRow {
        kind: KIND,
        id: id(number),
        version: 1,
        state: 0,
        parent: None,
        sort_at: 1_000 + number.cast_signed(),
        sealed: format!("record {number} version 1").into_bytes(),
        consumer: None,
    }
}

/// The same record one version on.
pub fn next(row: &RecordRow) -> RecordRow {
    let version = row.version + 1;
    RecordRow { version, sealed: format!("{:?} version {version}", row.id).into_bytes(), consumer: None, ..row.clone() }
}

/// An entry about a record.
pub fn entry(kind: u8, id: Bytes16, version: u64) -> EntryRow {
    EntryRow {
        at: 1_795_339_800_000 + version.cast_signed(),
        actor: [7; 17],
        action: "changed".into(),
        kind,
        id,
        version,
        sealed: [&id[..], &version.to_be_bytes()].concat(),
        leaf: [id[7] ^ version.to_le_bytes()[0]; 32],
    }
}

pub fn write(record: RecordWrite) -> Write {
    let entry = match &record {
        RecordWrite::Insert(row) | RecordWrite::Update(row) | RecordWrite::Forget(row) => {
            entry(row.kind, row.id, row.version)
        }
        RecordWrite::Remove { kind, id, version } => entry(*kind, *id, *version),
    };
    Write { entry, record: Some(record), lookups_added: vec![], lookups_removed: vec![] }
}

pub fn insert(row: &RecordRow) -> Write {
    write(RecordWrite::Insert(row.clone()))
}

pub fn update(row: &RecordRow) -> Write {
    write(RecordWrite::Update(row.clone()))
}

pub fn remove(row: &RecordRow) -> Write {
    write(RecordWrite::Remove { kind: row.kind, id: row.id, version: row.version })
}

/// An entry without a record.
pub fn witness(number: u64) -> Write {
    Write { entry: entry(KIND, id(number), 1), record: None, lookups_added: vec![], lookups_removed: vec![] }
}

pub const NAME: u8 = 3;

impl Adding for Write {}

/// Lookups said after the write they belong to.
pub trait Adding: Into<Write> {
    /// The write's own record becomes findable by a token.
    fn found_by(self, token: u64) -> Write {
        let mut write: Write = self.into();
        let (kind, id_of) = (write.entry.kind, write.entry.id);
        write.lookups_added.push(LookupRow { name: NAME, token: id(token), kind, id: id_of });
        write
    }

    /// A token no longer finds anything.
    fn no_longer_by(self, token: u64) -> Write {
        let mut write: Write = self.into();
        write.lookups_removed.push((NAME, id(token)));
        write
    }
}

pub fn commit(account: Bytes16, writes: impl IntoIterator<Item = Write>) -> Commit {
    Commit { account, writes: writes.into_iter().collect() }
}

pub fn conflict(row: &RecordRow) -> Outcome {
    Outcome::Conflict { kind: row.kind, id: row.id }
}

pub fn taken_by(row: &RecordRow) -> Outcome {
    Outcome::Taken { name: NAME, kind: row.kind, id: row.id }
}

pub fn committed(first_seq: u64) -> Outcome {
    Outcome::Committed { first_seq }
}

/// Writes one commit and says what became of it.
pub async fn put(engine: &dyn Engine, account: Bytes16, writes: impl IntoIterator<Item = Write>) -> Outcome {
    let mut outcomes = engine.write(vec![commit(account, writes)]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// The record with this number as the engine has it.
pub async fn stored(engine: &dyn Engine, account: Bytes16, number: u64) -> Option<RecordRow> {
    engine.records(account, KIND, &[id(number)]).await.unwrap().into_iter().next()
}

/// What a token finds.
pub async fn found(engine: &dyn Engine, account: Bytes16, token: u64) -> Option<(u8, Bytes16)> {
    engine.lookups(account, &[(NAME, id(token))]).await.unwrap()[0]
}

/// All pages of a list, in pages of `limit` rows.
pub async fn all(
    engine: &dyn Engine,
    account: Bytes16,
    kind: u8,
    by: &ListBy,
    descending: bool,
    limit: u32,
) -> Vec<RecordRow> {
    let mut rows: Vec<RecordRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| (row.sort_at, row.id));
        let query = ListQuery { kind, by: by.clone(), descending, after, limit };
        let page = engine.list(account, &query).await.unwrap();
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}
