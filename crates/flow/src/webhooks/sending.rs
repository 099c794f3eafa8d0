//! One chain of messages on its way to an endpoint: signed, sent, and what came of each attempt.

use bonded_base::{Id, Moment, Secret};
use bonded_connect::outbound::{Answer, CallError, Line, Noted, Request, Url};
use bonded_connect::webhooks::{
    self, ANSWER_BYTES_KEPT, Attempt, MessageState, Signed, WebhookEndpoint, WebhookMessage,
};
use bonded_ledger::{Entry, Ledger, LedgerError, Plain, Scope, Stored};
use bonded_trade::screen::{Kept, screened};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long an endpoint may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// Bytes that it may answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a message at most; one that would be longer goes without its record, and says so.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A message on its way.
pub struct Job {
    pub id: Id<WebhookMessage>,
    /// As it was written down, if it was.
    pub was: Option<Stored<WebhookMessage>>,
    pub message: WebhookMessage,
    /// What it says; null until [`Job::prepare`].
    pub body: Value,
    /// How often it was tried in this turn.
    pub attempts: usize,
    /// Whether the endpoint has said that it is gone.
    pub is_gone: bool,
    news: Option<(Entry, Option<Arc<Plain>>)>,
}

impl Job {
    /// A message that waits.
    pub fn again(was: Stored<WebhookMessage>) -> Self {
        let (id, message) = (was.id, (*was).clone());
        Self { id, was: Some(was), message, body: Value::Null, attempts: 0, is_gone: false, news: None }
    }

    /// The message of an entry that nobody was told of, with its record as it is now.
    pub fn first(endpoint: Id<WebhookEndpoint>, entry: Entry, now: Option<Arc<Plain>>) -> Self {
        let headline = &entry.headline;
        let (id, event) = (webhooks::id_of(endpoint, headline), webhooks::event_type(headline));
        let message = WebhookMessage::new(endpoint, event, headline.seq, headline.subject());
        Self { id, was: None, message, body: Value::Null, attempts: 0, is_gone: false, news: Some((entry, now)) }
    }

    /// Works out what it says.
    pub async fn prepare(&mut self, ledger: &Ledger, scope: &Scope) -> Result<(), LedgerError> {
        if self.news.is_none() && self.message.seq > 0 {
            let entry = ledger.entries(scope, self.message.seq - 1, 1).await?.pop();
            let entry = entry.ok_or(LedgerError::Damaged(bonded_base::Kind::WebhookMessage))?;
            let now = ledger.plains_of(scope, entry.headline.kind, &[entry.headline.id]).await?.pop().flatten();
            self.news = Some((entry, now.map(Arc::new)));
        }
        self.body = match &self.news {
            Some((entry, now)) => {
                let body = webhooks::told(entry, now.as_deref());
                let is_long = now.as_ref().is_some_and(|now| now.json.len() > BODY_BYTES_MAX);
                if is_long { webhooks::told(entry, None) } else { body }
            }
            None => webhooks::test_body(self.id.born_at()),
        };
        Ok(())
    }

    /// What the log says of what happened to it.
    pub const fn action(&self) -> &'static str {
        match self.message.state {
            MessageState::Delivered => "delivered",
            MessageState::Failed => "given_up",
            MessageState::Waiting => "put_off",
        }
    }

    /// The status of its last attempt in this turn did not say that it has arrived.
    pub fn has_failed(&self) -> bool {
        self.attempts > 0 && self.message.state != MessageState::Delivered
    }
}

/// Where messages go, and what they are signed with.
pub struct Sender<'a> {
    pub ledger: &'a Ledger,
    pub line: Line,
    pub noted: Noted,
    pub url: Url,
    pub secrets: Vec<Secret<Vec<u8>>>,
    pub resumed_at: Option<Moment>,
}

impl Sender<'_> {
    /// Sends a chain's messages one after the other, until one does not arrive.
    pub async fn tell(&self, mut chain: Vec<Job>) -> Vec<Job> {
        let mut is_held = false;
        for job in &mut chain {
            is_held = is_held || !job.message.is_due(self.ledger.clock().now(), self.resumed_at);
            if is_held {
                continue;
            }
            let attempt = self.attempt(job).await;
            job.is_gone = attempt.status == Some(410);
            job.attempts += 1;
            job.message = job.message.clone().tried(attempt, self.ledger.chance());
            is_held = job.message.state == MessageState::Waiting;
        }
        chain
    }

    async fn attempt(&self, job: &Job) -> Attempt {
        let (at, body) = (self.ledger.clock().now(), job.body.to_string());
        let Signed { id, timestamp, signature } = Signed::over(job.id.to_string(), at, body.as_bytes(), &self.secrets);
        let request = Request::post(self.url.clone(), body)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &signature)
            .timeout(ANSWER_LIMIT)
            .answer_bytes_max(ANSWER_BYTES_MAX);
        match self.line.call_noted(&self.noted, request).await {
            Ok(answer) => answered(at, &answer),
            Err(error) => unanswered(at, &error),
        }
    }
}

fn answered(at: Moment, answer: &Answer) -> Attempt {
    let begins = answer.body.get(..ANSWER_BYTES_KEPT).unwrap_or(&answer.body);
    let text = screened(&String::from_utf8_lossy(begins), Kept::Text).trim().to_owned();
    let ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
    let answered = Some(text).filter(|text| !text.is_empty());
    Attempt { at, status: Some(answer.status), ms, tls: Some(answer.tls), answer: answered, error: None }
}

fn unanswered(at: Moment, error: &CallError) -> Attempt {
    Attempt { at, status: None, ms: 0, tls: None, answer: None, error: Some(error.to_string()) }
}
