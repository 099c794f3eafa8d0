//! What happens by itself once something was committed, on both engines.

#![cfg(test)]

mod calendar;
mod connections;
mod deletions;
mod journeys;
mod payments;
mod post;
mod proofs;
mod trade;
mod webhooks;
