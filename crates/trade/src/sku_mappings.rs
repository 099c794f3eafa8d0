//! SKU mappings: what an account's own stock keeping units mean, said once: "my SKU is your variant".
//!
//! Partners seldom write the same SKU. Where an order names one that no partner sells, its owner says what it means, and
//! every order that was held for it goes on.

use crate::catalog::{SKU_MAX, Variant};
use crate::{Page, Races, TradeError, Written, text};
use bonded_base::{Id, Kind, Kinded};
use bonded_ledger::{Change, Ledger, LedgerError, Listed, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// What one of the account's SKUs means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuMapping {
    /// The account's own SKU, unique among its mappings.
    pub sku: String,
    /// What it means.
    pub means: Means,
}

/// What a SKU means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A partner's variant.
    Variant(Id<Variant>),
    /// A thing that the account ships itself, and that no partner need hear of.
    Own,
}

impl Kinded for SkuMapping {
    const KIND: Kind = Kind::SkuMapping;
}

impl Record for SkuMapping {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![of_sku(&self.sku)]
    }
}

fn of_sku(sku: &str) -> Lookup<'_> {
    Lookup::new(LookupName::SkuMapping, sku.as_bytes())
}

/// Says what a SKU means; what was said of it before is forgotten.
pub async fn set(ledger: &Ledger, scope: &Scope, sku: &str, means: Means) -> Result<Written<SkuMapping>, TradeError> {
    let sku = text::line("/sku", sku, SKU_MAX)?;
    let mut races = Races::new();
    loop {
        let was = match ledger.find::<SkuMapping>(scope, &of_sku(&sku)).await? {
            Some(id) => ledger.get(scope, id).await?,
            None => None,
        };
        let next = SkuMapping { sku: sku.clone(), means };
        let (id, mut change) = (was.as_ref().map_or_else(|| ledger.new_id(), |was| was.id), Change::new());
        match &was {
            Some(was) if **was == next => return Ok(was.clone().into()),
            Some(was) => change.update(was, &next, "mapped"),
            None => change.create(id, &next, "mapped"),
        }
        match ledger.commit(scope, change).await {
            Ok(done) => {
                return Ok(match &was {
                    Some(was) => Written::changed(was, next, done.at),
                    None => Written::born(id, next, done.at),
                });
            }
            Err(LedgerError::Taken { kind, id, .. }) => races.lost(LedgerError::Conflict { kind, id })?,
            Err(error) => races.lost(error)?,
        }
    }
}

/// Forgets what a SKU means.
pub async fn remove(ledger: &Ledger, scope: &Scope, id: Id<SkuMapping>) -> Result<(), TradeError> {
    let was = ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::SkuMapping))?;
    let mut change = Change::new();
    change.remove(&was, "unmapped");
    ledger.commit(scope, change).await?;
    Ok(())
}

/// A page of the mappings, oldest first.
pub async fn list(ledger: &Ledger, scope: &Scope, page: Page) -> Result<Listed<SkuMapping>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(None)).await?)
}

/// What these SKUs mean, as far as it was said; each in the place of its SKU.
pub async fn meanings(ledger: &Ledger, scope: &Scope, skus: &[&str]) -> Result<Vec<Option<Means>>, TradeError> {
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    let lookups: Vec<_> = skus.iter().map(|sku| of_sku(sku)).collect();
    let found: Vec<Option<Id<SkuMapping>>> = ledger.find_many(scope, &lookups).await?;
    let ids: Vec<_> = found.iter().copied().flatten().collect();
    let read: Vec<Option<Stored<SkuMapping>>> =
        if ids.is_empty() { Vec::new() } else { ledger.get_many(scope, &ids).await? };
    let mut read = read.into_iter();
    Ok(found.into_iter().map(|found| found.and_then(|_| read.next().flatten()).map(|mapping| mapping.means)).collect())
}
