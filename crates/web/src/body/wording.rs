//! What is wrong with a JSON value, in words that repeat nothing of it.

use crate::problem::sentence;
use serde_path_to_error::{Path, Segment};
use std::fmt::Write as _;

/// How our own types begin what they say of a value; such sentences are made of fixed words.
const OWN_SENTENCES: [&str; 5] = [
    "an id that begins with `",
    "a moment is written as in RFC 3339",
    "a consumer is an object with ",
    "each field of a consumer is a text",
    "there is no such permission",
];

/// The JSON pointer (RFC 6901) of a place. Names of fields that we do not know are not repeated.
pub(super) fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        // Writing to a String cannot fail.
        let _ = match segment {
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Map { key } if is_our_name(key) => write!(pointer, "/{key}"),
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        };
    }
    pointer
}

/// The names of our fields are short and plain; an address or a name typed as a field would not be.
fn is_our_name(key: &str) -> bool {
    key.len() <= 32 && key.bytes().all(|symbol| symbol.is_ascii_lowercase() || symbol == b'_')
}

/// What a parser said, with nothing of what it had read.
pub(super) fn in_our_words(said: &str) -> String {
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    for (begins, sentence) in [("missing field `", "is missing"), ("duplicate field `", "is said twice")] {
        let field = said.strip_prefix(begins).and_then(|rest| rest.strip_suffix('`'));
        if let Some(field) = field.filter(|field| is_our_name(field)) {
            return format!("The field `{field}` {sentence}.");
        }
    }
    let parsers = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `", "unknown field `"];
    if parsers.iter().any(|begins| said.starts_with(begins)) {
        // What was read stands before the last "expected", what is wanted behind it.
        if let Some((_, expected)) = said.rsplit_once(", expected ") {
            return format!("Expected: {}.", plainly(expected));
        }
    }
    if OWN_SENTENCES.iter().any(|begins| said.starts_with(begins)) {
        return sentence(said.to_owned().into()).into_owned();
    }
    String::from("The value is not what this field takes.")
}

/// The names of types, as people who do not write Rust would say them.
fn plainly(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a sequence" => "an array",
        "a map" => "an object",
        "a boolean" => "true or false",
        other if other.starts_with("one of `AED`") => "a currency's code of ISO 4217, such as EUR",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("enum ") || other.starts_with("variant") => "one of the known words",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_read_is_repeated() {
        for (said, ours) in [
            ("missing field `quantity` at line 1 column 2", "The field `quantity` is missing."),
            ("duplicate field `quantity`", "The field `quantity` is said twice."),
            (
                "invalid type: string \"canary\", expected u32 at line 3 column 9",
                "Expected: a whole number, not negative and not too large.",
            ),
            ("invalid type: string \"canary, expected canary\", expected a sequence", "Expected: an array."),
            ("invalid value: integer `-1`, expected struct Money", "Expected: an object."),
            ("unknown variant `canary`, expected `live` or `test`", "Expected: `live` or `test`."),
            ("unknown field `canary`, there are no fields", "The value is not what this field takes."),
            ("canary at line 1 column 1", "The value is not what this field takes."),
            ("an id that begins with `ord_` was expected", "An id that begins with `ord_` was expected."),
        ] {
            assert_eq!(in_our_words(said), ours);
        }
    }
}
