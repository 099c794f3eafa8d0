//! Telling a shop of parcels: by the order's lines, with carrier, number and address of the tracking, each parcel once.
//!
//! A fulfilment can carry no mark. So before one is made, its mark is noted on the order (a metafield that is ours), with the
//! fulfilments that the order has by then; the note is written only if nobody else wrote one meanwhile (`compareDigest`). A
//! call whose answer was lost finds its note, and the fulfilment that is not among those is its own. Where it is told anew
//! how a parcel can be followed, its note first takes the fulfilment's id, so that it is known whatever it shows then.

use super::answers::{IdPart, Nodes, Page, Payload, Written};
use super::call::{accepted, refused};
use super::order_answers::{FulfilmentPart, OrderPart};
use super::{NAMESPACE, Shopify, documents};
use crate::platform::{Failure, FulfilmentWrite, RemoteId, RemoteOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The metafield with the notes.
const PARCELS: &str = "parcels";
/// Parts the mark of a parcel from the number of its note: each location that sends some of it has one.
const PART: char = ' ';

/// What is noted on an order of the parcels that we told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Noted(BTreeMap<String, Note>);

/// One parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The fulfilments that were there before it was made.
    before: BTreeSet<RemoteId>,
    /// What is in it: the order's line and pieces.
    lines: BTreeMap<RemoteId, u32>,
    number: Option<String>,
    url: Option<String>,
    /// Its place among the notes that were ever written on the order.
    nth: usize,
    /// Which fulfilment it is, noted when that was told anew how to be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<RemoteId>,
}

impl Noted {
    /// Reads the metafield; what is not ours is none.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The mark of a fulfilment, if we made it.
    pub(super) fn mark_of(&self, fulfilment: &FulfilmentPart) -> Option<&str> {
        self.key_of(fulfilment)?.split(PART).next()
    }

    /// The note that a fulfilment is of. Where two parcels look the same, the later note knows of the earlier parcel.
    fn key_of(&self, fulfilment: &FulfilmentPart) -> Option<&str> {
        let own = self.0.iter().find(|(_, note)| note.told.as_ref() == Some(&fulfilment.id));
        if let Some((key, _)) = own {
            return Some(key);
        }
        let fitting = self.0.iter().filter(|(_, note)| note.told.is_none() && note.is(fulfilment));
        fitting.max_by_key(|(_, note)| (note.before.len(), note.nth)).map(|(key, _)| key.as_str())
    }
}

impl Note {
    fn is(&self, fulfilment: &FulfilmentPart) -> bool {
        let mut lines: BTreeMap<RemoteId, u32> = BTreeMap::new();
        for (line, pieces) in fulfilment.lines() {
            *lines.entry(line).or_default() += pieces;
        }
        let (number, url) = fulfilment.tracking();
        let same = |ours: Option<&str>, theirs: Option<&str>| ours.unwrap_or_default() == theirs.unwrap_or_default();
        !self.before.contains(&fulfilment.id)
            && lines == self.lines
            && same(self.number.as_deref(), number)
            && same(self.url.as_deref(), url)
    }
}

#[derive(Deserialize)]
struct ShippableAnswer {
    order: Option<ShippablePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippablePart {
    parcels: Option<DigestPart>,
    fulfillment_orders: Nodes<FulfilmentOrderPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DigestPart {
    value: String,
    compare_digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilmentOrderPart {
    id: RemoteId,
    status: String,
    assigned_location: AssignedPart,
    line_items: Nodes<EntryPart>,
}

#[derive(Deserialize)]
struct AssignedPart {
    location: Option<IdPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryPart {
    id: RemoteId,
    remaining_quantity: u32,
    line_item: IdPart,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntriesAnswer {
    fulfillment_order: Option<EntriesOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntriesOf {
    line_items: Nodes<EntryPart>,
}

/// What of a parcel one location sends: entries of its fulfilment orders, and the order's lines that they are of.
#[derive(Default)]
struct Share {
    entries: BTreeMap<RemoteId, Vec<(RemoteId, u32)>>,
    lines: BTreeMap<RemoteId, u32>,
}

impl Shopify {
    pub(super) async fn write_fulfilment(&self, parcel: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        let order = self.order_part(&parcel.order).await?;
        let (mut noted, mut digest, mut parts) = self.shippable(&parcel.order).await?;
        let is_ours = |key: &str| key.split(PART).next() == Some(&parcel.mark);
        let follows = |told: &&FulfilmentPart| told.can_be_followed_by(parcel);
        let known = |told: &&FulfilmentPart| noted.key_of(told).is_some_and(is_ours);
        let stale: Vec<_> = order.fulfillments.iter().filter(|told| known(told) && !follows(told)).collect();
        let was_stale = !stale.is_empty();
        if was_stale {
            self.track_anew(parcel, &stale, noted, digest).await?;
            (noted, digest, parts) = self.shippable(&parcel.order).await?;
        }
        let is_told = |key: &str| order.fulfillments.iter().any(|fulfilment| noted.key_of(fulfilment) == Some(key));
        let ours = noted.0.iter().filter(|(key, _)| is_ours(key));
        let (told, untold): (Vec<_>, Vec<_>) = ours.partition(|(key, _)| is_told(key));
        let mut left = pieces(parcel);
        for (line, pieces) in told.iter().flat_map(|(_, note)| &note.lines) {
            if let Some(left) = left.get_mut(line) {
                *left = left.saturating_sub(*pieces);
            }
        }
        left.retain(|_, pieces| *pieces > 0);
        if left.is_empty() && !told.is_empty() {
            return if was_stale { self.order(&parcel.order).await } else { taken(order) };
        }
        let mut fresh = noted.clone();
        // Notes whose parcel was never made begin anew: what lies where may have changed meanwhile.
        for (key, _) in untold {
            fresh.0.remove(key);
        }
        let before: BTreeSet<_> = order.fulfillments.iter().map(|fulfilment| fulfilment.id.clone()).collect();
        let shares = shares(parts, left)?;
        let next = noted.0.values().map(|note| note.nth + 1).max().unwrap_or_default();
        for (nth, share) in (next..).zip(shares.values()) {
            let (before, lines) = (before.clone(), share.lines.clone());
            let (number, url) = (parcel.number.clone(), parcel.url.clone());
            let note = Note { before, lines, number, url, nth, told: None };
            fresh.0.insert(format!("{}{PART}{nth}", parcel.mark), note);
        }
        self.note(&parcel.order, &fresh, digest).await?;
        for share in shares.values() {
            self.send(parcel, share).await?;
        }
        self.order(&parcel.order).await
    }

    /// The notes of an order with their digest, and what is still to be shipped from where.
    async fn shippable(&self, order: &RemoteId) -> Result<(Noted, Option<String>, Vec<FulfilmentOrderPart>), Failure> {
        let mut page = Page::begin();
        let mut parts = Vec::new();
        let mut field = None;
        while let Some(after) = page.next() {
            let variables = json!({ "id": order, "after": after });
            let answer: ShippableAnswer = self.ask(&documents::FULFILMENT_ORDERS, variables).await?;
            let part = answer.order.ok_or(Failure::Gone)?;
            field = field.or(part.parcels);
            parts.extend(page.take(part.fulfillment_orders));
        }
        for part in &mut parts {
            let mut page = Page::behind(&part.line_items.page_info);
            while let Some(after) = page.next() {
                let variables = json!({ "id": part.id, "after": after });
                let answer: EntriesAnswer = self.ask(&documents::FULFILMENT_ORDER_LINES, variables).await?;
                match answer.fulfillment_order {
                    Some(of) => part.line_items.nodes.extend(page.take(of.line_items)),
                    None => page.end(),
                }
            }
        }
        let noted = Noted::read(field.as_ref().map(|field| field.value.as_str()));
        Ok((noted, field.map(|field| field.compare_digest), parts))
    }

    async fn note(&self, order: &RemoteId, noted: &Noted, digest: Option<String>) -> Result<(), Failure> {
        let value =
            serde_json::to_string(noted).map_err(|_| Failure::Strange("notes that cannot be written".to_owned()))?;
        let field = json!({
            "ownerId": order, "namespace": NAMESPACE, "key": PARCELS, "type": "json", "value": value,
            // Null says that there must be none yet.
            "compareDigest": digest,
        });
        let answer: Payload = self.ask(&documents::METAFIELDS_SET, json!({ "metafields": [field] })).await?;
        let errors = answer.written()?.user_errors;
        if errors.iter().any(|error| error.is("STALE_OBJECT") || error.is("INVALID_COMPARE_DIGEST")) {
            return Err(Failure::Changed);
        }
        accepted("note of the parcel", &errors)
    }

    /// Says anew how parcels that are told already can be followed: first noted, so that a lost answer changes nothing.
    async fn track_anew(
        &self,
        parcel: &FulfilmentWrite,
        stale: &[&FulfilmentPart],
        mut noted: Noted,
        digest: Option<String>,
    ) -> Result<(), Failure> {
        for told in stale {
            let key = noted.key_of(told).map(str::to_owned);
            if let Some(note) = key.and_then(|key| noted.0.get_mut(&key)) {
                note.told = Some(told.id.clone());
                (note.number, note.url) = (parcel.number.clone(), parcel.url.clone());
            }
        }
        self.note(&parcel.order, &noted, digest).await?;
        for told in stale {
            let variables = json!({ "id": told.id, "tracking": tracking(parcel) });
            let answer: Payload = self.ask(&documents::FULFILMENT_TRACK, variables).await?;
            if let Some(error) = answer.written()?.user_errors.first() {
                return Err(refused("tracking", error));
            }
        }
        Ok(())
    }

    async fn send(&self, parcel: &FulfilmentWrite, share: &Share) -> Result<(), Failure> {
        let group = |(id, entries): (&RemoteId, &Vec<(RemoteId, u32)>)| {
            let entry = |(id, quantity): &(RemoteId, u32)| json!({ "id": id, "quantity": quantity });
            let entries: Vec<_> = entries.iter().map(entry).collect();
            json!({ "fulfillmentOrderId": id, "fulfillmentOrderLineItems": entries })
        };
        let groups: Vec<Value> = share.entries.iter().map(group).collect();
        let tracking = tracking(parcel);
        let mut input = json!({ "lineItemsByFulfillmentOrder": groups, "notifyCustomer": false });
        if let (false, Some(input)) = (tracking.is_empty(), input.as_object_mut()) {
            input.insert("trackingInfo".to_owned(), Value::Object(tracking));
        }
        let answer: Payload = self.ask(&documents::FULFILMENT_CREATE, json!({ "fulfillment": input })).await?;
        let Written { user_errors, .. } = answer.written()?;
        user_errors.first().map_or(Ok(()), |error| Err(refused("parcel", error)))
    }
}

/// How a parcel can be followed, as far as it is said.
fn tracking(parcel: &FulfilmentWrite) -> serde_json::Map<String, Value> {
    let said = [("company", &parcel.carrier), ("number", &parcel.number), ("url", &parcel.url)];
    said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))).collect()
}

fn taken(order: OrderPart) -> Result<RemoteOrder, Failure> {
    order.remote().map_err(|bad| Failure::Strange(format!("an order that cannot be read: {}", bad.problem)))
}

/// Pieces by line of the order.
fn pieces(parcel: &FulfilmentWrite) -> BTreeMap<RemoteId, u32> {
    let mut pieces = BTreeMap::new();
    for line in &parcel.lines {
        *pieces.entry(line.line.clone()).or_default() += line.quantity;
    }
    pieces
}

/// Shares the pieces out over what is open, by the order's own lines; Shopify takes parcels of one location only.
fn shares(
    parts: Vec<FulfilmentOrderPart>,
    mut left: BTreeMap<RemoteId, u32>,
) -> Result<BTreeMap<RemoteId, Share>, Failure> {
    let mut shares: BTreeMap<RemoteId, Share> = BTreeMap::new();
    let mut is_held = false;
    for part in parts {
        let is_open = matches!(part.status.as_str(), "OPEN" | "IN_PROGRESS");
        is_held |= matches!(part.status.as_str(), "ON_HOLD" | "SCHEDULED");
        for entry in part.line_items.nodes.iter().filter(|_| is_open) {
            let Some(wanted) = left.get_mut(&entry.line_item.id) else { continue };
            let now = (*wanted).min(entry.remaining_quantity);
            if now == 0 {
                continue;
            }
            *wanted -= now;
            let location = part.assigned_location.location.as_ref().map(|location| location.id.clone());
            let share = shares.entry(location.unwrap_or_else(|| part.id.clone())).or_default();
            share.entries.entry(part.id.clone()).or_default().push((entry.id.clone(), now));
            *share.lines.entry(entry.line_item.id.clone()).or_default() += now;
        }
    }
    if left.values().all(|pieces| *pieces == 0) && !shares.is_empty() {
        return Ok(shares);
    }
    let why = if is_held { "the shop holds this order back" } else { "the shop has fewer of these pieces to send" };
    Err(Failure::Refused(why.to_owned()))
}
