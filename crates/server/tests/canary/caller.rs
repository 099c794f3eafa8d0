//! The callers: requests over TLS from addresses of their own, and an eye on every answer.

use crate::canaries::Planting;
use crate::kept;
use crate::search::{Finding, Found, Search};
use crate::secrets::Secrets;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The addresses that callers call from; they too must be found nowhere.
pub const SOURCES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 91, 173, 201), Ipv4Addr::new(127, 91, 174, 202)];
/// The same of people with browsers.
pub const BROWSERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 83, 19, 77), Ipv4Addr::new(127, 83, 219, 178)];
/// What the names of our cookies begin with.
pub const COOKIE_PREFIX: &str = "__Host-bonded-";
/// By which a browser says whose page sends a request (Fetch Metadata).
pub const FETCH_SITE: &str = "sec-fetch-site";
/// How often a request is sent before a broken connection counts.
const TRIES: usize = 4;
/// The operations that show a consumer; no other does.
const SHOWING: [&str; 2] = ["GET /v1/orders/{}", "GET /v1/purchase_orders/{}"];
/// The head of the request was too large (RFC 6585 section 5), so nobody has read it.
const HEAD_TOO_LARGE: u16 = 431;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /v1/orders/{}`, for the report.
    pub operation: String,
    pub method: Method,
    /// Path and query, encoded.
    pub target: String,
    /// An API key; or cookies, as the pages of our own send them; or nothing.
    pub key: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Whoever calls the server.
pub struct Callers {
    clients: [Client; 2],
    turn: AtomicUsize,
    port: u16,
    eye: Arc<Eye>,
}

/// Looks at every answer.
pub struct Eye {
    planting: Arc<Planting>,
    search: Search,
    seen: Mutex<Seen>,
    /// What it saw that is shown once.
    pub secrets: Secrets,
}

#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, usize>,
    /// Method and path of what was done as asked, each id as `{}`.
    done: BTreeSet<String>,
    complaints: BTreeSet<String>,
}

impl Request {
    pub fn new(method: Method, target: impl Into<String>, key: &str) -> Self {
        let target = target.into();
        let operation = format!("{method} {}", without_ids(&target));
        Self { operation, method, target, key: key.to_owned(), headers: Vec::new(), body: None }
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", serde_json::to_vec(body).unwrap())
    }

    #[must_use]
    pub fn body(self, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { body: Some((content_type, bytes)), ..self }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        if self.key.starts_with(COOKIE_PREFIX) {
            map.append(COOKIE, HeaderValue::from_bytes(self.key.as_bytes()).unwrap());
            map.insert(HeaderName::from_static(FETCH_SITE), HeaderValue::from_static("same-origin"));
        } else if !self.key.is_empty() {
            map.insert(AUTHORIZATION, HeaderValue::from_bytes(format!("Bearer {}", self.key).as_bytes()).unwrap());
        }
        if let Some((content_type, _)) = &self.body {
            map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        map
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Callers {
    pub fn new(address: SocketAddr, sources: [Ipv4Addr; 2], authority: &[u8], eye: Arc<Eye>) -> Self {
        let client = |source: Ipv4Addr| {
            let client = Client::builder()
                .tls_certs_only([Certificate::from_pem(authority).unwrap()])
                .no_proxy()
                .resolve("localhost", address)
                .redirect(Policy::none())
                .local_address(Some(source.into()));
            // Both versions of the protocol have parsers and logs of their own.
            if source == sources[0] { client.http1_only() } else { client }.build().unwrap()
        };
        Self { clients: sources.map(client), turn: AtomicUsize::new(0), port: address.port(), eye }
    }

    /// Sends a request; the answer has been looked at.
    ///
    /// A server closes a connection whose last request it did not hear out, and a client may have sent the next one by
    /// then; so a few times it is sent again.
    pub async fn send(&self, request: Request) -> Answer {
        for _ in 1..TRIES {
            if let Ok(answer) = self.try_send(request.clone()).await {
                return answer;
            }
        }
        let told = format!("{} {}", request.method, request.target);
        self.try_send(request).await.unwrap_or_else(|error| panic!("{told}: {error:?}"))
    }

    /// The same, where the server may hang up instead.
    pub async fn try_send(&self, request: Request) -> reqwest::Result<Answer> {
        let client = &self.clients[self.turn.fetch_add(1, Ordering::Relaxed) % self.clients.len()];
        let url = format!("https://localhost:{}{}", self.port, request.target);
        let headers = request.header_map();
        let mut sent = client.request(request.method.clone(), url).headers(headers);
        if let Some((_, body)) = request.body {
            sent = sent.body(body);
        }
        let response = sent.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.bytes().await?.to_vec() };
        assert_ne!(status, HEAD_TOO_LARGE, "{} {} was not read", request.method, request.target);
        self.eye.look(&request.operation, &answer);
        Ok(answer)
    }

    /// The same, where nothing but this status will do.
    pub async fn expect(&self, status: u16, request: Request) -> Answer {
        let told = format!("{} {}", request.method, request.target);
        let answer = self.send(request).await;
        assert_eq!(answer.status, status, "{told}: {}", answer.text());
        answer
    }
}

/// A path with `{}` for each id and each name in braces.
pub fn without_ids(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    // The codes of mailed links have as many letters as ids.
    let is_id = |part: &str| part.starts_with('{') || part.rsplit('_').next().is_some_and(|id| id.len() == 26);
    path.split('/').map(|part| if is_id(part) { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

impl Eye {
    /// Looks for every canary, and for the words that this search knows.
    pub fn new(planting: Arc<Planting>, search: Search) -> Self {
        Self { planting, search, seen: Mutex::default(), secrets: Secrets::default() }
    }

    /// Counts an answer, and complains if it says more than it may.
    pub fn look(&self, operation: &str, answer: &Answer) {
        let headers = format!("{:?}", answer.headers);
        let mut findings = self.search.bytes("its headers", headers.as_bytes());
        findings.extend(self.search.bytes("its body", &answer.body));
        // What is kept may be shown again, but no error repeats anything; a page that asks again stands above a list.
        let is_page = !operation.contains(" /v1/");
        findings.retain(|finding| {
            let may_be = (is_page || answer.status < 400) && self.may_be_shown(finding, operation);
            !(may_be || is_page && self.is_asked_again(finding, operation))
        });
        self.secrets.overhear(answer);
        let mut seen = self.seen.lock().unwrap();
        *seen.statuses.entry(answer.status).or_default() += 1;
        if answer.status < 300 {
            seen.done.insert(operation.to_owned());
        }
        let told = findings.iter().filter_map(|finding| told(finding, &self.planting));
        seen.complaints.extend(told.map(|told| format!("the answer {} to {operation}: {told}", answer.status)));
    }

    fn may_be_shown(&self, finding: &Finding, operation: &str) -> bool {
        match &finding.found {
            Found::Canary(canary) => self.planting.origin(*canary).is_none_or(|place| kept::may_be(*canary, &place)),
            Found::Torn(_) => false,
            Found::Word(_) => SHOWING.contains(&operation),
        }
    }

    /// Whether it stands in the very field that somebody has typed it in.
    fn is_asked_again(&self, finding: &Finding, operation: &str) -> bool {
        let Found::Canary(canary) = finding.found else { return false };
        self.planting.origin(canary).is_some_and(|place| kept::is_asked_again(&place, operation))
    }

    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        self.seen.lock().unwrap().statuses.clone()
    }

    pub fn has_done(&self, operation: &str) -> bool {
        self.seen.lock().unwrap().done.contains(&without_ids(operation))
    }

    pub fn complaints(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().complaints.clone()
    }
}

/// The finding with the field that it was planted in; `None` if it is no canary of ours.
pub fn told(finding: &Finding, planting: &Planting) -> Option<String> {
    let Found::Canary(canary) = finding.found else { return Some(finding.to_string()) };
    Some(format!("{finding}, planted in {}", planting.origin(canary)?))
}
