//! Files stay short enough to be read in one sitting; functions are clippy's (`too-many-lines-threshold`).

use super::Refusal;
use crate::source::Source;
use std::path::Path;

/// Lines of a file, not counting items under `#[cfg(test)]`.
const LINES_MAX: usize = 500;

/// Longer files, each with the reason why it is better whole.
const EXCEPTIONS: [(&str, &str); 0] = [];

pub fn refusals(source: &Source) -> Vec<Refusal> {
    let lines = lines(source);
    if lines <= LINES_MAX || EXCEPTIONS.iter().any(|(path, _)| source.path == Path::new(path)) {
        return Vec::new();
    }
    vec![Refusal::file(&source.path, format!("{lines} lines beside its tests, {LINES_MAX} are allowed: split it"))]
}

/// Exceptions that are no longer needed.
pub fn stale_exceptions(sizes: &[(&Path, usize)]) -> Vec<Refusal> {
    let is_long = |path: &str| sizes.iter().any(|(long, lines)| *long == Path::new(path) && *lines > LINES_MAX);
    let stale = EXCEPTIONS.iter().filter(|(path, _)| !is_long(path));
    stale.map(|(path, _)| Refusal::new(*path, "is not long: take it off the list in xtask/src/tidy/size.rs")).collect()
}

/// How many lines count.
pub fn lines(source: &Source) -> usize {
    let all = source.text.lines().count();
    let in_tests: usize =
        source.test_items().iter().map(|item| source.text.get(item.clone()).unwrap_or_default().lines().count()).sum();
    all.saturating_sub(in_tests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(text: &str) -> String {
        words(&refusals(&Source::new("crates/a/src/x.rs", text)))
    }

    #[test]
    fn a_long_file_is_refused() {
        assert_eq!(said(&"let a;\n".repeat(LINES_MAX)), "");
        assert!(said(&"let a;\n".repeat(LINES_MAX + 1)).contains("501 lines"));
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "let a;\n".repeat(LINES_MAX));
        assert_eq!(said(&format!("{}{tests}", "let a;\n".repeat(LINES_MAX))), "");
        assert!(said(&format!("{tests}{}", "let a;\n".repeat(LINES_MAX + 1))).contains("501 lines"));
        assert!(said(&format!("#[cfg(test)]\nmod tests;\n{}", "let a;\n".repeat(LINES_MAX + 1))).contains("501 lines"));
    }
}
