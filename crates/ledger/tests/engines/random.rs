//! Random histories, told to the model and to an engine: both must answer alike and hold the same in the end.

use crate::model::Model;
use crate::rows::{Adding, all, commit, entry, id, insert, record};
use bonded_ledger::engine::{
    Bytes16, Commit, Engine, ListBy, LookupRow, Outcome, RecordRow, RecordWrite, StoredEntry, TileRow, Write,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

const CASES: u32 = 96;

/// Few of everything, so that histories meet.
const ACCOUNTS: u8 = 3;
const KINDS: u8 = 2;
const IDS: u64 = 4;
const NAMES: u8 = 2;
const TOKENS: u64 = 4;
const STATES: u8 = 3;
const PARENTS: u64 = 2;
const CONSUMERS: i64 = 2;
const NODES: u8 = 2;
const PLACES: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<CommitPlan>),
    Lease { account: u8, consumer: i64, node: u8, now: i64, term: i64 },
    Advance { account: u8, consumer: i64, fence: u64, seq: u64, tiles: Vec<(u8, u64, u8)> },
}

#[derive(Clone, Debug)]
struct CommitPlan {
    account: u8,
    writes: Vec<WritePlan>,
}

#[derive(Clone, Debug)]
struct WritePlan {
    record: Option<RecordPlan>,
    added: Vec<(u8, u64, u8, u64)>,
    removed: Vec<(u8, u64)>,
}

#[derive(Clone, Debug)]
struct RecordPlan {
    what: What,
    /// Added to the version that would be right.
    slip: u64,
    kind: u8,
    id: u64,
    state: u8,
    parent: Option<u64>,
    sort_at: i64,
    consumer: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// An insert if it is not there, else an update.
    Fitting,
    Insert,
    Update,
    /// An update that takes the consumer away.
    Forget,
    Remove,
}

fn record_plan() -> impl Strategy<Value = RecordPlan> {
    let what = prop_oneof![8 => Just(What::Fitting), 1 => Just(What::Insert), 1 => Just(What::Update), 2 => Just(What::Forget), 3 => Just(What::Remove)];
    let slip = prop_oneof![12 => Just(0), 1 => Just(1_u64)];
    (what, slip, 0..KINDS, 0..IDS, 0..STATES, option::of(0..PARENTS), 0..3_i64, option::of(any::<u8>())).prop_map(
        |(what, slip, kind, id, state, parent, sort_at, consumer)| RecordPlan {
            what,
            slip,
            kind,
            id,
            state,
            parent,
            sort_at,
            consumer,
        },
    )
}

fn write_plan() -> impl Strategy<Value = WritePlan> {
    let added = vec((0..NAMES, 0..TOKENS, 0..KINDS, 0..IDS), 0..2);
    let removed = vec((0..NAMES, 0..TOKENS), 0..2);
    (option::weighted(0.9, record_plan()), added, removed).prop_map(|(record, added, removed)| WritePlan {
        record,
        added,
        removed,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let plan = (0..ACCOUNTS, vec(write_plan(), 0..4)).prop_map(|(account, writes)| CommitPlan { account, writes });
    let lease = (0..ACCOUNTS, 1..=CONSUMERS, 0..NODES, 0..20_i64, 0..8_i64)
        .prop_map(|(account, consumer, node, now, term)| Step::Lease { account, consumer, node, now, term });
    let tiles = vec((0..2_u8, 0..PLACES, any::<u8>()), 0..4);
    let advance = (0..ACCOUNTS, 1..=CONSUMERS, 0..4_u64, 0..12_u64, tiles)
        .prop_map(|(account, consumer, fence, seq, tiles)| Step::Advance { account, consumer, fence, seq, tiles });
    prop_oneof![4 => vec(plan, 0..6).prop_map(Step::Write), 1 => lease, 1 => advance]
}

/// Kinds begin at 1.
const fn kind(number: u8) -> u8 {
    number + 1
}

/// The accounts of one history; the engine has those of earlier ones too.
#[derive(Clone, Copy)]
struct Accounts(u64);

impl Accounts {
    fn at(self, number: u8) -> Bytes16 {
        id(self.0 * 1_000 + u64::from(number))
    }

    fn all(self) -> impl Iterator<Item = Bytes16> {
        (0..ACCOUNTS).map(move |number| self.at(number))
    }
}

/// Makes the commits of a batch, with versions that fit what the model has by then, and tells them to the model.
fn play(model: &mut Model, accounts: Accounts, plans: &[CommitPlan]) -> (Vec<Commit>, Vec<Outcome>) {
    plans
        .iter()
        .map(|plan| {
            let account = accounts.at(plan.account);
            let mut versions: BTreeMap<_, u64> =
                model.account(account).records.values().map(|row| ((row.kind, row.id), row.version)).collect();
            let writes = plan.writes.iter().map(|plan| make(plan, &mut versions)).collect();
            let made = Commit { account, writes };
            let outcome = model.commit(&made);
            (made, outcome)
        })
        .unzip()
}

fn make(plan: &WritePlan, versions: &mut BTreeMap<(u8, Bytes16), u64>) -> Write {
    let record = plan.record.as_ref().map(|plan| make_record(plan, versions));
    let entry = match &record {
        Some(RecordWrite::Insert(row) | RecordWrite::Update(row) | RecordWrite::Forget(row)) => {
            entry(row.kind, row.id, row.version)
        }
        Some(RecordWrite::Remove { kind, id, version }) => entry(*kind, *id, *version),
        None => entry(0, [0; 16], 0),
    };
    let lookup = |(name, token, of, number): &(u8, u64, u8, u64)| LookupRow {
        name: *name,
        token: id(*token),
        kind: kind(*of),
        id: id(*number),
    };
    let lookups_removed = plan.removed.iter().map(|(name, token)| (*name, id(*token))).collect();
    Write { entry, record, lookups_added: plan.added.iter().map(lookup).collect(), lookups_removed }
}

fn make_record(plan: &RecordPlan, versions: &mut BTreeMap<(u8, Bytes16), u64>) -> RecordWrite {
    let key = (kind(plan.kind), id(plan.id));
    let present = versions.get(&key).copied();
    let row = |version| RecordRow {
        kind: key.0,
        id: key.1,
        version,
        state: plan.state,
        parent: plan.parent.map(id),
        sort_at: plan.sort_at,
        sealed: [&version.to_be_bytes()[..], &[plan.state]].concat(),
        consumer: plan.consumer.map(|byte| vec![byte]),
    };
    let changed = present.unwrap_or(0) + 1 + plan.slip;
    match (plan.what, present) {
        (What::Remove, _) => {
            let version = present.unwrap_or(1) + plan.slip;
            versions.remove(&key);
            RecordWrite::Remove { kind: key.0, id: key.1, version }
        }
        (What::Insert, _) | (What::Fitting, None) => {
            versions.insert(key, 1);
            RecordWrite::Insert(row(1))
        }
        (What::Update, _) | (What::Fitting, Some(_)) => {
            versions.insert(key, changed);
            RecordWrite::Update(row(changed))
        }
        (What::Forget, _) => {
            versions.insert(key, changed);
            RecordWrite::Forget(RecordRow { consumer: None, ..row(changed) })
        }
    }
}

async fn take(told: &Told<'_>, model: &mut Model, accounts: Accounts, step: &Step) -> Result<(), TestCaseError> {
    let engine = told.engine;
    match step {
        Step::Write(plans) => {
            let (mut batch, expected) = play(model, accounts, plans);
            batch.extend(told.crowd());
            let outcomes = engine.write(batch).await.unwrap();
            prop_assert_eq!(&outcomes[..expected.len()], &expected[..]);
            let crowd = outcomes[expected.len()..].iter().all(|outcome| matches!(outcome, Outcome::Committed { .. }));
            prop_assert!(crowd, "a stranger's births were refused");
        }
        Step::Lease { account, consumer, node, now, term } => {
            let (account, node) = (accounts.at(*account), [*node; 16]);
            let expected = model.lease(account, *consumer, node, *now, now + term);
            prop_assert_eq!(engine.lease(account, *consumer, node, *now, now + term).await.unwrap(), expected);
        }
        Step::Advance { account, consumer, fence, seq, tiles } => {
            let account = accounts.at(*account);
            let tile =
                |(level, index, byte): &(u8, u64, u8)| TileRow { level: *level, index: *index, hashes: vec![*byte; 3] };
            let tiles: Vec<TileRow> = tiles.iter().map(tile).collect();
            let expected = model.advance(account, *consumer, *fence, *seq, &tiles);
            prop_assert_eq!(engine.advance(account, *consumer, *fence, *seq, tiles).await.unwrap(), expected);
        }
    }
    Ok(())
}

/// Every table, as far as an engine can be asked.
async fn compare(engine: &dyn Engine, model: &Model, accounts: Accounts) -> Result<(), TestCaseError> {
    for account in accounts.all() {
        let expected = model.account(account);
        let lists = (0..STATES)
            .filter(|state| *state > 0)
            .map(ListBy::State)
            .chain((0..PARENTS).map(|parent| ListBy::Parent(id(parent))))
            .chain([ListBy::Kind]);
        for by in lists {
            for kind in (0..KINDS).map(kind) {
                let mut rows = expected.list(kind, &by);
                prop_assert_eq!(&all(engine, account, kind, &by, false, 2).await, &rows);
                rows.reverse();
                prop_assert_eq!(&all(engine, account, kind, &by, true, 3).await, &rows);
            }
        }
        let asked: Vec<_> = (0..NAMES).flat_map(|name| (0..TOKENS).map(move |token| (name, id(token)))).collect();
        let found: Vec<_> = asked.iter().map(|key| expected.lookups.get(key).copied()).collect();
        prop_assert_eq!(engine.lookups(account, &asked).await.unwrap(), found);

        let entries: Vec<_> = (1..).zip(expected.entries).map(|(seq, row)| StoredEntry { seq, row }).collect();
        prop_assert_eq!(engine.head(account).await.unwrap(), entries.len() as u64);
        prop_assert_eq!(engine.entries(account, 0, 10_000).await.unwrap(), entries);

        let places: Vec<_> = (0..2).flat_map(|level| (0..PLACES).map(move |index| (level, index))).collect();
        let mut tiles = engine.tiles(account, &places).await.unwrap();
        tiles.sort_by_key(|tile| (tile.level, tile.index));
        let tile = |((level, index), hashes)| TileRow { level, index, hashes };
        prop_assert_eq!(tiles, expected.tiles.into_iter().map(tile).collect::<Vec<_>>());
    }
    let before = id(accounts.0 * 1_000 - 1);
    for consumer in 1..=CONSUMERS {
        let behind = engine.behind(consumer, Some(before), 1_000).await.unwrap();
        prop_assert_eq!(behind, model.behind(consumer));
    }
    Ok(())
}

/// An engine that histories are told to, and how many births of a stranger's records go with each batch: engines may
/// treat large batches in another way.
struct Told<'e> {
    engine: &'e dyn Engine,
    crowd: u64,
    births: AtomicU64,
}

impl Told<'_> {
    /// The stranger's account comes before all others.
    fn crowd(&self) -> Option<Commit> {
        let first = self.births.fetch_add(self.crowd, Ordering::Relaxed);
        let births = (first..first + self.crowd).map(|number| insert(&record(number)).found_by(number));
        (self.crowd > 0).then(|| commit([0; 16], births))
    }
}

/// Tells random histories to the engine, with a crowd of so many births in each batch.
pub fn agrees_with_the_model(engine: &dyn Engine, runtime: &tokio::runtime::Runtime, crowd: u64) {
    let told = Told { engine, crowd, births: AtomicU64::new(0) };
    let histories = AtomicU64::new(1);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(step(), 0..16), |steps| {
        let accounts = Accounts(histories.fetch_add(1, Ordering::Relaxed));
        let mut model = Model::default();
        runtime.block_on(async {
            for step in &steps {
                take(&told, &mut model, accounts, step).await?;
            }
            compare(engine, &model, accounts).await
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
