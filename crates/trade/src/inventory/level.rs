//! One level: how many of one variant lie at one location, and the rules of promising and taking them.

use super::Location;
use crate::catalog::Variant;
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Id, Kind, Kinded, Problem, Reason};
use bonded_ledger::Record;
use serde::{Deserialize, Serialize};

/// Bytes that a level's id takes from its variant's: the time and the order among the variants born with it.
const VARIANT_BYTES: usize = 8;

/// How many of one variant lie at one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryLevel {
    /// Of what.
    pub variant: Id<Variant>,
    /// Where.
    pub location: Id<Location>,
    /// Pieces that lie there.
    pub on_hand: i64,
    /// Pieces among them that are promised to purchase orders.
    pub reserved: i64,
}

impl InventoryLevel {
    /// The level of a variant at a location before anything was counted.
    pub const fn empty(variant: Id<Variant>, location: Id<Location>) -> Self {
        Self { variant, location, on_hand: 0, reserved: 0 }
    }

    /// The id of the level of a variant at a location.
    ///
    /// Its first half is the variant's, so that levels lie in the order of their variants; its second half is the first
    /// 8 bytes of SHA-256 over both ids.
    pub fn id_of(variant: Id<Variant>, location: Id<Location>) -> Id<Self> {
        let mut both = [0; 32];
        both[..16].copy_from_slice(&variant.bytes());
        both[16..].copy_from_slice(&location.bytes());
        let mut id = variant.bytes();
        let hash = digest(&SHA256, &both);
        for (byte, hashed) in id.iter_mut().skip(VARIANT_BYTES).zip(hash.as_ref()) {
            *byte = *hashed;
        }
        Id::from_bytes(id)
    }

    /// Pieces that can still be promised; negative when fewer were counted than are promised.
    pub const fn available(&self) -> i64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    /// Promises pieces that lie here.
    pub fn reserve(self, pieces: u32) -> Result<Self, Problem> {
        if self.available() < i64::from(pieces) {
            return Err(Problem::new(Reason::Refused, "out of stock"));
        }
        self.reserve_beyond(pieces)
    }

    /// Promises pieces whether or not they lie here: for variants that are sold also when they are out.
    pub fn reserve_beyond(self, pieces: u32) -> Result<Self, Problem> {
        let reserved = self.reserved.checked_add(i64::from(pieces));
        let reserved = reserved.ok_or_else(|| Problem::new(Reason::TooMuch, "more is reserved than can be counted"))?;
        Ok(Self { reserved, ..self })
    }

    /// Takes a promise back.
    pub fn release(self, pieces: u32) -> Result<Self, Problem> {
        Ok(Self { reserved: self.without(pieces)?, ..self })
    }

    /// Sends promised pieces off: they are neither promised nor here any more.
    ///
    /// Pieces beyond those that were counted were there all the same; the count stops at none.
    pub fn ship(self, pieces: u32) -> Result<Self, Problem> {
        let on_hand = self.on_hand.saturating_sub(i64::from(pieces)).max(0);
        Ok(Self { reserved: self.without(pieces)?, on_hand, ..self })
    }

    /// What was counted. It may be fewer than are promised.
    pub fn counted(self, on_hand: i64) -> Result<Self, Problem> {
        if on_hand < 0 {
            return Err(Problem::invalid("/on_hand", "there cannot be fewer than none"));
        }
        Ok(Self { on_hand, ..self })
    }

    fn without(self, pieces: u32) -> Result<i64, Problem> {
        let left = self.reserved - i64::from(pieces);
        if left < 0 {
            return Err(Problem::new(Reason::State, "fewer pieces are reserved than that"));
        }
        Ok(left)
    }
}

impl Kinded for InventoryLevel {
    const KIND: Kind = Kind::InventoryLevel;
}

impl Record for InventoryLevel {
    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.variant.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VARIANT: Id<Variant> = Id::from_bytes([1; 16]);
    const LOCATION: Id<Location> = Id::from_bytes([2; 16]);

    fn level(on_hand: i64, reserved: i64) -> InventoryLevel {
        InventoryLevel { on_hand, reserved, ..InventoryLevel::empty(VARIANT, LOCATION) }
    }

    #[test]
    fn the_rules_by_table() {
        assert_eq!(level(3, 0).reserve(3), Ok(level(3, 3)));
        assert_eq!(level(3, 1).reserve(3).unwrap_err().reason, Reason::Refused);
        assert_eq!(level(1, 4).reserve(0).unwrap_err().reason, Reason::Refused);
        assert_eq!(level(0, 0).reserve_beyond(2), Ok(level(0, 2)));
        assert_eq!(level(3, 2).release(2), Ok(level(3, 0)));
        assert_eq!(level(3, 2).release(3).unwrap_err().reason, Reason::State);
        assert_eq!(level(3, 2).ship(2), Ok(level(1, 0)));
        assert_eq!(level(1, 2).ship(2), Ok(level(0, 0)));
        assert_eq!(level(3, 2).ship(3).unwrap_err().reason, Reason::State);
        assert_eq!(level(3, 2).counted(1), Ok(level(1, 2)));
        assert_eq!(level(1, 2).available(), -1);
        assert!(level(3, 2).counted(-1).is_err());
    }

    #[test]
    fn a_level_s_id_is_its_own_and_lies_by_its_variant() {
        let id = InventoryLevel::id_of(VARIANT, LOCATION);
        assert_eq!(id, InventoryLevel::id_of(VARIANT, LOCATION));
        assert_eq!(id.bytes()[..8], VARIANT.bytes()[..8]);
        assert_ne!(id, InventoryLevel::id_of(VARIANT, Id::from_bytes([3; 16])));
        // Two variants of one moment differ in the half that is hashed.
        let mut sibling = VARIANT.bytes();
        sibling[15] ^= 1;
        assert_ne!(id, InventoryLevel::id_of(Id::from_bytes(sibling), LOCATION));
    }

    proptest! {
        #[test]
        fn counts_never_go_below_none_and_promises_are_kept(
            steps in prop::collection::vec((0_u8..5, 0_u32..20), 0..60),
        ) {
            let mut now = level(0, 0);
            for (rule, pieces) in steps {
                let before = now;
                let next = match rule {
                    0 => now.reserve(pieces),
                    1 => now.reserve_beyond(pieces),
                    2 => now.release(pieces),
                    3 => now.ship(pieces),
                    _ => now.counted(i64::from(pieces)),
                };
                if let Ok(next) = next {
                    if rule == 0 {
                        prop_assert!(next.available() >= 0);
                    }
                    if rule == 2 || rule == 3 {
                        prop_assert_eq!(next.reserved, before.reserved - i64::from(pieces));
                    }
                    now = next;
                }
                prop_assert!(now.on_hand >= 0 && now.reserved >= 0);
            }
        }
    }
}
