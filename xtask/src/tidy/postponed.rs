//! Nothing is put off in the code: no notes to oneself, no tests that never run.

use super::Refusal;
use crate::source::Source;

/// Words that mark work left for later. A task belongs in the tracker, with who waits for it.
const NOTES: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

pub fn refusals(source: &Source) -> Vec<Refusal> {
    let notes = source.comments.lines().enumerate().filter_map(|(at, line)| {
        let note = NOTES.into_iter().find(|note| has_word(line, note))?;
        Some(Refusal::line(
            &source.path,
            at + 1,
            format!("`{note}` is a note to oneself: do it, or file it and say nothing"),
        ))
    });
    let ignored = source.code.match_indices("#[").filter_map(|(at, _)| {
        let attribute = source.code.get(at..)?.split(']').next()?;
        let why = "an ignored test is no test: make it run, or remove it";
        has_word(attribute, "ignore").then(|| Refusal::line(&source.path, source.line(at), why))
    });
    notes.chain(ignored).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(text: &str) -> String {
        words(&refusals(&Source::new("crates/a/src/x.rs", text)))
    }

    #[test]
    fn notes_to_oneself_are_refused() {
        assert!(said("fn a() {}\n// TODO: later\n").contains("x.rs:2: `TODO`"));
        assert!(said("/// FIXME(me) soon").contains("`FIXME`"));
        assert_eq!(said("let a = \"TODO\"; // a HACKSAW is fine"), "");
    }

    #[test]
    fn ignored_tests_are_refused() {
        assert!(said("#[test]\n#[ignore]\nfn a() {}").contains("x.rs:2"));
        assert!(said("#[ignore = \"slow\"]").contains("ignored test"));
        assert!(said("#[cfg_attr(unix, ignore)]").contains("ignored test"));
        assert_eq!(said("#[serde(default)]\nfn ignore() {} // #[ignore]"), "");
    }
}
