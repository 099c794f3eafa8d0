//! Products that a shop has: a supplier's become its catalogue; in a shop that sells they are recognised as partners'.

use super::at::{At, Halt, Kept, apart, sentence};
use super::orders_in::sold;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bonded_base::{Id, Kind};
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror};
use bonded_connect::platform::{RemoteId, RemoteProduct, Unreadable};
use bonded_ledger::{Change, Stored};
use bonded_trade::catalog::{self, Product, ProductPut, Put, Variant};
use bonded_trade::holds;
use bonded_trade::sku_mappings::{self, Means};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Takes one product of a supplier's shop in, whole.
pub(super) async fn take(at: &At<'_>, theirs: &RemoteProduct) -> Result<(), Halt> {
    let known = product_mirror(at, &theirs.id).await?;
    if known.as_ref().is_some_and(|mirror| is_taken(mirror, theirs)) {
        return Ok(());
    }
    let digest = digest_of(theirs);
    if at.connection.syncs.products == Mode::Watch {
        let planned = serde_json::to_value(&theirs.product).unwrap_or_default();
        let kept = awaited(at, &theirs.id, known).becomes(|mirror| mirror.plan(planned));
        return at.keep(&[kept]).await;
    }
    let variants = variant_mirrors(at, &theirs.variants).await?;
    let put = match known.as_ref().filter(|mirror| mirror.agreed_at.is_some()) {
        Some(mirror) => ProductPut {
            id: mirror.record_of::<Product>(),
            draft: theirs.product.clone(),
            variants: variants.iter().map(|mirror| mirror.as_ref()?.record_of::<Variant>()).collect(),
        },
        None => adopted(at, theirs).await?,
    };
    match apart(catalog::put(at.ledger, at.scope, &put).await)? {
        Ok(done) => agree(at, theirs, known, variants, &done, digest).await,
        Err(problem) => {
            let kept = awaited(at, &theirs.id, known);
            at.hold(kept, &sentence(&problem), Some(payload(theirs))).await
        }
    }
}

/// Whether a product was taken in as it is.
pub(super) fn is_taken(mirror: &Mirror, theirs: &RemoteProduct) -> bool {
    mirror.agreed == Agreed::Product { digest: digest_of(theirs) }
}

/// Holds a product that could not be understood.
pub(super) async fn refuse(at: &At<'_>, bad: &Unreadable) -> Result<(), Halt> {
    let kept = awaited(at, &bad.id, product_mirror(at, &bad.id).await?);
    at.hold(kept, &sentence(&bad.problem), None).await
}

/// Products that are not there any more are no longer offered; they are kept for the orders that name them.
pub(super) async fn gone(at: &At<'_>, ids: Vec<RemoteId>) -> Result<(), Halt> {
    if at.connection.syncs.products != Mode::On || !at.connection.direction.supplies() {
        return Ok(());
    }
    for id in ids {
        let Some(mirror) = product_mirror(at, &id).await?.filter(|mirror| mirror.link.is_none()) else { continue };
        let Some(product) = mirror.record_of::<Product>() else { continue };
        apart(catalog::archive(at.ledger, at.scope, product, None).await)?.ok();
        // Should it come back, it is another product.
        let mut change = Change::new();
        change.remove(&mirror, "gone");
        at.ledger.commit(at.scope, change).await?;
    }
    Ok(())
}

/// Joins the variants of a shop that sells to the partners' variants that they are: by what was said of their SKU, else by
/// the SKU itself, never by a name.
pub(super) async fn recognise(at: &At<'_>, theirs: &RemoteProduct) -> Result<(), Halt> {
    let known = variant_mirrors(at, &theirs.variants).await?;
    let new: Vec<(&RemoteId, &str)> = theirs
        .variants
        .iter()
        .zip(&theirs.product.variants)
        .zip(&known)
        .filter(|(_, known)| known.is_none())
        .filter_map(|((remote, draft), _)| Some((remote, draft.sku.as_deref()?)))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let skus: Vec<&str> = new.iter().map(|(_, sku)| *sku).collect();
    let meant = apart(sku_mappings::meanings(at.ledger, at.scope, &skus).await)?.unwrap_or_default();
    let sold = sold(at, &skus).await?;
    let mut kept = Vec::new();
    for ((remote, sku), means) in new.into_iter().zip(meant) {
        let (link, variant) = match (means, sold.get(sku)) {
            (Some(Means::Variant(variant)), _) => match owner(at, variant).await? {
                Some(link) => (link, variant),
                None => continue,
            },
            (None, Some((partner, variant))) => (partner.link, *variant),
            (Some(Means::Own), _) | (None, None) => continue,
        };
        let before = mirrors::of(at.ledger, at.scope, at.connection.id, &[variant]).await?.pop().flatten();
        if before.is_some() {
            // Two of the shop's variants have one SKU: the first is kept in step.
            continue;
        }
        let agreed = Agreed::Variant { product: theirs.id.clone(), available: BTreeMap::new() };
        kept.push(Kept::of(at, variant, None).becomes(|mirror| Mirror {
            remote: Some(remote.clone()),
            link: Some(link),
            agreed,
            ..mirror
        }));
    }
    let mut seen = HashSet::new();
    kept.retain(|kept: &Kept| seen.insert(kept.id));
    at.keep(&kept).await?;
    // Orders that came before the partner sold these waited for somebody to look.
    if !kept.is_empty() {
        apart(holds::retry_skus(at.ledger, at.scope, &skus).await)?.ok();
    }
    Ok(())
}

/// The link to the partner whose variant this is.
async fn owner(at: &At<'_>, variant: Id<Variant>) -> Result<Option<Id<bonded_trade::partners::PartnerLink>>, Halt> {
    let open = bonded_trade::partners::opened_suppliers(at.ledger, at.scope).await;
    for partner in apart(open)?.unwrap_or_default() {
        if at.ledger.get(&partner.scope, variant).await?.is_some() {
            return Ok(Some(partner.link));
        }
    }
    Ok(None)
}

async fn product_mirror(at: &At<'_>, id: &RemoteId) -> Result<Option<Stored<Mirror>>, Halt> {
    let found = mirrors::of_remotes(at.ledger, at.scope, at.connection.id, Kind::Product, std::slice::from_ref(id));
    Ok(found.await?.pop().flatten())
}

async fn variant_mirrors(at: &At<'_>, ids: &[RemoteId]) -> Result<Vec<Option<Stored<Mirror>>>, Halt> {
    Ok(mirrors::of_remotes(at.ledger, at.scope, at.connection.id, Kind::Variant, ids).await?)
}

/// The mirror of a product that is not ours yet, under an id that stands for it until it is.
fn awaited(at: &At<'_>, id: &RemoteId, known: Option<Stored<Mirror>>) -> Kept {
    let product = known.as_ref().and_then(|mirror| mirror.record_of::<Product>());
    let product = product.unwrap_or_else(|| at.ledger.new_id());
    Kept::of(at, product, known).becomes(|mirror| Mirror { remote: Some(id.clone()), ..mirror })
}

/// Which of our products a shop's is that was never taken: the one that has its SKUs, if there is one and the shop has no
/// other for it. So what was imported before, or taken in just before a crash, is not there twice.
async fn adopted(at: &At<'_>, theirs: &RemoteProduct) -> Result<ProductPut, Halt> {
    let mut put = ProductPut { id: None, draft: theirs.product.clone(), variants: Vec::new() };
    let skus: Vec<&str> = theirs.product.variants.iter().filter_map(|variant| variant.sku.as_deref()).collect();
    let found = apart(catalog::by_skus(at.ledger, at.scope, &skus).await)?.unwrap_or_default();
    let ids: Vec<_> = found.iter().copied().flatten().collect();
    if ids.is_empty() {
        return Ok(put);
    }
    let ours = at.ledger.get_many::<Variant>(at.scope, &ids).await?;
    let products: HashSet<_> = ours.into_iter().flatten().map(|variant| variant.product).collect();
    let [product] = products.into_iter().collect::<Vec<_>>()[..] else { return Ok(put) };
    let taken = mirrors::of(at.ledger, at.scope, at.connection.id, &[product]).await?.pop().flatten();
    if taken.is_some_and(|mirror| mirror.remote.as_ref().is_some_and(|remote| *remote != theirs.id)) {
        return Ok(put);
    }
    let by_sku: HashMap<&str, Id<Variant>> = skus.iter().zip(found).filter_map(|(sku, id)| Some((*sku, id?))).collect();
    put.variants = theirs.product.variants.iter().map(|draft| by_sku.get(draft.sku.as_deref()?).copied()).collect();
    put.id = Some(product);
    Ok(put)
}

/// Writes down that both sides have the product now, and its variants.
async fn agree(
    at: &At<'_>,
    theirs: &RemoteProduct,
    known: Option<Stored<Mirror>>,
    variants: Vec<Option<Stored<Mirror>>>,
    done: &Put,
    digest: String,
) -> Result<(), Halt> {
    let (now, mut change) = (at.now(), Change::new());
    // What stood for a product that was held or planned gives its place to the product itself.
    let (stale, known) = match known {
        Some(mirror) if mirror.record_of() != Some(done.id) => (Some(mirror), None),
        other => (None, other),
    };
    if let Some(stale) = &stale {
        change.remove(stale, "replaced");
    }
    let known = match known {
        None => mirrors::of(at.ledger, at.scope, at.connection.id, &[done.id]).await?.pop().flatten(),
        known => known,
    };
    let product = Kept::of(at, done.id, known).becomes(|mirror| {
        Mirror { remote: Some(theirs.id.clone()), ..mirror }.agree(Agreed::Product { digest }, now, theirs.updated_at)
    });
    product.write(&mut change);
    let before: Vec<_> = mirrors::of(at.ledger, at.scope, at.connection.id, &done.variants).await?;
    for (((remote, ours), by_remote), by_ours) in theirs.variants.iter().zip(&done.variants).zip(variants).zip(before) {
        if let Some(other) = by_remote.filter(|mirror| mirror.record_of() != Some(*ours)) {
            change.remove(&other, "replaced");
        }
        let kept = Kept::of(at, *ours, by_ours).becomes(|mirror| {
            let available = match &mirror.agreed {
                Agreed::Variant { available, .. } => available.clone(),
                _ => BTreeMap::new(),
            };
            let is_new = mirror.remote.as_ref() != Some(remote) || mirror.agreed_at.is_none();
            let agreed = Agreed::Variant { product: theirs.id.clone(), available };
            let mirror = Mirror { remote: Some(remote.clone()), ..mirror };
            if is_new { mirror.agree(agreed, now, None) } else { mirror }
        });
        kept.write(&mut change);
    }
    if !change.is_empty() {
        at.ledger.commit(at.scope, change).await?;
    }
    at.release(product.id).await?;
    if let Some(stale) = stale {
        at.release(stale.id).await?;
    }
    Ok(())
}

fn digest_of(theirs: &RemoteProduct) -> String {
    let said = serde_json::to_vec(&(&theirs.product, &theirs.variants)).unwrap_or_default();
    BASE64.encode(digest(&SHA256, &said))
}

fn payload(theirs: &RemoteProduct) -> Value {
    json!({ "id": theirs.id, "product": theirs.product })
}
