//! The way to object stores: verified TLS, no proxies, no redirects, no ambient settings.

use super::PlaceError;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long an attempt to connect may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// How long a store may be silent in the middle of an answer.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Hands out clients over our own TLS.
#[derive(Debug)]
pub(super) struct Ours(reqwest::Client);

impl Ours {
    /// TLS 1.2 or later against the machine's authorities and perhaps one more; in clear only where that was allowed.
    pub(super) fn new(root_certificate: Option<PathBuf>, plain: bool) -> Result<Self, PlaceError> {
        let wrong = |what: &str| PlaceError::Setup(what.to_owned());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = root_certificate {
            let certificates = CertificateDer::pem_file_iter(&file);
            for certificate in certificates.map_err(|_| wrong("the root certificate cannot be read"))? {
                let certificate = certificate.map_err(|_| wrong("the root certificate is no PEM file"))?;
                roots.add(certificate).map_err(|_| wrong("the root certificate is no certificate"))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| wrong("TLS cannot be set up"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(!plain)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WAIT)
            .read_timeout(SILENCE_MAX)
            .build()
            .map_err(|_| wrong("no client can be made"))?;
        Ok(Self(client))
    }
}

impl HttpConnector for Ours {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
