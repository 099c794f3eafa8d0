//! Ids for things that are born together, in the order in which they were named.
//!
//! Ids of one millisecond would otherwise sort by chance. RFC 9562 section 6.2 (method 1) lets a counter stand in the
//! twelve bits after the time: so a product lists its variants in their order, and what is stored together lies together.

use bonded_base::{Chance, Id, Kinded, Moment};

/// Bits of the counter, and so how many ids one millisecond holds.
const COUNTER_BITS: u32 = 12;

/// The ids of one birth, each greater than the one before.
pub(crate) struct Births<'a> {
    at: Moment,
    chance: &'a dyn Chance,
    next: u32,
}

impl<'a> Births<'a> {
    /// Everything that is born at this moment.
    pub(crate) const fn at(at: Moment, chance: &'a dyn Chance) -> Self {
        Self { at, chance, next: 0 }
    }

    /// The next id; beyond 4,096 of them it borrows the millisecond that follows.
    pub(crate) fn id<K: Kinded>(&mut self) -> Id<K> {
        let later = self.next >> COUNTER_BITS;
        let counter = self.next & ((1 << COUNTER_BITS) - 1);
        self.next = self.next.wrapping_add(1);
        let mut bytes = Id::<K>::born(self.at.plus_millis(i64::from(later)), self.chance).bytes();
        let [_, _, high, low] = counter.to_be_bytes();
        bytes[6] = 0x70 | high;
        bytes[7] = low;
        Id::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::{Account, SystemChance};

    #[test]
    fn ids_of_one_birth_rise_and_stay_uuids_of_version_7() {
        let at = Moment::from_millis(1_795_339_800_125);
        let mut births = Births::at(at, &SystemChance);
        let ids: Vec<Id<Account>> = (0..10_000).map(|_| births.id()).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        assert!(ids.iter().all(|id| id.bytes()[6] >> 4 == 7 && id.bytes()[8] >> 6 == 2));
        assert_eq!(ids[4_095].born_at(), at);
        assert_eq!(ids[4_096].born_at(), at.plus_millis(1));
    }
}
