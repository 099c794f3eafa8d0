//! A 256-bit key, and how the key of a child follows from the key of its node.
//!
//! `child = HKDF-Expand-SHA-256(node, "bonded/tree/1" || depth || step, 32)` (RFC 5869 section 2.3): node keys are
//! uniformly random already, so nothing is extracted first. `depth` (one byte) is the child's own, `step` (one byte,
//! 0 to 15) says which child. Derivation goes down only.

use aws_lc_rs::hkdf;
use bonded_base::Chance;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of every key in the tree.
pub(crate) const KEY_BYTES: usize = 32;

const CHILD_LABEL: &[u8] = b"bonded/tree/1";

/// A key; wiped when dropped, copied only by name.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; KEY_BYTES]);

impl Key {
    pub(crate) const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn random(chance: &dyn Chance) -> Self {
        let mut key = Self([0; KEY_BYTES]);
        chance.fill(&mut key.0);
        key
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A second copy, for a second place in the tree.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0)
    }

    /// The key of child `step` (0 to 15), which lies at `depth`.
    pub(crate) fn child(&self, depth: u8, step: u8) -> Self {
        let mut child = Self([0; KEY_BYTES]);
        expand(&self.0, &[CHILD_LABEL, &[depth, step]], &mut child.0);
        child
    }

    /// A key for one purpose, bound to what the purpose is about.
    pub(crate) fn purpose(&self, label: &[u8], about: &[u8]) -> Self {
        let mut key = Self([0; KEY_BYTES]);
        expand(&self.0, &[label, about], &mut key.0);
        key
    }
}

fn expand(key: &[u8], info: &[&[u8]], output: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key);
    sure(prk.expand(info, Length(output.len())).and_then(|okm| okm.fill(output)));
}

/// For calls of the cipher library that fail only on a wrong length, which is a constant here, or without memory:
/// nothing safe can follow, so the process ends.
pub(crate) fn sure<T, E>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|_| std::process::abort())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytes;

    /// RFC 5869, appendices A.1 to A.3: the pseudorandom key, the info and the output keying material.
    #[test]
    fn the_expansion_is_rfc_5869() {
        let long_info = (0xb0..=0xff).collect::<Vec<u8>>();
        for (key, info, output) in [
            (
                "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
                bytes("f0f1f2f3f4f5f6f7f8f9"),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
                long_info,
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                 da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
                Vec::new(),
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ] {
            let wanted = bytes(output);
            let mut got = vec![0; wanted.len()];
            expand(&bytes(key), &[&info], &mut got);
            assert_eq!(got, wanted);
        }
    }

    /// Worked out with another implementation of HMAC.
    #[test]
    fn a_child_s_key_is_known() {
        let child = Key::from_bytes([1; KEY_BYTES]).child(3, 5);
        assert_eq!(child.bytes()[..], bytes("e45ea1c38fedabb6d64af0c62410dbaa08e16947779ffa58b2a17993b0d449a4"));
    }

    #[test]
    fn each_child_at_each_depth_has_a_key_of_its_own() {
        let node = Key::from_bytes([1; KEY_BYTES]);
        let mut seen = std::collections::HashSet::new();
        for depth in 0..=255 {
            for step in 0..16 {
                assert!(seen.insert(*node.child(depth, step).bytes()));
            }
        }
    }
}
