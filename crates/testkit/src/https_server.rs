//! A small server under https for each test that asks, in the test's own process: it answers as the test says.
//!
//! It listens on 127.0.0.1 and has a certificate for `localhost`, `127.0.0.1` and names that a test's resolver can lead
//! to it. Where HTTP itself is to be broken, [`HttpsServer::raw`] hands the test each connection after its handshake.

pub use crate::certificates::Shows;

use crate::certificates;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The names that a good certificate is for, besides `localhost`.
pub const NAMES: [&str; 3] = ["shop.example", "other.example", "inside.example"];

/// What an answer's body is: all at once, or as it comes.
pub type Body = BoxBody<Bytes, Infallible>;

/// A server to be started.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What certificate it shows.
    pub shows: Shows,
    /// Whether it speaks HTTP/2 with whoever can.
    pub h2: bool,
    /// Whether it speaks TLS 1.3.
    pub tls13: bool,
}

impl Wanted {
    /// A server as it should be.
    pub const GOOD: Self = Self { shows: Shows::Good, h2: true, tls13: true };
}

/// A running server of one test; dropping it ends it.
pub struct HttpsServer {
    directory: TempDir,
    port: u16,
    serving: JoinHandle<()>,
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl HttpsServer {
    /// Starts a server that answers each request, whose body has come in whole, by this function.
    pub async fn start<A, F>(wanted: Wanted, answer: A) -> Self
    where
        A: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send,
    {
        Self::raw(wanted, move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        // A caller that goes away in the middle gets no answer.
                        let body = body.collect().await.map(http_body_util::Collected::to_bytes)?;
                        Ok::<_, hyper::Error>(answer(Request::from_parts(head, body)).await)
                    }
                });
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// Starts a server that hands over each connection after its handshake.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn raw<A, F>(wanted: Wanted, serve: A) -> Self
    where
        A: Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let acceptor = acceptor(&directory, wanted);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, serve) = (acceptor.clone(), serve.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        serve(stream).await;
                    }
                });
            }
        });
        Self { directory, port, serving }
    }

    /// Where it listens, on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address by this name: `https://localhost:4711` without a slash at the end.
    pub fn origin(&self, name: &str) -> String {
        format!("https://{name}:{}", self.port)
    }

    /// A PEM file of the authority that tests trust.
    pub fn authority(&self) -> PathBuf {
        certificates::authority_file(self.directory.path())
    }
}

/// An answer with this status and body.
#[expect(clippy::expect_used, reason = "a test that asks for no status must fail, and only tests ask")]
pub fn answer(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    Response::builder().status(status).body(Full::new(body.into()).boxed()).expect("an answer")
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn acceptor(directory: &TempDir, wanted: Wanted) -> TlsAcceptor {
    let names: Vec<_> = ["localhost", "127.0.0.1"].into_iter().chain(NAMES).collect();
    let [certificate, key] = certificates::write(directory.path(), wanted.shows, &names);
    let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let versions: &[&SupportedProtocolVersion] = if wanted.tls13 { &[&TLS13, &TLS12] } else { &[&TLS12] };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).expect("a pair");
    config.alpn_protocols = if wanted.h2 { vec![b"h2".to_vec()] } else { Vec::new() };
    config.alpn_protocols.push(b"http/1.1".to_vec());
    TlsAcceptor::from(Arc::new(config))
}
