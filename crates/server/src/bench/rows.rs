//! Rows as the product stores them, made of random bytes: what the raw engine is measured with.
//!
//! Sealed values cannot be told from random bytes, so an engine has the same work with these.

use bonded_ledger::engine::{Bytes16, EntryRow, LookupRow, RecordRow, RecordWrite, Write};

/// Bytes of a sealed record: the mean of a product and its variant in this bench's batches.
pub const RECORD_BYTES: usize = 480;

/// Bytes of what a sealed entry says.
pub const ENTRY_BYTES: usize = 110;

/// Bytes of a sealed consumer.
pub const CONSUMER_BYTES: usize = 140;

/// Bytes from which sealed values are cut; more than a processor's cache, as real ones would be.
const POOL_BYTES: usize = 4 * 1024 * 1024;

/// Rows that are born in one millisecond.
const ROWS_A_MILLI: u64 = 50;

/// Kinds with lists by state and by parent, in turn, as a product and its variant.
const KINDS: [u8; 2] = [7, 8];

/// One row with its place in its account's log.
pub struct Row {
    /// Whose.
    pub account: Bytes16,
    /// The number of its entry.
    pub seq: u64,
    /// The record, its lookup and its entry.
    pub write: Write,
}

impl Row {
    /// The record's row; every row here has one.
    pub const fn record(&self) -> Option<&RecordRow> {
        match &self.write.record {
            Some(RecordWrite::Insert(row) | RecordWrite::Update(row) | RecordWrite::Forget(row)) => Some(row),
            _ => None,
        }
    }
}

/// Makes rows of some accounts, in the order of time. What it draws is the same in every run.
pub struct Rows {
    random: u64,
    pool: Vec<u8>,
    accounts: Vec<(Bytes16, u64)>,
    born: u64,
    with_consumer: bool,
}

impl Rows {
    /// Rows of so many accounts, from the first one on.
    pub fn new(accounts: usize) -> Self {
        let mut rows = Self {
            random: 0x9e37_79b9_7f4a_7c15,
            pool: Vec::new(),
            accounts: Vec::new(),
            born: 0,
            with_consumer: false,
        };
        rows.pool = std::iter::repeat_with(|| rows.draw().to_le_bytes()).take(POOL_BYTES / 8).flatten().collect();
        rows.accounts = std::iter::repeat_with(|| (rows.bytes16(), 0)).take(accounts).collect();
        rows
    }

    /// Rows of one account, each with a consumer, as orders have.
    pub fn orders() -> Self {
        Self { with_consumer: true, ..Self::new(1) }
    }

    /// The next rows: runs of [`super::plan::RAW_ROWS_SMALL`] of one account after the other.
    pub fn take(&mut self, count: usize) -> Vec<Row> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Row {
        let number = self.born;
        self.born += 1;
        let run = number / super::plan::RAW_ROWS_SMALL as u64;
        let place = usize::try_from(run % self.accounts.len() as u64).unwrap_or(0);
        let (account, seq) = match self.accounts.get_mut(place) {
            Some((account, seq)) => {
                *seq += 1;
                (*account, *seq)
            }
            None => ([0; 16], number + 1),
        };
        Row { account, seq, write: self.write(number) }
    }

    fn write(&mut self, number: u64) -> Write {
        let millis = 1_795_000_000_000 + number / ROWS_A_MILLI;
        let at = millis.cast_signed();
        let mut id = self.bytes16();
        id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        // Behind the millisecond, ids of one batch count up.
        id[6..10].copy_from_slice(&u32::try_from(number % ROWS_A_MILLI).unwrap_or(0).to_be_bytes());
        let is_first = number.is_multiple_of(2);
        let kind = if is_first { KINDS[0] } else { KINDS[1] };
        let consumer = self.with_consumer.then(|| self.sealed(CONSUMER_BYTES));
        let parent = (!is_first && !self.with_consumer).then_some(id);
        let state = u8::from(is_first || self.with_consumer);
        let (sealed, said) = (self.sealed(RECORD_BYTES), self.sealed(ENTRY_BYTES));
        let (mut leaf, mut actor) = ([0; 32], [3; 17]);
        leaf[..16].copy_from_slice(&self.bytes16());
        leaf[16..].copy_from_slice(&self.bytes16());
        actor[1..].copy_from_slice(&[7; 16]);
        let entry = EntryRow { at, actor, action: "created".to_owned(), kind, id, version: 1, sealed: said, leaf };
        let record = RecordRow { kind, id, version: 1, state, parent, sort_at: at, sealed, consumer };
        let lookup = LookupRow { name: 1, token: self.bytes16(), kind, id };
        Write { entry, record: Some(RecordWrite::Insert(record)), lookups_added: vec![lookup], lookups_removed: vec![] }
    }

    fn sealed(&mut self, bytes: usize) -> Vec<u8> {
        let room = POOL_BYTES - bytes;
        let from = usize::try_from(self.draw()).unwrap_or(0) % room;
        self.pool.get(from..from + bytes).map(<[u8]>::to_vec).unwrap_or_default()
    }

    fn bytes16(&mut self) -> Bytes16 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.draw().to_le_bytes());
        bytes[8..].copy_from_slice(&self.draw().to_le_bytes());
        bytes
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014): quick, and good enough to be spread over pages.
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_come_in_the_order_of_time_with_logs_that_have_no_gaps() {
        let mut rows = Rows::new(2);
        let taken = rows.take(2_000);
        let ids: Vec<_> = taken.iter().map(|row| row.record().unwrap().id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        let tokens: HashSet<_> = taken.iter().map(|row| row.write.lookups_added[0].token).collect();
        assert_eq!(tokens.len(), taken.len());
        let first = taken[0].account;
        let seqs: Vec<_> = taken.iter().filter(|row| row.account == first).map(|row| row.seq).collect();
        assert_eq!(seqs, (1..=1_000).collect::<Vec<_>>());
    }

    #[test]
    fn rows_are_as_large_as_they_say() {
        let row = Rows::orders().take(1).pop().unwrap();
        let record = row.record().unwrap();
        assert_eq!((record.sealed.len(), record.consumer.as_ref().unwrap().len()), (RECORD_BYTES, CONSUMER_BYTES));
        assert_eq!(row.write.entry.sealed.len(), ENTRY_BYTES);
    }
}
