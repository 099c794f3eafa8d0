//! Lookups: each finds one record or none.

use crate::rows::{
    Adding, KIND, NAME, account, commit, committed, found, id, insert, next, put, record, remove, stored, taken_by,
    update,
};
use bonded_ledger::engine::Engine;

pub async fn a_taken_lookup_refuses_the_whole_commit(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7)]).await;
    let outcomes = engine
        .write(vec![
            commit(us, [insert(&record(2)).found_by(8)]),
            commit(us, [insert(&record(3)).found_by(9), insert(&record(4)).found_by(7)]),
            commit(us, [insert(&record(5)).found_by(9)]),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [committed(2), taken_by(&record(1)), committed(3)]);
    assert_eq!(stored(engine, us, 3).await, None);
    assert_eq!(stored(engine, us, 4).await, None);
    assert_eq!(found(engine, us, 7).await, Some((KIND, id(1))));
    assert_eq!(found(engine, us, 9).await, Some((KIND, id(5))));
}

pub async fn a_lookup_may_be_said_again_by_its_own_record(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7)]).await;
    let second = next(&record(1));
    assert_eq!(put(engine, us, [update(&second).found_by(7).found_by(8).found_by(8)]).await, committed(2));
    assert_eq!(found(engine, us, 7).await, Some((KIND, id(1))));
    assert_eq!(found(engine, us, 8).await, Some((KIND, id(1))));
}

pub async fn a_lookup_goes_with_its_removal(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7)]).await;
    assert_eq!(put(engine, us, [remove(&record(1)).no_longer_by(7).no_longer_by(8)]).await, committed(2));
    assert_eq!(found(engine, us, 7).await, None);
    assert_eq!(put(engine, us, [insert(&record(2)).found_by(7)]).await, committed(3));
    assert_eq!(found(engine, us, 7).await, Some((KIND, id(2))));
}

/// Two records swap their lookups; removals come first, wherever they stand in the commit.
pub async fn lookups_move_between_records_in_one_commit(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7), insert(&record(2)).found_by(8)]).await;
    let swap =
        [update(&next(&record(1))).no_longer_by(7).found_by(8), update(&next(&record(2))).no_longer_by(8).found_by(7)];
    assert_eq!(put(engine, us, swap).await, committed(3));
    assert_eq!(found(engine, us, 7).await, Some((KIND, id(2))));
    assert_eq!(found(engine, us, 8).await, Some((KIND, id(1))));
}

pub async fn a_batch_sees_the_lookups_of_the_commits_before(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7)]).await;
    let outcomes = engine
        .write(vec![
            commit(us, [insert(&record(2)).found_by(8)]),
            commit(us, [insert(&record(3)).found_by(8)]),
            commit(us, [update(&next(&record(1))).no_longer_by(7)]),
            commit(us, [insert(&record(4)).found_by(7)]),
            commit(us, [insert(&record(5)).found_by(7)]),
        ])
        .await
        .unwrap();
    let expected = [committed(2), taken_by(&record(2)), committed(3), committed(4), taken_by(&record(4))];
    assert_eq!(outcomes, expected);
    assert_eq!(found(engine, us, 7).await, Some((KIND, id(4))));
    assert_eq!(found(engine, us, 8).await, Some((KIND, id(2))));
}

/// So a repeated request finds its answer, even if what it changes has moved on.
pub async fn a_taken_lookup_is_told_before_a_conflict(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1)).found_by(7)]).await;
    let late = [update(&next(&next(&record(1)))), insert(&record(2)).found_by(7)];
    assert_eq!(put(engine, us, late).await, taken_by(&record(1)));
}

pub async fn two_records_of_one_commit_cannot_share_a_lookup(engine: &dyn Engine) {
    let us = account(1);
    let both = [insert(&record(1)).found_by(7), insert(&record(2)).found_by(7)];
    assert_eq!(put(engine, us, both).await, taken_by(&record(1)));
    assert_eq!(found(engine, us, 7).await, None);
    assert_eq!(stored(engine, us, 1).await, None);
    assert_eq!(engine.head(us).await.unwrap(), 0);
}

pub async fn answers_come_in_the_order_of_the_questions(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, (1..=3).map(|number| insert(&record(number)).found_by(number))).await;
    put(engine, account(2), [insert(&record(4)).found_by(4)]).await;
    let asked = [(NAME, id(3)), (NAME, id(4)), (NAME, id(1)), (NAME + 1, id(1)), (NAME, id(3))];
    let three = Some((KIND, id(3)));
    assert_eq!(engine.lookups(us, &asked).await.unwrap(), [three, None, Some((KIND, id(1))), None, three]);
    assert_eq!(engine.lookups(us, &[]).await.unwrap(), []);
    assert_eq!(engine.records(us, KIND, &[]).await.unwrap(), []);
    let rows = engine.records(us, KIND, &[id(3), id(9), id(1), id(3)]).await.unwrap();
    assert_eq!(rows.len(), 2, "an id asked for twice is answered once");
}
