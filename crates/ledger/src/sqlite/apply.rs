//! Carries commits out inside a transaction that the writer has begun.
//!
//! Commits are first tried in the hope that none is refused half way: no savepoints, no questions before the writes.
//! If one is, the writer rolls everything back and applies the same commits with a savepoint each, which costs more.

use super::lookups::{Lookups, Newest};
use crate::engine::{Bytes16, Commit, EntryRow, HEAD, Outcome, RecordRow, RecordWrite, Write};
use rusqlite::{Connection, OptionalExtension, Result, Statement, params};
use std::collections::HashMap;

/// How commits are applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Without savepoints.
    Hopeful,
    /// With a savepoint for each commit.
    Careful,
}

/// What came of applying a commit, or a batch.
pub(super) enum Applied<T> {
    /// Done.
    Done(T),
    /// A commit was refused after it had changed something: roll back and be careful.
    HalfWay,
}

/// Why a commit is refused.
enum Refusal {
    Conflict { kind: u8, id: Bytes16 },
    Taken { name: u8, kind: u8, id: Bytes16 },
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict { kind, id } => Self::Conflict { kind, id },
            Refusal::Taken { name, kind, id } => Self::Taken { name, kind, id },
        }
    }
}

/// The statements that commits are made of, prepared once for the life of the writer's connection.
pub(super) struct Commits<'c> {
    connection: &'c Connection,
    insert_record: Statement<'c>,
    update_record: Statement<'c>,
    forget_record: Statement<'c>,
    remove_record: Statement<'c>,
    lookups: Lookups<'c>,
    insert_entry: Statement<'c>,
    find_head: Statement<'c>,
    store_head: Statement<'c>,
    savepoint: Statement<'c>,
    release: Statement<'c>,
    undo: Statement<'c>,
}

impl<'c> Commits<'c> {
    pub(super) fn prepare(connection: &'c Connection, lookups: Lookups<'c>) -> Result<Self> {
        Ok(Self {
            connection,
            lookups,
            insert_record: connection.prepare(
                "INSERT INTO records (account, kind, id, version, state, parent, sort_at, sealed, consumer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            )?,
            update_record: connection.prepare(
                "UPDATE records
                 SET version = ?4, state = ?5, parent = ?6, sealed = ?7, consumer = coalesce(?8, consumer)
                 WHERE account = ?1 AND kind = ?2 AND id = ?3 AND version = ?4 - 1",
            )?,
            forget_record: connection.prepare(
                "UPDATE records SET version = ?4, state = ?5, parent = ?6, sealed = ?7, consumer = NULL
                 WHERE account = ?1 AND kind = ?2 AND id = ?3 AND version = ?4 - 1",
            )?,
            remove_record: connection
                .prepare("DELETE FROM records WHERE account = ?1 AND kind = ?2 AND id = ?3 AND version = ?4")?,
            insert_entry: connection.prepare(
                "INSERT INTO entries (account, seq, at, actor, action, kind, id, version, sealed, leaf)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            find_head: connection.prepare("SELECT seq FROM cursors WHERE account = ?1 AND consumer = ?2")?,
            store_head: connection.prepare(
                "INSERT INTO cursors (account, consumer, seq, fence, node, until) VALUES (?1, ?2, ?3, 0, ?4, 0)
                 ON CONFLICT DO UPDATE SET seq = excluded.seq",
            )?,
            savepoint: connection.prepare("SAVEPOINT one")?,
            release: connection.prepare("RELEASE one")?,
            undo: connection.prepare("ROLLBACK TO one")?,
        })
    }

    /// Applies a batch; `heads` carries the accounts' last numbers from batch to batch of one transaction.
    pub(super) fn apply(
        &mut self,
        batch: &[Commit],
        heads: &mut HashMap<Bytes16, u64>,
        mode: Mode,
    ) -> Result<Applied<Vec<Outcome>>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for commit in batch {
            match self.one(commit, heads, mode)? {
                Applied::Done(outcome) => outcomes.push(outcome),
                Applied::HalfWay => return Ok(Applied::HalfWay),
            }
        }
        Ok(Applied::Done(outcomes))
    }

    /// The last work of a transaction: writes down where the accounts' logs end now.
    pub(super) fn finish(&mut self, heads: &HashMap<Bytes16, u64>) -> Result<()> {
        self.lookups.close_if_full()?;
        for (account, head) in heads {
            self.store_head.execute(params![account, HEAD, head.cast_signed(), [0_u8; 16]])?;
        }
        Ok(())
    }

    /// What a rollback does not undo by itself, to be given back to [`Self::go_back`] after one.
    pub(super) const fn newest(&self) -> Newest {
        self.lookups.newest()
    }

    /// After a rollback.
    pub(super) const fn go_back(&mut self, newest: Newest) {
        self.lookups.go_back(newest);
    }

    fn one(&mut self, commit: &Commit, heads: &mut HashMap<Bytes16, u64>, mode: Mode) -> Result<Applied<Outcome>> {
        if mode == Mode::Careful {
            self.savepoint.execute([])?;
        }
        let before = self.connection.total_changes();
        let refusal = self.change(commit)?;
        if let Some(refusal) = refusal {
            if mode == Mode::Careful {
                self.undo.execute([])?;
                self.release.execute([])?;
            } else if self.connection.total_changes() != before {
                return Ok(Applied::HalfWay);
            }
            return Ok(Applied::Done(refusal.into()));
        }
        let first_seq = self.log(commit, heads)?;
        if mode == Mode::Careful {
            self.release.execute([])?;
        }
        Ok(Applied::Done(Outcome::Committed { first_seq }))
    }

    /// Lookups first (all that end, then all that begin), records after them; stops at the first refusal.
    fn change(&mut self, commit: &Commit) -> Result<Option<Refusal>> {
        let account = &commit.account;
        for (name, token) in commit.writes.iter().flat_map(|write| &write.lookups_removed) {
            self.lookups.remove(account, *name, token)?;
        }
        for lookup in commit.writes.iter().flat_map(|write| &write.lookups_added) {
            if let Some((kind, id)) = self.lookups.add(account, lookup)? {
                return Ok(Some(Refusal::Taken { name: lookup.name, kind, id }));
            }
        }
        for record in commit.writes.iter().filter_map(|write| write.record.as_ref()) {
            let (done, kind, id) = self.write_record(account, record)?;
            if !done {
                return Ok(Some(Refusal::Conflict { kind, id }));
            }
        }
        Ok(None)
    }

    fn write_record(&mut self, account: &Bytes16, write: &RecordWrite) -> Result<(bool, u8, Bytes16)> {
        let (changed, kind, id) = match write {
            RecordWrite::Insert(row) => (self.insert(account, row)?, row.kind, row.id),
            RecordWrite::Update(row) => (self.update(account, row)?, row.kind, row.id),
            RecordWrite::Forget(row) => (self.forget(account, row)?, row.kind, row.id),
            RecordWrite::Remove { kind, id, version } => {
                (self.remove_record.execute(params![account, kind, id, version.cast_signed()])?, *kind, *id)
            }
        };
        Ok((changed == 1, kind, id))
    }

    fn insert(&mut self, account: &Bytes16, row: &RecordRow) -> Result<usize> {
        self.insert_record.execute(params![
            account,
            row.kind,
            row.id,
            row.version.cast_signed(),
            row.state,
            row.parent,
            row.sort_at,
            row.sealed,
            row.consumer
        ])
    }

    fn update(&mut self, account: &Bytes16, row: &RecordRow) -> Result<usize> {
        self.update_record.execute(params![
            account,
            row.kind,
            row.id,
            row.version.cast_signed(),
            row.state,
            row.parent,
            row.sealed,
            row.consumer
        ])
    }

    fn forget(&mut self, account: &Bytes16, row: &RecordRow) -> Result<usize> {
        self.forget_record.execute(params![
            account,
            row.kind,
            row.id,
            row.version.cast_signed(),
            row.state,
            row.parent,
            row.sealed
        ])
    }

    /// Stores the commit's entries behind the account's last one; says the number of the first.
    fn log(&mut self, commit: &Commit, heads: &mut HashMap<Bytes16, u64>) -> Result<u64> {
        let known = heads.get(&commit.account).copied();
        let head = match known {
            Some(head) => head,
            None => self.head(&commit.account)?,
        };
        let mut last = head;
        for Write { entry, .. } in &commit.writes {
            last += 1;
            self.insert_entry(&commit.account, last, entry)?;
        }
        if last > head {
            heads.insert(commit.account, last);
        }
        Ok(head + 1)
    }

    fn head(&mut self, account: &Bytes16) -> Result<u64> {
        let found: Option<i64> = self.find_head.query_row(params![account, HEAD], |row| row.get(0)).optional()?;
        Ok(found.unwrap_or(0).cast_unsigned())
    }

    fn insert_entry(&mut self, account: &Bytes16, seq: u64, entry: &EntryRow) -> Result<()> {
        self.insert_entry.execute(params![
            account,
            seq.cast_signed(),
            entry.at,
            entry.actor,
            entry.action,
            entry.kind,
            entry.id,
            entry.version.cast_signed(),
            entry.sealed,
            entry.leaf
        ])?;
        Ok(())
    }
}
