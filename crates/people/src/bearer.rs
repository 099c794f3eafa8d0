//! Secrets that open something for whoever bears them: API keys and session tokens; kept as a digest alone.

use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{ALPHABET, Chance, Secret};
use zeroize::Zeroize as _;

/// Symbols after the prefix, of five random bits each: 160 bits.
const SYMBOLS: usize = 32;

/// A new secret with this prefix.
pub(crate) fn new_secret(prefix: &str, chance: &dyn Chance) -> Secret<String> {
    let mut random = [0; SYMBOLS];
    chance.fill(&mut random);
    // Room for all of it from the start: a string that grows leaves a copy behind.
    let mut text = String::with_capacity(prefix.len() + SYMBOLS);
    text.push_str(prefix);
    text.extend(
        random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).map(|symbol| char::from(*symbol)),
    );
    random.zeroize();
    Secret::new(text)
}

/// Whether a text could be such a secret.
pub(crate) fn is_secret(text: &str, prefix: &str) -> bool {
    let symbols = text.strip_prefix(prefix).unwrap_or_default();
    symbols.len() == SYMBOLS && symbols.bytes().all(|symbol| ALPHABET.contains(&symbol))
}

/// What is kept of a secret: its SHA-256.
pub(crate) fn digest_of(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}
