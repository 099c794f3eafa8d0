//! Many at once: writers, readers, and callers who go away.

use crate::rows::{
    Adding, KIND, account, all, commit, committed, found, id, insert, next, put, record, stored, taken_by, update,
    witness,
};
use bonded_ledger::engine::{Engine, ListBy, Outcome, RecordRow};
use futures::future::{FutureExt, join, join_all};
use std::sync::atomic::{AtomicBool, Ordering};

pub async fn writers_leave_no_gap(engine: &dyn Engine) {
    const WRITERS: u64 = 8;
    const BATCHES: u64 = 12;
    let accounts = [account(1), account(2), account(3)];
    let outcomes = join_all((0..WRITERS).map(|writer| async move {
        let mut firsts = Vec::new();
        for batch in 0..BATCHES {
            let number = writer * 1_000 + batch * 10;
            // Every writer names the accounts in another order.
            let commits = (0..3_u64).map(|turn| {
                let us = accounts[usize::try_from((turn + writer) % 3).unwrap()];
                commit(us, [insert(&record(number)), insert(&record(number + 1))])
            });
            for outcome in engine.write(commits.collect()).await.unwrap() {
                let Outcome::Committed { first_seq } = outcome else { panic!("{outcome:?}") };
                firsts.push(first_seq);
            }
        }
        firsts
    }))
    .await;
    for us in accounts {
        let total = WRITERS * BATCHES * 2;
        assert_eq!(engine.head(us).await.unwrap(), total);
        let entries = engine.entries(us, 0, u32::MAX).await.unwrap();
        assert!(entries.iter().map(|entry| entry.seq).eq(1..=total));
        // The two entries of a commit stand together.
        assert!(entries.chunks(2).all(|pair| pair[0].row.id < pair[1].row.id));
    }
    let mut firsts: Vec<u64> = outcomes.into_iter().flatten().collect();
    firsts.sort_unstable();
    assert!(firsts.chunks(3).zip((1..).step_by(2)).all(|(three, seq)| three == [seq; 3]));
}

pub async fn one_of_many_takes_a_lookup(engine: &dyn Engine) {
    let us = account(1);
    let outcomes = join_all((1..=16).map(|number| put(engine, us, [insert(&record(number)).found_by(7)]))).await;
    let winners: Vec<_> = outcomes.iter().filter(|outcome| **outcome == committed(1)).collect();
    assert_eq!(winners.len(), 1);
    let (_, winner) = found(engine, us, 7).await.unwrap();
    let holder = taken_by(&RecordRow { id: winner, ..record(1) });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == holder).count(), 15);
    assert_eq!(all(engine, us, KIND, &ListBy::Kind, false, 99).await.len(), 1);
}

pub async fn one_of_many_changes_a_version(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [insert(&record(1))]).await;
    let outcomes = join_all((0..16).map(|_| put(engine, us, [update(&next(&record(1)))]))).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed { .. })).count(), 1);
    assert_eq!(stored(engine, us, 1).await.unwrap().version, 2);
    assert_eq!(engine.head(us).await.unwrap(), 2);
}

pub async fn questions_asked_at_once_get_their_own_answers(engine: &dyn Engine) {
    const RECORDS: u64 = 60;
    let of =
        |us: u8, number: u64| RecordRow { sealed: vec![us; 10 + usize::try_from(number).unwrap()], ..record(number) };
    for us in 1..=3 {
        // The same ids in every account, but each third of them.
        let own = (0..RECORDS).filter(|number| number % 3 != u64::from(us) % 3);
        put(engine, account(us), own.map(|number| insert(&of(us, number)))).await;
    }
    let ask = |question: u64| async move {
        let us = u8::try_from(question % 3).unwrap() + 1;
        let wanted: Vec<u64> = (0..=question % 50).map(|step| (question * 7 + step) % (RECORDS + 5)).collect();
        let ids: Vec<_> = wanted.iter().map(|number| id(*number)).collect();
        let mut rows = engine.records(account(us), KIND, &ids).await.unwrap();
        rows.sort_by_key(|row| row.id);
        let there = |number: &u64| *number < RECORDS && number % 3 != u64::from(us) % 3;
        let mut expected: Vec<_> = wanted.iter().filter(|number| there(number)).map(|number| of(us, *number)).collect();
        expected.sort_by_key(|row| row.id);
        assert_eq!(rows, expected, "question {question}");
    };
    // Callers who go away take no answer from those who stay.
    for question in 0..100 {
        let _: Option<()> = ask(question).now_or_never();
    }
    join_all((0..300).map(ask)).await;
    assert!(engine.records(account(9), KIND, &[id(1)]).await.unwrap().is_empty());
}

pub async fn readers_never_see_half_a_commit(engine: &dyn Engine) {
    let us = account(1);
    let done = AtomicBool::new(false);
    let writing = async {
        for number in 0..60 {
            let pair = [number * 2, number * 2 + 1].map(|number| insert(&RecordRow { state: 1, ..record(number) }));
            put(engine, us, pair).await;
        }
        done.store(true, Ordering::Release);
    };
    let reading = async {
        let mut seen = 0;
        while !done.load(Ordering::Acquire) {
            let head = engine.head(us).await.unwrap();
            let entries = engine.entries(us, 0, 1_000).await.unwrap();
            let rows = engine
                .list(
                    us,
                    &bonded_ledger::engine::ListQuery {
                        kind: KIND,
                        by: ListBy::State(1),
                        descending: false,
                        after: None,
                        limit: 1_000,
                    },
                )
                .await
                .unwrap();
            assert!(entries.iter().map(|entry| entry.seq).eq(1..=entries.len() as u64));
            assert!(
                head <= entries.len() as u64 && entries.len() <= rows.len(),
                "a later question sees at least as much"
            );
            assert_eq!((head % 2, entries.len() % 2, rows.len() % 2), (0, 0, 0), "a commit is seen whole");
            assert!(head >= seen);
            seen = head;
        }
    };
    join(writing, reading).await;
    assert_eq!(engine.head(us).await.unwrap(), 120);
}

/// Whether the change happened nobody can know; but the engine goes on, and what happened is whole.
pub async fn a_caller_who_gives_up_leaves_no_trace_of_a_transaction(engine: &dyn Engine) {
    let us = account(1);
    put(engine, us, [witness(1)]).await;
    for number in 1..=20_u64 {
        let mut abandoned = Box::pin(put(engine, us, [insert(&record(number * 2)), insert(&record(number * 2 + 1))]));
        // Polled now and then, so that it gets more or less far.
        for _ in 0..number % 5 {
            tokio::task::yield_now().await;
            if abandoned.as_mut().now_or_never().is_some() {
                break;
            }
            engine.ping().await.unwrap();
        }
    }
    let Outcome::Committed { first_seq } = put(engine, us, [insert(&record(1_000))]).await else { panic!("refused") };
    let rows = all(engine, us, KIND, &ListBy::Kind, false, 100).await;
    assert_eq!(engine.head(us).await.unwrap(), first_seq);
    assert_eq!(rows.len() as u64, first_seq - 1, "as many entries as records, but for the witness");
    assert!(rows.iter().filter(|row| row.id != id(1_000)).count().is_multiple_of(2));
}
