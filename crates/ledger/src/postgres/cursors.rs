//! Leases on cursors, and their way through the log: one statement each.

use super::columns::Tiles;
use crate::engine::{Bytes16, ConsumerNumber, LeaseRow, TileRow};
use deadpool_postgres::Object;
use tokio_postgres::Error;
use uuid::Uuid;

/// Takes or renews a lease, unless another node holds it.
pub(super) async fn lease(
    client: &Object,
    account: Bytes16,
    consumer: ConsumerNumber,
    node: Bytes16,
    now: i64,
    until: i64,
) -> Result<Option<LeaseRow>, Error> {
    let statement = client
        .prepare_cached(
            "INSERT INTO cursors AS held (account, consumer, seq, fence, node, until) VALUES ($1, $2, 0, 1, $3, $5)
             ON CONFLICT (account, consumer) DO UPDATE
             SET fence = held.fence + (held.until <= $4)::int, node = excluded.node, until = excluded.until
             WHERE held.node = excluded.node OR held.until <= $4
             RETURNING seq, fence",
        )
        .await?;
    let (account, node) = (Uuid::from_bytes(account), Uuid::from_bytes(node));
    let row = client.query_opt(&statement, &[&account, &consumer, &node, &now, &until]).await?;
    Ok(row
        .map(|row| LeaseRow { seq: row.get::<_, i64>(0).cast_unsigned(), fence: row.get::<_, i64>(1).cast_unsigned() }))
}

/// Moves a cursor on and stores its tiles, unless the fence is an older one.
pub(super) async fn advance(
    client: &Object,
    account: Bytes16,
    consumer: ConsumerNumber,
    fence: u64,
    seq: u64,
    tiles: &[TileRow],
) -> Result<bool, Error> {
    let statement = client
        .prepare_cached(
            "WITH moved AS (
                 UPDATE cursors SET seq = greatest(seq, $4) WHERE account = $1 AND consumer = $2 AND fence = $3
                 RETURNING account
             ), stored AS (
                 INSERT INTO tiles (account, level, index, hashes)
                 SELECT moved.account, tile.level, tile.index, tile.hashes
                 FROM moved, unnest($5::smallint[], $6::bigint[], $7::bytea[]) AS tile (level, index, hashes)
                 ON CONFLICT (account, level, index) DO UPDATE SET hashes = excluded.hashes
             )
             SELECT count(*) FROM moved",
        )
        .await?;
    let Tiles { levels, indexes, hashes } = Tiles::of(tiles);
    let row = client
        .query_one(
            &statement,
            &[
                &Uuid::from_bytes(account),
                &consumer,
                &fence.cast_signed(),
                &seq.cast_signed(),
                &levels,
                &indexes,
                &hashes,
            ],
        )
        .await?;
    Ok(row.get::<_, i64>(0) == 1)
}
