//! The runner: wakes a reader for each account whose log has grown, one worker an account and reader.
//!
//! A wake is a hint, the sweep is the truth: every [`SWEEP`] the engine is asked whose log is beyond whose cursor, so a
//! missed wake, a restart or another node's end costs at most that long.

use crate::checkpoint::Checkpointer;
use crate::route::route;
use bonded_base::{Account, Id, Node};
use bonded_ledger::{Headline, Lease, Ledger, LedgerError, Reader, Scope};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast::error::RecvError, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How often the engine is asked for logs that nobody was woken for.
const SWEEP: Duration = Duration::from_secs(2);
/// Accounts that one question of a sweep returns.
const SWEEP_PAGE: u32 = 1_000;
/// How long a lease lasts without renewal: what a crashed node's accounts wait at most.
const LEASE_MS: i64 = 15_000;
/// A lease with less than this left is renewed before the next chunk.
const RENEW_MS: i64 = 7_500;
/// Entries that a reader deals with at once.
const CHUNK: u32 = 512;
/// Entries of a chunk from which on the next waits until it has arrived. Until then a second chunk on its way saves
/// waiting; beyond, chunks that grow while they wait save more than that, since each costs much the same.
const CROWD: usize = 32;
/// How long a worker that has caught up waits for more before it notes its cursor and ends.
const LINGER: Duration = Duration::from_millis(250);
/// How long a worker rests after the engine or a partner could not be reached.
const REST: Duration = Duration::from_millis(500);

/// The workers that are awake, and how to tell each that its log has grown.
type Workers = HashMap<(Id<Account>, Reader), watch::Sender<()>>;

/// Everything that a reader's work needs.
pub(crate) struct Flow {
    pub ledger: Ledger,
    pub node: Id<Node>,
    pub origin: String,
    pub checkpointer: Checkpointer,
    workers: Mutex<Workers>,
}

/// The readers of the log, while they run.
pub struct Running {
    stop: watch::Sender<bool>,
    dispatcher: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Lets every worker finish its chunk and note its cursor, and returns when all have.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.dispatcher.await.is_err() {
            tracing::error!("the dispatcher of the log's readers ended by itself");
        }
    }
}

/// Starts the readers on this node. `origin` names the deployment in its checkpoints (`bonded.example`).
pub fn start(ledger: Ledger, node: Id<Node>, origin: String) -> Running {
    let (stop, stopping) = watch::channel(false);
    let flow =
        Arc::new(Flow { ledger, node, origin, checkpointer: Checkpointer::default(), workers: Mutex::default() });
    Running { stop, dispatcher: tokio::spawn(dispatch(flow, stopping)) }
}

async fn dispatch(flow: Arc<Flow>, mut stopping: watch::Receiver<bool>) {
    let mut wakes = flow.ledger.wakes();
    let mut sweep = tokio::time::interval(SWEEP);
    let mut workers = JoinSet::new();
    let told = stopping.clone();
    loop {
        tokio::select! {
            // Stopping comes first, so that a flood of wakes cannot keep the program from ending.
            biased;
            () = stopped(&mut stopping) => break,
            woken = wakes.recv() => match woken {
                Ok(account) => Reader::ALL.into_iter().for_each(|reader| {
                    wake(&flow, &mut workers, Id::from_bytes(account), reader, &told);
                }),
                Err(RecvError::Lagged(_)) => sweep.reset_immediately(),
                Err(RecvError::Closed) => break,
            },
            _ = sweep.tick() => {
                for (account, reader) in behind(&flow.ledger).await {
                    wake(&flow, &mut workers, account, reader, &told);
                }
            }
            Some(ended) = workers.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a reader ended by itself; the sweep will start it again");
                }
            }
        }
    }
    while workers.join_next().await.is_some() {}
}

/// Waits until the program is told to end, or whoever would tell is gone.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

async fn behind(ledger: &Ledger) -> Vec<(Id<Account>, Reader)> {
    let mut found = Vec::new();
    // Sealed: nothing can be read, so nothing is woken.
    if ledger.vault().is_sealed() {
        return found;
    }
    for reader in Reader::ALL {
        let mut after = None;
        loop {
            match ledger.behind(reader, after, SWEEP_PAGE).await {
                Ok(page) => {
                    let full = page.len() == SWEEP_PAGE as usize;
                    after = page.last().copied();
                    found.extend(page.into_iter().map(|account| (account, reader)));
                    if !full {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the sweep could not ask the engine");
                    return found;
                }
            }
        }
    }
    found
}

/// Tells a reader's worker that an account's log has grown, and starts it if there is none.
fn wake(
    flow: &Arc<Flow>,
    workers: &mut JoinSet<()>,
    account: Id<Account>,
    reader: Reader,
    stopping: &watch::Receiver<bool>,
) {
    let mut awake = flow.workers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(worker) = awake.get(&(account, reader)) {
        worker.send_replace(());
        return;
    }
    let (sender, grown) = watch::channel(());
    awake.insert((account, reader), sender);
    let worker = Worker { flow: Arc::clone(flow), account, reader, grown, stopping: stopping.clone() };
    workers.spawn(worker.run());
}

/// One reader at work on one account.
struct Worker {
    flow: Arc<Flow>,
    account: Id<Account>,
    reader: Reader,
    grown: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
}

/// What a worker found when it looked.
enum Look {
    /// There was work, and it was done.
    Worked,
    /// Nothing new.
    CaughtUp,
    /// Another node does it.
    Elsewhere,
}

impl Drop for Worker {
    /// Also when the worker panics: else no wake would ever start another.
    fn drop(&mut self) {
        let mut awake = self.flow.workers.lock().unwrap_or_else(PoisonError::into_inner);
        awake.remove(&(self.account, self.reader));
    }
}

impl Worker {
    async fn run(mut self) {
        let mut held: Option<Held> = None;
        loop {
            self.grown.mark_unchanged();
            let looked = self.look(&mut held).await;
            let rest = match looked {
                Ok(Look::Worked) => None,
                Ok(Look::CaughtUp) => Some(LINGER),
                Ok(Look::Elsewhere) | Err(LedgerError::Sealed | LedgerError::Destroyed | LedgerError::Stopping) => {
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, account = %self.account, reader = ?self.reader, "a reader rests");
                    held = None;
                    tokio::select! {
                        () = tokio::time::sleep(REST) => {}
                        () = stopped(&mut self.stopping) => return,
                    }
                    None
                }
            };
            let stop = *self.stopping.borrow();
            let quiet = match rest {
                None => false,
                Some(rest) => {
                    !stop
                        && tokio::select! {
                            () = tokio::time::sleep(rest) => true,
                            grown = self.grown.changed() => grown.is_err(),
                            () = stopped(&mut self.stopping) => true,
                        }
                }
            };
            if stop || quiet {
                self.end(held).await;
                return;
            }
        }
    }

    /// Reads on from the cursor and does what is to be done.
    async fn look(&mut self, held: &mut Option<Held>) -> Result<Look, LedgerError> {
        let ledger = &self.flow.ledger;
        let scope = Scope::system(self.account, self.reader.system());
        let Some(held) = self.hold(held).await? else { return Ok(Look::Elsewhere) };
        match self.reader {
            Reader::Checkpoint => {
                let (flow, lease) = (&self.flow, &mut held.lease);
                let worked = flow.checkpointer.sign(ledger, &scope, lease, &flow.origin).await?;
                (held.read, held.carried) = (held.lease.seq, held.lease.seq);
                Ok(if worked { Look::Worked } else { Look::CaughtUp })
            }
            Reader::Route => {
                if held.crowded {
                    held.arrive().await?;
                }
                let chunk: Vec<Headline> = ledger.headlines(&scope, held.read, CHUNK).await?;
                let Some(last) = chunk.last().map(|headline| headline.seq) else {
                    // News are looked at at once, also while the last ones are still on their way.
                    return Ok(if held.wait(&mut self.grown).await? { Look::Worked } else { Look::CaughtUp });
                };
                let onward = route(ledger, &scope, &chunk).await?;
                // One chunk is on its way while the next is decided, and no more than one, so that none overtakes.
                held.arrive().await?;
                (held.read, held.crowded) = (last, chunk.len() >= CROWD);
                held.under_way = Some(tokio::spawn(onward.carry(ledger.clone(), scope)));
                Ok(Look::Worked)
            }
            // Its lease is taken elsewhere: it reads no log.
            Reader::Post | Reader::Calendar | Reader::Backups => Ok(Look::Elsewhere),
        }
    }

    /// A lease with enough time left, taken or renewed if need be. With a renewal goes a note of how far it has come.
    async fn hold<'a>(&self, held: &'a mut Option<Held>) -> Result<Option<&'a mut Held>, LedgerError> {
        let ledger = &self.flow.ledger;
        let soon = ledger.clock().now().plus_millis(RENEW_MS);
        if held.as_ref().is_none_or(|held| held.lease.until < soon) {
            if let Some(held) = held {
                held.note(ledger).await?;
            }
            let Some(lease) = ledger.lease(self.account, self.reader, self.flow.node, LEASE_MS).await? else {
                *held = None;
                return Ok(None);
            };
            match held {
                Some(held) => held.lease = lease,
                None => *held = Some(Held::from(lease)),
            }
        }
        Ok(held.as_mut())
    }

    /// Ends the work: waits for what is on its way, notes how far it has come, and gives the lease back. Failing at this
    /// is harmless: work is repeated, never lost.
    async fn end(&self, held: Option<Held>) {
        let Some(mut held) = held else { return };
        let ledger = &self.flow.ledger;
        let noted = async {
            held.arrive().await?;
            held.note(ledger).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, account = %self.account, "a cursor was not noted");
        }
        if let Err(error) = ledger.lease(self.account, self.reader, self.flow.node, 0).await {
            tracing::warn!(%error, account = %self.account, "a lease was not given back");
        }
    }
}

/// A lease, and how far its holder has come, which may be beyond what the engine was told.
struct Held {
    lease: Lease,
    /// The last entry that was read.
    read: u64,
    /// The last entry about which nothing is left to do.
    carried: u64,
    /// What is still to be done about the entries between the two.
    under_way: Option<JoinHandle<Result<(), LedgerError>>>,
    /// Whether those are many.
    crowded: bool,
}

impl From<Lease> for Held {
    fn from(lease: Lease) -> Self {
        Self { read: lease.seq, carried: lease.seq, lease, under_way: None, crowded: false }
    }
}

impl Held {
    /// Waits until what is on its way has arrived.
    async fn arrive(&mut self) -> Result<(), LedgerError> {
        if let Some(under_way) = &mut self.under_way {
            let arrived = under_way.await;
            self.under_way = None;
            arrived.unwrap_or_else(|error| {
                tracing::error!(%error, "carrying a chunk of the log ended by itself; the sweep will start it again");
                Err(LedgerError::Stopping)
            })?;
        }
        self.carried = self.read;
        Ok(())
    }

    /// Waits for news, or for what is on its way; `false` when nothing is.
    async fn wait(&mut self, grown: &mut watch::Receiver<()>) -> Result<bool, LedgerError> {
        if self.under_way.is_none() {
            return Ok(false);
        }
        tokio::select! {
            arrived = self.arrive() => arrived?,
            _ = grown.changed() => {}
        }
        Ok(true)
    }

    /// Tells the engine how far it has come.
    async fn note(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        if self.carried > self.lease.seq {
            ledger.advance(&mut self.lease, self.carried).await?;
        }
        Ok(())
    }
}
