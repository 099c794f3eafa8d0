//! A client that costs little: one TLS connection that is kept, HTTP/1.1, bodies that are ready to be sent.
//!
//! The client shares the machine with the server it measures, so whatever it saves makes the figures truer.

use crate::ending::{Code, Ending};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The name in the server's certificate.
const NAME: &str = "localhost";

/// An answer that takes longer will not come: longer than the longest poll.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// A large file is not taken later than this.
const FILE_LIMIT: Duration = Duration::from_hours(2);

/// Bytes of an answer that are repeated when it was not the one wanted.
const TOLD_MAX: usize = 300;

/// Where the server is, and whom to trust.
#[derive(Clone)]
pub struct Door {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Door {
    /// The door at an address, whose certificate the authority in this file has signed.
    pub fn new(address: SocketAddr, authority: &Path) -> Result<Self, Ending> {
        let pem = std::fs::read(authority).map_err(Ending::file("read", authority))?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).map_err(Ending::internal)?).map_err(Ending::internal)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Ending::internal)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// A connection that acts under a key.
    pub async fn connect(&self, secret: &str) -> Result<Connection, Ending> {
        let broken = |error: std::io::Error| broken(&error);
        let stream = TcpStream::connect(self.address).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let name = ServerName::try_from(NAME).map_err(Ending::internal)?;
        let stream = self.tls.connect(name, stream).await.map_err(broken)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| self::broken(&error))?;
        // Ends with the sender; what goes wrong is told by the request that it happens to.
        tokio::spawn(connection);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {secret}")).map_err(Ending::internal)?;
        bearer.set_sensitive(true);
        Ok(Connection { sender, bearer })
    }
}

/// One connection, on which one request is under way at a time.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    bearer: HeaderValue,
}

impl Connection {
    /// Asks for something; fails unless the answer is 200.
    pub async fn get(&mut self, path: &str) -> Result<Bytes, Ending> {
        self.send(Method::GET, path, Bytes::new(), StatusCode::OK).await
    }

    /// The same, read as JSON of a known shape.
    pub async fn read<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Ending> {
        serde_json::from_slice(&self.get(path).await?).map_err(Ending::internal)
    }

    /// Sends JSON; fails unless the answer has this status.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>, wanted: StatusCode) -> Result<Bytes, Ending> {
        self.send(Method::POST, path, body.into(), wanted).await
    }

    /// Sends a form as a page of the server's own would; fails unless the answer has this status.
    pub async fn fill_in(&mut self, path: &str, fields: String, wanted: StatusCode) -> Result<Bytes, Ending> {
        let request = Request::post(path)
            .header(HOST, NAME)
            .header("sec-fetch-site", HeaderValue::from_static("same-origin"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(Full::new(fields.into()))
            .map_err(Ending::internal)?;
        self.exchange(&format!("POST {path}"), request, wanted, ANSWER_LIMIT).await
    }

    /// Sends a CSV file, and reads JSON of a known shape when something was made of it.
    pub async fn send_file<T: DeserializeOwned>(&mut self, path: &str, file: Bytes) -> Result<T, Ending> {
        let request = self.request(&Method::POST, path).header(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        let request = request.body(Full::new(file)).map_err(Ending::internal)?;
        let answer = self.exchange(&format!("POST {path}"), request, StatusCode::CREATED, FILE_LIMIT).await?;
        serde_json::from_slice(&answer).map_err(Ending::internal)
    }

    /// Takes a file as it comes and keeps nothing of it: how many lines it has.
    pub async fn lines(&mut self, path: &str) -> Result<u64, Ending> {
        let broken = |error: hyper::Error| broken(&error);
        let request = self.request(&Method::GET, path).body(Full::default()).map_err(Ending::internal)?;
        self.sender.ready().await.map_err(broken)?;
        let mut answer = self.sender.send_request(request).await.map_err(broken)?;
        if answer.status() != StatusCode::OK {
            return Err(Ending::new(Code::Bad, format!("GET {path} was answered with {}", answer.status())));
        }
        let late = |_| Ending::new(Code::Unavailable, format!("{path} came no further"));
        let mut lines = 0;
        while let Some(frame) = tokio::time::timeout(ANSWER_LIMIT, answer.frame()).await.map_err(late)? {
            let piece = frame.map_err(broken)?.into_data().unwrap_or_default();
            lines += piece.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
        }
        Ok(lines)
    }

    /// Sends JSON that changes a part of something; fails unless the answer is 200.
    pub async fn change(&mut self, path: &str, body: &Value) -> Result<Bytes, Ending> {
        self.send(Method::PATCH, path, body.to_string().into(), StatusCode::OK).await
    }

    /// Sends JSON with these headers and without a key, as a platform does; fails unless the answer is 200.
    pub async fn deliver(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<(), Ending> {
        let request = Request::post(path).header(HOST, NAME).header(CONTENT_TYPE, "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Full::new(body.into())).map_err(Ending::internal)?;
        self.exchange(&format!("POST {path}"), request, StatusCode::OK, ANSWER_LIMIT).await.map(drop)
    }

    /// Sends JSON, and reads JSON of a known shape.
    pub async fn tell<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &Value,
        wanted: StatusCode,
    ) -> Result<T, Ending> {
        let answer = self.post(path, body.to_string(), wanted).await?;
        serde_json::from_slice(&answer).map_err(Ending::internal)
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes, wanted: StatusCode) -> Result<Bytes, Ending> {
        let mut request = self.request(&method, path);
        if method != Method::GET {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(Full::new(body)).map_err(Ending::internal)?;
        self.exchange(&format!("{method} {path}"), request, wanted, ANSWER_LIMIT).await
    }

    fn request(&self, method: &Method, path: &str) -> request::Builder {
        Request::builder().method(method).uri(path).header(HOST, NAME).header(AUTHORIZATION, self.bearer.clone())
    }

    async fn exchange(
        &mut self,
        asked: &str,
        request: Request<Full<Bytes>>,
        wanted: StatusCode,
        limit: Duration,
    ) -> Result<Bytes, Ending> {
        let exchange = async {
            // The connection may still be busy putting the answer before aside.
            self.sender.ready().await?;
            let answer = self.sender.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let late = |_| Ending::new(Code::Unavailable, format!("no answer to {asked}"));
        let (status, body) = tokio::time::timeout(limit, exchange)
            .await
            .map_err(late)?
            .map_err(|error| Ending::new(Code::Unavailable, format!("{asked} was not answered: {error}")))?;
        if status == wanted {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(body.get(..TOLD_MAX.min(body.len())).unwrap_or_default()).into_owned();
        Err(Ending::new(Code::Bad, format!("{asked} was answered with {status}: {said}")))
    }
}

fn broken(error: &dyn std::error::Error) -> Ending {
    Ending::new(Code::Unavailable, format!("the connection to the server broke: {error}"))
}
