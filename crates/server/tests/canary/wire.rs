//! Below HTTP: what the listeners make of bytes that are no request, and of connections that are not encrypted.

use crate::planting::{Place, Planting};
use crate::search::{Finding, Found, Search};
use crate::shapes::Shape;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The operation that bytes below HTTP are counted as.
pub const BELOW_HTTP: &str = "the listeners";

/// Sends strange bytes to a listener, and complains of answers that repeat them.
pub struct Wire<'a> {
    pub address: SocketAddr,
    pub authority: &'a [u8],
    pub planting: &'a Planting,
    pub search: &'a Search,
}

impl Wire<'_> {
    /// All of it, this many times; what the answers repeat comes back.
    pub async fn trouble(&self, times: usize) -> Vec<Finding> {
        let answer = self.plain(&client_hello("localhost")).await;
        assert_eq!(answer.first(), Some(&TLS_HANDSHAKE), "the handshake of the test is not understood: {answer:?}");
        let mut repeated = Vec::new();
        for time in 0..times {
            let shape = Shape::ALL[time % Shape::ALL.len()];
            for (name, request) in self.requests(shape) {
                let answer = self.encrypted(&request).await;
                repeated.extend(self.complaints(&format!("the answer to {name}"), &answer));
            }
            let canary = self.one("plain HTTP", shape);
            let post = format!("POST /{canary} HTTP/1.1\r\nHost: {canary}\r\nFrom: {canary}\r\n\r\n{canary}");
            repeated.extend(self.complaints("the answer to plain HTTP", &self.plain(post.as_bytes()).await));
            let get = format!("GET /{} HTTP/1.1\r\nUser-Agent: {canary}\r\n\r\n", self.one("plain HTTP, path", shape));
            // Whoever reads over plain HTTP is sent to the same address, so this one answer repeats the path.
            let answer = String::from_utf8_lossy(&self.plain(get.as_bytes()).await).into_owned();
            let rest: String = answer.lines().filter(|line| !line.starts_with("Location: ")).collect();
            repeated.extend(self.complaints("the answer to plain HTTP", rest.as_bytes()));
            let noise = format!("\0\x01{}", self.one("a connection that is neither TLS nor HTTP", shape));
            repeated.extend(self.complaints("the answer to noise", &self.plain(noise.as_bytes()).await));
            let hello = client_hello(&self.one("the server name of a TLS handshake", shape));
            repeated.extend(self.complaints("the answer to a TLS handshake", &self.plain(&hello).await));
        }
        repeated
    }

    fn one(&self, part: &str, shape: Shape) -> String {
        self.planting.one(&Place::new(BELOW_HTTP, part), shape)
    }

    fn complaints(&self, source: &str, answer: &[u8]) -> Vec<Finding> {
        let mut findings = self.search.bytes(source, answer);
        findings.retain(|finding| !matches!(finding.found, Found::Word(_)));
        findings
    }

    /// Bytes that look like HTTP/1.1 and are not, or like HTTP/2.
    fn requests(&self, shape: Shape) -> Vec<(&'static str, Vec<u8>)> {
        let one = |part: &str| self.one(part, shape);
        let texts = [
            ("a strange version", format!("GET /{} HTTP/9.9\r\n\r\n", one("request line").replace(' ', "_"))),
            ("a request line with spaces", format!("GET /{0} {0} HTTP/1.1\r\n\r\n", one("request line"))),
            ("an unknown method", format!("{} /v1/orders HTTP/1.1\r\nHost: localhost\r\n\r\n", one("method"))),
            ("a header without a colon", format!("GET / HTTP/1.1\r\n{}\r\n\r\n", one("header line"))),
            ("a strange host", format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", one("host"))),
            (
                "a strange target",
                format!("GET https://{}/ HTTP/1.1\r\nHost: a\r\n\r\n", one("target").replace(' ', "_")),
            ),
            (
                "a strange length",
                format!("POST /v1/orders HTTP/1.1\r\nContent-Length: {}\r\n\r\n", one("content-length")),
            ),
            (
                "a chunk of no length",
                format!("POST /v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n", one("chunk")),
            ),
            (
                "headers that are too long",
                format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", one("long header").repeat(4_000)),
            ),
        ];
        let mut all: Vec<_> = texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        let frame = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x20\x01\x05\0\0\0\x01{}", one("HTTP/2 frame"));
        all.push(("HTTP/2 that is none", frame.into_bytes()));
        all
    }

    async fn plain(&self, bytes: &[u8]) -> Vec<u8> {
        exchange(TcpStream::connect(self.address).await.unwrap(), bytes).await
    }

    async fn encrypted(&self, bytes: &[u8]) -> Vec<u8> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        exchange(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap(), bytes).await
    }
}

/// Sends the bytes, hangs up on that side, and reads what comes. A listener may hang up first.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if stream.write_all(bytes).await.is_ok() {
        let _ = stream.shutdown().await;
    }
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// The first message of a TLS handshake (RFC 8446 section 4.1.2) with any text as the server's name.
fn client_hello(name: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let host = [&[0][..], &sized(name.as_bytes())].concat();
    let server_name = [&[0, 0][..], &sized(&sized(&host))].concat();
    // A signature scheme and a group, so that the message is whole.
    let schemes = [&[0, 13][..], &sized(&sized(&[4, 3]))].concat();
    let groups = [&[0, 10][..], &sized(&sized(&[0, 23]))].concat();
    let extensions = sized(&[server_name, schemes, groups].concat());
    let body = [&[3, 3][..], &[7; 32], &[0], &sized(&[0xc0, 0x2b]), &[1, 0], &extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[TLS_HANDSHAKE, 3, 1][..], &sized(&message)].concat()
}
