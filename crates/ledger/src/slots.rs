//! Slots: the places of consumer keys in an account's tree, handed out densely, and destroyed when they were used up.
//!
//! Dense, so that a run of old orders can be forgotten by dropping whole nodes. A process takes a block of them with one
//! commit and hands them out from memory; what is left of a block when it ends is never used. A slot is never handed
//! out twice: the block's record moves on by an optimistic commit.
//!
//! A consumer that goes, or gives way to another, leaves its slot behind in a record of the same commit: so no crash can
//! lose a key that is to be destroyed. [`Ledger::destroy_spent`] destroys all that an account has, and then the records.

use crate::change::Change;
use crate::error::LedgerError;
use crate::ledger::{Ledger, List, PAGE_MAX};
use crate::record::{Record, Stored};
use crate::scope::{Scope, System};
use bonded_base::{Account, Id, Kind, Kinded};
use bonded_vault::{AccountKeys, Destruction, Doomed, Slot};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The first block of a process for an account, and how large later ones may grow as they are used up.
const BLOCK_SLOTS_MIN: u64 = 16;
const BLOCK_SLOTS_MAX: u64 = 4_096;

/// Accounts whose blocks a process holds; beyond it all are let go, which costs what was left of them.
const HELD_ACCOUNTS_MAX: usize = 16_384;

/// Records of spent slots that one commit removes at most.
const REMOVED_MAX: usize = 1_000;

/// How far an account's slots are taken.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SlotBlock {
    next: u64,
}

impl Kinded for SlotBlock {
    const KIND: Kind = Kind::SlotBlock;
}

impl Record for SlotBlock {}

/// Slots whose consumers are gone: their keys are to be destroyed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SpentSlots {
    /// Runs of slots: the first and the last of each.
    runs: Vec<(u64, u64)>,
}

impl Kinded for SpentSlots {
    const KIND: Kind = Kind::SpentSlots;
}

impl Record for SpentSlots {}

impl SpentSlots {
    /// The slots that a change leaves behind, if it does.
    pub fn by(change: &Change) -> Result<Option<Self>, LedgerError> {
        let mut slots = Vec::new();
        for step in &change.steps {
            if let Some(sealed) = &step.spent {
                slots.push(AccountKeys::slot_of(sealed).map_err(|_| LedgerError::Damaged(step.kind))?.number());
            }
        }
        slots.sort_unstable();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for slot in slots {
            match runs.last_mut() {
                Some((_, last)) if slot <= *last + 1 => *last = slot,
                _ => runs.push((slot, slot)),
            }
        }
        Ok((!runs.is_empty()).then_some(Self { runs }))
    }

    fn doomed(&self, account: Id<Account>) -> impl Iterator<Item = Result<Doomed, LedgerError>> {
        self.runs
            .iter()
            .map(move |(from, to)| Ok(Doomed::Slots { account, from: Slot::new(*from)?, to: Slot::new(*to)? }))
    }
}

impl Ledger {
    /// Destroys the keys of all consumers of an account that have gone from its records, with one switch of the root;
    /// `None` when there are none. Repeating it after a crash destroys what is destroyed, which is harmless.
    ///
    /// When this returns, the keys are gone from the primary; the answer says which replicas have confirmed it.
    pub async fn destroy_spent(&self, scope: &Scope) -> Result<Option<Destruction>, LedgerError> {
        let spent = self.all_spent(scope).await?;
        let mut doomed = Vec::new();
        for record in &spent {
            doomed.extend(record.doomed(scope.account()).collect::<Result<Vec<_>, _>>()?);
        }
        if doomed.is_empty() {
            return Ok(None);
        }
        let vault = self.vault().clone();
        let destroyed = tokio::task::spawn_blocking(move || vault.destroy(&doomed)).await;
        let destruction = destroyed.map_err(|_| LedgerError::Stopping)??;
        for some in spent.chunks(REMOVED_MAX) {
            let mut change = Change::new();
            for record in some {
                change.remove(record, "destroyed");
            }
            match self.commit(scope, change).await {
                // Whoever else destroyed them has taken the records too, or takes them next time.
                Ok(_) | Err(LedgerError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(destruction))
    }

    async fn all_spent(&self, scope: &Scope) -> Result<Vec<Stored<SpentSlots>>, LedgerError> {
        let (mut all, mut page) = (Vec::new(), List::first(PAGE_MAX));
        loop {
            let listed = self.list::<SpentSlots>(scope, &page).await?;
            all.extend(listed.records);
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(all),
            }
        }
    }
}

struct Held {
    free: Range<u64>,
    block: u64,
}

/// What this process holds, account by account.
#[derive(Default)]
pub(crate) struct Slots {
    held: Mutex<HashMap<Id<Account>, Arc<tokio::sync::Mutex<Held>>>>,
}

impl Slots {
    /// The next free slot, from memory or from a new block.
    pub async fn next(&self, ledger: &Ledger, account: Id<Account>) -> Result<Slot, LedgerError> {
        let held = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.len() >= HELD_ACCOUNTS_MAX {
                held.clear();
            }
            let none = || Arc::new(tokio::sync::Mutex::new(Held { free: 0..0, block: BLOCK_SLOTS_MIN }));
            Arc::clone(held.entry(account).or_insert_with(none))
        };
        let mut held = held.lock().await;
        if held.free.is_empty() {
            held.free = take_block(ledger, account, held.block).await?;
            held.block = (held.block * 4).min(BLOCK_SLOTS_MAX);
        }
        let slot = held.free.start;
        held.free.start += 1;
        Ok(Slot::new(slot)?)
    }
}

async fn take_block(ledger: &Ledger, account: Id<Account>, size: u64) -> Result<Range<u64>, LedgerError> {
    let scope = Scope::system(account, System::Ledger);
    // One block record an account; any fixed id will do, since the account is part of every key.
    let id = Id::<SlotBlock>::from_bytes([1; 16]);
    loop {
        let mut change = Change::new();
        let start = match ledger.get(&scope, id).await? {
            None => {
                change.create(id, &SlotBlock { next: size }, "reserved");
                0
            }
            Some(stored) => {
                change.update(&stored, &SlotBlock { next: stored.next + size }, "reserved");
                stored.next
            }
        };
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(start..start + size),
            // Another node took the block; the next one is as good.
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}
