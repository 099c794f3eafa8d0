//! What endpoints can be told of: a closed list of names, and patterns that choose among them.

use bonded_base::{Id, Kind, Moment, id_text};
use bonded_ledger::{Entry, Headline, Plain};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::fmt;
use std::str::FromStr;

/// The event that [`super::send_test`] sends.
pub const TEST_EVENT: &str = "webhook_endpoint.test";

/// The kinds of records that endpoints are told of.
const KINDS: [Kind; 10] = [
    Kind::Order,
    Kind::PurchaseOrder,
    Kind::Product,
    Kind::Variant,
    Kind::InventoryLevel,
    Kind::Location,
    Kind::PartnerLink,
    Kind::Hold,
    Kind::Deletion,
    Kind::PrivacyRequest,
];

/// What was only looked at, which changes nothing.
const LOOKS: [&str; 2] = ["viewed", "searched"];

/// Every event that can be subscribed to by its name, and what it means.
pub const EVENT_TYPES: [(&str, &str); 45] = [
    ("order.placed", "An order was placed."),
    ("order.routed", "Each line of an order has gone to the partner that sells it."),
    ("order.followed", "An order follows what its suppliers have done: acknowledged, shipped, rejected."),
    ("order.cancelled", "All or part of an order was cancelled, or is asked to be."),
    ("order.completed", "An order was completed."),
    ("order.archived", "An order was put away."),
    ("order.forgotten", "The consumer of an order was forgotten for good."),
    ("purchase_order.posted", "A purchase order has come in."),
    ("purchase_order.acknowledged", "A purchase order was acknowledged."),
    ("purchase_order.rejected", "All or part of a purchase order was rejected."),
    ("purchase_order.shipped", "A parcel of a purchase order has left."),
    ("purchase_order.retracked", "It became known how a parcel can be followed."),
    ("purchase_order.cancelled", "All or part of a purchase order was cancelled by the retailer."),
    ("purchase_order.completed", "A purchase order was completed."),
    ("purchase_order.consumer_deleted", "The retailer had the consumer forgotten: delete what you copied of it."),
    ("product.created", "A product was created."),
    ("product.updated", "A product was changed."),
    ("product.removed", "A product was removed."),
    ("variant.created", "A variant was created."),
    ("variant.updated", "A variant was changed."),
    ("variant.removed", "A variant was removed."),
    ("inventory_level.counted", "A variant was counted at a location."),
    ("inventory_level.reserved", "Pieces were promised to a purchase order."),
    ("inventory_level.rejected", "A promise was taken back, since it was rejected."),
    ("inventory_level.cancelled", "A promise was taken back, since it was cancelled."),
    ("inventory_level.shipped", "Promised pieces have left."),
    ("inventory_level.removed", "A level went with its variant."),
    ("location.created", "A location was created."),
    ("location.updated", "A location was changed."),
    ("partner_link.invited", "A partner link was asked for."),
    ("partner_link.mirrored", "A partner has done something about a link."),
    ("partner_link.accepted", "A partner link was accepted."),
    ("partner_link.replaced", "Another link with the same partner took the place of this one."),
    ("partner_link.ended", "A partner link has ended."),
    ("hold.held", "Something could not go on by itself."),
    ("hold.retried", "What is held is tried again."),
    ("hold.resolved", "A hold was resolved."),
    ("deletion.asked", "Consumers are to be forgotten, once it is due."),
    ("deletion.cancelled", "A deletion was taken back in time."),
    ("deletion.begun", "A deletion has begun: it cannot be taken back any more."),
    ("deletion.destroyed", "The keys were destroyed; replicas of the keys are to confirm it."),
    ("deletion.certified", "Every replica has confirmed it, and the certificate is signed."),
    ("privacy_request.asked", "A platform asks something for a consumer's sake."),
    ("privacy_request.advanced", "What a platform asked goes on, or waits for orders to be closed."),
    ("privacy_request.done", "What a platform asked was done."),
];

/// There is no such event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events are named as in the list of event types: order.placed, order.*, *")]
pub struct NoSuchEvent;

/// Which events an endpoint is told of: `*`, all of a kind (`order.*`), or one (`order.placed`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventPattern {
    /// Everything.
    All,
    /// All that happens to records of this kind.
    Of(Kind),
    /// One event.
    One(&'static str),
}

impl EventPattern {
    /// Whether it chooses this event.
    pub fn chooses(&self, kind: Kind, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(of) => *of == kind,
            Self::One(one) => *one == event,
        }
    }
}

impl FromStr for EventPattern {
    type Err = NoSuchEvent;

    fn from_str(text: &str) -> Result<Self, NoSuchEvent> {
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(kind) = text.strip_suffix(".*") {
            return KINDS.into_iter().find(|known| known.name() == kind).map(Self::Of).ok_or(NoSuchEvent);
        }
        EVENT_TYPES.iter().find(|(name, _)| *name == text).map(|(name, _)| Self::One(name)).ok_or(NoSuchEvent)
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Of(kind) => write!(f, "{kind}.*"),
            Self::One(name) => f.write_str(name),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of what an entry tells: `order.placed`.
pub fn event_type(headline: &Headline) -> String {
    format!("{}.{}", headline.kind, headline.action)
}

/// Whether an entry is one that endpoints may be told of at all.
pub fn is_told(headline: &Headline) -> bool {
    is_of_interest(headline.kind, &headline.action) && headline.id != [0; 16]
}

/// Whether endpoints may be told when this is done to a record of this kind.
pub fn is_of_interest(kind: Kind, action: &str) -> bool {
    KINDS.contains(&kind) && !LOOKS.contains(&action)
}

/// The body of a message: what happened, and the record as it is now, as `/v1` shows it without a consumer; `None` where the
/// record is gone. Go by `version`: what happened later may be told of before.
pub fn told(entry: &Entry, now: Option<&Plain>) -> Value {
    let Entry { headline, said, .. } = entry;
    let before = |(field, change): (&String, &Value)| {
        let from = change.get(0).cloned().unwrap_or_default();
        (field.clone(), from)
    };
    let previous: Map<_, _> = said.set.iter().map(before).collect();
    json!({
        "type": event_type(headline),
        "timestamp": headline.at,
        "data": {
            "id": headline.subject(),
            "version": headline.version,
            "actor": headline.actor.to_string(),
            "object": now.and_then(object),
            "previous": previous,
        },
    })
}

/// The names of all fields of a record as they stand in a message: `order.lines`.
pub fn fields(body: &Value) -> Vec<String> {
    let object = body.pointer("/data/object").and_then(Value::as_object);
    let kind = object.and_then(|object| object.get("object")?.as_str()).unwrap_or_default();
    object.into_iter().flat_map(Map::keys).map(|field| format!("{kind}.{field}")).collect()
}

/// The body of a test.
pub fn test_body(at: Moment) -> Value {
    json!({"type": TEST_EVENT, "timestamp": at, "data": {"object": null, "previous": {}}})
}

fn object(now: &Plain) -> Option<Value> {
    let Value::Object(record) = serde_json::from_slice(&now.json).ok()? else { return None };
    let mut object = Map::new();
    object.insert("object".to_owned(), now.kind.name().into());
    object.insert("id".to_owned(), id_text(now.kind, now.id).into());
    object.insert("version".to_owned(), now.version.into());
    if now.kind.is_born_by_its_id() {
        object.insert(
            "created_at".to_owned(),
            Id::<bonded_base::Account>::from_bytes(now.id).born_at().to_string().into(),
        );
    }
    object.insert("updated_at".to_owned(), now.updated_at.to_string().into());
    object.extend(record);
    if now.kind == Kind::InventoryLevel {
        let pieces = |field: &str| object.get(field).and_then(Value::as_i64).unwrap_or(0);
        let available = pieces("on_hand").saturating_sub(pieces("reserved"));
        object.insert("available".to_owned(), available.into());
    }
    Some(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn patterns_are_read_and_written_and_choose() {
        for text in ["*", "order.*", "purchase_order.shipped"] {
            assert_eq!(text.parse::<EventPattern>().unwrap().to_string(), text);
        }
        for text in ["", "order", "order.", "order.lost", "session.*", "*.placed", "Order.*", "order.placed "] {
            assert_eq!(text.parse::<EventPattern>(), Err(NoSuchEvent), "{text}");
        }
        let chooses = |pattern: &str, kind, event| pattern.parse::<EventPattern>().unwrap().chooses(kind, event);
        assert!(chooses("*", Kind::Hold, "hold.held") && chooses("order.*", Kind::Order, "order.placed"));
        assert!(!chooses("order.*", Kind::PurchaseOrder, "purchase_order.posted"));
        assert!(chooses("order.placed", Kind::Order, "order.placed"));
        assert!(!chooses("order.placed", Kind::Order, "order.routed"));
    }

    #[test]
    fn every_event_is_of_a_kind_that_is_told_and_there_once() {
        let names: HashSet<_> = EVENT_TYPES.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), EVENT_TYPES.len());
        for (name, _) in EVENT_TYPES {
            let kind = name.split_once('.').and_then(|(kind, _)| Kind::from_name(kind)).unwrap();
            assert!(KINDS.contains(&kind), "{name}");
        }
    }
}
