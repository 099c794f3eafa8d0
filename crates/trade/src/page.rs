//! Pages: which part of a list a caller wants.

use bonded_base::Moment;
use bonded_ledger::List;

/// Which part of a list a caller wants; the ledger bounds `limit` ([`bonded_ledger::List`]).
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Where the last page ended, as [`bonded_ledger::Listed::next`] said.
    pub after: Option<(Moment, [u8; 16])>,
    /// Records at most.
    pub limit: u32,
    /// Newest first.
    pub descending: bool,
}

impl Page {
    /// The first page, oldest first.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit, descending: false }
    }

    /// This page of a whole kind, or of those in one state.
    pub const fn of_state(self, state: Option<u8>) -> List {
        List { parent: None, state, descending: self.descending, after: self.after, limit: self.limit }
    }

    /// This page of what belongs to one record.
    pub const fn of_parent(self, parent: [u8; 16]) -> List {
        List { parent: Some(parent), state: None, descending: self.descending, after: self.after, limit: self.limit }
    }
}
