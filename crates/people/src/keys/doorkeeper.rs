//! Remembers the keys that were lately let in, so that a busy caller is not looked up at each call.

use super::{Admission, KeyError, admit, revoke};
use crate::bearer::digest_of;
use bonded_base::{ApiKey, Id, Moment, Secret};
use bonded_ledger::{Ledger, PLATFORM, Scope};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Admissions that a process remembers at most.
pub const REMEMBERED_MAX: usize = 10_000;
/// How long an admission is remembered when nothing says that it ended: the net below a lost wake.
pub const REMEMBERED_MS_MAX: i64 = 10_000;

/// The keys that this process has lately let in.
///
/// Nothing is remembered past the next change in the platform's account, which every revocation is.
#[derive(Clone)]
pub struct Doorkeeper {
    ledger: Ledger,
    remembered: Arc<Mutex<Remembered>>,
}

struct Remembered {
    changes: watch::Receiver<()>,
    /// Rises at each revocation, so that what was read before one is not kept after it.
    revocations: u64,
    admissions: HashMap<[u8; 32], (Moment, Arc<Admission>)>,
}

impl Doorkeeper {
    /// Remembers nobody yet.
    pub fn new(ledger: Ledger) -> Self {
        let changes = ledger.watch(PLATFORM);
        let remembered = Remembered { changes, revocations: 0, admissions: HashMap::new() };
        Self { ledger, remembered: Arc::new(Mutex::new(remembered)) }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a caller in who presents a valid key; see [`admit`].
    pub async fn admit(&self, secret: &Secret<String>) -> Result<Arc<Admission>, KeyError> {
        let (digest, now) = (digest_of(secret.expose()), self.ledger.clock().now());
        let before = match self.remembered().recall(&digest, now) {
            Ok(admission) => return Ok(admission),
            Err(revocations) => revocations,
        };
        let admission = Arc::new(admit(&self.ledger, secret).await?);
        self.remembered().keep(digest, now, &admission, before);
        Ok(admission)
    }

    /// Ends a key of the scope's account for good; this process forgets it at once.
    pub async fn revoke(&self, scope: &Scope, id: Id<ApiKey>) -> Result<(), KeyError> {
        let outcome = revoke(&self.ledger, scope, id).await;
        let mut remembered = self.remembered();
        remembered.revocations += 1;
        remembered.admissions.clear();
        outcome
    }
}

impl Remembered {
    /// Whom the key lets in, or how many revocations there were before it is looked up.
    fn recall(&mut self, digest: &[u8; 32], now: Moment) -> Result<Arc<Admission>, u64> {
        // An error means that the ledger is closing: then nothing is remembered either.
        if self.changes.has_changed().unwrap_or(true) {
            self.changes.mark_unchanged();
            self.admissions.clear();
        }
        match self.admissions.get(digest) {
            Some((since, admission)) if now < since.plus_millis(REMEMBERED_MS_MAX) => Ok(Arc::clone(admission)),
            _ => Err(self.revocations),
        }
    }

    /// Keeps what was read, unless the account changed while it was being read.
    fn keep(&mut self, digest: [u8; 32], now: Moment, admission: &Arc<Admission>, before: u64) {
        if self.revocations != before || self.changes.has_changed().unwrap_or(true) {
            return;
        }
        if self.admissions.len() >= REMEMBERED_MAX {
            self.admissions.clear();
        }
        self.admissions.insert(digest, (now, Arc::clone(admission)));
    }
}
