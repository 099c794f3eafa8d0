//! What an engine means, in a few maps: slow, in memory, and plain enough to be believed.

use bonded_ledger::engine::{
    Bytes16, Commit, ConsumerNumber, EntryRow, LeaseRow, ListBy, Outcome, RecordRow, RecordWrite, TileRow, Write,
};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Model {
    pub accounts: BTreeMap<Bytes16, Account>,
}

#[derive(Clone, Default)]
pub struct Account {
    pub records: BTreeMap<(u8, Bytes16), RecordRow>,
    pub lookups: BTreeMap<(u8, Bytes16), (u8, Bytes16)>,
    pub entries: Vec<EntryRow>,
    pub tiles: BTreeMap<(u8, u64), Vec<u8>>,
    pub cursors: BTreeMap<ConsumerNumber, Cursor>,
}

#[derive(Clone, Copy)]
pub struct Cursor {
    seq: u64,
    fence: u64,
    node: Bytes16,
    until: i64,
}

impl Model {
    /// A commit is tried on a copy, which takes the original's place if nothing refuses it.
    pub fn commit(&mut self, commit: &Commit) -> Outcome {
        let account = self.accounts.entry(commit.account).or_default();
        let mut copy = account.clone();
        if let Err(refusal) = copy.change(&commit.writes) {
            return refusal;
        }
        let first_seq = copy.entries.len() as u64 + 1;
        copy.entries.extend(commit.writes.iter().map(|write| write.entry.clone()));
        *account = copy;
        Outcome::Committed { first_seq }
    }

    pub fn account(&self, account: Bytes16) -> Account {
        self.accounts.get(&account).cloned().unwrap_or_default()
    }

    pub fn lease(
        &mut self,
        account: Bytes16,
        consumer: ConsumerNumber,
        node: Bytes16,
        now: i64,
        until: i64,
    ) -> Option<LeaseRow> {
        let cursors = &mut self.accounts.entry(account).or_default().cursors;
        let cursor = cursors.entry(consumer).or_insert(Cursor { seq: 0, fence: 0, node, until: i64::MIN });
        if cursor.until <= now {
            cursor.fence += 1;
        } else if cursor.node != node {
            return None;
        }
        (cursor.node, cursor.until) = (node, until);
        Some(LeaseRow { seq: cursor.seq, fence: cursor.fence })
    }

    pub fn advance(
        &mut self,
        account: Bytes16,
        consumer: ConsumerNumber,
        fence: u64,
        seq: u64,
        tiles: &[TileRow],
    ) -> bool {
        let account = self.accounts.entry(account).or_default();
        let Some(cursor) = account.cursors.get_mut(&consumer).filter(|cursor| cursor.fence == fence) else {
            return false;
        };
        cursor.seq = cursor.seq.max(seq);
        for tile in tiles {
            account.tiles.insert((tile.level, tile.index), tile.hashes.clone());
        }
        true
    }

    /// Accounts with entries that the consumer has not dealt with.
    pub fn behind(&self, consumer: ConsumerNumber) -> Vec<Bytes16> {
        let seq = |account: &Account| account.cursors.get(&consumer).map_or(0, |cursor| cursor.seq);
        let late = |account: &Account| account.entries.len() as u64 > seq(account);
        self.accounts.iter().filter(|(_, account)| late(account)).map(|(id, _)| *id).collect()
    }
}

impl Account {
    fn change(&mut self, writes: &[Write]) -> Result<(), Outcome> {
        for key in writes.iter().flat_map(|write| &write.lookups_removed) {
            self.lookups.remove(key);
        }
        for added in writes.iter().flat_map(|write| &write.lookups_added) {
            let (kind, id) = *self.lookups.entry((added.name, added.token)).or_insert((added.kind, added.id));
            if (kind, id) != (added.kind, added.id) {
                return Err(Outcome::Taken { name: added.name, kind, id });
            }
        }
        writes.iter().filter_map(|write| write.record.as_ref()).try_for_each(|write| self.write(write))
    }

    fn write(&mut self, write: &RecordWrite) -> Result<(), Outcome> {
        let (kind, id, expected) = match write {
            RecordWrite::Insert(row) => (row.kind, row.id, None),
            RecordWrite::Update(row) | RecordWrite::Forget(row) => (row.kind, row.id, Some(row.version - 1)),
            RecordWrite::Remove { kind, id, version } => (*kind, *id, Some(*version)),
        };
        let old = self.records.remove(&(kind, id));
        if old.as_ref().map(|row| row.version) != expected {
            return Err(Outcome::Conflict { kind, id });
        }
        let new = match (write, old) {
            (RecordWrite::Insert(row), _) => row.clone(),
            (RecordWrite::Update(row), Some(old)) => {
                RecordRow { sort_at: old.sort_at, consumer: row.consumer.clone().or(old.consumer), ..row.clone() }
            }
            (RecordWrite::Forget(row), Some(old)) => RecordRow { sort_at: old.sort_at, consumer: None, ..row.clone() },
            _ => return Ok(()),
        };
        self.records.insert((kind, id), new);
        Ok(())
    }

    /// A whole list, oldest first.
    pub fn list(&self, kind: u8, by: &ListBy) -> Vec<RecordRow> {
        let belongs = |row: &&RecordRow| {
            row.kind == kind
                && match by {
                    ListBy::Kind => true,
                    ListBy::Parent(parent) => row.parent == Some(*parent),
                    ListBy::State(state) => row.state == *state,
                }
        };
        let mut rows: Vec<_> = self.records.values().filter(belongs).cloned().collect();
        match by {
            ListBy::State(_) => rows.sort_by_key(|row| (row.sort_at, row.id)),
            _ => rows.sort_by_key(|row| row.id),
        }
        rows
    }
}
