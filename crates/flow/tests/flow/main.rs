//! What happens by itself once something was committed, on both engines.

mod journeys;
mod proofs;
mod trade;
