//! The certificate that a door shows, replaced in flight when its files change or its end comes near.

use super::authority::Authority;
use super::validity::not_after;
use crate::ending::{Code, Ending};
use crate::settings::{CertificateFiles, Door};
use bonded_base::Moment;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// A local certificate is made anew when it has fewer days left than this.
const RENEW_DAYS: i64 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One door's certificate: where it comes from, and the one in use.
pub struct Certificates {
    origin: Origin,
    shown: Arc<Shown>,
    provider: Arc<CryptoProvider>,
    /// When the files were written last, so that a look tells whether they changed.
    written: Mutex<Option<[SystemTime; 2]>>,
}

enum Origin {
    Files(CertificateFiles),
    Local { authority: Arc<Authority>, names: Vec<String>, address: IpAddr },
}

struct Shown(RwLock<Arc<CertifiedKey>>);

impl Certificates {
    /// Loads or makes a door's certificate. `authority` is asked for only when the door has no files.
    pub fn load(
        door: &Door,
        names: &[String],
        authority: impl FnOnce() -> Result<Arc<Authority>, Ending>,
        now: Moment,
    ) -> Result<Self, Ending> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let origin = match &door.files {
            Some(files) => Origin::Files(files.clone()),
            None => Origin::Local { authority: authority()?, names: names.to_vec(), address: door.listen.ip() },
        };
        let written = Mutex::new(origin.written());
        let key = origin.obtain(&provider, now)?;
        Ok(Self { origin, shown: Arc::new(Shown(RwLock::new(Arc::new(key)))), provider, written })
    }

    /// The settings of the handshake: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1.
    pub fn handshake(&self) -> Result<ServerConfig, Ending> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(Ending::internal)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(Ending::internal)?;
        Ok(config)
    }

    /// Until when the certificate in use holds.
    pub fn not_after(&self) -> Option<Moment> {
        self.shown.0.read().unwrap_or_else(PoisonError::into_inner).cert.first().and_then(|first| not_after(first))
    }

    /// Takes another certificate if there is reason to: changed files, a near end, or `asked`. On failure the old one
    /// stays in use.
    pub fn renew(&self, now: Moment, asked: bool) -> Result<bool, Ending> {
        let written = self.origin.written();
        let changed = {
            let mut known = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = *known != written;
            *known = written;
            changed
        };
        let ends_soon = matches!(self.origin, Origin::Local { .. })
            && self.not_after().is_none_or(|end| end < now.plus_millis(RENEW_DAYS * DAY_MS));
        if !(asked || changed || ends_soon) {
            return Ok(false);
        }
        let key = Arc::new(self.origin.obtain(&self.provider, now)?);
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(true)
    }
}

impl Origin {
    fn obtain(&self, provider: &CryptoProvider, now: Moment) -> Result<CertifiedKey, Ending> {
        let (chain, key) = match self {
            Self::Files(files) => (chain(&files.certificate)?, private_key(&files.key)?),
            Self::Local { authority, names, address } => authority.certify(names, *address, now)?,
        };
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match self {
            Self::Files(files) => Ending::new(
                Code::Config,
                format!("{} and {} do not belong together: {error}", files.certificate.display(), files.key.display()),
            ),
            Self::Local { .. } => Ending::internal(error),
        })
    }

    fn written(&self) -> Option<[SystemTime; 2]> {
        let Self::Files(files) = self else { return None };
        let at = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Some([at(&files.certificate)?, at(&files.key)?])
    }
}

/// Until when the first certificate of a file holds.
pub fn not_after_of(path: &Path) -> Result<Option<Moment>, Ending> {
    Ok(chain(path)?.first().and_then(|first| not_after(first)))
}

/// The certificate and those that lead to a trusted one.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Ending> {
    let bytes = std::fs::read(path).map_err(Ending::file("read", path))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(Ending::new(Code::Config, format!("{} holds no certificate in PEM", path.display()))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Ending> {
    let bytes = std::fs::read(path).map_err(Ending::file("read", path))?;
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| Ending::new(Code::Config, format!("{} holds no private key in PEM", path.display())))
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;

    fn door(files: Option<CertificateFiles>) -> Door {
        Door { listen: ([127, 0, 0, 1], 0).into(), files, connections_max: 1 }
    }

    fn write_pair(files: &CertificateFiles) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    fn first(certificates: &Certificates) -> Vec<u8> {
        certificates.shown.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn a_local_certificate_is_made_anew_before_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::new(directory.path().join("data"));
        places.make().unwrap();
        let now: Moment = "2026-11-22T09:30:00Z".parse().unwrap();
        let authority = Arc::new(Authority::make(&places, now).unwrap());
        let certificates = Certificates::load(&door(None), &[], || Ok(authority), now).unwrap();
        let before = first(&certificates);
        assert!(!certificates.renew(now.plus_millis(50 * DAY_MS), false).unwrap());
        assert_eq!(first(&certificates), before);
        assert!(certificates.renew(now.plus_millis(61 * DAY_MS), false).unwrap());
        assert_ne!(first(&certificates), before);
    }

    #[test]
    fn files_are_taken_again_when_asked_and_kept_when_they_break() {
        let directory = tempfile::tempdir().unwrap();
        let files =
            CertificateFiles { certificate: directory.path().join("c.pem"), key: directory.path().join("k.pem") };
        write_pair(&files);
        let never = || -> Result<Arc<Authority>, Ending> { panic!("no authority is needed") };
        let certificates = Certificates::load(&door(Some(files.clone())), &[], never, Moment::default()).unwrap();
        let before = first(&certificates);
        assert!(!certificates.renew(Moment::default(), false).unwrap());
        write_pair(&files);
        assert!(certificates.renew(Moment::default(), true).unwrap());
        let after = first(&certificates);
        assert_ne!(after, before);
        std::fs::write(&files.key, "no key").unwrap();
        assert_eq!(certificates.renew(Moment::default(), true).unwrap_err().code, Code::Config);
        assert_eq!(first(&certificates), after);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let files = CertificateFiles { certificate: at("c.pem"), key: at("k.pem") };
        write_pair(&files);
        let other = CertificateFiles { certificate: at("c2.pem"), key: at("k2.pem") };
        write_pair(&other);
        let mixed = CertificateFiles { key: other.key, ..files };
        let never = || -> Result<Arc<Authority>, Ending> { panic!("no authority is needed") };
        let refused = Certificates::load(&door(Some(mixed)), &[], never, Moment::default()).map(|_| ()).unwrap_err();
        assert!(refused.sentence.contains("do not belong together"), "{refused}");
    }
}
