//! Webhooks: tells one endpoint what happens in its account, in order for each record, at least once.
//!
//! A turn takes what waits and what the log has new, in chains: one for each record, whose messages go one after the other
//! while those of other records go beside them. First the calls are written down, then they are made, then what came of
//! them is written down, and last the place in the log. A crash anywhere repeats messages under the same ids.
//!
//! A message that fails holds back the later ones of its record, until it arrives or is given up. While very many wait, the
//! log is not read on: nothing is lost, and nothing grows without end.

mod backlog;
mod health;
mod sending;

use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use backlog::Backlog;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_connect::followers;
use bonded_connect::outbound::{CallError, Outbound};
use bonded_connect::webhooks::{self, EndpointState, KEPT_MS, WebhookEndpoint, WebhookMessage};
use bonded_ledger::{Change, Entry, Headline, Ledger, LedgerError, List, Plain, Scope, Stored, System};
use futures::stream::{self, StreamExt as _};
use sending::{Job, Sender};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Entries that are read at once.
const CHUNK: u32 = 512;
/// Messages of one endpoint that wait at most before its log is read on.
const WAITING_MAX: usize = 1_000;
/// Chains that are told at once, as many as one owner may make calls.
const CHAINS_MAX: usize = bonded_connect::outbound::CALLS_PER_OWNER_MAX;
/// How long an endpoint that has nothing to be told is left alone.
const IDLE: Duration = Duration::from_hours(1);
/// How soon an endpoint is looked at again whose record is not there yet.
const YOUNG: Duration = Duration::from_secs(1);
/// How long a registered endpoint may be without its record.
const YOUNG_MS: i64 = 60_000;
/// How often old messages are looked for.
const FORGET_EVERY_MS: i64 = 60 * 60 * 1000;
/// Messages that are forgotten in one commit at most.
const FORGET_AT_ONCE: u32 = 500;

/// Delivers to one endpoint.
pub struct Deliverer {
    ledger: Ledger,
    outbound: Outbound,
    scope: Scope,
    id: Id<WebhookEndpoint>,
    /// Whether what the log has new was never sent before: not so after a start or a failure.
    is_certain: bool,
    /// What waits, while that is known: not after a start or a failure.
    backlog: Option<Backlog>,
    forgotten_at: Option<Moment>,
}

impl Deliverer {
    /// Delivers to the endpoint with this id, of this account.
    pub fn new(ledger: Ledger, outbound: Outbound, account: Id<Account>, id: [u8; 16]) -> Self {
        let scope = Scope::system(account, System::Webhooks);
        Self { ledger, outbound, scope, id: Id::from_bytes(id), is_certain: false, backlog: None, forgotten_at: None }
    }
}

#[async_trait]
impl Turn for Deliverer {
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        let done = self.deliver(held).await;
        if done.is_err() {
            (self.is_certain, self.backlog) = (false, None);
        }
        done
    }
}

impl Deliverer {
    /// Tells all that can be told now.
    async fn deliver(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        loop {
            let Some(endpoint) = self.ledger.get(&self.scope, self.id).await? else { return self.leave().await };
            self.forget_old().await?;
            if endpoint.state != EndpointState::Enabled || held.is_stopping() {
                return Ok(Again::Within(IDLE, Vec::new()));
            }
            if held.seq() < endpoint.after {
                held.advance(endpoint.after).await?;
            }
            let mut backlog = self.backlog().await?;
            let is_full = backlog.is_full();
            let News { new, read_to, is_last, is_asked } =
                if is_full { News::default() } else { self.news(&endpoint, held.seq(), &mut backlog).await? };
            if is_asked {
                backlog = Backlog::read(&self.ledger, &self.scope, self.id).await?;
            }
            let told = self.tell(&endpoint, &backlog, new).await?;
            self.write(&told).await?;
            let goes_on = self.judge(&endpoint, &told).await?;
            if let Some(read_to) = read_to {
                held.advance(read_to).await?;
            }
            backlog.learn(&told);
            let (has_room, pause) = (is_full && !backlog.is_full(), self.pause(&backlog));
            // What was not certain before is so from here on: everything up to the cursor is written down.
            (self.is_certain, self.backlog) = (true, Some(backlog));
            // Where very many wait, the log is read on as soon as some of them have gone.
            if is_last && goes_on && !has_room {
                return Ok(Again::Within(pause, Vec::new()));
            }
        }
    }

    /// What waits, as it was left if nobody has asked for more since.
    async fn backlog(&mut self) -> Result<Backlog, LedgerError> {
        if let Some(mut backlog) = self.backlog.take()
            && !backlog.is_stale(&self.ledger, &self.scope).await?
        {
            return Ok(backlog);
        }
        Backlog::read(&self.ledger, &self.scope, self.id).await
    }

    /// What the log has new for an endpoint. Its own messages make much of the log, so an entry's headline is looked at
    /// before anything is opened.
    async fn news(&self, endpoint: &WebhookEndpoint, after: u64, backlog: &mut Backlog) -> Result<News, LedgerError> {
        let headlines = self.ledger.headlines(&self.scope, after, CHUNK).await?;
        let is_asked = backlog.hears(&headlines);
        let (read_to, is_last) = (headlines.last().map(|last| last.seq), headlines.len() < CHUNK as usize);
        // The log has no gaps: what is left of these headlines are the entries from there on.
        let left = headlines.iter().skip_while(|headline| !is_wanted(endpoint, headline)).count();
        let new = match (read_to, u32::try_from(left)) {
            (Some(read_to), Ok(left)) if left > 0 => {
                self.ledger.entries(&self.scope, read_to - u64::from(left), left).await?
            }
            _ => Vec::new(),
        };
        Ok(News { new, read_to, is_last, is_asked })
    }

    /// How long nothing is due.
    fn pause(&self, backlog: &Backlog) -> Duration {
        let now = self.ledger.clock().now();
        let wait = backlog.next_at().map(|at| u64::try_from(at.millis() - now.millis()).unwrap_or(0));
        wait.map_or(IDLE, |wait| Duration::from_millis(wait).min(IDLE))
    }

    /// What is due and what is new, a chain for each record; and apart from them what is new and has to wait.
    async fn chains(
        &self,
        endpoint: &Stored<WebhookEndpoint>,
        backlog: &Backlog,
        new: Vec<Entry>,
    ) -> Result<(Vec<Vec<Job>>, Vec<Job>), LedgerError> {
        let (due, held) = backlog.due(self.ledger.clock().now(), endpoint.resumed_at);
        let (mut chains, mut later): (Vec<Vec<Job>>, _) = (Vec::new(), Vec::new());
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut add = |job: Job| {
            let fresh = chains.len();
            // Tests are about no record, and wait for nothing.
            let is_apart = job.message.subject.is_empty();
            let place = if is_apart { fresh } else { *places.entry(job.message.subject.clone()).or_insert(fresh) };
            match chains.get_mut(place) {
                Some(chain) => chain.push(job),
                None => chains.push(vec![job]),
            }
        };
        let waiting = self.ledger.get_many::<WebhookMessage>(&self.scope, &due).await?;
        waiting.into_iter().flatten().map(Job::again).for_each(&mut add);
        let mut wanted: Vec<_> = new.into_iter().filter(|entry| is_wanted(endpoint, &entry.headline)).collect();
        if !self.is_certain {
            let ids: Vec<_> = wanted.iter().map(|entry| webhooks::id_of(self.id, &entry.headline)).collect();
            let mut known = self.ledger.get_many::<WebhookMessage>(&self.scope, &ids).await?.into_iter();
            wanted.retain(|_| known.next().flatten().is_none());
        }
        let now = self.present(&wanted).await?;
        for entry in wanted {
            let plain = now.get(&(entry.headline.kind, entry.headline.id)).map(Arc::clone);
            let job = Job::first(self.id, entry, plain);
            if held.contains(&job.message.subject) { later.push(job) } else { add(job) }
        }
        Ok((chains, later))
    }

    /// The records of these entries as they are now.
    async fn present(&self, entries: &[Entry]) -> Result<HashMap<(Kind, [u8; 16]), Arc<Plain>>, LedgerError> {
        let mut asked: HashMap<Kind, BTreeSet<[u8; 16]>> = HashMap::new();
        for entry in entries {
            asked.entry(entry.headline.kind).or_default().insert(entry.headline.id);
        }
        let mut present = HashMap::with_capacity(entries.len());
        for (kind, ids) in asked {
            let ids: Vec<_> = ids.into_iter().collect();
            let found = self.ledger.plains_of(&self.scope, kind, &ids).await?;
            present.extend(found.into_iter().flatten().map(|plain| ((kind, plain.id), Arc::new(plain))));
        }
        Ok(present)
    }

    /// Tells what is due and new as far as it goes, and gives all back as it is then.
    async fn tell(
        &self,
        endpoint: &Stored<WebhookEndpoint>,
        backlog: &Backlog,
        new: Vec<Entry>,
    ) -> Result<Vec<Vec<Job>>, LedgerError> {
        let (mut due, later) = self.chains(endpoint, backlog, new).await?;
        if due.is_empty() {
            return Ok(vec![later]);
        }
        for job in due.iter_mut().flatten() {
            job.prepare(&self.ledger, &self.scope).await?;
        }
        let fields: BTreeSet<_> = due.iter().flatten().flat_map(|job| webhooks::fields(&job.body)).collect();
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        let line = |host| self.outbound.line(&self.ledger, &self.scope, WebhookEndpoint::owner(self.id), vec![host]);
        // An address that cannot be called was never taken.
        let (url, host) = endpoint.place().ok_or(LedgerError::Damaged(Kind::WebhookEndpoint))?;
        let line = line(host.clone());
        let noted = line.note(host, webhooks::PURPOSE, &fields).await.map_err(unwritten)?;
        let secrets = webhooks::secrets(&self.ledger, &self.scope, endpoint)?;
        let sender = Sender { ledger: &self.ledger, line, noted, url, secrets, resumed_at: endpoint.resumed_at };
        let telling = stream::iter(due).map(|chain| sender.tell(chain)).buffer_unordered(CHAINS_MAX);
        let mut told: Vec<_> = telling.collect().await;
        told.push(later);
        Ok(told)
    }

    /// Writes down what came of every message that is new or was tried.
    async fn write(&self, told: &[Vec<Job>]) -> Result<(), LedgerError> {
        let mut change = Change::new();
        for job in told.iter().flatten() {
            match &job.was {
                None => change.create(job.id, &job.message, job.action()),
                Some(was) if job.attempts > 0 => change.update(was, &job.message, job.action()),
                Some(_) => {}
            }
        }
        if change.is_empty() { Ok(()) } else { self.ledger.commit(&self.scope, change).await.map(drop) }
    }

    /// Forgets messages whose time is over, now and then.
    async fn forget_old(&mut self) -> Result<(), LedgerError> {
        let now = self.ledger.clock().now();
        if self.forgotten_at.is_some_and(|at| at.plus_millis(FORGET_EVERY_MS) > now) {
            return Ok(());
        }
        while self.forget_before(now.plus_millis(-KEPT_MS)).await? {}
        // Something of it may have gone.
        (self.forgotten_at, self.backlog) = (Some(now), None);
        Ok(())
    }

    /// Forgets the oldest messages about what happened before a moment; says whether there may be more.
    async fn forget_before(&self, before: Moment) -> Result<bool, LedgerError> {
        let list = List { parent: Some(self.id.bytes()), ..List::first(FORGET_AT_ONCE) };
        let oldest = self.ledger.list::<WebhookMessage>(&self.scope, &list).await?.records;
        let mut change = Change::new();
        oldest.iter().filter(|message| message.id.born_at() < before).for_each(|old| change.remove(old, "forgotten"));
        let count = change.len();
        if count > 0 {
            self.ledger.commit(&self.scope, change).await?;
        }
        Ok(count == FORGET_AT_ONCE as usize)
    }

    /// The endpoint is not there: not yet, or not any more.
    async fn leave(&self) -> Result<Again, LedgerError> {
        let now = self.ledger.clock().now();
        if self.id.born_at().plus_millis(YOUNG_MS) > now {
            return Ok(Again::Within(YOUNG, Vec::new()));
        }
        while self.forget_before(Moment::from_millis(i64::MAX)).await? {}
        followers::retire(&self.ledger, self.id.bytes()).await?;
        Ok(Again::Never)
    }
}

/// What one turn reads of the log.
struct News {
    /// The entries that may be told of.
    new: Vec<Entry>,
    /// The last entry that was looked at, if there was any.
    read_to: Option<u64>,
    /// Whether the log ends there.
    is_last: bool,
    /// Whether somebody has asked for a message.
    is_asked: bool,
}

impl Default for News {
    /// The log was not looked at.
    fn default() -> Self {
        Self { new: Vec::new(), read_to: None, is_last: true, is_asked: false }
    }
}

/// Whether an endpoint is to be told of what a headline says.
fn is_wanted(endpoint: &WebhookEndpoint, headline: &Headline) -> bool {
    let event = webhooks::event_type(headline);
    webhooks::is_told(headline) && endpoint.events.iter().any(|pattern| pattern.chooses(headline.kind, &event))
}

/// Why a call could not be written down.
fn unwritten(error: CallError) -> LedgerError {
    match error {
        CallError::Ledger(error) => Arc::try_unwrap(error).unwrap_or(LedgerError::Stopping),
        // Others were faster again and again: a rest helps.
        _ => LedgerError::Stopping,
    }
}
