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
