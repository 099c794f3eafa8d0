//! The words every room of the house shares: names for things, money, time, chance, secrets and problems.
//!
//! Architecture invariant: nothing here reads or writes anything outside memory, except [`SystemClock`] and
//! [`SystemChance`], the two doors through which real time and real randomness enter the program.
#![deny(missing_docs)]

mod chance;
mod id;
mod kind;
mod money;
mod problem;
mod secret;
mod time;

pub use chance::{Chance, SystemChance};
pub use id::{ALPHABET, BadId, Id, Kinded, id_bytes, id_text};
pub use kind::{Account, ApiKey, Kind, Node, Staff, User};
pub use money::{BadMoney, Currency, Money};
pub use problem::{Problem, Reason};
pub use secret::Secret;
pub use time::{Clock, Moment, SystemClock};
