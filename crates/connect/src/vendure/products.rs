//! Reading products from Vendure.

use super::documents::{CHANGED_VARIANTS, PRODUCTS};
use super::product_rows::ProductRow;
use super::{Items, Vendure, asked, named};
use crate::platform::walk::{Place, Stamped, Walk};
use crate::platform::{Failure, Read, RemoteId, RemotePage, RemoteProduct, Since, Unreadable, reading};
use bonded_base::Moment;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;

#[derive(Deserialize)]
struct ProductsAnswer {
    products: Items<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantsAnswer {
    product_variants: Items<ChangedRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangedRow {
    id: String,
    updated_at: Moment,
    product_id: String,
}

impl Vendure {
    /// First the products that changed, then those of variants that changed.
    pub(super) async fn changed_products(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::since(since))?;
        let question = asked(place.question(), Map::new());
        let (items, next) = if part == 0 {
            let rows = self.say::<ProductsAnswer>(PRODUCTS, &[], question).await?.products.items;
            let (rows, next) = place.turn(reading::stamped(rows, "updatedAt"));
            (self.understood(rows).await?, next)
        } else {
            let rows = self.say::<VariantsAnswer>(CHANGED_VARIANTS, &[], question).await?.product_variants.items;
            let stamped = |row: ChangedRow| Stamped { id: row.id, at: row.updated_at, item: row.product_id };
            let (products, next) = place.turn(rows.into_iter().map(stamped).collect());
            let mut seen = HashSet::new();
            let ids: Vec<_> = products.into_iter().filter(|id| seen.insert(id.clone())).map(RemoteId::new).collect();
            (self.named_products(&ids).await?.into_iter().flatten().collect(), next)
        };
        // Who reads everything has read the variants with their products.
        let then = (part == 0 && since.updated_at.is_some()).then(|| Walk { part: 1, place: Place::since(since) });
        let next = next.map(|place| Walk { part, place }).or(then);
        Ok(RemotePage { items, next: next.and_then(|walk| walk.cursor()) })
    }

    pub(super) async fn named_products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.product_values(named(ids)).await?;
        let ids_found: Vec<_> = rows.iter().map(reading::id).collect();
        let found = ids_found.into_iter().zip(self.understood(rows).await?).collect();
        Ok(reading::in_order(ids, found))
    }

    /// Products by these options, not understood yet.
    pub(super) async fn product_values(&self, options: Value) -> Result<Vec<Value>, Failure> {
        Ok(self.say::<ProductsAnswer>(PRODUCTS, &[], options).await?.products.items)
    }

    async fn understood(&self, rows: Vec<Value>) -> Result<Vec<Read<RemoteProduct>>, Failure> {
        let currency = self.facts().await?.currency;
        let understood = |row: Value| {
            let row: ProductRow = reading::row(row, "updatedAt")?;
            let id = RemoteId::new(&row.id);
            row.remote(currency).map_err(|(at, problem)| Unreadable { id, problem, updated_at: Some(at) })
        };
        Ok(rows.into_iter().map(understood).collect())
    }
}
