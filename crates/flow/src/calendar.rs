//! Calendar: does what time brings about in the platform's own account, one node for the whole deployment.
//!
//! Every minute the node that has the lease ends grants and requests whose time is over, opens, reminds of and closes
//! access reviews, warns those whose courses run out, and takes away what is over: sessions, mailed links, old
//! invitations. Each of these looks at what is there and does what is due, so a minute that is left out, or done twice,
//! changes nothing.
//!
//! Architecture invariant: nothing here has rules of its own; they are in `bonded-people`, where the moment is compared.

use bonded_base::{Id, Node};
use bonded_ledger::{Ledger, LedgerError, PLATFORM, Reader};
use bonded_people::{PeopleError, grants, leftovers, reviews, training};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often somebody looks: how late what is due may come at most, while a node runs.
const EVERY: Duration = Duration::from_mins(1);
/// How long a lease lasts without renewal: longer than the pause, so that one node goes on as long as it can.
const LEASE_MS: i64 = 150_000;
/// How long to wait while the vault is sealed, or after the engine could not be reached.
const REST: Duration = Duration::from_secs(5);

/// The calendar, while it runs.
pub struct Running {
    stop: watch::Sender<bool>,
    calendar: JoinHandle<()>,
}

impl Running {
    /// Lets what was begun end, and returns when it has.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.calendar.await.is_err() {
            tracing::error!("the calendar ended by itself");
        }
    }
}

/// Starts the calendar on this node.
pub fn start(ledger: Ledger, node: Id<Node>) -> Running {
    let (stop, stopping) = watch::channel(false);
    Running { stop, calendar: tokio::spawn(run(ledger, node, stopping)) }
}

async fn run(ledger: Ledger, node: Id<Node>, mut stopping: watch::Receiver<bool>) {
    loop {
        let pause = match look(&ledger, node).await {
            Ok(_) => EVERY,
            Err(LedgerError::Stopping) => return,
            Err(LedgerError::Sealed) => REST,
            Err(error) => {
                tracing::warn!(%error, "the calendar rests");
                REST
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => break,
        }
    }
    // Another node need not wait until the lease ends; should this fail, it does wait.
    drop(ledger.lease(PLATFORM, Reader::Calendar, node, 0).await);
}

/// Does what is due, if this node is the one to do it; says how much there was, or that another node looks.
pub async fn look(ledger: &Ledger, node: Id<Node>) -> Result<Option<usize>, LedgerError> {
    if ledger.lease(PLATFORM, Reader::Calendar, node, LEASE_MS).await?.is_none() {
        return Ok(None);
    }
    // One that fails keeps no other from its work.
    let outcomes = [
        ("grants", grants::keep(ledger).await),
        ("reviews", reviews::keep(ledger).await),
        ("training", training::warn(ledger).await),
        ("leftovers", leftovers::forget(ledger).await),
    ];
    let mut done = 0;
    for (what, outcome) in outcomes {
        match outcome {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(what, count, "what was due is done");
                done += count;
            }
            Err(PeopleError::Ledger(error @ (LedgerError::Sealed | LedgerError::Stopping))) => return Err(error),
            Err(error) => tracing::warn!(what, %error, "what is due could not be done; it is tried again"),
        }
    }
    Ok(Some(done))
}
