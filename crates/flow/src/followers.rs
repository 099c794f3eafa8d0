//! Followers at work: one worker for each connection and webhook endpoint, on whichever node holds its lease.
//!
//! A worker is called a [`Turn`] at a time: whenever a log that it watches has grown, and whenever it asked to be. It keeps
//! nothing that a restart could lose: how far it has read is noted in cursors of its own, what it achieved in records. The
//! register says which followers there are; it is read at the start, when it changes and now and then, so that a missed
//! wake or another node's end costs at most a sweep.

use crate::runner::stopped;
use async_trait::async_trait;
use bonded_base::{Account, Id, Kind, Node};
use bonded_connect::followers::{self, Follower};
use bonded_ledger::{Consumer, Lease, Ledger, LedgerError, PLATFORM};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast::error::RecvError, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How often the register is read without a reason.
const SWEEP: Duration = Duration::from_secs(30);
/// How long changes of the platform's account are gathered before the register is read for them.
const GATHER: Duration = Duration::from_millis(100);
/// How long a lease lasts without renewal: what the followers of a crashed node wait at most.
const LEASE_MS: i64 = 30_000;
/// A lease with less than this left is renewed.
const RENEW_MS: i64 = 20_000;
/// How often a lease is renewed while its holder is busy.
const RENEW: Duration = Duration::from_secs(8);
/// How long to wait before asking again for a lease that another node has.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How long to wait while the vault is sealed, or after the engine could not be reached.
const REST: Duration = Duration::from_secs(2);

/// What one follower does, whenever there may be something to do.
#[async_trait]
pub trait Turn: Send {
    /// Does what there is to do now, and says when to be called again at the latest.
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError>;
}

/// When a follower wants to be called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// When one of these logs grows (its own account's always), or after so long.
    Within(Duration, Vec<Id<Account>>),
    /// Never: it is gone.
    Never,
}

/// Makes the follower of this kind and id, which belongs to this account; `None` where nothing is made of such a kind.
pub type Makes = Arc<dyn Fn(Kind, Id<Account>, [u8; 16]) -> Option<Box<dyn Turn>> + Send + Sync>;

/// A follower's right to act, for as long as it is renewed.
pub struct Held {
    ledger: Ledger,
    node: Id<Node>,
    account: Id<Account>,
    follower: Consumer,
    lease: Lease,
    stopping: watch::Receiver<bool>,
}

impl Held {
    /// The last entry of its own account's log that it has dealt with.
    pub const fn seq(&self) -> u64 {
        self.lease.seq
    }

    /// Whether the program is about to end: what is not begun can wait.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Notes how far it has read its own account's log; fails as stopped where another node has taken over.
    pub async fn advance(&mut self, seq: u64) -> Result<(), LedgerError> {
        if self.ledger.advance(&mut self.lease, seq).await? { Ok(()) } else { Err(LedgerError::Stopping) }
    }

    /// Its place in the log of a partner, under a lease like its own.
    pub async fn place_in(&self, account: Id<Account>) -> Result<Lease, LedgerError> {
        let lease = self.ledger.lease(account, self.follower, self.node, LEASE_MS).await?;
        lease.ok_or(LedgerError::Stopping)
    }

    /// Renews the lease if little of it is left; fails as stopped where another node has taken over.
    pub async fn renew(&mut self) -> Result<(), LedgerError> {
        if self.lease.until < self.ledger.clock().now().plus_millis(RENEW_MS) {
            let renewed = self.ledger.lease(self.account, self.follower, self.node, LEASE_MS).await?;
            self.lease = renewed.ok_or(LedgerError::Stopping)?;
        }
        Ok(())
    }
}

/// The followers, while they work.
pub struct Running {
    stop: watch::Sender<bool>,
    dispatcher: JoinHandle<()>,
}

impl Running {
    /// Lets every follower end its turn, and returns when all have.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.dispatcher.await.is_err() {
            tracing::error!("the dispatcher of the followers ended by itself");
        }
    }

    /// Ends every follower where it stands, as a crash would.
    pub fn abandon(self) {
        self.dispatcher.abort();
    }
}

/// Starts the followers on this node.
pub fn start(ledger: Ledger, node: Id<Node>, makes: Makes) -> Running {
    let (stop, stopping) = watch::channel(false);
    let office = Arc::new(Office { ledger, node, makes, desks: Mutex::default() });
    Running { stop, dispatcher: tokio::spawn(dispatch(office, stopping)) }
}

/// What the dispatcher and the workers share.
struct Office {
    ledger: Ledger,
    node: Id<Node>,
    makes: Makes,
    desks: Mutex<Desks>,
}

/// Who is at work, and who is to be told when a log grows.
#[derive(Default)]
struct Desks {
    workers: HashMap<[u8; 16], watch::Sender<()>>,
    watched: HashMap<Id<Account>, HashSet<[u8; 16]>>,
}

impl Office {
    fn desks(&self) -> std::sync::MutexGuard<'_, Desks> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who watches this account's log.
    fn tell(&self, account: Id<Account>) {
        let desks = self.desks();
        for follower in desks.watched.get(&account).into_iter().flatten() {
            if let Some(worker) = desks.workers.get(follower) {
                worker.send_replace(());
            }
        }
    }

    fn tell_all(&self) {
        for worker in self.desks().workers.values() {
            worker.send_replace(());
        }
    }

    /// Starts a worker for each follower on the register that has none.
    async fn read_register(self: &Arc<Self>, workers: &mut JoinSet<()>, stopping: &watch::Receiver<bool>) {
        // Sealed: nothing can be read, so nobody can be found.
        if self.ledger.vault().is_sealed() {
            return;
        }
        let all = match followers::all(&self.ledger).await {
            Ok(all) => all,
            Err(error) => return tracing::warn!(%error, "the register of followers could not be read"),
        };
        for known in all {
            let (id, Follower { account, what, .. }) = (known.id.bytes(), known.into_value());
            if self.desks().workers.contains_key(&id) {
                continue;
            }
            let Some(turn) = (self.makes)(what, account, id) else { continue };
            let (sender, grown) = watch::channel(());
            let mut desks = self.desks();
            desks.workers.insert(id, sender);
            desks.watched.entry(account).or_default().insert(id);
            drop(desks);
            let (office, stopping) = (Arc::clone(self), stopping.clone());
            workers.spawn(Worker { office, account, id, turn, grown, stopping, watched: HashSet::new() }.run());
        }
    }
}

async fn dispatch(office: Arc<Office>, mut stopping: watch::Receiver<bool>) {
    let mut wakes = office.ledger.wakes();
    let mut sweep = tokio::time::interval(SWEEP);
    let mut workers = JoinSet::new();
    let (told, mut is_asked) = (stopping.clone(), false);
    loop {
        tokio::select! {
            // Stopping comes first, so that a flood of wakes cannot keep the program from ending.
            biased;
            () = stopped(&mut stopping) => break,
            woken = wakes.recv() => match woken.map(Id::from_bytes) {
                // Many things happen there that are no follower's: they are looked through together.
                Ok(account) if account == PLATFORM && !is_asked => {
                    sweep.reset_after(GATHER);
                    is_asked = true;
                }
                Ok(account) => office.tell(account),
                // Whoever was missed looks for itself.
                Err(RecvError::Lagged(_)) => office.tell_all(),
                Err(RecvError::Closed) => break,
            },
            _ = sweep.tick() => {
                is_asked = false;
                office.read_register(&mut workers, &told).await;
            }
            Some(ended) = workers.join_next() => match ended {
                // It may have been asked for anew while it was leaving, when its desk was still taken.
                Ok(()) if !is_asked => {
                    sweep.reset_after(GATHER);
                    is_asked = true;
                }
                Ok(()) => {}
                Err(error) => tracing::error!(%error, "a follower ended by itself; the register will start it again"),
            },
        }
    }
    while workers.join_next().await.is_some() {}
}

/// One follower at work.
struct Worker {
    office: Arc<Office>,
    account: Id<Account>,
    id: [u8; 16],
    turn: Box<dyn Turn>,
    grown: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
    /// The logs besides its own that it is told of.
    watched: HashSet<Id<Account>>,
}

impl Drop for Worker {
    /// Also when the worker panics: else nothing would ever start another.
    fn drop(&mut self) {
        let mut desks = self.office.desks();
        desks.workers.remove(&self.id);
        for account in self.watched.iter().chain([&self.account]) {
            if let Some(watchers) = desks.watched.get_mut(account) {
                watchers.remove(&self.id);
                if watchers.is_empty() {
                    desks.watched.remove(account);
                }
            }
        }
    }
}

impl Worker {
    async fn run(mut self) {
        let mut held = None;
        loop {
            self.grown.mark_unchanged();
            let pause = match self.look(&mut held).await {
                // It is gone, or its account is.
                Ok(Again::Never) | Err(LedgerError::Destroyed) => break,
                Ok(Again::Within(pause, watched)) => {
                    self.watch(watched);
                    pause
                }
                Err(LedgerError::Sealed | LedgerError::Stopping) => {
                    held = None;
                    REST
                }
                Err(error) => {
                    tracing::warn!(%error, account = %self.account, "a follower rests");
                    held = None;
                    REST
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                told = self.grown.changed() => if told.is_err() { break },
                () = stopped(&mut self.stopping) => break,
            }
        }
        if let Some(Held { account, follower, node, .. }) = held
            && let Err(error) = self.office.ledger.lease(account, follower, node, 0).await
        {
            tracing::warn!(%error, account = %self.account, "a lease was not given back");
        }
    }

    /// Takes a turn, if this node is the one to do it. The lease is renewed meanwhile, however long the turn takes.
    async fn look(&mut self, held: &mut Option<Held>) -> Result<Again, LedgerError> {
        let (ledger, node, follower) = (self.office.ledger.clone(), self.office.node, Consumer::Follower(self.id));
        if let Some(held) = held {
            held.renew().await?;
        } else {
            let Some(lease) = ledger.lease(self.account, follower, node, LEASE_MS).await? else {
                return Ok(Again::Within(ELSEWHERE, self.watched.iter().copied().collect()));
            };
            let (ledger, account, stopping) = (ledger.clone(), self.account, self.stopping.clone());
            *held = Some(Held { ledger, node, account, follower, lease, stopping });
        }
        let Some(held) = held else { return Ok(Again::Within(ELSEWHERE, Vec::new())) };
        let account = self.account;
        let mut turn = self.turn.turn(held);
        loop {
            tokio::select! {
                done = &mut turn => return done,
                () = tokio::time::sleep(RENEW) => {
                    // Lost: whatever is on its way cannot be called back, but nothing more is begun.
                    ledger.lease(account, follower, node, LEASE_MS).await?.ok_or(LedgerError::Stopping)?;
                }
            }
        }
    }

    /// From now on it is told of these logs and its own account's, and no others.
    fn watch(&mut self, accounts: Vec<Id<Account>>) {
        let next: HashSet<_> = accounts.into_iter().filter(|account| *account != self.account).collect();
        if next == self.watched {
            return;
        }
        let mut desks = self.office.desks();
        for gone in self.watched.difference(&next) {
            if let Some(watchers) = desks.watched.get_mut(gone) {
                watchers.remove(&self.id);
            }
        }
        for new in next.difference(&self.watched) {
            desks.watched.entry(*new).or_default().insert(self.id);
        }
        drop(desks);
        self.watched = next;
        // What grew before it was watched would wake nobody.
        self.grown.mark_changed();
    }
}
