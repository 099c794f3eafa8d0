//! The callers: requests over TLS from many addresses, and an eye on every answer.

use crate::contract;
use crate::kept;
use crate::planting::{Place, Planting};
use crate::search::{Finding, Found, Search};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The addresses that callers call from; they too must be found nowhere.
pub const SOURCES: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 91, 173, 201),
    Ipv4Addr::new(127, 91, 174, 202),
    Ipv4Addr::new(127, 91, 175, 203),
    Ipv4Addr::new(127, 91, 176, 204),
];

/// How often a request is sent before a broken connection counts.
const TRIES: usize = 4;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /v1/orders`, for the report.
    pub operation: String,
    pub method: Method,
    /// Path and query, encoded.
    pub target: String,
    pub key: Option<String>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: Method, target: impl Into<String>, key: &str) -> Self {
        let target = target.into();
        let operation = format!("{method} {}", contract::path(&target));
        Self { operation, method, target, key: Some(key.to_owned()), headers: Vec::new(), body: None }
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
    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            // Control characters cannot travel; all else can.
            let value: Vec<_> = value.iter().copied().filter(|byte| *byte >= b' ' && *byte != 127).collect();
            map.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
        }
        if let Some(key) = &self.key {
            map.insert(AUTHORIZATION, HeaderValue::from_bytes(format!("Bearer {key}").as_bytes()).unwrap());
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

/// Whoever calls the server.
pub struct Callers {
    clients: Vec<Client>,
    turn: AtomicUsize,
    public: SocketAddr,
    pub eye: Arc<Eye>,
}

/// Looks at every answer.
pub struct Eye {
    planting: Arc<Planting>,
    search: Search,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, usize>,
    /// Of each operation, the statuses it has answered with.
    by_operation: BTreeMap<String, BTreeSet<u16>>,
    complaints: BTreeSet<String>,
}

impl Callers {
    pub fn new(public: SocketAddr, authority: &[u8], eye: Arc<Eye>) -> Self {
        // Another test of this process may have done it already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clients = SOURCES.into_iter().enumerate().map(|(place, source)| {
            let client = Client::builder()
                .tls_certs_only([Certificate::from_pem(authority).unwrap()])
                .resolve("localhost", public)
                .local_address(Some(source.into()))
                .redirect(reqwest::redirect::Policy::none());
            // Both versions of the protocol have parsers and logs of their own.
            let client = if place % 2 == 0 { client } else { client.http1_only() };
            client.build().unwrap()
        });
        Self { clients: clients.collect(), turn: AtomicUsize::new(0), public, eye }
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
        let told = request.operation.clone();
        self.try_send(request).await.unwrap_or_else(|error| panic!("{told}: {error:?}"))
    }

    /// The same, where the server may hang up instead.
    pub async fn try_send(&self, request: Request) -> reqwest::Result<Answer> {
        let client = &self.clients[self.turn.fetch_add(1, Ordering::Relaxed) % self.clients.len()];
        let url = format!("https://localhost:{}{}", self.public.port(), request.target);
        let mut sent = client.request(request.method.clone(), url).headers(request.header_map());
        if let Some((_, body)) = &request.body {
            sent = sent.body(body.clone());
        }
        let response = sent.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.bytes().await?.to_vec() };
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

impl Eye {
    /// Looks for every canary, and in what goes wrong for the words that this search knows.
    pub fn new(planting: Arc<Planting>, search: Search) -> Self {
        Self { planting, search, seen: Mutex::default() }
    }

    /// Counts an answer, and complains if it says more than it may.
    pub fn look(&self, operation: &str, answer: &Answer) {
        let headers: Vec<u8> = answer
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
            .collect();
        let mut findings = self.search.bytes("headers", &headers);
        let wrong = answer.status >= 400;
        let repeated = |finding: &Finding| wrong || self.is_out_of_place(finding);
        findings.extend(self.search.bytes("body", &answer.body));
        findings.retain(repeated);
        if !wrong {
            for part in problems_in(answer) {
                findings.extend(self.search.bytes("a problem in the body", part.to_string().as_bytes()));
            }
        }
        let mut seen = self.seen.lock().unwrap();
        *seen.statuses.entry(answer.status).or_default() += 1;
        seen.by_operation.entry(operation.to_owned()).or_default().insert(answer.status);
        for finding in findings {
            if let Some(told) = self.told(&finding) {
                seen.complaints.insert(format!("the answer {} to {operation} shows {told}", answer.status));
            }
        }
    }

    /// Whether a good answer may not show it: a canary that should not have been kept.
    fn is_out_of_place(&self, finding: &Finding) -> bool {
        match &finding.found {
            Found::Canary(canary) => {
                self.planting.origin(*canary).is_some_and(|place| kept::why(&place, canary.shape).is_none())
            }
            Found::Torn => true,
            Found::Word(_) => false,
        }
    }

    /// The finding with the field that it was planted in; `None` if it is no canary of ours.
    fn told(&self, finding: &Finding) -> Option<String> {
        let Found::Canary(canary) = finding.found else { return Some(finding.to_string()) };
        let place: Place = self.planting.origin(canary)?;
        Some(format!("{finding}, planted in {place}"))
    }

    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        self.seen.lock().unwrap().statuses.clone()
    }

    pub fn by_operation(&self) -> BTreeMap<String, BTreeSet<u16>> {
        self.seen.lock().unwrap().by_operation.clone()
    }

    pub fn complaints(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().complaints.clone()
    }
}

/// The problems in an answer that as a whole is good: of single records of a batch, of rows of an import.
fn problems_in(answer: &Answer) -> Vec<Value> {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return Vec::new() };
    let records = ["data", "report"].into_iter().filter_map(|list| body[list].as_array()).flatten();
    let held = records.filter(|record| record["fate"] == "held" || record["problem"].is_object());
    held.map(|record| if record["problem"].is_object() { &record["problem"] } else { record }).cloned().collect()
}
