//! Where the programs of the PostgreSQL server lie on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian puts them: one directory for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A directory that holds `initdb`, `pg_ctl` and `postgres`.
#[derive(Debug, Clone)]
pub struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// The newest version that Debian's packages installed, else what `PATH` offers.
    pub fn find() -> Option<Self> {
        let debian = versions(Path::new(DEBIAN));
        let path = env::var_os("PATH").unwrap_or_default();
        Self::within(&debian.into_iter().chain(env::split_paths(&path)).collect::<Vec<_>>())
    }

    /// The first of these directories that holds all programs.
    pub(crate) fn within(directories: &[PathBuf]) -> Option<Self> {
        let complete = |directory: &&PathBuf| {
            ["initdb", "pg_ctl", "postgres"].iter().all(|program| directory.join(program).is_file())
        };
        directories.iter().find(complete).cloned().map(Self::trusted)
    }

    pub(crate) fn trusted(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// `ROOT/17/bin`, `ROOT/15/bin`: highest number first.
fn versions(root: &Path) -> Vec<PathBuf> {
    let mut numbers: Vec<u32> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.into_iter().map(|number| root.join(number.to_string()).join("bin")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first_by_number() {
        let root = env::temp_dir().join(format!("bonded-pg-versions-{}", std::process::id()));
        for version in ["9", "17", "15", "notes"] {
            fs::create_dir_all(root.join(version)).unwrap();
        }
        let found = versions(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, ["17", "15", "9"].map(|version| root.join(version).join("bin")));
    }

    #[test]
    fn no_root_means_no_versions() {
        assert!(versions(Path::new("/nonexistent")).is_empty());
    }
}
