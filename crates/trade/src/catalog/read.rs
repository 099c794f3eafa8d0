//! Reading the catalogue, one's own or a partner's.
//!
//! A partner sees what is offered and nothing else: for it, drafts and archived products do not exist.

use super::{Product, ProductStatus, VARIANTS_MAX, Variant};
use crate::{Page, TradeError};
use bonded_base::{Id, Kind};
use bonded_ledger::{Actor, Ledger, Listed, Lookup, LookupName, Scope, Stored};

/// Variants that are read at once when all of a product's are wanted.
const VARIANTS_A_PAGE: u32 = 1_000;

/// One product.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Product>) -> Result<Stored<Product>, TradeError> {
    let found = ledger.get(scope, id).await?;
    found.filter(|product| visible(scope, product)).ok_or_else(|| TradeError::missing(Kind::Product))
}

/// A page of the products in one status, or of all; a partner's page holds what is offered.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    status: Option<ProductStatus>,
    page: Page,
) -> Result<Listed<Product>, TradeError> {
    let status = if as_partner(scope) { Some(ProductStatus::Active) } else { status };
    Ok(ledger.list(scope, &page.of_state(status.map(ProductStatus::number))).await?)
}

/// The product with this handle.
pub async fn by_handle(ledger: &Ledger, scope: &Scope, handle: &str) -> Result<Stored<Product>, TradeError> {
    let found = ledger.find(scope, &Lookup::new(LookupName::Handle, handle.as_bytes())).await?;
    get(ledger, scope, found.ok_or_else(|| TradeError::missing(Kind::Product))?).await
}

/// One variant.
pub async fn variant(ledger: &Ledger, scope: &Scope, id: Id<Variant>) -> Result<Stored<Variant>, TradeError> {
    let found = ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Variant))?;
    if as_partner(scope) && get(ledger, scope, found.product).await.is_err() {
        return Err(TradeError::missing(Kind::Variant));
    }
    Ok(found)
}

/// The variants that have these SKUs, each in the place of its SKU. Whether they are offered is not looked at.
pub async fn by_skus(ledger: &Ledger, scope: &Scope, skus: &[&str]) -> Result<Vec<Option<Id<Variant>>>, TradeError> {
    let lookups: Vec<_> = skus.iter().map(|sku| Lookup::new(LookupName::Sku, sku.as_bytes())).collect();
    Ok(ledger.find_many(scope, &lookups).await?)
}

/// A page of a product's variants, in their order.
pub async fn variants_of(
    ledger: &Ledger,
    scope: &Scope,
    product: Id<Product>,
    page: Page,
) -> Result<Listed<Variant>, TradeError> {
    get(ledger, scope, product).await?;
    Ok(ledger.list(scope, &page.of_parent(product.bytes())).await?)
}

/// All variants of a product, in their order: at most [`VARIANTS_MAX`].
pub async fn all_variants_of(
    ledger: &Ledger,
    scope: &Scope,
    product: Id<Product>,
) -> Result<Vec<Stored<Variant>>, TradeError> {
    let mut variants = Vec::new();
    let mut page = Page::first(VARIANTS_A_PAGE);
    while variants.len() < VARIANTS_MAX {
        let listed = variants_of(ledger, scope, product, page).await?;
        variants.extend(listed.records);
        match listed.next {
            Some(_) => page.after = listed.next,
            None => break,
        }
    }
    Ok(variants)
}

const fn as_partner(scope: &Scope) -> bool {
    matches!(scope.actor(), Actor::Partner(_))
}

fn visible(scope: &Scope, product: &Product) -> bool {
    !as_partner(scope) || product.is_offered()
}
