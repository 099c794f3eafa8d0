//! Messages: what an endpoint was told, or is yet to be, with every attempt.

use super::endpoint::{EndpointState, WebhookEndpoint, get};
use super::event::TEST_EVENT;
use aws_lc_rs::digest::{Context, SHA256};
use bonded_base::{Chance, Id, Kind, Kinded, Moment};
use bonded_ledger::{Change, Headline, Ledger, LedgerError, List, Listed, Record, Scope, Stored};
use bonded_people::mail::TlsVersion;
use bonded_trade::{Page, TradeError};
use serde::{Deserialize, Serialize};

/// How long to wait after the first failed attempt, the second and so on, a fifth more or less by chance; after the last,
/// a message is given up. In all that is [`GIVE_UP_MS`].
pub const RETRIES_MS: [i64; 11] = {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    [
        5_000,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        10 * HOUR,
        10 * HOUR,
        10 * HOUR,
        12 * HOUR,
        12 * HOUR + 30 * MINUTE,
    ]
};
/// How long a message is tried at least before it is given up, but for what chance takes away: some three days.
pub const GIVE_UP_MS: i64 = {
    let (mut all, mut place) = (0, 0);
    while place < RETRIES_MS.len() {
        #[expect(clippy::indexing_slicing, reason = "constants cannot iterate, and the place is within")]
        let wait = RETRIES_MS[place];
        (all, place) = (all + wait, place + 1);
    }
    all
};
/// How long a message is kept, with its attempts.
pub const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Attempts that are kept with a message: the newest.
pub const ATTEMPTS_KEPT: usize = 20;
/// Bytes of an answer that are kept with an attempt, without mail addresses, phone numbers and the like.
pub const ANSWER_BYTES_KEPT: usize = 1_024;
/// Messages that one call of [`replay_range`] sends again at most.
pub const RANGE_MAX: u32 = 500;

/// How it stands with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It is yet to arrive.
    Waiting,
    /// It has arrived.
    Delivered,
    /// It was given up.
    Failed,
}

impl MessageState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// One attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Moment,
    /// What was answered.
    pub status: Option<u16>,
    /// How long that took, in milliseconds.
    pub ms: u64,
    /// The TLS that was agreed.
    pub tls: Option<TlsVersion>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// Why there was none, in our own words.
    pub error: Option<String>,
}

/// Something that an endpoint is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// Whom.
    pub endpoint: Id<WebhookEndpoint>,
    /// What: `order.placed`.
    pub event: String,
    /// The entry that it tells of; 0 for a test.
    pub seq: u64,
    /// The record that it is about; empty for a test.
    pub subject: String,
    /// How it stands.
    pub state: MessageState,
    /// When it is tried next; `None` where it waits for an earlier one of the same record, or for nothing.
    pub next_at: Option<Moment>,
    /// How often it failed since it was first to be sent, or sent again.
    pub failures: u32,
    /// What was tried, the oldest first.
    pub attempts: Vec<Attempt>,
}

impl Kinded for WebhookMessage {
    const KIND: Kind = Kind::WebhookMessage;
}

impl Record for WebhookMessage {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.endpoint.bytes())
    }
}

/// The id of the message that an endpoint gets for an entry: born with the entry, then a digest over both.
pub fn id_of(endpoint: Id<WebhookEndpoint>, headline: &Headline) -> Id<WebhookMessage> {
    let mut both = Context::new(&SHA256);
    both.update(&endpoint.bytes());
    both.update(&headline.leaf);
    let mut id = [0; 16];
    for (byte, hashed) in id.iter_mut().zip(both.finish().as_ref()) {
        *byte = *hashed;
    }
    let mut id = born(headline.at, id);
    // A UUID of version 7, as all ids are.
    id[6] = id[6] & 0x0f | 0x70;
    id[8] = id[8] & 0x3f | 0x80;
    Id::from_bytes(id)
}

/// An id that begins with a moment, in the first six bytes, and goes on as it was.
fn born(at: Moment, mut id: [u8; 16]) -> [u8; 16] {
    for (byte, part) in id.iter_mut().zip(at.millis().to_be_bytes().into_iter().skip(2)) {
        *byte = part;
    }
    id
}

/// When a message is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// See [`WebhookMessage::next_at`].
    pub next_at: Option<Moment>,
    /// When it was last tried.
    pub tried_at: Option<Moment>,
}

impl Due {
    /// Whether it is the message's turn, as far as time goes. One that waits for another record's message has no time of its
    /// own; one that was tried before its endpoint went on is tried at once.
    pub fn is_now(self, now: Moment, resumed_at: Option<Moment>) -> bool {
        let resumed = || resumed_at.is_some_and(|at| self.tried_at.is_some_and(|tried_at| tried_at < at));
        self.next_at.is_none_or(|next_at| next_at <= now) || resumed()
    }
}

impl WebhookMessage {
    /// A message that is to be sent.
    pub fn new(endpoint: Id<WebhookEndpoint>, event: String, seq: u64, subject: String) -> Self {
        Self {
            endpoint,
            event,
            seq,
            subject,
            state: MessageState::Waiting,
            next_at: None,
            failures: 0,
            attempts: Vec::new(),
        }
    }

    /// What says when it is its turn.
    pub fn due(&self) -> Due {
        Due { next_at: self.next_at, tried_at: self.attempts.last().map(|last| last.at) }
    }

    /// See [`Due::is_now`].
    pub fn is_due(&self, now: Moment, resumed_at: Option<Moment>) -> bool {
        self.due().is_now(now, resumed_at)
    }

    /// The same after an attempt that was answered well or not.
    #[must_use]
    pub fn tried(mut self, attempt: Attempt, chance: &dyn Chance) -> Self {
        let at = attempt.at;
        let arrived = attempt.status.is_some_and(|status| (200..300).contains(&status));
        self.attempts.push(attempt);
        let over = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..over);
        if arrived {
            (self.state, self.next_at) = (MessageState::Delivered, None);
            return self;
        }
        let wait = RETRIES_MS.get(self.failures as usize).copied();
        self.failures = self.failures.saturating_add(1);
        self.next_at = wait.map(|wait| at.plus_millis(about(wait, chance)));
        if wait.is_none() {
            self.state = MessageState::Failed;
        }
        self
    }

    /// The same, to be sent again at once.
    #[must_use]
    pub fn again(self, now: Moment) -> Self {
        Self { state: MessageState::Waiting, next_at: Some(now), failures: 0, ..self }
    }
}

/// A fifth more or less, so that what failed together does not come back together.
fn about(wait: i64, chance: &dyn Chance) -> i64 {
    let mut dice = [0; 2];
    chance.fill(&mut dice);
    wait - wait / 5 + (wait * 2 / 5) * i64::from(u16::from_be_bytes(dice)) / i64::from(u16::MAX)
}

/// A page of an endpoint's messages, by when what they tell of happened.
pub async fn messages(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: Id<WebhookEndpoint>,
    page: Page,
) -> Result<Listed<WebhookMessage>, LedgerError> {
    ledger.list(scope, &page.of_parent(endpoint.bytes())).await
}

/// One message of an endpoint.
pub async fn message(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: Id<WebhookEndpoint>,
    id: Id<WebhookMessage>,
) -> Result<Stored<WebhookMessage>, TradeError> {
    let found = ledger.get(scope, id).await?.filter(|message| message.endpoint == endpoint);
    found.ok_or_else(|| TradeError::missing(Kind::WebhookMessage))
}

/// Sends a message again, under the id that it has.
pub async fn replay(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: Id<WebhookEndpoint>,
    id: Id<WebhookMessage>,
) -> Result<Stored<WebhookMessage>, TradeError> {
    enabled(ledger, scope, endpoint).await?;
    let was = message(ledger, scope, endpoint, id).await?;
    let mut change = Change::new();
    change.update(&was, &(*was).clone().again(ledger.clock().now()), "replayed");
    ledger.commit(scope, change).await.map_err(changed)?;
    message(ledger, scope, endpoint, id).await
}

/// Which messages are to be sent again: those about what happened in this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Range {
    /// From this moment on.
    pub from: Moment,
    /// Up to this moment, and not at it.
    pub to: Moment,
    /// Behind this message, where a call before has ended.
    #[serde(default)]
    pub after: Option<Id<WebhookMessage>>,
    /// Whether those that have arrived are sent again too.
    #[serde(default)]
    pub delivered: bool,
}

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// How many messages are sent again.
    pub messages: usize,
    /// What to pass as [`Range::after`] when there are more; `None` at the end.
    pub next_after: Option<Id<WebhookMessage>>,
}

/// Sends the messages of a time again, [`RANGE_MAX`] of them looked at.
pub async fn replay_range(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: Id<WebhookEndpoint>,
    range: Range,
) -> Result<Replayed, TradeError> {
    enabled(ledger, scope, endpoint).await?;
    let now = ledger.clock().now();
    // A list begins behind an id: a message's, or the last that the millisecond before could have.
    let after = range.after.unwrap_or_else(|| Id::from_bytes(born(range.from.plus_millis(-1), [0xff; 16])));
    let after = Some((after.born_at(), after.bytes()));
    let page = List { parent: Some(endpoint.bytes()), after, ..List::first(RANGE_MAX) };
    let listed = ledger.list::<WebhookMessage>(scope, &page).await?;
    let mut change = Change::new();
    for was in listed.records.iter().filter(|message| message.id.born_at() < range.to) {
        let is_meant = match was.state {
            MessageState::Waiting => false,
            MessageState::Delivered => range.delivered,
            MessageState::Failed => true,
        };
        if is_meant {
            change.update(was, &(**was).clone().again(now), "replayed");
        }
    }
    let messages = change.len();
    if messages > 0 {
        ledger.commit(scope, change).await.map_err(changed)?;
    }
    let next = listed.next.filter(|(at, _)| *at < range.to);
    Ok(Replayed { messages, next_after: next.map(|(_, id)| Id::from_bytes(id)) })
}

fn changed(error: LedgerError) -> TradeError {
    match error {
        LedgerError::Conflict { kind: Kind::WebhookMessage, .. } => TradeError::changed(Kind::WebhookMessage),
        other => other.into(),
    }
}

/// Sends a message that tells of nothing, to see whether it arrives.
pub async fn send_test(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: Id<WebhookEndpoint>,
) -> Result<Stored<WebhookMessage>, TradeError> {
    enabled(ledger, scope, endpoint).await?;
    let id: Id<WebhookMessage> = ledger.new_id();
    let mut change = Change::new();
    change.create(id, &WebhookMessage::new(endpoint, TEST_EVENT.to_owned(), 0, String::new()), "created");
    ledger.commit(scope, change).await?;
    message(ledger, scope, endpoint, id).await
}

/// What is not told cannot be told again.
async fn enabled(ledger: &Ledger, scope: &Scope, id: Id<WebhookEndpoint>) -> Result<(), TradeError> {
    match get(ledger, scope, id).await?.state {
        EndpointState::Enabled => Ok(()),
        EndpointState::Paused | EndpointState::Failing => {
            Err(TradeError::state("the endpoint is not told at present; enable it first"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_testkit::ledger::{BEGINNING, SeededChance};

    fn attempt(at: Moment, status: Option<u16>) -> Attempt {
        Attempt { at, status, ms: 1, tls: None, answer: None, error: None }
    }

    #[test]
    fn a_message_is_tried_for_three_days_and_then_given_up() {
        let chance = SeededChance::of(7);
        let (mut message, mut now) =
            (WebhookMessage::new(Id::from_bytes([1; 16]), "x".into(), 1, "y".into()), BEGINNING);
        let mut tries = 0;
        while message.state == MessageState::Waiting {
            assert!(message.is_due(now, None));
            message = message.tried(attempt(now, Some(500)), &chance);
            tries += 1;
            if let Some(next_at) = message.next_at {
                let wait = next_at.millis() - now.millis();
                let meant = RETRIES_MS[tries - 1];
                assert!((meant * 4 / 5..=meant * 6 / 5).contains(&wait), "{tries}: {wait}");
                assert!(!message.is_due(now, None) && message.is_due(now, Some(now.plus_millis(1))));
                now = next_at;
            }
        }
        assert_eq!((message.state, tries), (MessageState::Failed, RETRIES_MS.len() + 1));
        let days = (now.millis() - BEGINNING.millis()) / 3_600_000;
        assert!((57..=87).contains(&days), "{days} hours");
        let delivered = message.again(now).tried(attempt(now, Some(204)), &chance);
        assert_eq!((delivered.state, delivered.next_at), (MessageState::Delivered, None));
        assert_eq!(delivered.attempts.len(), 13);
    }

    #[test]
    fn only_the_newest_attempts_are_kept() {
        let chance = SeededChance::of(7);
        let mut message = WebhookMessage::new(Id::from_bytes([1; 16]), "x".into(), 1, "y".into());
        for number in 0..50 {
            message = message.again(BEGINNING).tried(attempt(BEGINNING.plus_millis(number), None), &chance);
        }
        assert_eq!(message.attempts.len(), ATTEMPTS_KEPT);
        assert_eq!(message.attempts[0].at, BEGINNING.plus_millis(30));
    }
}
