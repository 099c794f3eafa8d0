//! Products that a shop is to sell for its partners: made and kept there as the partners have them.
//!
//! A product that the shop has of its own, recognised by its SKUs, is not touched. A price is given when a variant is made
//! there, and later only if prices are kept in step: what people set in the shop is theirs.

use super::at::{At, Halt, Kept, apart};
use super::compare;
use super::news::{News, PartnerNews};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bonded_base::{Id, Money};
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror, MirrorState};
use bonded_connect::platform::{ProductWrite, RemoteId, RemoteProduct, VariantWrite};
use bonded_ledger::{Change, Stored};
use bonded_trade::catalog::{self, Product, Variant};
use bonded_trade::partners;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Brings products to the shop; says whether some are new there, so that their stock is next.
pub(super) async fn deliver(at: &At<'_>, news: &News) -> Result<bool, Halt> {
    if at.connection.syncs.products == Mode::Off || !at.connection.direction.sells() {
        return Ok(false);
    }
    let mut any = false;
    for news in &news.partners {
        for product in &news.products {
            any |= put(at, news, *product).await?;
        }
    }
    Ok(any)
}

async fn put(at: &At<'_>, news: &PartnerNews, id: Id<Product>) -> Result<bool, Halt> {
    let scope = &news.partner.scope;
    let Some(product) = at.ledger.get(scope, id).await? else { return Ok(false) };
    let variants = apart(catalog::all_variants_of(at.ledger, scope, id).await)?.unwrap_or_default();
    let known = mirrors::of(at.ledger, at.scope, at.connection.id, &[id]).await?.pop().flatten();
    let ids: Vec<_> = variants.iter().map(|variant| variant.id).collect();
    let known_variants = mirrors::of(at.ledger, at.scope, at.connection.id, &ids).await?;
    let is_the_shop_s = known.is_none() && known_variants.iter().any(Option::is_some);
    if is_the_shop_s || (known.is_none() && !product.is_offered()) {
        return Ok(false);
    }
    let digest = digest_of(at, &product, &variants);
    let is_repaired =
        known.as_ref().is_some_and(|mirror| mirror.state == MirrorState::Waiting && mirror.found.is_some());
    if !is_repaired && known.as_ref().is_some_and(|mirror| is_agreed_on(mirror, &digest)) {
        return Ok(false);
    }
    // What was deleted in the shop is made there anew.
    let is_gone = is_repaired && known.as_ref().is_some_and(|mirror| mirror.found == Some(compare::gone()));
    let kept = Kept::of(at, id, known.clone()).becomes(|mirror| Mirror { link: Some(news.partner.link), ..mirror });
    let currency = variants.first().map(|variant| variant.price.currency);
    if at.connection.currency.is_some() && at.connection.currency != currency {
        return at.hold(kept, "its partner prices it in another currency than the shop", None).await.map(|()| false);
    }
    if at.connection.syncs.products == Mode::Watch {
        let planned = json!({ "title": product.title, "variants": variants.len() });
        return at.keep(&[kept.becomes(|mirror| mirror.plan(planned))]).await.map(|()| false);
    }
    let wish = ProductWrite {
        mark: id.to_string(),
        id: known.and_then(|mirror| mirror.remote.clone()).filter(|_| !is_gone),
        product: Product::clone(&product),
        variants: variants
            .iter()
            .zip(&known_variants)
            .map(|(variant, known)| wish(at, variant, known.as_ref().filter(|_| !is_gone)))
            .collect(),
    };
    let Some((theirs, kept)) = at.outcome(at.platform.put_product(&wish).await, kept).await? else { return Ok(false) };
    at.tally.sent(|sent| &mut sent.products, &theirs.id);
    at.tally.open().figures.repaired += u64::from(is_repaired);
    agree(at, news, kept, &theirs, digest, (&variants, known_variants)).await
}

fn is_agreed_on(mirror: &Mirror, digest: &str) -> bool {
    matches!(&mirror.agreed, Agreed::Product { digest: agreed } if agreed == digest)
}

/// What the shop has changed of a product that we made there; `None` if nothing, or if what we have is newer than what
/// was agreed on.
pub(super) async fn changed_there(at: &At<'_>, mirror: &Mirror, theirs: &RemoteProduct) -> Result<Option<Value>, Halt> {
    let Some(id) = mirror.record_of::<Product>() else { return Ok(None) };
    let partners = apart(partners::opened_suppliers(at.ledger, at.scope).await)?.unwrap_or_default();
    let Some(partner) = partners.into_iter().find(|partner| Some(partner.link) == mirror.link) else { return Ok(None) };
    let Some(ours) = at.ledger.get(&partner.scope, id).await? else { return Ok(None) };
    let variants = apart(catalog::all_variants_of(at.ledger, &partner.scope, id).await)?.unwrap_or_default();
    if !is_agreed_on(mirror, &digest_of(at, &ours, &variants)) {
        return Ok(None);
    }
    let mut found = Map::new();
    if theirs.product.title != ours.title {
        found.insert("title".to_owned(), json!(theirs.product.title));
    }
    let missing: Vec<_> = variants.iter().filter(|variant| theirs_of(theirs, variant).is_none()).collect();
    if !missing.is_empty() {
        found.insert("variants_lost".to_owned(), json!(missing.iter().map(|variant| variant.id).collect::<Vec<_>>()));
    }
    if at.connection.syncs.prices == Mode::On {
        let prices: Vec<_> = variants.iter().filter_map(|variant| other_price(at, variant, theirs)).collect();
        if !prices.is_empty() {
            found.insert("prices".to_owned(), json!(prices));
        }
    }
    Ok((!found.is_empty()).then_some(Value::Object(found)))
}

fn other_price(at: &At<'_>, ours: &Stored<Variant>, theirs: &RemoteProduct) -> Option<Value> {
    let remote = theirs_of(theirs, ours)?;
    let place = theirs.variants.iter().position(|id| id == remote)?;
    let price = theirs.product.variants.get(place)?.price?;
    let wanted = marked_up(ours.price, at.connection.policy.markup_percent);
    (price != wanted).then(|| json!({ "variant": ours.id, "price": price }))
}

fn wish(at: &At<'_>, variant: &Stored<Variant>, known: Option<&Stored<Mirror>>) -> VariantWrite {
    let id = known.and_then(|mirror| mirror.remote.clone());
    let is_priced = id.is_none() || at.connection.syncs.prices == Mode::On;
    let price = is_priced.then(|| marked_up(variant.price, at.connection.policy.markup_percent));
    VariantWrite { mark: variant.id.to_string(), id, variant: Variant::clone(variant), price }
}

/// A partner's price with the shop's own part, rounded up to a whole minor unit.
fn marked_up(price: Money, percent: u32) -> Money {
    let marked = i128::from(price.amount) * i128::from(100 + percent);
    Money::new(i64::try_from((marked + 99) / 100).unwrap_or(i64::MAX), price.currency)
}

fn digest_of(at: &At<'_>, product: &Product, variants: &[Stored<Variant>]) -> String {
    let variants: Vec<&Variant> = variants.iter().map(|variant| &**variant).collect();
    let (syncs, policy) = (&at.connection.syncs, &at.connection.policy);
    let said = serde_json::to_vec(&(product, variants, syncs.prices, policy.markup_percent)).unwrap_or_default();
    BASE64.encode(digest(&SHA256, &said))
}

/// Writes down that the shop has the product, and which of its variants is which.
async fn agree(
    at: &At<'_>,
    news: &PartnerNews,
    kept: Kept,
    theirs: &RemoteProduct,
    digest: String,
    (variants, known): (&[Stored<Variant>], Vec<Option<Stored<Mirror>>>),
) -> Result<bool, Halt> {
    let (now, mut change, mut is_new) = (at.now(), Change::new(), false);
    let kept = kept.becomes(|mirror| {
        let mirror = Mirror { remote: Some(theirs.id.clone()), ..mirror };
        mirror.agree(Agreed::Product { digest }, now, None)
    });
    kept.write(&mut change);
    for (variant, known) in variants.iter().zip(known) {
        let Some(remote) = theirs_of(theirs, variant) else { continue };
        if known.as_ref().is_some_and(|mirror| mirror.remote.as_ref() == Some(remote)) {
            continue;
        }
        is_new = true;
        let kept = Kept::of(at, variant.id, known).becomes(|mirror| {
            let agreed = Agreed::Variant { product: theirs.id.clone(), available: BTreeMap::new() };
            let (remote, link) = (Some(remote.clone()), Some(news.partner.link));
            Mirror { remote, link, agreed, ..mirror }.wait_until(now, "its stock is next")
        });
        kept.write(&mut change);
    }
    if !change.is_empty() {
        at.ledger.commit(at.scope, change).await?;
    }
    at.release(kept.id).await?;
    Ok(is_new)
}

/// The shop's id of one of our variants: by its SKU, else by its option values.
fn theirs_of<'a>(theirs: &'a RemoteProduct, variant: &Variant) -> Option<&'a RemoteId> {
    let mut all = theirs.product.variants.iter().zip(&theirs.variants);
    let found = all.find(|(draft, _)| match (&draft.sku, &variant.sku) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (None, None) => draft.options == variant.options,
        _ => false,
    });
    found.map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Currency;

    #[test]
    fn a_marked_up_price_is_never_below_its_part() {
        let euros = |cents| Money::new(cents, Currency::EUR);
        assert_eq!(marked_up(euros(1_000), 0), euros(1_000));
        assert_eq!(marked_up(euros(999), 50), euros(1_499));
        assert_eq!(marked_up(euros(1), 10), euros(2));
        assert_eq!(marked_up(euros(i64::MAX), 1_000), euros(i64::MAX));
    }
}
