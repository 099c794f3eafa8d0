//! Stock files: how many of each variant were counted where.

use super::lines::{pieces, read};
use super::{Deeds, Plan, Said, Sorted, blamed};
use crate::csv::Held;
use crate::csv::table::Cells;
use crate::files::chunk::Chunk;
use crate::files::columns::StockColumn as C;
use bonded_ledger::{Ledger, Scope};
use bonded_trade::TradeError;
use bonded_trade::inventory::{self, Counting, LevelSet, MAIN_LOCATION};
use std::collections::HashMap;

/// What the fields of a count are called in a file.
const NAMES: &[(&str, &str)] =
    &[("sku", "SKU"), ("variant", "Variant"), ("location", "Location"), ("on_hand", "On hand")];

pub(super) async fn plan(ledger: &Ledger, scope: &Scope, chunk: &Chunk) -> Result<Plan, TradeError> {
    let locations = inventory::locations(ledger, scope).await?;
    let places: HashMap<_, _> = locations.iter().map(|location| (location.name.to_lowercase(), location.id)).collect();
    let set = |cells: &Cells<'_, C>| {
        let location = match cells.filled(C::Location) {
            None => None,
            Some(name) if name.eq_ignore_ascii_case(MAIN_LOCATION) => places.get(&name.to_lowercase()).copied(),
            Some(name) => {
                let known = places.get(&name.to_lowercase()).copied();
                Some(known.ok_or_else(|| cells.held(C::Location, "there is no such location"))?)
            }
        };
        let sku = cells.filled(C::Sku).map(str::to_owned);
        let variant = match cells.filled(C::Variant).filter(|_| sku.is_none()) {
            None => None,
            Some(id) => Some(id.parse().map_err(|_| cells.held(C::Variant, "an id of a variant is needed: var_…"))?),
        };
        if sku.is_none() && variant.is_none() {
            return Err(Held::column("SKU", "the row names no variant"));
        }
        Ok(LevelSet { variant, sku, location, on_hand: pieces(cells, C::OnHand)? })
    };
    let (rows, held) = read::<C, _>(chunk, set)?;
    let said = rows.into_iter().map(|(row, what)| Said { what, rows: vec![row] }).collect();
    let sorted = Sorted { said, held, rows: chunk.places.len() };
    let sets: Vec<_> = sorted.said.iter().map(|said: &Said<LevelSet>| said.what.clone()).collect();
    let counting = Counting::of(ledger, scope, &sets).await?;
    let fates = sorted.fates(counting.outcomes(), |said, problem| blamed(said, problem, "/", NAMES));
    Ok(Plan { deeds: Deeds::Stock(counting), fates })
}
