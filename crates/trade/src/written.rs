//! What a commit left behind, known without reading it again.

use bonded_base::{Id, Moment};
use bonded_ledger::{Record, Stored};
use std::fmt;
use std::ops::Deref;

/// A record as it was just written: its id, its version, when, and itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Written<R> {
    /// Which one.
    pub id: Id<R>,
    /// 1 at its birth, one more at each change.
    pub version: u64,
    /// When it was written.
    pub updated_at: Moment,
    /// The record.
    pub value: R,
}

impl<R: Record> Written<R> {
    /// A record that was just born.
    pub const fn born(id: Id<R>, value: R, at: Moment) -> Self {
        Self { id, version: 1, updated_at: at, value }
    }

    /// A record that just became another.
    pub const fn changed(was: &Stored<R>, value: R, at: Moment) -> Self {
        Self { id: was.id, version: was.version + 1, updated_at: at, value }
    }
}

impl<R: Record> fmt::Debug for Written<R> {
    /// Which one and which version; what it holds is for its owner.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.id, self.version)
    }
}

impl<R> From<Stored<R>> for Written<R> {
    fn from(stored: Stored<R>) -> Self {
        Self { id: stored.id, version: stored.version, updated_at: stored.updated_at, value: stored.into_value() }
    }
}

impl<R> Deref for Written<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.value
    }
}
