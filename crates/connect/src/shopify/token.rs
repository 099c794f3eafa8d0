//! Tokens: what opens a shop, and how one that expires becomes the next without two callers asking at once.
//!
//! Expiring offline tokens are good for an hour; each refresh gives a new pair. Shopify keeps the refresh token before it good
//! until the new pair is used (its changelog of 28 August 2026), so the new pair is kept durably *before* it is used: a crash
//! in between leaves the old one, which still refreshes. A node that finds its refresh token spent reads what
//! another node has kept meanwhile.

use super::Shopify;
use super::install::{App, TokenAnswer};
use crate::outbound::{Answer, Request};
use crate::platform::Failure;
use async_trait::async_trait;
use bonded_base::{Moment, Secret};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long before its end a token is renewed, in milliseconds.
const RENEW_BEFORE_MS: i64 = 5 * 60 * 1_000;

/// What opens one shop.
#[derive(Clone)]
pub enum Token {
    /// The token of an app that the merchant made in the shop; it does not end.
    Custom(Secret<String>),
    /// A pair that is renewed.
    Expiring(Pair),
}

/// A token that ends, and the one that renews it.
#[derive(Clone)]
pub struct Pair {
    /// Opens the shop.
    pub access: Secret<String>,
    /// Until when.
    pub access_until: Moment,
    /// Renews it, once.
    pub refresh: Secret<String>,
}

impl Token {
    /// As it is concealed in the connection's record: JSON.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let form = match self {
            Self::Custom(token) => json!({ "custom": token.expose() }),
            Self::Expiring(pair) => json!({
                "access": pair.access.expose(), "until": pair.access_until.millis(), "refresh": pair.refresh.expose(),
            }),
        };
        Secret::new(form.to_string().into_bytes())
    }

    /// Reads that form; `None` when it is none.
    pub fn from_bytes(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        let form: Value = serde_json::from_slice(bytes.expose()).ok()?;
        let text = |name: &str| Some(Secret::new(form.get(name)?.as_str()?.to_owned()));
        if let Some(token) = text("custom") {
            return Some(Self::Custom(token));
        }
        let access_until = Moment::from_millis(form.get("until")?.as_i64()?);
        Some(Self::Expiring(Pair { access: text("access")?, access_until, refresh: text("refresh")? }))
    }
}

/// Where tokens are kept.
#[async_trait]
pub trait KeepsToken: Send + Sync {
    /// Keeps a fresh pair; when it comes back it is durable.
    async fn keep(&self, pair: &Pair) -> Result<(), Failure>;

    /// The pair that is kept, which another node may have renewed.
    async fn kept(&self) -> Result<Option<Pair>, Failure>;
}

pub(super) struct Tokens {
    /// Held while a pair is renewed, so that all others wait for that one.
    held: Mutex<Token>,
    is_custom: bool,
    app: Option<App>,
    keeper: Arc<dyn KeepsToken>,
}

impl Tokens {
    pub(super) fn new(token: Token, app: Option<App>, keeper: Arc<dyn KeepsToken>) -> Self {
        Self { is_custom: matches!(token, Token::Custom(_)), held: Mutex::new(token), app, keeper }
    }

    pub(super) const fn can_renew(&self) -> bool {
        !self.is_custom
    }

    /// A token that is good for some minutes yet.
    pub(super) async fn current(&self, shop: &Shopify) -> Result<Secret<String>, Failure> {
        let mut held = self.held.lock().await;
        let pair = match &*held {
            Token::Custom(token) => return Ok(token.clone()),
            Token::Expiring(pair) => pair.clone(),
        };
        if shop.ledger.clock().now().plus_millis(RENEW_BEFORE_MS) < pair.access_until {
            return Ok(pair.access);
        }
        let fresh = self.refreshed(shop, pair).await?;
        *held = Token::Expiring(fresh.clone());
        Ok(fresh.access)
    }

    /// Renews a token that the shop did not take, unless somebody has done so meanwhile.
    pub(super) async fn renew(&self, shop: &Shopify, spent: &Secret<String>) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        if let Token::Expiring(pair) = &*held
            && pair.access.expose() == spent.expose()
        {
            let fresh = self.refreshed(shop, pair.clone()).await?;
            *held = Token::Expiring(fresh);
        }
        Ok(())
    }

    async fn refreshed(&self, shop: &Shopify, pair: Pair) -> Result<Pair, Failure> {
        let app = self.app.as_ref().ok_or_else(|| unauthorised("there is no app that could renew the token"))?;
        match refresh(shop, app, &pair).await? {
            Some(fresh) => {
                self.keeper.keep(&fresh).await?;
                Ok(fresh)
            }
            None => match self.keeper.kept().await? {
                Some(other) if other.refresh.expose() != pair.refresh.expose() => Ok(other),
                _ => Err(unauthorised("the shop does not renew our token any more")),
            },
        }
    }
}

/// Asks for the next pair; `None` where the refresh token is not good any more.
async fn refresh(shop: &Shopify, app: &App, pair: &Pair) -> Result<Option<Pair>, Failure> {
    let form = Secret::new(app.form(&[("grant_type", "refresh_token"), ("refresh_token", pair.refresh.expose())]));
    let answer = post(shop, &form).await?;
    match answer.status {
        200 => {
            let token: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| unread())?;
            match token.token(shop.ledger.clock().now()) {
                Some(Token::Expiring(pair)) => Ok(Some(pair)),
                _ => Err(unread()),
            }
        }
        400 | 401 => Ok(None),
        402..=404 | 423 => Err(unauthorised("the shop does not let us in")),
        429 | 430 => Err(Failure::Throttled(retry_after_ms(&answer).unwrap_or(RETRY_MS))),
        status => Err(Failure::Away(format!("the shop answered {status} when the token was to be renewed"))),
    }
}

/// Milliseconds to wait where the answer does not say.
const RETRY_MS: u64 = 2_000;

async fn post(shop: &Shopify, form: &Secret<String>) -> Result<Answer, Failure> {
    let url = shop.base.join(super::install::TOKEN_PATH).map_err(|_| unread())?;
    let request = Request::post(url, form.expose().clone())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .without_redirects();
    Ok(shop.line.call("shopify: renew the token", &[], request).await?)
}

fn unread() -> Failure {
    Failure::Strange("no token where one was asked for".to_owned())
}

fn unauthorised(why: &str) -> Failure {
    Failure::Unauthorised(why.to_owned())
}

/// `Retry-After` in milliseconds (RFC 9110 section 10.2.3; Shopify gives seconds, sometimes with a fraction).
pub(super) fn retry_after_ms(answer: &Answer) -> Option<u64> {
    let seconds: f64 = answer.headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    let wait = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(wait.as_millis()).ok()
}
