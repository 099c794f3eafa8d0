//! How the shop's things answer the fields that the schema gives them.
//!
//! Each object is a [`Seen`]: what it is, and the shop around it. Plain parts (an amount, a tracking number) are JSON whose
//! type the schema knows. The executor checks every answer against the schema: a null or an enum's value that may not be
//! is an error of the shop's, seen by the test.

use crate::connection::{Page, page};
use crate::facts::fact;
use crate::state::{Metafields, Order, State, gid, read_gid};
use crate::{bulk, mutate, scopes};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};

/// What one execution shares.
pub struct World<'a> {
    pub state: RefCell<&'a mut State>,
    pub variables: &'a Map<String, Value>,
    pub version: &'a str,
    /// Objects that were answered.
    pub objects: Cell<u64>,
    /// Do connections answer all that they have?
    pub is_bulk: bool,
    /// Where results of bulk operations can be fetched: `https://host:port`.
    pub base: &'a str,
}

/// One thing of the shop's.
#[derive(Clone, Debug)]
pub enum Thing {
    Query,
    Mutation,
    Product(u64),
    Variant(u64),
    Media(u64, usize),
    Item(u64),
    Level(u64, u64),
    Location(u64),
    Order(u64),
    Line(u64, u64),
    FulfilmentOrder(u64, u64),
    /// Order, fulfilment order, entry.
    FulfilmentOrderLine(u64, u64, u64),
    Fulfilment(u64, u64),
    /// Order, fulfilment, line.
    FulfilmentLine(u64, u64, u64),
    Subscription(u64),
    Bulk(u64),
    /// Its type, and what it says.
    Plain(String, Map<String, Value>),
    Connection(Box<Page>),
    Edge(String, Box<Thing>, String),
}

/// A thing, with the shop around it.
pub struct Seen<'a> {
    pub world: &'a World<'a>,
    pub thing: Thing,
}

/// What a field answers.
pub enum Found {
    Json(Value),
    One(Option<Thing>),
    Many(Vec<Thing>),
    Each(Vec<Option<Thing>>),
}

impl Thing {
    /// The schema's name of its type.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Query => "QueryRoot",
            Self::Mutation => "Mutation",
            Self::Product(_) => "Product",
            Self::Variant(_) => "ProductVariant",
            Self::Media(..) => "MediaImage",
            Self::Item(_) => "InventoryItem",
            Self::Level(..) => "InventoryLevel",
            Self::Location(_) => "Location",
            Self::Order(_) => "Order",
            Self::Line(..) => "LineItem",
            Self::FulfilmentOrder(..) => "FulfillmentOrder",
            Self::FulfilmentOrderLine(..) => "FulfillmentOrderLineItem",
            Self::Fulfilment(..) => "Fulfillment",
            Self::FulfilmentLine(..) => "FulfillmentLineItem",
            Self::Subscription(_) => "WebhookSubscription",
            Self::Bulk(_) => "BulkOperation",
            Self::Plain(name, _) | Self::Edge(name, ..) => name,
            Self::Connection(page) => &page.type_name,
        }
    }

    /// Its id, where it has one of its own.
    pub fn id(&self) -> String {
        match self {
            Self::Product(id)
            | Self::Variant(id)
            | Self::Item(id)
            | Self::Location(id)
            | Self::Order(id)
            | Self::Subscription(id)
            | Self::Bulk(id)
            | Self::Line(_, id)
            | Self::FulfilmentOrder(_, id)
            | Self::FulfilmentOrderLine(_, _, id)
            | Self::Fulfilment(_, id) => gid(self.type_name(), *id),
            Self::FulfilmentLine(_, fulfilment, line) => gid(self.type_name(), fulfilment * 100_000 + line),
            Self::Media(product, place) => gid(self.type_name(), product * 1_000 + *place as u64),
            Self::Level(item, location) => format!("{}?inventory_item_id={item}", gid("InventoryLevel", *location)),
            _ => String::new(),
        }
    }
}

impl ObjectValue for Seen<'_> {
    fn type_name(&self) -> &str {
        self.thing.type_name()
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let found = self.found(info)?;
        let one = move |thing: Thing| {
            self.world.objects.set(self.world.objects.get() + 1);
            ResolvedValue::object(Seen { world: self.world, thing })
        };
        Ok(match found {
            Found::Json(value) => self.plain(info.field_definition().ty.inner_named_type().as_str(), value, info),
            Found::One(None) => ResolvedValue::null(),
            Found::One(Some(thing)) => one(thing),
            Found::Many(things) => ResolvedValue::list(things.into_iter().map(one)),
            Found::Each(things) => {
                ResolvedValue::list(things.into_iter().map(move |thing| thing.map_or_else(ResolvedValue::null, one)))
            }
        })
    }
}

impl Seen<'_> {
    fn plain<'a>(&'a self, type_name: &str, value: Value, info: &ResolveInfo<'_>) -> ResolvedValue<'a> {
        let is_object = info.schema().get_object(type_name).is_some();
        match value {
            Value::Object(map) if is_object => {
                self.world.objects.set(self.world.objects.get() + 1);
                ResolvedValue::object(Seen { world: self.world, thing: Thing::Plain(type_name.to_owned(), map) })
            }
            Value::Array(list) if is_object => {
                let type_name = type_name.to_owned();
                ResolvedValue::list(list.into_iter().map(move |entry| {
                    let map = entry.as_object().cloned().unwrap_or_default();
                    ResolvedValue::object(Seen { world: self.world, thing: Thing::Plain(type_name.clone(), map) })
                }))
            }
            Value::Array(list) => ResolvedValue::list(list.into_iter().map(ResolvedValue::leaf)),
            leaf => ResolvedValue::leaf(leaf),
        }
    }

    fn found(&self, info: &ResolveInfo<'_>) -> Result<Found, FieldError> {
        let field = info.field_name();
        scopes::check(&self.world.state.borrow(), self.thing.type_name(), field)?;
        if let Thing::Mutation = self.thing {
            return mutate::carry_out(self.world, info).map(Found::Json);
        }
        if let Thing::Plain(_, map) = &self.thing {
            // A payload names the thing that it made by its id.
            let value = map.get(field).cloned().unwrap_or(Value::Null);
            return Ok(match value.get("$thing").and_then(Value::as_str) {
                Some(id) => Found::One(find(&self.world.state.borrow(), id)),
                None => Found::Json(value),
            });
        }
        let state = self.world.state.borrow();
        let found = match &self.thing {
            Thing::Query => {
                drop(state);
                return self.query(info);
            }
            Thing::Connection(page) => page.field(field),
            Thing::Edge(_, node, cursor) => match field {
                "node" => Some(Found::One(Some((**node).clone()))),
                _ => Some(Found::Json(json!(cursor))),
            },
            thing if field == "id" => Some(Found::Json(json!(thing.id()))),
            thing => self.of_thing(&state, thing, info)?,
        };
        found.ok_or_else(|| self.unknown_field_error(info))
    }

    fn of_thing(&self, state: &State, thing: &Thing, info: &ResolveInfo<'_>) -> Result<Option<Found>, FieldError> {
        if let Some(things) = children(state, thing, info.field_name()) {
            let nodes = info.field_definition().ty.inner_named_type().as_str();
            return if nodes.ends_with("Connection") {
                page(self.world, state, info, things).map(|page| Some(Found::One(Some(Thing::Connection(page.into())))))
            } else {
                let first = info.arguments().get("first").and_then(JsonValue::as_u64).unwrap_or(u64::MAX);
                Ok(Some(Found::Many(things.into_iter().take(usize::try_from(first).unwrap_or(usize::MAX)).collect())))
            };
        }
        if info.field_name() == "metafield" {
            return Ok(Some(Found::Json(metafield(state, thing, info))));
        }
        Ok(fact(state, thing, self.world.base, info))
    }

    fn query(&self, info: &ResolveInfo<'_>) -> Result<Found, FieldError> {
        let state = self.world.state.borrow();
        let argument = |name: &str| info.arguments().get(name).and_then(JsonValue::as_str);
        let everything: Option<Vec<Thing>> = match info.field_name() {
            "products" => Some(state.products.keys().copied().map(Thing::Product).collect()),
            "orders" => Some(state.orders.keys().copied().map(Thing::Order).collect()),
            "locations" => Some(state.locations.keys().copied().map(Thing::Location).collect()),
            "webhookSubscriptions" => Some(state.subscriptions.keys().copied().map(Thing::Subscription).collect()),
            _ => None,
        };
        if let Some(things) = everything {
            return page(self.world, &state, info, things).map(|page| Found::One(Some(Thing::Connection(page.into()))));
        }
        Ok(match info.field_name() {
            "shop" => Found::Json(json!({
                "name": "Counterpart", "currencyCode": state.currency, "myshopifyDomain": state.domain,
            })),
            "currentAppInstallation" => {
                let scopes: Vec<_> = state.scopes.iter().map(|scope| json!({ "handle": scope })).collect();
                Found::Json(json!({ "accessScopes": scopes }))
            }
            "productsCount" => Found::Json(json!({ "count": state.products.len(), "precision": "EXACT" })),
            "node" | "product" | "order" | "location" | "inventoryItem" | "fulfillment" | "fulfillmentOrder" => {
                Found::One(argument("id").and_then(|id| find(&state, id)))
            }
            "bulkOperation" => {
                let id = argument("id").and_then(read_gid).map(|(_, id)| id);
                drop(state);
                let mut state = self.world.state.borrow_mut();
                Found::One(id.and_then(|id| bulk::goes_on(&mut state, id)).map(Thing::Bulk))
            }
            "job" => Found::Json(json!({ "id": argument("id"), "done": true })),
            "nodes" => {
                let ids = info.arguments().get("ids").and_then(|ids| ids.as_array()).into_iter().flatten();
                Found::Each(ids.map(|id| id.as_str().and_then(|id| find(&state, id))).collect())
            }
            "productByIdentifier" | "orderByIdentifier" => {
                let custom = info.arguments().get("identifier").and_then(|identifier| identifier.get("customId"));
                let part = |name: &str| custom.and_then(|custom| custom.get(name)).and_then(|part| part.as_str());
                let place = format!("{}/{}", part("namespace").unwrap_or("$app"), part("key").unwrap_or_default());
                let value = part("value").unwrap_or_default();
                let has = |fields: &Metafields| fields.get(&place).is_some_and(|found| found == value);
                Found::One(if info.field_name() == "orderByIdentifier" {
                    let found = state.orders.iter().find(|(_, order)| has(&order.metafields));
                    found.map(|(id, _)| Thing::Order(*id))
                } else {
                    let found = state.products.iter().find(|(_, product)| has(&product.metafields));
                    found.map(|(id, _)| Thing::Product(*id))
                })
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

/// The thing of this id, if it is there.
pub fn find(state: &State, id: &str) -> Option<Thing> {
    let (kind, id) = read_gid(id)?;
    let order_of = |has: &dyn Fn(&Order) -> bool| state.orders.iter().find(|(_, order)| has(order)).map(|(id, _)| *id);
    match kind {
        "Product" => state.products.contains_key(&id).then_some(Thing::Product(id)),
        "ProductVariant" => state.variants.contains_key(&id).then_some(Thing::Variant(id)),
        "InventoryItem" => state.variants.contains_key(&id).then_some(Thing::Item(id)),
        "Location" => state.locations.contains_key(&id).then_some(Thing::Location(id)),
        "Order" => state.orders.contains_key(&id).then_some(Thing::Order(id)),
        "WebhookSubscription" => state.subscriptions.contains_key(&id).then_some(Thing::Subscription(id)),
        "BulkOperation" => state.bulks.contains_key(&id).then_some(Thing::Bulk(id)),
        "Fulfillment" => order_of(&|order| order.fulfilments.iter().any(|parcel| parcel.id == id))
            .map(|order| Thing::Fulfilment(order, id)),
        "FulfillmentOrder" => order_of(&|order| order.fulfilment_orders.iter().any(|part| part.id == id))
            .map(|order| Thing::FulfilmentOrder(order, id)),
        _ => None,
    }
}

/// The things that a field of a thing lists.
fn children(state: &State, thing: &Thing, field: &str) -> Option<Vec<Thing>> {
    Some(match (thing, field) {
        (Thing::Product(id), "variants") => {
            state.products.get(id)?.variants.iter().copied().map(Thing::Variant).collect()
        }
        (Thing::Product(id), "media") => {
            (0..state.products.get(id)?.media.len()).map(|place| Thing::Media(*id, place)).collect()
        }
        (Thing::Item(id), "variants") => vec![Thing::Variant(*id)],
        (Thing::Item(id), "inventoryLevels") => {
            let levels = state.levels.keys().filter(|(item, _)| item == id);
            levels.map(|(item, location)| Thing::Level(*item, *location)).collect()
        }
        (Thing::Location(id), "inventoryLevels") => {
            let levels = state.levels.keys().filter(|(_, location)| location == id);
            levels.map(|(item, location)| Thing::Level(*item, *location)).collect()
        }
        (Thing::Order(id), "lineItems") => {
            state.orders.get(id)?.lines.iter().map(|line| Thing::Line(*id, line.id)).collect()
        }
        (Thing::Order(id), "fulfillments") => {
            state.orders.get(id)?.fulfilments.iter().map(|parcel| Thing::Fulfilment(*id, parcel.id)).collect()
        }
        (Thing::Order(id), "fulfillmentOrders") => {
            let parts = state.orders.get(id)?.fulfilment_orders.iter();
            parts.map(|part| Thing::FulfilmentOrder(*id, part.id)).collect()
        }
        (Thing::FulfilmentOrder(order, id), "lineItems") => {
            let part = state.orders.get(order)?.fulfilment_orders.iter().find(|part| part.id == *id)?;
            part.lines.iter().map(|(entry, ..)| Thing::FulfilmentOrderLine(*order, *id, *entry)).collect()
        }
        (Thing::Fulfilment(order, id), "fulfillmentLineItems") => {
            let parcel = state.orders.get(order)?.fulfilments.iter().find(|parcel| parcel.id == *id)?;
            parcel.lines.iter().map(|(line, _)| Thing::FulfilmentLine(*order, *id, *line)).collect()
        }
        _ => return None,
    })
}

fn metafield(state: &State, thing: &Thing, info: &ResolveInfo<'_>) -> Value {
    let argument = |name: &str| info.arguments().get(name).and_then(JsonValue::as_str);
    let fields = match thing {
        Thing::Product(id) => state.products.get(id).map(|product| &product.metafields),
        Thing::Variant(id) => state.variants.get(id).map(|variant| &variant.metafields),
        Thing::Order(id) => state.orders.get(id).map(|order| &order.metafields),
        _ => None,
    };
    let place = format!("{}/{}", argument("namespace").unwrap_or("$app"), argument("key").unwrap_or_default());
    let value = fields.and_then(|fields| fields.get(&place));
    value.map_or(Value::Null, |value| json!({ "value": value, "compareDigest": digest(value) }))
}

/// Two values have the same one only if they are the same.
pub fn digest(value: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.as_bytes());
    STANDARD.encode(digest)
}
