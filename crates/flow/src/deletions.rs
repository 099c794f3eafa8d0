//! Deletions at work: consumers of archived orders are forgotten for good, and a certificate says so.
//!
//! Each deletion is a follower until it is complete, so that one node at a time works on it, and a crash repeats nothing:
//! orders lose their fields with the deletion's own progress, and keys that are to be destroyed are on record until they
//! are. An account with a rule has a follower of its own besides, under the account's id.

mod recipients;

use crate::checkpoint::log_origin;
use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_connect::{files, followers};
use bonded_ledger::{Ledger, LedgerError, Scope, System};
use bonded_merkle::Note;
use bonded_trade::deletions::{self, Because, Deletion, DeletionPolicy, DeletionState, Destroyed, Replica, Selection};
use bonded_trade::{TradeError, Written, accounts};
use bonded_vault::{PlaceStatus, Status};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long nothing is looked at while nothing is due: the net below a lost wake.
const IDLE: Duration = Duration::from_hours(1);
/// The pause before a deletion that was interrupted goes on.
const SOON: Duration = Duration::from_millis(50);
/// How often a replica that has not confirmed is asked again.
const CHASE: Duration = Duration::from_secs(2);
/// How long asking for a deletion takes at most, from its id to its record.
const ASKING_MS_MAX: i64 = 60_000;
/// Why a place of the keys has not confirmed; which disk it is, its operator knows.
const WHY_NOT: &str = "it is out of reach, or still holds an older root";

/// Asks for a deletion: of named orders, or of all that were archived more than so many days ago.
pub async fn ask(
    ledger: &Ledger,
    scope: &Scope,
    selection: Selection,
    because: Because,
) -> Result<Written<Deletion>, TradeError> {
    let id = ledger.new_id::<Deletion>();
    // First the register: what a crash leaves is a follower without a deletion, which ends by itself.
    followers::register(ledger, &follower(scope.account()), id.bytes()).await?;
    let asked = deletions::ask(ledger, scope, id, selection, because).await;
    if asked.is_err() {
        followers::retire(ledger, id.bytes()).await?;
    }
    asked
}

/// Says what the account wants of its deletions.
pub async fn set_policy(ledger: &Ledger, scope: &Scope, policy: DeletionPolicy) -> Result<DeletionPolicy, TradeError> {
    let policy = policy.check()?;
    if policy.archived_days.is_some() {
        followers::register(ledger, &follower(scope.account()), scope.account().bytes()).await?;
    }
    Ok(accounts::keep_deletions(ledger, scope, policy).await?.deletions)
}

const fn follower(account: Id<Account>) -> followers::Follower {
    followers::Follower { account, what: Kind::Deletion, shop: None, aside: None }
}

/// A deletion, or an account's rule, as a follower.
pub struct DeletionTurn {
    ledger: Ledger,
    account: Id<Account>,
    id: [u8; 16],
    /// The deployment's name, which logs and certificates are signed under.
    origin: String,
}

impl DeletionTurn {
    /// The follower with this id: a deletion's, or the account's own for its rule.
    pub const fn new(ledger: Ledger, account: Id<Account>, id: [u8; 16], origin: String) -> Self {
        Self { ledger, account, id, origin }
    }

    fn scope(&self) -> Scope {
        Scope::system(self.account, System::Deletion)
    }

    fn until(&self, at: Moment) -> Again {
        let left = at.millis().saturating_sub(self.ledger.clock().now().millis()).max(1);
        Again::Within(Duration::from_millis(left.unsigned_abs()).min(IDLE), Vec::new())
    }

    /// Asks for what the account's rule says, unless such a deletion is under way.
    async fn apply_rule(&self) -> Result<Again, LedgerError> {
        let scope = self.scope();
        let Some(days) = self.days_of_rule().await? else {
            self.leave().await?;
            // Said anew at this very moment, and found on the register.
            if self.days_of_rule().await?.is_none() {
                return Ok(Again::Never);
            }
            followers::register(&self.ledger, &follower(self.account), self.id).await?;
            return Ok(Again::Within(SOON, Vec::new()));
        };
        let selection = deletions::by_rule(self.ledger.clock().now(), days);
        let under_way = deletions::is_rule_under_way(&self.ledger, &scope).await?;
        if !under_way && deletions::is_any_left(&self.ledger, &scope, &selection).await? {
            ask(&self.ledger, &scope, selection, Because::Rule).await.map(drop).or_else(nothing)?;
        }
        Ok(Again::Within(IDLE, Vec::new()))
    }

    async fn days_of_rule(&self) -> Result<Option<u16>, LedgerError> {
        Ok(deletions::policy(&self.ledger, &self.scope()).await.or_else(nothing)?.archived_days)
    }

    /// Has the deletion begin.
    async fn begin(&self, id: Id<Deletion>) -> Result<(), LedgerError> {
        let version = self.places().await?.version;
        deletions::begin(&self.ledger, &self.scope(), id, version).await.or_else(nothing)
    }

    /// Forgets every order that the deletion is about, and says whether it came to an end. Orders that somebody changed
    /// meanwhile are looked for once more.
    async fn forget(&self, held: &mut Held, id: Id<Deletion>, selection: &Selection) -> Result<bool, LedgerError> {
        let scope = self.scope();
        let (mut place, mut missed) = (None, false);
        loop {
            if held.is_stopping() {
                return Ok(false);
            }
            held.renew().await?;
            let chunk = deletions::pick(&self.ledger, &scope, selection, place).await?;
            let count = chunk.orders.len() as u64;
            if count > 0 {
                let references: BTreeSet<_> = chunk.orders.iter().map(|order| order.reference.as_str()).collect();
                files::forget_orders(&self.ledger, &scope, &references).await.or_else(nothing)?;
                let forgotten = deletions::forget(&self.ledger, &scope, id, chunk.orders).await.or_else(nothing)?;
                missed |= forgotten < count;
            }
            place = chunk.next;
            if place.is_none() {
                return Ok(!missed);
            }
        }
    }

    /// Destroys what was spent, and notes which versions of the keys could and cannot open it.
    async fn destroy(&self, id: Id<Deletion>) -> Result<(), LedgerError> {
        let scope = self.scope();
        let destruction = self.ledger.destroy_spent(&scope).await?;
        let status = self.places().await?;
        let (now, gathered) = (self.ledger.clock().now(), recipients::of(&self.ledger, &scope, id).await?);
        let after = destruction.as_ref().map_or(status.version, |done| done.root_after);
        let destroyed = deletions::turn(&self.ledger, &scope, id, "destroyed", |deletion| {
            // Without a destruction of our own, another deletion of this account has just done it, or we before a crash.
            let before = destruction.as_ref().map(|done| done.root_before).or(deletion.root_before);
            Ok(match deletion.state {
                DeletionState::Deleting => Deletion {
                    state: DeletionState::Pending,
                    destroyed: Some(Destroyed { at: now, root_before: before.unwrap_or(after), root_after: after }),
                    replicas: confirmed(&[], &status.places, after, now),
                    recipients: gathered.recipients.clone(),
                    orders_sha256: Some(gathered.orders_sha256.clone()),
                    ..deletion
                },
                _ => deletion,
            })
        });
        destroyed.await.map(drop).or_else(nothing)
    }

    /// Has replicas that were away follow, and completes the deletion once all have confirmed it; says whether it is.
    async fn chase(&self, id: Id<Deletion>, was: &Deletion) -> Result<bool, LedgerError> {
        let (scope, status) = (self.scope(), self.places().await?);
        let now = self.ledger.clock().now();
        let after = was.destroyed.as_ref().map_or(u64::MAX, |destroyed| destroyed.root_after);
        let replicas = confirmed(&was.replicas, &status.places, after, now);
        let log = log_origin(&self.origin, self.account);
        let next = Deletion { replicas: replicas.clone(), ..was.clone() };
        let Some(text) = deletions::certificate(&log, id, &next, now) else {
            let chased = deletions::turn(&self.ledger, &scope, id, "chased", |deletion| {
                Ok(Deletion { replicas: replicas.clone(), ..deletion })
            });
            chased.await.map(drop).or_else(nothing)?;
            return Ok(false);
        };
        let note = Note::signed(text, &log, &self.ledger.log_signer(&scope)?);
        let note = note.map_err(|_| LedgerError::Damaged(Kind::Deletion))?.to_string();
        deletions::complete(&self.ledger, &scope, id, &replicas, now, &note).await.map(drop).or_else(nothing)?;
        Ok(true)
    }

    /// How the places of the keys stand, after those that were away were asked to follow.
    async fn places(&self) -> Result<Status, LedgerError> {
        let vault = self.ledger.vault().clone();
        let status = tokio::task::spawn_blocking(move || vault.catch_up()).await;
        Ok(status.map_err(|_| LedgerError::Stopping)??)
    }

    async fn work(&self, held: &mut Held) -> Result<Again, LedgerError> {
        let (scope, id) = (self.scope(), Id::<Deletion>::from_bytes(self.id));
        loop {
            if held.is_stopping() {
                return Ok(Again::Within(SOON, Vec::new()));
            }
            let now = self.ledger.clock().now();
            let Some(deletion) = self.ledger.get(&scope, id).await? else {
                // Registered and not made yet; or never, if it could not be.
                let given_up = id.born_at().plus_millis(ASKING_MS_MAX);
                return if now < given_up { Ok(self.until(given_up)) } else { self.leave().await };
            };
            match deletion.state {
                DeletionState::Due if now < deletion.due_at => return Ok(self.until(deletion.due_at)),
                DeletionState::Due => self.begin(id).await?,
                DeletionState::Deleting => {
                    if self.forget(held, id, &deletion.selection).await? {
                        self.destroy(id).await?;
                    }
                }
                DeletionState::Pending => {
                    if !self.chase(id, &deletion).await? {
                        return Ok(Again::Within(CHASE, Vec::new()));
                    }
                }
                DeletionState::Complete | DeletionState::Cancelled => return self.leave().await,
            }
        }
    }

    async fn leave(&self) -> Result<Again, LedgerError> {
        followers::retire(&self.ledger, self.id).await?;
        Ok(Again::Never)
    }
}

/// Each place of the keys, and since when it has confirmed that it holds this version of the root or a later one alone.
fn confirmed(before: &[Replica], places: &[PlaceStatus], root_after: u64, now: Moment) -> Vec<Replica> {
    let one = |(number, place): (usize, &PlaceStatus)| {
        let name = match number {
            0 => String::from("primary"),
            // A token is a place as well, while it may hold what opens an older root (RFC 7512).
            _ if place.place.to_string_lossy().starts_with("pkcs11:") => String::from("hardware module"),
            _ => format!("replica {number}"),
        };
        let known = before.iter().find(|replica| replica.place == name).and_then(|replica| replica.confirmed_at);
        let holds = place.confirmed && place.version.is_some_and(|version| version >= root_after);
        let why_not = (known.is_none() && !holds).then(|| WHY_NOT.to_owned());
        Replica { place: name, confirmed_at: known.or(holds.then_some(now)), why_not }
    };
    places.iter().enumerate().map(one).collect()
}

/// A rule that refuses changes nothing; what the ledger could not do is tried again.
fn nothing<T: Default>(error: TradeError) -> Result<T, LedgerError> {
    error.into_problem().map(|_| T::default())
}

#[async_trait]
impl Turn for DeletionTurn {
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        if self.id == self.account.bytes() { self.apply_rule().await } else { self.work(held).await }
    }
}
