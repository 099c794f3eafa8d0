//! How a document goes to Vendure, who we are there, and what its refusals mean.

use super::documents::{Document, LOGIN};
use super::{Vendure, VendureCredential};
use crate::outbound::{Answer, Request};
use crate::platform::Failure;
use bonded_base::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How long Vendure is left alone when it wants that and does not say how long.
const PAUSE_MS: u64 = 1_000;
/// Characters of a code of Vendure's that are kept at most.
const CODE_MAX: usize = 60;
/// The header that a session's token comes in after a login.
const SESSION_HEADER: &str = "vendure-auth-token";

/// An answer of GraphQL: data, errors, or some of both.
#[derive(Deserialize)]
struct GraphQl {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Fault>,
}

/// An error; its message is left out, because it can repeat what was sent.
#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
struct Extensions {
    code: Option<String>,
}

/// Answers of unions: what was meant, or an error with a code.
#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
}

impl Vendure {
    /// Says a document; `sent` are the names of the account's fields in its variables.
    pub(super) async fn say<T: DeserializeOwned>(
        &self,
        document: Document,
        sent: &'static [&'static str],
        variables: Value,
    ) -> Result<T, Failure> {
        let data = match self.once(document, sent, &variables).await {
            // A session ends; it is renewed once, and what is refused then is refused.
            Err(Failure::Unauthorised(_)) if matches!(self.credential, VendureCredential::Login { .. }) => {
                *self.session.lock().await = None;
                self.once(document, sent, &variables).await?
            }
            other => other?,
        };
        // A reader's own words would repeat what was read.
        serde_json::from_value(data).map_err(|_| Failure::Strange(format!("{} has another form", document.purpose)))
    }

    /// Says a document that does something; each of the results named here must be what was meant.
    pub(super) async fn act(
        &self,
        document: Document,
        sent: &'static [&'static str],
        variables: Value,
        results: &[&str],
    ) -> Result<Value, Failure> {
        let data: Value = self.say(document, sent, variables).await?;
        for result in results {
            let outcome = data.get(*result).and_then(|result| Outcome::deserialize(result).ok());
            if let Some(code) = outcome.and_then(|outcome| outcome.error_code) {
                return Err(refused(&code));
            }
        }
        Ok(data)
    }

    async fn once(
        &self,
        document: Document,
        sent: &'static [&'static str],
        variables: &Value,
    ) -> Result<Value, Failure> {
        let request = match &self.credential {
            VendureCredential::Key(key) => self.request(document, variables)?.secret_header("vendure-api-key", key),
            VendureCredential::Login { username, password } => {
                let token = self.session(username, password).await?;
                self.request(document, variables)?.secret_header("authorization", &token)
            }
        };
        data(&self.line.call(document.purpose, sent, request).await?)
    }

    fn request(&self, document: Document, variables: &Value) -> Result<Request, Failure> {
        let body = serde_json::to_vec(&json!({"query": document.text, "variables": variables}));
        let body = body.map_err(|_| Failure::Strange("a body cannot be written".to_owned()))?;
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/admin-api"));
        let request = Request::post(url, body).header("content-type", "application/json");
        Ok(match &self.channel {
            Some(channel) => request.header("vendure-token", channel),
            None => request,
        })
    }

    /// The session's token; one login at a time, so that many calls do not open many sessions.
    async fn session(&self, username: &str, password: &Secret<String>) -> Result<Secret<String>, Failure> {
        let mut session = self.session.lock().await;
        if let Some(token) = &*session {
            return Ok(token.clone());
        }
        let variables = json!({"username": username, "password": password.expose()});
        let answer = self.line.call(LOGIN.purpose, &[], self.request(LOGIN, &variables)?).await?;
        let said = data(&answer)?;
        let token = answer.headers.get(SESSION_HEADER).and_then(|token| token.to_str().ok());
        let is_in = said.pointer("/login/errorCode").is_none();
        let Some(token) = token.filter(|_| is_in) else {
            return Err(Failure::Unauthorised("Vendure refused the name and password".to_owned()));
        };
        let token = Zeroizing::new(format!("Bearer {token}"));
        Ok(session.insert(Secret::new(token.to_string())).clone())
    }
}

/// What was asked for, if nothing went wrong.
fn data(answer: &Answer) -> Result<Value, Failure> {
    match answer.status {
        429 => {
            let asked = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            return Err(Failure::Throttled(asked.map_or(PAUSE_MS, |seconds| seconds.saturating_mul(1_000))));
        }
        500.. => return Err(Failure::Away(format!("Vendure failed: {}", answer.status))),
        _ => {}
    }
    let said: GraphQl = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Strange(format!("no answer of GraphQL, but {}", answer.status)))?;
    if let Some(fault) = said.errors.first() {
        return Err(judged(fault.extensions.code.as_deref().unwrap_or_default()));
    }
    said.data.ok_or_else(|| Failure::Strange("an answer without data".to_owned()))
}

/// What an error of the server's means, by its code.
fn judged(code: &str) -> Failure {
    match code {
        "FORBIDDEN" | "UNAUTHENTICATED" => Failure::Unauthorised(format!("Vendure does not let us: {code}")),
        "ENTITY_NOT_FOUND" | "CHANNEL_NOT_FOUND" => Failure::Gone,
        "INTERNAL_SERVER_ERROR" | "" => Failure::Away("Vendure failed inside".to_owned()),
        "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" => {
            Failure::Strange("Vendure does not know what it is asked".to_owned())
        }
        code => refused(code),
    }
}

/// A refusal, with the code if it is one: codes are words of a program.
fn refused(code: &str) -> Failure {
    let is_code = code.len() <= CODE_MAX && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    Failure::Refused(format!("Vendure refused it: {}", if is_code { code } else { "without a code" }))
}
