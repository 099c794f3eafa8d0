//! The stock that a change of purchase orders touches: read once, changed as a value, written back in the same commit.

use crate::TradeError;
use crate::catalog::Variant;
use crate::inventory::{self, InventoryLevel, Location};
use bonded_base::{Id, Problem};
use bonded_ledger::{Change, Ledger, Scope, Stored};
use std::collections::BTreeMap;

/// What happens to reserved pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// They are free again.
    Release,
    /// They are gone.
    Ship,
}

/// So many reserved pieces, and what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockMove {
    /// Of what.
    pub variant: Id<Variant>,
    /// Where.
    pub location: Id<Location>,
    /// What happens to them.
    pub what: Move,
    /// Pieces.
    pub quantity: u32,
}

/// The levels of some variants, by variant and location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock(BTreeMap<(Id<Variant>, Id<Location>), InventoryLevel>);

impl Stock {
    /// These levels.
    pub fn of(levels: impl IntoIterator<Item = InventoryLevel>) -> Self {
        Self(levels.into_iter().map(|level| ((level.variant, level.location), level)).collect())
    }

    /// The level of a variant at a location, if anything was ever counted there.
    pub fn level(&self, variant: Id<Variant>, location: Id<Location>) -> Option<&InventoryLevel> {
        self.0.get(&(variant, location))
    }

    /// Reserves pieces where most of them lie, and says where. `beyond` what lies there only if the variant is sold also
    /// when it is out.
    pub fn reserve(&mut self, variant: Id<Variant>, pieces: u32, beyond: bool) -> Option<Id<Location>> {
        let (first, last) = (Id::from_bytes([0; 16]), Id::from_bytes([0xff; 16]));
        let level = self.0.range_mut((variant, first)..=(variant, last)).map(|(_, level)| level);
        // Of equals the first, so that the same question has the same answer.
        let level = level.rev().max_by_key(|level| level.available())?;
        let reserved = if beyond { level.reserve_beyond(pieces) } else { level.reserve(pieces) };
        *level = reserved.ok()?;
        Some(level.location)
    }

    /// Does what a rule said. Pieces that no level holds as reserved are a contradiction, and refused.
    pub fn apply(&mut self, moves: &[StockMove]) -> Result<(), Problem> {
        for step in moves {
            let Some(level) = self.0.get_mut(&(step.variant, step.location)) else { continue };
            *level = match step.what {
                Move::Release => level.release(step.quantity)?,
                Move::Ship => level.ship(step.quantity)?,
            };
        }
        Ok(())
    }
}

/// Levels as they were read, and as they become.
pub(super) struct Shelves {
    read: Vec<Stored<InventoryLevel>>,
    pub stock: Stock,
}

impl Shelves {
    /// All levels of these variants.
    pub async fn of_variants(ledger: &Ledger, scope: &Scope, variants: &[Id<Variant>]) -> Result<Self, TradeError> {
        if variants.is_empty() {
            return Ok(Self::new(Vec::new()));
        }
        Ok(Self::new(inventory::levels_of(ledger, scope, variants).await?.into_iter().flatten().collect()))
    }

    /// The levels that these moves touch.
    pub async fn of_moves(ledger: &Ledger, scope: &Scope, moves: &[StockMove]) -> Result<Self, TradeError> {
        let mut ids: Vec<_> = moves.iter().map(|step| InventoryLevel::id_of(step.variant, step.location)).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Self::new(Vec::new()));
        }
        Ok(Self::new(ledger.get_many(scope, &ids).await?.into_iter().flatten().collect()))
    }

    fn new(read: Vec<Stored<InventoryLevel>>) -> Self {
        let stock = Stock::of(read.iter().map(|level| **level));
        Self { read, stock }
    }

    /// Adds each level that became another to a change, once.
    pub fn write(&self, change: &mut Change, action: &'static str) {
        for was in &self.read {
            if let Some(next) = self.stock.level(was.variant, was.location).filter(|next| **next != **was) {
                change.update(was, next, action);
            }
        }
    }
}
