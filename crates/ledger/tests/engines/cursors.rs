//! Consumers' places in the log: leases, fences, tiles, and who is behind.

use crate::rows::{account, committed, insert, put, record, witness};
use bonded_ledger::engine::{CHECKPOINT_LEVEL, Engine, EngineError, HEAD, LeaseRow, TileRow};

/// As large as a follower's number can be.
const READER: i64 = i64::MAX - 2;
const NODE: [u8; 16] = [1; 16];
const OTHER_NODE: [u8; 16] = [2; 16];

fn tile(level: u8, index: u64, byte: u8) -> TileRow {
    TileRow { level, index, hashes: vec![byte; 64] }
}

pub async fn a_lease_is_held_by_one_node(engine: &dyn Engine) {
    let us = account(1);
    let first = Some(LeaseRow { seq: 0, fence: 1 });
    assert_eq!(engine.lease(us, READER, NODE, 100, 200).await.unwrap(), first);
    assert_eq!(engine.lease(us, READER, OTHER_NODE, 150, 300).await.unwrap(), None);
    assert_eq!(engine.lease(us, READER, NODE, 150, 250).await.unwrap(), first, "a renewal keeps the fence");
    assert_eq!(engine.lease(us, READER, OTHER_NODE, 249, 300).await.unwrap(), None);
    assert_eq!(engine.lease(us, READER + 1, OTHER_NODE, 150, 300).await.unwrap(), first, "another consumer");
    assert_eq!(engine.lease(account(2), READER, OTHER_NODE, 150, 300).await.unwrap(), first, "another account");
}

pub async fn a_lapsed_lease_changes_hands_and_its_fence_rises(engine: &dyn Engine) {
    let us = account(1);
    engine.lease(us, READER, NODE, 100, 200).await.unwrap();
    assert!(engine.advance(us, READER, 1, 5, vec![]).await.unwrap());
    let second = Some(LeaseRow { seq: 5, fence: 2 });
    assert_eq!(engine.lease(us, READER, OTHER_NODE, 200, 300).await.unwrap(), second);
    assert_eq!(engine.lease(us, READER, NODE, 299, 400).await.unwrap(), None);
    // Whoever let it lapse may have missed another's turn, so its own next lease is a new one too.
    let third = Some(LeaseRow { seq: 5, fence: 3 });
    assert_eq!(engine.lease(us, READER, OTHER_NODE, 301, 400).await.unwrap(), third);
    // A lease until now is given back.
    assert_eq!(engine.lease(us, READER, OTHER_NODE, 350, 350).await.unwrap(), third);
    assert_eq!(engine.lease(us, READER, NODE, 350, 400).await.unwrap(), Some(LeaseRow { seq: 5, fence: 4 }));
}

pub async fn an_old_fence_moves_nothing(engine: &dyn Engine) {
    let us = account(1);
    assert!(!engine.advance(us, READER, 1, 5, vec![tile(0, 0, 1)]).await.unwrap(), "nobody holds a lease");
    engine.lease(us, READER, NODE, 100, 200).await.unwrap();
    engine.lease(us, READER, OTHER_NODE, 200, 300).await.unwrap();
    assert!(!engine.advance(us, READER, 1, 5, vec![tile(0, 0, 1)]).await.unwrap());
    assert!(!engine.advance(us, READER, 3, 5, vec![tile(0, 0, 1)]).await.unwrap(), "a fence nobody was given");
    assert_eq!(engine.tiles(us, &[(0, 0)]).await.unwrap(), []);
    assert!(engine.advance(us, READER, 2, 6, vec![tile(0, 0, 2)]).await.unwrap());
    let held = engine.lease(us, READER, OTHER_NODE, 250, 300).await.unwrap();
    assert_eq!(held, Some(LeaseRow { seq: 6, fence: 2 }));
}

pub async fn a_cursor_never_goes_back(engine: &dyn Engine) {
    let us = account(1);
    engine.lease(us, READER, NODE, 100, 200).await.unwrap();
    assert!(engine.advance(us, READER, 1, 9, vec![]).await.unwrap());
    assert!(engine.advance(us, READER, 1, 3, vec![]).await.unwrap());
    assert_eq!((engine.cursor(us, READER).await.unwrap(), engine.cursor(account(2), READER).await.unwrap()), (9, 0));
    assert_eq!(engine.lease(us, READER, NODE, 150, 200).await.unwrap(), Some(LeaseRow { seq: 9, fence: 1 }));
}

pub async fn tiles_are_stored_with_the_cursor(engine: &dyn Engine) {
    let us = account(1);
    engine.lease(us, READER, NODE, 100, 200).await.unwrap();
    let first = vec![tile(0, 0, 1), tile(1, 0, 2), tile(CHECKPOINT_LEVEL, 0, 3)];
    assert!(engine.advance(us, READER, 1, 1, first).await.unwrap());
    let grown = TileRow { hashes: vec![4; 8_192], ..tile(0, 0, 0) };
    let second = vec![tile(0, 0, 9), grown.clone(), tile(0, u64::from(u32::MAX) + 7, 5), tile(CHECKPOINT_LEVEL, 0, 6)];
    assert!(engine.advance(us, READER, 1, 2, second).await.unwrap());
    let places = [(0, 0), (1, 0), (CHECKPOINT_LEVEL, 0), (0, u64::from(u32::MAX) + 7), (3, 3), (0, 0)];
    let mut tiles = engine.tiles(us, &places).await.unwrap();
    tiles.sort_by_key(|tile| (tile.level, tile.index));
    let expected = [grown, tile(0, u64::from(u32::MAX) + 7, 5), tile(1, 0, 2), tile(CHECKPOINT_LEVEL, 0, 6)];
    assert_eq!(tiles, expected);
    assert_eq!(engine.tiles(account(2), &places).await.unwrap(), []);
}

pub async fn accounts_that_are_behind_are_found(engine: &dyn Engine) {
    let accounts: Vec<_> = (1..=5).map(account).collect();
    for us in &accounts {
        put(engine, *us, [witness(1), witness(2)]).await;
    }
    let read = |number: usize, seq| async move {
        engine.lease(account(number.to_le_bytes()[0]), READER, NODE, 100, 200).await.unwrap();
        engine.advance(account(number.to_le_bytes()[0]), READER, 1, seq, vec![]).await.unwrap()
    };
    assert!(read(2, 2).await);
    assert!(read(3, 1).await);
    let behind = [accounts[0], accounts[2], accounts[3], accounts[4]];
    assert_eq!(engine.behind(READER, None, 100).await.unwrap(), behind);
    assert_eq!(engine.behind(READER, None, 2).await.unwrap(), behind[..2]);
    assert_eq!(engine.behind(READER, Some(accounts[0]), 100).await.unwrap(), behind[1..]);
    assert_eq!(engine.behind(READER, Some(accounts[4]), 100).await.unwrap(), [[0; 16]; 0]);
    assert_eq!(engine.behind(READER + 1, None, 100).await.unwrap(), accounts[..]);
    put(engine, accounts[1], [witness(3)]).await;
    assert_eq!(engine.behind(READER, None, 2).await.unwrap(), accounts[..2]);
}

pub async fn the_head_is_nobody_s_cursor(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [witness(1)]).await;
    assert!(matches!(engine.lease(us, HEAD, NODE, 100, 200).await, Err(EngineError::Failed(_))));
    assert!(matches!(engine.advance(us, HEAD, 0, 100, vec![]).await, Err(EngineError::Failed(_))));
    assert_eq!(engine.head(us).await.unwrap(), 1);
}

pub async fn reading_does_not_disturb_writing(engine: &dyn Engine) {
    let us = account(1);
    assert_eq!(put(engine, us, [insert(&record(1))]).await, committed(1));
    engine.lease(us, READER, NODE, 100, 200).await.unwrap();
    engine.advance(us, READER, 1, 1, vec![tile(0, 0, 1)]).await.unwrap();
    assert_eq!(put(engine, us, [insert(&record(2))]).await, committed(2));
    assert_eq!(engine.lease(us, READER, NODE, 150, 250).await.unwrap(), Some(LeaseRow { seq: 1, fence: 1 }));
    assert_eq!(engine.head(us).await.unwrap(), 2);
}
