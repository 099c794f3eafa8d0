//! Paths that the pages name exist, so that nobody follows one into the void.

use super::{Page, Refusal};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Made while building, so not in the tree.
const MADE: [&str; 1] = ["target"];

pub fn refusals(page: &Page, files: &BTreeSet<PathBuf>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (line, text) in prose(&page.text) {
        let links = links(text).filter(|link| is_relative(link)).map(|link| (link, false));
        let spans = spans(text).map(|span| (span, true));
        for (path, is_span) in links.chain(spans) {
            if !exists(page, path, is_span, files) {
                refusals.push(Refusal::line(&page.path, line, format!("`{path}` does not exist")));
            }
        }
    }
    refusals
}

/// Numbered lines outside of fenced blocks, which hold commands and output.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence).then_some((at + 1, line))
    })
}

/// The targets of `[text](target)`, without what follows a `#`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|link| link.split('#').next().unwrap_or(link))
}

fn is_relative(link: &str) -> bool {
    !link.is_empty() && !link.contains(':') && !link.starts_with('/')
}

/// What stands between backticks and could be a path.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    let could_be_path = |span: &&str| {
        span.chars().all(|character| character.is_alphanumeric() || "./_-".contains(character))
            && !span.starts_with('/')
            && (span.contains('/') || is_page(span))
    };
    line.split('`').skip(1).step_by(2).filter(could_be_path)
}

/// A link must lead somewhere from its page. A span may also begin at the root; it is taken for a path of ours when its
/// first part exists, because `application/json` is none.
fn exists(page: &Page, path: &str, is_span: bool, files: &BTreeSet<PathBuf>) -> bool {
    let beside = page.path.parent().unwrap_or(Path::new(""));
    let bases = if is_span { vec![beside, Path::new("")] } else { vec![beside] };
    let at = |part: &Path| bases.iter().any(|base| is_there(&base.join(part), files));
    let first: PathBuf = Path::new(path).components().take(1).collect();
    if MADE.iter().any(|made| first == Path::new(made)) {
        return true;
    }
    let is_ours = !is_span || at(&first) || ["..", "."].iter().any(|dots| first == Path::new(dots)) || is_page(path);
    !is_ours || at(Path::new(path))
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

fn is_there(path: &Path, files: &BTreeSet<PathBuf>) -> bool {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            Component::ParentDir => return false,
            part => plain.push(part),
        }
    }
    plain.as_os_str().is_empty() || files.contains(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(path: &str, text: &str) -> String {
        let files = ["README.md", "docs", "docs/api.md", "crates", "crates/base", "crates/base/src/id.rs"];
        let files = files.into_iter().map(PathBuf::from).collect();
        words(&refusals(&Page { path: path.into(), text: text.into() }, &files))
    }

    #[test]
    fn paths_that_exist_are_fine() {
        assert_eq!(said("README.md", "[api](docs/api.md#orders) in `crates/base/src/id.rs`, `docs/`"), "");
        assert_eq!(said("docs/api.md", "[up](../README.md), `README.md`, `crates/base/`, [here](#there)"), "");
    }

    #[test]
    fn what_is_no_path_of_ours_is_left_alone() {
        let text =
            "`application/json`, `/v1/orders`, `cargo run`, `target/debug/bonded`, `a/<b>`, [x](https://example.org/y)";
        assert_eq!(said("README.md", text), "");
        assert_eq!(said("README.md", "```\ncat crates/none\n`crates/none`\n```"), "");
    }

    #[test]
    fn paths_into_the_void_are_refused() {
        assert!(said("README.md", "a\nsee [it](docs/none.md)").contains("README.md:2: `docs/none.md`"));
        assert!(said("README.md", "`crates/none/src`").contains("`crates/none/src`"));
        assert!(said("README.md", "`NONE.md`").contains("`NONE.md`"));
        assert!(said("docs/api.md", "[up](README.md)").contains("`README.md`"));
        assert!(said("docs/api.md", "[out](../../etc/passwd)").contains("etc/passwd"));
        assert!(said("README.md", "```\nx\n```\n`docs/none`").contains("README.md:4"));
    }
}
