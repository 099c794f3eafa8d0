//! A proxy of the tests' own: it signs assertions, and publishes its keys in a file or over HTTPS.

use crate::house::{House, Server};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bonded_base::{Clock as _, SystemClock};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub const HEADER: &str = "x-goog-iap-jwt-assertion";
pub const ISSUER: &str = "https://cloud.google.com/iap";
pub const AUDIENCE: &str = "/projects/1234/global/backendServices/5678";
/// Of whom the assertions speak; it must not be found in any log.
pub const MAIL: &str = "canary.person@example.com";

/// A key of the issuer.
pub struct Signer {
    kid: String,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// A good assertion of this moment.
    pub fn assertion(&self) -> String {
        self.assertion_with(&json!({}), &json!({}))
    }

    /// The same with other members of header and claims.
    pub fn assertion_with(&self, header: &Value, claims: &Value) -> String {
        let second = SystemClock.now().millis() / 1000;
        let mut head = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid});
        let mut said = json!({"iss": ISSUER, "aud": AUDIENCE, "iat": second, "exp": second + 600, "email": MAIL,
            "sub": "accounts.google.com:1234"});
        for (base, changes) in [(&mut head, header), (&mut said, claims)] {
            for (name, value) in changes.as_object().unwrap() {
                base[name] = value.clone();
            }
        }
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(head), encode(said));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The document in which an issuer publishes these keys.
pub fn published(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

/// A server whose private listener asks for assertions, with keys in this place.
pub fn guarded(house: &House, keys: &str, authority: Option<&Path>) -> Server {
    let mut command = house.command(&["serve"]);
    for (name, value) in [("HEADER", HEADER), ("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("KEYS", keys)] {
        command.env(format!("BONDED_IDENTITY_{name}"), value);
    }
    if let Some(authority) = authority {
        // Where the machine keeps its own authorities, as far as this process goes.
        command.env("SSL_CERT_FILE", authority);
    }
    house.serve_by(command)
}

/// An address where keys are published over HTTPS.
pub struct Publisher {
    pub url: String,
    pub authority: PathBuf,
    inner: Arc<Inner>,
    door: JoinHandle<()>,
}

struct Inner {
    /// The whole answer, from its status line on.
    answer: Mutex<String>,
    asked: Mutex<usize>,
}

impl Publisher {
    pub async fn new(house: &House) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pair = rcgen::KeyPair::generate().unwrap();
        let signed = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
        let authority = house.path("keys-authority.pem");
        std::fs::write(&authority, signed.pem()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![signed.der().clone()], key);
        let tls = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/keys", listener.local_addr().unwrap().port());
        let inner = Arc::new(Inner { answer: Mutex::default(), asked: Mutex::default() });
        let door = tokio::spawn(serve(listener, tls, Arc::clone(&inner)));
        Self { url, authority, inner, door }
    }

    pub fn publish(&self, document: &str) {
        self.answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{document}", document.len()));
    }

    /// Answers with this from now on; an empty text hangs up.
    pub fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.inner.answer.lock().unwrap());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        *self.inner.asked.lock().unwrap()
    }

    /// Nobody listens there any more.
    pub async fn close(self) {
        self.door.abort();
        let _ = self.door.await;
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, inner: Arc<Inner>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = tls.accept(stream).await else { continue };
        let mut head = Vec::new();
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                break;
            }
        }
        *inner.asked.lock().unwrap() += 1;
        let answer = inner.answer.lock().unwrap().clone();
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// A connection to a listener of the house, in this version of HTTP.
pub async fn connection(house: &House, address: SocketAddr, alpn: &[u8]) -> TlsStream<TcpStream> {
    let pem = std::fs::read(house.path("bonded-data/tls/ca.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}
