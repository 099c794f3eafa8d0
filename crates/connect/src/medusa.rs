//! Medusa 2, by its Admin API; written against and tested with 2.21.
//!
//! **Who we are there**: a secret API key, sent as the user of basic authentication. Medusa has no scopes: such a key may
//! do all that a user may.
//!
//! **What changed**: Medusa tells nobody of changes unless its owner writes code for that, so it is asked. Products, variants
//! and orders can be filtered and sorted by `updated_at`; a product does not change when one of its variants does, so
//! both are asked for. Levels can neither be filtered nor sorted by time, so all are read and those that did not change
//! are left out. An order changes with its parcels.
//!
//! **Marks**: a product's is its `external_id`, a variant's and a parcel's stand in `metadata`. An order cannot be
//! searched by its metadata, so that its mark is in the made-up mail address of its buyer too, which can. A draft holds all
//! of an order, mark included, from the one call that makes it: a lost answer leaves a draft or an order that is found.
//!
//! **Stock**: there is no comparing write. Stock is written as what is to be available plus what is reserved; an order that
//! is placed in that moment changes the reservation alone, so that its pieces are not lost.
//!
//! **Prices** of an order that we place are those of the purchase order; shipping costs nothing there. **Tracking** goes to
//! the parcel's label, which has no room for the carrier, and to its metadata, the one place that the shop's own Store
//! API shows.

mod levels;
mod orders;
mod parcels;
mod product_rows;
mod products;
mod purchase;
mod wire;

use crate::outbound::{Line, Url};
use crate::platform::{
    Failure, FulfilmentWrite, LevelWrite, OrderWrite, Platform, PlatformName, ProductWrite, Read, RemoteId,
    RemoteLevel, RemoteLocation, RemoteOrder, RemotePage, RemoteProduct, Shop, Since,
};
use async_trait::async_trait;
use bonded_base::{Currency, Secret};
use serde::Deserialize;
use tokio::sync::OnceCell;
use wire::Call;

/// What the version of the Admin API is called: the one that Medusa 2 has. It does not say its own release.
const VERSION: &str = "2";
/// The member of `metadata` that holds our mark.
const MARK: &str = "bonded";

/// One shop on Medusa.
pub struct Medusa {
    line: Line,
    base: Url,
    key: Secret<String>,
    facts: OnceCell<Facts>,
}

/// What the shop says of itself, asked once.
struct Facts {
    name: String,
    currency: Currency,
    channel: Option<String>,
}

#[derive(Deserialize)]
struct StoresAnswer {
    stores: Vec<StoreRow>,
}

#[derive(Deserialize)]
struct StoreRow {
    name: Option<String>,
    default_sales_channel_id: Option<String>,
    supported_currencies: Vec<CurrencyRow>,
}

#[derive(Deserialize)]
struct CurrencyRow {
    currency_code: String,
    is_default: bool,
}

#[derive(Deserialize)]
struct LocationsAnswer {
    stock_locations: Vec<LocationRow>,
}

#[derive(Deserialize)]
struct LocationRow {
    id: String,
    name: String,
}

impl Medusa {
    /// The shop at an address (`https://medusa.example`), by a secret API key (`sk_…`).
    pub fn new(line: Line, base: Url, key: Secret<String>) -> Self {
        Self { line, base, key, facts: OnceCell::new() }
    }

    async fn facts(&self) -> Result<&Facts, Failure> {
        self.facts.get_or_try_init(|| self.ask_facts()).await
    }

    async fn ask_facts(&self) -> Result<Facts, Failure> {
        let fields = "name,default_sales_channel_id,supported_currencies.currency_code,supported_currencies.is_default";
        let answer: StoresAnswer = self.call(Call::get("shop", "/admin/stores", Vec::new()).answering(fields)).await?;
        let store = answer.stores.into_iter().next().ok_or(Failure::Gone)?;
        let currency = store.supported_currencies.iter().find(|currency| currency.is_default);
        let currency = currency.and_then(|currency| Currency::from_code(&currency.currency_code.to_uppercase()));
        let currency = currency.ok_or_else(|| Failure::Strange("the shop has no currency that is known".to_owned()))?;
        Ok(Facts { name: store.name.unwrap_or_default(), currency, channel: store.default_sales_channel_id })
    }
}

#[async_trait]
impl Platform for Medusa {
    fn name(&self) -> PlatformName {
        PlatformName::Medusa
    }

    async fn shop(&self) -> Result<Shop, Failure> {
        let facts = self.ask_facts().await?;
        let version = VERSION.to_owned();
        Ok(Shop { platform: self.name(), name: facts.name, currency: facts.currency, version, scopes: Vec::new() })
    }

    async fn locations(&self) -> Result<Vec<RemoteLocation>, Failure> {
        let limit = crate::platform::PAGE_MAX;
        let mut locations = Vec::new();
        loop {
            let query =
                vec![("limit", limit.to_string()), ("offset", locations.len().to_string()), ("order", "id".to_owned())];
            let call = Call::get("locations", "/admin/stock-locations", query).answering("id,name");
            let answer: LocationsAnswer = self.call(call).await?;
            let is_last = answer.stock_locations.len() < limit;
            let active = |row: LocationRow| RemoteLocation { id: RemoteId::new(row.id), name: row.name, active: true };
            locations.extend(answer.stock_locations.into_iter().map(active));
            if is_last {
                return Ok(locations);
            }
        }
    }

    async fn products_since(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        self.changed_products(since).await
    }

    async fn products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        self.named_products(ids).await
    }

    async fn levels_since(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        self.changed_levels(since).await
    }

    async fn levels(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure> {
        self.levels_of(variants).await
    }

    async fn orders_since(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        self.changed_orders(since).await
    }

    async fn orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        self.named_orders(ids).await
    }

    async fn put_product(&self, product: &ProductWrite) -> Result<RemoteProduct, Failure> {
        self.make_product(product).await
    }

    async fn put_levels(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        self.make_levels(levels).await
    }

    async fn put_order(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure> {
        self.place(order).await
    }

    async fn cancel_order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        self.cancel_rest(id).await
    }

    async fn put_fulfilment(&self, fulfilment: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        self.send_parcel(fulfilment).await
    }

    async fn subscribe(&self, _address: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn unsubscribe(&self) -> Result<(), Failure> {
        Ok(())
    }
}
