//! Recovery codes: ten on a sheet of paper, for the day when the telephone is lost.
//!
//! Each is random (120 bits), so a plain SHA-256 keeps it safe: NIST SP 800-63B-4, section 3.1.2.2, asks for the salted,
//! slow hash of a password only where a look-up secret is shorter than 112 bits; section 4.2.1.1 wants 64 at least.

use super::{CredentialError, Keeper};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{ALPHABET, Chance, Moment, Secret};
use bonded_ledger::{Concealed, Record};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

/// Codes on a sheet.
pub const CODES: u8 = 10;
/// Letters of a code, of five random bits each.
pub const LETTERS: usize = 24;
/// Letters of a group.
const GROUP: usize = 4;
const HASH_BYTES: usize = 32;
const PURPOSE: &str = "recovery";

/// A sheet of recovery codes, as a record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The hashes of the codes that are left, one after the other.
    hashes: Concealed,
    /// Codes that are left.
    pub left: u8,
    /// When they were made.
    pub made_at: Moment,
    /// When one was used last.
    pub last_used_at: Option<Moment>,
}

impl Recovery {
    /// A new sheet, and the codes on it, to be shown once (`0123-4567-…`).
    pub fn make<R: Record>(keeper: Keeper<'_, R>) -> Result<(Self, Vec<Secret<String>>), CredentialError> {
        let codes: Vec<Secret<String>> = (0..CODES).map(|_| code(keeper.ledger.chance())).collect();
        let hashes: Vec<u8> = codes.iter().filter_map(|code| hash(code.expose())).flatten().collect();
        let hashes = keeper.conceal(PURPOSE, &hashes)?;
        Ok((Self { hashes, left: CODES, made_at: keeper.now(), last_used_at: None }, codes))
    }

    /// Takes a code and crosses it out. The record must be kept before anybody is let in.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`] if it is not on the sheet, or no longer.
    pub fn check<R: Record>(&mut self, keeper: Keeper<'_, R>, code: &str) -> Result<(), CredentialError> {
        let shown = hash(code).ok_or(CredentialError::NotProven)?;
        let kept = keeper.reveal(PURPOSE, &self.hashes)?;
        let is_shown = |one: &[u8]| verify_slices_are_equal(one, &shown).is_ok();
        let left: Vec<&[u8]> = kept.expose().chunks_exact(HASH_BYTES).filter(|one| !is_shown(one)).collect();
        if left.len() * HASH_BYTES == kept.expose().len() {
            return Err(CredentialError::NotProven);
        }
        self.hashes = keeper.conceal(PURPOSE, &left.concat())?;
        self.left = u8::try_from(left.len()).unwrap_or(0);
        self.last_used_at = Some(keeper.now());
        Ok(())
    }
}

fn code(chance: &dyn Chance) -> Secret<String> {
    let mut random = [0; LETTERS];
    chance.fill(&mut random);
    // Room for all of it from the start: a string that grows leaves a copy behind.
    let mut text = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.extend(ALPHABET.get(usize::from(byte & 31)).map(|letter| char::from(*letter)));
    }
    random.zeroize();
    Secret::new(text)
}

/// The hash of a code however it was typed; `None` for what cannot be one.
fn hash(code: &str) -> Option<[u8; HASH_BYTES]> {
    let mut letters = Zeroizing::new([0; LETTERS]);
    let mut places = letters.iter_mut();
    for symbol in code.chars() {
        let letter = match symbol.to_ascii_lowercase() {
            '-' | '\u{2010}'..='\u{2015}' => continue,
            space if space.is_whitespace() => continue,
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let letter = u8::try_from(letter).ok().filter(|letter| ALPHABET.contains(letter))?;
        *places.next()? = letter;
    }
    if places.next().is_some() {
        return None;
    }
    digest(&SHA256, &letters[..]).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_testkit::ledger::SeededChance;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let right = hash("0123-4567-89ab-cdef-ghjk-1100").unwrap();
        for typed in [
            "0123456789abcdefghjk1100",
            "0123 4567 89AB CDEF GHJK 1100",
            " o123-4567-89ab-cdef-ghjk-liO0\n",
            "0123–4567–89ab–cdef–ghjk–1100",
        ] {
            assert_eq!(hash(typed), Some(right), "{typed}");
        }
        for wrong in
            ["", "0123-4567-89ab-cdef-ghjk-110", "0123-4567-89ab-cdef-ghjk-11000", "u123-4567-89ab-cdef-ghjk-1100", "é"]
        {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
        assert_ne!(hash("0123-4567-89ab-cdef-ghjk-1101"), Some(right));
    }

    #[test]
    fn a_code_has_six_groups_of_four_and_none_is_like_another() {
        let chance = SeededChance::of(1);
        let codes: Vec<_> = (0..100).map(|_| code(&chance).expose().clone()).collect();
        assert!(codes.iter().all(|code| code.len() == 29 && code.split('-').all(|group| group.len() == 4)));
        let different: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!(different.len(), 100);
    }
}
