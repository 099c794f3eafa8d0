//! The business: accounts, partners, products, stock, orders and what becomes of them.
//!
//! Each business function takes a ledger, a scope and parsed input, and does the whole job: it reads, asks a pure rule,
//! and commits once. Rules are functions on values and are tested without a ledger.
//!
//! Architecture invariants: nothing here knows of HTTP; nothing commits across two accounts; none of a consumer's six
//! fields is ever part of a record (see [`consumers`]).

pub mod accounts;
mod births;
mod carrier;
pub mod catalog;
pub mod consumers;
pub mod deletions;
mod error;
pub mod fulfilments;
pub mod holds;
pub mod inventory;
pub mod invoices;
mod lines;
pub mod orders;
mod page;
pub mod partners;
mod patch;
pub mod purchase_orders;
mod races;
pub mod routing;
pub mod screen;
pub mod sku_mappings;
pub mod sku_suggestions;
mod text;
mod took;
mod written;

pub use error::TradeError;
pub use lines::{LineQuantity, LineWish};
pub use page::Page;
pub use patch::Patch;
pub use took::{Did, Left, TakingBack, Touched, take_back};
pub use written::Written;

pub(crate) use carrier::carrier;
pub use races::{Races, as_expected};
