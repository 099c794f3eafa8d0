//! Cells that a spreadsheet would run as formulae, and how they are kept from that.
//!
//! Source: OWASP, "CSV Injection": a cell that begins with one of these signs gets an apostrophe before it. One that begins
//! with apostrophes before such a sign gets one more, so that taking one off again always gives what there was.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula.
const SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

fn is_risky(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(SIGNS)
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
            ("+44", "'+44"),
            ("-1", "'-1"),
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
            prop_assert_eq!(unguarded(&guarded(&text)), text.as_str());
            prop_assert!(!guarded(&text).starts_with(SIGNS));
        }
    }
}
