//! The other side: an https server that answers at once, over HTTP/2 or HTTP/1.1, with a certificate made for the run.

use crate::ending::Ending;
use axum::http::request::Parts;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The name in the certificate.
const NAME: &str = "localhost";

/// Streams of one connection that are answered at the same time.
const STREAMS_MAX: u32 = 256;

/// Who a peer is.
pub struct Identity {
    acceptor: TlsAcceptor,
    authority: PathBuf,
}

impl Identity {
    /// A new authority, whose certificate is written into this directory, and a certificate of it.
    pub fn make(room: &Path) -> Result<Self, Ending> {
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(Ending::internal)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Bonded bench");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let own = KeyPair::generate().map_err(Ending::internal)?;
        let authority = CertifiedIssuer::self_signed(params, own).map_err(Ending::internal)?;
        let path = room.join("peers.pem");
        std::fs::write(&path, authority.pem()).map_err(Ending::file("written", &path))?;
        let key = KeyPair::generate().map_err(Ending::internal)?;
        let params = CertificateParams::new(vec![NAME.to_owned()]).map_err(Ending::internal)?;
        let certificate = params.signed_by(&key, &authority).map_err(Ending::internal)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(Ending::internal)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Ending::internal)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(Ending::internal)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: path })
    }

    /// The authority's certificate, as a PEM file.
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

/// What a peer answers.
pub trait Answers: Send + Sync + 'static {
    /// To one request.
    fn answer(&self, head: &Parts, body: &[u8]) -> (StatusCode, String);
}

/// A server that answers until it is dropped.
pub struct Peer {
    /// Where it is reached.
    pub address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Peer {
    /// Starts one on a free port.
    pub async fn open(identity: &Identity, answers: Arc<dyn Answers>) -> Result<Self, Ending> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Ending::internal)?;
        let address = listener.local_addr().map_err(Ending::internal)?;
        Ok(Self { address, serving: tokio::spawn(listen(listener, identity.acceptor.clone(), answers)) })
    }

    /// `localhost:port`
    pub fn host(&self) -> String {
        format!("{NAME}:{}", self.address.port())
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, answers: Arc<dyn Answers>) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else { continue };
        let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
        tokio::spawn(async move {
            // Without it, answers would wait for acknowledgements of the ones before.
            if tcp.set_nodelay(true).is_err() {
                return;
            }
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let service = service_fn(move |request| answer(Arc::clone(&answers), request));
            let mut http = Builder::new(TokioExecutor::new());
            http.http2().max_concurrent_streams(STREAMS_MAX);
            // How a connection ends is of no interest: what it did not answer is told by the server under test.
            let _ = http.serve_connection(TokioIo::new(tls), service).await;
        });
    }
}

async fn answer(answers: Arc<dyn Answers>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let (status, text) = answers.answer(&head, &body);
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Ok(response)
}
