//! The one way out over HTTP: every call to a platform, a gateway or an account's own systems goes through here.
//!
//! A call goes to a host that the account approved, under https, to an address of the internet, with the host's certificate
//! checked (`outbound/connector.rs`, `outbound/address.rs`); redirects are followed by our own code under the same rules. It
//! has limits of time, size and number, and waits for its turn (`outbound/budget.rs`).
//!
//! Architecture invariants: no other code of the product makes a client for HTTP; before a call leaves, its host, its
//! purpose and the names of the fields that it sends are durable in the account ([`destinations`]); no address, header,
//! body or answer reaches a log or an error.

mod address;
mod budget;
mod connector;
pub mod destinations;
mod failure;
mod request;

pub use bonded_people::mail::TlsVersion;
pub use budget::{CALLS_PER_HOST_MAX, CALLS_PER_OWNER_MAX, TURN_LIMIT};
pub use connector::{CONNECT_LIMIT, Resolve};
pub use failure::CallError;
pub use hyper::{HeaderMap, Method};
pub use request::{ANSWER_BYTES_MAX, Answer, BadHost, CALL_LIMIT, Host, REDIRECTS_MAX, Request};
pub use url::Url;

use crate::tls;
use bonded_base::{Account, Id, Kind, Kinded};
use bonded_ledger::{Ledger, LedgerError, Scope};
use budget::Budgets;
use bytes::{Bytes, BytesMut};
use connector::{Agreed, Connector, MachineResolver};
use destinations::{Book, Destination, Sending};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// What HTTP/2 is called when TLS is agreed (RFC 9113 section 3.1).
const H2: &[u8] = b"h2";
/// What HTTP/1.1 is called there (RFC 7301 section 6).
const HTTP_1_1: &[u8] = b"http/1.1";
/// Bytes of an answer's headers at most.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// Connections to one host that are kept while nobody uses them.
const IDLE_PER_HOST_MAX: usize = 32;
/// How long such a connection is kept.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// How often [`Outbound::settle`] is to be called.
pub const SETTLE_EVERY: Duration = Duration::from_secs(30);

/// What one program's way out is like.
#[derive(Clone, Debug)]
pub struct OutboundSetup {
    /// Whether this very machine may be called. For development and tests: never in production.
    pub loopback: bool,
    /// A PEM file with an authority that is trusted besides the machine's own.
    pub root_certificate: Option<PathBuf>,
    /// Who we say we are, as RFC 9110 section 10.1.5 wants it: `Bonded/0.1.0`.
    pub user_agent: String,
}

/// Why there is no way out: the settings are wrong.
#[derive(Debug, thiserror::Error)]
pub enum BadOutbound {
    /// The file of the authority's certificate.
    #[error("the root certificate {0} for calls cannot be read")]
    RootCertificate(PathBuf),
    /// The name that we would say.
    #[error("what calls say of who makes them cannot be written in a header")]
    UserAgent,
    /// TLS itself.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// For whom a call is made: one of the account's connections or webhook endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    kind: Kind,
    id: [u8; 16],
}

impl Owner {
    /// The record whose log tells of the calls.
    pub fn of<K: Kinded>(id: Id<K>) -> Self {
        Self { kind: K::KIND, id: id.bytes() }
    }
}

/// How often calls for one purpose were made since the program began, by the TLS that was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCount {
    /// What they were for.
    pub purpose: &'static str,
    /// The version; `None` for those that got no answer.
    pub tls: Option<TlsVersion>,
    /// How many.
    pub calls: u64,
}

/// The way out; cheap to clone, one for the program.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}

struct Inner {
    client: Client<Connector, Full<Bytes>>,
    user_agent: HeaderValue,
    hosts: Budgets<Host>,
    owners: Budgets<(Id<Account>, Owner)>,
    book: Book,
    counts: Mutex<BTreeMap<(&'static str, &'static str), CallCount>>,
}

impl Outbound {
    /// A way out; nothing is connected yet.
    pub fn new(setup: OutboundSetup) -> Result<Self, BadOutbound> {
        Self::with_resolver(setup, Arc::new(MachineResolver))
    }

    /// The same, but names are looked up by this; for tests.
    pub fn with_resolver(setup: OutboundSetup, resolver: Arc<dyn Resolve>) -> Result<Self, BadOutbound> {
        let user_agent = HeaderValue::from_str(&setup.user_agent).map_err(|_| BadOutbound::UserAgent)?;
        let mut roots = tls::machine_roots();
        if let Some(file) = setup.root_certificate {
            tls::add_roots(&file, &mut roots).ok_or(BadOutbound::RootCertificate(file))?;
        }
        let mut config = tls::client(roots)?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        let tls = TlsConnector::from(Arc::new(config));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEADER_BYTES_MAX as usize)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .build(Connector { resolver, tls, loopback: setup.loopback });
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                user_agent,
                hosts: Budgets::of(CALLS_PER_HOST_MAX),
                owners: Budgets::of(CALLS_PER_OWNER_MAX),
                book: Book::default(),
                counts: Mutex::default(),
            }),
        })
    }

    /// A line for one owner of an account, to the hosts that the account approved for it. The scope is that of the part
    /// of the program which calls: its actor stands in the log.
    pub fn line(&self, ledger: &Ledger, scope: &Scope, owner: Owner, hosts: Vec<Host>) -> Line {
        Line { outbound: self.clone(), ledger: ledger.clone(), scope: scope.again(), owner, hosts }
    }

    /// Writes down how often each destination was called since the last time; called every [`SETTLE_EVERY`], and last
    /// when the program ends. What cannot be written is tried again the next time.
    pub async fn settle(&self) -> Result<(), LedgerError> {
        self.inner.book.settle().await
    }

    /// Calls since the program began, by purpose and TLS version.
    pub fn counts(&self) -> Vec<CallCount> {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    fn count(&self, purpose: &'static str, tls: Option<TlsVersion>) {
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (purpose, tls.map_or("", TlsVersion::name));
        counts.entry(key).or_insert(CallCount { purpose, tls, calls: 0 }).calls += 1;
    }
}

/// That calls to a host were written down, with the names of all that they send.
#[derive(Debug)]
pub struct Noted {
    host: Host,
    purpose: &'static str,
}

/// A line to the hosts of one owner.
#[derive(Clone)]
pub struct Line {
    outbound: Outbound,
    ledger: Ledger,
    scope: Scope,
    owner: Owner,
    hosts: Vec<Host>,
}

impl Line {
    /// Makes one call; `fields` are the names of all that it sends of the account's. Before it leaves, they are written
    /// down, durably: as an entry in the account's log when there are any, and on the destination. Where a call is sent on
    /// to another approved host, the same is written for that one.
    pub async fn call(
        &self,
        purpose: &'static str,
        fields: &[&'static str],
        request: Request,
    ) -> Result<Answer, CallError> {
        let limit = request.timeout;
        let calling = async {
            let _turn = self.outbound.inner.owners.turn((self.scope.account(), self.owner)).await?;
            let began = tokio::time::Instant::now();
            let (mut request, mut told) = (request, None);
            loop {
                let host = self.approved(&request)?;
                if told.as_ref() != Some(&host) {
                    let sending = Sending { owner: self.owner, host: &host, purpose, fields };
                    self.outbound.inner.book.write(&self.ledger, &self.scope, sending).await?;
                }
                let mut answer = self.step(purpose, &host, &request).await?;
                let Some(next) = request.sent_on(&answer)? else {
                    answer.took = began.elapsed();
                    return Ok(answer);
                };
                (request, told) = (next, Some(host));
            }
        };
        tokio::time::timeout(limit, calling).await.unwrap_or(Err(CallError::LATE))
    }

    /// Writes down, durably, that calls to one host are about to be made: for many small ones, which then share an entry.
    pub async fn note(&self, host: Host, purpose: &'static str, fields: &[&str]) -> Result<Noted, CallError> {
        let sending = Sending { owner: self.owner, host: &host, purpose, fields };
        self.outbound.inner.book.write(&self.ledger, &self.scope, sending).await?;
        Ok(Noted { host, purpose })
    }

    /// Makes one call that was written down by [`Line::note`] on this line. Being sent on is the answer, and not followed.
    pub async fn call_noted(&self, noted: &Noted, request: Request) -> Result<Answer, CallError> {
        let limit = request.timeout;
        let calling = async {
            if self.approved(&request)? != noted.host {
                return Err(CallError::NotApproved);
            }
            let _turn = self.outbound.inner.owners.turn((self.scope.account(), self.owner)).await?;
            let began = tokio::time::Instant::now();
            let answer = self.step(noted.purpose, &noted.host, &request).await?;
            Ok(Answer { took: began.elapsed(), ..answer })
        };
        tokio::time::timeout(limit, calling).await.unwrap_or(Err(CallError::LATE))
    }

    /// The host of a request, if it is one of this line's.
    fn approved(&self, request: &Request) -> Result<Host, CallError> {
        let host = request.host()?;
        if self.hosts.contains(&host) { Ok(host) } else { Err(CallError::NotApproved) }
    }

    /// One request to one host, and how it ended on the destination.
    async fn step(&self, purpose: &'static str, host: &Host, request: &Request) -> Result<Answer, CallError> {
        let _turn = self.outbound.inner.hosts.turn(host.clone()).await?;
        let mut counted = Counted { line: self, purpose, host, answered: None };
        let answer = self.outbound.exchange(request).await?;
        counted.answered = Some((answer.status, answer.tls));
        Ok(answer)
    }
}

/// Counts a call when it ends, also one that is given up before its answer came.
struct Counted<'a> {
    line: &'a Line,
    purpose: &'static str,
    host: &'a Host,
    answered: Option<(u16, TlsVersion)>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let Self { line, purpose, host, answered } = self;
        line.outbound.count(purpose, answered.map(|(_, tls)| tls));
        let id = Destination::id_of(line.owner, host, purpose);
        line.outbound.inner.book.count(&line.scope, id, line.ledger.clock().now(), *answered);
    }
}

impl Outbound {
    /// Sends one request and reads the answer, as far as it may be long.
    async fn exchange(&self, request: &Request) -> Result<Answer, CallError> {
        let mut sent = hyper::Request::new(Full::new(request.body.clone()));
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = request.url.as_str().parse().map_err(|_| CallError::NotHttps)?;
        *sent.headers_mut() = request.headers.clone();
        sent.headers_mut().insert(USER_AGENT, self.inner.user_agent.clone());
        // What is packed small can be very large when it is unpacked.
        sent.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = self.inner.client.request(sent).await.map_err(|error| CallError::within(&error))?;
        let tls = answer.extensions().get::<Agreed>().map(|agreed| agreed.0).ok_or(CallError::CUT)?;
        let (head, body) = answer.into_parts();
        let body = read(body, request.answer_bytes_max).await?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, tls, took: Duration::ZERO })
    }
}

/// The whole body, cut off as soon as it is longer than it may be.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, CallError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(CallError::TooLarge);
    }
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| CallError::CUT)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(CallError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}
