//! Routing: which partner sells a line of an order.

use crate::TradeError;
use crate::catalog::{Product, Variant};
use crate::orders::{Order, OrderLine, Part, PartLine};
use crate::partners::{self, LinkedPartner, PARTNERS_AT_ONCE, PartnerLink};
use crate::purchase_orders::PurchaseOrder;
use crate::sku_mappings::{self, Means};
use bonded_base::{Account, Id};
use bonded_ledger::{Ledger, Lookup, LookupName, Scope};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, HashMap};

/// What a partner sells that a line may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who.
    pub supplier: Id<Account>,
    /// Through which link.
    pub link: Id<PartnerLink>,
    /// What.
    pub variant: Id<Variant>,
    /// Its SKU.
    pub sku: Option<String>,
    /// What the supplier calls it.
    pub title: String,
}

/// Who sells a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sold {
    /// One partner.
    By(Offer),
    /// No partner.
    ByNobody,
    /// Several partners sell something by this SKU: the line has to name the variant.
    BySeveral,
}

/// Who sells each line: by its variant, else by its SKU, over the active links of the scope's account.
pub async fn resolve(ledger: &Ledger, scope: &Scope, lines: &[OrderLine]) -> Result<Vec<Sold>, TradeError> {
    let partners = partners::opened_suppliers(ledger, scope).await?;
    resolve_among(ledger, scope, &partners, lines).await
}

/// The same over partners that were opened before. A SKU that no partner sells, or several, is what the account has said
/// that it means.
pub async fn resolve_among(
    ledger: &Ledger,
    scope: &Scope,
    partners: &[LinkedPartner],
    lines: &[OrderLine],
) -> Result<Vec<Sold>, TradeError> {
    let mut sold = as_written(ledger, partners, lines).await?;
    let unclear: Vec<_> = (0..)
        .zip(lines.iter().zip(&sold))
        .filter(|(_, (line, sold))| line.variant.is_none() && !matches!(sold, Sold::By(_)))
        .filter_map(|(place, (line, _))| Some((place, line.sku.as_deref()?, line)))
        .collect();
    let skus: Vec<_> = unclear.iter().map(|(_, sku, _)| *sku).collect();
    let meant = sku_mappings::meanings(ledger, scope, &skus).await?;
    let (mut places, mut mapped) = (Vec::new(), Vec::new());
    for ((place, _, line), means) in unclear.into_iter().zip(meant) {
        if let Some(Means::Variant(variant)) = means {
            places.push(place);
            mapped.push(OrderLine { variant: Some(variant), ..line.clone() });
        }
    }
    if !mapped.is_empty() {
        let found = as_written(ledger, partners, &mapped).await?;
        for (place, found) in places.into_iter().zip(found) {
            sold.get_mut(place).into_iter().for_each(|slot| *slot = found.clone());
        }
    }
    Ok(sold)
}

async fn as_written(ledger: &Ledger, partners: &[LinkedPartner], lines: &[OrderLine]) -> Result<Vec<Sold>, TradeError> {
    let mut offers: Vec<Vec<Offer>> = lines.iter().map(|_| Vec::new()).collect();
    let asked: Vec<_> = partners.iter().map(|partner| offered(ledger, partner, lines)).collect();
    let mut found = stream::iter(asked).buffered(PARTNERS_AT_ONCE);
    while let Some(found) = found.try_next().await? {
        for (offers, offer) in offers.iter_mut().zip(found) {
            offers.extend(offer);
        }
    }
    Ok(offers.into_iter().map(one_of).collect())
}

fn one_of(mut offers: Vec<Offer>) -> Sold {
    match (offers.pop(), offers.is_empty()) {
        (None, _) => Sold::ByNobody,
        (Some(offer), true) => Sold::By(offer),
        (Some(_), false) => Sold::BySeveral,
    }
}

/// What one partner offers for each line.
async fn offered(
    ledger: &Ledger,
    partner: &LinkedPartner,
    lines: &[OrderLine],
) -> Result<Vec<Option<Offer>>, TradeError> {
    let skus: Vec<_> =
        lines.iter().filter(|line| line.variant.is_none()).filter_map(|line| line.sku.as_deref()).collect();
    let lookups: Vec<_> = skus.iter().map(|sku| Lookup::new(LookupName::Sku, sku.as_bytes())).collect();
    let found = if lookups.is_empty() { Vec::new() } else { ledger.find_many(&partner.scope, &lookups).await? };
    let by_sku: HashMap<&str, Id<Variant>> =
        skus.into_iter().zip(found).filter_map(|(sku, id)| Some((sku, id?))).collect();
    let wanted: Vec<_> =
        lines.iter().map(|line| line.variant.or_else(|| by_sku.get(line.sku.as_deref()?).copied())).collect();
    let offers = offers_of(ledger, partner, &wanted).await?;
    Ok(wanted.into_iter().map(|id| offers.get(&id?).cloned()).collect())
}

/// The variants that the partner has and offers.
async fn offers_of(
    ledger: &Ledger,
    partner: &LinkedPartner,
    wanted: &[Option<Id<Variant>>],
) -> Result<HashMap<Id<Variant>, Offer>, TradeError> {
    let mut ids: Vec<_> = wanted.iter().copied().flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let variants: Vec<_> = ledger.get_many::<Variant>(&partner.scope, &ids).await?.into_iter().flatten().collect();
    let mut products: Vec<_> = variants.iter().map(|variant| variant.product).collect();
    products.sort_unstable();
    products.dedup();
    let products: HashMap<_, _> = ledger
        .get_many::<Product>(&partner.scope, &products)
        .await?
        .into_iter()
        .flatten()
        .filter(|product| product.is_offered())
        .map(|product| (product.id, product))
        .collect();
    let offer = |id: Id<Variant>, variant: &Variant| {
        let title = variant.full_title(products.get(&variant.product)?);
        let (supplier, link) = (partner.partner, partner.link);
        Some((id, Offer { supplier, link, variant: id, sku: variant.sku.clone(), title }))
    };
    Ok(variants.iter().filter_map(|variant| offer(variant.id, variant)).collect())
}

/// The parts of an order that its unrouted lines make, one for each supplier, given who sells each line by its number.
pub fn parts<'a>(order: Id<Order>, sold: impl IntoIterator<Item = (u32, &'a Offer)>) -> Vec<Part> {
    let mut by_supplier: BTreeMap<Id<Account>, (Id<PartnerLink>, Vec<PartLine>)> = BTreeMap::new();
    for (number, offer) in sold {
        let (_, lines) = by_supplier.entry(offer.supplier).or_insert_with(|| (offer.link, Vec::new()));
        lines.push(PartLine { number, variant: offer.variant, sku: offer.sku.clone(), title: offer.title.clone() });
    }
    let part = |(supplier, (link, lines)): (_, (_, Vec<PartLine>))| {
        let first = lines.iter().map(|line| line.number).min().unwrap_or_default();
        Part { supplier, link, purchase_order: PurchaseOrder::id_of(order, supplier, first), lines }
    };
    by_supplier.into_iter().map(part).collect()
}
