//! Slots: the places of consumer keys in an account's tree, handed out densely.
//!
//! Dense, so that a run of old orders can be forgotten by dropping whole nodes. A process takes a block of them with one
//! commit and hands them out from memory; what is left of a block when it ends is never used. A slot is never handed
//! out twice: the block's record moves on by an optimistic commit.

use crate::change::Change;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::Record;
use crate::scope::{Scope, System};
use bonded_base::{Account, Id, Kind, Kinded};
use bonded_vault::Slot;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The first block of a process for an account, and how large later ones may grow as they are used up.
const BLOCK_SLOTS_MIN: u64 = 16;
const BLOCK_SLOTS_MAX: u64 = 4_096;

/// Accounts whose blocks a process holds; beyond it all are let go, which costs what was left of them.
const HELD_ACCOUNTS_MAX: usize = 16_384;

/// How far an account's slots are taken.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SlotBlock {
    next: u64,
}

impl Kinded for SlotBlock {
    const KIND: Kind = Kind::SlotBlock;
}

impl Record for SlotBlock {}

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
