//! Wakes: tells whoever waits on an account's log that it has grown.

use crate::engine::{Bytes16, Engine};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// Waiting accounts at which the forgotten ones are swept out.
const SWEEP_AT: usize = 1_024;

/// Who waits for which account.
#[derive(Default)]
pub(crate) struct Wakes {
    waiting: Mutex<HashMap<Bytes16, watch::Sender<()>>>,
}

impl Wakes {
    /// Listens to the engine for as long as it lives.
    pub fn start(engine: &Arc<dyn Engine>) -> Arc<Self> {
        let wakes = Arc::new(Self::default());
        let (mut told, listeners) = (engine.wakes(), Arc::downgrade(&wakes));
        tokio::spawn(async move {
            loop {
                let woken = told.recv().await;
                let Some(wakes) = listeners.upgrade() else { return };
                match woken {
                    Ok(account) => wakes.wake(account),
                    // Some were missed: waking everybody is right, and cheap.
                    Err(RecvError::Lagged(_)) => wakes.wake_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        wakes
    }

    /// A receiver that changes each time the account's log grows.
    pub fn watch(&self, account: Bytes16) -> watch::Receiver<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= SWEEP_AT {
            waiting.retain(|_, sender| sender.receiver_count() > 0);
        }
        waiting.entry(account).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    fn wake(&self, account: Bytes16) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&account) {
            sender.send_replace(());
        }
    }

    fn wake_all(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in waiting.values() {
            sender.send_replace(());
        }
    }
}
