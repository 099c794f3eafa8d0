//! Leases on cursors, and their way through the log, inside a transaction that the writer has begun.

use crate::engine::{Bytes16, ConsumerNumber, LeaseRow, TileRow};
use rusqlite::{Connection, OptionalExtension, Result, Statement, params};

/// A wish to read an account's log for one consumer.
pub(super) struct LeaseWish {
    pub(super) account: Bytes16,
    pub(super) consumer: ConsumerNumber,
    pub(super) node: Bytes16,
    pub(super) now: i64,
    pub(super) until: i64,
}

/// A step of a consumer through an account's log.
pub(super) struct Advance {
    pub(super) account: Bytes16,
    pub(super) consumer: ConsumerNumber,
    pub(super) fence: u64,
    pub(super) seq: u64,
    pub(super) tiles: Vec<TileRow>,
}

/// The statements about cursors and tiles, prepared once for the life of the writer's connection.
pub(super) struct Cursors<'c> {
    lease: Statement<'c>,
    advance: Statement<'c>,
    store_tile: Statement<'c>,
}

impl<'c> Cursors<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            lease: connection.prepare(
                "INSERT INTO cursors (account, consumer, seq, fence, node, until) VALUES (?1, ?2, 0, 1, ?3, ?5)
                 ON CONFLICT DO UPDATE SET fence = fence + (until <= ?4), node = excluded.node, until = excluded.until
                 WHERE node = excluded.node OR until <= ?4
                 RETURNING seq, fence",
            )?,
            advance: connection
                .prepare("UPDATE cursors SET seq = max(seq, ?4) WHERE account = ?1 AND consumer = ?2 AND fence = ?3")?,
            store_tile: connection.prepare(
                "INSERT INTO tiles (account, level, \"index\", hashes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
            )?,
        })
    }

    /// Takes or renews a lease, unless another node holds it.
    pub(super) fn lease(&mut self, wish: &LeaseWish) -> Result<Option<LeaseRow>> {
        let LeaseWish { account, consumer, node, now, until } = wish;
        self.lease
            .query_row(params![account, consumer, node, now, until], |row| {
                let (seq, fence): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok(LeaseRow { seq: seq.cast_unsigned(), fence: fence.cast_unsigned() })
            })
            .optional()
    }

    /// Moves a cursor on and stores its tiles, unless the fence is an older one.
    pub(super) fn advance(&mut self, step: &Advance) -> Result<bool> {
        let Advance { account, consumer, fence, seq, tiles } = step;
        let moved = self.advance.execute(params![account, consumer, fence.cast_signed(), seq.cast_signed()])?;
        if moved == 0 {
            return Ok(false);
        }
        for TileRow { level, index, hashes } in tiles {
            self.store_tile.execute(params![account, level, index.cast_signed(), hashes])?;
        }
        Ok(true)
    }
}
