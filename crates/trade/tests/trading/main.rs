//! Trade as it happens: accounts, links, orders and stock on real ledgers, and both sides of an order in agreement.
// Named as tests one by one, so that what tests may do is allowed in their shared parts too.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod partners;
#[cfg(test)]
mod races;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;
