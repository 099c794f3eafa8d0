//! A small website over TLS, with an authority of its own, for the driver to be tried on.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

const PASSKEY_JS: &str = include_str!("passkey.js");

/// Serves until the test's runtime ends.
pub struct Site {
    pub port: u16,
    directory: TempDir,
    posted: Arc<Mutex<Vec<String>>>,
    gate: Arc<Notify>,
}

impl Site {
    /// For `localhost` and `shop.localhost`.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let issuer = authority();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "shop.localhost"].map(str::to_owned);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (posted, gate) = (Arc::default(), Arc::default());
        let site = Self { port, directory, posted: Arc::clone(&posted), gate: Arc::clone(&gate) };
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&posted), Arc::clone(&gate)));
            }
        });
        site
    }

    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub fn at(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// The bodies that were posted.
    pub fn posted(&self) -> Vec<String> {
        self.posted.lock().unwrap().clone()
    }

    /// Lets one who waits at `/gate` through.
    pub fn open_gate(&self) {
        self.gate.notify_one();
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// One request a connection.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, posted: Arc<Mutex<Vec<String>>>, gate: Arc<Notify>) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut read = Vec::new();
    let (head, body) = loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            break (head.to_owned(), body.to_owned());
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(many) => read.extend_from_slice(&part[..many]),
        }
    };
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    if path == "/gate" {
        gate.notified().await;
    }
    if method == "POST" {
        posted.lock().unwrap().push(body.clone());
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let seen = [field("Cookie: ").unwrap_or("nobody"), field("Assertion: ").unwrap_or_default()].join(" ");
    let answer = answer(method, path, &body, &seen);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, n)| n.parse().unwrap())
}

fn answer(method: &str, path: &str, body: &str, seen: &str) -> String {
    match (method, path) {
        ("GET", "/") => page("Home", "<a href=/form>The form</a> <a href=/teapot>Tea</a> <p hidden>unseen</p>"),
        ("GET", "/form") => page("Form", include_str!("form.html")),
        ("POST", "/form") => with(
            "303 See Other",
            "Location: /thanks\r\nSet-Cookie: a=1; Secure; HttpOnly; SameSite=Lax\r\nSet-Cookie: b=2\r\n",
            "",
        ),
        ("GET", "/thanks") => page("Thanks", &format!("<p>Seen as {seen}</p>")),
        ("GET", "/cookie") => with(
            "200 OK",
            "Content-Type: text/html\r\nX-Word: one\r\nSet-Cookie: c=3\r\nSet-Cookie: d=4\r\n",
            "<h1>Cookie</h1>",
        ),
        ("GET", "/teapot") => {
            with("418 I'm a teapot", "Content-Type: text/html\r\n", "<title>Tea</title><h1>Teapot</h1>")
        }
        ("GET", "/download") => with("200 OK", "Content-Type: text/csv\r\nContent-Disposition: attachment\r\n", "a,b"),
        ("GET", "/lively") => page("Lively", include_str!("lively.html")),
        ("GET" | "POST", "/gate") => with("200 OK", "Content-Type: text/html\r\n", "<b id=came>It came</b>"),
        ("GET", "/onwards") => page("Onwards", "<script>location.href = '/teapot'</script>"),
        ("GET", "/strict") => with(
            "200 OK",
            "Content-Type: text/html\r\nContent-Security-Policy: default-src 'self'; script-src 'self'\r\n",
            "<title>Strict</title><h1>Strict</h1><script>document.title = 'broken'</script>",
        ),
        ("GET", "/scripted") => {
            page("Scripted", "<p id=p>plain</p><script>p.textContent = 'enhanced'</script><a href=/form>The form</a>")
        }
        ("GET", "/careless") => with("200 OK", "Content-Type: text/html\r\n", include_str!("careless.html")),
        ("GET", "/passkey") => with(
            "200 OK",
            "Content-Type: text/html\r\nContent-Security-Policy: default-src 'self'\r\n",
            "<title>Passkey</title><h1>Passkey</h1><button id=make>Make</button><button id=use>Use</button><pre id=result></pre><script src=/passkey.js></script>",
        ),
        ("GET", "/passkey.js") => with("200 OK", "Content-Type: text/javascript\r\n", PASSKEY_JS),
        _ => with("404 Not Found", "Content-Type: text/html\r\n", &format!("<h1>Nothing here</h1>{body}")),
    }
}

fn page(title: &str, body: &str) -> String {
    let html = format!("<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1>{body}</html>");
    with("200 OK", "Content-Type: text/html; charset=utf-8\r\n", &html)
}

fn with(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
