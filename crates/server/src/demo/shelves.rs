//! What the retailer finds on a partner's shelves, read through the partner link.

use super::api::{Caller, number, text};
use super::cast::Supplier;
use crate::ending::Ending;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Variants whose stock one request asks for.
const LEVELS_AT_ONCE: usize = 100;

/// Products that are looked at before choosing; a shopper does not read the whole catalogue either.
const PRODUCTS_LOOKED_AT: usize = 40;

/// Pieces of each line, if there are as many.
const PIECES_WANTED: i64 = 2;

/// Lines for each supplier.
const LINES_WANTED: usize = 2;

/// Pieces that a supplier counts in where its file has none of anything.
const PIECES_COUNTED_IN: i64 = 5;

/// A line of the order to be.
pub struct Pick {
    /// Which variant.
    pub variant: String,
    /// What it is called.
    pub title: String,
    /// What one costs.
    pub price: Value,
    /// Pieces.
    pub quantity: i64,
    /// Pieces on hand before the order; `None` where none are counted.
    pub on_hand: Option<i64>,
}

/// Chooses up to two things that can be had now. A supplier that has nothing counts something in first.
pub async fn choose(retailer: &Caller, supplier: &Supplier) -> Result<(Vec<Pick>, bool), Ending> {
    let offers = offers(retailer, &supplier.link).await?;
    let picks = picks(&offers);
    if !picks.is_empty() {
        return Ok((picks, false));
    }
    let count: Vec<_> = offers
        .iter()
        .take(LINES_WANTED)
        .map(|offer| json!({"variant": offer.variant, "on_hand": PIECES_COUNTED_IN}))
        .collect();
    supplier.caller.post("/v1/inventory_levels/batch", Some(&json!({"data": count}))).await?;
    Ok((self::picks(&self::offers(retailer, &supplier.link).await?), true))
}

/// Something that a partner sells.
struct Offer {
    variant: String,
    title: String,
    price: Value,
    /// Whether its stock is counted at all.
    tracked: bool,
    /// Whether it is sold only while there is some.
    needs_stock: bool,
    on_hand: Option<i64>,
    available: i64,
}

async fn offers(retailer: &Caller, link: &str) -> Result<Vec<Offer>, Ending> {
    let base = format!("/v1/partner_links/{link}");
    let products = retailer.get(&format!("{base}/products?limit={PRODUCTS_LOOKED_AT}")).await?;
    let mut offers = Vec::new();
    for product in super::api::list(&products, "/data").iter().filter(|product| text(product, "/status") == "active") {
        let id = text(product, "/id");
        for variant in retailer.all(&format!("{base}/variants?product={id}")).await? {
            let counted = |name| variant.get(name).and_then(Value::as_bool).unwrap_or(false);
            let title = match text(&variant, "/title") {
                "Default Title" => text(product, "/title").to_owned(),
                title => format!("{} - {title}", text(product, "/title")),
            };
            offers.push(Offer {
                variant: text(&variant, "/id").to_owned(),
                title,
                price: variant.get("price").cloned().unwrap_or_default(),
                tracked: counted("tracked"),
                needs_stock: counted("tracked") && !counted("sell_when_out"),
                on_hand: None,
                available: 0,
            });
        }
    }
    count(retailer, &base, &mut offers).await?;
    Ok(offers)
}

async fn count(retailer: &Caller, base: &str, offers: &mut [Offer]) -> Result<(), Ending> {
    for some in offers.chunks_mut(LEVELS_AT_ONCE) {
        let asked: Vec<_> = some.iter().map(|offer| offer.variant.as_str()).collect();
        let levels = levels(retailer, &format!("{base}/inventory_levels"), &asked).await?;
        for offer in some {
            if let Some((on_hand, available)) = levels.get(&offer.variant).filter(|_| offer.tracked) {
                (offer.on_hand, offer.available) = (Some(*on_hand), *available);
            }
        }
    }
    Ok(())
}

/// Pieces on hand and available of up to [`LEVELS_AT_ONCE`] variants, over all locations.
pub async fn levels(caller: &Caller, path: &str, variants: &[&str]) -> Result<HashMap<String, (i64, i64)>, Ending> {
    let answer = caller.get(&format!("{path}?variant={}", variants.join(","))).await?;
    let mut found: HashMap<String, (i64, i64)> = HashMap::new();
    for level in super::api::list(&answer, "/data") {
        let (on_hand, available) = found.entry(text(level, "/variant").to_owned()).or_default();
        *on_hand += number(level, "/on_hand");
        *available += number(level, "/available");
    }
    Ok(found)
}

/// Up to two offers, those first whose stock is counted, and of which there is enough.
fn picks(offers: &[Offer]) -> Vec<Pick> {
    let pieces = |offer: &Offer| if offer.needs_stock { offer.available.min(PIECES_WANTED) } else { PIECES_WANTED };
    let mut possible: Vec<_> =
        offers.iter().map(|offer| (pieces(offer), offer)).filter(|(pieces, _)| *pieces > 0).collect();
    // Stable, so that among equals the catalogue's own order holds.
    possible.sort_by_key(|(pieces, offer)| std::cmp::Reverse((offer.tracked, *pieces)));
    let pick = |(quantity, offer): (i64, &Offer)| Pick {
        variant: offer.variant.clone(),
        title: offer.title.clone(),
        price: offer.price.clone(),
        quantity,
        on_hand: offer.on_hand,
    };
    possible.into_iter().take(LINES_WANTED).map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(title: &str, tracked: bool, available: i64) -> Offer {
        Offer {
            variant: String::new(),
            title: title.to_owned(),
            price: Value::Null,
            tracked,
            needs_stock: tracked,
            on_hand: None,
            available,
        }
    }

    #[test]
    fn what_can_be_had_is_chosen_and_what_is_counted_first() {
        let shelves = [offer("none", true, 0), offer("one", true, 1), offer("many", true, 9), offer("any", false, 0)];
        let chosen: Vec<_> = picks(&shelves).into_iter().map(|pick| (pick.title, pick.quantity)).collect();
        assert_eq!(chosen, [("many".to_owned(), 2), ("one".to_owned(), 1)]);
        assert!(picks(&shelves[..1]).is_empty());
    }
}
