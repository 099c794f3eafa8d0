//! Where the server's own files lie: the layout of the data directory, for its owner alone.

use crate::ending::{Code, Ending};
use bonded_base::{Id, Node, SystemChance, SystemClock};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The data directory's mode, and that of every directory in it.
const DIRECTORY_MODE: u32 = 0o700;

/// The mode of files that hold secrets.
const SECRET_MODE: u32 = 0o600;

/// Bits of a mode that let others in.
const MODE_OF_OTHERS: u32 = 0o077;

/// The longest path of a socket that Linux takes, less the ending zero.
const SOCKET_PATH_MAX: usize = 107;

/// The data directory.
#[derive(Clone, Debug)]
pub struct Places {
    root: PathBuf,
}

impl Places {
    /// A data directory, whether it exists or not.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The embedded engine's database.
    pub fn database(&self) -> PathBuf {
        self.root.join("bonded.sqlite")
    }

    /// What backups need of this directory: copies on their way, the key that signs.
    pub fn backup(&self) -> PathBuf {
        self.root.join("backup")
    }

    /// The local authority's certificate: what clients trust.
    pub fn authority(&self) -> PathBuf {
        self.root.join("tls/ca.pem")
    }

    /// The local authority's private key.
    pub fn authority_key(&self) -> PathBuf {
        self.root.join("tls/ca-key.pem")
    }

    /// The socket on which a running server hears its operator.
    pub fn socket(&self) -> Result<PathBuf, Ending> {
        let path = self.root.join("operator.sock");
        if path.as_os_str().len() > SOCKET_PATH_MAX {
            let sentence =
                format!("{} is longer than the {SOCKET_PATH_MAX} bytes that a socket's path may have", path.display());
            return Err(Ending::new(Code::Config, sentence).next("choose a data directory with a shorter path"));
        }
        Ok(path)
    }

    /// Which node the server of this directory is, from one start to the next: after a crash it goes on under the leases
    /// that it held, and nobody waits until they run out. There are never two of it: one process at a time opens the keys.
    pub fn node(&self) -> Result<Id<Node>, Ending> {
        let path = self.root.join("node");
        if let Some(known) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
            return Ok(known);
        }
        let node = Id::new(&SystemClock, &SystemChance);
        std::fs::write(&path, format!("{node}\n")).map_err(Ending::file("written", &path))?;
        Ok(node)
    }

    /// Makes the directories.
    pub fn make(&self) -> Result<(), Ending> {
        for directory in [self.root.clone(), self.root.join("tls")] {
            make_directory(&directory)?;
        }
        Ok(())
    }

    /// Refuses a directory that is not there, or that others may look into.
    pub fn check(&self) -> Result<(), Ending> {
        let path = &self.root;
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Ending::new(Code::Config, format!("there is no data directory at {}", path.display()))
                    .next("`bonded init` makes one; or name another with --data"));
            }
            Err(error) => return Err(Ending::file("read", path)(error)),
        };
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            return Err(Ending::new(Code::Config, format!("others may look into {}", path.display()))
                .next(format!("chmod 700 {}", path.display())));
        }
        Ok(())
    }
}

/// Makes a directory for its owner alone, with those above it.
pub fn make_directory(path: &Path) -> Result<(), Ending> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(Ending::file("made", path))
}

/// Writes a new file that its owner alone may read; refuses to overwrite one.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Ending> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(SECRET_MODE)
        .open(path)
        .map_err(Ending::file("written", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Ending::file("written", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_is_the_same_node_at_every_start() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::new(directory.path().join("data"));
        places.make().unwrap();
        let node = places.node().unwrap();
        assert_eq!(places.node().unwrap(), node);
        std::fs::write(places.root().join("node"), "").unwrap();
        assert_ne!(places.node().unwrap(), node, "what a full disk left unwritten is made anew");
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::new(directory.path().join("data"));
        assert_eq!(places.check().unwrap_err().code, Code::Config);
        places.make().unwrap();
        places.check().unwrap();
        std::fs::set_permissions(places.root(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(places.check().unwrap_err().next.unwrap().starts_with("chmod 700"));
    }

    #[test]
    fn a_secret_is_the_owner_s_alone_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        write_secret(&path, b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(write_secret(&path, b"two").unwrap_err().code, Code::CannotCreate);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_told() {
        let places = Places::new(PathBuf::from("/").join("d".repeat(120)));
        assert_eq!(places.socket().unwrap_err().code, Code::Config);
    }
}
