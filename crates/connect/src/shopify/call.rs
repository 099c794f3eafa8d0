//! One call: the right token, enough points, the right version, and every way to fail told apart.

use super::documents::Document;
use super::pace::{Cost, THROTTLED_MS_MIN, WAIT_MS_MAX};
use super::{Shopify, token};
use crate::outbound::{Answer, Request};
use crate::platform::Failure;
use bonded_base::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Which version answered; Shopify falls forward to another where one is no longer served.
const VERSION_HEADER: &str = "x-shopify-api-version";
/// What a call is opened with.
const TOKEN_HEADER: &str = "x-shopify-access-token";
/// Bytes of an answer at most: a page of variants has some hundred KiB, a description may have half a MiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Milliseconds to wait where Shopify does not say.
const PAUSE_MS: u64 = 2_000;
/// Bytes of a code that is shown.
const CODE_BYTES_MAX: usize = 64;

/// What every call answers.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Vec<ReplyError>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct ReplyError {
    #[serde(default)]
    extensions: Option<ErrorExtensions>,
}

#[derive(Deserialize)]
struct ErrorExtensions {
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    cost: Option<Cost>,
}

/// What a mutation refuses. Its message may repeat what was sent, so it is not even read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct UserError {
    #[serde(default)]
    pub field: Option<Vec<String>>,
    #[serde(default)]
    pub code: Option<String>,
}

impl UserError {
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Which entry of a list it is about: `["input", "quantities", "3", "quantity"]`.
    pub(super) fn place(&self, list: &str) -> Option<usize> {
        let mut path = self.field.as_ref()?.iter().skip_while(|part| *part != list).skip(1);
        path.next()?.parse().ok()
    }
}

/// `Ok` where nothing was refused.
pub(super) fn accepted(what: &str, errors: &[UserError]) -> Result<(), Failure> {
    errors.first().map_or(Ok(()), |error| Err(refused(what, error)))
}

/// What a mutation refused, by its code and the path of the field: both are words of the schema.
pub(super) fn refused(what: &str, error: &UserError) -> Failure {
    let code = error.code.as_deref().map(shown).unwrap_or_default();
    let path: Vec<_> = error.field.iter().flatten().map(|part| shown(part)).collect();
    let at = if path.is_empty() { String::new() } else { format!(" at {}", path.join("/")) };
    Failure::Refused(format!("the shop refuses the {what}{at} {code}").trim_end().to_owned())
}

/// A code, cut down to what codes are made of.
fn shown(code: &str) -> String {
    let is_plain = |symbol: &char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-' | '.');
    code.chars().filter(is_plain).take(CODE_BYTES_MAX).collect()
}

/// How one attempt ended that is not an answer.
enum Ended {
    /// Ask again after so many milliseconds.
    Throttled(u64),
    /// The token is not good.
    Closed,
    Failed(Failure),
}

impl Shopify {
    /// Asks one document and reads its data. Waits for points as long as [`WAIT_MS_MAX`] in all. A question that is not
    /// answered is asked once more at once; what changes something is the caller's to repeat.
    pub(super) async fn ask<T: DeserializeOwned>(&self, document: &Document, variables: Value) -> Result<T, Failure> {
        let body = json!({ "query": document.text, "variables": variables }).to_string();
        let mut waited_ms = 0;
        let (mut renewed, mut asked_again) = (false, document.changes());
        loop {
            if let Err(ms) = self.pace.take(document.name, self.ledger.clock().now()) {
                waited_ms = self.wait_within(waited_ms, ms).await?;
                continue;
            }
            let token = self.tokens.current(self).await?;
            match self.attempt(document, body.clone(), &token).await {
                Ok(data) => return Ok(data),
                Err(Ended::Throttled(ms)) => waited_ms = self.wait_within(waited_ms, ms).await?,
                Err(Ended::Closed) if !renewed && self.tokens.can_renew() => {
                    renewed = true;
                    self.tokens.renew(self, &token).await?;
                }
                Err(Ended::Closed) => return Err(Failure::Unauthorised("the shop does not know our token".to_owned())),
                Err(Ended::Failed(Failure::Away(_))) if !asked_again => asked_again = true,
                Err(Ended::Failed(failure)) => return Err(failure),
            }
        }
    }

    async fn wait_within(&self, waited_ms: u64, ms: u64) -> Result<u64, Failure> {
        let sum = waited_ms.saturating_add(ms);
        if sum > WAIT_MS_MAX {
            return Err(Failure::Throttled(ms));
        }
        self.pace.wait(ms).await;
        Ok(sum)
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        document: &Document,
        body: String,
        token: &Secret<String>,
    ) -> Result<T, Ended> {
        let path = format!("admin/api/{}/graphql.json", self.version);
        let url = self.base.join(&path).map_err(|_| strange("the shop has no address"))?;
        let request = Request::post(url, body)
            .header("content-type", "application/json")
            .secret_header(TOKEN_HEADER, token)
            .answer_bytes_max(ANSWER_BYTES_MAX)
            .without_redirects();
        let answer = self.line.call(document.purpose, document.fields, request).await;
        let answer = answer.map_err(|error| Ended::Failed(error.into()))?;
        status(&answer)?;
        self.check_version(&answer)?;
        self.read(document, &answer)
    }

    fn check_version(&self, answer: &Answer) -> Result<(), Ended> {
        let answered = answer.headers.get(VERSION_HEADER).and_then(|version| version.to_str().ok()).map(shown);
        match answered {
            Some(answered) if answered == self.version => Ok(()),
            Some(answered) => Err(strange(&format!("version {answered} of its API answers, and not {}", self.version))),
            None => Err(strange("it does not say which version of its API answers")),
        }
    }

    fn read<T: DeserializeOwned>(&self, document: &Document, answer: &Answer) -> Result<T, Ended> {
        let reply: Reply<'_> =
            serde_json::from_slice(&answer.body).map_err(|_| strange("no answer of its own description"))?;
        let cost = reply.extensions.and_then(|extensions| extensions.cost);
        let wait_ms = cost.map(|cost| self.pace.learn(document.name, cost, self.ledger.clock().now()));
        let codes = reply.errors.iter().map(|error| error.extensions.as_ref().and_then(|of| of.code.as_deref()));
        if let Some(code) = codes.max_by_key(|code| *code == Some("THROTTLED")) {
            return Err(match code {
                Some("THROTTLED") => Ended::Throttled(wait_ms.unwrap_or(PAUSE_MS).max(THROTTLED_MS_MIN)),
                Some("ACCESS_DENIED") => {
                    Ended::Failed(Failure::Unauthorised(format!("the shop does not allow us {}", document.name)))
                }
                Some("SHOP_INACTIVE") => Ended::Failed(Failure::Unauthorised("the shop is not active".to_owned())),
                Some("INTERNAL_SERVER_ERROR" | "TIMEOUT") | None => {
                    Ended::Failed(Failure::Away("the shop failed by its own word".to_owned()))
                }
                Some(code) => strange(&format!("{} to {}", shown(code), document.name)),
            });
        }
        let data = reply.data.ok_or_else(|| strange("neither data nor errors"))?;
        serde_json::from_str(data.get()).map_err(|_| strange(&format!("{} otherwise than described", document.name)))
    }
}

fn strange(what: &str) -> Ended {
    Ended::Failed(Failure::Strange(what.to_owned()))
}

/// What the status says by itself (`shopify.dev/docs/api/usage/response-codes`).
fn status(answer: &Answer) -> Result<(), Ended> {
    let closed = |why: &str| Err(Ended::Failed(Failure::Unauthorised(format!("{why} ({})", answer.status))));
    match answer.status {
        200 => Ok(()),
        401 => Err(Ended::Closed),
        402 => closed("the shop is frozen"),
        403 => closed("the shop does not allow us this"),
        404 => closed("there is no such shop"),
        423 => closed("the shop is locked"),
        429 | 430 => Err(Ended::Throttled(token::retry_after_ms(answer).unwrap_or(PAUSE_MS))),
        500..=599 => Err(Ended::Failed(Failure::Away(format!("the shop answered {}", answer.status)))),
        other => Err(strange(&format!("status {other}"))),
    }
}
