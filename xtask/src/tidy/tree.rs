//! The files that the rules look at, read once.

use super::Page;
use crate::source::Source;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories that hold nothing of ours.
const NOT_OURS: [&str; 3] = [".git", "target", "node_modules"];

/// Everything in the working tree; all paths are relative to its root.
#[derive(Debug, Default)]
pub struct Tree {
    /// Files and directories.
    pub files: BTreeSet<PathBuf>,
    pub sources: Vec<Source>,
    /// `Cargo.toml` of each member.
    pub manifests: Vec<Page>,
    /// `*.md`.
    pub pages: Vec<Page>,
}

impl Tree {
    /// Reads all below `root`, in the order of the names.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, Path::new(""))?;
        for path in &tree.files {
            let read = || fs::read_to_string(root.join(path));
            if path.extension().is_some_and(|extension| extension == "rs") {
                tree.sources.push(Source::new(path, read()?));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                tree.pages.push(Page { path: path.clone(), text: read()? });
            } else if path.ends_with("Cargo.toml") && path.components().count() > 1 {
                tree.manifests.push(Page { path: path.clone(), text: read()? });
            }
        }
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(root.join(directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.walk(root, &path)?;
            }
            self.files.insert(path);
        }
        Ok(())
    }
}
