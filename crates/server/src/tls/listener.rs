//! One door: accepts connections, insists on TLS, hands requests to the router, and stops without cutting anyone off.

use super::Marks;
use super::certificate::Certificates;
use super::idle::Idle;
use super::plain::turn_away;
use crate::ending::{Code, Ending};
use crate::settings::Door;
use axum::Router;
use axum::http::Request;
use bonded_base::{Clock, SystemClock};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// From a connection's first byte to the end of its handshake.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// For a request's head, and between two requests of one HTTP/1.1 connection.
pub const HEAD_LIMIT: Duration = Duration::from_mins(1);

/// A connection on which nothing moves is closed; longer than the longest poll of the API.
pub const IDLE_LIMIT: Duration = Duration::from_mins(2);

/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: u32 = 32 * 1024;

/// Requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 256;

/// How long accepting rests when the system has no room for another connection.
const NO_ROOM_REST: Duration = Duration::from_millis(50);

/// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A door that is open, and answers nobody yet.
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    tls: TlsAcceptor,
    room: Arc<Semaphore>,
    places: usize,
}

/// How a door closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request that had begun was answered.
    Whole,
    /// This many connections were still busy when the limit passed.
    Cut(usize),
}

/// What each connection needs.
struct Inside {
    tls: TlsAcceptor,
    http: auto::Builder<TokioExecutor>,
    router: Router,
    origin: String,
    marks: Arc<Marks>,
}

impl Listener {
    /// Binds the port; fails with a sentence when it is taken or not allowed.
    pub async fn bind(name: &'static str, door: &Door, certificates: &Certificates) -> Result<Self, Ending> {
        let refused = |error: std::io::Error| {
            let (code, next) = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    (Code::InUse, "another program has this port: stop it or choose another port")
                }
                std::io::ErrorKind::PermissionDenied => {
                    (Code::Config, "ports below 1024 need the capability CAP_NET_BIND_SERVICE")
                }
                std::io::ErrorKind::AddrNotAvailable => (Code::Config, "the address is none of this machine's"),
                _ => (Code::Unavailable, "see the system's own message"),
            };
            Ending::new(code, format!("the {name} listener cannot open {}: {error}", door.listen)).next(next)
        };
        let socket = TcpListener::bind(door.listen).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let tls = TlsAcceptor::from(Arc::new(certificates.handshake()?));
        Ok(Self {
            name,
            socket,
            address,
            tls,
            room: Arc::new(Semaphore::new(door.connections_max)),
            places: door.connections_max,
        })
    }

    /// Where it listens; the port that the system chose where 0 was asked.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` becomes true, then lets begun requests end, up to `drain`.
    pub async fn serve(
        self,
        router: Router,
        origin: String,
        marks: Arc<Marks>,
        mut stop: watch::Receiver<bool>,
        drain: Duration,
    ) -> Drained {
        let graceful = GracefulShutdown::new();
        let inside = Arc::new(Inside { tls: self.tls, http: http(), router, origin, marks });
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = accept(&self.socket, &self.room) => accepted,
            };
            match accepted {
                Ok((stream, room)) => {
                    let (inside, watcher) = (Arc::clone(&inside), graceful.watcher());
                    tokio::spawn(async move {
                        if let Err(why) = inside.connection(stream, watcher).await {
                            // Who it was is nobody's business.
                            tracing::debug!(why, "a connection ended early");
                        }
                        drop(room);
                    });
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, kind = ?error.kind(), "no connection could be accepted");
                    tokio::time::sleep(NO_ROOM_REST).await;
                }
            }
        }
        drop(self.socket);
        let busy = graceful.count();
        tracing::info!(listener = self.name, busy, "closing");
        match tokio::time::timeout(drain, graceful.shutdown()).await {
            Ok(()) => Drained::Whole,
            Err(_) => Drained::Cut(self.places.saturating_sub(self.room.available_permits())),
        }
    }
}

/// A connection, and its place among those allowed.
async fn accept(socket: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // The semaphore is never closed, so the error cannot come.
    let place = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    Ok((stream, place))
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(HEAD_BYTES_MAX as usize);
    http.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX);
    http
}

impl Inside {
    /// One connection's life.
    async fn connection(&self, stream: TcpStream, watcher: Watcher) -> Result<(), &'static str> {
        // Here, and nowhere else, a caller's address is looked at; what goes on is a mark.
        let peer = stream.peer_addr().map_err(|_| "the caller was gone")?;
        let mark = self.marks.of(peer.ip(), SystemClock.now());
        // Without this, a small answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        let peeked = tokio::time::timeout(HANDSHAKE_LIMIT, stream.peek(&mut first)).await;
        match (peeked, first) {
            (Ok(Ok(1)), [TLS_HANDSHAKE]) => {}
            (Ok(Ok(1)), [byte]) if byte.is_ascii_alphabetic() => {
                turn_away(stream, &self.origin).await;
                return Ok(());
            }
            (Ok(Ok(0)), _) => return Ok(()),
            _ => return Err("it was neither TLS nor HTTP"),
        }
        let stream = tokio::time::timeout(HANDSHAKE_LIMIT, self.tls.accept(stream))
            .await
            .map_err(|_| "the handshake took too long")?
            .map_err(|_| "the handshake failed")?;
        let io = TokioIo::new(Idle::new(stream, IDLE_LIMIT));
        let marked = self.router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(mark);
            request
        });
        let service = TowerToHyperService::new(marked);
        watcher.watch(self.http.serve_connection(io, service).into_owned()).await.map_err(|_| "the connection broke")
    }
}
