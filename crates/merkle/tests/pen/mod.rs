//! A signer for tests, from a seed that anyone may know.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bonded_merkle::{Signer, VerifierKey};

pub struct Pen(Ed25519KeyPair);

#[expect(clippy::unwrap_used, reason = "a test stops when its pen is broken")]
impl Pen {
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap())
    }

    pub fn key(&self, name: &str) -> VerifierKey {
        VerifierKey::new(name, self.public_key()).unwrap()
    }
}

#[expect(clippy::unwrap_used, reason = "a test stops when its pen is broken")]
impl Signer for Pen {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}
