//! What a sealed value is bound to, so that no value opens in another's place.

use crate::{Environment, Slot};
use bonded_base::{Account, Id};

/// What a sealed value is bound to, besides its environment and its account. The same context must be given to open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The table of the row.
    pub table: u8,
    /// The kind of the record.
    pub kind: u8,
    /// The id of the record.
    pub id: [u8; 16],
    /// The version of the record, or the sequence number of the entry.
    pub version: u64,
    /// Further columns to bind, encoded unambiguously by the caller; may be empty.
    pub rest: &'a [u8],
}

/// Which of an account's keys seals the value.
#[derive(Clone, Copy)]
pub(crate) enum Under {
    Data,
    Consumer(Slot),
}

/// Widths are fixed and `rest` comes last, so two contexts never encode alike.
const FIXED_BYTES: usize = 1 + 1 + 16 + 8 + 1 + 1 + 16 + 8;
/// Contexts up to this long are encoded without an allocation.
const STACK_BYTES: usize = 128;

impl Context<'_> {
    /// Encodes the context as associated data and lends it.
    pub(crate) fn bind<R>(
        &self,
        environment: Environment,
        account: Id<Account>,
        under: Under,
        lend: impl FnOnce(&[u8]) -> R,
    ) -> R {
        let (purpose, slot) = match under {
            Under::Data => (1, 0),
            Under::Consumer(slot) => (2, slot.number()),
        };
        let mut stack = [0; STACK_BYTES];
        stack[0] = purpose;
        stack[1] = environment.number();
        stack[2..18].copy_from_slice(&account.bytes());
        stack[18..26].copy_from_slice(&slot.to_be_bytes());
        stack[26] = self.table;
        stack[27] = self.kind;
        stack[28..44].copy_from_slice(&self.id);
        stack[44..FIXED_BYTES].copy_from_slice(&self.version.to_be_bytes());
        let length = FIXED_BYTES + self.rest.len();
        match stack.get_mut(FIXED_BYTES..length) {
            Some(room) => {
                room.copy_from_slice(self.rest);
                lend(stack.get(..length).unwrap_or_default())
            }
            None => lend(&[&stack[..FIXED_BYTES], self.rest].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Parts = (u8, u8, [u8; 16], u64, Vec<u8>, u8, [u8; 16], Option<u64>);

    fn parts() -> impl Strategy<Value = Parts> {
        // Few values each, so that parts often agree.
        (
            0..2_u8,
            0..2_u8,
            prop::array::uniform16(0..2_u8),
            0..2_u64,
            prop::collection::vec(0..2_u8, 0..160),
            1..3_u8,
            prop::array::uniform16(0..2_u8),
            prop::option::of(0..2_u64),
        )
    }

    fn encoded((table, kind, id, version, rest, environment, account, slot): &Parts) -> Vec<u8> {
        let environment = if *environment == 1 { Environment::Production } else { Environment::Staging };
        let under = slot.map_or(Under::Data, |slot| Under::Consumer(Slot::new(slot).unwrap()));
        let context = Context { table: *table, kind: *kind, id: *id, version: *version, rest };
        context.bind(environment, Id::from_bytes(*account), under, <[u8]>::to_vec)
    }

    proptest! {
        #[test]
        fn two_contexts_never_encode_alike(one in parts(), other in parts()) {
            prop_assert_eq!(one == other, encoded(&one) == encoded(&other));
            prop_assert_eq!(encoded(&one), encoded(&one.clone()));
        }
    }
}
