//! What a shop has, as it was read: products, levels, orders and their parcels, with the shop's own names for them.

use super::PlatformName;
use bonded_base::{Currency, Moment, Money};
use bonded_trade::catalog::ProductDraft;
use bonded_trade::consumers::ConsumerDraft;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a platform calls one of its things: `gid://shopify/Product/1`, `prod_01HZ…`, `42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteId(String);

impl RemoteId {
    /// The platform's own text, taken as it is.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The platform's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who answers at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Which platform.
    pub platform: PlatformName,
    /// What it calls itself.
    pub name: String,
    /// What its prices are in.
    pub currency: Currency,
    /// The version of the API that answered (`2026-07`), not the one that was asked for.
    pub version: String,
    /// What we may do there, in the platform's own words (`read_orders`); empty where it has no such words.
    pub scopes: Vec<String>,
}

/// A place where stock lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteLocation {
    /// The shop's id.
    pub id: RemoteId,
    /// What it is called.
    pub name: String,
    /// Whether it is used.
    pub active: bool,
}

/// A product as a shop has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteProduct {
    /// The shop's id.
    pub id: RemoteId,
    /// When it changed last.
    pub updated_at: Option<Moment>,
    /// What it is. Archived or unpublished ones have that status.
    pub product: ProductDraft,
    /// The shop's ids of its variants, in the order of `product.variants`.
    pub variants: Vec<RemoteId>,
    /// The mark that we left when we made it; `None` for the shop's own.
    pub mark: Option<String>,
}

/// Stock of one variant at one location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteLevel {
    /// Of which variant.
    pub variant: RemoteId,
    /// Its stock keeping unit, where the shop says it with the level.
    pub sku: Option<String>,
    /// Where.
    pub location: RemoteId,
    /// Pieces that can be sold now: what lies there less what the shop has promised already.
    pub available: i64,
    /// When it changed last, if the shop says.
    pub updated_at: Option<Moment>,
}

/// An order as a shop has it. It has no `Debug`, because a consumer is in it.
#[derive(Clone)]
pub struct RemoteOrder {
    /// The shop's id.
    pub id: RemoteId,
    /// The number that people in the shop know it by (`#1001`).
    pub reference: String,
    /// When the consumer placed it.
    pub placed_at: Moment,
    /// When it changed last.
    pub updated_at: Option<Moment>,
    /// What was ordered.
    pub lines: Vec<RemoteLine>,
    /// Who gets it. Only the six fields are ever asked for; empty on an order that has no address.
    pub consumer: ConsumerDraft,
    /// Whether all of it was cancelled.
    pub cancelled: bool,
    /// Whether the shop only tries something out.
    pub test: bool,
    /// Parcels that have left, those that we told of included; cancelled ones are left out.
    pub fulfilments: Vec<RemoteFulfilment>,
    /// The mark that we left when we placed it; `None` for the shop's own.
    pub mark: Option<String>,
}

/// One line of a shop's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteLine {
    /// The shop's id of the line.
    pub id: RemoteId,
    /// The shop's id of the variant, unless that was deleted.
    pub variant: Option<RemoteId>,
    /// Stock keeping unit at the time of the order.
    pub sku: Option<String>,
    /// What it was called.
    pub title: String,
    /// Pieces that were ordered.
    pub quantity: u32,
    /// Pieces of them that are not wanted any more: cancelled, removed or refunded before they were shipped.
    pub dropped: u32,
    /// What the consumer pays for one, less discounts.
    pub price: Money,
    /// Whether it is a thing that travels.
    pub requires_shipping: bool,
}

/// A parcel that left, as a shop has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFulfilment {
    /// The shop's id.
    pub id: RemoteId,
    /// What is in it: the shop's id of the order's line, and pieces.
    pub lines: Vec<(RemoteId, u32)>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there.
    pub number: Option<String>,
    /// Where it can be followed.
    pub url: Option<String>,
    /// When it left.
    pub shipped_at: Option<Moment>,
    /// The mark that we left when we told of it; `None` for the shop's own.
    pub mark: Option<String>,
}
