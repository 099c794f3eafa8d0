//! People in a real browser, against the real program: how they join, sign in, approve, and are kept out.

#![cfg(test)]

mod confirming;
mod console;
#[path = "../served/house.rs"]
#[expect(dead_code, reason = "the other tests of the program ask for more")]
mod house;
mod joining;
mod mailed;
mod payments;
mod review;
mod shops;
mod stage;
mod support;
