//! Seeded chance and small conveniences for this crate's own tests.

pub(crate) mod house;
pub(crate) mod softhsm;
pub(crate) mod thief;

use bonded_base::Chance;
use std::sync::Mutex;

/// The same bytes for the same seed (splitmix64).
pub(crate) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Chance for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in bytes {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed ^ (mixed >> 31)).to_be_bytes()[0];
        }
    }
}

/// Bytes written in hexadecimal.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// SHAKE128 over nothing yet: absorbs, then gives as many bytes as are asked for (FIPS 202).
#[derive(Default)]
pub(crate) struct Shake128 {
    lanes: [u64; 25],
    place: usize,
    squeezes: bool,
}

const SHAKE128_RATE: usize = 168;

impl Shake128 {
    pub(crate) fn absorb(&mut self, input: &[u8]) {
        assert!(!self.squeezes);
        for byte in input {
            self.xor(self.place, *byte);
            self.place += 1;
            if self.place == SHAKE128_RATE {
                self.permute();
            }
        }
    }

    pub(crate) fn squeeze(&mut self, output: &mut [u8]) {
        if !self.squeezes {
            self.xor(self.place, 0x1f);
            self.xor(SHAKE128_RATE - 1, 0x80);
            self.permute();
            self.squeezes = true;
        }
        for byte in output {
            if self.place == SHAKE128_RATE {
                self.permute();
            }
            *byte = self.lanes[self.place / 8].to_le_bytes()[self.place % 8];
            self.place += 1;
        }
    }

    fn xor(&mut self, place: usize, byte: u8) {
        self.lanes[place / 8] ^= u64::from(byte) << (8 * (place % 8));
    }

    fn permute(&mut self) {
        self.place = 0;
        let lanes = &mut self.lanes;
        let mut register = 1_u8;
        for _ in 0..24 {
            // Theta.
            let columns: [u64; 5] = std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ lanes[x + 5 * y]));
            for (place, lane) in lanes.iter_mut().enumerate() {
                *lane ^= columns[(place + 4) % 5] ^ columns[(place + 1) % 5].rotate_left(1);
            }
            // Rho and pi.
            let (mut x, mut y, mut carried) = (1, 0, lanes[1]);
            for step in 0..24 {
                (x, y) = (y, (2 * x + 3 * y) % 5);
                carried = std::mem::replace(&mut lanes[x + 5 * y], carried.rotate_left((step + 1) * (step + 2) / 2));
            }
            // Chi.
            for row in lanes.chunks_mut(5) {
                let before: [u64; 5] = std::array::from_fn(|x| row[x]);
                for x in 0..5 {
                    row[x] = before[x] ^ (!before[(x + 1) % 5] & before[(x + 2) % 5]);
                }
            }
            // Iota: its constants come out of a shift register.
            for bit in 0..7 {
                if register & 1 == 1 {
                    lanes[0] ^= 1 << ((1 << bit) - 1);
                }
                register = (register << 1) ^ if register & 0x80 == 0 { 0 } else { 0x71 };
            }
        }
    }
}

/// Fails to compile if a type can be printed.
macro_rules! never_printed {
    ($($secret:ty),+ $(,)?) => {$({
        trait Ambiguous<A> {
            fn check() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct Debugged;
        impl<T: ?Sized + std::fmt::Debug> Ambiguous<Debugged> for T {}
        struct Displayed;
        impl<T: ?Sized + std::fmt::Display> Ambiguous<Displayed> for T {}
        <$secret as Ambiguous<_>>::check();
    })+};
}

mod tests {
    use super::*;

    #[test]
    fn the_generator_of_test_data_is_shake128() {
        let mut output = [0; 16];
        Shake128::default().squeeze(&mut output);
        assert_eq!(output[..], bytes("7f9c2ba4e88f827d616045507605853e"));
    }

    #[test]
    fn no_secret_of_this_crate_can_be_printed() {
        use crate::fragment::{Branch, Fragment, Link};
        use crate::{
            AccountKeys, Officer, Vault, key::Key, root::Root, tree::Cursor, tree::Secrets, tree::Tree, xaes::Xaes,
        };
        never_printed!(
            Key,
            Xaes,
            Branch,
            Fragment,
            Link,
            Root,
            Tree,
            Secrets,
            Cursor<'_>,
            Officer,
            AccountKeys,
            Vault,
            crate::memory::Locked<Key>,
        );
    }

    #[test]
    fn keys_and_opened_values_wipe_themselves() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<crate::key::Key>();
        wiped::<bonded_base::Secret<Vec<u8>>>();
    }
}
