//! An object store as a place: S3, Google Cloud Storage or Azure Blob Storage, tried again where it is busy.

use super::http::Ours;
use super::{Held, Place, PlaceError, PlaceSettings};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// Attempts after the first, with growing rests between.
const RETRIES: usize = 6;

/// The rest after the first attempt.
const REST_FIRST: Duration = Duration::from_millis(200);

/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(10);

/// How long all attempts together may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// Begins what the library tells of a status, in its error's text.
const STATUS_MARK: &str = "status code: ";

/// The store.
pub(super) struct Objects {
    store: Box<dyn ObjectStore>,
    prefix: String,
    name: String,
}

impl Objects {
    pub(super) fn new(settings: PlaceSettings, plain_loopback: bool) -> Result<Self, PlaceError> {
        let bad = |_| PlaceError::Setup("its settings are not complete or not right".to_owned());
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: REST_FIRST, max_backoff: REST_MAX, base: 2.0 },
            max_retries: RETRIES,
            retry_timeout: PATIENCE,
        };
        let (store, prefix, name): (Box<dyn ObjectStore>, _, _) = match settings {
            PlaceSettings::Directory { .. } => {
                return Err(PlaceError::Setup("a directory is no object store".to_owned()));
            }
            PlaceSettings::S3 {
                bucket,
                region,
                prefix,
                endpoint,
                access_key_id,
                secret_access_key,
                root_certificate,
            } => {
                let plain = endpoint.as_deref().map_or(Ok(false), |endpoint| is_plain(endpoint, plain_loopback))?;
                let name = format!("s3://{bucket}/{prefix}");
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region(region)
                    .with_access_key_id(access_key_id)
                    .with_secret_access_key(secret_access_key.expose().clone())
                    .with_allow_http(plain)
                    .with_retry(retry)
                    .with_http_connector(Ours::new(root_certificate, plain)?);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                (Box::new(builder.build().map_err(bad)?), prefix, name)
            }
            PlaceSettings::Gcs { bucket, prefix, service_account } => {
                let name = format!("gs://{bucket}/{prefix}");
                let builder = GoogleCloudStorageBuilder::new()
                    .with_bucket_name(bucket)
                    .with_service_account_path(service_account.display().to_string())
                    .with_retry(retry)
                    .with_http_connector(Ours::new(None, false)?);
                (Box::new(builder.build().map_err(bad)?), prefix, name)
            }
            PlaceSettings::Azure { account, container, prefix, access_key } => {
                let name = format!("az://{account}/{container}/{prefix}");
                let builder = MicrosoftAzureBuilder::new()
                    .with_account(account)
                    .with_container_name(container)
                    .with_access_key(access_key.expose().clone())
                    .with_retry(retry)
                    .with_http_connector(Ours::new(None, false)?);
                (Box::new(builder.build().map_err(bad)?), prefix, name)
            }
        };
        Ok(Self { store, prefix: prefix.trim_matches('/').to_owned(), name: name.trim_end_matches('/').to_owned() })
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_empty() { Path::from(name) } else { Path::from(format!("{}/{name}", self.prefix)) }
    }
}

/// Whether an address is in clear; refused unless it is this machine's own and that is allowed.
fn is_plain(endpoint: &str, plain_loopback: bool) -> Result<bool, PlaceError> {
    let wrong = |what: &str| Err(PlaceError::Setup(what.to_owned()));
    let Ok(url) = Url::parse(endpoint) else { return wrong("its endpoint is no address") };
    match url.scheme() {
        "https" => Ok(false),
        "http" => {
            let own = match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
                Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
                None => false,
            };
            if own && plain_loopback { Ok(true) } else { wrong("its endpoint must begin with https://") }
        }
        _ => wrong("its endpoint must begin with https://"),
    }
}

fn told(error: &object_store::Error) -> PlaceError {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            PlaceError::Refused
        }
        other => status_in(&other.to_string()).map_or(PlaceError::Unreachable, |status| match status {
            401 | 403 => PlaceError::Refused,
            507 => PlaceError::Full,
            status => PlaceError::Status(status),
        }),
    }
}

/// The status in the library's words; the rest of them may repeat what was sent, and is not kept.
fn status_in(text: &str) -> Option<u16> {
    let after = text.split_once(STATUS_MARK)?.1;
    after.get(..3)?.parse().ok()
}

#[async_trait]
impl Place for Objects {
    fn name(&self) -> &str {
        &self.name
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PlaceError> {
        self.store.put(&self.path(name), bytes.into()).await.map(|_| ()).map_err(|error| told(&error))
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        let found = match self.store.get(&self.path(name)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(told(&error)),
        };
        found.bytes().await.map(Some).map_err(|error| told(&error))
    }

    async fn list(&self, under: &str) -> Result<Vec<Held>, PlaceError> {
        let prefix = self.path(under);
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let held = self.store.list(Some(&prefix)).map_ok(|object| Held {
            name: object.location.as_ref().get(cut..).unwrap_or_default().to_owned(),
            bytes: object.size,
        });
        held.try_collect().await.map_err(|error| told(&error))
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_in_clear_but_to_this_machine_where_that_is_allowed() {
        assert_eq!(is_plain("https://s3.example.com", false), Ok(false));
        assert_eq!(is_plain("http://127.0.0.1:9000", true), Ok(true));
        assert_eq!(is_plain("http://localhost:9000", true), Ok(true));
        for (endpoint, allowed) in
            [("http://127.0.0.1:9000", false), ("http://s3.example.com", true), ("ftp://x", true), ("s3", true)]
        {
            assert!(matches!(is_plain(endpoint, allowed), Err(PlaceError::Setup(_))), "{endpoint}");
        }
    }

    #[test]
    fn a_status_is_found_and_nothing_else_is_kept() {
        assert_eq!(
            status_in("after 3 retries - Server returned non-2xx status code: 503 Slow Down: <Error>"),
            Some(503)
        );
        assert_eq!(status_in("connection closed"), None);
    }
}
