//! The ledger as business code meets it, on both engines: stories, a model, and processes killed at work.

#![cfg(test)]

mod crash;
mod grants;
mod house;
mod stories;
