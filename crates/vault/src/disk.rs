//! The few deeds on files that the tree needs; when one returns, it is on the disk.
//!
//! Architecture invariant: every write of this crate goes through here. A test stops the world between any two of
//! these steps, and loses what was not yet synced.

use crate::VaultError;
use nix::unistd::syncfs;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Up to so many files are synced one by one, a wait for the disk each; beyond, the whole file system is, once. Linux
/// says since 5.8 whether that went well.
const SYNCED_SINGLY_MAX: usize = 16;

/// Makes a directory only its owner can enter, and those above it, if they are not there already.
pub(crate) fn make_directory(path: &Path) -> Result<(), VaultError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(parent)?;
    let make = || {
        note(&Deed::Begins)?;
        fs::DirBuilder::new().mode(0o700).create(path)
    };
    make().map_err(VaultError::store("making", path))?;
    sync_directory(parent)
}

/// Writes a file that is not there yet. It is durable after [`make_durable`].
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let write = || {
        note(&Deed::Begins)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        note(&Deed::Appeared(path))?;
        file.write_all(content)
    };
    write().map_err(VaultError::store("writing", path))
}

/// Makes new files of a directory durable, and their names.
pub(crate) fn make_durable(directory: &Path, files: &[PathBuf]) -> Result<(), VaultError> {
    if files.len() <= SYNCED_SINGLY_MAX {
        for file in files {
            let sync = || {
                note(&Deed::Begins)?;
                File::open(file)?.sync_all()
            };
            sync().map_err(VaultError::store("syncing", file))?;
        }
    } else {
        let sync = || {
            note(&Deed::Begins)?;
            Ok(syncfs(File::open(directory)?)?)
        };
        sync().map_err(VaultError::store("syncing", directory))?;
    }
    let noted = files.iter().try_for_each(|file| note(&Deed::Synced(file)));
    noted.map_err(VaultError::store("syncing", directory))?;
    sync_directory(directory)
}

/// Writes over a file that is there, from its beginning and in place, so that what was there is gone from where it was.
pub(crate) fn overwrite(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let write = || {
        note(&Deed::Begins)?;
        let mut file = OpenOptions::new().write(true).open(path)?;
        note(&Deed::Overwrites(path, content))?;
        file.write_all(content)?;
        note(&Deed::Begins)?;
        file.sync_all()?;
        note(&Deed::Synced(path))
    };
    write().map_err(VaultError::store("writing", path))
}

/// Makes the names in a directory durable: those that came and those that went.
pub(crate) fn sync_directory(path: &Path) -> Result<(), VaultError> {
    let sync = || {
        note(&Deed::Begins)?;
        File::open(path)?.sync_all()?;
        note(&Deed::NamesSynced(path))
    };
    sync().map_err(VaultError::store("syncing", path))
}

/// Removes a file; it may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), VaultError> {
    let remove = || {
        note(&Deed::Begins)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    remove().map_err(VaultError::store("removing", path))
}

/// Reads a file of at most `bytes_max` bytes; `None` if there is none.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, VaultError> {
    let read = || {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut content = Vec::new();
        file.take(bytes_max).read_to_end(&mut content)?;
        Ok(Some(content))
    };
    read().map_err(VaultError::store("reading", path))
}

/// The names in a directory.
pub(crate) fn list(path: &Path) -> Result<Vec<String>, VaultError> {
    let names = || fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let names: io::Result<Vec<String>> = names();
    names.map_err(VaultError::store("listing", path))
}

/// Something is about to change elsewhere than on a disk: in a token. The power may fail before that, too.
pub(crate) fn begins_elsewhere(place: &Path) -> Result<(), VaultError> {
    note(&Deed::Begins).map_err(VaultError::store("asking", place))
}

/// What happens to the disk, as far as a power failure could tell the difference.
#[cfg_attr(not(test), expect(dead_code, reason = "only a test looks at it"))]
enum Deed<'a> {
    /// Something is about to change.
    Begins,
    /// A new file has a name in its directory, not yet durable.
    Appeared(&'a Path),
    /// A file is about to be written over.
    Overwrites(&'a Path, &'a [u8]),
    /// All of a file's content is durable.
    Synced(&'a Path),
    /// All names of a directory are durable.
    NamesSynced(&'a Path),
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "a test lets the power fail here")]
const fn note(_: &Deed<'_>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) mod faults;
#[cfg(test)]
use faults::note;
