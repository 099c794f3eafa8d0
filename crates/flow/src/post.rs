//! Post: sends the mail that waits, one node for the whole deployment.
//!
//! It looks at the mails that wait in the platform's account whenever that changes and whenever one is due. The node that
//! has the lease hands the due ones to the mail server and writes down what came of each. A crash between the two sends a
//! mail a second time, with the same Message-ID; none is lost.
//!
//! Architecture invariant: what is sent is written when it is sent; nothing of it stays behind but the mail's record.

use bonded_base::{Id, Moment, Node};
use bonded_connect::mail::{MailFailure, Mailer, Sent};
use bonded_ledger::{Lease, Ledger, LedgerError, List, PAGE_MAX, PLATFORM, Reader, Scope, Stored};
use bonded_people::mail::{self, Mail, MailState, Origins, RAN_OUT};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Mails that one look sends at most; more are sent by the next one.
const BURST_MAX: usize = 1_000;
/// How long a lease lasts without renewal: what the mails of a crashed node wait at most.
const LEASE_MS: i64 = 15_000;
/// How often the lease is renewed while a server takes its time with one mail.
const RENEW: Duration = Duration::from_secs(5);
/// A lease with less than this left is renewed before the next mail.
const RENEW_MS: i64 = 10_000;
/// The pause between two looks, however often the account changes.
const PAUSE: Duration = Duration::from_millis(250);
/// How long nothing is looked at when nothing happens and nothing is due: the net below a lost wake.
const IDLE_MS_MAX: i64 = 30_000;
/// How long to wait before asking again for a lease that another node has.
const ELSEWHERE_MS: i64 = 5_000;
/// How long to wait while the vault is sealed, or after the engine could not be reached.
const REST: Duration = Duration::from_secs(2);
/// How often old mails are looked for, and how many are forgotten at once.
const FORGET_EVERY_MS: i64 = 60 * 60_000;
const FORGOTTEN_AT_ONCE: u32 = 500;
/// How often the outcome of a mail is written down again when its record has changed meanwhile.
const LOST_RACES_MAX: u32 = 8;

/// The post, while it runs.
pub struct Running {
    stop: watch::Sender<bool>,
    post: JoinHandle<()>,
}

impl Running {
    /// Lets the mail that is on its way arrive, and returns when it has.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.post.await.is_err() {
            tracing::error!("the post ended by itself");
        }
    }

    /// Ends the post where it stands, as a crash would.
    pub fn abandon(self) {
        self.post.abort();
    }
}

/// Starts the post on this node.
pub fn start(ledger: Ledger, node: Id<Node>, mailer: Mailer, origins: Origins) -> Running {
    let (stop, stopping) = watch::channel(false);
    let forget_at = ledger.clock().now();
    let post = Post { ledger, node, mailer, origins, taken: HashMap::new(), forget_at, stopping };
    Running { stop, post: tokio::spawn(post.run()) }
}

struct Post {
    ledger: Ledger,
    node: Id<Node>,
    mailer: Mailer,
    origins: Origins,
    /// What the server took and the ledger could not be told: these are not sent again, but written down.
    taken: HashMap<Id<Mail>, Sent>,
    /// When old mails are looked for next.
    forget_at: Moment,
    stopping: watch::Receiver<bool>,
}

impl Post {
    async fn run(mut self) {
        let mut grown = self.ledger.watch(PLATFORM);
        let mut stopping = self.stopping.clone();
        loop {
            grown.mark_unchanged();
            let idle = match self.look().await {
                Ok(again_at) => self.until(again_at),
                Err(LedgerError::Stopping) => return,
                Err(LedgerError::Sealed) => REST,
                Err(error) => {
                    tracing::warn!(%error, "the post rests");
                    REST
                }
            };
            let news = async {
                tokio::time::sleep(PAUSE.min(idle)).await;
                // Nobody can change the account any more once the ledger is gone.
                drop(tokio::time::timeout(idle.saturating_sub(PAUSE), grown.changed()).await);
            };
            tokio::select! {
                () = news => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn scope() -> Scope {
        Scope::system(PLATFORM, Reader::Post.system())
    }

    fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    fn until(&self, at: Moment) -> Duration {
        let idle = at.millis().saturating_sub(self.now().millis()).clamp(0, IDLE_MS_MAX);
        Duration::from_millis(idle.unsigned_abs())
    }

    /// Sends what is due, if this node is the one to do it; answers when to look again.
    async fn look(&mut self) -> Result<Moment, LedgerError> {
        let waiting = self.waiting().await?;
        let old_ones_too = self.forget_at <= self.now();
        if waiting.due.is_empty() && !old_ones_too {
            return Ok(waiting.next);
        }
        let Some(mut lease) = self.lease(LEASE_MS).await? else {
            return Ok(self.now().plus_millis(ELSEWHERE_MS));
        };
        let mut worked = self.send_all(&waiting.due, &mut lease).await;
        if old_ones_too && worked.is_ok() {
            worked = self.forget().await;
        }
        self.mailer.hang_up().await;
        self.lease(0).await?;
        worked?;
        // What was put off, and what did not fit into this look.
        Ok(self.now())
    }

    /// Forgets what was sent long ago; what is left of it, at the next look.
    async fn forget(&mut self) -> Result<(), LedgerError> {
        // Before the look: what becomes old during it must not wait for the look after the next.
        let began = self.now();
        match mail::forget_old(&self.ledger, &Self::scope(), FORGOTTEN_AT_ONCE).await {
            // A conflict means that somebody touched one of them: there is another look soon enough.
            Ok(0) | Err(LedgerError::Conflict { .. }) => {}
            Ok(forgotten) => {
                tracing::info!(forgotten, "mails of long ago were forgotten");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.forget_at = began.plus_millis(FORGET_EVERY_MS);
        Ok(())
    }

    async fn lease(&self, span_ms: i64) -> Result<Option<Lease>, LedgerError> {
        self.ledger.lease(PLATFORM, Reader::Post, self.node, span_ms).await
    }

    /// What is due, oldest first, and when the next one will be.
    async fn waiting(&self) -> Result<Waiting, LedgerError> {
        let now = self.now();
        let mut waiting = Waiting { due: Vec::new(), next: now.plus_millis(IDLE_MS_MAX) };
        let mut page = List::first(PAGE_MAX);
        loop {
            let listed = mail::list(&self.ledger, &Self::scope(), Some(MailState::Waiting), page).await?;
            for mail in listed.records {
                if !mail.is_due(now) {
                    waiting.next = waiting.next.min(mail.next_try_at);
                } else if waiting.due.len() < BURST_MAX {
                    waiting.due.push(mail.id);
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(waiting),
            }
        }
    }

    async fn send_all(&mut self, due: &[Id<Mail>], lease: &mut Lease) -> Result<(), LedgerError> {
        let mut away = None;
        for id in due {
            if *self.stopping.borrow() {
                break;
            }
            if lease.until < self.now().plus_millis(RENEW_MS) {
                let Some(renewed) = self.lease(LEASE_MS).await? else { break };
                *lease = renewed;
            }
            // Another node may have sent it before the lease was ours.
            let mail = self.ledger.get(&Self::scope(), *id).await?;
            let Some(mail) = mail.filter(|mail| mail.is_due(self.now())) else { continue };
            let outcome = match &away {
                // Where one connection failed, those of the others would.
                Some(failure) if !self.taken.contains_key(id) => Outcome::Failed(Clone::clone(failure)),
                _ => self.send(&mail, lease).await?,
            };
            if let (Outcome::Failed(failure @ MailFailure::Away(_)), None) = (&outcome, &away) {
                tracing::warn!(why = %failure, "the mail server cannot be used; mail waits");
                away = Some(failure.clone());
            }
            self.write_down(mail, outcome).await?;
        }
        Ok(())
    }

    async fn send(&mut self, mail: &Stored<Mail>, lease: &mut Lease) -> Result<Outcome, LedgerError> {
        if let Some(sent) = self.taken.get(&mail.id) {
            return Ok(Outcome::Sent(*sent));
        }
        let now = self.now();
        if mail.has_run_out(now) {
            return Ok(Outcome::RanOut);
        }
        let letter = mail::render(&self.ledger, &Self::scope(), mail, &self.origins)?;
        let mut sending = std::pin::pin!(self.mailer.send(&letter, now));
        let sent = loop {
            tokio::select! {
                sent = &mut sending => break sent,
                // Should the lease be lost all the same, the mail is on its way and cannot be called back.
                () = tokio::time::sleep(RENEW) => {
                    if let Ok(Some(renewed)) = self.lease(LEASE_MS).await {
                        *lease = renewed;
                    }
                }
            }
        };
        Ok(match sent {
            Ok(sent) => {
                self.taken.insert(mail.id, sent);
                Outcome::Sent(sent)
            }
            Err(failure) => Outcome::Failed(failure),
        })
    }

    /// Writes down what came of a mail, on whatever has become of its record meanwhile.
    async fn write_down(&mut self, mut mail: Stored<Mail>, outcome: Outcome) -> Result<(), LedgerError> {
        let id = mail.id;
        for _ in 0..LOST_RACES_MAX {
            let (becomes, action) = self.after(&mail, &outcome);
            if mail::record(&self.ledger, &Self::scope(), &mail, &becomes, action).await? {
                self.taken.remove(&id);
                tell(id, &becomes);
                return Ok(());
            }
            match self.ledger.get(&Self::scope(), id).await? {
                Some(now) if now.state != MailState::Sent => mail = now,
                _ => break,
            }
        }
        Ok(())
    }

    fn after(&self, mail: &Mail, outcome: &Outcome) -> (Mail, &'static str) {
        let (mail, now) = (mail.clone(), self.now());
        let becomes = match outcome {
            Outcome::Sent(sent) => mail.sent(now, sent.tls),
            Outcome::RanOut => mail.hold(RAN_OUT),
            Outcome::Failed(MailFailure::Never(why)) => mail.refused(why),
            Outcome::Failed(MailFailure::Away(why) | MailFailure::Later(why)) => {
                mail.put_off(now, why, self.ledger.chance())
            }
        };
        let action = match becomes.state {
            MailState::Sent => "sent",
            MailState::Held => "held",
            MailState::Waiting => "put_off",
        };
        (becomes, action)
    }
}

struct Waiting {
    due: Vec<Id<Mail>>,
    next: Moment,
}

/// What came of a mail.
enum Outcome {
    Sent(Sent),
    RanOut,
    Failed(MailFailure),
}

/// Says what came of a mail: which one and why, never to whom.
fn tell(id: Id<Mail>, mail: &Mail) {
    let (matter, why, attempts) = (mail.matter.name(), mail.why.as_deref().unwrap_or_default(), mail.attempts);
    match mail.state {
        MailState::Sent => tracing::info!(mail = %id, matter, attempts, "mail sent"),
        MailState::Held => tracing::warn!(mail = %id, matter, attempts, why, "mail held; see `bonded mail list`"),
        MailState::Waiting => tracing::info!(mail = %id, matter, attempts, why, "mail put off"),
    }
}
