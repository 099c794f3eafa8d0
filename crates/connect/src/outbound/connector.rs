//! The way to a host: its name resolved once, every address looked at, one of those called, TLS with a checked certificate.
//!
//! Architecture invariant: no name is resolved a second time; the address that was looked at is the one that is called.

use super::{CallError, address};
use crate::tls;
use bonded_people::mail::TlsVersion;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

/// How long it may take until a host is ready for a request.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Addresses of one name that are looked at and tried at most.
const ADDRESSES_MAX: usize = 16;

/// The port of https.
const HTTPS_PORT: u16 = 443;

/// Finds the addresses of a name.
#[async_trait::async_trait]
pub trait Resolve: Send + Sync {
    /// Every address, best first.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own way to find addresses.
pub struct MachineResolver;

#[async_trait::async_trait]
impl Resolve for MachineResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, HTTPS_PORT)).await?;
        Ok(found.map(|address| address.ip()).take(ADDRESSES_MAX).collect())
    }
}

/// Opens connections, for hyper's pool of them.
#[derive(Clone)]
pub struct Connector {
    pub resolver: Arc<dyn Resolve>,
    pub tls: TlsConnector,
    pub loopback: bool,
}

/// Which TLS a connection speaks; travels with each answer.
#[derive(Clone, Copy)]
pub struct Agreed(pub TlsVersion);

/// A connection to a host.
pub struct Secured {
    stream: TokioIo<TlsStream<TcpStream>>,
    agreed: TlsVersion,
    is_h2: bool,
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<Secured, CallError> {
        let host = uri.host().ok_or(CallError::NotHttps)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(HTTPS_PORT);
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.addresses(host).await.map_err(|_| CallError::Unresolved)?,
        };
        if addresses.is_empty() {
            return Err(CallError::Unresolved);
        }
        // One bad address among good ones is a trap, or a mistake that would sometimes lead inside.
        if !addresses.iter().all(|found| address::may_be_called(*found, self.loopback)) {
            return Err(CallError::Private);
        }
        let places: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        let tcp = TcpStream::connect(&*places).await.map_err(|_| CallError::Away("the host cannot be reached"))?;
        // Requests are small and waited for.
        tcp.set_nodelay(true).map_err(|_| CallError::CUT)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| CallError::Unresolved)?;
        let stream = self.tls.connect(name, tcp).await.map_err(|error| CallError::of_handshake(&error))?;
        let agreed = tls::agreed(stream.get_ref().1).ok_or(CallError::Away("no TLS could be agreed with the host"))?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(super::H2);
        Ok(Secured { stream: TokioIo::new(stream), agreed, is_h2 })
    }
}

impl Service<Uri> for Connector {
    type Response = Secured;
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Secured, CallError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.clone().connect(uri);
        Box::pin(async { tokio::time::timeout(CONNECT_LIMIT, connecting).await.unwrap_or(Err(CallError::LATE)) })
    }
}

impl Connection for Secured {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(Agreed(self.agreed));
        if self.is_h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Secured {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl Write for Secured {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
