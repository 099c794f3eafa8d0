//! The ledger: a log for each account, and the records it changes; the one door through which anything is kept.
//!
//! ```text
//! business code ── Change ──▶ Ledger::commit(scope) ── sealed ──▶ Writer ── batches ──▶ Engine (SQLite or PostgreSQL)
//! ```
//! Architecture invariants: a record cannot change without its entry ([`engine::Write`] holds both); an engine never
//! receives a value in clear; no account is touched without a [`Scope`].

pub mod engine;
pub mod postgres;
pub mod sqlite;

mod answers;
mod change;
mod concealed;
mod entry;
mod error;
mod export;
mod ledger;
mod log;
mod record;
mod scope;
mod slots;
mod wakes;
mod writer;

pub use answers::Answer;
pub use change::{Change, Said};
pub use concealed::Concealed;
pub use entry::{Entry, Headline, SALT_BYTES, leaf_data, record_digest};
pub use error::LedgerError;
pub use export::{Plain, Plains};
pub use ledger::{Committed, Ledger, List, Listed, PAGE_MAX};
pub use log::{Consumer, ENTRIES_MAX, Lease, Reader};
pub use record::{Lookup, LookupName, Record, Stored};
pub use scope::{Actor, PLATFORM, RequestKey, SHARED_WITH_PARTNERS, Scope, System};
