//! Stock in Medusa: levels of inventory items, which variants are made of.

use super::Medusa;
use super::products::{asked, named};
use super::wire::Call;
use crate::platform::walk::{Place, SETTLING_MS, Stamped, Walk};
use crate::platform::{Failure, LevelWrite, RemoteId, RemoteLevel, RemotePage, Since};
use bonded_base::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const FIELDS: &str = "id,sku,manage_inventory,inventory_items.required_quantity,inventory_items.inventory_item_id,\
    inventory_items.inventory.location_levels.location_id,inventory_items.inventory.location_levels.stocked_quantity,\
    inventory_items.inventory.location_levels.reserved_quantity,inventory_items.inventory.location_levels.updated_at";

/// The names of what a level sends.
const SENT: &[&str] = &["variant", "location", "available"];

#[derive(Deserialize)]
struct VariantsAnswer {
    variants: Vec<VariantRow>,
}

#[derive(Deserialize)]
struct VariantRow {
    id: String,
    sku: Option<String>,
    manage_inventory: bool,
    #[serde(default)]
    inventory_items: Vec<PartRow>,
}

/// An inventory item that a variant is made of.
#[derive(Deserialize)]
struct PartRow {
    required_quantity: i64,
    inventory_item_id: String,
    inventory: Option<InventoryRow>,
}

#[derive(Deserialize)]
struct InventoryRow {
    #[serde(default)]
    location_levels: Vec<LevelRow>,
}

#[derive(Deserialize)]
struct LevelRow {
    location_id: String,
    stocked_quantity: i64,
    reserved_quantity: i64,
    updated_at: Moment,
}

impl LevelRow {
    const fn available(&self) -> i64 {
        self.stocked_quantity - self.reserved_quantity
    }
}

impl PartRow {
    fn levels(&self) -> impl Iterator<Item = &LevelRow> {
        self.inventory.iter().flat_map(|inventory| &inventory.location_levels)
    }
}

impl VariantRow {
    /// Pieces that can be sold at each place: as many as the scarcest part allows.
    fn levels(&self) -> Vec<RemoteLevel> {
        let mut places: BTreeMap<&str, (i64, Moment, usize)> = BTreeMap::new();
        for part in self.inventory_items.iter().filter(|_| self.manage_inventory) {
            for level in part.levels() {
                let pieces = level.available().div_euclid(part.required_quantity.max(1));
                let place = places.entry(&level.location_id).or_insert((pieces, level.updated_at, 0));
                *place = (place.0.min(pieces), place.1.max(level.updated_at), place.2 + 1);
            }
        }
        let whole = places.into_iter().map(|(location, (available, at, parts))| RemoteLevel {
            variant: RemoteId::new(&self.id),
            sku: self.sku.clone(),
            location: RemoteId::new(location),
            // A part that does not lie there at all is missing.
            available: if parts == self.inventory_items.len() { available } else { 0 },
            updated_at: Some(at),
        });
        whole.collect()
    }

    /// The one item that stock can be written to.
    fn only_part(&self) -> Result<&PartRow, Failure> {
        match self.inventory_items.as_slice() {
            [only] if only.required_quantity == 1 && self.manage_inventory => Ok(only),
            [] => Err(Failure::Refused("the shop does not count this variant".to_owned())),
            _ => Err(Failure::Refused("the variant's stock is made of other items".to_owned())),
        }
    }
}

impl Medusa {
    /// All variants' levels, page by page, less those that did not change.
    pub(super) async fn changed_levels(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::All(0))?;
        let call = Call::get("levels", "/admin/product-variants", asked(place.question())).answering(FIELDS);
        let rows = self.call::<VariantsAnswer>(call).await?.variants;
        let stamped = |row: VariantRow| Stamped { id: row.id.clone(), at: Moment::default(), item: row };
        let (variants, next) = place.turn(rows.into_iter().map(stamped).collect());
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
        let call = Call::get("levels", "/admin/product-variants", named(ids)).answering(FIELDS);
        let rows = self.call::<VariantsAnswer>(call).await?.variants;
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }

    /// Reads, compares, writes all that differ in one call, and reads again: Medusa's answer to a write has old figures.
    pub(super) async fn make_levels(&self, writes: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        let mut ids: Vec<_> = writes.iter().map(|write| write.variant.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let before = self.variants(&ids).await?;
        let plans: Vec<_> = writes.iter().map(|write| plan(write, before.get(write.variant.as_str()))).collect();
        let rows = |wanted: fn(&Step) -> Option<&Value>| -> Vec<Value> {
            plans.iter().filter_map(|plan| wanted(plan.as_ref().ok()?).cloned()).collect()
        };
        let create = rows(|step| if let Step::Create(row) = step { Some(row) } else { None });
        let update = rows(|step| if let Step::Update(row) = step { Some(row) } else { None });
        if create.is_empty() && update.is_empty() {
            return Ok(plans.into_iter().zip(writes).map(|(plan, write)| plan.map(|_| write.available)).collect());
        }
        let body = json!({"create": create, "update": update});
        self.done(Call::post("stock", SENT, "/admin/inventory-items/location-levels/batch", body)).await?;
        let after = self.variants(&ids).await?;
        let confirmed = |(plan, write): (Result<Step, Failure>, &LevelWrite)| {
            plan?;
            let variant = after.get(write.variant.as_str()).ok_or(Failure::Gone)?;
            level_at(variant.only_part()?, &write.location).map(LevelRow::available).ok_or(Failure::Gone)
        };
        Ok(plans.into_iter().zip(writes).map(confirmed).collect())
    }
}

/// What is to be done about one level.
enum Step {
    Nothing,
    Create(Value),
    Update(Value),
}

fn level_at<'a>(part: &'a PartRow, location: &RemoteId) -> Option<&'a LevelRow> {
    part.levels().find(|level| level.location_id == location.as_str())
}

fn plan(write: &LevelWrite, variant: Option<&VariantRow>) -> Result<Step, Failure> {
    let part = variant.ok_or(Failure::Gone)?.only_part()?;
    let level = level_at(part, &write.location);
    let available = level.map_or(0, LevelRow::available);
    if write.available == available && level.is_some() {
        return Ok(Step::Nothing);
    }
    if write.was.is_some_and(|was| was != available) {
        return Err(Failure::Changed);
    }
    // Medusa has no stock below nothing.
    let stocked = write.available.saturating_add(level.map_or(0, |level| level.reserved_quantity)).max(0);
    let row = json!({
        "inventory_item_id": part.inventory_item_id,
        "location_id": write.location.as_str(),
        "stocked_quantity": stocked,
    });
    Ok(if level.is_some() { Step::Update(row) } else { Step::Create(row) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(required: &[(i64, i64, i64)]) -> VariantRow {
        let part = |(place, (required, stocked, reserved)): (usize, &(i64, i64, i64))| {
            json!({"required_quantity": required, "inventory_item_id": format!("iitem_{place}"), "inventory": {"location_levels": [
                {"location_id": "sloc_1", "stocked_quantity": stocked, "reserved_quantity": reserved, "updated_at": "2026-11-22T09:30:00Z"},
            ]}})
        };
        let parts: Vec<_> = required.iter().enumerate().map(part).collect();
        serde_json::from_value(json!({"id": "v", "sku": null, "manage_inventory": true, "inventory_items": parts}))
            .unwrap()
    }

    fn write(available: i64, was: Option<i64>) -> LevelWrite {
        let id = |text: &str| RemoteId::new(text);
        LevelWrite { mark: "m".to_owned(), variant: id("v"), location: id("sloc_1"), available, was }
    }

    #[test]
    fn a_set_can_be_sold_as_often_as_its_scarcest_part_allows() {
        let levels = variant(&[(2, 11, 0), (1, 9, 3)]).levels();
        assert_eq!(levels.iter().map(|level| level.available).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn what_is_reserved_is_written_with_what_is_available() {
        let Ok(Step::Update(row)) = plan(&write(4, Some(7)), Some(&variant(&[(1, 10, 3)]))) else {
            panic!("no update")
        };
        assert_eq!(row["stocked_quantity"], 7);
        assert!(matches!(plan(&write(4, Some(6)), Some(&variant(&[(1, 10, 3)]))), Err(Failure::Changed)));
        assert!(matches!(plan(&write(7, Some(6)), Some(&variant(&[(1, 10, 3)]))), Ok(Step::Nothing)));
        assert!(matches!(plan(&write(4, None), Some(&variant(&[(2, 10, 3)]))), Err(Failure::Refused(_))));
        assert!(matches!(plan(&write(4, None), None), Err(Failure::Gone)));
    }
}
