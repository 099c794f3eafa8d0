//! Free text as callers send it: trimmed, bounded, without control characters and card numbers.

use crate::screen::cards;
use bonded_base::Problem;

/// A text of one line, trimmed: not empty, at most `chars_max` characters, nothing invisible that moves a cursor.
pub(crate) fn line(pointer: &str, text: &str, chars_max: usize) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::invalid(pointer, "a text is needed here"));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(pointer, "one line of text without control characters is needed here"));
    }
    within(pointer, text, chars_max)?;
    if cards::has_card_number(text) {
        return Err(cards::refused(pointer));
    }
    Ok(text.to_owned())
}

/// The same for a text that may be left out: blank is as good as absent.
pub(crate) fn optional_line(pointer: &str, text: Option<&str>, chars_max: usize) -> Result<Option<String>, Problem> {
    text.filter(|text| !text.trim().is_empty()).map(|text| line(pointer, text, chars_max)).transpose()
}

/// Refuses a text of more than `chars_max` characters.
pub(crate) fn within(pointer: &str, text: &str, chars_max: usize) -> Result<(), Problem> {
    // Counting only as far as needed keeps a huge text cheap.
    if text.chars().nth(chars_max).is_some() {
        return Err(Problem::invalid(pointer, format!("at most {chars_max} characters are kept here")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_bounded() {
        assert_eq!(line("/name", "  Nord & Süd ", 10).unwrap(), "Nord & Süd");
        for bad in ["", "   ", "two\nlines", "bell\u{7}", "Nord & Süd!"] {
            let problem = line("/name", bad, 10).unwrap_err();
            assert_eq!(problem.pointer.as_deref(), Some("/name"), "{bad}");
        }
        assert_eq!(optional_line("/name", Some(" "), 10).unwrap(), None);
        assert!(optional_line("/name", Some("0123456789x"), 10).is_err());
    }
}
