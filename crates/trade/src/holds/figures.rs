//! How many holds there were, and how they ended: of one account by its records, of the whole process since it began.

use super::{Hold, HoldState, Outcome};
use crate::{Page, TradeError};
use bonded_ledger::{Ledger, PAGE_MAX, Scope};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Holds that are counted at most, the newest first.
pub const FIGURES_HOLDS_MAX: usize = 20_000;

/// What became of an account's holds: each counts once, by how it stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// They still need somebody.
    pub held: u64,
    /// See [`Outcome::Corrected`].
    pub corrected: u64,
    /// See [`Outcome::Replayed`].
    pub replayed: u64,
    /// See [`Outcome::Recovered`].
    pub recovered: u64,
    /// See [`Outcome::Dismissed`].
    pub dismissed: u64,
    /// Whether these are all: no more than [`FIGURES_HOLDS_MAX`] are counted.
    pub complete: bool,
}

impl Figures {
    const fn add(&mut self, hold: &Hold) {
        let count = match (hold.state, hold.outcome) {
            (HoldState::Open, _) => &mut self.held,
            (HoldState::Resolved, Some(Outcome::Corrected)) => &mut self.corrected,
            (HoldState::Resolved, Some(Outcome::Replayed)) => &mut self.replayed,
            (HoldState::Resolved, Some(Outcome::Recovered) | None) => &mut self.recovered,
            (HoldState::Resolved, Some(Outcome::Dismissed)) => &mut self.dismissed,
        };
        *count += 1;
    }
}

/// Counts an account's holds.
pub async fn count(ledger: &Ledger, scope: &Scope) -> Result<Figures, TradeError> {
    let mut page = Page { descending: true, ..Page::first(PAGE_MAX) };
    let (mut figures, mut seen) = (Figures::default(), 0);
    loop {
        let listed = super::list(ledger, scope, None, page).await?;
        for hold in &listed.records {
            figures.add(hold);
        }
        seen += listed.records.len();
        figures.complete = listed.next.is_none();
        if figures.complete || seen >= FIGURES_HOLDS_MAX {
            return Ok(figures);
        }
        page.after = listed.next;
    }
}

const NAMES: [&str; 5] = ["held", "corrected", "replayed", "recovered", "dismissed"];
/// Of the process, in the order of [`NAMES`]: no account is told apart.
static COUNTED: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

fn add(place: usize) {
    if let Some(count) = COUNTED.get(place) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) fn held() {
    add(0);
}

pub(super) fn ended(outcome: Outcome) {
    add(outcome as usize + 1);
}

/// How often something was held in this process, and how often a hold ended in each way, by name.
pub fn counted() -> impl Iterator<Item = (&'static str, u64)> {
    NAMES.into_iter().zip(COUNTED.iter().map(|count| count.load(Ordering::Relaxed)))
}
