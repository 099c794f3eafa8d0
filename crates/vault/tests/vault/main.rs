//! The vault as others use it: made, sealed, unsealed, lent, destroyed, damaged, killed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

mod damage;
mod house;
mod keys;
mod killed;
mod places;
