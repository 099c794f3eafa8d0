//! The operator's desk: what the command line asks of a deployment, whether its server runs or not.
//!
//! A running server owns the database and the keys, so the command line asks it over a socket in the data directory.
//! A Unix socket, because only the owner of that directory can open it: no port, no certificate and no password to
//! guard. Where no server runs, the same wishes are carried out on the deployment directly.

mod answer;
mod ask;
mod deletions;
mod export;
mod import;
pub mod invite;
mod mail;
mod people;
mod socket;
mod wish;

pub use answer::Desk;
pub use ask::{ask, ask_running, ask_with_file};
pub use deletions::deletion_turns;
pub use export::FORMAT as EXPORT_FORMAT;
pub use socket::{Socket, connect};
pub use wish::{CertificateGiven, CourseWish, Wish};
