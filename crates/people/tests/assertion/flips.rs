//! Whatever is changed in a good assertion, it is good no longer.

use crate::mint::{HEADER, Mint, claims};
use proptest::prelude::*;
use std::sync::OnceLock;

fn good() -> &'static (Mint, String) {
    static GOOD: OnceLock<(Mint, String)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let mint = Mint::new();
        let assertion = mint.token(HEADER, &claims());
        (mint, assertion)
    })
}

/// Bytes as a header field carries them: those above 127 as the letters of Latin-1.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[test]
fn any_single_bit_that_flips_spoils_it() {
    let (mint, good) = good();
    assert!(mint.verify(good).is_ok());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            assert!(mint.verify(&text(&bytes)).is_err(), "byte {at}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn a_byte_replaced_removed_added_or_moved_spoils_it(
        at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let (mint, good) = good();
        let bytes = good.as_bytes();
        let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
        let mut replaced = bytes.to_vec();
        replaced[at] = byte;
        let mut removed = bytes.to_vec();
        removed.remove(at);
        let mut added = bytes.to_vec();
        added.insert(at, byte);
        let mut moved = bytes.to_vec();
        moved.swap(at, to);
        let cut = bytes[..at].to_vec();
        for changed in [replaced, removed, added, moved, cut] {
            prop_assert!(changed == bytes || mint.verify(&text(&changed)).is_err());
        }
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}", header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
        let (mint, _) = good();
        prop_assert!(mint.verify(&text).is_err());
        let signed = mint.first.seal(&crate::mint::encode(header), &crate::mint::encode(claims));
        prop_assert!(mint.verify(&signed).is_err());
    }
}
