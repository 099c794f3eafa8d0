//! The readers of the log: what happens because something happened.
//!
//! Each reader reads every account's log from a cursor of its own, under a lease that one node holds at a time.
//! They deliver state, not messages: a reader sees that a record changed, reads it as it is now, and makes the other
//! side agree. So running an entry twice is harmless, and a crash anywhere is repaired by reading on from the cursor.
//!
//! Connections and webhook endpoints follow logs from places of their own ([`followers`], [`webhooks`]).
//!
//! Beside the readers, [`post`] sends the mail that waits in the platform's account, and [`calendar`] does there what
//! time brings about. [`imports`] brings files in, [`payments`] charges what retailers agreed to, [`deletions`] forgets
//! consumers for good.
//!
//! Architecture invariant: a reader keeps nothing in memory that a restart could lose.

pub mod calendar;
mod checkpoint;
pub mod connections;
pub mod deletions;
pub mod followers;
pub mod imports;
pub mod payments;
pub mod post;
pub mod privacy;
mod route;
mod runner;
mod share;
pub mod webhooks;

pub use checkpoint::log_origin;
pub use runner::{Running, start};
pub use share::{Shared, shared_since};
