//! Makes backups by itself: four times a day, by one node, pruned after each; and says aloud what is not as it should be.
//!
//! Whether one is due is read from the places themselves, so a restart forgets nothing, and a run that was cut off is made up
//! for at the next look. Neither needs the vault; only the platform's log hears of it where the vault is unsealed.

use super::catalogue::list;
use super::error::BackupError;
use super::prune::prune;
use super::run::{Done, run};
use super::{Backup, Setup};
use bonded_base::{Id, Kind, Node};
use bonded_ledger::{Change, Ledger, LedgerError, PLATFORM, Reader, Scope, System};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How old the newest whole backup may be before the next is made.
pub const DUE_MS: i64 = 6 * 60 * 60 * 1000;

/// The longest pause between two looks at the places, and so how late an alarm may come.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// How often a node that has not the lease asks for it, and one that has it renews it during a run.
const LEASE_EVERY: Duration = Duration::from_mins(1);

/// How long a lease lasts without renewal.
const LEASE_MS: i64 = 150_000;

/// The pause after a failure.
const REST: Duration = Duration::from_mins(10);

/// The watch, while it runs.
pub struct Running {
    stop: watch::Sender<bool>,
    watching: JoinHandle<()>,
}

impl Running {
    /// Breaks off what was begun: without a manifest it is no backup, and the next look makes another.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.watching.await.is_err() {
            tracing::error!(target: "bonded::backups", "the watch over backups ended by itself");
        }
    }
}

/// Starts the watch on this node.
pub fn start(setup: Setup, ledger: Ledger, node: Id<Node>) -> Running {
    let (stop, mut stopping) = watch::channel(false);
    let watching = tokio::spawn(async move {
        tokio::select! {
            () = keep_watch(&setup, &ledger, node) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
        // Another node need not wait until the lease ends; should this fail, it does wait.
        drop(ledger.lease(PLATFORM, Reader::Backups, node, 0).await);
    });
    Running { stop, watching }
}

async fn keep_watch(setup: &Setup, ledger: &Ledger, node: Id<Node>) {
    loop {
        let pause = match look(setup, ledger, node).await {
            Ok(Looked::Elsewhere) => LEASE_EVERY,
            Ok(Looked::At { next_ms, .. }) => Duration::from_millis(next_ms.unsigned_abs()).min(LOOK_EVERY),
            Err(error) => {
                tracing::error!(target: "bonded::backups", %error, "no backup was made");
                REST
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// What a look came to.
#[derive(Clone, Debug)]
pub enum Looked {
    /// Another node has the lease.
    Elsewhere,
    /// This node has looked.
    At {
        /// The backup that was due, now made.
        made: Option<Done>,
        /// In how many milliseconds the next is due.
        next_ms: i64,
        /// What somebody must look at.
        alarms: Vec<String>,
    },
}

/// Makes the backup that is due, if one is and this node is the one to make it.
pub async fn look(setup: &Setup, ledger: &Ledger, node: Id<Node>) -> Result<Looked, BackupError> {
    let leased = ledger.lease(PLATFORM, Reader::Backups, node, LEASE_MS).await;
    if leased.map_err(BackupError::internal)?.is_none() {
        return Ok(Looked::Elsewhere);
    }
    let before = list(setup).await?;
    let newest = before.backups.iter().find(|listed| listed.whole_in() > 0);
    let age_ms = newest.map_or(DUE_MS, |listed| setup.clock.now().millis() - listed.at.millis());
    let mut made = None;
    let mut alarms = before.alarms;
    if age_ms >= DUE_MS {
        let done = tokio::select! {
            done = run(setup, &|_| ()) => done,
            lost = renew(ledger, node) => Err(lost),
        };
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                tell(ledger, None, "failed", Vec::new()).await;
                return Err(error);
            }
        };
        let places = done.places.len();
        tracing::info!(target: "bonded::backups", backup = %done.backup, bytes = done.bytes, places, "a backup was made");
        tell(ledger, Some(done.backup), "made", done.places.clone()).await;
        for left in prune(setup).await?.left {
            tracing::warn!(target: "bonded::backups", what = left, "what is over could not be removed");
        }
        alarms = list(setup).await?.alarms;
        made = Some(done);
    }
    for alarm in &alarms {
        tracing::warn!(target: "bonded::backups", alarm, "somebody must look at the backups");
    }
    let next_ms = if made.is_some() { DUE_MS } else { DUE_MS - age_ms };
    Ok(Looked::At { made, next_ms, alarms })
}

/// Keeps the lease while a backup is made; returns only when it is lost.
async fn renew(ledger: &Ledger, node: Id<Node>) -> BackupError {
    loop {
        tokio::time::sleep(LEASE_EVERY).await;
        // A database that is away for a moment ends no backup that reads a moment of it.
        if let Ok(None) = ledger.lease(PLATFORM, Reader::Backups, node, LEASE_MS).await {
            return BackupError::Busy;
        }
    }
}

/// Tells the platform's log, where the vault is open.
async fn tell(ledger: &Ledger, backup: Option<Id<Backup>>, action: &'static str, places: Vec<String>) {
    let mut change = Change::default();
    change.witness(Kind::Backup, backup.map_or([0; 16], Id::bytes), 0, action, places);
    match ledger.commit(&Scope::system(PLATFORM, System::Backups), change).await {
        Ok(_) | Err(LedgerError::Sealed) => {}
        Err(error) => tracing::warn!(target: "bonded::backups", %error, "the platform's log has not heard of it"),
    }
}
