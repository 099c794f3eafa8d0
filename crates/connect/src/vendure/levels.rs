//! Stock in Vendure: what lies at each location, and what of it is allocated to orders.

use super::documents::{LEVELS, SET_LEVELS};
use super::{Items, Vendure, asked, named};
use crate::platform::walk::{Place, SETTLING_MS, Stamped, Walk};
use crate::platform::{Failure, LevelWrite, RemoteId, RemoteLevel, RemotePage, Since};
use bonded_base::Moment;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// The names of what a level sends.
const SENT: &[&str] = &["variant", "location", "available"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantsAnswer {
    product_variants: Items<VariantRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetAnswer {
    update_product_variants: Vec<VariantRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantRow {
    id: String,
    sku: String,
    stock_levels: Vec<LevelRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelRow {
    updated_at: Moment,
    stock_location_id: String,
    stock_on_hand: i64,
    stock_allocated: i64,
}

impl LevelRow {
    const fn available(&self) -> i64 {
        self.stock_on_hand - self.stock_allocated
    }
}

impl VariantRow {
    fn levels(&self) -> impl Iterator<Item = RemoteLevel> {
        self.stock_levels.iter().map(|level| RemoteLevel {
            variant: RemoteId::new(&self.id),
            sku: Some(self.sku.clone()).filter(|sku| !sku.is_empty()),
            location: RemoteId::new(&level.stock_location_id),
            available: level.available(),
            updated_at: Some(level.updated_at),
        })
    }

    fn at(&self, location: &RemoteId) -> Option<&LevelRow> {
        self.stock_levels.iter().find(|level| level.stock_location_id == location.as_str())
    }
}

fn by_id(rows: Vec<VariantRow>) -> HashMap<String, VariantRow> {
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

impl Vendure {
    /// All variants' levels, page by page, less those that did not change.
    pub(super) async fn changed_levels(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::All(0))?;
        let answer: VariantsAnswer = self.say(LEVELS, &[], asked(place.question(), Map::new())).await?;
        let stamped = |row: VariantRow| Stamped { id: row.id.clone(), at: Moment::default(), item: row };
        let (variants, next) = place.turn(answer.product_variants.items.into_iter().map(stamped).collect());
        let from = since.updated_at.map(|at| at.plus_millis(-SETTLING_MS));
        let is_new = |level: &RemoteLevel| level.updated_at >= from;
        let items = variants.iter().flat_map(VariantRow::levels).filter(is_new).map(Ok).collect();
        Ok(RemotePage { items, next: next.and_then(|place| Walk { part, place }.cursor()) })
    }

    pub(super) async fn levels_of(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure> {
        Ok(self.variants(variants).await?.values().flat_map(VariantRow::levels).collect())
    }

    async fn variants(&self, ids: &[RemoteId]) -> Result<HashMap<String, VariantRow>, Failure> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(by_id(self.say::<VariantsAnswer>(LEVELS, &[], named(ids)).await?.product_variants.items))
    }

    /// Reads, compares, and writes all that differ in one call, whose answer says what is there then.
    pub(super) async fn make_levels(&self, writes: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        let mut ids: Vec<_> = writes.iter().map(|write| write.variant.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let before = self.variants(&ids).await?;
        let mut inputs: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut checked = Vec::with_capacity(writes.len());
        for write in writes {
            let plan = plan(write, before.get(write.variant.as_str()));
            if let Ok(Some(level)) = &plan {
                inputs.entry(write.variant.as_str()).or_default().push(level.clone());
            }
            checked.push(plan.map(drop));
        }
        if inputs.is_empty() {
            return Ok(checked
                .into_iter()
                .zip(writes)
                .map(|(checked, write)| checked.map(|()| write.available))
                .collect());
        }
        let inputs: Vec<_> = inputs.into_iter().map(|(id, levels)| json!({"id": id, "stockLevels": levels})).collect();
        let answer: SetAnswer = self.say(SET_LEVELS, SENT, json!({"input": inputs})).await?;
        let after = by_id(answer.update_product_variants);
        let confirmed = |(checked, write): (Result<(), Failure>, &LevelWrite)| {
            checked?;
            // What needed no writing is not in the answer.
            let Some(variant) = after.get(write.variant.as_str()) else { return Ok(write.available) };
            variant.at(&write.location).map(LevelRow::available).ok_or(Failure::Gone)
        };
        Ok(checked.into_iter().zip(writes).map(confirmed).collect())
    }
}

/// What is to be written about one level; nothing, if it is so already.
fn plan(write: &LevelWrite, variant: Option<&VariantRow>) -> Result<Option<Value>, Failure> {
    let level = variant.ok_or(Failure::Gone)?.at(&write.location);
    let available = level.map_or(0, LevelRow::available);
    if write.available == available && level.is_some() {
        return Ok(None);
    }
    if write.was.is_some_and(|was| was != available) {
        return Err(Failure::Changed);
    }
    // Vendure refuses stock below nothing.
    let on_hand = write.available.saturating_add(level.map_or(0, |level| level.stock_allocated)).max(0);
    Ok(Some(json!({"stockLocationId": write.location.as_str(), "stockOnHand": on_hand})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_written_with_what_is_available() {
        let variant: VariantRow = serde_json::from_value(json!({"id": "7", "sku": "S", "stockLevels": [
            {"updatedAt": "2026-11-22T09:30:00Z", "stockLocationId": "1", "stockOnHand": 10, "stockAllocated": 3},
        ]}))
        .unwrap();
        let write = |available, was| {
            let id = |text: &str| RemoteId::new(text);
            LevelWrite { mark: "m".to_owned(), variant: id("7"), location: id("1"), available, was }
        };
        assert_eq!(plan(&write(4, Some(7)), Some(&variant)).unwrap().unwrap()["stockOnHand"], 7);
        assert_eq!(plan(&write(7, Some(9)), Some(&variant)).unwrap(), None);
        assert!(matches!(plan(&write(4, Some(6)), Some(&variant)), Err(Failure::Changed)));
        assert!(matches!(plan(&write(4, None), None), Err(Failure::Gone)));
    }
}
