//! Below HTTP: what the listeners make of bytes that are no request, and of connections that are not encrypted.

use crate::canaries::{Place, Planting, Shape};
use crate::search::{Finding, Search};
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
/// How often each sort of bytes is sent; a connection takes a handshake each time.
const TIMES: usize = 12;
/// The operation that bytes below HTTP are counted as.
pub const BELOW_HTTP: &str = "the listeners";

/// Bytes that look like HTTP and are not; `?` becomes a canary.
const REQUESTS: [&str; 12] = [
    "GET /?_ HTTP/9.9\r\n\r\n",
    "GET /? ? HTTP/1.1\r\n\r\n",
    "? /v1/orders HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\n?\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: ?\r\n\r\n",
    "GET https://?/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /v1/orders HTTP/1.1\r\nContent-Length: ?\r\n\r\n",
    "POST /v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n?\r\n",
    "POST /? HTTP/1.1\r\nHost: ?\r\nFrom: ?\r\n\r\n?",
    "GET /? HTTP/1.1\r\nUser-Agent: ?\r\n\r\n",
    "\0\u{1}?",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0 \u{1}\u{5}\0\0\0\u{1}?",
];
/// Times a canary stands in a header that is too long.
const REPEATED: usize = 4_000;

/// Sends strange bytes to a listener, encrypted and not; what the answers repeat comes back.
pub async fn trouble(address: SocketAddr, authority: &[u8], planting: &Planting) -> Vec<Finding> {
    let search = Search::with(&[]);
    let answer = plain(address, &client_hello("localhost")).await;
    assert_eq!(answer.first(), Some(&TLS_HANDSHAKE), "the handshake of the test is not understood: {answer:?}");
    let mut repeated = Vec::new();
    for time in 0..TIMES {
        let one = |part: &str| planting.one(&Place::new(BELOW_HTTP, part), Shape::ALL[time % Shape::ALL.len()]);
        let mut requests: Vec<_> =
            REQUESTS.iter().map(|request| request.replace('?', &one(request)).into_bytes()).collect();
        requests
            .push(format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", one("long header").repeat(REPEATED)).into_bytes());
        for request in requests {
            repeated.extend(search.bytes("an answer over TLS", &encrypted(address, authority, &request).await));
            let answer = String::from_utf8_lossy(&plain(address, &request).await).into_owned();
            // Whoever reads over plain HTTP is sent to the same address, so this one line repeats the path.
            let rest: String = answer.lines().filter(|line| !line.to_lowercase().starts_with("location: ")).collect();
            repeated.extend(search.bytes("an answer in clear", rest.as_bytes()));
        }
        let hello = client_hello(&one("the server name of a TLS handshake"));
        repeated.extend(search.bytes("the answer to a TLS handshake", &plain(address, &hello).await));
    }
    repeated
}

async fn plain(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange(TcpStream::connect(address).await.unwrap(), bytes).await
}

async fn encrypted(address: SocketAddr, authority: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    exchange(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap(), bytes).await
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
