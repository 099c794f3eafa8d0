//! A caller of the API, as any program would be one: HTTPS with the local authority, a key, and patience by condition.

use crate::ending::{Code, Ending};
use bonded_base::Secret;
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the story waits for something that must happen while nothing happens at all.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long one request may wait for news, in seconds.
const NEWS_SECONDS: u64 = 10;

/// How long one request may take. A big file takes its time.
const REQUEST_LIMIT: Duration = Duration::from_mins(10);

/// Between two looks at something that tells no news of itself.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How to reach a server.
#[derive(Clone)]
pub struct Line {
    http: Client,
    base: String,
}

impl Line {
    /// Trusts this authority and no other.
    pub fn to(base: String, authority_pem: &str) -> Result<Self, Ending> {
        // Chosen here, for the process: the library that speaks HTTP leaves the choice to us.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = Certificate::from_pem(authority_pem.as_bytes()).map_err(Ending::internal)?;
        let http = Client::builder()
            .tls_certs_only([authority])
            .https_only(true)
            .no_proxy()
            .timeout(REQUEST_LIMIT)
            .build()
            .map_err(Ending::internal)?;
        Ok(Self { http, base })
    }

    /// What an address answers to who has no key.
    pub async fn status(&self, path: &str) -> Result<(StatusCode, Value), Ending> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await.map_err(unreachable)?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// A caller with a key.
    pub fn caller(&self, name: impl Into<String>, account: String, key: Secret<String>) -> Caller {
        Caller { line: self.clone(), name: name.into(), account, key, seen: AtomicU64::new(0) }
    }
}

fn unreachable(error: reqwest::Error) -> Ending {
    Ending::new(Code::Unavailable, format!("the demonstration's own server did not answer: {}", error.without_url()))
}

/// A merchant's program.
pub struct Caller {
    line: Line,
    /// The merchant's name.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Its key.
    pub key: Secret<String>,
    /// How far it has read its events.
    seen: AtomicU64,
}

impl Caller {
    /// Reads something.
    pub async fn get(&self, path: &str) -> Result<Value, Ending> {
        self.good(Method::GET, path, None).await
    }

    /// Reads something that may not be there yet.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, Ending> {
        let answer = self.request(Method::GET, path).send().await.map_err(unreachable)?;
        if answer.status() == StatusCode::NOT_FOUND { Ok(None) } else { Self::read(path, answer).await.map(Some) }
    }

    /// Does something, with a body or without.
    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Ending> {
        self.good(Method::POST, path, body).await
    }

    /// Sends a CSV file.
    pub async fn send_file(&self, path: &str, bytes: Vec<u8>) -> Result<Value, Ending> {
        let request = self.request(Method::POST, path).header("Content-Type", "text/csv").body(bytes);
        Self::judged(path, request).await
    }

    /// Reads a text.
    pub async fn text(&self, path: &str) -> Result<String, Ending> {
        let answer = self.request(Method::GET, path).send().await.map_err(unreachable)?;
        answer.error_for_status().map_err(unreachable)?.text().await.map_err(unreachable)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.line.http.request(method, format!("{}{path}", self.line.base)).bearer_auth(self.key.expose())
    }

    async fn good(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Ending> {
        let request = self.request(method, path);
        Self::judged(path, body.map_or(request.try_clone(), |body| Some(request.json(body))).ok_or_else(lost)?).await
    }

    /// Every answer must be good: a demonstration that hides a refusal would be none.
    async fn judged(path: &str, request: reqwest::RequestBuilder) -> Result<Value, Ending> {
        Self::read(path, request.send().await.map_err(unreachable)?).await
    }

    async fn read(path: &str, answer: reqwest::Response) -> Result<Value, Ending> {
        let status = answer.status();
        let body: Value = answer.json().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(body);
        }
        let detail = body.get("detail").and_then(Value::as_str).unwrap_or("no detail");
        Err(Ending::new(Code::Internal, format!("{path} answered {status}: {detail}")))
    }

    /// Every record of a list, page by page.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>, Ending> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{joint}limit=500{cursor}")).await?;
            if let Some(Value::Array(records)) = page.get_mut("data").map(Value::take) {
                found.extend(records);
            }
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }

    /// Looks again each time something happened in the account, until `look` finds what it wants.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Ending>,
    ) -> Result<T, Ending> {
        let mut deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(late(what));
            }
            let after = self.seen.load(Ordering::Relaxed);
            let events = self.get(&format!("/v1/events?after={after}&limit=500&wait={NEWS_SECONDS}")).await?;
            let next = events.get("next_after").and_then(Value::as_u64).unwrap_or(after);
            if next > after {
                deadline = Instant::now() + PATIENCE;
            }
            self.seen.store(next, Ordering::Relaxed);
        }
    }

    /// Looks again and again at something that tells no news of itself.
    pub async fn soon<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Ending>,
    ) -> Result<T, Ending> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(late(what));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

fn lost() -> Ending {
    Ending::internal("a request could not be made")
}

fn late(what: &str) -> Ending {
    Ending::new(Code::Internal, format!("{what} did not happen within {} seconds", PATIENCE.as_secs()))
        .next("run it again with --log-level debug, and please report what it says")
}

/// The text at a JSON pointer; `-` where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("-")
}

/// The number at a JSON pointer; 0 where there is none.
pub fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// The list at a JSON pointer; empty where there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
