//! Handles: the name of a product in an address, made from its title when none is given.

use super::HANDLE_MAX;
use bonded_base::Problem;

/// The handle of a product whose title has no letter and no digit.
const HANDLE_OF_LAST_RESORT: &str = "product";

/// Characters that a generated handle leaves free for a number that tells it from another.
const ROOM_FOR_NUMBER: usize = 32;

/// A text as it stands in an address: letters and digits in lower case, all else as single hyphens between them.
///
/// Apostrophes vanish, as in `Women's Top` → `womens-top`. Empty if there is no letter and no digit.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    for symbol in text.chars() {
        if symbol.is_alphanumeric() || symbol == '_' {
            if gap && !slug.is_empty() {
                slug.push('-');
            }
            gap = false;
            if symbol.is_ascii() {
                slug.push(symbol.to_ascii_lowercase());
            } else {
                slug.extend(symbol.to_lowercase());
            }
        } else if !matches!(symbol, '\'' | '’') {
            gap = true;
        }
    }
    slug
}

/// The handle that a title makes, short enough to be numbered.
pub(super) fn of_title(title: &str) -> String {
    let mut handle = slug(title);
    if let Some((end, _)) = handle.char_indices().nth(HANDLE_MAX - ROOM_FOR_NUMBER) {
        handle.truncate(end);
        handle.truncate(handle.trim_end_matches('-').len());
    }
    if handle.is_empty() { HANDLE_OF_LAST_RESORT.to_owned() } else { handle }
}

/// A handle that somebody gave, brought into shape.
pub(super) fn given(handle: &str) -> Result<String, Problem> {
    let shaped = slug(handle);
    if shaped.is_empty() {
        return Err(Problem::invalid("/handle", "a handle needs a letter or a digit"));
    }
    if shaped.chars().nth(HANDLE_MAX).is_some() {
        return Err(super::text::too_much("/handle", format!("at most {HANDLE_MAX} characters")));
    }
    Ok(shaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_handles() {
        for (title, handle) in [
            ("Clay Plant Pot", "clay-plant-pot"),
            ("  Women’s  \"Varsity\" Top!! ", "womens-varsity-top"),
            ("7 Shakra - Bracelet", "7-shakra-bracelet"),
            ("Größe 10½", "größe-10½"),
            ("a_b", "a_b"),
            ("-- --", "product"),
            ("", "product"),
            ("🎁", "product"),
        ] {
            assert_eq!(of_title(title), handle);
        }
    }

    #[test]
    fn a_long_title_leaves_room_for_a_number() {
        let handle = of_title(&"tea ".repeat(200));
        assert!(handle.chars().count() <= HANDLE_MAX - ROOM_FOR_NUMBER);
        assert!(handle.ends_with("tea"));
    }

    #[test]
    fn given_handles_are_shaped_or_refused() {
        assert_eq!(given("Clay Pot").unwrap(), "clay-pot");
        assert!(given("///").is_err());
        assert!(given(&"a".repeat(HANDLE_MAX + 1)).is_err());
    }
}
