//! What the program shows once: sessions, codes, keys. They are overheard where they are shown, and looked for afterwards.

use crate::caller::{Answer, COOKIE_PREFIX};
use crate::search::Word;
use reqwest::header::SET_COOKIE;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// What the name of each begins with when it is looked for.
const SECRET: &str = "a secret: ";
/// What API keys begin with.
const KEYS: [&str; 2] = ["bk_test_", "bk_live_"];
/// Letters of an API key behind that at least; a list shows the last few alone.
const KEY_CHARS_MIN: usize = 20;
/// What pages show recovery codes in, and the secret of an authenticator app.
const RECOVERY: [&str; 2] = ["<li>", "</li>"];
const TOTP: [&str; 2] = ["<span class=\"code\">", "</span>"];
/// Letters of a recovery code with the hyphens.
const RECOVERY_CHARS: usize = 29;
/// Letters of the secret of an authenticator app: five bits each.
const TOTP_LETTERS: usize = 32;

/// Cookies by their names.
const COOKIES: [&str; 4] = ["session cookie", "staff cookie", "device cookie", "ceremony cookie"];
/// All sorts there are.
pub const SORTS: [&str; 9] = [
    COOKIES[0],
    COOKIES[1],
    COOKIES[2],
    COOKIES[3],
    API_KEY,
    LINK,
    RECOVERY_CODE,
    APP,
    "the password of the mail server",
];
const API_KEY: &str = "an API key";
const LINK: &str = "the code of a mailed link";
const RECOVERY_CODE: &str = "a recovery code";
const APP: &str = "the secret of an authenticator app";

/// Everything that was shown once, with what it is.
#[derive(Default)]
pub struct Secrets(Mutex<BTreeSet<(&'static str, Vec<u8>)>>);

/// Whether a word of this name is one of them.
pub fn is(name: &str) -> bool {
    name.starts_with(SECRET)
}

/// The name of one.
pub fn named(what: &str) -> String {
    format!("{SECRET}{what}")
}

impl Secrets {
    /// One that was shown in some other way.
    pub fn keep(&self, what: &'static str, text: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().insert((what, text.into()));
    }

    /// The code at the end of a mailed link.
    pub fn keep_link(&self, link: &str) {
        self.keep(LINK, link.rsplit('/').next().unwrap());
    }

    /// All of them that an answer shows.
    pub fn overhear(&self, answer: &Answer) {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            match cookie.split_once('=') {
                Some((name, value)) if !value.is_empty() => {
                    let known =
                        COOKIES.iter().find(|known| name.strip_prefix(COOKIE_PREFIX) == known.split(' ').next());
                    let known = known.unwrap_or_else(|| panic!("nobody knows the cookie {name}"));
                    self.keep(known, value.trim_start_matches("bs_"));
                }
                _ => {}
            }
        }
        let text = answer.text();
        for key in KEYS.into_iter().flat_map(|prefix| text.split(prefix).skip(1)) {
            let key: String = key.chars().take_while(char::is_ascii_alphanumeric).collect();
            if key.len() >= KEY_CHARS_MIN {
                self.keep(API_KEY, key);
            }
        }
        for code in recovery_codes(&text) {
            self.keep(RECOVERY_CODE, code.replace('-', ""));
            self.keep(RECOVERY_CODE, code);
        }
        if let Some(shown) = totp(&text) {
            let letters = shown.replace(' ', "");
            self.keep(APP, base32(&letters));
            self.keep(APP, letters);
            self.keep(APP, shown);
        }
    }

    /// All of them, to be looked for.
    pub fn words(&self) -> Vec<Word> {
        let all = self.0.lock().unwrap();
        all.iter().map(|(what, bytes)| Word::new(named(what), &bytes[..])).collect()
    }

    /// How many there are of each sort; fails if there is none of one.
    pub fn counted(&self) -> String {
        let all = self.0.lock().unwrap();
        let counted = SORTS.map(|sort| {
            let count = all.iter().filter(|(what, _)| *what == sort).count();
            assert!(count > 0, "{sort} was never shown");
            format!("{sort} ({count})")
        });
        counted.join(", ")
    }
}

fn between<'a>(text: &'a str, [before, after]: [&'static str; 2]) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

/// The recovery codes that a page shows.
pub fn recovery_codes(page: &str) -> Vec<String> {
    let is_code = |text: &&str| text.len() == RECOVERY_CHARS && text.split('-').all(|group| group.len() == 4);
    between(page, RECOVERY).filter(is_code).map(str::to_owned).collect()
}

/// The secret of an authenticator app that a page shows, in groups of letters.
pub fn totp(page: &str) -> Option<String> {
    let is_secret = |text: &&str| text.chars().filter(char::is_ascii_alphanumeric).count() == TOTP_LETTERS;
    between(page, TOTP).find(is_secret).map(str::to_owned)
}

/// Reads base32 (RFC 4648 section 6).
pub fn base32(letters: &str) -> Vec<u8> {
    let digit = |letter: u8| if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
    let bits: Vec<bool> =
        letters.bytes().flat_map(|letter| (0..5).rev().map(move |bit| digit(letter) >> bit & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}
