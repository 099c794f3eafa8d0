//! What consumers buy, and what the supplier sends of it, with what has to come of that in the end.

use bonded_shopkit::State;
use serde_json::json;
use std::collections::BTreeMap;

/// What there is enough of, however many orders there are.
pub const PLENTY: [&str; 3] = ["LAMP-S", "LAMP-M", "LAMP-L"];
/// What runs out.
pub const RARE: &str = "VASE";
/// Shopify's number of the one location that each shop has.
const WAREHOUSE: u64 = 1;
/// One order in so many is for what runs out.
const RARE_ONE_IN: usize = 4;

/// Variants by SKU.
pub type Shelf = BTreeMap<String, u64>;

/// A parcel: the pieces in it by SKU, its carrier and where it can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub pieces: BTreeMap<String, i64>,
    pub company: Option<String>,
    pub url: Option<String>,
}

/// The parcels of one order, by their number.
pub type Parcels = BTreeMap<String, Parcel>;

/// Puts everything on a shop's shelves.
pub fn stock(shop: &mut State, plenty: i64, rare: i64) -> Shelf {
    let forms: Vec<_> = PLENTY.iter().map(|sku| (*sku, "19.99", plenty)).collect();
    shop.add_product("Lamp", &forms);
    shop.add_product("Vase", &[(RARE, "250.00", rare)]);
    shop.variants.iter().map(|(id, variant)| (variant.sku.clone().unwrap(), *id)).collect()
}

/// Pieces that a shop can still sell.
pub fn available(shop: &State, shelf: &Shelf, sku: &str) -> i64 {
    shop.levels[&(shelf[sku], WAREHOUSE)].available
}

/// Pieces that a shop has promised and not sent.
pub fn committed(shop: &State, shelf: &Shelf, sku: &str) -> i64 {
    shop.levels[&(shelf[sku], WAREHOUSE)].committed
}

/// What the nth consumer wants.
fn wish(number: usize) -> Vec<(&'static str, i64)> {
    let sku = |place: usize| PLENTY[place % PLENTY.len()];
    let pieces = i64::try_from(number % 3).unwrap() + 1;
    match number % RARE_ONE_IN {
        0 => vec![(RARE, 1)],
        1 => vec![(sku(number), pieces), (sku(number + 1), 1)],
        _ => vec![(sku(number), pieces)],
    }
}

/// The nth consumer buys; what the shop does not show any more is replaced by something else.
pub fn buy(shop: &mut State, shelf: &Shelf, number: usize) -> u64 {
    let is_there = |(sku, pieces): &(&str, i64)| available(shop, shelf, sku) >= *pieces;
    let wish = if wish(number).iter().all(is_there) { wish(number) } else { vec![(PLENTY[0], 1)] };
    let lines: Vec<_> = wish.into_iter().map(|(sku, pieces)| (shelf[sku], pieces)).collect();
    shop.place_order(&lines, Some(address(number)))
}

fn address(number: usize) -> serde_json::Value {
    json!({
        "firstName": "Ada", "lastName": format!("Lovelace {number}"), "address1": "12 St James's Square", "city": "London",
        "zip": "SW1Y 4JH", "provinceCode": "ENG", "countryCodeV2": "GB",
    })
}

/// A customer of the supplier's own buys a piece, if it is there; `true` if so.
pub fn sell_directly(shop: &mut State, shelf: &Shelf, sku: &str) -> bool {
    let is_there = available(shop, shelf, sku) > 0;
    if is_there {
        shop.place_order(&[(shelf[sku], 1)], Some(address(0)));
    }
    is_there
}

/// The supplier sends the next parcel of an order: one piece of each line first where there are several, then the rest.
/// `false` when nothing is left to send.
pub fn send(shop: &mut State, order: u64) -> bool {
    let of = &shop.orders[&order];
    let parcel = of.fulfilments.len();
    let left: Vec<(u64, i64)> = of
        .fulfilment_orders
        .iter()
        .flat_map(|part| &part.lines)
        .filter(|(.., left)| *left > 0)
        .map(|(_, line, left)| (*line, *left))
        .collect();
    if left.is_empty() {
        return false;
    }
    let lines: Vec<_> = if parcel == 0 { left.iter().map(|(line, _)| (*line, 1)).collect() } else { left };
    let number = format!("T{order}-{parcel}");
    let url = format!("https://dhl.example/{number}");
    let sent = shop.fulfil(order, &lines, [Some("DHL"), Some(&number), Some(&url)]);
    assert!(sent.is_some(), "the supplier cannot send what it has");
    true
}

/// The parcels of an order, as a shop shows them.
pub fn parcels(shop: &State, order: u64) -> Parcels {
    let order = &shop.orders[&order];
    let mut found = Parcels::new();
    for sent in &order.fulfilments {
        let mut pieces = BTreeMap::new();
        for (line, count) in &sent.lines {
            let line = order.lines.iter().find(|known| known.id == *line).unwrap();
            *pieces.entry(line.sku.clone().unwrap()).or_insert(0) += count;
        }
        let parcel = Parcel { pieces, company: sent.company.clone(), url: sent.url.clone() };
        let number = sent.number.clone().unwrap_or_default();
        assert!(found.insert(number, parcel).is_none(), "{} has a parcel twice", order.name);
    }
    found
}

/// Pieces of an order's lines that are this.
pub fn ordered(shop: &State, order: u64, sku: &str) -> i64 {
    let lines = shop.orders[&order].lines.iter().filter(|line| line.sku.as_deref() == Some(sku));
    lines.map(|line| line.quantity - line.dropped).sum()
}
