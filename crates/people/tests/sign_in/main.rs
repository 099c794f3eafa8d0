//! People at the doors: how they join, sign in, are let go on, and are shut out, on a real ledger.

#![cfg(test)]

mod alerts;
mod confirmations;
mod histories;
mod house;
mod invitations;
mod locked_out;
mod members;
mod passkeys;
mod passwords;
mod resets;
mod second_factors;
mod sessions;
mod staff;
mod staff_histories;
