//! How a call to Stripe is made, and what its refusals mean.

use super::Till;
use super::answers::{Intent, is_code};
use crate::outbound::{Answer, CallError, Request, Url};
use bonded_base::{Account, Id, Secret};
use bonded_ledger::LedgerError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How long Stripe may take to answer: it waits for banks.
const ANSWER_LIMIT: Duration = Duration::from_secs(80);
/// How often a call is made again at once because the connection broke before it could leave.
const LEAVES_MAX: u32 = 2;

/// Why Stripe did not do it. Holds Stripe's codes and none of its words.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StripeError {
    /// It refused, for good as far as this call goes.
    #[error("the payment gateway refused it: {code}")]
    Refused {
        /// Its code, the bank's if there is one: `insufficient_funds`.
        code: String,
        /// The payment as it became.
        intent: Option<Box<Intent>>,
    },
    /// There is no such thing (any more).
    #[error("the payment gateway does not know it")]
    Gone,
    /// It does not let us: the operator's key is wrong.
    #[error("the payment gateway does not accept this deployment's key")]
    Unauthorised,
    /// No answer, or not now. What was asked may have happened.
    #[error("the payment gateway cannot be reached")]
    Away,
    /// It answered in a form that is not described.
    #[error("the payment gateway answered strangely: {0}")]
    Strange(&'static str),
    /// It could not be written down, so it was not asked.
    #[error("the call could not be written down: {0}")]
    Ledger(Arc<LedgerError>),
}

impl StripeError {
    /// Whether the same may work later, and may have happened.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Away | Self::Unauthorised | Self::Strange(_))
    }
}

impl From<CallError> for StripeError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Ledger(error) => Self::Ledger(error),
            CallError::NotHttps | CallError::NotApproved | CallError::Private | CallError::Header => {
                Self::Strange("its address or key cannot be used")
            }
            CallError::TooLarge | CallError::TooManyRedirects => Self::Strange("too long, or elsewhere"),
            CallError::Unresolved | CallError::Certificate(_) | CallError::Away(_) | CallError::Busy => Self::Away,
        }
    }
}

/// The fields of a call, in the form that browsers send.
pub(super) struct Form {
    fields: Vec<(&'static str, String)>,
    once: Option<String>,
}

impl Form {
    pub const fn new() -> Self {
        Self { fields: Vec::new(), once: None }
    }

    pub fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Writes on it which of our records it is about, so that it is found again.
    pub fn about(self, account: Id<Account>, what: &str, id: &str) -> Self {
        let name = if what == "charge" { "metadata[charge]" } else { "metadata[payment_method]" };
        self.set(name, id).set("metadata[account]", account.to_string())
    }

    fn encoded(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(self.fields.iter().map(|(name, value)| (*name, value.as_str())));
        body.finish()
    }

    /// The same call under this key is answered again, and not done again, for a day at least.
    pub fn once(self, key: String) -> Self {
        Self { once: Some(key), ..self }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    #[serde(default, rename = "type")]
    sort: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    payment_intent: Option<Box<Intent>>,
}

impl Till {
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, StripeError> {
        let mut url = self.address(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        self.ask(purpose, &[], Request::get(url)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        fields: &[&'static str],
        path: &str,
        form: Form,
    ) -> Result<T, StripeError> {
        let mut request = Request::post(self.address(path)?, form.encoded())
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(key) = &form.once {
            request = request.header("idempotency-key", key);
        }
        self.ask(purpose, fields, request).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        fields: &[&'static str],
        request: Request,
    ) -> Result<T, StripeError> {
        let key = Secret::new(format!("Bearer {}", self.setup.key.expose()));
        let request = request
            .secret_header("authorization", &key)
            .header("stripe-version", &self.setup.version)
            .timeout(ANSWER_LIMIT)
            .without_redirects();
        let mut left = LEAVES_MAX;
        let answer = loop {
            match self.line.call(purpose, fields, request.clone()).await {
                Err(CallError::Busy) if left > 0 => left -= 1,
                other => break other?,
            }
        };
        judged(&answer)?;
        serde_json::from_slice(&answer.body).map_err(|_| StripeError::Strange("the answer has another form"))
    }

    fn address(&self, path: &str) -> Result<Url, StripeError> {
        self.setup.address.join(path).map_err(|_| StripeError::Strange("an id cannot be part of an address"))
    }
}

/// Source: `docs.stripe.com/api/errors`.
fn judged(answer: &Answer) -> Result<(), StripeError> {
    match answer.status {
        200..=299 => Ok(()),
        401 | 403 => Err(StripeError::Unauthorised),
        404 => Err(StripeError::Gone),
        // A lock, a limit, or another copy of the same call under way.
        409 | 429 | 500.. => Err(StripeError::Away),
        _ => {
            let error = serde_json::from_slice::<Refusal>(&answer.body).map(|refusal| refusal.error).ok();
            let codes = error.iter().flat_map(|error| [&error.decline_code, &error.code, &error.sort]);
            let code = codes.flatten().find(|code| is_code(code)).cloned();
            let code = code.unwrap_or_else(|| "refused".to_owned());
            Err(StripeError::Refused { code, intent: error.and_then(|error| error.payment_intent) })
        }
    }
}
