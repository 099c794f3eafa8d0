//! How much a run does of each thing: bounded in count, and scaled down together for a small run.

/// State changes of the growth run, unless the caller says otherwise.
pub const RECORDS: u64 = 1_000_000;

/// The same with `--long`.
pub const RECORDS_LONG: u64 = 10_000_000;

/// The fewest that a run can be made of.
pub const RECORDS_MIN: u64 = 2_000;

/// The most that a run can be made of.
pub const RECORDS_MAX: u64 = 100_000_000;

/// The most rows that a file of the bench can have: as many as a file can.
pub const ROWS_MAX: u64 = 5_000_000;

/// Products in one batch.
pub const BATCH_PRODUCTS: u64 = 500;

/// State changes of one batch: each product has one variant, and each of the two is a record with its own entry.
pub const BATCH_CHANGES: u64 = 2 * BATCH_PRODUCTS;

/// Connections that send batches, each to an account of its own.
pub const BATCH_CONNECTIONS: usize = 8;

/// Connections that place single orders, and writers of the raw group commit.
pub const ORDER_CONNECTIONS: usize = 32;

/// Rows of one raw transaction where the driver is used at its best.
pub const RAW_ROWS: usize = 4_000;

/// Rows of one raw transaction that is as small as a batch.
pub const RAW_ROWS_SMALL: usize = 500;

/// Orders a second, while the time until the supplier has them is measured.
pub const ORDERS_PER_SECOND: u64 = 1_000;

/// What one run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// State changes through HTTPS, and rows of the raw engine.
    pub records: u64,
    /// Size at which growth begins to be compared.
    pub early: u64,
    /// Rows of the raw transactions of 500.
    pub raw_small: u64,
    /// Milliseconds of the raw group commit, and of single orders.
    pub singles_ms: u64,
    /// Orders placed at the fixed rate.
    pub orders: u64,
    /// Retailers that wait for one stock change.
    pub retailers: usize,
    /// Orders whose keys are destroyed.
    pub forgotten: u64,
    /// People at whose passwords is guessed.
    pub guessed_at: u64,
    /// Messages of one endpoint.
    pub messages: u64,
    /// Shops that wait for one stock change.
    pub shops: usize,
    /// Stock changes that they wait for, one after the other.
    pub stock_changes: u64,
    /// Times that a whole catalogue is counted anew.
    pub counts: u64,
    /// Rows of each file, unless the caller says otherwise.
    pub rows: u64,
}

impl Plan {
    /// A run over so many state changes; the other parts shrink with it, and never grow beyond their full size.
    pub fn of(records: u64) -> Self {
        let share = |full: u64, least: u64| (full * records.min(RECORDS) / RECORDS).max(least);
        Self {
            records: records.div_ceil(BATCH_CHANGES) * BATCH_CHANGES,
            early: (records / 10).clamp(1, 100_000),
            raw_small: share(100_000, 1_000),
            singles_ms: share(5_000, 300),
            orders: share(10_000, 200),
            retailers: usize::try_from(share(1_000, 10)).unwrap_or(usize::MAX),
            forgotten: share(100_000, 500),
            guessed_at: share(10, 2),
            messages: share(40_000, 500),
            shops: usize::try_from(share(50, 4)).unwrap_or(usize::MAX),
            stock_changes: share(50, 2),
            counts: share(10, 1),
            rows: share(1_000_000, 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_is_small_in_everything_and_a_long_one_only_in_records() {
        let (small, full, long) = (Plan::of(RECORDS_MIN), Plan::of(RECORDS), Plan::of(RECORDS_LONG));
        assert_eq!((small.records, small.orders, small.retailers), (2_000, 200, 10));
        assert_eq!((full.orders, full.retailers, full.forgotten, full.early), (10_000, 1_000, 100_000, 100_000));
        assert_eq!(Plan { records: full.records, ..long }, full);
        assert_eq!(Plan::of(2_001).records, 3_000, "whole batches");
    }
}
