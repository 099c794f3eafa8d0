//! The platform's own staff: what they must have learnt, and who looks at their powers again and again.

#![cfg(test)]

mod house;
mod leftovers;
mod legal;
mod review_orders;
mod reviews;
mod training;
