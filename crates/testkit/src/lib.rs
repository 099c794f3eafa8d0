//! What tests of every crate share: databases, accounts, clocks, faults; nothing of it reaches the product.

pub mod authenticator;
pub mod browser;
pub mod certificates;
pub mod https_server;
pub mod ledger;
pub mod mail_server;
pub mod object_server;
pub mod payment_server;
pub mod peers;
pub mod postgres;
