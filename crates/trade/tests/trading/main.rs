//! Trade as it happens: accounts, links, orders and stock on real ledgers, and both sides of an order in agreement.

mod agreement;
mod holds;
mod partners;
mod races;
mod story;
mod world;
