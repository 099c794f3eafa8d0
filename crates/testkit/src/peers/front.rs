//! What stands before a platform's server: TLS on a port that stays, and answers that get lost when a test says so.

use crate::authority::authority;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// A TLS listener on the loopback that leads to a server in clear; dropping it ends it.
pub struct Front {
    port: u16,
    directory: TempDir,
    way: Arc<Way>,
    listening: JoinHandle<()>,
}

/// What all connections share.
struct Way {
    server: AtomicU16,
    /// A text of the request whose answer is to get lost.
    lose: Mutex<Option<String>>,
    lost: AtomicUsize,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Front {
    /// Listens on a free port, with a certificate for `localhost` and `127.0.0.1`.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn before(server: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let acceptor = TlsAcceptor::from(Arc::new(certified(directory.path())));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let way = Arc::new(Way { server: server.into(), lose: Mutex::new(None), lost: AtomicUsize::new(0) });
        let shared = Arc::clone(&way);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, way) = (acceptor.clone(), Arc::clone(&shared));
                // One that fails is the client's to notice.
                tokio::spawn(async move { way.serve(acceptor.accept(stream).await?).await });
            }
        });
        Self { port, directory, way, listening }
    }

    /// The port, on `localhost`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `https://localhost:PORT`.
    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A PEM file of the authority that made its certificate.
    pub fn authority(&self) -> PathBuf {
        authority_file(self.directory.path())
    }

    /// Leads to another port of the loopback from now on.
    pub fn lead_to(&self, server: u16) {
        self.way.server.store(server, Ordering::SeqCst);
    }

    /// Lets the next request that contains this text through, and cuts the connection in place of its answer.
    pub fn lose_answer_to(&self, text: &str) {
        *self.way.lose.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }

    /// How many answers were lost so far.
    pub fn lost(&self) -> usize {
        self.way.lost.load(Ordering::SeqCst)
    }
}

impl Way {
    /// Passes on what comes from either side, until one has enough.
    async fn serve(&self, client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.load(Ordering::SeqCst))).await?;
        let (mut from_server, mut to_server) = server.split();
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut asked, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut request = Vec::new();
        loop {
            tokio::select! {
                read = from_client.read(&mut asked) => {
                    let Some(bytes) = asked.get(..read?).filter(|bytes| !bytes.is_empty()) else { break };
                    request.extend_from_slice(bytes);
                    to_server.write_all(bytes).await?;
                }
                read = from_server.read(&mut answered) => {
                    let Some(bytes) = answered.get(..read?).filter(|bytes| !bytes.is_empty()) else { break };
                    // The server answers when it is done, so what was asked has happened.
                    if self.is_to_be_lost(&std::mem::take(&mut request)) {
                        break;
                    }
                    to_client.write_all(bytes).await?;
                    to_client.flush().await?;
                }
            }
        }
        Ok(())
    }

    fn is_to_be_lost(&self, request: &[u8]) -> bool {
        let mut lose = self.lose.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = lose
            .as_ref()
            .is_some_and(|text| !text.is_empty() && request.windows(text.len()).any(|part| part == text.as_bytes()));
        if is_meant {
            *lose = None;
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
        is_meant
    }
}

/// Writes an authority's file, and makes a server's settings with a certificate of it.
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn certified(directory: &Path) -> ServerConfig {
    let authority = authority("Peers");
    std::fs::write(authority_file(directory), authority.pem()).expect("the authority's file");
    let names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(names).expect("host names");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate with its key")
}

fn authority_file(directory: &Path) -> PathBuf {
    directory.join("authority.pem")
}
