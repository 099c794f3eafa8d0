//! The two doors: TLS and nothing else, both versions, and each serving its own.

use crate::house::{House, Server};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

async fn plain(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn plain_http_is_redirected_or_told_to_upgrade() {
    let house = House::new();
    let server = house.serve();
    for address in [server.public, server.private] {
        let answer = plain(address, "GET /v1/orders?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 301 ") && answer.contains("\r\nLocation: https://"), "{answer}");
        assert!(answer.contains("/v1/orders?limit=1\r\n"), "{answer}");
        let body = "{\"reference\":\"1\"}";
        let length = body.len();
        let post = format!("POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        assert!(plain(address, &post).await.starts_with("HTTP/1.1 426 "));
        let with_key = "GET /v1/orders HTTP/1.1\r\nAuthorization: Bearer bk_test_x\r\n\r\n";
        assert!(plain(address, with_key).await.starts_with("HTTP/1.1 426 "));
    }
    server.stop().await;
}

async fn shaken(house: &House, server: &Server, version: &'static SupportedProtocolVersion, alpn: &[u8]) -> Vec<u8> {
    let pem = std::fs::read(house.path("bonded-data/tls/ca.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(server.public).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(version.version));
    session.alpn_protocol().unwrap().to_vec()
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_with_both_http_versions() {
    let house = House::new();
    let server = house.serve();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for alpn in [b"h2".as_slice(), b"http/1.1"] {
            assert_eq!(shaken(&house, &server, version, alpn).await, alpn);
        }
    }
    server.stop().await;
}

/// A greeting of TLS 1.1: what an old client says, and no newer version offered.
fn greeting_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session, one cipher suite (TLS_RSA_WITH_AES_128_CBC_SHA), no compression.
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut message = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

#[tokio::test]
async fn tls_1_1_is_refused_and_nonsense_is_hung_up_on() {
    let house = House::new();
    let server = house.serve();
    let mut stream = TcpStream::connect(server.public).await.unwrap();
    stream.write_all(&greeting_of_tls_1_1()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // An alert record (21) of level fatal (2).
    assert_eq!((answer.first(), answer.get(5)), (Some(&21), Some(&2)), "{answer:?}");
    for nonsense in [b"\0\0\0\0".as_slice(), b"\x16\x03\x01\xff\xff"] {
        let mut stream = TcpStream::connect(server.public).await.unwrap();
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn each_door_serves_its_own() {
    let house = House::new();
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    let inside = |path: &str| server.client.get(format!("https://{}{path}", server.private)).bearer_auth(&key);
    assert_eq!(Server::answer(server.get("/v1/account").bearer_auth(&key)).await.0, 200);
    assert_eq!(Server::answer(inside("/v1/account")).await.0, 404);
    assert_eq!(Server::answer(inside("/readyz")).await.0, 200);
    for path in ["/metrics", "/console", "/unseal"] {
        assert_eq!(Server::answer(server.get(path)).await.0, 404, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn other_certificates_are_taken_at_a_signal_and_broken_ones_are_not() {
    let house = House::new();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (certificate, key) = (house.path("cert.pem"), house.path("key.pem"));
    let make = || {
        let pair = rcgen::KeyPair::generate().unwrap();
        let signed = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
        std::fs::write(&certificate, signed.pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        reqwest::Certificate::from_pem(signed.pem().as_bytes()).unwrap()
    };
    let trusting = |certificate| {
        let builder = reqwest::Client::builder().tls_certs_only([certificate]).no_proxy().pool_max_idle_per_host(0);
        builder.build().unwrap()
    };
    let authority = make();
    let first = trusting(authority.clone());
    let mut command = house.command(&["serve"]);
    command.env("BONDED_PUBLIC_CERTIFICATE", &certificate).env("BONDED_PUBLIC_KEY", &key);
    let server = house.serve_by(command);
    let url = format!("https://localhost:{}/healthz", server.public.port());
    assert_eq!(first.get(&url).send().await.unwrap().status(), 200);

    let second = trusting(make());
    server.signal(nix::sys::signal::Signal::SIGHUP);
    while second.get(&url).send().await.is_err() {
        tokio::task::yield_now().await;
    }
    // A caller without a session to resume, which would not look at the certificate again.
    assert!(trusting(authority).get(&url).send().await.is_err(), "the old certificate is still shown");

    std::fs::write(&key, "no key").unwrap();
    server.signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(second.get(&url).send().await.unwrap().status(), 200);
    let log = server.stop().await;
    assert!(log.contains("another certificate is in use"), "{log}");
}
