//! A directory as a place: whole files or none, durable before anybody is told.

use super::{Held, Place, PlaceError};
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".part";

/// The directory.
pub(super) struct Directory {
    root: PathBuf,
    name: String,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { name: root.display().to_string(), root }
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, PlaceError> {
        let root = self.root.clone();
        let done = tokio::task::spawn_blocking(move || work(&root)).await;
        done.map_err(|_| PlaceError::Unreachable)?.map_err(|error| told(&error))
    }
}

fn told(error: &std::io::Error) -> PlaceError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::FileTooLarge | ErrorKind::QuotaExceeded => PlaceError::Full,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PlaceError::Refused,
        kind => PlaceError::System(kind),
    }
}

fn put(root: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    // A disk that is not mounted must not be mistaken for an empty one: its directory is never made here.
    if !root.is_dir() {
        return Err(ErrorKind::NotFound.into());
    }
    let path = root.join(name);
    let directory = path.parent().unwrap_or(root);
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut part = path.clone().into_os_string();
    part.push(UNFINISHED);
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    write().inspect_err(|_| {
        // Best effort: what is left counts as nothing, and is pruned.
        let _ = std::fs::remove_file(&part);
    })?;
    // A name is durable with its directory, and that with those above it.
    let mut above = Some(directory);
    while let Some(directory) = above.filter(|directory| directory.starts_with(root)) {
        File::open(directory)?.sync_all()?;
        above = directory.parent();
    }
    Ok(())
}

fn list(root: &Path, under: &str) -> std::io::Result<Vec<Held>> {
    let mut found = Vec::new();
    if !root.is_dir() {
        return Err(ErrorKind::NotFound.into());
    }
    let mut waiting = vec![root.join(under)];
    while let Some(directory) = waiting.pop() {
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if let Ok(name) = entry.path().strip_prefix(root) {
                found.push(Held { name: name.display().to_string(), bytes: metadata.len() });
            }
        }
    }
    Ok(found)
}

fn remove(root: &Path, name: &str) -> std::io::Result<()> {
    let path = root.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(directory) = path.parent().filter(|directory| *directory != root) {
        // Goes with its last file.
        let _ = std::fs::remove_dir(directory);
    }
    Ok(())
}

#[async_trait]
impl Place for Directory {
    fn name(&self) -> &str {
        &self.name
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PlaceError> {
        let name = name.to_owned();
        self.work(move |root| put(root, &name, &bytes)).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        let name = name.to_owned();
        self.work(move |root| match std::fs::read(root.join(name)) {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn list(&self, under: &str) -> Result<Vec<Held>, PlaceError> {
        let under = under.to_owned();
        self.work(move |root| list(root, &under)).await
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        let name = name.to_owned();
        self.work(move |root| remove(root, &name)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_put_is_listed_read_and_removed_with_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let place = Directory::new(root.path().to_owned());
        assert_eq!(place.list("a").await.unwrap(), []);
        place.put("a/b/one", Bytes::from_static(b"1")).await.unwrap();
        place.put("a/b/one", Bytes::from_static(b"22")).await.unwrap();
        assert_eq!(place.list("a").await.unwrap(), [Held { name: "a/b/one".into(), bytes: 2 }]);
        assert_eq!(place.get("a/b/one").await.unwrap().unwrap(), "22");
        assert_eq!(place.get("a/b/two").await.unwrap(), None);
        place.remove("a/b/one").await.unwrap();
        place.remove("a/b/one").await.unwrap();
        assert!(!root.path().join("a/b").exists());
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_not_made() {
        let root = tempfile::tempdir().unwrap();
        let place = Directory::new(root.path().join("mount"));
        let missing = PlaceError::System(ErrorKind::NotFound);
        assert_eq!(place.put("a", Bytes::new()).await.unwrap_err(), missing);
        assert_eq!(place.list("a").await.unwrap_err(), missing);
        assert!(!root.path().join("mount").exists());
    }
}
