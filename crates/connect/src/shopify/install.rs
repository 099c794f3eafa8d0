//! Installing: the way to the page where a merchant allows us in, the way back checked, and a code for a token.
//!
//! Source: `shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant`.

use super::token::{Pair, Token};
use super::{ShopName, webhook};
use crate::outbound::{Line, Request, Url};
use crate::platform::Failure;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use bonded_base::{Clock, Moment, Secret};
use serde::Deserialize;

/// Where codes and refresh tokens become tokens.
pub(super) const TOKEN_PATH: &str = "admin/oauth/access_token";
/// What callbacks carry at most.
const PARAMETERS_MAX: usize = 32;

/// Our app, as Shopify knows it.
#[derive(Clone)]
pub struct App {
    /// Its id, which is no secret.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Secret<String>,
    /// Secrets before it that still sign, while a new one is brought in.
    pub older_secrets: Vec<Secret<String>>,
}

impl App {
    /// Every secret that a signature may be under, the present one first.
    pub fn secrets(&self) -> Vec<Secret<String>> {
        std::iter::once(&self.client_secret).chain(&self.older_secrets).cloned().collect()
    }

    pub(super) fn form(&self, fields: &[(&str, &str)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &self.client_id).append_pair("client_secret", self.client_secret.expose());
        form.extend_pairs(fields).finish()
    }

    /// The page where the merchant is asked. `state` is fresh, unguessable, and kept in the browser's session.
    pub fn install_url(
        &self,
        shop: &ShopName,
        base: Option<Url>,
        scopes: &[&str],
        back: &Url,
        state: &str,
    ) -> Option<Url> {
        let mut url = shop.base(base).ok()?.join("admin/oauth/authorize").ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("scope", &scopes.join(","))
            .append_pair("redirect_uri", back.as_str())
            .append_pair("state", state);
        Some(url)
    }
}

/// What came back with a merchant who said yes.
pub struct Callback {
    /// Their shop.
    pub shop: ShopName,
    /// What becomes a token, once.
    pub code: Secret<String>,
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCallback {
    /// Its signature is not of our app.
    #[error("the signature is not Shopify's for this app")]
    Signature,
    /// It answers another question than ours.
    #[error("this is not the answer to the installation that was begun here")]
    State,
    /// The shop's name is none.
    #[error("the shop's name is not one of Shopify's")]
    Shop,
    /// Something that it needs is not there, or is there twice.
    #[error("the address is not one that Shopify sends merchants back to")]
    Shape,
}

/// What an address says, in order.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Result<Self, BadCallback> {
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().take(PARAMETERS_MAX + 1).collect();
        if pairs.len() > PARAMETERS_MAX {
            return Err(BadCallback::Shape);
        }
        pairs.sort();
        Ok(Self(pairs))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// What has to be there once.
    fn once(&self, name: &str) -> Result<&str, BadCallback> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(BadCallback::Shape),
        }
    }

    fn signed(&self, secrets: &[Secret<String>]) -> Result<(), BadCallback> {
        let signature = hex(self.once("hmac")?).ok_or(BadCallback::Signature)?;
        let signed = self.0.iter().filter(|(key, _)| key != "hmac" && key != "signature");
        let signed: Vec<_> = signed.map(|(key, value)| format!("{key}={value}")).collect();
        let is_signed = webhook::is_signed(signed.join("&").as_bytes(), &signature, secrets);
        if is_signed { Ok(()) } else { Err(BadCallback::Signature) }
    }

    fn shop(&self) -> Result<ShopName, BadCallback> {
        self.once("shop")?.parse().map_err(|_| BadCallback::Shop)
    }
}

/// The shop that an address names where an installation begins. It says nothing that is believed, so it may be anybody's;
/// but one that has a signature has Shopify's.
pub fn shop_of(query: &str, secrets: &[Secret<String>]) -> Result<ShopName, BadCallback> {
    let query = Query::read(query)?;
    if query.has("hmac") {
        query.signed(secrets)?;
    }
    query.shop()
}

impl Callback {
    /// Checks the query that the merchant's browser came back with, in this order: signature, state, shop.
    pub fn check(query: &str, secrets: &[Secret<String>], state: &str) -> Result<Self, BadCallback> {
        let query = Query::read(query)?;
        query.signed(secrets)?;
        let is_ours = verify_slices_are_equal(query.once("state")?.as_bytes(), state.as_bytes()).is_ok();
        if !is_ours || state.is_empty() {
            return Err(BadCallback::State);
        }
        Ok(Self { shop: query.shop()?, code: Secret::new(query.once("code")?.to_owned()) })
    }

    /// Takes the code to the shop and brings an expiring offline token back. A code is good once: a lost answer means
    /// that the merchant is asked again.
    pub async fn token(&self, line: &Line, base: Option<Url>, app: &App, clock: &dyn Clock) -> Result<Token, Failure> {
        let unread = || Failure::Strange("no token where one was asked for".to_owned());
        let url = self.shop.base(base)?.join(TOKEN_PATH).map_err(|_| unread())?;
        let form = Secret::new(app.form(&[("code", self.code.expose()), ("expiring", "1")]));
        let request = Request::post(url, form.expose().clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .without_redirects();
        let answer = line.call("shopify: take a code for a token", &[], request).await?;
        match answer.status {
            200 => {
                let token: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| unread())?;
                token.token(clock.now()).ok_or_else(unread)
            }
            500..=599 => Err(Failure::Away(format!("the shop answered {}", answer.status))),
            status => Err(Failure::Unauthorised(format!("the shop does not take the code ({status})"))),
        }
    }
}

/// What the token endpoint answers.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl TokenAnswer {
    pub(super) fn token(self, now: Moment) -> Option<Token> {
        let access = Secret::new(self.access_token);
        if access.expose().is_empty() {
            return None;
        }
        Some(match (self.expires_in, self.refresh_token) {
            (Some(seconds), Some(refresh)) => Token::Expiring(Pair {
                access,
                access_until: now.plus_millis(seconds.saturating_mul(1_000)),
                refresh: Secret::new(refresh),
            }),
            _ => Token::Custom(access),
        })
    }
}

/// Bytes of lower-case hex.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
