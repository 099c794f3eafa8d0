//! Decides in memory what becomes of each commit of a batch, and what the batch as a whole does to each row.
//!
//! The rows that matter are read beforehand, while the accounts' heads are locked. Several commits of a batch may touch
//! the same record or lookup: each sees what those before it left, and only the last state is written.

use crate::engine::{Bytes16, Commit, EntryRow, LookupRow, Outcome, RecordRow, RecordWrite};
use std::collections::HashMap;
use std::hash::Hash;

/// Account, kind, id.
pub(super) type RecordKey = (Bytes16, u8, Bytes16);

/// Account, name, token.
pub(super) type LookupKey = (Bytes16, u8, Bytes16);

/// What a lookup finds: kind and id.
pub(super) type Found = (u8, Bytes16);

/// What the database holds of the rows that a batch names.
#[derive(Default)]
pub(super) struct Before {
    /// Versions of the records that exist.
    pub(super) versions: HashMap<RecordKey, u64>,
    /// What the lookups that exist find.
    pub(super) lookups: HashMap<LookupKey, Found>,
    /// The accounts' last numbers; an account without one has no entries.
    pub(super) heads: HashMap<Bytes16, u64>,
}

/// A record as the batch has left it so far.
#[derive(Clone, Copy)]
pub(super) enum Standing<'b> {
    /// As the database has it, at this version; or absent there.
    Stored(Option<u64>),
    /// Changed: the newest row, and what becomes of the consumer beside it.
    Changed { row: &'b RecordRow, consumer: Beside<'b> },
    /// Begun in this batch: the newest row, the moment it is sorted by, its consumer fields.
    Begun { row: &'b RecordRow, sort_at: i64, consumer: Option<&'b [u8]> },
    /// Gone.
    Gone,
}

/// What becomes of the consumer beside a changed record.
#[derive(Clone, Copy)]
pub(super) enum Beside<'b> {
    /// It stays as it is.
    Same,
    /// It becomes this.
    Given(&'b [u8]),
    /// It goes.
    Gone,
}

impl<'b> Beside<'b> {
    /// After an update, which may bring another.
    fn or(self, given: Option<&'b [u8]>) -> Self {
        given.map_or(self, Self::Given)
    }
}

impl Standing<'_> {
    const fn version(self) -> Option<u64> {
        match self {
            Self::Stored(version) => version,
            Self::Changed { row, .. } | Self::Begun { row, .. } => Some(row.version),
            Self::Gone => None,
        }
    }
}

/// One row of the batch's work: its key, whether the database has it, and what it shall be.
pub(super) struct Fate<K, S> {
    pub(super) key: K,
    pub(super) stored: bool,
    pub(super) now: S,
}

/// What is to be done, and what is to be told.
pub(super) struct Decision<'b> {
    /// One for each commit, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// Records, in the order in which the batch first named them.
    pub(super) records: Vec<Fate<RecordKey, Standing<'b>>>,
    /// Lookups likewise, with what they shall find.
    pub(super) lookups: Vec<Fate<LookupKey, Option<Found>>>,
    /// Entries with their account and number.
    pub(super) entries: Vec<(Bytes16, u64, &'b EntryRow)>,
    /// The last numbers of the accounts that got entries.
    pub(super) heads: HashMap<Bytes16, u64>,
}

/// Goes through the commits in order.
pub(super) fn decide<'b>(batch: &'b [Commit], before: &Before) -> Decision<'b> {
    let mut desk = Desk { records: Rows::new(), lookups: Rows::new(), before };
    let mut decision = Decision {
        outcomes: Vec::with_capacity(batch.len()),
        records: vec![],
        lookups: vec![],
        entries: vec![],
        heads: HashMap::new(),
    };
    for commit in batch {
        let outcome = match desk.try_commit(commit) {
            Ok(()) => decision.log(commit, before),
            Err(refusal) => {
                desk.records.undo();
                desk.lookups.undo();
                refusal
            }
        };
        desk.records.keep();
        desk.lookups.keep();
        decision.outcomes.push(outcome);
    }
    decision.records = desk.records.into_fates(|standing| matches!(standing, Standing::Stored(Some(_))));
    decision.lookups = desk.lookups.into_fates(Option::is_some);
    decision
}

impl<'b> Decision<'b> {
    /// Numbers the entries of a commit that is good.
    fn log(&mut self, commit: &'b Commit, before: &Before) -> Outcome {
        let account = commit.account;
        let stored = before.heads.get(&account).copied().unwrap_or(0);
        let head = self.heads.get(&account).copied().unwrap_or(stored);
        let mut last = head;
        for write in &commit.writes {
            last += 1;
            self.entries.push((account, last, &write.entry));
        }
        if last > head {
            self.heads.insert(account, last);
        }
        Outcome::Committed { first_seq: head + 1 }
    }
}

/// Where the rows lie while commits are tried.
struct Desk<'b, 'd> {
    records: Rows<RecordKey, Standing<'b>>,
    lookups: Rows<LookupKey, Option<Found>>,
    before: &'d Before,
}

impl<'b> Desk<'b, '_> {
    /// Lookups first (all that end, then all that begin), records after them; stops at the first refusal.
    fn try_commit(&mut self, commit: &'b Commit) -> Result<(), Outcome> {
        let account = commit.account;
        for (name, token) in commit.writes.iter().flat_map(|write| &write.lookups_removed) {
            *self.lookup((account, *name, *token)) = None;
        }
        for lookup in commit.writes.iter().flat_map(|write| &write.lookups_added) {
            self.add_lookup(account, lookup)?;
        }
        commit.writes.iter().filter_map(|write| write.record.as_ref()).try_for_each(|write| self.write(account, write))
    }

    fn lookup(&mut self, key: LookupKey) -> &mut Option<Found> {
        let stored = self.before.lookups.get(&key).copied();
        self.lookups.touch(key, stored)
    }

    fn add_lookup(&mut self, account: Bytes16, added: &LookupRow) -> Result<(), Outcome> {
        let wanted = (added.kind, added.id);
        let found = self.lookup((account, added.name, added.token));
        match *found {
            Some(holder) if holder != wanted => Err(Outcome::Taken { name: added.name, kind: holder.0, id: holder.1 }),
            _ => {
                *found = Some(wanted);
                Ok(())
            }
        }
    }

    fn write(&mut self, account: Bytes16, write: &'b RecordWrite) -> Result<(), Outcome> {
        let (kind, id) = write_names(write);
        let key = (account, kind, id);
        let stored = self.before.versions.get(&key).copied();
        let standing = self.records.touch(key, Standing::Stored(stored));
        *standing = after(*standing, write).ok_or(Outcome::Conflict { kind, id })?;
        Ok(())
    }
}

/// What a write makes of a record; `None` if it expected another version.
fn after<'b>(now: Standing<'b>, write: &'b RecordWrite) -> Option<Standing<'b>> {
    let version = now.version();
    match (write, now) {
        (RecordWrite::Insert(row), _) if version.is_none() => {
            Some(Standing::Begun { row, sort_at: row.sort_at, consumer: row.consumer.as_deref() })
        }
        (RecordWrite::Update(row) | RecordWrite::Forget(row), _)
            if version.is_none_or(|version| row.version != version.wrapping_add(1)) =>
        {
            None
        }
        (RecordWrite::Update(row), Standing::Begun { sort_at, consumer, .. }) => {
            Some(Standing::Begun { row, sort_at, consumer: row.consumer.as_deref().or(consumer) })
        }
        (RecordWrite::Update(row), Standing::Changed { consumer, .. }) => {
            Some(Standing::Changed { row, consumer: consumer.or(row.consumer.as_deref()) })
        }
        (RecordWrite::Update(row), _) => {
            Some(Standing::Changed { row, consumer: Beside::Same.or(row.consumer.as_deref()) })
        }
        (RecordWrite::Forget(row), Standing::Begun { sort_at, .. }) => {
            Some(Standing::Begun { row, sort_at, consumer: None })
        }
        (RecordWrite::Forget(row), _) => Some(Standing::Changed { row, consumer: Beside::Gone }),
        (RecordWrite::Remove { version: expected, .. }, _) if version == Some(*expected) => Some(Standing::Gone),
        _ => None,
    }
}

/// The kind and id that a write is about.
pub(super) const fn write_names(write: &RecordWrite) -> (u8, Bytes16) {
    match write {
        RecordWrite::Insert(row) | RecordWrite::Update(row) | RecordWrite::Forget(row) => (row.kind, row.id),
        RecordWrite::Remove { kind, id, .. } => (*kind, *id),
    }
}

/// Rows by key, in the order in which they were first touched, with what is needed to undo the commit at hand.
struct Rows<K, S> {
    places: HashMap<K, usize>,
    /// Key, as the database has it, as it is now.
    all: Vec<(K, S, S)>,
    /// Place and earlier state, newest last.
    undo: Vec<(usize, S)>,
}

impl<K: Copy + Eq + Hash, S: Copy> Rows<K, S> {
    fn new() -> Self {
        Self { places: HashMap::new(), all: Vec::new(), undo: Vec::new() }
    }

    /// The row's present state, to be changed; remembers the one before.
    fn touch(&mut self, key: K, stored: S) -> &mut S {
        let place = *self.places.entry(key).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push((key, stored, stored));
        }
        #[expect(clippy::indexing_slicing, reason = "`places` holds only places of `all`, which never shrinks")]
        let row = &mut self.all[place].2;
        self.undo.push((place, *row));
        row
    }

    /// Puts every row back to where it was before the commit at hand.
    fn undo(&mut self) {
        while let Some((place, earlier)) = self.undo.pop() {
            if let Some(row) = self.all.get_mut(place) {
                row.2 = earlier;
            }
        }
    }

    /// The commit at hand is over.
    fn keep(&mut self) {
        self.undo.clear();
    }

    fn into_fates(self, is_stored: impl Fn(&S) -> bool) -> Vec<Fate<K, S>> {
        self.all.into_iter().map(|(key, stored, now)| Fate { key, stored: is_stored(&stored), now }).collect()
    }
}
