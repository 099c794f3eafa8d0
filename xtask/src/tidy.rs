//! The rules of the house that no lint can hold: each is a small function that says what breaks it.

mod authority;
mod names;
mod opening;
mod order;
mod outbound;
mod paths;
mod postponed;
mod size;
mod tree;

use crate::failure::Failure;
use std::fmt;
use std::path::{Path, PathBuf};
use tree::Tree;

/// One place that breaks one rule, with what to do about it.
#[derive(Debug)]
pub struct Refusal {
    place: String,
    why: String,
}

impl Refusal {
    /// For a place that has no line.
    pub fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }

    fn file(path: &Path, why: impl Into<String>) -> Self {
        Self::new(path.display().to_string(), why)
    }

    fn line(path: &Path, line: usize, why: impl Into<String>) -> Self {
        Self::new(format!("{}:{line}", path.display()), why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

/// Holds the tree below `root` against every rule.
pub fn check(root: &Path) -> Result<(), Failure> {
    let tree = Tree::read(root).map_err(Failure::reaching("the tree"))?;
    let refusals = refusals(&tree);
    println!(
        "    {} files of Rust, {} manifests, {} pages",
        tree.sources.len(),
        tree.manifests.len(),
        tree.pages.len()
    );
    if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
}

fn refusals(tree: &Tree) -> Vec<Refusal> {
    let mut refusals = order::refusals(&tree.manifests);
    for source in &tree.sources {
        refusals.extend(opening::refusals(source));
        refusals.extend(names::refusals(source));
        refusals.extend(size::refusals(source));
        refusals.extend(postponed::refusals(source));
        refusals.extend(authority::refusals(source));
        refusals.extend(outbound::refusals(source));
    }
    for page in &tree.pages {
        refusals.extend(paths::refusals(page, &tree.files));
    }
    let sizes: Vec<(&Path, usize)> =
        tree.sources.iter().map(|source| (source.path.as_path(), size::lines(source))).collect();
    refusals.extend(size::stale_exceptions(&sizes));
    refusals
}

/// A file that is not Rust, its path relative to the root.
#[derive(Debug)]
pub struct Page {
    path: PathBuf,
    text: String,
}

/// The refusals as text, one a line, for tests.
#[cfg(test)]
fn words(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let refusals = refusals(&Tree::read(root).unwrap());
        assert!(refusals.is_empty(), "\n{}", words(&refusals));
    }
}
