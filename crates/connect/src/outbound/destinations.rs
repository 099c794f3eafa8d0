//! Destinations: every host that anything of an account was sent to, what for, and the names of what was sent.
//!
//! A destination is written down before the first call to it leaves, and again before a field goes that never went there.
//! How often it was called, and how it answered, is gathered in memory and written down by [`Outbound::settle`].
//!
//! [`Outbound::settle`]: super::Outbound::settle

use super::{CallError, Host, Owner};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Account, Id, Kind, Kinded, Moment, id_bytes, id_text};
use bonded_ledger::{Change, Ledger, LedgerError, Listed, Record, Scope};
use bonded_people::mail::TlsVersion;
use bonded_trade::Page;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// How often writing a destination down is tried again when somebody else did in between.
const ATTEMPTS_MAX: usize = 8;
/// Bytes that a destination's id takes from its owner's.
const OWNER_BYTES: usize = 8;

/// A host that is called for one owner and one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// For whom: the id of a connection or of a webhook endpoint, as people read it.
    pub owner: String,
    /// Which host, with its port unless that is 443.
    pub host: String,
    /// What for, in a word.
    pub purpose: String,
    /// The names of all fields that ever went there; empty where only questions were asked.
    pub fields: BTreeSet<String>,
    /// When it was first to be called.
    pub first_at: Moment,
    /// When it was last called, as far as written down.
    pub last_at: Moment,
    /// How often it was called, as far as written down.
    pub calls: u64,
    /// How many of these calls got no answer.
    pub unanswered: u64,
    /// Every TLS version that was agreed with it.
    pub tls: Vec<TlsVersion>,
    /// The status of its last answer.
    pub last_status: Option<u16>,
}

impl Kinded for Destination {
    const KIND: Kind = Kind::Destination;
}

impl Record for Destination {
    fn parent(&self) -> Option<[u8; 16]> {
        let (prefix, _) = self.owner.split_once('_')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
        id_bytes(kind, &self.owner)
    }
}

impl Destination {
    /// The id of a destination: half its owner's, half of SHA-256 over owner, host and purpose.
    pub fn id_of(owner: Owner, host: &Host, purpose: &str) -> Id<Self> {
        let mut named = vec![owner.kind.number()];
        named.extend_from_slice(&owner.id);
        for part in [host.as_str(), purpose] {
            named.extend_from_slice(part.as_bytes());
            named.push(0);
        }
        let hash = digest(&SHA256, &named);
        let mut id = owner.id;
        for (byte, hashed) in id.iter_mut().skip(OWNER_BYTES).zip(hash.as_ref()) {
            *byte = *hashed;
        }
        Id::from_bytes(id)
    }

    fn new(owner: Owner, host: &Host, purpose: &str, at: Moment) -> Self {
        Self {
            owner: id_text(owner.kind, owner.id),
            host: host.to_string(),
            purpose: purpose.to_owned(),
            fields: BTreeSet::new(),
            first_at: at,
            last_at: at,
            calls: 0,
            unanswered: 0,
            tls: Vec::new(),
            last_status: None,
        }
    }
}

/// Every destination of an account, in the order of their owners.
pub async fn list(ledger: &Ledger, scope: &Scope, page: Page) -> Result<Listed<Destination>, LedgerError> {
    ledger.list(scope, &page.of_state(None)).await
}

/// The destinations of one connection or endpoint.
pub async fn of(ledger: &Ledger, scope: &Scope, owner: Owner, page: Page) -> Result<Listed<Destination>, LedgerError> {
    ledger.list(scope, &page.of_parent(owner.id)).await
}

/// What is sent where, and what for; the destination of a call that is about to be made.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    pub owner: Owner,
    pub host: &'a Host,
    pub purpose: &'static str,
    pub fields: &'a [&'a str],
}

impl Sending<'_> {
    pub fn destination(&self) -> Id<Destination> {
        Destination::id_of(self.owner, self.host, self.purpose)
    }

    /// The entry's words: the host, the purpose, then the names of the fields.
    fn words(&self) -> Vec<String> {
        let mut words = vec![format!("host {}", self.host), format!("for {}", self.purpose)];
        words.extend(self.fields.iter().map(|&field| field.to_owned()));
        words
    }
}

/// A destination, and whose.
type Place = (Id<Account>, Id<Destination>);

/// What is known of destinations without asking the ledger, and what is yet to be written down of them.
#[derive(Default)]
pub struct Book {
    known: Mutex<HashMap<Place, Known>>,
}

struct Known {
    ledger: Ledger,
    scope: Scope,
    fields: BTreeSet<String>,
    since: Tally,
}

/// What happened since a destination was last written down.
#[derive(Clone, Default)]
struct Tally {
    calls: u64,
    unanswered: u64,
    last_at: Option<Moment>,
    tls: Vec<TlsVersion>,
    last_status: Option<u16>,
}

impl Tally {
    /// How one call ended.
    fn one(at: Moment, answered: Option<(u16, TlsVersion)>) -> Self {
        Self {
            calls: 1,
            unanswered: u64::from(answered.is_none()),
            last_at: Some(at),
            tls: answered.iter().map(|(_, tls)| *tls).collect(),
            last_status: answered.map(|(status, _)| status),
        }
    }

    fn add(&mut self, later: &Self) {
        self.calls += later.calls;
        self.unanswered += later.unanswered;
        self.last_at = self.last_at.max(later.last_at);
        self.last_status = later.last_status.or(self.last_status);
        widen(&mut self.tls, &later.tls);
    }
}

fn widen(all: &mut Vec<TlsVersion>, more: &[TlsVersion]) {
    for version in more {
        if !all.contains(version) {
            all.push(*version);
        }
    }
}

impl Book {
    /// Writes down that a call is about to be made, durably: the destination where anything about it is new, and an entry
    /// in the account's log where fields are sent.
    pub async fn write(&self, ledger: &Ledger, scope: &Scope, sending: Sending<'_>) -> Result<(), CallError> {
        for _ in 0..ATTEMPTS_MAX {
            let mut change = Change::new();
            if !self.knows(scope, &sending) {
                self.first_words(ledger, scope, &sending, &mut change).await?;
            }
            if !sending.fields.is_empty() {
                change.witness(sending.owner.kind, sending.owner.id, 0, "called", sending.words());
            }
            let committed = if change.is_empty() { Ok(()) } else { ledger.commit(scope, change).await.map(drop) };
            match committed {
                Ok(()) => {
                    self.learn(ledger, scope, &sending);
                    return Ok(());
                }
                // Another call, or another node, wrote the same destination first.
                Err(LedgerError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::Busy)
    }

    /// What the destination's record has to say first, if anything.
    async fn first_words(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        sending: &Sending<'_>,
        change: &mut Change,
    ) -> Result<(), LedgerError> {
        let id = sending.destination();
        let fields = || sending.fields.iter().map(|&field| field.to_owned());
        match ledger.get::<Destination>(scope, id).await? {
            Some(stored) if fields().all(|field| stored.fields.contains(&field)) => {}
            Some(stored) => {
                let mut wider = (*stored).clone();
                wider.fields.extend(fields());
                change.update(&stored, &wider, "widened");
            }
            None => {
                let mut first = Destination::new(sending.owner, sending.host, sending.purpose, ledger.clock().now());
                first.fields.extend(fields());
                change.create(id, &first, "named");
            }
        }
        Ok(())
    }

    fn knows(&self, scope: &Scope, sending: &Sending<'_>) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&(scope.account(), sending.destination()));
        known.is_some_and(|known| sending.fields.iter().all(|&field| known.fields.contains(field)))
    }

    fn learn(&self, ledger: &Ledger, scope: &Scope, sending: &Sending<'_>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry((scope.account(), sending.destination())).or_insert_with(|| Known {
            ledger: ledger.clone(),
            scope: scope.again(),
            fields: BTreeSet::new(),
            since: Tally::default(),
        });
        known.fields.extend(sending.fields.iter().map(|&field| field.to_owned()));
    }

    /// Counts a call that has ended, by the status and the TLS of its answer.
    pub fn count(&self, scope: &Scope, id: Id<Destination>, at: Moment, answered: Option<(u16, TlsVersion)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(&(scope.account(), id)) {
            known.since.add(&Tally::one(at, answered));
        }
    }

    /// Writes down what was counted, and forgets what was not called since the last time. What cannot be written is kept
    /// for the next time.
    pub async fn settle(&self) -> Result<(), LedgerError> {
        let called: Vec<_> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, known| known.since.calls > 0);
            let taken = |(key, known): (&Place, &mut Known)| {
                (*key, known.ledger.clone(), known.scope.clone(), std::mem::take(&mut known.since))
            };
            known.iter_mut().map(taken).collect()
        };
        let mut outcome = Ok(());
        for ((account, id), ledger, scope, tally) in called {
            if let Err(error) = write_tally(&ledger, &scope, id, &tally).await {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = known.get_mut(&(account, id)) {
                    let later = std::mem::replace(&mut known.since, tally);
                    known.since.add(&later);
                }
                outcome = Err(error);
            }
        }
        outcome
    }
}

async fn write_tally(ledger: &Ledger, scope: &Scope, id: Id<Destination>, tally: &Tally) -> Result<(), LedgerError> {
    for attempt in 1..=ATTEMPTS_MAX {
        let Some(stored) = ledger.get::<Destination>(scope, id).await? else { return Ok(()) };
        let mut counted = (*stored).clone();
        counted.calls += tally.calls;
        counted.unanswered += tally.unanswered;
        counted.last_at = tally.last_at.map_or(counted.last_at, |last_at| counted.last_at.max(last_at));
        counted.last_status = tally.last_status.or(counted.last_status);
        widen(&mut counted.tls, &tally.tls);
        let mut change = Change::new();
        change.update(&stored, &counted, "counted");
        match ledger.commit(scope, change).await {
            Err(LedgerError::Conflict { .. }) if attempt < ATTEMPTS_MAX => {}
            other => return other.map(drop),
        }
    }
    Ok(())
}
