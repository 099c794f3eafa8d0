//! What consumers have ordered here and no supplier has promised yet: sold all the same.

use super::at::{At, Halt};
use bonded_base::{Account, Id};
use bonded_ledger::{ENTRIES_MAX, Reader, Scope, Stored, System};
use bonded_trade::catalog::Variant;
use bonded_trade::orders::{Order, OrderLine};
use bonded_trade::purchase_orders::PurchaseOrder;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Pieces, by variant where that is known, else by SKU.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Ordered {
    by_variant: HashMap<Id<Variant>, i64>,
    by_sku: HashMap<String, i64>,
}

impl Ordered {
    /// What was placed after all that routing has dealt with, less what has arrived at its supplier meanwhile.
    pub async fn not_arrived(at: &At<'_>) -> Result<Self, Halt> {
        let mut ordered = Self::default();
        let orders = placed(at).await?;
        let arrived = arrived(at, &orders).await?;
        for line in orders.iter().flat_map(|order| &order.lines) {
            let pieces = i64::from(line.open());
            if pieces == 0 || line.purchase_order.is_some_and(|known| arrived.contains(&known)) {
                continue;
            }
            match (line.variant, &line.sku) {
                (Some(variant), _) => *ordered.by_variant.entry(variant).or_default() += pieces,
                (None, Some(sku)) => *ordered.by_sku.entry(sku.clone()).or_default() += pieces,
                (None, None) => {}
            }
        }
        Ok(ordered)
    }

    /// Pieces of a variant.
    pub fn pieces(&self, variant: Id<Variant>, sku: Option<&str>) -> i64 {
        let by_sku = sku.and_then(|sku| self.by_sku.get(sku));
        self.by_variant.get(&variant).copied().unwrap_or(0) + by_sku.copied().unwrap_or(0)
    }
}

/// The orders that routing has not dealt with yet.
async fn placed(at: &At<'_>) -> Result<Vec<Stored<Order>>, Halt> {
    let mut read_to = at.ledger.read_to(at.scope, Reader::Route).await?;
    let mut placed = Vec::new();
    loop {
        let (headlines, to) = at.ledger.headlines_read_to(at.scope, read_to, ENTRIES_MAX).await?;
        let born = headlines.iter().filter(|headline| headline.version == 1);
        placed.extend(born.filter_map(bonded_ledger::Headline::id_of::<Order>));
        if to - read_to < u64::from(ENTRIES_MAX) {
            break;
        }
        read_to = to;
    }
    if placed.is_empty() {
        return Ok(Vec::new());
    }
    Ok(at.ledger.get_many::<Order>(at.scope, &placed).await?.into_iter().flatten().collect())
}

/// Which of their purchase orders are in the suppliers' accounts: there they are reserved.
async fn arrived(at: &At<'_>, orders: &[Stored<Order>]) -> Result<HashSet<Id<PurchaseOrder>>, Halt> {
    let mut by_supplier: BTreeMap<Id<Account>, BTreeSet<Id<PurchaseOrder>>> = BTreeMap::new();
    let given = |line: &OrderLine| Some((line.supplier?, line.purchase_order?));
    for (supplier, purchase_order) in orders.iter().flat_map(|order| &order.lines).filter_map(given) {
        by_supplier.entry(supplier).or_default().insert(purchase_order);
    }
    let mut arrived = HashSet::new();
    for (supplier, ids) in by_supplier {
        let ids: Vec<_> = ids.into_iter().collect();
        let found = at.ledger.get_many::<PurchaseOrder>(&Scope::system(supplier, System::Connect), &ids).await?;
        arrived.extend(found.into_iter().flatten().map(|purchase_order| purchase_order.id));
    }
    Ok(arrived)
}
