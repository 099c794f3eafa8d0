//! One place where the tree lies: a directory with the root and the node files.
//!
//! ```text
//! lock          held by the one process that may work here
//! root.a        one of the two holds today's root, the other nothing but zeros:
//! root.b        the next root is written there, and the old one then overwritten where it lies
//! nodes/        a file a fragment, and for a moment `gone.<version>`: the files that a version no longer needs
//! ```
//! Neither root file is ever renamed, cut or removed, so the old root's bytes are overwritten in place. On a file
//! system that copies on write, or a disk that moves blocks as it wears (most do), older bytes may survive out of
//! reach of any program; use such disks with encryption of their own.

use crate::VaultError;
use crate::disk;
use crate::fragment::{FRAGMENT_FILE_BYTES_MAX, Name};
use crate::root::{Read, SealedRoot};
use bonded_base::Moment;
use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The two root files.
pub(crate) const HALVES: [&str; 2] = ["root.a", "root.b"];
/// The directory of the node files.
pub(crate) const NODES: &str = "nodes";
const GONE: &str = "gone.";
/// The version of the first root.
pub(crate) const FIRST_VERSION: u64 = 1;
/// Root files grow in these steps, so that an older root never ends behind a newer one.
const ROOT_BYTES_STEP: usize = 4096;
/// The longest root file that is read.
const ROOT_BYTES_MAX: u64 = 64 * 1024;
/// The longest list of node files that are no longer needed.
const GONE_BYTES_MAX: u64 = 1 << 32;

/// A place that is there, locked by this process.
pub(crate) struct Place {
    path: PathBuf,
    halves: [Half; 2],
    _lock: File,
}

struct Half {
    name: &'static str,
    content: Read,
    bytes: usize,
}

/// What leads from one version to the next: files that come, files that go, the root.
pub(crate) struct Change<'a> {
    pub(crate) fresh: &'a [Name],
    pub(crate) gone: &'a [Name],
    pub(crate) root: &'a SealedRoot,
}

impl Place {
    /// Makes a place ready to hold a tree, or opens it if it is.
    pub(crate) fn prepare(path: &Path) -> Result<Self, VaultError> {
        disk::make_directory(&path.join(NODES))?;
        make_halves(path)?;
        Self::open(path)
    }

    /// Opens a place that was prepared.
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        if !HALVES.iter().any(|half| path.join(half).exists()) {
            return Err(VaultError::Missing { place: path.to_owned() });
        }
        let lock = lock(path)?;
        make_halves(path)?;
        let halves = [Half::read(path, HALVES[0])?, Half::read(path, HALVES[1])?];
        Ok(Self { path: path.to_owned(), halves, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its node files are.
    pub(crate) fn nodes(&self) -> PathBuf {
        self.path.join(NODES)
    }

    /// Today's root, if one half holds one.
    pub(crate) fn root(&self) -> Option<&SealedRoot> {
        self.halves.iter().filter_map(Half::root).max_by_key(|root| root.header.version)
    }

    /// When today's root was written here.
    pub(crate) fn written_at(&self) -> Option<Moment> {
        let half = self.halves.get(self.newest_half()?)?;
        let modified = std::fs::metadata(self.path.join(half.name)).ok()?.modified().ok()?;
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok().map(Moment::from_millis)
    }

    /// Whether nothing was ever written, or all was wiped.
    pub(crate) fn is_blank(&self) -> bool {
        self.halves.iter().all(|half| matches!(half.content, Read::Blank))
    }

    /// Whether this root is here and no other.
    pub(crate) fn holds_only(&self, root: &SealedRoot) -> bool {
        self.root() == Some(root) && self.halves.iter().any(|half| matches!(half.content, Read::Blank))
    }

    fn newest_half(&self) -> Option<usize> {
        let newest = self.root()?.header.version;
        self.halves.iter().position(|half| half.root().is_some_and(|root| root.header.version == newest))
    }

    /// Writes a root beside today's. When this returns, it is today's.
    pub(crate) fn switch(&mut self, root: &SealedRoot) -> Result<(), VaultError> {
        let target = self.newest_half().map_or(0, |newest| 1 - newest);
        if let Some(half) = self.halves.get_mut(target) {
            half.content = Read::Broken;
            half.overwrite(&self.path, root.file())?;
            half.content = Read::Whole(Box::new(root.clone()));
        }
        Ok(())
    }

    /// Overwrites whatever else than today's root is in the root files.
    pub(crate) fn wipe_others(&mut self) -> Result<(), VaultError> {
        let newest = self.newest_half();
        for (number, half) in self.halves.iter_mut().enumerate() {
            if Some(number) != newest && !matches!(half.content, Read::Blank) {
                half.overwrite(&self.path, &[])?;
                half.content = Read::Blank;
            }
        }
        Ok(())
    }

    /// Writes a node file; it is durable after [`Self::announce`].
    pub(crate) fn write_node(&self, name: Name, file: &[u8]) -> Result<(), VaultError> {
        disk::write_new(&self.node(name), file)
    }

    /// Makes new nodes durable, and notes which files the next root no longer needs.
    pub(crate) fn announce(&self, change: &Change<'_>) -> Result<(), VaultError> {
        let list = change.gone.iter().map(Name::to_string).collect::<Vec<_>>().join("\n");
        let path = self.gone_list(change.root.header.version);
        disk::remove(&path)?;
        disk::write_new(&path, list.as_bytes())?;
        let mut new: Vec<_> = change.fresh.iter().map(|name| self.node(*name)).collect();
        new.push(path);
        disk::make_durable(&self.nodes(), &new)
    }

    /// Removes the older root, then the node files that only it needed.
    pub(crate) fn clear(&mut self, change: &Change<'_>) -> Result<(), VaultError> {
        self.wipe_others()?;
        self.remove_nodes(change.gone)?;
        disk::remove(&self.gone_list(change.root.header.version))
    }

    /// Node files of an attempt that came to nothing.
    pub(crate) fn forget(&self, fresh: &[Name], version: u64) -> Result<(), VaultError> {
        self.remove_nodes(fresh)?;
        disk::remove(&self.gone_list(version))
    }

    fn remove_nodes(&self, names: &[Name]) -> Result<(), VaultError> {
        if names.is_empty() {
            return Ok(());
        }
        names.iter().try_for_each(|name| disk::remove(&self.node(*name)))?;
        disk::sync_directory(&self.nodes())
    }

    fn node(&self, name: Name) -> PathBuf {
        self.nodes().join(name.to_string())
    }

    fn gone_list(&self, version: u64) -> PathBuf {
        self.nodes().join(format!("{GONE}{version}"))
    }

    /// Finishes or takes back what a crash interrupted, now that it is known which root is today's.
    pub(crate) fn settle(&mut self, version: u64) -> Result<(), VaultError> {
        self.wipe_others()?;
        let unborn: Vec<Name> = node_names(&self.path)?.into_iter().filter(|name| name.version() > version).collect();
        self.remove_nodes(&unborn)?;
        for (of, path) in self.gone_lists()? {
            // The list of a version that never came to be names files that are still needed.
            if of <= version {
                let list = disk::read(&path, GONE_BYTES_MAX)?.unwrap_or_default();
                let gone =
                    String::from_utf8_lossy(&list).lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>();
                self.remove_nodes(&gone)?;
            }
            disk::remove(&path)?;
        }
        Ok(())
    }

    /// The lists of files that a version no longer needs, which a crash has left.
    fn gone_lists(&self) -> Result<Vec<(u64, PathBuf)>, VaultError> {
        let version = |file: &str| file.strip_prefix(GONE)?.parse::<u64>().ok();
        let files = disk::list(&self.nodes())?;
        Ok(files.iter().filter_map(|file| Some((version(file)?, self.nodes().join(file)))).collect())
    }

    /// Takes a change over from the place that has it: step by step if this place was at `before`, else all anew.
    pub(crate) fn follow(&mut self, source: &Path, before: &SealedRoot, change: &Change<'_>) -> Result<(), VaultError> {
        if !self.holds_only(before) {
            return self.mirror(source, change.root);
        }
        for name in change.fresh {
            self.write_node(*name, &read_node(source, *name)?)?;
        }
        self.pass_to(change)
    }

    /// Becomes a copy of another place, whatever was here before.
    pub(crate) fn mirror(&mut self, source: &Path, root: &SealedRoot) -> Result<(), VaultError> {
        // Lists of what an older root here did not need say nothing about this one.
        for (_, list) in self.gone_lists()? {
            disk::remove(&list)?;
        }
        let (wanted, mut fresh) = (node_names(source)?, Vec::new());
        for name in &wanted {
            let (path, content) = (self.node(*name), read_node(source, *name)?);
            // A crash may have left a file half written: its name alone proves nothing.
            if disk::read(&path, FRAGMENT_FILE_BYTES_MAX)?.as_ref() != Some(&content) {
                disk::remove(&path)?;
                disk::write_new(&path, &content)?;
            }
            fresh.push(*name);
        }
        let gone: Vec<Name> = node_names(&self.path)?.difference(&wanted).copied().collect();
        self.pass_to(&Change { fresh: &fresh, gone: &gone, root })
    }

    /// Goes over to a root whose node files are here.
    fn pass_to(&mut self, change: &Change<'_>) -> Result<(), VaultError> {
        self.announce(change)?;
        if self.root() != Some(change.root) {
            self.switch(change.root)?;
        }
        self.clear(change)
    }

    /// Before the first root: removes what an interrupted beginning left.
    pub(crate) fn clear_nodes(&self) -> Result<(), VaultError> {
        self.remove_nodes(&node_names(&self.path)?.into_iter().collect::<Vec<_>>())?;
        disk::remove(&self.gone_list(FIRST_VERSION))
    }

    /// Why it holds no root.
    pub(crate) fn why_no_root(&self) -> VaultError {
        if self.is_blank() {
            VaultError::Missing { place: self.path.clone() }
        } else {
            VaultError::Damaged { file: self.path.join(HALVES[0]), what: "neither root file holds a whole root" }
        }
    }
}

impl Half {
    fn read(place: &Path, name: &'static str) -> Result<Self, VaultError> {
        let path = place.join(name);
        let file = disk::read(&path, ROOT_BYTES_MAX)?.unwrap_or_default();
        match SealedRoot::read(&file) {
            // Never to be overwritten, not even if the other half holds an older root that is understood.
            Read::Newer(format) => Err(VaultError::Newer { file: path, format }),
            content => Ok(Self { name, content, bytes: file.len() }),
        }
    }

    fn root(&self) -> Option<&SealedRoot> {
        match &self.content {
            Read::Whole(root) => Some(root),
            _ => None,
        }
    }

    /// Writes over all that is there, to the end of the file.
    fn overwrite(&mut self, place: &Path, content: &[u8]) -> Result<(), VaultError> {
        let mut padded = content.to_vec();
        padded.resize(content.len().next_multiple_of(ROOT_BYTES_STEP).max(self.bytes), 0);
        self.bytes = padded.len();
        disk::overwrite(&place.join(self.name), &padded)
    }
}

/// Both root files are always there, for a name that comes with a root would have to be made durable with it.
fn make_halves(place: &Path) -> Result<(), VaultError> {
    for half in HALVES.map(|half| place.join(half)).iter().filter(|half| !half.exists()) {
        disk::write_new(half, &[0; ROOT_BYTES_STEP])?;
        disk::make_durable(place, std::slice::from_ref(half))?;
    }
    Ok(())
}

/// Reads a node file of a place.
fn read_node(place: &Path, name: Name) -> Result<Vec<u8>, VaultError> {
    let file = place.join(NODES).join(name.to_string());
    disk::read(&file, FRAGMENT_FILE_BYTES_MAX)?
        .ok_or(VaultError::Damaged { file, what: "a node of the tree is missing" })
}

fn node_names(place: &Path) -> Result<HashSet<Name>, VaultError> {
    Ok(disk::list(&place.join(NODES))?.iter().filter_map(|file| file.parse().ok()).collect())
}

fn lock(place: &Path) -> Result<File, VaultError> {
    let path = place.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(VaultError::store("locking", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VaultError::Busy { place: place.to_owned() }),
        Err(TryLockError::Error(source)) => Err(VaultError::store("locking", &path)(source)),
    }
}
