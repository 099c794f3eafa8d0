//! The log of an account, and who is woken by it.

use crate::rows::{KIND, account, committed, found, id, insert, put, record, stored, witness};
use bonded_ledger::engine::{Engine, StoredEntry, Write};

pub async fn entries_are_read_in_order(engine: &dyn Engine) {
    let us = account(1);
    let writes: Vec<Write> = (1..=7).map(|number| insert(&record(number))).collect();
    let expected: Vec<StoredEntry> =
        writes.iter().zip(1..).map(|(write, seq)| StoredEntry { seq, row: write.entry.clone() }).collect();
    for chunk in writes.chunks(3) {
        put(engine, us, chunk.to_vec()).await;
    }
    assert_eq!(engine.entries(us, 0, 100).await.unwrap(), expected);
    assert_eq!(engine.entries(us, 2, 3).await.unwrap(), expected[2..5]);
    assert_eq!(engine.entries(us, 6, 3).await.unwrap(), expected[6..]);
    assert_eq!(engine.entries(us, 7, 3).await.unwrap(), []);
    assert_eq!(engine.entries(us, 0, 0).await.unwrap(), []);
}

pub async fn leaves_are_read_alone(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, (1..=5).map(witness)).await;
    let leaves: Vec<_> = engine.entries(us, 1, 3).await.unwrap().iter().map(|entry| entry.row.leaf).collect();
    assert_eq!(leaves.len(), 3);
    assert_eq!(engine.leaves(us, 1, 3).await.unwrap(), leaves);
}

pub async fn accounts_do_not_see_each_other(engine: &dyn Engine) {
    let (us, them) = (account(1), account(2));
    assert_eq!(put(engine, us, [insert(&record(1)), insert(&record(2))]).await, committed(1));
    assert_eq!(put(engine, them, [insert(&record(2))]).await, committed(1));
    assert_eq!(stored(engine, them, 1).await, None);
    assert_eq!(found(engine, them, 1).await, None);
    assert_eq!(engine.records(them, KIND, &[id(1), id(2)]).await.unwrap(), [record(2)]);
    assert_eq!(engine.head(us).await.unwrap(), 2);
    assert_eq!(engine.head(them).await.unwrap(), 1);
    assert_eq!(engine.entries(them, 0, 9).await.unwrap().len(), 1);
}

pub async fn an_account_without_entries_has_no_log(engine: &dyn Engine) {
    engine.ping().await.unwrap();
    assert!(engine.writers() >= 1);
    assert_eq!(engine.head(account(1)).await.unwrap(), 0);
    assert_eq!(engine.entries(account(1), 0, 9).await.unwrap(), []);
    assert_eq!(engine.leaves(account(1), 0, 9).await.unwrap(), [[0; 32]; 0]);
}

pub async fn a_commit_wakes_whoever_listens(engine: &dyn Engine) {
    let (mut one, mut two) = (engine.wakes(), engine.wakes());
    put(engine, account(1), [witness(1), witness(2)]).await;
    put(engine, account(2), [witness(1)]).await;
    for listener in [&mut one, &mut two] {
        assert_eq!(listener.recv().await.unwrap(), account(1));
        assert_eq!(listener.recv().await.unwrap(), account(2));
        assert!(listener.is_empty(), "an account is told once for each transaction");
    }
}
