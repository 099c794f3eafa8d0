//! Shopify: one connected shop, spoken to by its GraphQL Admin API as the maker's own schema has it.
//!
//! Each call is a document of `shopify/graphql`, checked in a test against the schemas of two versions; a call waits for the
//! points that it costs (its pace), opens the shop with a token that is refreshed once for all callers ([`token`]), and checks
//! the version that answers. What Shopify cuts into pages is read to the end, or the thing is reported as unreadable.
//!
//! How a repeated write finds what the first one did: products and orders carry our mark in a metafield whose values are
//! unique in the shop, levels are written under an idempotency key, and parcels are noted on their order before they are
//! made. Nothing is written by `productSet`, because it deletes what it is not told of.
//!
//! Architecture invariant: of a consumer the documents ask for the six fields alone, and no webhook brings any.

mod answers;
mod bulk;
mod call;
mod documents;
pub mod install;
mod levels;
mod order_answers;
mod orders;
mod pace;
mod parcels;
mod placing;
mod product_answers;
mod products;
mod put_products;
mod scopes;
mod shop_name;
mod subscriptions;
pub mod token;
pub mod webhook;

pub use bulk::BULK_FROM;
pub use documents::{DOCUMENTS, Document};
pub use pace::{Patience, WAIT_MS_MAX};
pub use scopes::scopes;
pub use shop_name::{BadShopName, ShopName};

use crate::outbound::{Host, Line, Url};
use crate::platform::{
    Failure, FulfilmentWrite, LevelWrite, OrderWrite, Platform, PlatformName, ProductWrite, Read, RemoteId,
    RemoteLevel, RemoteLocation, RemoteOrder, RemotePage, RemoteProduct, Shop, Since,
};
use answers::{LocationsAnswer, Page, ShopAnswer};
use async_trait::async_trait;
use bonded_base::Currency;
use bonded_ledger::Ledger;
use pace::Pace;
use serde_json::json;
use std::sync::Arc;
use token::{KeepsToken, Token, Tokens};
use tokio::sync::OnceCell;

/// The version that is spoken, unless the setup says another.
pub const VERSION: &str = "2026-07";
/// Where Shopify lays the results of bulk operations; a connection that imports approves it besides the shop's own host.
pub const BULK_HOST: &str = "storage.googleapis.com";
/// Where our metafields are, in words that belong to the app that writes them.
const NAMESPACE: &str = "$app:bonded";
/// The metafield with our mark.
const MARK: &str = "mark";

/// How to reach one shop.
pub struct ShopifySetup {
    /// Its name.
    pub shop: ShopName,
    /// Another place than `https://{shop}/`. For development and tests: never in production.
    pub base: Option<Url>,
    /// The version that is asked for and has to answer; [`VERSION`].
    pub version: String,
    /// What opens it.
    pub token: Token,
    /// Our app, for tokens that have to be refreshed.
    pub app: Option<install::App>,
    /// Where a fresh token is kept before it is used.
    pub keeper: Arc<dyn KeepsToken>,
    /// How waiting is done; `None` is by the machine's own clock.
    pub patience: Option<Arc<dyn Patience>>,
}

/// One connected shop.
pub struct Shopify {
    line: Line,
    ledger: Ledger,
    base: Url,
    version: String,
    tokens: Tokens,
    pace: Pace,
    currency: OnceCell<Currency>,
    marks_defined: [OnceCell<()>; 2],
}

impl Shopify {
    /// A shop that nothing has been asked of yet. The line goes to [`Shopify::hosts`].
    pub fn new(line: Line, ledger: &Ledger, setup: ShopifySetup) -> Result<Self, Failure> {
        let base = setup.shop.base(setup.base)?;
        Ok(Self {
            tokens: Tokens::new(setup.token, setup.app, setup.keeper),
            line,
            ledger: ledger.clone(),
            base,
            version: setup.version,
            pace: Pace::new(setup.patience),
            currency: OnceCell::new(),
            marks_defined: [const { OnceCell::const_new() }; 2],
        })
    }

    /// The hosts that a line for this shop goes to, for the account to approve.
    pub fn hosts(shop: &ShopName, base: Option<Url>) -> Result<Vec<Host>, Failure> {
        let own = Host::of(&shop.base(base)?).ok_or_else(|| Failure::Strange("the shop has no host".to_owned()))?;
        let bulk: Host = BULK_HOST.parse().map_err(|_| Failure::Strange("no host for bulk results".to_owned()))?;
        Ok(vec![own, bulk])
    }

    /// What the shop's prices are in; asked for once.
    async fn currency(&self) -> Result<Currency, Failure> {
        self.currency.get_or_try_init(|| async { Ok(self.ask_shop().await?.currency) }).await.copied()
    }

    async fn ask_shop(&self) -> Result<Shop, Failure> {
        let answer: ShopAnswer = self.ask(&documents::SHOP, json!({})).await?;
        let currency = Currency::from_code(&answer.shop.currency_code);
        let currency = currency.ok_or_else(|| Failure::Strange("a currency that ISO 4217 does not have".to_owned()))?;
        Ok(Shop {
            platform: PlatformName::Shopify,
            name: answer.shop.name,
            currency,
            version: self.version.clone(),
            scopes: answer.current_app_installation.access_scopes.into_iter().map(|scope| scope.handle).collect(),
        })
    }
}

#[async_trait]
impl Platform for Shopify {
    fn name(&self) -> PlatformName {
        PlatformName::Shopify
    }

    async fn shop(&self) -> Result<Shop, Failure> {
        self.ask_shop().await
    }

    async fn locations(&self) -> Result<Vec<RemoteLocation>, Failure> {
        let mut page = Page::begin();
        let mut found = Vec::new();
        while let Some(after) = page.next() {
            let answer: LocationsAnswer = self.ask(&documents::LOCATIONS, json!({ "after": after })).await?;
            let nodes = page.take(answer.locations);
            found.extend(nodes.into_iter().map(|node| RemoteLocation {
                id: node.id,
                name: node.name,
                active: node.is_active,
            }));
        }
        Ok(found)
    }

    async fn products_since(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        self.read_products_since(since).await
    }

    async fn products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        self.read_products(ids).await
    }

    async fn levels_since(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        self.read_levels_since(since).await
    }

    async fn levels(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure> {
        // A webhook about stock names inventory items, not variants.
        let (items, mut named): (Vec<_>, Vec<_>) =
            variants.iter().cloned().partition(|id| id.as_str().contains("/InventoryItem/"));
        if !items.is_empty() {
            named.extend(self.variants_of(&items).await?);
        }
        self.read_levels(&named).await
    }

    async fn orders_since(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        self.read_orders_since(since).await
    }

    async fn orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        self.read_orders(ids).await
    }

    async fn put_product(&self, product: &ProductWrite) -> Result<RemoteProduct, Failure> {
        self.write_product(product).await
    }

    async fn put_levels(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        self.write_levels(levels).await
    }

    async fn put_order(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure> {
        self.place_order(order).await
    }

    async fn cancel_order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        self.take_back_order(id).await
    }

    async fn put_fulfilment(&self, fulfilment: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        self.write_fulfilment(fulfilment).await
    }

    async fn subscribe(&self, address: &str) -> Result<(), Failure> {
        self.make_subscriptions(address).await
    }

    async fn unsubscribe(&self) -> Result<(), Failure> {
        self.end_subscriptions().await
    }
}
