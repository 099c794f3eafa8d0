//! Turns what a batch decided into arrays, one a column, for statements over `unnest`.

use super::decide::{Beside, Fate, Found, LookupKey, RecordKey, Standing};
use crate::engine::{Bytes16, EntryRow, RecordRow, TileRow};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// The parameters of one statement, in the order of its columns.
pub(super) type Parameters<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Records named by their keys.
#[derive(Default)]
pub(super) struct RecordKeys {
    accounts: Vec<Uuid>,
    kinds: Vec<i16>,
    ids: Vec<Uuid>,
}

impl RecordKeys {
    pub(super) fn push(&mut self, (account, kind, id): RecordKey) {
        self.accounts.push(Uuid::from_bytes(account));
        self.kinds.push(kind.into());
        self.ids.push(Uuid::from_bytes(id));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        vec![&self.accounts, &self.kinds, &self.ids]
    }
}

/// Whole records.
#[derive(Default)]
pub(super) struct Records<'b> {
    keys: RecordKeys,
    versions: Vec<i64>,
    states: Vec<i16>,
    parents: Vec<Option<Uuid>>,
    sort_ats: Vec<i64>,
    sealed: Vec<&'b [u8]>,
    consumers: Vec<Option<&'b [u8]>>,
    /// Whether the stored consumer goes where none is given.
    forgets: Vec<bool>,
}

impl<'b> Records<'b> {
    fn push(&mut self, key: RecordKey, row: &'b RecordRow, sort_at: i64, consumer: Beside<'b>) {
        self.keys.push(key);
        self.versions.push(row.version.cast_signed());
        self.states.push(row.state.into());
        self.parents.push(row.parent.map(Uuid::from_bytes));
        self.sort_ats.push(sort_at);
        self.sealed.push(&row.sealed);
        self.consumers.push(if let Beside::Given(fields) = consumer { Some(fields) } else { None });
        self.forgets.push(matches!(consumer, Beside::Gone));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// With the column `sort_at`, which only a new record has.
    pub(super) fn inserted(&self) -> Parameters<'_> {
        let mut parameters = self.columns();
        parameters.push(&self.sort_ats);
        parameters
    }

    /// With whether the stored consumer goes, which only a changed record has.
    pub(super) fn updated(&self) -> Parameters<'_> {
        let mut parameters = self.columns();
        parameters.push(&self.forgets);
        parameters
    }

    fn columns(&self) -> Parameters<'_> {
        let mut parameters = self.keys.parameters();
        parameters.extend([
            &self.versions as &(dyn ToSql + Sync),
            &self.states,
            &self.parents,
            &self.sealed,
            &self.consumers,
        ]);
        parameters
    }
}

/// What a batch does to records.
#[derive(Default)]
pub(super) struct RecordWork<'b> {
    pub(super) removed: RecordKeys,
    pub(super) inserted: Records<'b>,
    pub(super) updated: Records<'b>,
}

impl<'b> RecordWork<'b> {
    pub(super) fn of(fates: &[Fate<RecordKey, Standing<'b>>]) -> Self {
        let mut work = Self::default();
        for Fate { key, stored, now } in fates {
            match *now {
                Standing::Gone if *stored => work.removed.push(*key),
                Standing::Stored(_) | Standing::Gone => {}
                Standing::Changed { row, consumer } => work.updated.push(*key, row, row.sort_at, consumer),
                Standing::Begun { row, sort_at, consumer } => {
                    if *stored {
                        work.removed.push(*key);
                    }
                    let given = consumer.map_or(Beside::Gone, Beside::Given);
                    work.inserted.push(*key, row, sort_at, given);
                }
            }
        }
        work
    }
}

/// Lookups named by their keys.
#[derive(Default)]
pub(super) struct LookupKeys {
    accounts: Vec<Uuid>,
    names: Vec<i16>,
    tokens: Vec<Uuid>,
}

impl LookupKeys {
    pub(super) fn push(&mut self, (account, name, token): LookupKey) {
        self.accounts.push(Uuid::from_bytes(account));
        self.names.push(name.into());
        self.tokens.push(Uuid::from_bytes(token));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        vec![&self.accounts, &self.names, &self.tokens]
    }
}

/// What a batch does to lookups.
#[derive(Default)]
pub(super) struct LookupWork {
    pub(super) removed: LookupKeys,
    inserted: LookupKeys,
    kinds: Vec<i16>,
    ids: Vec<Uuid>,
}

impl LookupWork {
    /// A lookup that now finds another record is removed and inserted.
    pub(super) fn of(fates: &[Fate<LookupKey, Option<Found>>], before: impl Fn(&LookupKey) -> Option<Found>) -> Self {
        let mut work = Self::default();
        for Fate { key, stored, now } in fates {
            if *stored && before(key) == *now {
                continue;
            }
            if *stored {
                work.removed.push(*key);
            }
            if let Some((kind, id)) = *now {
                work.inserted.push(*key);
                work.kinds.push(kind.into());
                work.ids.push(Uuid::from_bytes(id));
            }
        }
        work
    }

    pub(super) const fn inserts_nothing(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn inserted(&self) -> Parameters<'_> {
        let mut parameters = self.inserted.parameters();
        parameters.extend([&self.kinds as &(dyn ToSql + Sync), &self.ids]);
        parameters
    }
}

/// Entries with their places in the logs.
#[derive(Default)]
pub(super) struct Entries<'b> {
    accounts: Vec<Uuid>,
    seqs: Vec<i64>,
    ats: Vec<i64>,
    actors: Vec<&'b [u8]>,
    actions: Vec<&'b str>,
    kinds: Vec<i16>,
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    sealed: Vec<&'b [u8]>,
    leaves: Vec<&'b [u8]>,
}

impl<'b> Entries<'b> {
    pub(super) fn of(numbered: &[(Bytes16, u64, &'b EntryRow)]) -> Self {
        let mut entries = Self::default();
        for (account, seq, entry) in numbered {
            entries.accounts.push(Uuid::from_bytes(*account));
            entries.seqs.push(seq.cast_signed());
            entries.ats.push(entry.at);
            entries.actors.push(&entry.actor);
            entries.actions.push(&entry.action);
            entries.kinds.push(entry.kind.into());
            entries.ids.push(Uuid::from_bytes(entry.id));
            entries.versions.push(entry.version.cast_signed());
            entries.sealed.push(&entry.sealed);
            entries.leaves.push(&entry.leaf);
        }
        entries
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        vec![
            &self.accounts,
            &self.seqs,
            &self.ats,
            &self.actors,
            &self.actions,
            &self.kinds,
            &self.ids,
            &self.versions,
            &self.sealed,
            &self.leaves,
        ]
    }
}

/// Tiles of one account.
#[derive(Default)]
pub(super) struct Tiles<'b> {
    pub(super) levels: Vec<i16>,
    pub(super) indexes: Vec<i64>,
    pub(super) hashes: Vec<&'b [u8]>,
}

impl<'b> Tiles<'b> {
    /// Of a place that is named twice the last one counts: one statement cannot store a row twice.
    pub(super) fn of(tiles: &'b [TileRow]) -> Self {
        let mut places: Vec<&TileRow> = tiles.iter().rev().collect();
        places.sort_by_key(|tile| (tile.level, tile.index));
        places.dedup_by_key(|tile| (tile.level, tile.index));
        let mut columns = Self::default();
        for tile in places {
            columns.levels.push(tile.level.into());
            columns.indexes.push(tile.index.cast_signed());
            columns.hashes.push(&tile.hashes);
        }
        columns
    }
}
