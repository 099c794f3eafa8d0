//! Sessions: what a browser shows after a sign-in, instead of a password again.
//!
//! A session is a record of the platform's account, found by the digest of its token; the token itself is kept nowhere.
//! It ends by itself after its idle and its absolute limit (NIST SP 800-63B-4: AAL2 for members, AAL3 for staff), when
//! its person ends it, and when that person's password or factors change.

use crate::bearer::{digest_of, new_secret};
use crate::books::books;
use bonded_base::{Account, Id, Kind, Kinded, Moment, Secret, Staff, User};
use bonded_ledger::{Change, Ledger, LedgerError, List, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How long a member's session may rest, and last.
pub const MEMBER_LIMITS: Limits = Limits { idle_ms: HOUR_MS, whole_ms: 24 * HOUR_MS };
/// How long a staff session may rest, and last (AAL3).
pub const STAFF_LIMITS: Limits = Limits { idle_ms: 15 * MINUTE_MS, whole_ms: 12 * HOUR_MS };
/// How long somebody may take from the password to the second factor.
pub const UNFINISHED_MS: i64 = 10 * MINUTE_MS;
/// How long a proof of who somebody is counts as fresh: half of what a member's session may rest, and twice a staff
/// session's. Before anything grave an older one is asked for again (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
pub const FRESH_MS: i64 = 30 * MINUTE_MS;
/// Sessions of one person at most; the oldest ends when another begins, an unfinished sign-in before a session.
pub const SESSIONS_MAX: u32 = 50;
/// Characters of a device's description at most.
pub const DEVICE_CHARS_MAX: usize = 60;

/// A session is noted as seen when so much of its idle limit has passed since it was last: an entry less for each click.
const SEEN_SHARE: i64 = 15;
/// Sessions that end in one commit at most, where everybody's end.
const ENDED_AT_ONCE: u32 = 500;
/// For how long sessions that begin meanwhile end too.
pub const MEANWHILE_MS: i64 = MINUTE_MS;
const TOKEN_PREFIX: &str = "bs_";

/// How long a session may rest and how long it may last, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Since it was last used.
    pub idle_ms: i64,
    /// Since its sign-in.
    pub whole_ms: i64,
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// A user of merchant accounts.
    User(Id<User>),
    /// One of the platform's staff.
    Staff(Id<Staff>),
}

impl Person {
    /// The 16 bytes of the person's id.
    pub const fn bytes(self) -> [u8; 16] {
        match self {
            Self::User(id) => id.bytes(),
            Self::Staff(id) => id.bytes(),
        }
    }

    /// The limits of such a person's sessions.
    pub const fn limits(self) -> Limits {
        match self {
            Self::User(_) => MEMBER_LIMITS,
            Self::Staff(_) => STAFF_LIMITS,
        }
    }
}

/// What was shown to prove who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A password.
    Password,
    /// A one-time code of an authenticator app.
    Totp,
    /// A passkey, which itself recognised its owner: two factors at once.
    Passkey,
    /// A recovery code.
    RecoveryCode,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The password was right; a second factor is awaited.
    SecondFactor,
    /// The person must enrol a second factor before anything else.
    Enrolment,
    /// Signed in.
    Full,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Whose.
    pub person: Person,
    /// Which of the person's accounts is open in it.
    pub account: Option<Id<Account>>,
    /// How far the sign-in has come.
    pub stage: Stage,
    /// What was shown for it.
    pub factors: Vec<Factor>,
    /// What it runs on, for its owner to recognise: `Firefox on Linux`.
    pub device: String,
    /// Whether it is on a device that was not known, and its person is yet to be told of it.
    #[serde(default)]
    pub device_untold: bool,
    /// When it was last used, to a fifteenth of its idle limit.
    pub seen_at: Moment,
    /// When it began.
    pub began_at: Moment,
    /// When something was last shown in it that proves who its person is.
    pub proved_at: Moment,
    /// SHA-256 of the token.
    digest: [u8; 32],
}

impl Kinded for SessionRecord {
    const KIND: Kind = Kind::Session;
}

impl Record for SessionRecord {
    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.person.bytes())
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::Session, &self.digest[..])]
    }
}

impl SessionRecord {
    /// Whether two factors were shown.
    pub fn is_strong(&self) -> bool {
        self.stage == Stage::Full && self.factors.iter().any(|factor| *factor != Factor::Password)
    }

    /// Whether a passkey was shown.
    pub fn has_passkey(&self) -> bool {
        self.factors.contains(&Factor::Passkey)
    }

    /// Whether its person has proven a short while ago who they are ([`FRESH_MS`]).
    pub fn is_fresh(&self, now: Moment) -> bool {
        now < self.proved_at.plus_millis(FRESH_MS)
    }

    /// Whether it has gone no further since, though it may have been seen.
    pub(crate) fn is_same_step(&self, was: &Self) -> bool {
        self.digest == was.digest
    }

    /// Whether it has ended by itself.
    pub fn is_over(&self, now: Moment) -> bool {
        let Limits { idle_ms, whole_ms } = self.person.limits();
        let whole_ms = if self.stage == Stage::SecondFactor { UNFINISHED_MS } else { whole_ms };
        now >= self.began_at.plus_millis(whole_ms) || now >= self.seen_at.plus_millis(idle_ms)
    }
}

/// A session that has just begun, or goes on under another token.
pub struct Begun {
    /// Which.
    pub id: Id<SessionRecord>,
    /// `bs_…`: for the cookie, and nowhere else.
    pub token: Secret<String>,
    /// What is known of it.
    pub record: SessionRecord,
}

/// Begins a session, ends the person's oldest if there are too many, and drops those that are over.
pub async fn begin(
    ledger: &Ledger,
    person: Person,
    stage: Stage,
    factors: Vec<Factor>,
    account: Option<Id<Account>>,
    device: &str,
) -> Result<Begun, LedgerError> {
    let mut change = Change::new();
    let draft = Draft { stage, factors, account, device, device_untold: false };
    let begun = begin_in(&mut change, ledger, person, draft).await?;
    ledger.commit(&books(), change).await?;
    Ok(begun)
}

/// A session that is to begin.
pub(crate) struct Draft<'a> {
    pub stage: Stage,
    pub factors: Vec<Factor>,
    pub account: Option<Id<Account>>,
    pub device: &'a str,
    pub device_untold: bool,
}

/// Adds to a change what [`begin`] does, so that a session begins together with what it rests on, or not at all.
pub(crate) async fn begin_in(
    change: &mut Change,
    ledger: &Ledger,
    person: Person,
    draft: Draft<'_>,
) -> Result<Begun, LedgerError> {
    let now = ledger.clock().now();
    let held = list(ledger, person).await?;
    let (over, mut held): (Vec<_>, Vec<_>) = held.iter().partition(|session| session.is_over(now));
    // Unfinished ones first: whoever has the password alone pushes nobody out who is signed in.
    held.sort_by_key(|session| session.stage == Stage::Full);
    let too_many = (held.len() + 1).saturating_sub(SESSIONS_MAX as usize);
    for session in over.into_iter().chain(held.into_iter().take(too_many)) {
        change.remove(session, "ended");
    }
    let token = new_secret(TOKEN_PREFIX, ledger.chance());
    let Draft { stage, factors, account, device, device_untold } = draft;
    let device = device.chars().filter(|symbol| !symbol.is_control()).take(DEVICE_CHARS_MAX).collect();
    let record = SessionRecord {
        person,
        account,
        stage,
        factors,
        device,
        device_untold,
        seen_at: now,
        began_at: now,
        proved_at: now,
        digest: digest_of(token.expose()),
    };
    let id = ledger.new_id();
    change.create(id, &record, "began");
    Ok(Begun { id, token, record })
}

/// Goes on under a new token, further than before: what was stolen from an unfinished sign-in is worth nothing after it.
pub async fn advance(
    ledger: &Ledger,
    was: &Stored<SessionRecord>,
    stage: Stage,
    shown: Option<Factor>,
    account: Option<Id<Account>>,
) -> Result<Begun, LedgerError> {
    let mut change = Change::new();
    let (factors, proves) = (with(&was.factors, shown), shown.is_some());
    let begun = advance_in(&mut change, ledger, was, Onward { stage, factors, account, proves });
    ledger.commit(&books(), change).await?;
    Ok(begun)
}

/// How a session goes on.
pub(crate) struct Onward {
    pub stage: Stage,
    pub factors: Vec<Factor>,
    pub account: Option<Id<Account>>,
    /// Whether what leads onward also proves who the person is.
    pub proves: bool,
}

/// Adds to a change what [`advance`] does.
pub(crate) fn advance_in(change: &mut Change, ledger: &Ledger, was: &Stored<SessionRecord>, onward: Onward) -> Begun {
    let token = new_secret(TOKEN_PREFIX, ledger.chance());
    let Onward { stage, factors, account, proves } = onward;
    let (seen_at, digest) = (ledger.clock().now(), digest_of(token.expose()));
    // Whoever completes the sign-in tells of the device.
    let device_untold = was.device_untold && stage != Stage::Full;
    let proved_at = if proves { seen_at } else { was.proved_at };
    let record =
        SessionRecord { account, stage, factors, device_untold, seen_at, proved_at, digest, ..(**was).clone() };
    change.update(was, &record, "advanced");
    Begun { id: was.id, token, record }
}

/// What was shown before and what was shown now, each once.
pub(crate) fn with(factors: &[Factor], shown: Option<Factor>) -> Vec<Factor> {
    let more = shown.filter(|factor| !factors.contains(factor));
    factors.iter().copied().chain(more).collect()
}

/// The session of a token, if it holds; notes now and then that it was seen.
pub async fn find(ledger: &Ledger, token: &Secret<String>) -> Result<Option<Stored<SessionRecord>>, LedgerError> {
    if !token.expose().starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    let (scope, digest) = (books(), digest_of(token.expose()));
    let lookup = Lookup::new(LookupName::Session, &digest[..]);
    let Some(id) = ledger.find::<SessionRecord>(&scope, &lookup).await? else { return Ok(None) };
    let Some(session) = ledger.get(&scope, id).await? else { return Ok(None) };
    let now = ledger.clock().now();
    // The lookup compared a shortened hash; the record has the whole one.
    if session.digest != digest || session.is_over(now) {
        return Ok(None);
    }
    if now >= session.seen_at.plus_millis(session.person.limits().idle_ms / SEEN_SHARE) {
        let mut change = Change::new();
        change.update(&session, &SessionRecord { seen_at: now, ..(*session).clone() }, "seen");
        match ledger.commit(&scope, change).await {
            // Another request noted the same, or the session has ended or gone on under another token meanwhile.
            Ok(_) | Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
        // As it is now, since whoever goes on from here changes that version.
        return Ok(ledger.get(&scope, id).await?.filter(|session| session.digest == digest));
    }
    Ok(Some(session))
}

/// A person's sessions, oldest first, those that are over included.
pub async fn list(ledger: &Ledger, person: Person) -> Result<Vec<Stored<SessionRecord>>, LedgerError> {
    let list = List { parent: Some(person.bytes()), ..List::first(SESSIONS_MAX * 2) };
    let mut found = ledger.list::<SessionRecord>(&books(), &list).await?.records;
    found.retain(|session| session.person == person);
    Ok(found)
}

/// Ends one session; nothing happens when it has ended already, or is another person's.
pub async fn end(ledger: &Ledger, person: Person, id: Id<SessionRecord>) -> Result<bool, LedgerError> {
    let Some(session) = ledger.get(&books(), id).await?.filter(|session| session.person == person) else {
        return Ok(false);
    };
    end_these(ledger, &books(), std::iter::once(&session)).await?;
    Ok(true)
}

/// Ends all of a person's sessions, but for one that may go on.
pub async fn end_all(ledger: &Ledger, person: Person, except: Option<Id<SessionRecord>>) -> Result<usize, LedgerError> {
    let ended: Vec<_> = list(ledger, person).await?.into_iter().filter(|session| Some(session.id) != except).collect();
    end_these(ledger, &books(), ended.iter()).await?;
    Ok(ended.len())
}

/// Ends everybody's sessions, users' and staff's, and says how many; the scope must be of the platform.
///
/// Those that begin meanwhile end too, for [`MEANWHILE_MS`] and not without end.
pub async fn end_everybodys(ledger: &Ledger, scope: &Scope) -> Result<usize, LedgerError> {
    let until = ledger.clock().now().plus_millis(MEANWHILE_MS);
    let mut ended = 0;
    loop {
        let mut held = ledger.list::<SessionRecord>(scope, &List::first(ENDED_AT_ONCE)).await?.records;
        held.retain(|session| session.id.born_at() <= until);
        if held.is_empty() {
            return Ok(ended);
        }
        let mut change = Change::new();
        for session in &held {
            change.remove(session, "ended");
        }
        match ledger.commit(scope, change).await {
            Ok(_) => {}
            // One of them was touched at this very moment.
            Err(LedgerError::Conflict { .. }) => end_these(ledger, scope, held.iter()).await?,
            Err(error) => return Err(error),
        }
        ended += held.len();
    }
}

/// Adds to a change that all of a person's sessions end, but for one that may go on; says how many.
pub(crate) async fn end_all_in(
    change: &mut Change,
    ledger: &Ledger,
    person: Person,
    except: Option<Id<SessionRecord>>,
) -> Result<usize, LedgerError> {
    let mut held = list(ledger, person).await?;
    held.retain(|session| Some(session.id) != except);
    for session in &held {
        change.remove(session, "ended");
    }
    Ok(held.len())
}

/// One commit each, so that one that was touched meanwhile keeps no other alive.
async fn end_these(
    ledger: &Ledger,
    scope: &Scope,
    sessions: impl Iterator<Item = &Stored<SessionRecord>>,
) -> Result<(), LedgerError> {
    for session in sessions {
        let mut known = Some(session.clone());
        while let Some(session) = known {
            let mut change = Change::new();
            change.remove(&session, "ended");
            match ledger.commit(scope, change).await {
                Ok(_) => break,
                Err(LedgerError::Conflict { .. }) => known = ledger.get(scope, session.id).await?,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
