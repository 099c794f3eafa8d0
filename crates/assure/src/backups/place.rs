//! Places that backups lie in: a directory, or an object store of Amazon's, Google's or Microsoft's kind.

mod directory;
mod http;
mod object;

use super::error::PlaceError;
use async_trait::async_trait;
use bonded_base::Secret;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::sync::Arc;

/// A thing in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name, parts joined by `/`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A place. Names are parts of `[a-z0-9._-]` joined by `/`.
#[async_trait]
pub trait Place: Send + Sync {
    /// How people call it: a path or an address, without credentials.
    fn name(&self) -> &str;

    /// Stores a thing whole, or nothing; durable when this returns. Replaces one of that name.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PlaceError>;

    /// A thing, whole; `None` where there is none.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, PlaceError>;

    /// Everything whose name begins with `under` and a `/`, in no order.
    async fn list(&self, under: &str) -> Result<Vec<Held>, PlaceError>;

    /// Removes a thing; one that is not there is no error.
    async fn remove(&self, name: &str) -> Result<(), PlaceError>;
}

/// How a place is reached; object stores read theirs from a file of the owner alone.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PlaceSettings {
    /// A directory, best of another machine.
    Directory {
        /// Which.
        path: PathBuf,
    },
    /// Amazon S3, or what speaks its language.
    S3 {
        /// The bucket.
        bucket: String,
        /// `eu-central-1`.
        region: String,
        /// Where names begin.
        #[serde(default)]
        prefix: String,
        /// Another address than Amazon's.
        endpoint: Option<String>,
        /// Who we are there.
        access_key_id: String,
        /// And the proof.
        #[serde(deserialize_with = "secret")]
        secret_access_key: Secret<String>,
        /// PEM file of the authority that signed its certificate, if it is none of the machine's own.
        root_certificate: Option<PathBuf>,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// Where names begin.
        #[serde(default)]
        prefix: String,
        /// JSON file of a service account.
        service_account: PathBuf,
    },
    /// Azure Blob Storage.
    Azure {
        /// The storage account.
        account: String,
        /// The container.
        container: String,
        /// Where names begin.
        #[serde(default)]
        prefix: String,
        /// The account's access key.
        #[serde(deserialize_with = "secret")]
        access_key: Secret<String>,
    },
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// Opens a place; `plain_loopback` lets http:// lead to this very machine. Nothing is called yet.
pub fn open(settings: PlaceSettings, plain_loopback: bool) -> Result<Arc<dyn Place>, PlaceError> {
    match settings {
        PlaceSettings::Directory { path } => Ok(Arc::new(directory::Directory::new(path))),
        other => Ok(Arc::new(object::Objects::new(other, plain_loopback)?)),
    }
}
