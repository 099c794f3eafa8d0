//! Mail that people get: what it is about, where it stands, and how it is written.
//!
//! A mail is a record of the platform's account. It says to whom and about what, never in which words: those are
//! written when it is sent ([`render`]) and kept nowhere, nor is the code in a mailed link ([`link`]). Its id is derived
//! from what caused it, so that whoever queues it twice has queued it once.
//!
//! ```text
//! queued ──▶ waiting ──▶ sent
//!             ▲  │  the server says "never", three days have passed, or its link has run out
//!    released │  ▼
//!             held
//! ```
//! What was sent or held is forgotten after [`KEPT_MS`]; the log keeps that it was, without the address.
//!
//! Architecture invariants: no mail holds a consumer's data, nor a merchant's beyond names of accounts and people, and the
//! number and amount of an invoice that could not be paid; no mail leaves the queue but by being sent.

mod letter;
pub mod link;
mod matter;
mod words;

pub use letter::{Letter, render};
pub use link::Origins;
pub(crate) use matter::one_line;
pub use matter::{GrantEnd, Guessed, Matter, Notice, TEXT_CHARS_MAX, about};

use crate::MailAddress;
use aws_lc_rs::hmac;
use bonded_base::{Chance, Id, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, PLATFORM, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// How long after a first failure the next attempt is made; each later one waits twice as long.
pub const BACK_OFF_MS_MIN: i64 = 60_000;
/// What is waited between two attempts at most.
pub const BACK_OFF_MS_MAX: i64 = 60 * 60_000;
/// How long after its first attempt a mail is given up, and held.
pub const GIVE_UP_MS: i64 = 3 * 24 * 60 * 60_000;

/// How long the record of a mail that was sent or held is kept, since it names a person.
pub const KEPT_MS: i64 = 90 * 24 * 60 * 60_000;

const DAY_MS: i64 = 24 * 60 * 60_000;
/// Why a mail is held that nobody should get any more.
const CALLED_OFF: &str = "called off before it was sent";
/// Why a mail is held whose server never took it.
const GIVEN_UP: &str = "given up after three days";
/// Why a mail is held that would arrive too late.
pub const RAN_OUT: &str = "what it asks for ran out before it could be sent";

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// To be sent, now or at its next attempt.
    Waiting,
    /// Taken by the mail server.
    Sent,
    /// Not to be sent unless somebody releases it.
    Held,
}

impl MailState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Held];

    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its name: `waiting`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Held => "held",
        }
    }

    /// The state with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The TLS with which a mail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V13,
}

impl TlsVersion {
    /// `1.2` or `1.3`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// One mail to one person: what is kept of it, before and after it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Where it goes.
    pub to: MailAddress,
    /// What the person is called; empty where nobody knows.
    pub name: String,
    /// What it is about.
    pub matter: Matter,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Moment,
    /// When it was first tried since it was queued or released.
    pub first_try_at: Option<Moment>,
    /// When it is tried next, while it waits.
    pub next_try_at: Moment,
    /// Why it was not sent at the last attempt, in our own words; never an address.
    pub why: Option<String>,
    /// When the server took it.
    pub sent_at: Option<Moment>,
    /// The TLS with which it went.
    pub tls: Option<TlsVersion>,
}

impl Kinded for Mail {
    const KIND: Kind = Kind::Mail;
}

impl Record for Mail {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.queued_at)
    }
}

impl Mail {
    /// A mail that is to be sent at once.
    fn queued(draft: Draft, now: Moment) -> Self {
        Self {
            to: draft.to,
            name: matter::one_line(&draft.name),
            matter: draft.matter.tidied(),
            state: MailState::Waiting,
            attempts: 0,
            queued_at: now,
            first_try_at: None,
            next_try_at: now,
            why: None,
            sent_at: None,
            tls: None,
        }
    }

    /// Where it stands, in words: its state, and of what is held that it was given up.
    pub fn standing(&self) -> &'static str {
        let given_up = || self.why.as_deref().is_some_and(|why| why.starts_with(GIVEN_UP));
        if self.state == MailState::Held && given_up() { "given up" } else { self.state.name() }
    }

    /// Whether it should be tried now.
    pub fn is_due(&self, now: Moment) -> bool {
        self.state == MailState::Waiting && self.next_try_at <= now
    }

    /// Whether what it asks for can no longer be done.
    pub fn has_run_out(&self, now: Moment) -> bool {
        self.matter.until().is_some_and(|until| until <= now)
    }

    /// The server took it.
    #[must_use]
    pub fn sent(self, now: Moment, tls: TlsVersion) -> Self {
        let attempts = self.attempts.saturating_add(1);
        Self { state: MailState::Sent, attempts, sent_at: Some(now), tls: Some(tls), why: None, ..self }
    }

    /// It could not be sent this time; after [`GIVE_UP_MS`] of trying it is held.
    #[must_use]
    pub fn put_off(self, now: Moment, why: &str, chance: &dyn Chance) -> Self {
        let first_try_at = self.first_try_at.unwrap_or(now);
        let tried = Self { attempts: self.attempts.saturating_add(1), first_try_at: Some(first_try_at), ..self };
        if now >= first_try_at.plus_millis(GIVE_UP_MS) {
            return tried.hold(&format!("{GIVEN_UP}: {why}"));
        }
        let next_try_at = now.plus_millis(back_off_ms(tried.attempts, chance));
        Self { next_try_at, why: Some(why.to_owned()), ..tried }
    }

    /// The server will never take it; it counts as one more attempt.
    #[must_use]
    pub fn refused(self, why: &str) -> Self {
        let attempts = self.attempts.saturating_add(1);
        Self { attempts, ..self }.hold(why)
    }

    /// It is not to be sent, for this reason.
    #[must_use]
    pub fn hold(self, why: &str) -> Self {
        Self { state: MailState::Held, why: Some(why.to_owned()), ..self }
    }

    /// It is to be tried again at once.
    fn released(self, now: Moment) -> Self {
        Self { state: MailState::Waiting, attempts: 0, first_try_at: None, next_try_at: now, why: None, ..self }
    }
}

/// How long to wait after so many attempts: doubling, and a quarter more or less by chance, so that what failed together
/// does not come back together.
fn back_off_ms(attempts: u32, chance: &dyn Chance) -> i64 {
    let doublings = attempts.saturating_sub(1).min(16);
    let wait = (BACK_OFF_MS_MIN << doublings).min(BACK_OFF_MS_MAX);
    let mut dice = [0; 2];
    chance.fill(&mut dice);
    wait - wait / 4 + (wait / 2) * i64::from(u16::from_be_bytes(dice)) / i64::from(u16::MAX)
}

/// What a mail is sent because of: a record, and the version of it that brought the mail about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    id: [u8; 16],
    version: u64,
}

impl Cause {
    /// The birth of a record: an invitation, a reset, a request.
    pub const fn birth<R: Kinded>(id: Id<R>) -> Self {
        Self { id: id.bytes(), version: 1 }
    }

    /// A change of a record, by the version that came of it.
    pub const fn change<R: Kinded>(id: Id<R>, version: u64) -> Self {
        Self { id: id.bytes(), version }
    }

    /// What may happen to a record again and again, and is told once a day (in UTC) at most.
    pub const fn day<R: Kinded>(id: Id<R>, now: Moment) -> Self {
        Self { id: id.bytes(), version: now.millis().div_euclid(DAY_MS).unsigned_abs() }
    }
}

/// A mail that is to be queued.
#[derive(Clone)]
pub struct Draft {
    /// Why it is sent.
    pub cause: Cause,
    /// Where it goes.
    pub to: MailAddress,
    /// What the person is called; empty where nobody knows.
    pub name: String,
    /// What it is about.
    pub matter: Matter,
}

/// The id of the mail that a cause brings about for one address and one matter.
///
/// Its first six bytes are the cause's birth, the others a keyed hash, since an engine's thief could try addresses
/// against a plain one.
pub fn id_of(
    ledger: &Ledger,
    scope: &Scope,
    cause: Cause,
    to: &MailAddress,
    what: &str,
) -> Result<Id<Mail>, LedgerError> {
    let key = ledger.capability(scope, Id::<Mail>::from_bytes(cause.id), "mail")?;
    let mut named = cause.version.to_be_bytes().to_vec();
    named.extend_from_slice(what.as_bytes());
    named.push(0);
    named.extend_from_slice(to.folded().as_bytes());
    let hash = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), &named);
    let mut id = cause.id;
    for (byte, hashed) in id.iter_mut().skip(6).zip(hash.as_ref()) {
        *byte = *hashed;
    }
    // A UUID of version 7, as all ids are.
    id[6] = id[6] & 0x0f | 0x70;
    id[8] = id[8] & 0x3f | 0x80;
    Ok(Id::from_bytes(id))
}

/// Adds a mail to a change of the platform's account, so that it is queued if and only if that happens.
///
/// A change that is made twice conflicts on it, as it does on everything else that it makes.
pub fn queue(change: &mut Change, ledger: &Ledger, scope: &Scope, draft: Draft) -> Result<Id<Mail>, LedgerError> {
    // In another account nobody would ever find it.
    if scope.account() != PLATFORM {
        return Err(LedgerError::OutOfReach(Kind::Mail));
    }
    let id = id_of(ledger, scope, draft.cause, &draft.to, draft.matter.name())?;
    change.create(id, &Mail::queued(draft, ledger.clock().now()), "queued");
    Ok(id)
}

/// Queues mails on their own: for what was decided in another account. Those that are queued already stay as they are.
pub async fn enqueue(ledger: &Ledger, scope: &Scope, drafts: Vec<Draft>) -> Result<(), LedgerError> {
    if drafts.is_empty() {
        return Ok(());
    }
    let mut all = Change::new();
    for draft in drafts.clone() {
        queue(&mut all, ledger, scope, draft)?;
    }
    match ledger.commit(&scope.again(), all).await {
        Ok(_) => return Ok(()),
        Err(LedgerError::Conflict { kind: Kind::Mail, .. }) => {}
        Err(error) => return Err(error),
    }
    for draft in drafts {
        let mut one = Change::new();
        queue(&mut one, ledger, scope, draft)?;
        match ledger.commit(&scope.again(), one).await {
            Ok(_) | Err(LedgerError::Conflict { kind: Kind::Mail, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A page of mails by when they were queued: those in one state, or all in the order of their causes.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<MailState>,
    page: List,
) -> Result<Listed<Mail>, LedgerError> {
    ledger.list(scope, &List { state: state.map(MailState::number), ..page }).await
}

/// Writes down what came of a mail; `false` when it has changed since it was read, and nothing was done.
pub async fn record(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<Mail>,
    becomes: &Mail,
    action: &'static str,
) -> Result<bool, LedgerError> {
    let mut change = Change::new();
    change.update(was, becomes, action);
    match ledger.commit(scope, change).await {
        Ok(_) => Ok(true),
        Err(LedgerError::Conflict { kind: Kind::Mail, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sees to it that a mail which waits is not sent any more; one that was sent cannot be called back.
pub async fn call_off(ledger: &Ledger, scope: &Scope, id: Id<Mail>) -> Result<(), LedgerError> {
    loop {
        let Some(was) = ledger.get(scope, id).await? else { return Ok(()) };
        if was.state != MailState::Waiting
            || record(ledger, scope, &was, &(*was).clone().hold(CALLED_OFF), "held").await?
        {
            return Ok(());
        }
    }
}

/// Forgets up to `limit` mails that were sent or held long ago, and says how many.
pub async fn forget_old(ledger: &Ledger, scope: &Scope, limit: u32) -> Result<usize, LedgerError> {
    let before = ledger.clock().now().plus_millis(-KEPT_MS);
    let mut change = Change::new();
    for state in [MailState::Sent, MailState::Held] {
        let oldest = list(ledger, scope, Some(state), List::first(limit)).await?.records;
        // What was queued long ago may have been released and sent lately.
        let is_old = |mail: &&Stored<Mail>| mail.queued_at < before && mail.updated_at < before;
        oldest.iter().filter(is_old).for_each(|mail| change.remove(mail, "forgotten"));
    }
    let forgotten = change.len();
    if forgotten > 0 {
        ledger.commit(scope, change).await?;
    }
    Ok(forgotten)
}

/// Why a mail could not be released.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A rule refuses it.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Has a mail tried again at once that is held or waits for its next attempt.
pub async fn release(ledger: &Ledger, scope: &Scope, id: Id<Mail>) -> Result<(), MailError> {
    let missing = || Problem::new(Reason::Missing, "there is no such mail");
    let was = ledger.get(scope, id).await?.ok_or_else(missing)?;
    let now = ledger.clock().now();
    if was.state == MailState::Sent {
        return Err(Problem::new(Reason::State, "this mail was sent").into());
    }
    if was.has_run_out(now) {
        return Err(Problem::new(Reason::State, RAN_OUT).into());
    }
    let again = (*was).clone().released(now);
    if record(ledger, scope, &was, &again, "released").await? {
        return Ok(());
    }
    Err(Problem::new(Reason::Changed, "the mail has changed meanwhile; look again").into())
}

#[cfg(test)]
mod tests;
