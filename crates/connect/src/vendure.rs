//! Vendure 3, by its Admin API, which is GraphQL; written against and tested with 3.7.
//!
//! **Who we are there**: an API key of an administrator with a role of its own (the server must list `api-key` under
//! `authOptions.tokenMethod`), or that administrator's name and password (`bearer`). The role needs `ReadCatalog`,
//! `CreateCatalog`, `UpdateCatalog`, `DeleteCatalog`, `ReadOrder`, `CreateOrder`, `UpdateOrder`, `DeleteOrder`,
//! `ReadCustomer`, `CreateCustomer`, `ReadStockLocation` and `ReadSettings`. A session's token is kept in memory only.
//!
//! **What changed**: Vendure tells nobody of changes without a plugin, so it is asked. Products, variants and orders can be
//! filtered and sorted by `updatedAt`. A variant changes with its price; a product does not change with its variants; a
//! level changes alone and cannot be asked for, so that all are read and those that did not change are left out. An order
//! changes with its state, but not with its second parcel of three: orders that are partly shipped are read besides.
//!
//! **Marks**: a private facet `bonded`, which no shopper sees, has a value for each product that we made; it hangs on the
//! product and its variants. An order has no place for a mark that can be searched and is there from the beginning, but
//! its customer's last name has: so each order that we place has a customer of its own whose last name is the mark, under
//! a made-up mail address. The payment's transaction is the mark again, for the books. A parcel has a code and a method,
//! both plain texts, and is made in one call: carrier, link and mark stand in the method as
//! `DHL (https://…) [ful_…]`, which is also how the link reaches the buyer.
//!
//! **Placing** takes several calls: a draft, its customer and address, its lines, its shipping, its payment. A lost answer
//! leaves at most an empty draft that nobody asked for; any later draft is found by its mark and begun anew. Prices are the
//! shop's own, since the Admin API knows no other; the cheapest way of shipping is taken; lines of one variant are one line.
//! The payment is noted as received, since supplier and retailer settle elsewhere.
//!
//! **Stock** is written as what is to be available plus what is allocated; an order that is placed in that moment changes
//! the allocation alone. There is no comparing write. Where some pieces of a line were sent and the others are cancelled,
//! Vendure (3.7) counts the sent ones as come back, as far as there are no more of them than cancelled ones; its people
//! have to know that, and the shop's count is read again as it is.
//!
//! **Money** is in hundredths, whatever the currency.

pub mod documents;
mod levels;
mod make_products;
mod orders;
mod parcels;
mod product_rows;
mod products;
mod purchase;
mod wire;

use crate::outbound::{Line, Url};
use crate::platform::walk::{Question, Span};
use crate::platform::{
    Failure, FulfilmentWrite, LevelWrite, OrderWrite, PAGE_MAX, Platform, PlatformName, ProductWrite, Read, RemoteId,
    RemoteLevel, RemoteLocation, RemoteOrder, RemotePage, RemoteProduct, Shop, Since,
};
use async_trait::async_trait;
use bonded_base::{Currency, Money, Secret};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OnceCell};

/// What the version of the Admin API is called: the one that Vendure 3 has. It does not say its own release.
const VERSION: &str = "3";
/// Decimals of an amount (`MoneyStrategy.precision`, which few change).
const DECIMALS: u32 = 2;

/// What opens a shop on Vendure.
pub enum VendureCredential {
    /// An API key, `lookup:secret`.
    Key(Secret<String>),
    /// An administrator's name and password.
    Login {
        /// The name, mostly a mail address.
        username: String,
        /// The password.
        password: Secret<String>,
    },
}

/// One shop on Vendure.
pub struct Vendure {
    line: Line,
    base: Url,
    channel: Option<String>,
    credential: VendureCredential,
    session: Mutex<Option<Secret<String>>>,
    facts: OnceCell<Facts>,
}

/// What the shop says of itself, asked once.
struct Facts {
    name: String,
    currency: Currency,
    language: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShopAnswer {
    active_channel: ChannelRow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelRow {
    code: String,
    default_currency_code: String,
    default_language_code: String,
    seller: Option<SellerRow>,
}

#[derive(Deserialize)]
struct SellerRow {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationsAnswer {
    stock_locations: Items<LocationRow>,
}

#[derive(Deserialize)]
struct LocationRow {
    id: String,
    name: String,
}

/// A list, as all lists of Vendure are.
#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Vendure {
    /// The shop at an address (`https://vendure.example`, without `/admin-api`).
    pub fn new(line: Line, base: Url, credential: VendureCredential) -> Self {
        Self { line, base, channel: None, credential, session: Mutex::default(), facts: OnceCell::new() }
    }

    /// The same, in the channel with this token; else in the default one.
    #[must_use]
    pub fn in_channel(self, token: String) -> Self {
        Self { channel: Some(token), ..self }
    }

    async fn facts(&self) -> Result<&Facts, Failure> {
        self.facts.get_or_try_init(|| self.ask_facts()).await
    }

    async fn ask_facts(&self) -> Result<Facts, Failure> {
        let channel = self.say::<ShopAnswer>(documents::SHOP, &[], json!({})).await?.active_channel;
        let currency = Currency::from_code(&channel.default_currency_code);
        let currency = currency.ok_or_else(|| Failure::Strange("the shop has no currency that is known".to_owned()))?;
        let name = channel.seller.map_or(channel.code, |seller| seller.name);
        Ok(Facts { name, currency, language: channel.default_language_code })
    }

    /// One translation, in the shop's own language.
    async fn translated(&self, name: &str) -> Result<Value, Failure> {
        Ok(json!([{"languageCode": self.facts().await?.language, "name": name}]))
    }
}

/// An amount as Vendure has it; `None` if the currency has no such amount.
fn money(amount: i64, currency: Currency) -> Option<Money> {
    let decimals = u32::from(currency.exponent().unwrap_or(0));
    let minor = if decimals >= DECIMALS {
        amount.checked_mul(10_i64.checked_pow(decimals - DECIMALS)?)?
    } else {
        let unit = 10_i64.checked_pow(DECIMALS - decimals)?;
        (amount % unit == 0).then_some(amount / unit)?
    };
    Some(Money::new(minor, currency))
}

/// An amount as Vendure wants it, to the nearest hundredth.
fn hundredths(money: Money) -> i64 {
    let decimals = u32::from(money.currency.exponent().unwrap_or(0));
    if decimals >= DECIMALS {
        let unit = 10_i64.saturating_pow(decimals - DECIMALS);
        money.amount.saturating_add(unit / 2).div_euclid(unit)
    } else {
        money.amount.saturating_mul(10_i64.saturating_pow(DECIMALS - decimals))
    }
}

/// How a walk's question is put to Vendure, with more conditions.
fn asked(question: Question, mut filter: Map<String, Value>) -> Value {
    // `after` leaves its own moment out, `between` takes both its ends, and its clock is finer than a millisecond.
    let times = match question.span {
        Span::Ever => None,
        Span::From(from) => Some(json!({"after": from.plus_millis(-1)})),
        Span::At(at) => Some(json!({"between": {"start": at, "end": at.plus_millis(1)}})),
        Span::Past(at) => Some(json!({"after": at.plus_millis(1)})),
    };
    filter.extend(times.map(|times| ("updatedAt".to_owned(), times)));
    let sort = if question.by_id { json!({"id": "ASC"}) } else { json!({"updatedAt": "ASC"}) };
    json!({"options": {"take": PAGE_MAX, "skip": question.skip, "sort": sort, "filter": filter}})
}

/// The conditions for things by their ids.
fn named(ids: &[RemoteId]) -> Value {
    let ids: Vec<_> = ids.iter().map(RemoteId::as_str).collect();
    json!({"options": {"take": ids.len().max(1), "filter": {"id": {"in": ids}}}})
}

#[async_trait]
impl Platform for Vendure {
    fn name(&self) -> PlatformName {
        PlatformName::Vendure
    }

    async fn shop(&self) -> Result<Shop, Failure> {
        let facts = self.ask_facts().await?;
        let version = VERSION.to_owned();
        Ok(Shop { platform: self.name(), name: facts.name, currency: facts.currency, version, scopes: Vec::new() })
    }

    async fn locations(&self) -> Result<Vec<RemoteLocation>, Failure> {
        let mut locations = Vec::new();
        loop {
            let options = json!({"options": {"take": PAGE_MAX, "skip": locations.len(), "sort": {"id": "ASC"}}});
            let rows = self.say::<LocationsAnswer>(documents::LOCATIONS, &[], options).await?.stock_locations.items;
            let is_last = rows.len() < PAGE_MAX;
            let active = |row: LocationRow| RemoteLocation { id: RemoteId::new(row.id), name: row.name, active: true };
            locations.extend(rows.into_iter().map(active));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_hundredths_whatever_the_currency() {
        for (theirs, currency, ours) in
            [(1_250, Currency::EUR, 1_250), (120_000, Currency::JPY, 1_200), (125, Currency::KWD, 1_250)]
        {
            assert_eq!(money(theirs, currency), Some(Money::new(ours, currency)));
            assert_eq!(hundredths(Money::new(ours, currency)), theirs);
        }
        assert_eq!(money(150, Currency::JPY), None);
    }
}
