//! Reading and committing: every value is opened on its way out and sealed on its way in, here and nowhere else.

use crate::answers::Answer;
use crate::change::{Becomes, Body, Change, Step};
use crate::engine::{Commit, Engine, EntryRow, ListBy, ListQuery, LookupRow, Outcome, RecordRow, RecordWrite, Write};
use crate::entry::{self, record_digest, salted, with_context};
use crate::error::LedgerError;
use crate::record::{Lookup, LookupName, Record, Stored};
use crate::scope::Scope;
use crate::slots::{Slots, SpentSlots};
use crate::wakes::Wakes;
use crate::writer::Writer;
use bonded_base::{Account, Chance, Clock, Id, Kind, Moment, Secret};
use bonded_vault::{AccountKeys, Context, Vault, VaultError};
use serde_json::Value;
use std::sync::Arc;

/// The numbers that columns go by in a sealing context.
const TABLE_RECORDS: u8 = 1;
const TABLE_CONSUMERS: u8 = 2;

/// Records that one page holds at most.
pub const PAGE_MAX: u32 = 1_000;

/// A deployment's accounts: their records and logs, in one engine, under one vault. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub engine: Arc<dyn Engine>,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub wakes: Arc<Wakes>,
    writer: Writer,
    slots: Slots,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The place of its first entry in the account's log.
    pub first_seq: u64,
    /// When it was made.
    pub at: Moment,
}

/// Which records to list.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Those with this parent.
    pub parent: Option<[u8; 16]>,
    /// Those in this state; not together with `parent`.
    pub state: Option<u8>,
    /// Newest first.
    pub descending: bool,
    /// Where the last page ended.
    pub after: Option<(Moment, [u8; 16])>,
    /// Records at most, up to [`PAGE_MAX`].
    pub limit: u32,
}

impl List {
    /// The first page of a kind, oldest first.
    pub const fn first(limit: u32) -> Self {
        Self { parent: None, state: None, descending: false, after: None, limit }
    }
}

/// A page of records.
pub struct Listed<R> {
    /// In the order asked.
    pub records: Vec<Stored<R>>,
    /// What to pass as [`List::after`] for the next page; `None` when this is the last.
    pub next: Option<(Moment, [u8; 16])>,
}

impl Ledger {
    /// Opens a ledger; must be called inside a tokio runtime, where its writer then lives.
    pub fn open(engine: Arc<dyn Engine>, vault: Vault, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let (writer, wakes) = (Writer::start(&engine), Wakes::start(&engine));
        let slots = Slots::default();
        Self { inner: Arc::new(Inner { engine, vault, clock, chance, wakes, writer, slots }) }
    }

    /// The vault that holds its keys.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// The clock that its entries are dated by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The chance that its ids are made of.
    pub fn chance(&self) -> &dyn Chance {
        &*self.inner.chance
    }

    /// The same chance, for whoever outlives a call.
    pub fn shared_chance(&self) -> Arc<dyn Chance> {
        Arc::clone(&self.inner.chance)
    }

    /// A new id, born now.
    pub fn new_id<R: Record>(&self) -> Id<R> {
        Id::new(self.clock(), self.chance())
    }

    /// Takes no more commits, and returns when those that wait are durable.
    pub async fn close(&self) {
        self.inner.writer.close().await;
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), LedgerError> {
        Ok(self.inner.engine.ping().await?)
    }

    /// The keys that a scope opens: for staff, those that the account's signed approval opens.
    pub(crate) fn keys(&self, scope: &Scope) -> Result<AccountKeys, LedgerError> {
        Ok(match scope.granted_by() {
            Some(granted) => self.inner.vault.account_for(&granted.signed, self.clock().now())?,
            None => self.inner.vault.account(scope.account())?,
        })
    }

    /// Refuses a scope whose grant has changed since: revoked, shortened, run out.
    pub(crate) async fn still_granted(&self, scope: &Scope) -> Result<(), LedgerError> {
        let Some(granted) = scope.granted_by() else { return Ok(()) };
        let (account, id) = (scope.account().bytes(), granted.signed.grant.id);
        let rows = self.inner.engine.records(account, Kind::Grant.number(), &[id]).await?;
        let stands = rows.first().is_some_and(|row| row.version == granted.version);
        if stands { Ok(()) } else { Err(LedgerError::NotGranted) }
    }

    /// One record, if the account has it.
    pub async fn get<R: Record>(&self, scope: &Scope, id: Id<R>) -> Result<Option<Stored<R>>, LedgerError> {
        Ok(self.get_many(scope, &[id]).await?.pop().flatten())
    }

    /// Records, each in the place of its id; `None` where the account has no such record.
    pub async fn get_many<R: Record>(
        &self,
        scope: &Scope,
        ids: &[Id<R>],
    ) -> Result<Vec<Option<Stored<R>>>, LedgerError> {
        self.still_granted(scope).await?;
        let keys = self.reading(scope, R::KIND)?;
        let asked: Vec<_> = ids.iter().filter(|id| scope.reaches(R::KIND, id.bytes())).map(|id| id.bytes()).collect();
        let rows = self.inner.engine.records(scope.account().bytes(), R::KIND.number(), &asked).await?;
        let mut found = std::collections::HashMap::with_capacity(rows.len());
        for row in rows {
            let stored = open::<R>(&keys, row)?;
            found.insert(stored.id, stored);
        }
        self.witness(scope, found.values()).await?;
        Ok(ids.iter().map(|id| found.remove(id)).collect())
    }

    /// A page of records.
    pub async fn list<R: Record>(&self, scope: &Scope, list: &List) -> Result<Listed<R>, LedgerError> {
        self.still_granted(scope).await?;
        let keys = self.reading(scope, R::KIND)?;
        let (rows, next) = self.rows(scope, R::KIND, list).await?;
        let reached = rows.into_iter().filter(|row| scope.reaches(R::KIND, row.id));
        let records = reached.map(|row| open(&keys, row)).collect::<Result<Vec<_>, _>>()?;
        self.witness(scope, records.iter()).await?;
        Ok(Listed { records, next })
    }

    /// A page of rows, still sealed, and where the next one begins.
    pub(crate) async fn rows(
        &self,
        scope: &Scope,
        kind: Kind,
        list: &List,
    ) -> Result<(Vec<RecordRow>, Option<(Moment, [u8; 16])>), LedgerError> {
        let limit = list.limit.clamp(1, PAGE_MAX);
        let query = ListQuery {
            kind: kind.number(),
            by: match (list.parent, list.state) {
                (Some(parent), _) => ListBy::Parent(parent),
                (None, Some(state)) => ListBy::State(state),
                (None, None) => ListBy::Kind,
            },
            descending: list.descending,
            after: list.after.map(|(at, id)| (at.millis(), id)),
            limit: limit + 1,
        };
        let mut rows = self.inner.engine.list(scope.account().bytes(), &query).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| (Moment::from_millis(row.sort_at), row.id));
        Ok((rows, next))
    }

    /// The id that a lookup finds.
    pub async fn find<R: Record>(&self, scope: &Scope, lookup: &Lookup<'_>) -> Result<Option<Id<R>>, LedgerError> {
        Ok(self.find_many(scope, std::slice::from_ref(lookup)).await?.pop().flatten())
    }

    /// What each lookup finds, in the order asked.
    pub async fn find_many<R: Record>(
        &self,
        scope: &Scope,
        lookups: &[Lookup<'_>],
    ) -> Result<Vec<Option<Id<R>>>, LedgerError> {
        self.still_granted(scope).await?;
        let keys = self.reading(scope, R::KIND)?;
        self.witness::<R>(scope, std::iter::empty()).await?;
        let asked: Vec<_> = lookups
            .iter()
            .map(|lookup| (lookup.name.number(), keys.token(lookup.name.number(), &lookup.value)))
            .collect();
        let found = self.inner.engine.lookups(scope.account().bytes(), &asked).await?;
        let reached = |kind, id| kind == R::KIND.number() && scope.reaches(R::KIND, id);
        let of_kind = |(kind, id)| reached(kind, id).then(|| Id::from_bytes(id));
        Ok(found.into_iter().map(|found| found.and_then(of_kind)).collect())
    }

    /// The six consumer fields kept beside a record: `None` when there never were any or they were destroyed.
    pub async fn consumer<R: Record>(
        &self,
        scope: &Scope,
        record: &Stored<R>,
    ) -> Result<Option<Secret<Vec<u8>>>, LedgerError> {
        self.still_granted(scope).await?;
        if scope.granted_by().is_some_and(|granted| !granted.signed.grant.consumers) {
            return Err(LedgerError::OutOfReach(R::KIND));
        }
        let keys = self.reading(scope, R::KIND)?;
        let Some(sealed) = &record.consumer else { return Ok(None) };
        match keys.open_consumer(&consumer_context(R::KIND, record.id.bytes()), sealed) {
            Ok(plain) => {
                if scope.leaves_traces() {
                    let mut change = Change::new();
                    let seen = vec![String::from("consumer")];
                    change.witness(R::KIND, record.id.bytes(), record.version, "viewed", seen);
                    self.commit_witnessed(&scope.again(), change).await?;
                }
                Ok(Some(plain))
            }
            Err(VaultError::Destroyed) => Ok(None),
            Err(VaultError::Sealed) => Err(LedgerError::Sealed),
            Err(_) => Err(LedgerError::Damaged(R::KIND)),
        }
    }

    /// Makes a change happen, whole or not at all. When this returns, it is durable.
    pub async fn commit(&self, scope: &Scope, change: Change) -> Result<Committed, LedgerError> {
        if let Some(step) = change.steps.iter().find(|step| !scope.may_write(step.kind)) {
            return Err(LedgerError::OutOfReach(step.kind));
        }
        self.still_granted(scope).await?;
        self.commit_witnessed(scope, change).await
    }

    /// Keeps the answer that a once-only request got, so that it can be given again.
    pub async fn answered(
        &self,
        scope: &Scope,
        claimed: &Stored<Answer>,
        status: u16,
        body: Value,
    ) -> Result<(), LedgerError> {
        let mut change = Change::new();
        change.update(claimed, &Answer { given: Some((status, body)), ..claimed.value.clone() }, "answered");
        self.commit(&scope.again(), change).await.map(|_| ())
    }

    async fn commit_witnessed(&self, scope: &Scope, mut change: Change) -> Result<Committed, LedgerError> {
        let at = self.clock().now();
        if let Some(request) = scope.request() {
            let changed = change.steps.iter().filter(|step| step.changes());
            let wrote = changed.map(|step| bonded_base::id_text(step.kind, step.id)).collect();
            let (key, fingerprint) = (request.key.clone(), request.fingerprint);
            let answer = Answer { key, fingerprint, wrote, given: None };
            change.create(self.new_id(), &answer, "claimed");
        }
        if let Some(spent) = SpentSlots::by(&change)? {
            change.create(self.new_id(), &spent, "spent");
        }
        let keys = self.keys(scope)?;
        let mut writes = Vec::with_capacity(change.steps.len());
        for step in change.steps {
            writes.push(self.seal(scope, &keys, at, step).await?);
        }
        let outcome = self.inner.writer.write(Commit { account: scope.account().bytes(), writes }).await?;
        match outcome {
            Outcome::Committed { first_seq } => Ok(Committed { first_seq, at }),
            Outcome::Conflict { kind, id } => {
                Err(LedgerError::Conflict { kind: Kind::from_number(kind).unwrap_or(Kind::Account), id })
            }
            Outcome::Taken { name, kind, id } => Err(LedgerError::Taken {
                name: LookupName::from_number(name).unwrap_or(LookupName::Request),
                kind: Kind::from_number(kind).unwrap_or(Kind::Account),
                id,
            }),
        }
    }

    /// One step, sealed: from here on nothing is in clear but what DESIGN lets an engine see.
    async fn seal(&self, scope: &Scope, keys: &AccountKeys, at: Moment, mut step: Step) -> Result<Write, LedgerError> {
        let salt = entry::salt(self.chance());
        let consumer = match step.consumer.take() {
            None => None,
            Some(fields) => {
                let slot = self.slot(scope.account()).await?;
                Some(keys.seal_consumer(slot, &consumer_context(step.kind, step.id), fields.expose())?)
            }
        };
        let row = |body: Body| -> Result<(RecordRow, String), LedgerError> {
            let json = body.json.map_err(|error| LedgerError::Unwritable(step.kind, error))?;
            let digest = record_digest(&salt, &json);
            let mut plain = at.millis().to_be_bytes().to_vec();
            plain.extend_from_slice(&json);
            let sealed = keys.seal(&record_context(step.kind, step.id, step.version), &plain);
            let (kind, id, version) = (step.kind.number(), step.id, step.version);
            let (state, parent, sort_at) = (body.state, body.parent, body.sort_at.millis());
            Ok((RecordRow { kind, id, version, state, parent, sort_at, sealed, consumer }, digest))
        };
        let (record, digest) = match step.becomes {
            Becomes::Born(body) => row(body).map(|(row, digest)| (Some(RecordWrite::Insert(row)), Some(digest)))?,
            Becomes::Changed(body) => row(body).map(|(row, digest)| (Some(RecordWrite::Update(row)), Some(digest)))?,
            Becomes::Forgotten(body) => {
                row(body).map(|(row, digest)| (Some(RecordWrite::Forget(row)), Some(digest)))?
            }
            Becomes::Gone => {
                let (kind, id, version) = (step.kind.number(), step.id, step.version - 1);
                (Some(RecordWrite::Remove { kind, id, version }), None)
            }
            Becomes::Same => (None, None),
        };
        step.said.record = digest;
        let plain = salted(&step.said, salt).map_err(|error| LedgerError::Unwritable(step.kind, error))?;
        let leaf_data = entry::leaf_data(at, scope.actor(), step.action, (step.kind, step.id, step.version), &plain);
        let mut entry = EntryRow {
            at: at.millis(),
            actor: scope.actor().to_row(),
            action: step.action.to_owned(),
            kind: step.kind.number(),
            id: step.id,
            version: step.version,
            sealed: Vec::new(),
            leaf: bonded_merkle::leaf_hash(&leaf_data),
        };
        entry.sealed = with_context(&entry, |context| keys.seal(context, &plain));
        let token = |(name, value): (LookupName, Vec<u8>)| (name.number(), keys.token(name.number(), &value));
        Ok(Write {
            record,
            lookups_added: step
                .lookups_added
                .into_iter()
                .map(token)
                .map(|(name, token)| LookupRow { name, token, kind: entry.kind, id: entry.id })
                .collect(),
            lookups_removed: step.lookups_removed.into_iter().map(token).collect(),
            entry,
        })
    }

    /// The place of the next consumer key of an account.
    async fn slot(&self, account: Id<Account>) -> Result<bonded_vault::Slot, LedgerError> {
        // The books of the slots hold no consumer fields themselves, so this goes no deeper than one level.
        Box::pin(self.inner.slots.next(self, account)).await
    }

    pub(crate) fn reading(&self, scope: &Scope, kind: Kind) -> Result<AccountKeys, LedgerError> {
        if !scope.may_read(kind) {
            return Err(LedgerError::OutOfReach(kind));
        }
        self.keys(scope)
    }

    /// A read by staff leaves its entry before it answers.
    async fn witness<'a, R: Record>(
        &self,
        scope: &Scope,
        seen: impl Iterator<Item = &'a Stored<R>>,
    ) -> Result<(), LedgerError> {
        if !scope.leaves_traces() {
            return Ok(());
        }
        let mut change = Change::new();
        for record in seen {
            change.witness(R::KIND, record.id.bytes(), record.version, "viewed", fields_of(&record.value));
        }
        if change.is_empty() {
            change.witness(R::KIND, [0; 16], 0, "searched", Vec::new());
        }
        self.commit_witnessed(&scope.again(), change).await.map(|_| ())
    }
}

/// The names of a record's fields: what a read has shown, without its values.
fn fields_of<R: Record>(record: &R) -> Vec<String> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

fn record_context(kind: Kind, id: [u8; 16], version: u64) -> Context<'static> {
    Context { table: TABLE_RECORDS, kind: kind.number(), id, version, rest: &[] }
}

/// The consumer fields outlive the record's versions, so they are bound to none.
fn consumer_context(kind: Kind, id: [u8; 16]) -> Context<'static> {
    Context { table: TABLE_CONSUMERS, kind: kind.number(), id, version: 0, rest: &[] }
}

fn open<R: Record>(keys: &AccountKeys, row: RecordRow) -> Result<Stored<R>, LedgerError> {
    let (updated_at, plain) = opened(keys, R::KIND, &row)?;
    Ok(Stored {
        id: Id::from_bytes(row.id),
        version: row.version,
        updated_at,
        value: serde_json::from_slice(plain.expose().get(size_of::<i64>()..).unwrap_or_default())
            .map_err(|_| LedgerError::Damaged(R::KIND))?,
        consumer: row.consumer,
    })
}

/// When a record changed last, and the plain bytes: that moment again, then the record as JSON.
pub(crate) fn opened(
    keys: &AccountKeys,
    kind: Kind,
    row: &RecordRow,
) -> Result<(Moment, Secret<Vec<u8>>), LedgerError> {
    let damaged = || LedgerError::Damaged(kind);
    let plain = keys.open(&record_context(kind, row.id, row.version), &row.sealed).map_err(|_| damaged())?;
    let at = plain.expose().first_chunk::<{ size_of::<i64>() }>().ok_or_else(damaged)?;
    Ok((Moment::from_millis(i64::from_be_bytes(*at)), plain))
}
