//! Lookups by generation: a random token costs the same however many there are.
//!
//! One tree of all tokens would have every new one on another page, each of which is then written whole, twice: with a
//! million tokens that is most of what a change costs, and it grows. Here only the newest generation is inserted into,
//! whose few pages are shared by many tokens. Which of the older ones may have a token is told by a filter in memory
//! (two bytes a lookup), so that it is looked for in one place, and seldom in vain.
//!
//! Source of the filter: Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13 (1970). Eight
//! generations lie side by side in the bits of a byte, so that one step asks all eight.

use crate::engine::{Bytes16, LookupRow};
use rusqlite::{Connection, OptionalExtension, Result, Statement, params};
use std::sync::{Arc, PoisonError, RwLock};

/// Lookups after which a generation is closed (a transaction's last one may carry it a little beyond).
pub const GENERATION_ROWS: u32 = 32 * 1024;

/// Bits of filter for each lookup of a full generation.
const BITS_A_ROW: u32 = 16;

/// Bits that one lookup sets. With 16 bits for each, a generation without a token is asked in vain once in 1,500 times.
const STEPS: usize = 7;

/// Generations that share a block: the bits of a byte.
const BLOCK_GENERATIONS: u32 = 8;

/// What a lookup finds: kind and id.
pub(super) type Found = (u8, Bytes16);

/// The filter, shared with the connections that read.
pub(super) type SharedFilter = Arc<RwLock<Filter>>;

/// Says which generations may have a token. Never wrong when it says no.
pub(super) struct Filter {
    /// A byte for each position; bit `g` of it belongs to the block's generation `g`.
    blocks: Vec<Vec<u8>>,
    /// Positions of a block, a power of two.
    positions: usize,
}

impl Filter {
    fn new(generation_rows: u32) -> Self {
        let positions = (generation_rows.saturating_mul(BITS_A_ROW)).next_power_of_two();
        Self { blocks: Vec::new(), positions: positions as usize }
    }

    /// Where a token's bits lie. Tokens are keyed hashes, so they need little mixing; the name tells two uses apart.
    fn steps(&self, name: u8, token: Bytes16) -> [usize; STEPS] {
        const MIX: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let mixed = (u128::from_be_bytes(token) ^ u128::from(name)).wrapping_mul(MIX);
        let (start, stride) = ((mixed >> 64) as u64, (mixed << 32 >> 64) as u64 | 1);
        std::array::from_fn(|step| {
            let place = start.wrapping_add(stride.wrapping_mul(step as u64));
            (place >> 24) as usize & (self.positions - 1)
        })
    }

    /// From now on this generation may have the token.
    fn add(&mut self, generation: u32, name: u8, token: Bytes16) {
        let steps = self.steps(name, token);
        let (block, bit) = (generation / BLOCK_GENERATIONS, 1 << (generation % BLOCK_GENERATIONS));
        let block = self.block(block);
        for byte in steps {
            if let Some(byte) = block.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// A block, empty if it is new.
    fn block(&mut self, number: u32) -> &mut Vec<u8> {
        let (number, positions) = (number as usize, self.positions);
        while self.blocks.len() <= number {
            self.blocks.push(vec![0; positions]);
        }
        #[expect(clippy::indexing_slicing, reason = "made above")]
        &mut self.blocks[number]
    }

    /// The generations that may have a token, newest first.
    pub(super) fn may_have(&self, name: u8, token: Bytes16) -> Vec<u32> {
        let steps = self.steps(name, token);
        let mut found = Vec::new();
        for (number, block) in self.blocks.iter().enumerate().rev() {
            let mut bits = u8::MAX;
            for byte in steps {
                bits &= block.get(byte).copied().unwrap_or(0);
                if bits == 0 {
                    break;
                }
            }
            let first = u32::try_from(number).unwrap_or(u32::MAX).saturating_mul(BLOCK_GENERATIONS);
            found.extend((0..BLOCK_GENERATIONS).rev().filter(|bit| bits & (1 << bit) != 0).map(|bit| first + bit));
        }
        found
    }
}

/// Where new lookups go.
#[derive(Clone, Copy)]
pub(super) struct Newest {
    generation: u32,
    rows: u32,
}

/// Reads the stored blocks, and makes from the lookups what they do not know of: the newest generation.
pub(super) fn load(connection: &Connection, generation_rows: u32) -> Result<(Filter, Newest)> {
    let mut filter = Filter::new(generation_rows);
    let mut known = None;
    let mut stored = connection.prepare("SELECT block, generation, bits FROM lookup_filters ORDER BY block")?;
    let mut blocks = stored.query([])?;
    while let Some(row) = blocks.next()? {
        let bits: Vec<u8> = row.get(2)?;
        // A filter of another size is of no use, and neither is what comes after it.
        if bits.len() != filter.positions {
            break;
        }
        *filter.block(row.get(0)?) = bits;
        known = Some(row.get::<_, u32>(1)?);
    }
    let mut newest = Newest { generation: known.map_or(0, |generation| generation + 1), rows: 0 };
    let mut unknown = connection.prepare("SELECT generation, name, token FROM lookups WHERE generation >= ?1")?;
    let mut rows = unknown.query([newest.generation])?;
    while let Some(row) = rows.next()? {
        let generation = row.get(0)?;
        if generation != newest.generation {
            newest = Newest { generation, rows: 0 };
        }
        newest.rows += 1;
        filter.add(generation, row.get(1)?, row.get(2)?);
    }
    Ok((filter, newest))
}

/// What each (name, token) finds, in the order asked; on a connection that reads.
pub(super) fn find_all(
    connection: &Connection,
    filter: &SharedFilter,
    account: Bytes16,
    asked: &[(u8, Bytes16)],
) -> Result<Vec<Option<Found>>> {
    let transaction = connection.unchecked_transaction()?;
    // The first read decides what the transaction sees; the filter, asked later, knows all of that.
    transaction.prepare_cached("SELECT 1 FROM lookups LIMIT 1")?.query_row([], |_| Ok(())).optional()?;
    let mut find = transaction.prepare_cached(FIND)?;
    asked
        .iter()
        .map(|(name, token)| {
            let generations = filter.read().unwrap_or_else(PoisonError::into_inner).may_have(*name, *token);
            find_in(&mut find, &generations, &account, *name, token)
        })
        .collect()
}

const FIND: &str = "SELECT kind, id FROM lookups WHERE generation = ?1 AND account = ?2 AND name = ?3 AND token = ?4";

fn find_in(
    statement: &mut Statement<'_>,
    generations: &[u32],
    account: &Bytes16,
    name: u8,
    token: &Bytes16,
) -> Result<Option<Found>> {
    for generation in generations {
        let found =
            statement.query_row(params![generation, account, name, token], |row| Ok((row.get(0)?, row.get(1)?)));
        if let Some(found) = found.optional()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The writer's side.
pub(super) struct Lookups<'c> {
    filter: SharedFilter,
    newest: Newest,
    generation_rows: u32,
    find: Statement<'c>,
    insert: Statement<'c>,
    remove: Statement<'c>,
    store_block: Statement<'c>,
}

impl<'c> Lookups<'c> {
    pub(super) fn prepare(
        connection: &'c Connection,
        filter: SharedFilter,
        newest: Newest,
        generation_rows: u32,
    ) -> Result<Self> {
        Ok(Self {
            filter,
            newest,
            generation_rows,
            find: connection.prepare(FIND)?,
            insert: connection.prepare(
                "INSERT INTO lookups (generation, account, name, token, kind, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
            )?,
            remove: connection
                .prepare("DELETE FROM lookups WHERE generation = ?1 AND account = ?2 AND name = ?3 AND token = ?4")?,
            store_block: connection.prepare(
                "INSERT INTO lookup_filters (block, generation, bits) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET generation = excluded.generation, bits = excluded.bits",
            )?,
        })
    }

    /// Makes a lookup begin; says what it finds if that is another record.
    pub(super) fn add(&mut self, account: &Bytes16, lookup: &LookupRow) -> Result<Option<Found>> {
        let LookupRow { name, token, kind, id } = lookup;
        let generations = self.may_have(*name, *token);
        if let Some(found) = find_in(&mut self.find, &generations, account, *name, token)? {
            return Ok(Some(found).filter(|found| *found != (*kind, *id)));
        }
        let generation = self.newest.generation;
        // Known to the filter before anybody can see it.
        self.filter.write().unwrap_or_else(PoisonError::into_inner).add(generation, *name, *token);
        self.insert.execute(params![generation, account, name, token, kind, id])?;
        self.newest.rows += 1;
        Ok(None)
    }

    /// Makes a lookup end, if there is one.
    pub(super) fn remove(&mut self, account: &Bytes16, name: u8, token: &Bytes16) -> Result<()> {
        for generation in self.may_have(name, *token) {
            if self.remove.execute(params![generation, account, name, token])? == 1 {
                break;
            }
        }
        Ok(())
    }

    fn may_have(&self, name: u8, token: Bytes16) -> Vec<u32> {
        self.filter.read().unwrap_or_else(PoisonError::into_inner).may_have(name, token)
    }

    /// Closes the newest generation if it is full, and stores what the filter knows of it. Asked before each commit.
    pub(super) fn close_if_full(&mut self) -> Result<()> {
        let Newest { generation, rows } = self.newest;
        if rows < self.generation_rows {
            return Ok(());
        }
        let block = generation / BLOCK_GENERATIONS;
        let bits = self.filter.read().unwrap_or_else(PoisonError::into_inner).blocks.get(block as usize).cloned();
        self.store_block.execute(params![block, generation, bits.unwrap_or_default()])?;
        self.newest = Newest { generation: generation + 1, rows: 0 };
        Ok(())
    }

    /// Where new lookups go, to come back to if the transaction is rolled back. The filter keeps what it learnt: it may
    /// say yes in vain.
    pub(super) const fn newest(&self) -> Newest {
        self.newest
    }

    /// After a rollback.
    pub(super) const fn go_back(&mut self, newest: Newest) {
        self.newest = newest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u64) -> Bytes16 {
        (u128::from(number).wrapping_mul(0x0123_4567_89ab_cdef_1122_3344_5566_7789)).to_be_bytes()
    }

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = Filter::new(1_000);
        for generation in 0..20 {
            for number in 0..1_000 {
                filter.add(generation, 1, token(u64::from(generation) * 1_000 + number));
            }
        }
        let mut in_vain = 0;
        for number in 0..20_000 {
            let generations = filter.may_have(1, token(number));
            assert!(generations.contains(&u32::try_from(number / 1_000).unwrap()));
            assert!(generations.is_sorted_by(|newer, older| newer > older));
            in_vain += generations.len() - 1;
        }
        // 19 other generations, 20,000 questions, one in 1,500.
        assert!(in_vain < 600, "{in_vain}");
        assert!(filter.may_have(2, token(1)).len() < 3, "another name");
    }
}
