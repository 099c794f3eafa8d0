//! Keys to the API: secrets that are shown once and kept only as a hash.
//!
//! A key opens one account, for named permissions, never more than its maker may. It is kept twice under one id: in the
//! platform's own account, because it must be found before the caller's account is known, and in the account that it
//! opens, whose log tells of it. What is stored cannot be turned back into the secret.

mod doorkeeper;

pub use doorkeeper::{Doorkeeper, REMEMBERED_MAX, REMEMBERED_MS_MAX};

use crate::bearer::{digest_of, is_secret, new_secret};
use crate::books::books;
use crate::mail::{self, Cause, Matter, Notice};
use crate::members::{self, MemberRecord};
use crate::{PeopleError, Permission, Permissions, directory};
use bonded_base::{Account, ApiKey, Id, Kind, Kinded, Moment, Problem, Reason, Secret, User};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, Lookup, LookupName, PLATFORM, Record, Scope, Stored};
use bonded_vault::Environment;
use serde::{Deserialize, Serialize};

/// Characters of a key's name at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Keys that one account may have at most, those that were revoked left out.
pub const KEYS_PER_ACCOUNT_MAX: usize = 100;
/// Keys that one account may ever have had: so many are listed.
pub const KEYS_EVER_MAX: u32 = 1_000;
/// How long the old secret still works after a rotation, so that callers can be moved over.
pub const ROTATION_MS: i64 = 24 * 60 * 60 * 1000;

/// How often a key's entry is tried again while others change its maker's record.
const TRIES_MAX: usize = 8;
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

    /// That of a new key in this environment: only in production are there live ones, and also test ones if wished.
    pub fn of_new_key(environment: Environment, wished: Option<Self>) -> Result<Self, Problem> {
        match (environment, wished) {
            (Environment::Production, wished) => Ok(wished.unwrap_or(Self::Live)),
            (_, Some(Self::Live)) => {
                Err(Problem::invalid("/mode", "this environment is not production: make a test key"))
            }
            (_, _) => Ok(Self::Test),
        }
    }
}

/// Who made a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    /// The operator, at the command line.
    #[default]
    Operator,
    /// A member of the account.
    Member(Id<User>),
}

/// What is known of a key. The secret itself is kept nowhere, only its hash, and that in the platform's account alone.
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
    /// SHA-256 of the secret; none in the account's own copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<[u8; 32]>,
    /// Who made it.
    #[serde(default)]
    pub made_by: Maker,
    /// When it ends by itself, if it does.
    #[serde(default)]
    pub ends_at: Option<Moment>,
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
        self.digest.iter().map(|digest| Lookup::new(LookupName::ApiKey, &digest[..])).collect()
    }
}

impl KeyRecord {
    /// Whether it opens anything now.
    pub fn holds(&self, now: Moment) -> bool {
        self.revoked_at.is_none() && self.ends_at.is_none_or(|ends_at| now < ends_at)
    }

    /// As the account itself keeps it.
    fn copy(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct Draft {
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

/// Who makes a key, and all that they may do themselves.
#[derive(Clone)]
pub struct MakerRights {
    /// Who.
    pub maker: Maker,
    /// What the key may have at most.
    pub permissions: Permissions,
}

impl MakerRights {
    /// The operator, who may give all that a key can hold.
    pub fn operator() -> Self {
        Self { maker: Maker::Operator, permissions: Permissions::of_keys() }
    }
}

/// Makes a key to the scope's account.
pub async fn issue(ledger: &Ledger, scope: &Scope, rights: &MakerRights, draft: Draft) -> Result<Issued, KeyError> {
    let name = draft.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "a key needs a name of 1 to 100 characters").into());
    }
    if draft.permissions == Permissions::default() {
        return Err(Problem::invalid("/permissions", "a key needs at least one permission").into());
    }
    if !draft.permissions.within(Permissions::of_keys()) {
        return Err(Problem::invalid("/permissions", "what needs a second factor cannot be given to a key").into());
    }
    if !draft.permissions.within(rights.permissions) {
        return Err(exceeds_maker().into());
    }
    let had = list(ledger, scope).await?;
    let now = ledger.clock().now();
    let held = had.iter().filter(|key| key.holds(now)).count();
    if held >= KEYS_PER_ACCOUNT_MAX || had.len() >= KEYS_EVER_MAX as usize {
        return Err(Problem::new(Reason::TooMuch, "an account has at most 100 keys, and 1,000 over time").into());
    }
    make(ledger, scope, name, draft.permissions, draft.mode, rights.maker).await
}

/// The account's own log first: should the process end in between, it tells of a key that opens nothing.
async fn make(
    ledger: &Ledger,
    scope: &Scope,
    name: &str,
    permissions: Permissions,
    mode: Mode,
    made_by: Maker,
) -> Result<Issued, KeyError> {
    let secret = new_secret(mode.prefix(), ledger.chance());
    let record = KeyRecord {
        account: scope.account(),
        name: name.to_owned(),
        permissions,
        mode,
        ends_with: tail(secret.expose()),
        digest: Some(digest_of(secret.expose())),
        made_by,
        ends_at: None,
        revoked_at: None,
    };
    let id = ledger.new_id::<KeyRecord>();
    announce(ledger, scope, id, &record).await?;
    let mut change = Change::new();
    change.create(id, &record, "issued");
    match ledger.commit(&books(), change).await {
        // Whoever ended or limited it in between has taken its place.
        Err(LedgerError::Conflict { .. }) => {
            return Err(Problem::new(Reason::Changed, "the key was ended while it was being made").into());
        }
        outcome => outcome?,
    };
    if let Err(error) = tell(ledger, scope.account(), id).await {
        // The key is made, and its secret is shown only now: that must not be lost over a mail.
        tracing::warn!(%error, key = %id, "nobody could be told of a new API key");
    }
    Ok(Issued { id: Id::from_bytes(id.bytes()), secret })
}

/// Enters a key in its own account, beside its maker as the member is now.
///
/// A maker's role that changes at the same moment is either seen here, or finds the key when it takes from the member's
/// keys what the member no longer has: both touch the member's record.
async fn announce(ledger: &Ledger, scope: &Scope, id: Id<KeyRecord>, record: &KeyRecord) -> Result<(), KeyError> {
    for _ in 0..TRIES_MAX {
        let mut change = Change::new();
        change.create(id, &record.copy(), "issued");
        if let Maker::Member(user) = record.made_by {
            let maker = ledger
                .get(scope, members::id_of(user))
                .await?
                .filter(|maker| maker.is_active() && record.permissions.within(maker.role.permissions()));
            let maker = maker.ok_or_else(exceeds_maker)?;
            change.hold(&maker, "made_key");
        }
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Changed, "the members have changed since").into())
}

fn exceeds_maker() -> Problem {
    Problem::invalid("/permissions", "a key cannot do more than its maker")
}

/// Tells whoever makes keys for the account that there is a new one: a key that nobody of them knows of is somebody else's.
async fn tell(ledger: &Ledger, account: Id<Account>, key: Id<KeyRecord>) -> Result<(), PeopleError> {
    let told = members::who_may(ledger, account, Permission::ApiKeysWrite).await?;
    if told.is_empty() {
        return Ok(());
    }
    let account_name = Some(directory::name_of(ledger, account).await?);
    let draft = |member: &Stored<MemberRecord>| mail::Draft {
        cause: Cause::birth(key),
        to: member.mail.clone(),
        name: member.name.clone(),
        matter: Matter::Notice { what: Notice::ApiKeyMade, account_name: account_name.clone() },
    };
    Ok(mail::enqueue(ledger, &books(), told.iter().map(draft).collect()).await?)
}

/// The keys of the scope's account, oldest first, revoked ones too.
pub async fn list(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<KeyRecord>>, LedgerError> {
    let mut keys = ledger.list::<KeyRecord>(scope, &of_account(scope.account())).await?.records;
    keys.retain(|key| key.account == scope.account());
    Ok(keys)
}

/// A page of the keys of the scope's account, revoked ones too.
pub async fn page(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<KeyRecord>, LedgerError> {
    ledger.list(scope, &List { parent: Some(scope.account().bytes()), ..page }).await
}

/// One key of the scope's account, as that keeps it.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<ApiKey>) -> Result<Stored<KeyRecord>, KeyError> {
    Ok(ledger.get(scope, Id::from_bytes(id.bytes())).await?.ok_or_else(missing)?)
}

/// Ends a key of the scope's account, for good.
pub async fn revoke(ledger: &Ledger, scope: &Scope, id: Id<ApiKey>) -> Result<(), KeyError> {
    let now = ledger.clock().now();
    amend(ledger, scope, id, "revoked", |key| {
        key.revoked_at.is_none().then(|| KeyRecord { revoked_at: Some(now), ..key.clone() })
    })
    .await
}

/// Makes another key like this one; the old one goes on for [`ROTATION_MS`].
pub async fn rotate(ledger: &Ledger, scope: &Scope, rights: &MakerRights, id: Id<ApiKey>) -> Result<Issued, KeyError> {
    let now = ledger.clock().now();
    let old = get(ledger, scope, id).await?;
    if !old.holds(now) {
        return Err(Problem::new(Reason::State, "the key has ended; make a new one").into());
    }
    let draft = Draft { name: old.name.clone(), permissions: old.permissions, mode: old.mode };
    let issued = issue(ledger, scope, rights, draft).await?;
    let ends_at = Some(now.plus_millis(ROTATION_MS));
    // A request that must happen only once has claimed its key with the new one.
    amend(ledger, &scope.again(), id, "rotated", |key| {
        Some(KeyRecord { ends_at: key.ends_at.min(ends_at).or(ends_at), ..key.clone() })
    })
    .await?;
    Ok(issued)
}

/// Takes from every key that a member made what is not left to the member; one that has nothing left ends.
pub(crate) async fn limit(ledger: &Ledger, scope: &Scope, member: Id<User>, left: Permissions) -> Result<(), KeyError> {
    let now = ledger.clock().now();
    for key in list(ledger, scope).await? {
        if key.made_by != Maker::Member(member) || !key.holds(now) || key.permissions.within(left) {
            continue;
        }
        let permissions = key.permissions.and(left);
        let revoked_at = (permissions == Permissions::default()).then_some(now);
        // An ended key keeps its permissions, so that its log entry says what it had.
        let permissions = if revoked_at.is_some() { key.permissions } else { permissions };
        let limited = |key: &KeyRecord| Some(KeyRecord { permissions, revoked_at, ..key.clone() });
        amend(ledger, scope, Id::from_bytes(key.id.bytes()), "limited", limited).await?;
    }
    Ok(())
}

/// Changes a key in both places: where it is found first, so that the change holds when the account's log tells of it. What
/// others change in it at the same moment, as its making does, is taken into account.
async fn amend(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ApiKey>,
    action: &'static str,
    becomes: impl Fn(&KeyRecord) -> Option<KeyRecord>,
) -> Result<(), KeyError> {
    for _ in 0..TRIES_MAX {
        match amend_as_it_is(ledger, scope, Id::from_bytes(id.bytes()), action, &becomes).await {
            Err(KeyError::Ledger(LedgerError::Conflict { .. })) => {}
            outcome => return outcome,
        }
    }
    Err(Problem::new(Reason::Changed, "the key has changed since").into())
}

async fn amend_as_it_is(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<KeyRecord>,
    action: &'static str,
    becomes: impl Fn(&KeyRecord) -> Option<KeyRecord>,
) -> Result<(), KeyError> {
    // Another account's key is none of ours, however its id came to be known.
    let own = if scope.account() == PLATFORM { None } else { ledger.get(scope, id).await? };
    let own = own.ok_or_else(missing)?;
    let found = ledger.get(&books(), id).await?;
    let is_whole = found.is_some();
    for (scope, stored) in [(&books(), found), (scope, Some(own.clone()))] {
        let mut change = Change::new();
        match stored {
            Some(stored) if is_whole => match becomes(&stored) {
                Some(amended) => change.update(&stored, &amended, action),
                None => continue,
            },
            // Its making stopped half way, or has not come further yet: it ends here, and its place is taken.
            Some(stored) => change.update(&stored, &ended(&stored, ledger.clock().now()), "revoked"),
            None => change.create(id, &ended(&own, ledger.clock().now()), "revoked"),
        }
        ledger.commit(scope, change).await?;
    }
    Ok(())
}

fn ended(key: &KeyRecord, now: Moment) -> KeyRecord {
    KeyRecord { revoked_at: key.revoked_at.or(Some(now)), ..key.clone() }
}

fn missing() -> Problem {
    Problem::new(Reason::Missing, "there is no such key")
}

/// Lets a caller in who presents a valid key.
pub async fn admit(ledger: &Ledger, secret: &Secret<String>) -> Result<Admission, KeyError> {
    let mode = mode_of(secret.expose()).ok_or(KeyError::NotValid)?;
    let scope = books();
    let digest = digest_of(secret.expose());
    let lookup = Lookup::new(LookupName::ApiKey, &digest[..]);
    let id = ledger.find::<KeyRecord>(&scope, &lookup).await?.ok_or(KeyError::NotValid)?;
    let stored = ledger.get(&scope, id).await?.ok_or(KeyError::NotValid)?;
    // The lookup compared a shortened hash; the record has the whole one.
    if !stored.holds(ledger.clock().now()) || stored.digest != Some(digest) || stored.mode != mode {
        return Err(KeyError::NotValid);
    }
    let key = Id::from_bytes(id.bytes());
    let KeyRecord { account, name, permissions, mode, ends_with, .. } = stored.into_value();
    Ok(Admission { scope: Scope::key(account, key), permissions, key, name, mode, ends_with })
}

fn of_account(account: Id<Account>) -> List {
    List { parent: Some(account.bytes()), ..List::first(KEYS_EVER_MAX) }
}

fn mode_of(secret: &str) -> Option<Mode> {
    [Mode::Live, Mode::Test].into_iter().find(|mode| is_secret(secret, mode.prefix()))
}

fn tail(secret: &str) -> String {
    secret.get(secret.len().saturating_sub(TAIL_CHARS)..).unwrap_or_default().to_owned()
}
