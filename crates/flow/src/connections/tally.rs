//! What is counted while a connection works, for the figures of the day.

use bonded_connect::conformity::Figures;
use bonded_connect::platform::RemoteId;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things of each sort that wait to be read back, at most: what is beyond is found by the next sweep.
const SENT_MAX: usize = 10_000;

/// The counts since they were last written down, and what is to be read back. A restart loses the counts of a minute.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counted>);

#[derive(Default)]
pub(super) struct Counted {
    pub figures: Figures,
    pub sent: Sent,
    /// A count was found that differs: the shop's orders are to be read before it is written over.
    pub is_read_next: bool,
}

/// What was brought to the shop and not read back yet, by the shop's ids.
#[derive(Default)]
pub(super) struct Sent {
    pub variants: BTreeSet<RemoteId>,
    pub products: BTreeSet<RemoteId>,
    pub purchase_orders: BTreeSet<RemoteId>,
    pub orders: BTreeSet<RemoteId>,
    /// Variants of which orders were placed. A count that was read before we knew that the shop has the order would be
    /// taken for one without it, so it is read again.
    pub recounts: BTreeSet<RemoteId>,
}

impl Tally {
    pub fn open(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was brought to the shop: it is read back when the turn's work is done.
    pub fn sent(&self, sort: impl FnOnce(&mut Sent) -> &mut BTreeSet<RemoteId>, id: &RemoteId) {
        let mut counted = self.open();
        let waiting = sort(&mut counted.sent);
        if waiting.len() < SENT_MAX {
            waiting.insert(id.clone());
        }
    }
}
