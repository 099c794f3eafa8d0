//! Lists: by kind, by parent, by state; both ways; in pages.

use crate::rows::{KIND, OTHER_KIND, account, all, id, insert, next, put, record, remove, update};
use bonded_ledger::engine::{Bytes16, Engine, ListBy, RecordRow};

fn ids(rows: &[RecordRow]) -> Vec<Bytes16> {
    rows.iter().map(|row| row.id).collect()
}

/// The list has these numbers, forwards and backwards, whatever the size of its pages.
async fn shows(engine: &dyn Engine, account: Bytes16, by: ListBy, numbers: &[u64]) {
    let expected: Vec<_> = numbers.iter().copied().map(id).collect();
    let backwards: Vec<_> = expected.iter().rev().copied().collect();
    for limit in [1, 2, 3, 100] {
        assert_eq!(ids(&all(engine, account, KIND, &by, false, limit).await), expected, "{by:?} by {limit}");
        assert_eq!(
            ids(&all(engine, account, KIND, &by, true, limit).await),
            backwards,
            "{by:?} by {limit}, newest first"
        );
    }
}

pub async fn a_kind_is_listed_by_birth(engine: &dyn Engine) {
    let us = account(1);
    for number in [4, 1, 3, 2, 5] {
        put(engine, us, [insert(&RecordRow { sort_at: 0, ..record(number) })]).await;
    }
    put(engine, us, [insert(&RecordRow { kind: OTHER_KIND, ..record(6) })]).await;
    shows(engine, us, ListBy::Kind, &[1, 2, 3, 4, 5]).await;
    shows(engine, account(2), ListBy::Kind, &[]).await;
}

pub async fn a_parent_s_children_are_listed(engine: &dyn Engine) {
    let us = account(1);
    let child = |number, parent| RecordRow { parent: Some(id(parent)), ..record(number) };
    for (number, parent) in [(5, 90), (2, 91), (3, 90), (1, 90)] {
        put(engine, us, [insert(&child(number, parent))]).await;
    }
    put(engine, us, [insert(&record(4)), insert(&RecordRow { kind: OTHER_KIND, ..child(7, 90) })]).await;
    shows(engine, us, ListBy::Parent(id(90)), &[1, 3, 5]).await;
    shows(engine, us, ListBy::Parent(id(91)), &[2]).await;
    shows(engine, us, ListBy::Parent(id(92)), &[]).await;
}

pub async fn a_state_is_listed_by_time_then_id(engine: &dyn Engine) {
    let us = account(1);
    for (number, sort_at, state) in [(1, 30, 1), (2, -10, 1), (3, 20, 2), (4, 20, 1), (5, 20, 1), (6, i64::MAX, 1)] {
        put(engine, us, [insert(&RecordRow { sort_at, state, ..record(number) })]).await;
    }
    shows(engine, us, ListBy::State(1), &[2, 4, 5, 1, 6]).await;
    shows(engine, us, ListBy::State(2), &[3]).await;
    shows(engine, us, ListBy::State(255), &[]).await;
}

pub async fn pages_end_between_rows_of_one_moment(engine: &dyn Engine) {
    let us = account(1);
    let rows =
        (0..25).map(|number| insert(&RecordRow { sort_at: 7, state: 9, parent: Some(id(50)), ..record(number) }));
    put(engine, us, rows).await;
    let numbers: Vec<u64> = (0..25).collect();
    shows(engine, us, ListBy::State(9), &numbers).await;
    shows(engine, us, ListBy::Parent(id(50)), &numbers).await;
    shows(engine, us, ListBy::Kind, &numbers).await;
}

pub async fn lists_follow_what_changes(engine: &dyn Engine) {
    let us = account(1);
    let row = |number| RecordRow { state: 1, parent: Some(id(50)), ..record(number) };
    put(engine, us, (1..=4).map(|number| insert(&row(number)))).await;
    put(engine, us, [update(&RecordRow { state: 2, ..next(&row(1)) })]).await;
    put(engine, us, [update(&RecordRow { parent: Some(id(51)), ..next(&row(2)) })]).await;
    put(engine, us, [update(&RecordRow { parent: None, state: 0, ..next(&row(3)) })]).await;
    shows(engine, us, ListBy::State(1), &[2, 4]).await;
    shows(engine, us, ListBy::State(2), &[1]).await;
    shows(engine, us, ListBy::Parent(id(50)), &[1, 4]).await;
    shows(engine, us, ListBy::Parent(id(51)), &[2]).await;
    put(engine, us, [remove(&row(4))]).await;
    shows(engine, us, ListBy::State(1), &[2]).await;
    shows(engine, us, ListBy::Parent(id(50)), &[1]).await;
    shows(engine, us, ListBy::Kind, &[1, 2, 3]).await;
}
