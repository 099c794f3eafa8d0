//! How a call to Medusa is made, and what its refusals mean.

use super::Medusa;
use crate::outbound::{Answer, Method, Request, Url};
use crate::platform::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bonded_base::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

/// How long Medusa is left alone when it wants that and does not say how long.
const PAUSE_MS: u64 = 1_000;
/// Characters of a code of Medusa's that are kept at most.
const CODE_MAX: usize = 60;

/// A call that is about to be made: what for, and the names of the account's fields that it sends.
pub(super) struct Call<'a> {
    pub purpose: &'static str,
    pub fields: &'static [&'static str],
    pub method: Method,
    pub path: &'a str,
    pub query: Vec<(&'a str, String)>,
    pub body: Option<Value>,
}

impl<'a> Call<'a> {
    pub fn get(purpose: &'static str, path: &'a str, query: Vec<(&'a str, String)>) -> Self {
        Self { purpose, fields: &[], method: Method::GET, path, query, body: None }
    }

    pub fn post(purpose: &'static str, fields: &'static [&'static str], path: &'a str, body: Value) -> Self {
        Self { purpose, fields, method: Method::POST, path, query: Vec::new(), body: Some(body) }
    }

    pub fn delete(purpose: &'static str, path: &'a str) -> Self {
        Self { method: Method::DELETE, ..Self::get(purpose, path, Vec::new()) }
    }

    /// The same, with an answer of these fields.
    pub fn answering(mut self, fields: &str) -> Self {
        self.query.push(("fields", fields.to_owned()));
        self
    }
}

/// What Medusa says of a refusal; its message is left out, because it can repeat what was sent.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "type")]
    sort: Option<String>,
    code: Option<String>,
}

impl Medusa {
    /// Makes a call, and reads what came of it.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let purpose = call.purpose;
        let answer = self.answer(call).await?;
        // A reader's own words would repeat what was read.
        serde_json::from_slice(&answer.body).map_err(|_| Failure::Strange(format!("{purpose} has another form")))
    }

    /// Makes a call whose answer says nothing that we need.
    pub(super) async fn done(&self, call: Call<'_>) -> Result<(), Failure> {
        self.answer(call).await.map(drop)
    }

    async fn answer(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let mut url = self.address(call.path)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        let mut request = Request::new(call.method, url).secret_header("authorization", &self.authorization());
        if let Some(body) = call.body {
            let body =
                serde_json::to_vec(&body).map_err(|_| Failure::Strange("a body cannot be written".to_owned()))?;
            request = request.header("content-type", "application/json").body(body);
        }
        judged(self.line.call(call.purpose, call.fields, request).await?)
    }

    fn address(&self, path: &str) -> Result<Url, Failure> {
        let strange = || Failure::Unauthorised("the shop's address is none".to_owned());
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        if url.cannot_be_a_base() { Err(strange()) } else { Ok(url) }
    }

    /// A secret API key is the user of basic authentication, without a password.
    fn authorization(&self) -> Secret<String> {
        let pair = Zeroizing::new(format!("{}:", self.key.expose()));
        Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
    }
}

fn judged(answer: Answer) -> Result<Answer, Failure> {
    let code = || {
        let refusal = serde_json::from_slice(&answer.body).unwrap_or(Refusal { sort: None, code: None });
        refusal.code.or(refusal.sort).filter(|code| is_code(code)).unwrap_or_else(|| answer.status.to_string())
    };
    match answer.status {
        200..=299 => Ok(answer),
        401 | 403 => Err(Failure::Unauthorised(format!("Medusa does not let us: {}", code()))),
        404 | 410 => Err(Failure::Gone),
        // Two calls about one thing at a time, in Medusa's own words.
        409 => Err(Failure::Away("Medusa was busy with the same thing".to_owned())),
        429 => {
            let asked = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            Err(Failure::Throttled(asked.map_or(PAUSE_MS, |seconds| seconds.saturating_mul(1_000))))
        }
        500.. => Err(Failure::Away(format!("Medusa failed: {}", answer.status))),
        _ => Err(Failure::Refused(format!("Medusa refused it: {}", code()))),
    }
}

/// Codes are words of a program; a message would have other characters.
fn is_code(text: &str) -> bool {
    text.len() <= CODE_MAX && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
}
