//! Where a key hangs: the way from the root down to it, sixteen branches a step.
//!
//! ```text
//! depth  0  root
//!       16  an account: the first 8 bytes of SHA-256(its id), two steps a byte
//!       17  its children: data, index, orders, log
//!       27  under orders, a consumer's key: the 5 bytes of the order's slot
//! ```
//! With a million accounts, the chance that any two of them share a place is 3 in 10^8; ids are drawn by us, so
//! nobody can aim at one.

use crate::VaultError;
use aws_lc_rs::digest;
use bonded_base::{Account, Id};

/// Children of a node.
pub(crate) const FAN_OUT: usize = 16;
/// Steps from the root to an account.
pub(crate) const ACCOUNT_DEPTH: usize = 16;
/// Steps from the root to `orders` and its siblings.
pub(crate) const CHILD_DEPTH: usize = ACCOUNT_DEPTH + 1;
/// Steps from the root to a consumer's key.
pub(crate) const LEAF_DEPTH: usize = CHILD_DEPTH + 2 * SLOT_BYTES;
/// Bytes of a slot in front of a sealed consumer.
pub(crate) const SLOT_BYTES: usize = 5;

/// The children of an account, by their step.
#[derive(Clone, Copy)]
pub(crate) enum Child {
    Data = 0,
    Index = 1,
    Orders = 2,
    Log = 3,
    Approvals = 4,
}

/// A way down from the root; orders before what lies under or behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    steps: [u8; LEAF_DEPTH],
    length: usize,
}

impl Path {
    pub(crate) const ROOT: Self = Self { steps: [0; LEAF_DEPTH], length: 0 };

    pub(crate) fn account(account: Id<Account>) -> Self {
        let hash = digest::digest(&digest::SHA256, &account.bytes());
        let bytes = hash.as_ref().iter().take(ACCOUNT_DEPTH / 2);
        bytes.fold(Self::ROOT, |path, byte| path.below(byte >> 4).below(byte & 15))
    }

    pub(crate) fn child(account: Id<Account>, child: Child) -> Self {
        Self::account(account).below(child as u8)
    }

    pub(crate) fn consumer(account: Id<Account>, slot: Slot) -> Self {
        let orders = Self::child(account, Child::Orders);
        slot.bytes().into_iter().fold(orders, |path, byte| path.below(byte >> 4).below(byte & 15))
    }

    /// One step further down; a leaf has nothing below it.
    pub(crate) fn below(mut self, step: u8) -> Self {
        if let Some(place) = self.steps.get_mut(self.length) {
            *place = step;
            self.length += 1;
        }
        self
    }

    pub(crate) fn depth(&self) -> usize {
        self.length
    }

    pub(crate) fn steps(&self) -> &[u8] {
        self.steps.get(..self.length).unwrap_or_default()
    }

    /// The step taken at `depth`.
    pub(crate) fn step(&self, depth: usize) -> Option<u8> {
        self.steps().get(depth).copied()
    }

    /// The first `depth` steps.
    pub(crate) fn up_to(&self, depth: usize) -> Self {
        self.steps().iter().take(depth).fold(Self::ROOT, |path, step| path.below(*step))
    }

    fn covers(&self, other: &Self) -> bool {
        other.steps().starts_with(self.steps())
    }
}

/// The place of an order's consumer key under its account: 40 bits, handed out densely, so that a run of old orders
/// is a run of slots and its keys go with whole nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u64);

impl Slot {
    /// The last one an account has.
    pub const LAST: Self = Self((1 << (8 * SLOT_BYTES)) - 1);

    /// The slot with this number, up to 2^40 - 1.
    pub const fn new(number: u64) -> Result<Self, VaultError> {
        if number <= Self::LAST.0 { Ok(Self(number)) } else { Err(VaultError::Slot(number)) }
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Five bytes, the highest first.
    pub(crate) fn bytes(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes.copy_from_slice(&self.0.to_be_bytes()[8 - SLOT_BYTES..]);
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; SLOT_BYTES]) -> Self {
        Self(bytes.into_iter().fold(0, |number, byte| (number << 8) | u64::from(byte)))
    }
}

/// What is to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doomed {
    /// Everything of an account.
    Account(Id<Account>),
    /// The consumer of one order.
    Slot {
        /// Whose order.
        account: Id<Account>,
        /// Which one.
        slot: Slot,
    },
    /// The consumers of a run of orders.
    Slots {
        /// Whose orders.
        account: Id<Account>,
        /// The first.
        from: Slot,
        /// The last, included.
        to: Slot,
    },
}

impl Doomed {
    /// Whose it is.
    pub fn account(&self) -> Id<Account> {
        match *self {
            Self::Account(account) | Self::Slot { account, .. } | Self::Slots { account, .. } => account,
        }
    }
}

/// The fewest paths that cover all that is doomed and nothing else: sorted, none under another.
pub(crate) fn doomed_paths(what: &[Doomed]) -> Result<Vec<Path>, VaultError> {
    let mut paths = Vec::with_capacity(what.len());
    for doomed in what {
        match *doomed {
            Doomed::Account(account) => paths.push(Path::account(account)),
            Doomed::Slot { account, slot } => paths.push(Path::consumer(account, slot)),
            Doomed::Slots { from, to, .. } if from > to => return Err(VaultError::SlotRange),
            Doomed::Slots { account, from, to } => cover(account, from, to, &mut paths),
        }
    }
    paths.sort_unstable();
    // In this order a path comes right before all that it covers.
    paths.dedup_by(|later, earlier| earlier.covers(later));
    Ok(paths)
}

/// Cuts a run of slots into whole nodes: as large a one as fits, again and again.
fn cover(account: Id<Account>, from: Slot, to: Slot, paths: &mut Vec<Path>) {
    let mut next = from.0;
    while next <= to.0 {
        let mut steps_up = 0;
        while steps_up < 2 * SLOT_BYTES && fits(next, steps_up + 1, to.0) {
            steps_up += 1;
        }
        paths.push(Path::consumer(account, Slot(next)).up_to(LEAF_DEPTH - steps_up));
        next += 1 << (4 * steps_up);
    }
}

/// Whether the node `steps_up` above `slot` begins with it and ends at or before `last`.
fn fits(slot: u64, steps_up: usize, last: u64) -> bool {
    let width = 1_u64 << (4 * steps_up);
    slot.is_multiple_of(width) && slot + (width - 1) <= last
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account(number: u8) -> Id<Account> {
        Id::from_bytes([number; 16])
    }

    fn slot(number: u64) -> Slot {
        Slot::new(number).unwrap()
    }

    #[test]
    fn a_slot_has_forty_bits() {
        assert_eq!(Slot::LAST.number(), 0xff_ffff_ffff);
        assert!(matches!(Slot::new(1 << 40), Err(VaultError::Slot(_))));
        assert_eq!(slot(0x01_0203_0405).bytes(), [1, 2, 3, 4, 5]);
        assert_eq!(Slot::from_bytes([1, 2, 3, 4, 5]), slot(0x01_0203_0405));
    }

    #[test]
    fn a_run_of_slots_drops_whole_nodes() {
        let run = |from, to| doomed_paths(&[Doomed::Slots { account: account(1), from, to }]).unwrap();
        assert_eq!(run(slot(0), Slot::LAST).len(), 1);
        assert_eq!(run(slot(0), Slot::LAST)[0].depth(), CHILD_DEPTH);
        assert_eq!(run(slot(7), slot(7)).len(), 1);
        assert_eq!(run(slot(0), slot(15))[0].depth(), LEAF_DEPTH - 1);
        assert!(run(slot(12_345), slot(112_344)).len() < 120);
        let backwards = Doomed::Slots { account: account(1), from: slot(2), to: slot(1) };
        assert!(matches!(doomed_paths(&[backwards]), Err(VaultError::SlotRange)));
    }

    #[test]
    fn what_lies_under_another_doomed_is_named_once() {
        let paths = doomed_paths(&[
            Doomed::Slot { account: account(1), slot: slot(5) },
            Doomed::Account(account(2)),
            Doomed::Account(account(1)),
            Doomed::Account(account(1)),
        ])
        .unwrap();
        assert_eq!(paths.len(), 2);
        assert!(paths.iter().all(|path| path.depth() == ACCOUNT_DEPTH));
    }

    proptest! {
        #[test]
        fn a_cover_holds_exactly_the_run(from in 0_u64..5_000, length in 0_u64..5_000, probe in 0_u64..12_000) {
            let (first, last) = (slot(from), slot(from + length));
            let paths = doomed_paths(&[Doomed::Slots { account: account(1), from: first, to: last }]).unwrap();
            let leaf = Path::consumer(account(1), slot(probe));
            let covering = paths.iter().filter(|path| path.covers(&leaf)).count();
            prop_assert_eq!(covering, usize::from((first..=last).contains(&slot(probe))));
        }
    }
}
