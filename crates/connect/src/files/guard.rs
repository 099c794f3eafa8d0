//! Cells that a spreadsheet would run as formulae, and how they are kept from that.
//!
//! Source: OWASP, "CSV Injection": a cell that begins with one of these signs gets an apostrophe before it. One that begins
//! with apostrophes before such a sign gets one more, so that taking one off again always gives what there was.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula.
const SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

fn is_risky(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.starts_with(SIGNS) && !is_number(text)
}

/// A number alone runs nothing, and must stay one.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = digits.split(['.', ',']);
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The cell as it is written.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_risky(text) { format!("'{text}").into() } else { text.into() }
}

/// The cell as it was before it was guarded; one that never was, as it is.
pub fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_risky(rest)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulae_are_made_harmless() {
        for (plain, written) in [
            ("=1+1", "'=1+1"),
            ("+44 20", "'+44 20"),
            ("-1+1", "'-1+1"),
            ("-1.299,50", "-1.299,50"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=x", "''=x"),
            ("Tea", "Tea"),
            ("'tis", "'tis"),
            ("", ""),
        ] {
            assert_eq!(guarded(plain), written);
            assert_eq!(unguarded(written), plain);
        }
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(text in "['=+@\t\r-]{0,3}.{0,5}") {
            let written = guarded(&text);
            prop_assert_eq!(unguarded(&written), text.as_str());
            prop_assert!(!written.starts_with(SIGNS) || is_number(&text));
        }
    }
}
