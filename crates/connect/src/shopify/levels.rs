//! Stock: read by location or by variant, written only from what it was, and never twice.

use super::answers::{IdPart, Nodes, Page, PageInfo, Payload, changed_since};
use super::call::{UserError, refused};
use super::{Shopify, documents};
use crate::platform::{Failure, LevelWrite, RemoteId, RemoteLevel, RemotePage, Since, Unreadable};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Moment, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Variants of one call that reads their stock, so that it costs less than a query may.
const READ_PER_CALL: usize = 10;
/// Levels of one call that writes them.
const WRITTEN_PER_CALL: usize = 100;
/// Items whose variants one call asks for: each costs 13 points, and a call has 1,000 at most.
const ITEMS_PER_CALL: usize = 50;
/// Pieces at most: what Shopify takes (`INVALID_QUANTITY_TOO_HIGH`).
const PIECES_MAX: i64 = 1_000_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationAnswer {
    location: Option<LevelsOf<LevelOfLocation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: serde::de::DeserializeOwned")]
struct LevelsOf<T> {
    inventory_levels: Nodes<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelOfLocation {
    updated_at: Moment,
    item: ItemOfLevel,
    quantities: Vec<Quantity>,
}

#[derive(Deserialize)]
struct ItemOfLevel {
    sku: Option<String>,
    variants: Option<VariantIds>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantIds {
    nodes: Vec<IdPart>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Quantity {
    name: String,
    quantity: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelOfItem {
    updated_at: Moment,
    location: IdPart,
    quantities: Vec<Quantity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantWithLevels {
    id: RemoteId,
    sku: Option<String>,
    inventory_item: ItemWithLevels,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemWithLevels {
    id: RemoteId,
    inventory_levels: Nodes<LevelOfItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemAnswer {
    inventory_item: Option<LevelsOf<LevelOfItem>>,
}

#[derive(Deserialize)]
struct NodesOf<T> {
    nodes: Vec<Option<T>>,
}

fn available(quantities: &[Quantity]) -> Option<i64> {
    quantities.iter().find(|quantity| quantity.name == "available").map(|quantity| quantity.quantity)
}

impl Shopify {
    /// One page of one location after the other: the cursor is the location and the place in its list.
    pub(super) async fn read_levels_since(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        use crate::platform::Platform as _;
        let mut locations: Vec<_> = self.locations().await?.into_iter().filter(|place| place.active).collect();
        locations.sort_by(|one, other| one.id.cmp(&other.id));
        let (from, after) = match since.cursor.as_deref().map(|cursor| cursor.split_once('|').unwrap_or((cursor, ""))) {
            Some((location, after)) => (Some(RemoteId::new(location)), Some(after).filter(|after| !after.is_empty())),
            None => (None, None),
        };
        let mut left =
            locations.iter().map(|place| &place.id).filter(|id| from.as_ref().is_none_or(|from| *id >= from));
        let Some(location) = left.next() else { return Ok(RemotePage { items: Vec::new(), next: None }) };
        // A location that went away meanwhile leaves no place in its list.
        let after = after.filter(|_| from.as_ref() == Some(location));
        let variables = json!({ "location": location, "after": after, "query": changed_since(since.updated_at) });
        let answer: LocationAnswer = self.ask(&documents::LEVELS_OF_LOCATION, variables).await?;
        let next_location = left.next().map(ToString::to_string);
        let Some(of) = answer.location else { return Ok(RemotePage { items: Vec::new(), next: next_location }) };
        let next = of.inventory_levels.page_info.next().map(|after| format!("{location}|{after}"));
        let mut items = Vec::new();
        for level in of.inventory_levels.nodes {
            items.extend(level.remote(location));
        }
        Ok(RemotePage { items, next: next.or(next_location) })
    }

    pub(super) async fn read_levels(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure> {
        let mut levels = Vec::new();
        for ids in variants.chunks(READ_PER_CALL) {
            let answer: NodesOf<Value> = self.ask(&documents::LEVELS_OF_VARIANTS, json!({ "ids": ids })).await?;
            for node in answer.nodes.into_iter().flatten().filter(|node| !super::products::is_nothing(node)) {
                let of: VariantWithLevels = serde_json::from_value(node)
                    .map_err(|_| Failure::Strange("stock otherwise than described".to_owned()))?;
                let item = of.inventory_item;
                let mut page = Page::behind(&item.inventory_levels.page_info);
                let mut found = item.inventory_levels.nodes;
                while let Some(after) = page.next() {
                    let variables = json!({ "id": item.id, "after": after });
                    let answer: ItemAnswer = self.ask(&documents::LEVELS_OF_ITEM, variables).await?;
                    match answer.inventory_item {
                        Some(of) => found.extend(page.take(of.inventory_levels)),
                        None => page.end(),
                    }
                }
                levels.extend(found.into_iter().filter_map(|level| {
                    Some(RemoteLevel {
                        variant: of.id.clone(),
                        sku: of.sku.clone(),
                        location: level.location.id,
                        available: available(&level.quantities)?,
                        updated_at: Some(level.updated_at),
                    })
                }));
            }
        }
        Ok(levels)
    }

    /// Which variants have these inventory items, which is all that a webhook about stock names.
    pub async fn variants_of(&self, items: &[RemoteId]) -> Result<Vec<RemoteId>, Failure> {
        #[derive(Deserialize)]
        struct ItemPart {
            #[serde(default)]
            variants: Option<VariantIds>,
        }
        let mut found = Vec::new();
        for ids in items.chunks(ITEMS_PER_CALL) {
            let answer: NodesOf<ItemPart> = self.ask(&documents::VARIANTS_OF_ITEMS, json!({ "ids": ids })).await?;
            for variants in answer.nodes.into_iter().flatten().filter_map(|item| item.variants) {
                if variants.page_info.has_next_page {
                    return Err(Failure::Strange("an item of more variants than we look at".to_owned()));
                }
                found.extend(variants.nodes.into_iter().map(|variant| variant.id));
            }
        }
        Ok(found)
    }
}

impl LevelOfLocation {
    /// A level for each variant that has the item.
    fn remote(self, location: &RemoteId) -> Vec<Result<RemoteLevel, Unreadable>> {
        let variants = self.item.variants.unwrap_or(VariantIds {
            nodes: Vec::new(),
            page_info: PageInfo { has_next_page: false, end_cursor: None },
        });
        let pieces = available(&self.quantities);
        let unreadable = |id: RemoteId, pointer: &str, why: &'static str| {
            Err(Unreadable { id, problem: Problem::invalid(pointer, why), updated_at: Some(self.updated_at) })
        };
        if variants.page_info.has_next_page {
            let id = variants.nodes.into_iter().next().map_or_else(|| location.clone(), |variant| variant.id);
            return vec![unreadable(id, "/item/variants", "more variants share this stock than we look at")];
        }
        let level = |variant: IdPart| match pieces {
            Some(available) => Ok(RemoteLevel {
                variant: variant.id,
                sku: self.item.sku.clone(),
                location: location.clone(),
                available,
                updated_at: Some(self.updated_at),
            }),
            None => unreadable(variant.id, "/quantities", "the shop does not say how many can be sold"),
        };
        variants.nodes.into_iter().map(level).collect()
    }
}

/// A level that is still to be written, and how it went.
struct Pending<'a> {
    write: &'a LevelWrite,
    item: RemoteId,
    /// Its place among those that were given.
    place: usize,
}

impl Shopify {
    pub(super) async fn write_levels(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        let mut outcomes = Vec::with_capacity(levels.len());
        for levels in levels.chunks(WRITTEN_PER_CALL) {
            outcomes.extend(self.write_some(levels).await?);
        }
        Ok(outcomes)
    }

    /// All or nothing is Shopify's rule, so those that it refuses are taken out and the others written again.
    async fn write_some(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        let items = self.items_of(levels).await?;
        let mut outcomes: Vec<Result<i64, Failure>> = levels.iter().map(|level| Ok(level.available)).collect();
        let mut pending = Vec::new();
        for (place, (write, outcome)) in levels.iter().zip(&mut outcomes).enumerate() {
            match items.get(&write.variant) {
                _ if write.available.abs() > PIECES_MAX => {
                    *outcome = Err(Failure::Refused("more pieces than the shop counts".to_owned()));
                }
                Some(item) => pending.push(Pending { write, item: item.clone(), place }),
                None => *outcome = Err(Failure::Gone),
            }
        }
        let mut again = 0;
        while !pending.is_empty() {
            let errors = self.set(&pending, again).await?;
            if errors.is_empty() {
                break;
            }
            // The key of an attempt that failed answers that it failed, for as long as Shopify remembers.
            if errors.iter().any(|error| error.is("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")) && again < AGAIN_MAX {
                again += 1;
                continue;
            }
            let mut ended = HashMap::new();
            for error in &errors {
                let place = error.place("quantities").filter(|place| *place < pending.len());
                let Some(place) = place else { return Err(of_call(error)) };
                if !ended.contains_key(&place)
                    && let Some(level) = pending.get(place)
                {
                    ended.insert(place, self.ended(level, error).await?);
                }
            }
            let mut place = 0;
            pending.retain(|level| {
                let outcome = ended.remove(&place);
                place += 1;
                let Some(outcome) = outcome else { return true };
                if let Some(slot) = outcomes.get_mut(level.place) {
                    *slot = outcome;
                }
                false
            });
        }
        Ok(outcomes)
    }

    /// What becomes of a level that was refused.
    async fn ended(&self, level: &Pending<'_>, error: &UserError) -> Result<Result<i64, Failure>, Failure> {
        Ok(match error.code.as_deref() {
            Some("CHANGE_FROM_QUANTITY_STALE" | "COMPARE_QUANTITY_STALE") => Err(Failure::Changed),
            Some("ITEM_NOT_STOCKED_AT_LOCATION") => self.activate(level).await?,
            Some("INVALID_INVENTORY_ITEM" | "INVALID_LOCATION") => Err(Failure::Gone),
            _ => Err(refused("stock", error)),
        })
    }

    async fn set(&self, pending: &[Pending<'_>], again: u32) -> Result<Vec<UserError>, Failure> {
        let quantity = |level: &Pending<'_>| {
            json!({
                "inventoryItemId": level.item,
                "locationId": level.write.location,
                "quantity": level.write.available,
                // Null must be said: it means that nothing is compared.
                "changeFromQuantity": level.write.was,
            })
        };
        let quantities: Vec<_> = pending.iter().map(quantity).collect();
        let input = json!({ "name": "available", "reason": "correction", "quantities": quantities });
        let variables = json!({ "input": input, "key": key(pending, again) });
        let answer: Payload = self.ask(&documents::LEVELS_SET, variables).await?;
        Ok(answer.written()?.user_errors)
    }

    /// Begins to count an item at a location, with what is to be there.
    async fn activate(&self, level: &Pending<'_>) -> Result<Result<i64, Failure>, Failure> {
        if level.write.was.is_some_and(|was| was != 0) {
            return Ok(Err(Failure::Changed));
        }
        let variables = json!({
            "item": level.item,
            "location": level.write.location,
            "available": level.write.available,
            "key": key(std::slice::from_ref(level), 0),
        });
        let answer: Payload = self.ask(&documents::LEVEL_ACTIVATE, variables).await?;
        let errors = answer.written()?.user_errors;
        Ok(errors.first().map_or(Ok(level.write.available), |error| Err(refused("stock at this location", error))))
    }

    /// The inventory items of the variants that are there.
    async fn items_of(&self, levels: &[LevelWrite]) -> Result<HashMap<RemoteId, RemoteId>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct VariantItem {
            #[serde(default)]
            id: Option<RemoteId>,
            #[serde(default)]
            inventory_item: Option<IdPart>,
        }
        let ids: Vec<_> = levels.iter().map(|level| &level.variant).collect();
        let answer: NodesOf<VariantItem> = self.ask(&documents::ITEMS_OF_VARIANTS, json!({ "ids": ids })).await?;
        let found = answer.nodes.into_iter().flatten().filter_map(|node| Some((node.id?, node.inventory_item?.id)));
        Ok(found.collect())
    }
}

/// Times that a failed attempt is made under another key.
const AGAIN_MAX: u32 = 3;

/// An error that is not about one level: another call under the same key is under way, or it is about all of them.
fn of_call(error: &UserError) -> Failure {
    if error.is("IDEMPOTENCY_CONCURRENT_REQUEST") {
        return Failure::Throttled(CONCURRENT_MS);
    }
    refused("stock", error)
}

/// Milliseconds to wait for the same call, made by somebody else, to end.
const CONCURRENT_MS: u64 = 1_000;

/// The key of a call: the same for the same levels from the same state, whenever it is made again.
fn key(pending: &[Pending<'_>], again: u32) -> String {
    let mut text = format!("{again}");
    for level in pending {
        let LevelWrite { mark, variant, location, available, was } = level.write;
        let _ = write!(text, "\n{mark} {variant} {location} {available} {was:?}");
    }
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(16).fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    })
}
