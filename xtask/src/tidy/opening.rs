//! Every file opens with docs whose first line is one sentence that says what the file is for.

use super::Refusal;
use crate::source::Source;

/// Shorter openings, like a lone letter, say nothing.
const WORDS_MIN: usize = 3;

pub fn refusals(source: &Source) -> Vec<Refusal> {
    match fault(source.text.lines().next().unwrap_or_default()) {
        Some(fault) => vec![Refusal::line(&source.path, 1, fault)],
        None => Vec::new(),
    }
}

fn fault(first: &str) -> Option<&'static str> {
    let Some(sentence) = first.strip_prefix("//! ") else {
        return Some("the file must open with `//!` docs");
    };
    if !sentence.ends_with(['.', '?', '!']) {
        return Some("the first line of the docs must be one whole sentence with its full stop");
    }
    (sentence.split_whitespace().count() < WORDS_MIN).then_some("the first line of the docs says nothing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(text: &str) -> String {
        words(&refusals(&Source::new("crates/a/src/x.rs", text)))
    }

    #[test]
    fn a_sentence_is_asked_for() {
        assert_eq!(said("//! The tree of a log.\n//!\n//! More.\nfn a() {}"), "");
        assert!(said("fn a() {}").contains("must open with"));
        assert!(said("").contains("must open with"));
        assert!(said("// The tree of a log.").contains("must open with"));
        assert!(said("#![deny(missing_docs)]\n//! The tree of a log.").contains("must open with"));
        assert!(said("//! The tree of a log, which\n//! goes on.").contains("whole sentence"));
        assert!(said("//! x").contains("whole sentence"));
        assert!(said("//! Orders.").contains("says nothing"));
    }
}
