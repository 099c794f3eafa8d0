//! A Rust file split into what is code, what is comment and what is text, so that rules look at the right part.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// One file of the tree, its path relative to the root.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The text with comments, strings and characters blanked out; every line keeps its number and length.
    pub code: String,
    /// The text with all but comments blanked out.
    pub comments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Quoted,
}

impl Source {
    /// Reads the parts of `text`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let (mut code, mut comments) = (String::new(), String::new());
        for (part, piece) in parts(&text) {
            code.push_str(&if part == Part::Code { piece.to_owned() } else { blank(piece) });
            comments.push_str(&if part == Part::Comment { piece.to_owned() } else { blank(piece) });
        }
        Self { path: path.into(), text, code, comments }
    }

    /// The number of the line at this byte, the first being 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    /// Where items under `#[cfg(test)]` stand, in bytes.
    pub fn test_items(&self) -> Vec<Range<usize>> {
        const MARK: &str = "#[cfg(test)]";
        let mut items: Vec<Range<usize>> = Vec::new();
        for (at, _) in self.code.match_indices(MARK) {
            if items.last().is_none_or(|last| last.end <= at) {
                items.push(at..item_end(&self.code, at + MARK.len()));
            }
        }
        items
    }

    /// Is the whole file there for tests or measurements alone?
    pub fn is_test(&self) -> bool {
        ["crates/shopkit", "crates/testkit"].iter().any(|kit| self.path.starts_with(kit))
            || self.path.file_name().is_some_and(|name| name == "tests.rs")
            || self.path.parent().unwrap_or(Path::new("")).iter().any(|part| part == "tests" || part == "examples")
    }

    /// Does the byte belong to the product, not to its tests?
    pub fn is_product(&self, at: usize) -> bool {
        !self.is_test() && !self.test_items().iter().any(|item| item.contains(&at))
    }
}

/// Where the item that begins at `from` ends: at its `;`, or at the brace that closes its first one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The same shape without a letter.
fn blank(piece: &str) -> String {
    piece.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn parts(text: &str) -> Vec<(Part, &str)> {
    let mut found: Vec<(Part, &str)> = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let is_inside_word = before.is_alphanumeric() || before == '_';
        let (part, length) = quoted_or_comment(rest, is_inside_word).unwrap_or((Part::Code, first.len_utf8()));
        let (piece, after) = rest.split_at(length);
        found.push((part, piece));
        before = piece.chars().next_back().unwrap_or(before);
        rest = after;
    }
    found
}

/// What begins here, and how long it is, unless it is code.
fn quoted_or_comment(rest: &str, is_inside_word: bool) -> Option<(Part, usize)> {
    if rest.starts_with("//") {
        return Some((Part::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Part::Comment, block_comment(rest)));
    }
    if rest.starts_with('"') {
        return Some((Part::Quoted, until_unescaped(rest, '"')));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|length| (Part::Quoted, length));
    }
    if is_inside_word { None } else { raw_string(rest).map(|length| (Part::Quoted, length)) }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with("*/") {
            (depth, at) = (depth.saturating_sub(1), at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Up to and with the closing `quote`; the first character opens.
fn until_unescaped(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'x'` or `'\n'`; a lifetime is code.
fn character(rest: &str) -> Option<usize> {
    let mut after = rest.chars().skip(1);
    match (after.next()?, after.next()) {
        ('\\', _) | (_, Some('\'')) => Some(until_unescaped(rest, '\'')),
        _ => None,
    }
}

/// `r"…"`, `br#"…"#`, `cr##"…"##`.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest.get(prefix.len()..)?.bytes().take_while(|byte| *byte == b'#').count();
    let body = prefix.len() + hashes + 1;
    rest.get(..body)?.strip_suffix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest.get(body..)?.find(&close)?;
    Some(body + end + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("x.rs", text).code
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        assert_eq!(code("a(\"b\\\"c\") // d\ne"), "a(      )     \ne");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code("r#\"a\"b\"# + br\"c\""), "         +      ");
        assert_eq!(code("'a' '\\'' '\"' 'life str"), "             'life str");
        assert_eq!(code("for\"x\""), "for   ");
        assert_eq!(code("r#type"), "r#type");
    }

    #[test]
    fn lines_keep_their_places() {
        let source = Source::new("x.rs", "let a = \"two\nlines\";\n// über\nlet b;");
        assert_eq!(source.code.len(), source.text.len());
        assert_eq!(source.line(source.code.find("let b").unwrap()), 4);
        assert!(source.comments.contains("// über"));
        assert!(!source.comments.contains("two"));
    }

    #[test]
    fn items_under_test_are_found() {
        let source = Source::new("crates/a/src/x.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}");
        assert!(source.is_product(source.code.find("fn a").unwrap()));
        assert!(!source.is_product(source.code.find("fn b").unwrap()));
        assert!(source.is_product(source.code.find("fn c").unwrap()));
        let source = Source::new("crates/a/src/x.rs", "#[cfg(test)]\nmod model;\nfn c() {}");
        assert!(source.is_product(source.code.find("fn c").unwrap()));
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        for path in [
            "crates/a/tests/x.rs",
            "crates/a/src/tests.rs",
            "crates/testkit/src/x.rs",
            "crates/a/src/tests/x.rs",
            "crates/a/examples/x.rs",
        ] {
            assert!(Source::new(path, "").is_test(), "{path}");
        }
        assert!(!Source::new("crates/a/src/x.rs", "").is_test());
    }
}
