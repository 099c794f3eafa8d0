//! What waits for one endpoint: as much of it as shows what is due, so that a failing endpoint costs a look at the clock.

use super::sending::Job;
use super::{CHUNK, WAITING_MAX};
use bonded_base::{Id, Kind, Moment};
use bonded_connect::webhooks::{Due, MessageState, WebhookEndpoint, WebhookMessage};
use bonded_ledger::{Actor, Headline, Ledger, LedgerError, List, PAGE_MAX, Scope, System};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The messages that are yet to arrive, the oldest first. Whoever delivers them is alone in that, so it holds until
/// somebody asks for more: sends one again, or a test.
#[derive(Default)]
pub struct Backlog {
    waiting: BTreeMap<(u64, [u8; 16]), Waiting>,
    /// The entry up to which it is known what was asked for.
    known_to: u64,
    /// Whether there are more than it has.
    is_cut: bool,
}

struct Waiting {
    subject: String,
    due: Due,
}

impl Waiting {
    fn of(message: &WebhookMessage) -> Self {
        Self { subject: message.subject.clone(), due: message.due() }
    }
}

impl Backlog {
    /// Reads what waits.
    pub async fn read(ledger: &Ledger, scope: &Scope, endpoint: Id<WebhookEndpoint>) -> Result<Self, LedgerError> {
        let mut backlog = Self { known_to: ledger.head(scope).await?, ..Self::default() };
        let mut page = List::first(PAGE_MAX);
        page.state = Some(MessageState::Waiting.number());
        loop {
            let listed = ledger.list::<WebhookMessage>(scope, &page).await?;
            for message in listed.records.iter().filter(|message| message.endpoint == endpoint) {
                backlog.waiting.insert((message.seq, message.id.bytes()), Waiting::of(message));
            }
            page.after = listed.next;
            backlog.is_cut = page.after.is_some();
            if !backlog.is_cut || backlog.is_full() {
                return Ok(backlog);
            }
        }
    }

    /// Whether it has to be read anew before the log is: for what it left out or, where the log is not read on, for what
    /// was asked for since.
    pub async fn is_stale(&mut self, ledger: &Ledger, scope: &Scope) -> Result<bool, LedgerError> {
        if !self.is_full() {
            return Ok(self.is_cut);
        }
        loop {
            let headlines = ledger.headlines(scope, self.known_to, CHUNK).await?;
            if self.hears(&headlines) {
                return Ok(true);
            }
            if headlines.len() < CHUNK as usize {
                return Ok(false);
            }
        }
    }

    /// Whether these say that somebody has asked for a message: sends one again, or a test.
    pub fn hears(&mut self, headlines: &[Headline]) -> bool {
        let mut unheard = headlines.iter().filter(|headline| headline.seq > self.known_to);
        let is_asked = unheard.clone().any(asks);
        self.known_to = unheard.next_back().map_or(self.known_to, |last| last.seq);
        is_asked
    }

    /// Whether so many wait that the log is not read on.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// The messages that may be told now, and the records whose first message has to wait.
    pub fn due(&self, now: Moment, resumed_at: Option<Moment>) -> (Vec<Id<WebhookMessage>>, HashSet<String>) {
        let mut firsts: HashMap<&str, bool> = HashMap::new();
        let mut due = Vec::new();
        for ((_, id), waiting) in &self.waiting {
            let is_due = || waiting.due.is_now(now, resumed_at);
            // Tests are about no record, and wait for nothing.
            let is_apart = waiting.subject.is_empty();
            let is_told = if is_apart { is_due() } else { *firsts.entry(&waiting.subject).or_insert_with(is_due) };
            if is_told {
                due.push(Id::from_bytes(*id));
            }
        }
        let held = firsts.into_iter().filter(|(_, is_due)| !is_due).map(|(subject, _)| subject.to_owned());
        (due, held.collect())
    }

    /// When the first of them is due.
    pub fn next_at(&self) -> Option<Moment> {
        let mut firsts = HashSet::new();
        let heads = self.waiting.values().filter(|one| one.subject.is_empty() || firsts.insert(&one.subject));
        heads.filter_map(|head| head.due.next_at).min()
    }

    /// Takes in what became of these.
    pub fn learn(&mut self, told: &[Vec<Job>]) {
        for Job { id, message, .. } in told.iter().flatten() {
            let key = (message.seq, id.bytes());
            if message.state == MessageState::Waiting {
                self.waiting.insert(key, Waiting::of(message));
            } else {
                self.waiting.remove(&key);
            }
        }
    }
}

/// What comes of telling is written down by whoever tells; anything else was asked for.
fn asks(headline: &Headline) -> bool {
    headline.kind == Kind::WebhookMessage && headline.actor != Actor::System(System::Webhooks)
}
