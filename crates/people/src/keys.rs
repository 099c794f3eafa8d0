//! Keys to the API: secrets that are shown once and kept only as a hash.
//!
//! A key opens one account, for named permissions. Its record lives in the platform's own account, because it must be
//! found before the caller's account is known. What is stored cannot be turned back into the secret.

use crate::Permissions;
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Account, ApiKey, Chance, Id, Kind, Kinded, Moment, Problem, Reason, Secret};
use bonded_ledger::{Change, Ledger, LedgerError, List, Lookup, LookupName, PLATFORM, Record, Scope, Stored, System};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use zeroize::Zeroize;

/// Characters of a key's name at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Keys that one account may have at most, those that were revoked left out.
pub const KEYS_PER_ACCOUNT_MAX: usize = 100;
/// Keys that one account may ever have had: so many are listed.
pub const KEYS_EVER_MAX: u32 = 1_000;
/// Admissions that a process remembers at most.
pub const REMEMBERED_MAX: usize = 10_000;
/// How long an admission is remembered when nothing says that it ended: the net below a lost wake.
pub const REMEMBERED_MS_MAX: i64 = 10_000;

/// Characters after the prefix, of five random bits each: 160 bits.
const SECRET_CHARS: usize = 32;
/// Digits and lower-case letters without i, l, o and u, as in ids.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the secret that stay visible, so that people can tell their keys apart.
const TAIL_CHARS: usize = 4;

/// Whether a key moves real goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In a production environment.
    Live,
    /// Anywhere else.
    Test,
}

impl Mode {
    /// What its secrets begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "bk_live_",
            Self::Test => "bk_test_",
        }
    }
}

/// What is known of a key. The secret itself is kept nowhere, only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Which account it opens.
    pub account: Id<Account>,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Live or test.
    pub mode: Mode,
    /// The last characters of the secret, for people to recognise it by.
    pub ends_with: String,
    /// SHA-256 of the secret.
    digest: [u8; 32],
    /// When it was revoked, if it was.
    pub revoked_at: Option<Moment>,
}

impl Kinded for KeyRecord {
    const KIND: Kind = Kind::ApiKey;
}

impl Record for KeyRecord {
    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.account.bytes())
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::ApiKey, &self.digest[..])]
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which account it opens.
    pub account: Id<Account>,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Live or test.
    pub mode: Mode,
}

/// A key that was made.
pub struct Issued {
    /// Its id.
    pub id: Id<ApiKey>,
    /// `bk_live_…`: shown once, to be kept by whoever asked for it.
    pub secret: Secret<String>,
}

/// A caller whose key was found valid.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The account it opens, as this key.
    pub scope: Scope,
    /// What it may do.
    pub permissions: Permissions,
    /// Which key.
    pub key: Id<ApiKey>,
    /// What its owner calls it.
    pub name: String,
    /// Live or test.
    pub mode: Mode,
    /// The last characters of the secret.
    pub ends_with: String,
}

/// Why a key could not be made, used or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No valid key: malformed, unknown or revoked. Which of them is not told.
    #[error("the API key is not valid")]
    NotValid,
    /// A rule refuses it.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Makes a key. The scope must be of the platform's account.
pub async fn issue(ledger: &Ledger, scope: &Scope, draft: Draft) -> Result<Issued, KeyError> {
    let name = draft.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "a key needs a name of 1 to 100 characters").into());
    }
    if draft.permissions == Permissions::default() {
        return Err(Problem::invalid("/permissions", "a key needs at least one permission").into());
    }
    let had = list(ledger, scope, draft.account).await?;
    let held = had.iter().filter(|key| key.revoked_at.is_none()).count();
    if held >= KEYS_PER_ACCOUNT_MAX || had.len() >= KEYS_EVER_MAX as usize {
        return Err(Problem::new(Reason::TooMuch, "an account has at most 100 keys, and 1,000 over time").into());
    }
    let secret = new_secret(draft.mode, ledger.chance());
    let record = KeyRecord {
        account: draft.account,
        name: name.to_owned(),
        permissions: draft.permissions,
        mode: draft.mode,
        ends_with: tail(secret.expose()),
        digest: digest_of(secret.expose()),
        revoked_at: None,
    };
    let id = ledger.new_id::<KeyRecord>();
    let mut change = Change::new();
    change.create(id, &record, "issued");
    ledger.commit(scope, change).await?;
    Ok(Issued { id: Id::from_bytes(id.bytes()), secret })
}

/// The keys of an account, oldest first, revoked ones too. The scope must be of the platform's account.
pub async fn list(ledger: &Ledger, scope: &Scope, account: Id<Account>) -> Result<Vec<Stored<KeyRecord>>, LedgerError> {
    Ok(ledger.list(scope, &of_account(account)).await?.records)
}

/// Ends a key, for good. The scope must be of the platform's account.
pub async fn revoke(ledger: &Ledger, scope: &Scope, id: Id<ApiKey>) -> Result<(), KeyError> {
    let missing = || Problem::new(Reason::Missing, "there is no such key");
    let stored = ledger.get(scope, Id::<KeyRecord>::from_bytes(id.bytes())).await?.ok_or_else(missing)?;
    if stored.revoked_at.is_some() {
        return Ok(());
    }
    let mut change = Change::new();
    let revoked = KeyRecord { revoked_at: Some(ledger.clock().now()), ..(*stored).clone() };
    change.update(&stored, &revoked, "revoked");
    ledger.commit(scope, change).await?;
    Ok(())
}

/// Lets a caller in who presents a valid key.
pub async fn admit(ledger: &Ledger, secret: &Secret<String>) -> Result<Admission, KeyError> {
    let mode = mode_of(secret.expose()).ok_or(KeyError::NotValid)?;
    let scope = Scope::system(PLATFORM, System::Doorkeeper);
    let digest = digest_of(secret.expose());
    let lookup = Lookup::new(LookupName::ApiKey, &digest[..]);
    let id = ledger.find::<KeyRecord>(&scope, &lookup).await?.ok_or(KeyError::NotValid)?;
    let stored = ledger.get(&scope, id).await?.ok_or(KeyError::NotValid)?;
    // The lookup compared a shortened hash; the record has the whole one.
    if stored.revoked_at.is_some() || stored.digest != digest || stored.mode != mode {
        return Err(KeyError::NotValid);
    }
    let key = Id::from_bytes(id.bytes());
    let KeyRecord { account, name, permissions, mode, ends_with, .. } = stored.into_value();
    Ok(Admission { scope: Scope::key(account, key), permissions, key, name, mode, ends_with })
}

fn of_account(account: Id<Account>) -> List {
    List { parent: Some(account.bytes()), ..List::first(KEYS_EVER_MAX) }
}

fn new_secret(mode: Mode, chance: &dyn Chance) -> Secret<String> {
    let mut random = [0; SECRET_CHARS];
    chance.fill(&mut random);
    // Room for all of it from the start: a string that grows leaves a copy behind.
    let mut text = String::with_capacity(mode.prefix().len() + SECRET_CHARS);
    text.push_str(mode.prefix());
    text.extend(
        random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).map(|symbol| char::from(*symbol)),
    );
    random.zeroize();
    Secret::new(text)
}

fn mode_of(secret: &str) -> Option<Mode> {
    [Mode::Live, Mode::Test].into_iter().find(|mode| {
        let symbols = secret.strip_prefix(mode.prefix()).unwrap_or_default();
        symbols.len() == SECRET_CHARS && symbols.bytes().all(|symbol| ALPHABET.contains(&symbol))
    })
}

fn digest_of(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

fn tail(secret: &str) -> String {
    secret.get(secret.len().saturating_sub(TAIL_CHARS)..).unwrap_or_default().to_owned()
}

/// The keys that this process has lately let in, so that a busy caller is not looked up at each call.
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

    /// Ends a key for good; this process forgets it at once. The scope must be of the platform's account.
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
