//! Sealing: XAES-256-GCM, an AEAD whose nonce may be drawn at random for ever.
//!
//! Source: C2SP XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>). Half of the 192-bit nonce makes, through a CMAC-based
//! key derivation, a key for this one message; the other half is the nonce of AES-256-GCM (NIST SP 800-38D). After
//! 2^80 messages two nonces meet with a chance of 2^-32, so 2^40 messages a key are far on the safe side.

use crate::OpenError;
use crate::key::{KEY_BYTES, Key, sure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use bonded_base::Secret;
use zeroize::Zeroize;

/// Bytes of the nonce, in front of the ciphertext.
pub(crate) const NONCE_BYTES: usize = 24;
/// Bytes of the tag, behind the ciphertext.
pub(crate) const TAG_BYTES: usize = 16;

const BLOCK_BYTES: usize = 16;

/// A key made ready to seal and open: the AES-256 key schedule and the CMAC subkey K1.
pub(crate) struct Xaes {
    block: EncryptingKey,
    k1: [u8; BLOCK_BYTES],
}

impl Xaes {
    pub(crate) fn new(key: &Key) -> Self {
        let block = sure(UnboundCipherKey::new(&AES_256, key.bytes()).and_then(EncryptingKey::ecb));
        let mut zero = [0; BLOCK_BYTES];
        sure(block.less_safe_encrypt(&mut zero, EncryptionContext::None));
        // Doubling in GF(2^128): NIST SP 800-38B section 6.1.
        let l = u128::from_be_bytes(zero);
        let k1 = (l << 1) ^ ((l >> 127) * 0x87);
        zero.zeroize();
        Self { block, k1: k1.to_be_bytes() }
    }

    /// `prefix || nonce || ciphertext || tag`; the prefix is in clear, and bound only if `bound` holds it.
    pub(crate) fn seal(&self, prefix: &[u8], nonce: [u8; NONCE_BYTES], bound: &[u8], plain: &[u8]) -> Vec<u8> {
        let start = prefix.len() + NONCE_BYTES;
        let mut sealed = Vec::with_capacity(start + plain.len() + TAG_BYTES);
        sealed.extend_from_slice(prefix);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (key, nonce) = self.message_key(nonce);
        let body = sealed.get_mut(start..).unwrap_or_default();
        let tag = sure(key.seal_in_place_separate_tag(nonce, Aad::from(bound), body));
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// What was sealed under this key with the same `bound` bytes.
    pub(crate) fn open(&self, bound: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Damaged)?;
        let (key, nonce) = self.message_key(*nonce);
        let mut plain = vec![0; body.len()];
        match key.open_separate_gather(nonce, Aad::from(bound), body, tag, &mut plain) {
            Ok(()) => Ok(Secret::new(plain)),
            Err(_) => Err(OpenError::Damaged),
        }
    }

    /// The key and the nonce of one message.
    fn message_key(&self, nonce: [u8; NONCE_BYTES]) -> (LessSafeKey, Nonce) {
        let mut key = self.derive(nonce);
        let message_key = sure(UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new));
        key.zeroize();
        let mut rest = [0; 12];
        rest.copy_from_slice(&nonce[12..]);
        (message_key, Nonce::assume_unique_for_key(rest))
    }

    /// Two CMAC blocks over a counter, the letter X and the first half of the nonce (NIST SP 800-108r1 section 4.1).
    fn derive(&self, nonce: [u8; NONCE_BYTES]) -> [u8; KEY_BYTES] {
        let mut blocks = [0; KEY_BYTES];
        for (counter, block) in (1..).zip(blocks.chunks_exact_mut(BLOCK_BYTES)) {
            let message = [0, counter, b'X', 0].into_iter().chain(nonce);
            for ((byte, m), k) in block.iter_mut().zip(message).zip(self.k1) {
                *byte = m ^ k;
            }
        }
        sure(self.block.less_safe_encrypt(&mut blocks, EncryptionContext::None));
        blocks
    }
}

impl Drop for Xaes {
    fn drop(&mut self) {
        self.k1.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Shake128, bytes};

    const NONCE: &[u8; NONCE_BYTES] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

    fn xaes(key: [u8; KEY_BYTES]) -> Xaes {
        Xaes::new(&Key::from_bytes(key))
    }

    /// The two vectors of the specification: with the highest bit of L clear, and set.
    #[test]
    fn the_specification_s_vectors_hold() {
        for (key, bound, k1, message_key, sealed) in [
            (
                1,
                "",
                "e531954aca063d5b8d9c47a47d4cc6f0",
                "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
                "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
            ),
            (
                3,
                "c2sp.org/XAES-256-GCM",
                "23810ec50edb99f374409466ed1f4b7b",
                "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
                "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
            ),
        ] {
            let xaes = xaes([key; KEY_BYTES]);
            assert_eq!(xaes.k1[..], bytes(k1));
            assert_eq!(xaes.derive(*NONCE)[..], bytes(message_key));
            let ours = xaes.seal(b"slot", *NONCE, bound.as_bytes(), b"XAES-256-GCM");
            assert_eq!(ours, [b"slot", &NONCE[..], &bytes(sealed)].concat());
            assert_eq!(xaes.open(bound.as_bytes(), &ours[4..]).unwrap().expose(), b"XAES-256-GCM");
        }
    }

    /// The specification's accumulated test: 10,000 random messages, sealed and opened, hashed into one value.
    #[test]
    fn ten_thousand_random_messages_accumulate_to_the_specification_s_hash() {
        let (mut random, mut hash) = (Shake128::default(), Shake128::default());
        let text = |random: &mut Shake128| {
            let mut length = [0];
            random.squeeze(&mut length);
            let mut text = vec![0; usize::from(length[0])];
            random.squeeze(&mut text);
            text
        };
        for _ in 0..10_000 {
            let (mut key, mut nonce) = ([0; KEY_BYTES], [0; NONCE_BYTES]);
            random.squeeze(&mut key);
            random.squeeze(&mut nonce);
            let (plain, bound) = (text(&mut random), text(&mut random));
            let xaes = xaes(key);
            let sealed = xaes.seal(&[], nonce, &bound, &plain);
            assert_eq!(*xaes.open(&bound, &sealed).unwrap().expose(), plain);
            hash.absorb(&sealed[NONCE_BYTES..]);
        }
        let mut sum = [0; 32];
        hash.squeeze(&mut sum);
        assert_eq!(sum[..], bytes("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"));
    }

    #[test]
    fn nothing_opens_that_was_changed_cut_or_bound_otherwise() {
        let xaes = xaes([9; KEY_BYTES]);
        let sealed = xaes.seal(&[], *NONCE, b"row 1", b"six fields");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 0x80;
            assert_eq!(xaes.open(b"row 1", &changed).err(), Some(OpenError::Damaged));
            assert_eq!(xaes.open(b"row 1", &sealed[..place]).err(), Some(OpenError::Damaged));
        }
        assert_eq!(xaes.open(b"row 2", &sealed).err(), Some(OpenError::Damaged));
        assert_eq!(super::tests::xaes([8; KEY_BYTES]).open(b"row 1", &sealed).err(), Some(OpenError::Damaged));
    }

    #[test]
    fn nothing_is_a_message_too() {
        let xaes = xaes([9; KEY_BYTES]);
        let sealed = xaes.seal(&[], *NONCE, &[], &[]);
        assert_eq!(sealed.len(), NONCE_BYTES + TAG_BYTES);
        assert!(xaes.open(&[], &sealed).unwrap().expose().is_empty());
    }
}
