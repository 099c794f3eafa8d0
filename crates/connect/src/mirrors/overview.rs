//! How a connection's mirrors stand, counted, with those that somebody may want to look at.

use super::{Mirror, MirrorState};
use crate::connections::Connection;
use bonded_base::{Id, Kind};
use bonded_ledger::{Ledger, PAGE_MAX, Scope, Stored};
use bonded_trade::{Page, TradeError};

/// Mirrors that are looked at, at most; the newest.
pub const LOOKED_AT_MAX: usize = 10_000;
/// Mirrors of each state but `agreed` that are shown, at most.
pub const SHOWN_MAX: usize = 25;

/// How the mirrors of one connection stand.
#[derive(Clone, Default)]
pub struct Overview {
    /// Both sides are the same.
    pub agreed: usize,
    /// What is tried again by itself.
    pub waiting: usize,
    /// What somebody has to look at.
    pub held: usize,
    /// What a dry run would change.
    pub planned: usize,
    /// What the shop has changed by itself.
    pub drifted: usize,
    /// Whether these are all.
    pub complete: bool,
    /// The newest of those that do not agree.
    pub shown: Vec<Stored<Mirror>>,
}

/// Counts a connection's mirrors.
pub async fn overview(ledger: &Ledger, scope: &Scope, connection: Id<Connection>) -> Result<Overview, TradeError> {
    let mut page = Page { descending: true, ..Page::first(PAGE_MAX) };
    let (mut overview, mut seen) = (Overview::default(), 0);
    loop {
        let listed = super::list(ledger, scope, Some(connection), None, page).await?;
        seen += listed.records.len();
        // The mirror of the connection itself says how far the shop was read.
        for mirror in listed.records.into_iter().filter(|mirror| mirror.about != Kind::Connection) {
            overview.add(mirror);
        }
        overview.complete = listed.next.is_none();
        if overview.complete || seen >= LOOKED_AT_MAX {
            return Ok(overview);
        }
        page.after = listed.next;
    }
}

impl Overview {
    fn add(&mut self, mirror: Stored<Mirror>) {
        let count = match mirror.state {
            MirrorState::Agreed => &mut self.agreed,
            MirrorState::Waiting => &mut self.waiting,
            MirrorState::Held => &mut self.held,
            MirrorState::Planned => &mut self.planned,
            MirrorState::Drifted => &mut self.drifted,
        };
        *count += 1;
        if mirror.state != MirrorState::Agreed && *count <= SHOWN_MAX {
            self.shown.push(mirror);
        }
    }
}
