//! What texts, addresses and prices a catalogue takes.

use super::{BARCODE_MAX, PRICE_MINOR_MAX, URL_BYTES_MAX};
use crate::screen::cards;
use bonded_base::{Money, Problem, Reason};
use std::borrow::Cow;

/// The same text without white space around it; moved, not copied, if there is none.
pub(super) fn trimmed(text: String) -> String {
    let trimmed = text.trim();
    if trimmed.len() == text.len() { text } else { trimmed.to_owned() }
}

/// One line of at most `max` characters, trimmed; may be empty.
pub(super) fn line(text: String, pointer: &'static str, max: usize) -> Result<String, Problem> {
    let text = bounded_line(text, pointer, max)?;
    if cards::has_card_number(&text) { Err(cards::refused(pointer)) } else { Ok(text) }
}

/// What is printed on a thing, or nothing.
pub(super) fn barcode(text: Option<String>) -> Result<Option<String>, Problem> {
    const POINTER: &str = "/barcode";
    let text = text.map(|text| bounded_line(text, POINTER, BARCODE_MAX)).transpose()?.filter(|text| !text.is_empty());
    match &text {
        Some(text) if cards::barcode_has_card_number(text) => Err(cards::refused(POINTER)),
        _ => Ok(text),
    }
}

fn bounded_line(text: String, pointer: &'static str, max: usize) -> Result<String, Problem> {
    let text = trimmed(text);
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(pointer, "line breaks and control characters do not belong here"));
    }
    if exceeds(&text, max) {
        return Err(too_much(pointer, format!("at most {max} characters")));
    }
    Ok(text)
}

/// One line that says something.
pub(super) fn filled_line(text: String, pointer: &'static str, max: usize) -> Result<String, Problem> {
    let text = line(text, pointer, max)?;
    if text.is_empty() {
        return Err(Problem::invalid(pointer, "this cannot be empty"));
    }
    Ok(text)
}

/// One line, or nothing if it says nothing.
pub(super) fn optional_line(
    text: Option<String>,
    pointer: &'static str,
    max: usize,
) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let text = line(text, pointer, max)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Text of several lines, of at most `bytes_max` bytes.
pub(super) fn block(text: String, pointer: &'static str, bytes_max: usize) -> Result<String, Problem> {
    if text.len() > bytes_max {
        return Err(too_much(pointer, format!("at most {bytes_max} bytes")));
    }
    if text.chars().any(|symbol| symbol.is_control() && !matches!(symbol, '\n' | '\r' | '\t')) {
        return Err(Problem::invalid(pointer, "control characters do not belong here"));
    }
    if cards::has_card_number(&text) {
        return Err(cards::refused(pointer));
    }
    Ok(text)
}

/// An address that a partner's browser can load without warning: `https`, with a host, without credentials.
pub(super) fn https_url(text: String, pointer: &'static str) -> Result<String, Problem> {
    let text = trimmed(text);
    if text.len() > URL_BYTES_MAX {
        return Err(too_much(pointer, format!("at most {URL_BYTES_MAX} bytes")));
    }
    let Some(rest) = text.strip_prefix("https://") else {
        return Err(Problem::invalid(pointer, "an address that begins with https:// is needed"));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_fits = |symbol: char| symbol.is_alphanumeric() || matches!(symbol, '.' | '-' | ':' | '[' | ']');
    let begins_well = host.starts_with(|first: char| first.is_alphanumeric() || first == '[');
    if !begins_well || !host.chars().all(host_fits) {
        return Err(Problem::invalid(pointer, "the address has no host, or one with credentials in it"));
    }
    if text.chars().any(|symbol| symbol.is_whitespace() || symbol.is_control() || "<>\"\\^`{|}".contains(symbol)) {
        return Err(Problem::invalid(pointer, "the address holds characters that must be percent-encoded"));
    }
    Ok(text)
}

/// A price that may be charged: not negative, within [`PRICE_MINOR_MAX`].
pub(super) fn price(money: Money, pointer: &'static str) -> Result<Money, Problem> {
    if money.amount < 0 {
        return Err(Problem::invalid(pointer, "a price cannot be negative"));
    }
    if money.amount > PRICE_MINOR_MAX {
        return Err(too_much(pointer, format!("at most {PRICE_MINOR_MAX} minor units")));
    }
    Ok(money)
}

/// More than a limit allows.
pub(super) fn too_much(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem { reason: Reason::TooMuch, ..Problem::invalid(pointer, detail) }
}

/// Whether a text has more than `max` characters; counts only when its bytes could be too many.
fn exceeds(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Currency;

    #[test]
    fn lines_are_trimmed_and_limited_in_characters() {
        assert_eq!(line("  Tea ".to_owned(), "/title", 3).unwrap(), "Tea");
        assert_eq!(line("Thé".to_owned(), "/title", 3).unwrap(), "Thé");
        assert_eq!(line("Teas".to_owned(), "/title", 3).unwrap_err().reason, Reason::TooMuch);
        for text in ["a\nb", "a\0b", "a\u{85}b", "a\u{7f}b"] {
            assert_eq!(line(text.to_owned(), "/title", 9).unwrap_err().reason, Reason::Invalid, "{text:?}");
        }
        assert!(filled_line(" \t".to_owned(), "/title", 9).is_err());
        assert_eq!(optional_line(Some("  ".to_owned()), "/sku", 9), Ok(None));
    }

    #[test]
    fn blocks_keep_their_lines_and_nothing_stranger() {
        assert_eq!(block("a\r\n\tb ".to_owned(), "/d", 9).unwrap(), "a\r\n\tb ");
        assert!(block("a\0".to_owned(), "/d", 9).is_err());
        assert_eq!(block("0123456789".to_owned(), "/d", 9).unwrap_err().reason, Reason::TooMuch);
    }

    #[test]
    fn addresses_are_https_with_a_host_and_no_credentials() {
        for good in [
            "https://cdn.example.com/a_925x@2x.jpg?v=1#top",
            " https://example.com ",
            "https://[2001:db8::1]:8443/a.png",
            "https://bücher.example/ü.png",
        ] {
            assert!(https_url(good.to_owned(), "/url").is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://example.com/a",
            "https://",
            "https:///a",
            "https://a b/c",
            "https://user:pw@example.com/a",
            "javascript:alert(1)",
            "https://example.com/a b",
            "https://example.com/\"><script>",
            "https://.example",
            "HTTPS//example.com",
            "https://example.com/\u{0}",
        ] {
            assert!(https_url(bad.to_owned(), "/url").is_err(), "{bad}");
        }
        assert!(https_url(format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX)), "/url").is_err());
    }

    #[test]
    fn prices_are_neither_negative_nor_endless() {
        let euro = |amount| Money::new(amount, Currency::EUR);
        assert_eq!(price(euro(0), "/price"), Ok(euro(0)));
        assert_eq!(price(euro(-1), "/price").unwrap_err().reason, Reason::Invalid);
        assert_eq!(price(euro(PRICE_MINOR_MAX + 1), "/price").unwrap_err().reason, Reason::TooMuch);
    }
}
