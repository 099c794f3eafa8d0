//! TLS as every way out speaks it: version 1.2 or later, the certificate checked, the version that was agreed known.

use bonded_people::mail::TlsVersion;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The machine's own authorities.
pub fn machine_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Adds every certificate of a PEM file; `None` when there is none, or one that is none.
pub fn add_roots(file: &Path, roots: &mut RootCertStore) -> Option<()> {
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(file).ok()? {
        roots.add(certificate.ok()?).ok()?;
    }
    (roots.len() > before).then_some(())
}

/// A client that trusts these authorities and shows no certificate of its own.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The version that was agreed; `None` where it is none that we speak.
pub fn agreed(connection: &ClientConnection) -> Option<TlsVersion> {
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::V13),
        Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::V12),
        _ => None,
    }
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The certificate; what is wrong with it, as the end of a sentence that begins with `the certificate`.
    Certificate(&'static str),
    /// No version or suite in common, or no TLS at all.
    NoneAgreed,
    /// The other side broke off.
    BrokeOff,
}

impl Refused {
    /// What an error of a handshake says.
    pub fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(why)) => Self::Certificate(fault(why)),
            Some(_) => Self::NoneAgreed,
            None => Self::BrokeOff,
        }
    }
}

const fn fault(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "does not hold yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "is for another name",
        CertificateError::UnknownIssuer => "is of no trusted authority",
        CertificateError::Revoked => "was revoked",
        _ => "is not valid",
    }
}
