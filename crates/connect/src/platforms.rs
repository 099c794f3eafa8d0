//! Platforms opened: from a connection's record to the client that speaks to its shop.
//!
//! Here alone it is written which words of a credential each platform takes, which hosts a connection approves, and what it
//! asks to be allowed.

use crate::connections::{self, Connection, ConnectionDraft};
use crate::medusa::Medusa;
use crate::outbound::{Host, Outbound, Owner, Url};
use crate::platform::{Failure, Platform, PlatformName};
use crate::shopify::install::App;
use crate::shopify::token::{KeepsToken, Pair, Token};
use crate::shopify::{self, ShopName, Shopify, ShopifySetup};
use crate::vendure::{Vendure, VendureCredential};
use async_trait::async_trait;
use bonded_base::{Id, Problem, Secret};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::TradeError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Characters of one part of a credential at most.
pub const CREDENTIAL_CHARS_MAX: usize = 2_048;
/// Where an installation at Shopify begins; the app's own settings there name it.
pub const INSTALL_PATH: &str = "/shopify/install";
/// Where it comes back to; the app's own settings name it too.
pub const CALLBACK_PATH: &str = "/shopify/callback";

/// What opens a shop, as its owner gives it: each platform takes the parts that it knows. It has no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct CredentialDraft {
    /// Shopify: the Admin API token of an app that was made in the shop (`shpat_…`).
    #[serde(default)]
    access_token: Option<String>,
    /// Shopify: that app's secret, which signs its webhooks; without it the shop is read at intervals only.
    #[serde(default)]
    client_secret: Option<String>,
    /// Medusa: a secret API key (`sk_…`). Vendure: an API key.
    #[serde(default)]
    api_key: Option<String>,
    /// Vendure: an administrator's name.
    #[serde(default)]
    username: Option<String>,
    /// Vendure: that administrator's password.
    #[serde(default)]
    password: Option<String>,
    /// Vendure: the token of a channel other than the default one.
    #[serde(default)]
    channel: Option<String>,
}

/// The platforms, and how this deployment reaches them.
#[derive(Clone)]
pub struct Platforms {
    outbound: Outbound,
    /// How the world reaches us: `https://app.example.com`.
    origin: String,
    /// Our app at Shopify, if this deployment has one.
    app: Option<App>,
    /// Where Shopify's shops are instead of at their own names. For development and tests only.
    shopify_base: Option<Url>,
}

impl fmt::Debug for Platforms {
    /// The app has secrets, and nothing else is worth a word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platforms").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Platforms {
    /// Reaches shops by this way out; they reach us by `origin`.
    pub const fn new(outbound: Outbound, origin: String) -> Self {
        Self { outbound, origin, app: None, shopify_base: None }
    }

    /// The same, with an app that merchants install at Shopify.
    #[must_use]
    pub fn with_app(self, app: App) -> Self {
        Self { app: Some(app), ..self }
    }

    /// The same, with all of Shopify's shops in one other place. For development and tests only.
    #[must_use]
    pub fn with_shopify_at(self, base: Url) -> Self {
        Self { shopify_base: Some(base), ..self }
    }

    /// The way out that all of them are reached by.
    pub const fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Our app at Shopify, if this deployment has one.
    pub const fn app(&self) -> Option<&App> {
        self.app.as_ref()
    }

    /// Where somebody goes to install our app in a shop; `None` where this deployment has no app.
    pub fn install_url(&self, shop: &str) -> Option<String> {
        self.app.as_ref().map(|_| format!("{}{INSTALL_PATH}?shop={shop}", self.origin))
    }

    /// Where the merchant comes back to, having said yes.
    pub(crate) fn callback(&self) -> Option<Url> {
        Url::parse(&format!("{}{CALLBACK_PATH}", self.origin)).ok()
    }

    /// Another place than Shopify's own.
    pub(crate) fn shopify_base(&self) -> Option<Url> {
        self.shopify_base.clone()
    }

    /// Where a shop tells of changes.
    pub fn address(&self, connection: Id<Connection>) -> String {
        format!("{}/hooks/{connection}", self.origin)
    }

    /// What a shop's webhooks may be signed with: the secrets of our app, and that of the app which was made in the shop.
    pub fn signing_secrets(&self, credential: Option<&Secret<Vec<u8>>>) -> Vec<Secret<String>> {
        let own = credential.and_then(|kept| serde_json::from_slice::<KeptByShopify>(kept.expose()).ok());
        let own = own.and_then(|kept| kept.secret.clone()).map(Secret::new);
        self.app.iter().flat_map(App::secrets).chain(own).collect()
    }

    /// The client of a connection's shop; nothing is called yet.
    pub fn open(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        connection: &Stored<Connection>,
    ) -> Result<Arc<dyn Platform>, Failure> {
        let credential = connections::credential(ledger, scope, connection);
        let credential = credential.map_err(|error| Failure::Ledger(Arc::new(error)))?.ok_or_else(no_credential)?;
        let line = |hosts| self.outbound.line(ledger, scope, Owner::of(connection.id), hosts);
        match connection.platform {
            PlatformName::Shopify => {
                let shop = connection.shop.parse().map_err(|_| Failure::Strange("no shop's name".to_owned()))?;
                let line = line(Shopify::hosts(&shop, self.shopify_base.clone())?);
                let keeper = Keeper { ledger: ledger.clone(), scope: scope.again(), id: connection.id };
                let setup = ShopifySetup {
                    shop,
                    base: self.shopify_base.clone(),
                    version: shopify::VERSION.to_owned(),
                    token: Token::from_bytes(&credential).ok_or_else(no_credential)?,
                    app: self.app.clone(),
                    keeper: Arc::new(keeper),
                    patience: None,
                };
                Ok(Arc::new(Shopify::new(line, ledger, setup)?))
            }
            PlatformName::Medusa => {
                let (base, hosts) = place(&connection.shop)?;
                let given = given(&credential)?;
                let key = given.api_key.clone().map(Secret::new).ok_or_else(no_credential)?;
                Ok(Arc::new(Medusa::new(line(hosts), base, key)))
            }
            PlatformName::Vendure => {
                let (base, hosts) = place(&connection.shop)?;
                let given = given(&credential)?;
                let vendure = Vendure::new(line(hosts), base, given.vendure().ok_or_else(no_credential)?);
                Ok(match given.channel.clone() {
                    Some(channel) => Arc::new(vendure.in_channel(channel)),
                    None => Arc::new(vendure),
                })
            }
            PlatformName::Stripe => Err(Failure::Strange("a gateway has no shop".to_owned())),
        }
    }
}

/// What has to be allowed for a connection, in the platform's words; empty where it has none. Refuses a host that cannot be
/// one of the platform's.
pub fn scopes(draft: &ConnectionDraft) -> Result<Vec<String>, Problem> {
    match draft.platform {
        PlatformName::Shopify => {
            draft.shop.trim().parse::<ShopName>().map_err(|error| Problem::invalid("/shop", error.to_string()))?;
            Ok(shopify::scopes(draft.direction, &draft.syncs).into_iter().map(str::to_owned).collect())
        }
        PlatformName::Medusa | PlatformName::Vendure | PlatformName::Stripe => Ok(Vec::new()),
    }
}

impl CredentialDraft {
    /// The parts that are there, each asked for by its name in the API; what is empty is not there.
    pub fn of(mut part: impl FnMut(&'static str) -> Secret<String>) -> Self {
        let mut given = |name| Some(part(name).expose().clone()).filter(|part| !part.is_empty());
        Self {
            access_token: given("access_token"),
            client_secret: given("client_secret"),
            api_key: given("api_key"),
            username: given("username"),
            password: given("password"),
            channel: given("channel"),
        }
    }

    /// What is kept of it, concealed: the parts that this platform takes, and no others.
    pub fn check(&self, platform: PlatformName) -> Result<Secret<Vec<u8>>, Problem> {
        let parts =
            [&self.access_token, &self.client_secret, &self.api_key, &self.username, &self.password, &self.channel];
        if parts.into_iter().flatten().any(|part| part.is_empty() || part.chars().count() > CREDENTIAL_CHARS_MAX) {
            let detail = format!("each part of a credential has 1 to {CREDENTIAL_CHARS_MAX} characters");
            return Err(Problem::invalid("", detail));
        }
        let kept = match platform {
            PlatformName::Shopify => {
                let token = self.access_token.clone().ok_or_else(|| missing("/access_token", "the app's token"))?;
                let kept = KeptByShopify { custom: token, secret: self.client_secret.clone() };
                return serde_json::to_vec(&kept).map(Secret::new).map_err(|_| unkept());
            }
            PlatformName::Medusa => {
                let mut kept = Self::default();
                kept.api_key = Some(self.api_key.clone().ok_or_else(|| missing("/api_key", "a secret API key"))?);
                kept
            }
            PlatformName::Vendure => {
                self.vendure().ok_or_else(|| missing("/api_key", "an API key, or a username and a password"))?;
                let mut kept = self.clone();
                kept.access_token.zeroize();
                kept.client_secret.zeroize();
                (kept.access_token, kept.client_secret) = (None, None);
                kept
            }
            PlatformName::Stripe => return Err(Problem::invalid("/platform", "a gateway is connected elsewhere")),
        };
        serde_json::to_vec(&kept).map(Secret::new).map_err(|_| unkept())
    }

    fn vendure(&self) -> Option<VendureCredential> {
        if let Some(key) = &self.api_key {
            return Some(VendureCredential::Key(Secret::new(key.clone())));
        }
        let (username, password) = (self.username.clone()?, Secret::new(self.password.clone()?));
        Some(VendureCredential::Login { username, password })
    }
}

/// The form of [`Token::Custom`], with the secret of its app beside it.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeptByShopify {
    custom: String,
    secret: Option<String>,
}

fn unkept() -> Problem {
    Problem::invalid("", "it cannot be kept")
}

fn missing(pointer: &'static str, what: &str) -> Problem {
    Problem::invalid(pointer, format!("{what} opens a shop on this platform"))
}

fn no_credential() -> Failure {
    Failure::Unauthorised("there is nothing that opens the shop; give it a credential".to_owned())
}

fn given(credential: &Secret<Vec<u8>>) -> Result<CredentialDraft, Failure> {
    serde_json::from_slice(credential.expose()).map_err(|_| no_credential())
}

/// Where a shop of a host is, and the host that is approved with it.
fn place(shop: &str) -> Result<(Url, Vec<Host>), Failure> {
    let no_host = || Failure::Strange("the shop has no address".to_owned());
    let base = Url::parse(&format!("https://{shop}/")).map_err(|_| no_host())?;
    let host = Host::of(&base).ok_or_else(no_host)?;
    Ok((base, vec![host]))
}

/// Keeps Shopify's fresh tokens with the connection.
struct Keeper {
    ledger: Ledger,
    scope: Scope,
    id: Id<Connection>,
}

#[async_trait]
impl KeepsToken for Keeper {
    async fn keep(&self, pair: &Pair) -> Result<(), Failure> {
        let bytes = Token::Expiring(pair.clone()).to_bytes();
        connections::refresh(&self.ledger, &self.scope, self.id, &bytes).await.map_err(failure)
    }

    async fn kept(&self) -> Result<Option<Pair>, Failure> {
        let connection = connections::get(&self.ledger, &self.scope, self.id).await.map_err(failure)?;
        let credential = connections::credential(&self.ledger, &self.scope, &connection);
        let credential = credential.map_err(|error| Failure::Ledger(Arc::new(error)))?;
        Ok(match credential.as_ref().and_then(Token::from_bytes) {
            Some(Token::Expiring(pair)) => Some(pair),
            Some(Token::Custom(_)) | None => None,
        })
    }
}

fn failure(error: TradeError) -> Failure {
    match error {
        TradeError::Ledger(error) => Failure::Ledger(Arc::new(error)),
        TradeError::Problem(problem) => Failure::Unauthorised(problem.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str) -> CredentialDraft {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn each_platform_keeps_the_parts_that_it_takes() {
        let kept = |platform, json: &str| {
            let kept = draft(json).check(platform).map_err(|problem| problem.pointer)?;
            Ok::<_, Option<String>>(String::from_utf8(kept.expose().clone()).unwrap())
        };
        let everything = r#"{"access_token": "shpat_1", "api_key": "sk_2", "username": "u", "password": "p3"}"#;
        let shopify = kept(PlatformName::Shopify, everything).unwrap();
        assert!(shopify.contains("shpat_1") && !shopify.contains("sk_2") && !shopify.contains("p3"));
        assert!(matches!(Token::from_bytes(&Secret::new(shopify.into_bytes())), Some(Token::Custom(_))));
        let medusa = kept(PlatformName::Medusa, everything).unwrap();
        assert!(medusa.contains("sk_2") && !medusa.contains("shpat_1") && !medusa.contains("p3"));
        let vendure = kept(PlatformName::Vendure, everything).unwrap();
        assert!(vendure.contains("sk_2") && !vendure.contains("shpat_1"));
        assert_eq!(kept(PlatformName::Medusa, "{}"), Err(Some("/api_key".to_owned())));
        assert_eq!(kept(PlatformName::Vendure, r#"{"username": "u"}"#), Err(Some("/api_key".to_owned())));
        assert_eq!(kept(PlatformName::Shopify, r#"{"access_token": ""}"#), Err(Some(String::new())));
        assert!(kept(PlatformName::Stripe, everything).is_err());
    }
}
