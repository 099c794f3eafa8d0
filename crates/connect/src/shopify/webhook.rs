//! Webhooks: is it Shopify that speaks, and of which thing? The body is read for ids alone and never kept.
//!
//! Source: `shopify.dev/docs/apps/build/webhooks/subscribe/https`. The signature is the base64 HMAC-SHA256 of the raw body under
//! the app's secret. Webhooks come twice, late, out of order or not at all, so a notice says only what to look at.

use crate::platform::RemoteId;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bonded_base::{Moment, Secret};
use serde::Deserialize;

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-shopify-hmac-sha256";
/// The header with the topic.
pub const TOPIC_HEADER: &str = "x-shopify-topic";
/// The header with the shop's name.
pub const SHOP_HEADER: &str = "x-shopify-shop-domain";
/// The header that is the same for every copy of one event.
pub const EVENT_HEADER: &str = "x-shopify-event-id";
/// The header with the time of the event.
pub const TRIGGERED_HEADER: &str = "x-shopify-triggered-at";
/// Bytes of an event's id at most.
const EVENT_BYTES_MAX: usize = 128;

/// Whether Shopify signed this body for our app. `signature` is the header's value; every secret that may still sign is tried, so
/// that one can be replaced by the next. Takes the same time whatever is wrong.
pub fn is_genuine(body: &[u8], signature: &str, secrets: &[Secret<String>]) -> bool {
    STANDARD.decode(signature).is_ok_and(|signature| is_signed(body, &signature, secrets))
}

pub(super) fn is_signed(text: &[u8], signature: &[u8], secrets: &[Secret<String>]) -> bool {
    let under = |secret: &Secret<String>| {
        !secret.expose().is_empty()
            && verify(&Key::new(HMAC_SHA256, secret.expose().as_bytes()), text, signature).is_ok()
    };
    secrets.iter().fold(false, |found, secret| under(secret) | found)
}

/// What Shopify tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A consumer ordered.
    OrderCreated,
    /// An order changed.
    OrderUpdated,
    /// An order was cancelled.
    OrderCancelled,
    /// A parcel left.
    FulfilmentCreated,
    /// A parcel changed, or how it can be followed.
    FulfilmentUpdated,
    /// Money went back, and perhaps pieces were dropped.
    RefundCreated,
    /// A product is new.
    ProductCreated,
    /// A product changed.
    ProductUpdated,
    /// A product is gone.
    ProductDeleted,
    /// Stock changed.
    LevelUpdated,
    /// Our app was thrown out.
    Uninstalled,
    /// A consumer asks what is kept of them.
    DataRequest,
    /// A consumer is to be forgotten.
    Redact,
    /// A whole shop is to be forgotten.
    ShopRedact,
}

/// Each topic: as the header has it, as subscriptions have it (none for those that an app declares once for all shops), and
/// the fields of the body that we ask for.
type Named = (Topic, &'static str, Option<&'static str>, &'static [&'static str]);

const TOPICS: [Named; 14] = [
    (Topic::OrderCreated, "orders/create", Some("ORDERS_CREATE"), &["id"]),
    (Topic::OrderUpdated, "orders/updated", Some("ORDERS_UPDATED"), &["id"]),
    (Topic::OrderCancelled, "orders/cancelled", Some("ORDERS_CANCELLED"), &["id"]),
    (Topic::FulfilmentCreated, "fulfillments/create", Some("FULFILLMENTS_CREATE"), &["id", "order_id"]),
    (Topic::FulfilmentUpdated, "fulfillments/update", Some("FULFILLMENTS_UPDATE"), &["id", "order_id"]),
    (Topic::RefundCreated, "refunds/create", Some("REFUNDS_CREATE"), &["id", "order_id"]),
    (Topic::ProductCreated, "products/create", Some("PRODUCTS_CREATE"), &["id"]),
    (Topic::ProductUpdated, "products/update", Some("PRODUCTS_UPDATE"), &["id"]),
    (Topic::ProductDeleted, "products/delete", Some("PRODUCTS_DELETE"), &["id"]),
    (
        Topic::LevelUpdated,
        "inventory_levels/update",
        Some("INVENTORY_LEVELS_UPDATE"),
        &["inventory_item_id", "location_id"],
    ),
    (Topic::Uninstalled, "app/uninstalled", Some("APP_UNINSTALLED"), &["id"]),
    (Topic::DataRequest, "customers/data_request", None, &[]),
    (Topic::Redact, "customers/redact", None, &[]),
    (Topic::ShopRedact, "shop/redact", None, &[]),
];

impl Topic {
    /// The topic of the header [`TOPIC_HEADER`].
    pub fn of(header: &str) -> Option<Self> {
        TOPICS.iter().find(|(_, name, ..)| *name == header).map(|(topic, ..)| *topic)
    }

    /// Topics that a shop is subscribed to, as the API names them, with the fields that each is asked to bring.
    pub(super) fn subscribed() -> impl Iterator<Item = (Self, &'static str, &'static [&'static str])> {
        TOPICS.iter().filter_map(|(topic, _, name, fields)| Some((*topic, (*name)?, *fields)))
    }

    /// The scope without which Shopify tells nothing of it.
    pub(super) const fn scope(self) -> Option<&'static str> {
        match self {
            Self::OrderCreated
            | Self::OrderUpdated
            | Self::OrderCancelled
            | Self::FulfilmentCreated
            | Self::FulfilmentUpdated
            | Self::RefundCreated => Some("read_orders"),
            Self::ProductCreated | Self::ProductUpdated | Self::ProductDeleted => Some("read_products"),
            Self::LevelUpdated => Some("read_inventory"),
            Self::Uninstalled | Self::DataRequest | Self::Redact | Self::ShopRedact => None,
        }
    }
}

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This order, as it is now.
    Order(RemoteId),
    /// This product, as it is now.
    Product(RemoteId),
    /// What lies of this item at this location. [`super::Shopify::variants_of`] says which variants it is.
    Level {
        /// The inventory item.
        item: RemoteId,
        /// Where.
        location: RemoteId,
    },
    /// The consumers of these orders; perhaps none.
    Consumers(Vec<RemoteId>),
    /// The shop as a whole.
    Shop,
}

/// What a webhook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for every copy: with shop and topic, what copies are known by.
    pub event: String,
    /// Which sort.
    pub topic: Topic,
    /// When it happened there; an older one than the last is stale.
    pub triggered_at: Option<Moment>,
    /// What to look at.
    pub subject: Subject,
}

/// Why a webhook cannot be taken, though it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNotice {
    /// Not one of ours.
    #[error("this topic is not one that Bonded listens to")]
    Topic,
    /// No id of the event.
    #[error("the webhook does not say which event it is about")]
    Event,
    /// No ids in the body.
    #[error("the body does not say which thing it is about")]
    Body,
}

/// All that is read of any body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ids {
    id: Option<u64>,
    order_id: Option<u64>,
    inventory_item_id: Option<u64>,
    location_id: Option<u64>,
    orders_to_redact: Vec<u64>,
    orders_requested: Vec<u64>,
}

impl Notice {
    /// Reads a webhook whose signature was found good. `header` gives a header's value by its lower-case name.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Result<Self, BadNotice> {
        let topic = header(TOPIC_HEADER).and_then(Topic::of).ok_or(BadNotice::Topic)?;
        let event = header(EVENT_HEADER).filter(|event| !event.is_empty() && event.len() <= EVENT_BYTES_MAX);
        let event = event.ok_or(BadNotice::Event)?.to_owned();
        let triggered_at = header(TRIGGERED_HEADER).and_then(|moment| moment.parse().ok());
        let ids: Ids = serde_json::from_slice(body).map_err(|_| BadNotice::Body)?;
        let subject = ids.subject(topic).ok_or(BadNotice::Body)?;
        Ok(Self { event, topic, triggered_at, subject })
    }
}

impl Ids {
    fn subject(&self, topic: Topic) -> Option<Subject> {
        let of = |kind: &str, id: u64| RemoteId::new(format!("gid://shopify/{kind}/{id}"));
        let orders = |ids: &[u64]| Subject::Consumers(ids.iter().map(|id| of("Order", *id)).collect());
        Some(match topic {
            Topic::OrderCreated | Topic::OrderUpdated | Topic::OrderCancelled => Subject::Order(of("Order", self.id?)),
            Topic::FulfilmentCreated | Topic::FulfilmentUpdated | Topic::RefundCreated => {
                Subject::Order(of("Order", self.order_id?))
            }
            Topic::ProductCreated | Topic::ProductUpdated | Topic::ProductDeleted => {
                Subject::Product(of("Product", self.id?))
            }
            Topic::LevelUpdated => Subject::Level {
                item: of("InventoryItem", self.inventory_item_id?),
                location: of("Location", self.location_id?),
            },
            Topic::Redact => orders(&self.orders_to_redact),
            Topic::DataRequest => orders(&self.orders_requested),
            Topic::Uninstalled | Topic::ShopRedact => Subject::Shop,
        })
    }
}
