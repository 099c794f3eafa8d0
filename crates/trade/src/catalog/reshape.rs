//! Reshaping a product: variants that join it later, and variants that leave it.

use super::create::{Created, sku_taken};
use super::text::{filled_line, too_much};
use super::{Product, TITLE_MAX, VARIANTS_MAX, Variant, VariantDraft, all_variants_of, get, variant};
use crate::births::Births;
use crate::inventory::levels_of;
use crate::{Races, TradeError, Written, as_expected};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Lookup, LookupName, Scope, Stored};
use std::collections::HashSet;

/// Adds variants to a product that has options; new option values are added to those it lists.
///
/// All of them join or none. With an `expected` version, it is refused when the product has changed since.
pub async fn add_variants(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Product>,
    expected: Option<u64>,
    drafts: Vec<VariantDraft>,
) -> Result<Created, TradeError> {
    let mut races = Races::staked(Kind::Product, id.bytes(), expected);
    loop {
        let product = get(ledger, scope, id).await?;
        as_expected(&product, expected)?;
        let siblings = all_variants_of(ledger, scope, id).await?;
        let (next, joining) = joined(&product, &siblings, drafts.clone())?;
        // Variants are listed by birth: whoever joins is younger than those who are there.
        let youngest = siblings.iter().map(|sibling| sibling.id.born_at().plus_millis(1)).max();
        let now = ledger.clock().now();
        let mut births = Births::at(youngest.map_or(now, |after| after.max(now)), ledger.chance());
        let joining: Vec<(Id<Variant>, Variant)> =
            joining.into_iter().map(|variant| (births.id(), Variant { product: id, ..variant })).collect();
        let mut change = Change::new();
        change.update(&product, &next, "updated");
        for (id, variant) in &joining {
            change.create(*id, variant, "created");
        }
        match ledger.commit(scope, change).await {
            Ok(done) => {
                let born = |(id, variant)| Written::born(id, variant, done.at);
                return Ok(Created {
                    product: Written::changed(&product, next, done.at),
                    variants: joining.into_iter().map(born).collect(),
                });
            }
            Err(LedgerError::Taken { name: LookupName::Sku, .. }) => refuse_taken(ledger, scope, &joining).await?,
            Err(error) => races.lost(error)?,
        }
    }
}

/// Takes a variant out of its product, with its stock; refused while pieces of it are promised, and for the last one.
///
/// With an `expected` version, it is refused when the variant has changed since.
pub async fn remove_variant(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Variant>,
    expected: Option<u64>,
) -> Result<Written<Product>, TradeError> {
    let mut races = Races::staked(Kind::Variant, id.bytes(), expected);
    loop {
        let leaving = variant(ledger, scope, id).await?;
        as_expected(&leaving, expected)?;
        let product = get(ledger, scope, leaving.product).await?;
        if product.variant_count <= 1 {
            return Err(TradeError::state("a product has at least one variant; archive the product instead"));
        }
        let levels = levels_of(ledger, scope, &[id]).await?;
        if levels.iter().flatten().any(|level| level.reserved > 0) {
            return Err(TradeError::state("pieces of the variant are promised to purchase orders"));
        }
        let next = Product { variant_count: product.variant_count - 1, ..(*product).clone() };
        let mut change = Change::new();
        change.update(&product, &next, "updated");
        change.remove(&leaving, "removed");
        for level in levels.iter().flatten() {
            change.remove(level, "removed");
        }
        match ledger.commit(scope, change).await {
            Ok(done) => return Ok(Written::changed(&product, next, done.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// What a product and its new variants become; pointers of problems begin at `/variants`, the new ones' list.
pub(super) fn joined(
    product: &Product,
    siblings: &[Stored<Variant>],
    drafts: Vec<VariantDraft>,
) -> Result<(Product, Vec<Variant>), Problem> {
    if drafts.is_empty() {
        return Err(Problem::invalid("/variants", "name at least one variant"));
    }
    if product.options.is_empty() {
        return Err(Problem::new(Reason::State, "a product without options has one variant only"));
    }
    if siblings.len() + drafts.len() > VARIANTS_MAX {
        return Err(too_much("/variants", format!("at most {VARIANTS_MAX} variants")));
    }
    let mut next = product.clone();
    let mut joining: Vec<Variant> = Vec::with_capacity(drafts.len());
    let mut seen: HashSet<Vec<String>> = siblings.iter().map(|sibling| sibling.options.clone()).collect();
    let mut skus = HashSet::new();
    let last = siblings.iter().map(|sibling| sibling.position).max().unwrap_or(0) as usize;
    for (place, draft) in drafts.into_iter().enumerate() {
        let at = |problem: Problem| problem.within(&format!("/variants/{place}"));
        let variant = draft.ready(Id::from_bytes([0; 16]), last + place).map_err(at)?;
        fits(&mut next, siblings, &variant).map_err(at)?;
        if !seen.insert(variant.options.clone()) {
            let twin = Problem::invalid("/options", "another variant has the same option values");
            return Err(at(Problem { reason: Reason::Duplicate, ..twin }));
        }
        if variant.sku.as_ref().is_some_and(|sku| !skus.insert(sku.clone())) {
            return Err(sku_taken(place, "another variant of this call has this SKU"));
        }
        joining.push(variant);
    }
    next.variant_count = u32::try_from(siblings.len() + joining.len()).unwrap_or(u32::MAX);
    Ok((next, joining))
}

/// Checks a new variant against its product, and lists its option values there.
fn fits(product: &mut Product, siblings: &[Stored<Variant>], variant: &Variant) -> Result<(), Problem> {
    if variant.options.len() != product.options.len() {
        return Err(Problem::invalid("/options", "a variant gives one value for each option of its product"));
    }
    if siblings.first().is_some_and(|sibling| sibling.price.currency != variant.price.currency) {
        return Err(Problem::invalid("/price/currency", "all prices of a product are in one currency"));
    }
    for (place, (option, value)) in product.options.iter_mut().zip(&variant.options).enumerate() {
        let value = filled_line(value.clone(), "", TITLE_MAX)
            .map_err(|problem| problem.within(&format!("/options/{place}")))?;
        if !option.values.contains(&value) {
            option.values.push(value);
        }
    }
    Ok(())
}

/// Says which of the new variants has a SKU that is taken; nothing, if none has any more.
async fn refuse_taken(ledger: &Ledger, scope: &Scope, joining: &[(Id<Variant>, Variant)]) -> Result<(), TradeError> {
    let asked: Vec<_> =
        (0..).zip(joining).filter_map(|(place, (_, variant))| Some((place, variant.sku.as_deref()?))).collect();
    let lookups: Vec<_> = asked.iter().map(|(_, sku)| Lookup::new(LookupName::Sku, sku.as_bytes())).collect();
    let found = ledger.find_many::<Variant>(scope, &lookups).await?;
    match asked.into_iter().zip(found).find(|(_, found)| found.is_some()) {
        Some(((place, _), _)) => Err(sku_taken(place, "another variant has this SKU").into()),
        None => Ok(()),
    }
}
