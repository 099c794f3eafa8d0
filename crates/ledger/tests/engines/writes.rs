//! Records: born, changed, removed, and refused.

use crate::rows::{
    Adding, KIND, account, all, commit, committed, conflict, found, id, insert, next, put, record, remove, stored,
    update, witness,
};
use bonded_ledger::engine::{Engine, EntryRow, ListBy, RecordRow, RecordWrite};

pub async fn a_record_is_born_changed_and_removed(engine: &dyn Engine) {
    let us = account(1);
    let first = RecordRow { state: 2, parent: Some(id(77)), consumer: Some(b"six fields".to_vec()), ..record(1) };
    assert_eq!(put(engine, us, [insert(&first)]).await, committed(1));
    assert_eq!(stored(engine, us, 1).await.as_ref(), Some(&first));

    let second = RecordRow { state: 3, parent: Some(id(78)), consumer: Some(b"others".to_vec()), ..next(&first) };
    assert_eq!(put(engine, us, [update(&second)]).await, committed(2));
    assert_eq!(stored(engine, us, 1).await.as_ref(), Some(&second));

    assert_eq!(put(engine, us, [remove(&second)]).await, committed(3));
    assert_eq!(stored(engine, us, 1).await, None);
    assert_eq!(engine.head(us).await.unwrap(), 3);
}

pub async fn an_id_that_exists_cannot_be_born_again(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1))]).await;
    let again = RecordRow { sealed: b"another".to_vec(), ..record(1) };
    assert_eq!(put(engine, us, [insert(&again)]).await, conflict(&again));
    assert_eq!(stored(engine, us, 1).await, Some(record(1)));
    // Another kind may have the same number.
    let other = RecordRow { kind: crate::rows::OTHER_KIND, ..record(1) };
    assert_eq!(put(engine, us, [insert(&other)]).await, committed(2));
}

pub async fn what_is_not_there_cannot_be_changed_or_removed(engine: &dyn Engine) {
    let us = account(1);
    assert_eq!(put(engine, us, [update(&next(&record(1)))]).await, conflict(&record(1)));
    assert_eq!(put(engine, us, [remove(&record(1))]).await, conflict(&record(1)));
    put(engine, us, [insert(&record(1))]).await;
    let third = next(&next(&record(1)));
    assert_eq!(put(engine, us, [update(&third)]).await, conflict(&third), "a version was skipped");
    assert_eq!(put(engine, us, [update(&record(1))]).await, conflict(&third), "a version was repeated");
    assert_eq!(put(engine, us, [remove(&third)]).await, conflict(&third));
    assert_eq!(stored(engine, us, 1).await, Some(record(1)));
    assert_eq!(engine.head(us).await.unwrap(), 1);
}

pub async fn a_conflict_leaves_nothing_and_holds_nobody_back(engine: &dyn Engine) {
    let (us, them) = (account(1), account(2));
    put(engine, us, [insert(&record(1))]).await;
    let outcomes = engine
        .write(vec![
            commit(us, [insert(&record(2)).found_by(2)]),
            commit(us, [insert(&record(3)).found_by(3), update(&next(&next(&record(1)))), insert(&record(4))]),
            commit(them, [insert(&record(1)).found_by(3)]),
            commit(us, [insert(&record(5)), insert(&record(6))]),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [committed(2), conflict(&record(1)), committed(1), committed(3)]);
    let numbers: Vec<_> = all(engine, us, KIND, &ListBy::Kind, false, 9).await.iter().map(|row| row.id).collect();
    assert_eq!(numbers, [id(1), id(2), id(5), id(6)]);
    assert_eq!(found(engine, us, 2).await, Some((KIND, id(2))));
    assert_eq!(found(engine, us, 3).await, None);
    let told: Vec<_> = engine.entries(us, 0, 9).await.unwrap().iter().map(|entry| entry.row.id).collect();
    assert_eq!(told, [id(1), id(2), id(5), id(6)]);
}

pub async fn a_refusal_at_the_last_write_undoes_the_first(engine: &dyn Engine) {
    let us = account(1);
    let first = RecordRow { consumer: Some(b"kept".to_vec()), state: 1, parent: Some(id(9)), ..record(1) };
    put(engine, us, [insert(&first).found_by(1), insert(&record(2)).found_by(2)]).await;
    let moved = RecordRow { state: 2, parent: None, consumer: Some(b"lost".to_vec()), ..next(&first) };
    let outcome = put(
        engine,
        us,
        [
            update(&moved).found_by(3),
            remove(&record(2)).no_longer_by(2).no_longer_by(1),
            insert(&record(2)),
            insert(&record(2)),
        ],
    )
    .await;
    assert_eq!(outcome, conflict(&record(2)));
    assert_eq!(stored(engine, us, 1).await, Some(first));
    assert_eq!(stored(engine, us, 2).await, Some(record(2)));
    assert_eq!(found(engine, us, 1).await, Some((KIND, id(1))));
    assert_eq!(found(engine, us, 2).await, Some((KIND, id(2))));
    assert_eq!(found(engine, us, 3).await, None);
    assert_eq!(engine.head(us).await.unwrap(), 2);
}

pub async fn a_batch_may_touch_one_record_many_times(engine: &dyn Engine) {
    let us = account(1);
    let first = RecordRow { consumer: Some(b"six fields".to_vec()), ..record(1) };
    let second = RecordRow { state: 1, ..next(&first) };
    let third = RecordRow { state: 2, parent: Some(id(5)), ..next(&second) };
    let outcomes = engine
        .write(vec![
            commit(us, [insert(&first)]),
            commit(us, [update(&second)]),
            commit(us, [update(&second)]),
            commit(us, [update(&third)]),
            commit(us, [remove(&second)]),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [committed(1), committed(2), conflict(&first), committed(3), conflict(&first)]);
    assert_eq!(stored(engine, us, 1).await, Some(RecordRow { consumer: first.consumer.clone(), ..third }));
}

pub async fn a_commit_may_touch_one_record_many_times(engine: &dyn Engine) {
    let us = account(1);
    let second = next(&record(1));
    let third = next(&second);
    assert_eq!(put(engine, us, [insert(&record(1)), update(&second), update(&third)]).await, committed(1));
    assert_eq!(stored(engine, us, 1).await, Some(third.clone()));
    assert_eq!(put(engine, us, [update(&next(&third)), update(&next(&third))]).await, conflict(&third));
    assert_eq!(stored(engine, us, 1).await, Some(third.clone()));
    assert_eq!(put(engine, us, [remove(&third), insert(&record(1)), remove(&record(1))]).await, committed(4));
    assert_eq!(stored(engine, us, 1).await, None);
    assert_eq!(engine.head(us).await.unwrap(), 6);
}

pub async fn a_record_may_go_and_come_again_in_one_batch(engine: &dyn Engine) {
    let us = account(1);
    let old = RecordRow { consumer: Some(b"six fields".to_vec()), state: 4, ..record(1) };
    put(engine, us, [insert(&old).found_by(1)]).await;
    let new = RecordRow { sort_at: 5, state: 4, ..record(1) };
    let outcomes = engine
        .write(vec![commit(us, [remove(&old).no_longer_by(1)]), commit(us, [insert(&new).found_by(1)])])
        .await
        .unwrap();
    assert_eq!(outcomes, [committed(2), committed(3)]);
    assert_eq!(stored(engine, us, 1).await, Some(new.clone()), "nothing of the old one is left");
    assert_eq!(all(engine, us, KIND, &ListBy::State(4), false, 5).await, [new]);
}

pub async fn consumer_fields_stay_where_an_update_names_none(engine: &dyn Engine) {
    let us = account(1);
    let first = RecordRow { consumer: Some(b"six fields".to_vec()), ..record(1) };
    put(engine, us, [insert(&first)]).await;
    put(engine, us, [update(&next(&first))]).await;
    assert_eq!(stored(engine, us, 1).await.unwrap().consumer, first.consumer);
    let third = RecordRow { consumer: Some(b"corrected".to_vec()), ..next(&next(&first)) };
    put(engine, us, [update(&third)]).await;
    assert_eq!(stored(engine, us, 1).await.unwrap().consumer, third.consumer);
}

pub async fn the_moment_of_sorting_never_changes(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1))]).await;
    put(engine, us, [update(&RecordRow { sort_at: 1, ..next(&record(1)) })]).await;
    assert_eq!(stored(engine, us, 1).await.unwrap().sort_at, record(1).sort_at);
}

pub async fn an_entry_may_be_without_a_record(engine: &dyn Engine) {
    let us = account(1);
    assert_eq!(put(engine, us, [witness(1), witness(2)]).await, committed(1));
    assert_eq!(stored(engine, us, 1).await, None);
    assert_eq!(engine.entries(us, 0, 9).await.unwrap().len(), 2);
}

pub async fn a_commit_without_writes_leaves_nothing(engine: &dyn Engine) {
    let us = account(1);
    assert_eq!(put(engine, us, []).await, committed(1));
    put(engine, us, [witness(1)]).await;
    assert_eq!(put(engine, us, []).await, committed(2));
    assert_eq!(engine.head(us).await.unwrap(), 1);
}

pub async fn an_empty_batch_is_no_error(engine: &dyn Engine) {
    assert_eq!(engine.write(vec![]).await.unwrap(), []);
}

pub async fn a_large_value_stays_whole(engine: &dyn Engine) {
    const BYTES: usize = 1024 * 1024;
    let us = account(1);
    let large = |salt: usize| (0..BYTES).map(|place| ((place * 31 + salt) % 251).to_le_bytes()[0]).collect::<Vec<_>>();
    let row = RecordRow { sealed: large(1), consumer: Some(large(2)), ..record(1) };
    let mut writing = insert(&row);
    writing.entry = EntryRow { sealed: large(3), ..writing.entry };
    let entry = writing.entry.clone();
    put(engine, us, [writing]).await;
    assert!(stored(engine, us, 1).await == Some(row.clone()));
    assert!(engine.entries(us, 0, 1).await.unwrap()[0].row == entry);
    let small = RecordRow { consumer: Some(vec![]), sealed: vec![], ..next(&row) };
    put(engine, us, [update(&small)]).await;
    assert_eq!(stored(engine, us, 1).await, Some(small));
}

pub async fn refusals_among_a_thousand_births_hold_nobody_back(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(500)), insert(&record(2_000)).found_by(600)]).await;
    let mut batch: Vec<_> = (0..1_000).map(|number| commit(us, [insert(&record(number)).found_by(number)])).collect();
    batch.push(commit(us, [insert(&record(7))]));
    batch.push(commit(us, [insert(&record(3_000)).found_by(8)]));
    let outcomes = engine.write(batch).await.unwrap();
    let mut seq = 2;
    for (number, outcome) in (0..).zip(&outcomes) {
        let expected = match number {
            500 => conflict(&record(500)),
            600 => crate::rows::taken_by(&record(2_000)),
            1_000 => conflict(&record(7)),
            1_001 => crate::rows::taken_by(&record(8)),
            _ => {
                seq += 1;
                committed(seq)
            }
        };
        assert_eq!(*outcome, expected, "{number}");
    }
    assert_eq!(engine.head(us).await.unwrap(), 1_000);
    assert_eq!(all(engine, us, KIND, &ListBy::Kind, false, 5_000).await.len(), 1_000);
    assert_eq!(found(engine, us, 500).await, None);
    // The engine is as good as before.
    assert_eq!(put(engine, us, [insert(&record(4_000))]).await, committed(1_001));
}

pub async fn ten_thousand_writes_go_in_one_batch(engine: &dyn Engine) {
    let us = account(1);
    let outcomes = engine
        .write((0..10_000).map(|number| commit(us, [insert(&record(number)).found_by(number)])).collect())
        .await
        .unwrap();
    assert!(outcomes.iter().zip(1..).all(|(outcome, seq)| *outcome == committed(seq)));
    assert_eq!(engine.head(us).await.unwrap(), 10_000);
    assert_eq!(all(engine, us, KIND, &ListBy::Kind, true, 3_000).await.len(), 10_000);
    let changes = (0..10_000).map(|number| update(&next(&record(number))));
    assert_eq!(put(engine, us, changes).await, committed(10_001));
    let gone = (0..10_000).map(|number| {
        crate::rows::write(RecordWrite::Remove { kind: KIND, id: id(number), version: 2 }).no_longer_by(number)
    });
    assert_eq!(put(engine, us, gone).await, committed(20_001));
    assert_eq!(all(engine, us, KIND, &ListBy::Kind, false, 10).await, []);
    assert_eq!(found(engine, us, 1).await, None);
}
