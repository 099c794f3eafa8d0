//! Passwords: which ones are taken, how they are kept, and how one is compared with what is kept.
//!
//! Rules are those of NIST SP 800-63B-4, section 3.1.1: length and a list, nothing about kinds of characters; any
//! Unicode, normalised (NFKC), compared whole. Kept is Argon2id (RFC 9106), concealed inside the record.
//!
//! Known weak are: what breaches showed ([`super::breached`]), and what needs fewer than 10^10 guesses by the estimate of
//! `zxcvbn`, which knows common passwords, words, names, dates, repetitions, sequences, rows of keys, the usual
//! substitutions, and the words that the person and the product are called by. The standard compares whole passwords
//! with a list and not the words in them. So does this, if one takes for the list what a guesser would try first: a
//! password is judged as a whole by its place there, and four words that do not belong together are far beyond it.

use super::breached::{essence, is_listed};
use super::{CredentialError, Keeper};
use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use bonded_base::{Moment, Problem, Secret};
use bonded_ledger::{Concealed, Record};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Characters that a password must have: it may be the only factor (NIST SP 800-63B-4, section 3.1.1.2).
pub const CHARS_MIN: usize = 15;
/// Characters that a password may have, so that nobody sends a book.
pub const CHARS_MAX: usize = 256;
/// Guesses that must be needed at least, as a power of ten.
pub const GUESSES_LOG10_MIN: f64 = 10.0;

/// Memory for one hash, in KiB.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSES: u32 = 2;
/// Lanes that could be computed side by side.
pub const LANES: u32 = 1;
/// Hashes that are computed at once: 76 MiB.
pub const AT_ONCE_MAX: usize = 4;
/// Hashes that wait for their turn; whoever comes then is told to come again.
pub const WAITING_MAX: usize = 60;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Words of the person that are considered.
const CONTEXT_WORDS_MAX: usize = 24;
/// Characters of a password, and of a word of its context, that the estimate looks at; its work grows faster than they do.
const ESTIMATED_CHARS_MAX: usize = 48;
/// Decoration around a breached password that makes it no better, in characters.
const DECORATION_CHARS_MAX: usize = 6;
const PURPOSE: &str = "password";

/// A password as a record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// The hash in PHC string format (`$argon2id$v=19$…`), concealed.
    hash: Concealed,
    /// What the hash cost, for everyone to see.
    pub cost: Cost,
    /// Since when it holds.
    pub set_at: Moment,
}

/// What a hash costs whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// In KiB.
    pub memory_kib: u32,
    /// Over that memory.
    pub passes: u32,
    /// Side by side.
    pub lanes: u32,
}

impl Cost {
    /// What a hash costs today.
    pub const TODAY: Self = Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };

    fn params(self) -> Result<Params, CredentialError> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_BYTES)).map_err(|_| unreadable())
    }
}

impl Password {
    /// Whether it should be hashed anew at the next sign-in, since hashes cost more today.
    pub fn needs_rehash(&self) -> bool {
        self.cost != Cost::TODAY
    }
}

/// Where passwords are hashed: a few at once, in threads of their own, so that nobody else waits.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Those that are hashed.
    turns: Arc<Semaphore>,
    /// Those, and those that wait.
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            places: Arc::new(Semaphore::new(AT_ONCE_MAX + WAITING_MAX)),
        }
    }
}

impl Passwords {
    /// A place to hash passwords; one for the whole process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a password that is to be kept, if the rules take it: see [`check_new`].
    ///
    /// # Errors
    /// [`CredentialError::Problem`] names the rule, [`CredentialError::Busy`] asks to come again.
    pub async fn make<R: Record>(
        &self,
        keeper: Keeper<'_, R>,
        password: Secret<String>,
        context: &[&str],
    ) -> Result<Password, CredentialError> {
        let context: Vec<String> = context.iter().map(|word| (*word).to_owned()).collect();
        let judged = move |password: &str| {
            let words: Vec<&str> = context.iter().map(String::as_str).collect();
            check_new(password, &words)
        };
        self.hashed(keeper, password, judged).await
    }

    /// The same password, which was just found right, hashed as hashes are made today.
    pub async fn rehash<R: Record>(
        &self,
        keeper: Keeper<'_, R>,
        password: Secret<String>,
    ) -> Result<Password, CredentialError> {
        self.hashed(keeper, password, |_| Ok(())).await
    }

    async fn hashed<R: Record>(
        &self,
        keeper: Keeper<'_, R>,
        password: Secret<String>,
        judged: impl FnOnce(&str) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Password, CredentialError> {
        let mut salt = [0; SALT_BYTES];
        keeper.ledger.chance().fill(&mut salt);
        let work = move || {
            judged(password.expose())?;
            let hash = hash(password.expose(), &salt, Cost::TODAY)?;
            phc(&salt, &hash, Cost::TODAY)
        };
        let text = self.in_turn(work).await?;
        let hash = keeper.conceal(PURPOSE, text.as_bytes())?;
        Ok(Password { hash, cost: Cost::TODAY, set_at: keeper.now() })
    }

    /// Whether this is the password that is kept. Takes as long where none is kept, or there is no such person.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`] if it is not; [`CredentialError::Busy`] asks to come again.
    pub async fn verify<R: Record>(
        &self,
        keeper: Keeper<'_, R>,
        password: Secret<String>,
        kept: Option<&Password>,
    ) -> Result<(), CredentialError> {
        let revealed = kept.map(|kept| keeper.reveal(PURPOSE, &kept.hash)).transpose()?;
        let work = move || {
            let known = revealed.as_ref().map(|text| read(text.expose())).transpose()?;
            let (salt, right, cost) = known.unwrap_or(([0; SALT_BYTES], None, Cost::TODAY));
            let shown = hash(password.expose(), &salt, cost)?;
            let right = right.as_ref().is_some_and(|right| verify_slices_are_equal(&right[..], &shown[..]).is_ok());
            if right { Ok(()) } else { Err(CredentialError::NotProven) }
        };
        self.in_turn(work).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CredentialError> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let permits = self.permits().await?;
        // The permits go with the work: whoever hangs up must not make room while it still runs.
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permits);
            outcome
        });
        worked.await.map_err(|_| CredentialError::Busy)?
    }

    async fn permits(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), CredentialError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| CredentialError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| CredentialError::Busy)?;
        Ok((place, turn))
    }
}

/// Whether a new password is taken. `context` is what the person, their account and their mail address are called.
///
/// It works for up to some hundred milliseconds on a password made to that end, so not where others wait: see
/// [`Passwords::make`]. The copies that the estimate makes for itself are not wiped.
pub fn check_new(password: &str, context: &[&str]) -> Result<(), Problem> {
    let refused = |detail: &'static str| Err(Problem::invalid("/password", detail));
    if password.chars().count() > CHARS_MAX {
        return refused("a password has at most 256 characters");
    }
    let password = normalised(password);
    if password.chars().count() < CHARS_MIN {
        return refused(
            "a password needs at least 15 characters: four or five words that do not belong together are good",
        );
    }
    let core = essence(&password);
    let decoration = password.chars().filter(|symbol| !symbol.is_alphabetic()).count();
    if decoration <= DECORATION_CHARS_MAX && is_listed(&core) {
        return refused("this password is known from breaches of other sites");
    }
    if is_guessable(&password, context) || is_made_of_names(&password, context) {
        return refused(
            "this password is easily guessed: it is a common one, repeats itself, or is made of your own names",
        );
    }
    Ok(())
}

/// Whether the estimate finds fewer than 10^10 guesses enough, for someone who knows the words of the context.
pub fn is_guessable(password: &str, context: &[&str]) -> bool {
    let words = words(context);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let password = Zeroizing::new(shortened(password));
    zxcvbn::zxcvbn(&password, &words).guesses_log10() < GUESSES_LOG10_MIN
}

/// Whether little is left of it when the words of the context are taken out.
fn is_made_of_names(password: &str, context: &[&str]) -> bool {
    let mut left = Zeroizing::new(password.to_lowercase());
    for word in words(context) {
        *left = left.replace(&word.to_lowercase(), "");
    }
    left.chars().filter(|symbol| !symbol.is_ascii_punctuation() && !symbol.is_whitespace()).count()
        <= DECORATION_CHARS_MAX
}

/// What the person, their account, their mail address and the product are called, as a whole and in parts; the longest
/// first.
fn words(context: &[&str]) -> Vec<String> {
    let parts = context.iter().flat_map(|text| text.split(|symbol: char| !symbol.is_alphanumeric()));
    let mut words: Vec<String> = ["bonded"]
        .into_iter()
        .chain(context.iter().copied())
        .chain(parts)
        .filter(|word| word.chars().count() > 2)
        .take(CONTEXT_WORDS_MAX)
        .map(shortened)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

fn shortened(text: &str) -> String {
    text.chars().take(ESTIMATED_CHARS_MAX).collect()
}

/// One form for what looks alike (Unicode Standard Annex 15, form KC), since keyboards differ in how they write it.
fn normalised(password: &str) -> Zeroizing<String> {
    // Room for all of it from the start: a string that grows leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(password.nfkc().map(char::len_utf8).sum()));
    text.extend(password.nfkc());
    text
}

fn hash(password: &str, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; HASH_BYTES]>, CredentialError> {
    // Nobody has a longer one; here it is only kept from taking long.
    let short = password.chars().count() <= CHARS_MAX;
    let password = normalised(if short { password } else { "" });
    let params = cost.params()?;
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut hash[..], memory.as_mut_slice())
        .map_err(|_| unreadable())?;
    Ok(hash)
}

/// The PHC string of a hash.
fn phc(salt: &[u8], hash: &[u8; HASH_BYTES], cost: Cost) -> Result<Zeroizing<String>, CredentialError> {
    let parts = PasswordHash {
        algorithm: Ident::new(Algorithm::Argon2id.as_str()).map_err(|_| unreadable())?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&cost.params()?).map_err(|_| unreadable())?,
        salt: Some(Salt::new(salt).map_err(|_| unreadable())?),
        hash: Some(Output::new(hash).map_err(|_| unreadable())?),
    };
    Ok(Zeroizing::new(parts.to_string()))
}

type Kept = ([u8; SALT_BYTES], Option<Zeroizing<[u8; HASH_BYTES]>>, Cost);

/// The salt, the hash and the cost that a PHC string says.
fn read(text: &[u8]) -> Result<Kept, CredentialError> {
    let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
    let parts = PasswordHash::new(text).map_err(|_| unreadable())?;
    let params = Params::try_from(&parts).map_err(|_| unreadable())?;
    let ours = parts.algorithm.as_str() == Algorithm::Argon2id.as_str() && parts.version == Some(Version::V0x13.into());
    let salt = parts.salt.as_ref().and_then(|salt| salt.as_ref().try_into().ok());
    let hash = parts.hash.as_ref().and_then(|hash| hash.as_ref().try_into().ok());
    let (true, Some(salt), Some(hash)) = (ours, salt, hash) else { return Err(unreadable()) };
    let cost = Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
    Ok((salt, Some(Zeroizing::new(hash)), cost))
}

const fn unreadable() -> CredentialError {
    CredentialError::Unreadable("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &[&str] = &["ada@lovelace.example", "Ada Lovelace", "Analytical Engines Ltd"];

    #[test]
    fn good_passwords_are_taken_whatever_they_are_made_of() {
        for good in [
            "zebra lantern quiet orbit",
            "jkdhfkvbsowpqlm",
            "842719305561774",
            "прозрачный-кирпич-утром",
            "草原の上に三つの青い電車が走っている夜",
            "🦀🌵🚲🎻🧊🥁🪁🍐🛶🧭🪗🌋🧵🫖🦉",
            &"zebra lantern quiet orbit ".repeat(9),
        ] {
            assert_eq!(check_new(good, CONTEXT), Ok(()), "{good}");
        }
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in [
            "",
            "short",
            "zebra lantern ",
            "passwordpassword",
            "password1234567!",
            "P@ssw0rdP@ssw0rd!",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrst",
            "123456789012345",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "iloveyouprincess",
            "monkeymonkeymonkey",
            "summer2026summer2026",
            "butterflies1959",
            "adalovelace2026",
            "ada@lovelace.example",
            "AdaLovelaceAdaLovelace",
            "lovelace-bonded-1",
            "analyticalengines!",
            "welcome to bonded",
            "correcthorsebatterystaple",
            "Correct Horse Battery Staple!",
            "ichliebemeinetiere1",
            "ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ",
            &"x9".repeat(60),
        ] {
            assert!(check_new(weak, CONTEXT).is_err(), "{weak}");
        }
    }

    #[test]
    fn nothing_is_cut_off_and_nothing_endless_is_taken() {
        let long = "zebra lantern quiet orbit; ".repeat(10);
        assert!(check_new(&long[..256], &[]).is_ok());
        assert!(check_new(&long[..257], &[]).is_err());
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        let (whole, cut) = (hash(&long[..256], &[7; 16], cost).unwrap(), hash(&long[..255], &[7; 16], cost).unwrap());
        assert_ne!(whole[..], cut[..]);
    }

    #[test]
    fn a_refusal_does_not_repeat_the_password() {
        let told = check_new("ada@lovelace.example", CONTEXT).unwrap_err().to_string();
        assert!(!told.contains("lovelace"), "{told}");
    }

    #[test]
    fn alike_looking_passwords_are_the_same() {
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        let hashed = |text: &str| hash(text, &[7; 16], cost).unwrap();
        // Composed and decomposed, a ligature, wide letters.
        assert_eq!(hashed("caf\u{e9} of\u{fb01}cial")[..], hashed("cafe\u{301} official")[..]);
        assert_eq!(hashed("ｗｉｄｅ")[..], hashed("wide")[..]);
        assert_ne!(hashed("Wide")[..], hashed("wide")[..]);
    }

    /// Computed with another implementation, the reference one in C (`argon2-cffi`).
    #[test]
    fn the_hash_is_argon2id_as_others_compute_it() {
        let hash = hash("zebra lantern quiet orbit", b"sixteen salt byt", Cost::TODAY).unwrap();
        let text = phc(b"sixteen salt byt", &hash, Cost::TODAY).unwrap();
        assert_eq!(
            text.as_str(),
            "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBzYWx0IGJ5dA$x4Ovst5G8+U0qh1CKtHrWKiKtamH+WZdNuOsMmfOfO0"
        );
        let (salt, kept, cost) = read(text.as_bytes()).unwrap();
        assert_eq!((&salt, cost), (b"sixteen salt byt", Cost::TODAY));
        assert_eq!(kept.unwrap()[..], hash[..]);
    }

    #[tokio::test]
    async fn whoever_comes_when_all_places_are_taken_is_told_to_come_again() {
        let passwords = Passwords::new();
        let all = u32::try_from(AT_ONCE_MAX + WAITING_MAX).unwrap();
        let taken = Arc::clone(&passwords.places).acquire_many_owned(all).await.unwrap();
        assert!(matches!(passwords.in_turn(|| Ok(())).await, Err(CredentialError::Busy)));
        drop(taken);
        assert!(passwords.in_turn(|| Ok(())).await.is_ok());
    }

    #[test]
    fn what_is_no_hash_of_ours_is_not_read() {
        let good = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBzYWx0IGJ5dA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(read(good.as_bytes()).is_ok());
        for bad in [
            "",
            "hunter2",
            &good.replace("argon2id", "argon2i"),
            &good.replace("v=19", "v=16"),
            &good.replace("$v=19", ""),
            &good.replace("m=19456,", "m=,"),
            &good[..good.len() - 4],
            &good.replace("c2l4dGVlbiBzYWx0IGJ5dA", "c2l4"),
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
