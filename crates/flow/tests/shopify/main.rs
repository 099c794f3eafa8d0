//! The whole way between two Shopify shops: a retailer's and a supplier's, each a counterpart that fails as shops fail.

#![cfg(test)]

mod market;
mod notices;
#[path = "../flow/trade.rs"]
#[expect(dead_code, reason = "other stories need more of it")]
mod trade;

use bonded_connect::connections::{Direction, Mode, Policy, Syncs};
use bonded_shopkit::Post;
use bonded_shopkit::state::{Fulfilment, Order};
use bonded_trade::orders::OrderState;
use market::{MARK, Market, ada};
use std::collections::BTreeSet;

fn all() -> Syncs {
    Syncs::all(Mode::On)
}

/// What a retailer keeps in step whose products are made by its own people.
fn all_but_products() -> Syncs {
    Syncs { products: Mode::Off, prices: Mode::Off, ..all() }
}

impl Market {
    /// A lamp in two forms on both sides, ten of each at the supplier's; answers the numbers of the forms there and here.
    async fn with_lamps(&self) -> (Vec<u64>, Vec<u64>) {
        let lamps = |pieces| [("LAMP-S", "25.00", pieces), ("LAMP-L", "40.00", pieces)];
        let theirs = self.supply.sells("Lamp", &lamps(10));
        let ours = self.retail.sells("A lamp of many", &lamps(0));
        self.connect_both(all_but_products()).await;
        self.until("stock reaches the shop", || ours.iter().all(|id| self.retail.available(*id) == 10)).await;
        (theirs, ours)
    }

    async fn connect_both(&self, retail: Syncs) {
        self.connect(&self.supplier, &self.supply, Direction::SupplyFrom, all(), Policy::default()).await;
        self.connect(&self.retailer, &self.retail, Direction::SellThrough, retail, Policy::default()).await;
    }

    /// Orders that were placed at the supplier's.
    fn placed(&self) -> Vec<(u64, Order)> {
        let shop = self.supply.shop();
        let marked = shop.orders.iter().filter(|(_, order)| order.metafields.contains_key(MARK));
        marked.map(|(id, order)| (*id, order.clone())).collect()
    }

    fn shown(&self, order: u64) -> Vec<Fulfilment> {
        self.retail.shop().orders[&order].fulfilments.clone()
    }
}

const fn tracking(number: &str) -> [Option<&str>; 3] {
    [Some("DHL"), Some(number), Some("https://dhl.example/follow")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_shop_sells_another_ships_by_line_with_carrier_number_and_link() {
    let Some(market) = Market::open(Post::default()).await else { return };
    let paper = market.retail.sells("Paper", &[("PAPER", "1.00", 7)]);
    let (theirs, ours) = market.with_lamps().await;
    assert_eq!(market.retail.available(paper[0]), 7, "what the shop stocks itself is its own affair");

    // Twice the same form, on two lines.
    let order = market.retail.shop().place_order(&[(ours[0], 2), (ours[0], 3), (ours[1], 1)], Some(ada()));
    market.until("the supplier's shop has it", || market.placed().len() == 1).await;
    let (there, placed) = market.placed().remove(0);
    let lines: Vec<_> = placed.lines.iter().map(|line| (line.variant.unwrap(), line.quantity)).collect();
    assert_eq!(lines, [(theirs[0], 2), (theirs[0], 3), (theirs[1], 1)]);
    let address = placed.address.unwrap();
    assert_eq!((&address["lastName"], &address["zip"]), (&"Lovelace".into(), &"SW1Y 4JH".into()));
    market
        .until("both shops show what is left", || {
            [market.supply.available(theirs[0]), market.retail.available(ours[0])] == [5, 5]
        })
        .await;

    let second = placed.lines[1].id;
    market.supply.shop().fulfil(there, &[(second, 2)], tracking("T1")).unwrap();
    market.until("a part is shown", || market.shown(order).len() == 1).await;
    let parcel = market.shown(order).remove(0);
    let own = market.retail.shop().orders[&order].lines[1].id;
    assert_eq!(parcel.lines, [(own, 2)], "of the second line, though the first is of the same form");
    let told = [parcel.company, parcel.number, parcel.url].map(Option::unwrap);
    assert_eq!(told, ["DHL", "T1", "https://dhl.example/follow"]);

    let rest = [(placed.lines[0].id, 2), (second, 1), (placed.lines[2].id, 1)];
    market.supply.shop().fulfil(there, &rest, tracking("T2")).unwrap();
    market.until("the rest is shown", || market.shown(order).len() == 2).await;
    // A number that was wrong is put right, and the parcel stays one.
    market.supply.shop().retrack(there, 0, "T11");
    market
        .until("the new number is shown", || {
            market.shown(order).iter().any(|parcel| parcel.number.as_deref() == Some("T11"))
        })
        .await;
    assert_eq!(market.shown(order).len(), 2);
    market.settled().await;
    let orders = market.orders().await;
    assert_eq!((orders.len(), orders[0].state), (1, OrderState::Shipped));

    // What the supplier sells itself lowers what the other offers.
    market.supply.shop().place_order(&[(theirs[1], 4)], None);
    market.until("and the other follows", || market.retail.available(ours[1]) == 5).await;
    assert_eq!(market.retail.available(paper[0]), 7);
    // The counterpart takes stock only with a key and with what it is changed from; each was new.
    let (retail, supply) = (market.retail.shop(), market.supply.shop());
    assert!(retail.done["inventorySetQuantities"] >= 2);
    assert!(retail.idempotent.len() >= usize::try_from(retail.done["inventorySetQuantities"]).unwrap());
    assert_eq!(supply.done.get("inventorySetQuantities"), None, "a supplier counts for itself");
    assert!(!retail.done.contains_key("productSet") && !supply.done.contains_key("productSet"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_arrives_once_though_calls_fail_webhooks_are_lost_and_the_program_dies() {
    const ORDERS: usize = 20;
    let post = Post { twice_one_in: 3, lost_one_in: 3, reversed: true };
    let Some(mut market) = Market::open(post).await else { return };
    let theirs = market.supply.sells("Lamp", &[("LAMP", "25.00", 1_000)]);
    let ours = market.retail.sells("Lamp", &[("LAMP", "30.00", 0)]);
    market.connect_both(all_but_products()).await;
    market.until("stock reaches the shop", || market.retail.available(ours[0]) == 1_000).await;
    market.retail.kit.faults().plan(7, 5);
    market.supply.kit.faults().plan(11, 5);
    let mut orders = Vec::new();
    for nth in 0..ORDERS {
        orders.push(market.retail.shop().place_order(&[(ours[0], 1)], Some(ada())));
        if nth == ORDERS / 2 {
            market.until("some arrived", || !market.placed().is_empty()).await;
            market.crash();
        }
    }
    market.later(6).await;
    market.until("all arrived", || market.placed().len() == ORDERS).await;
    for (order, placed) in market.placed() {
        let line = placed.lines[0].id;
        market.supply.shop().fulfil(order, &[(line, 1)], tracking(&format!("T-{order}"))).unwrap();
    }
    market.crash();
    market.later(6).await;
    let mut round = 0;
    while orders.iter().any(|order| market.shown(*order).is_empty()) {
        // What was told and lost is found by the next reading.
        round += 1;
        assert!(round < 400, "not all parcels are shown");
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        if round % 20 == 0 {
            market.later(6).await;
        }
    }
    market.retail.kit.faults().plan(0, 0);
    market.supply.kit.faults().plan(0, 0);
    market.later(6).await;
    market.settled().await;
    let placed = market.placed();
    let marks: BTreeSet<_> = placed.iter().map(|(_, order)| order.metafields[MARK].clone()).collect();
    assert_eq!((placed.len(), marks.len()), (ORDERS, ORDERS), "each once");
    let numbers: BTreeSet<_> = orders.iter().flat_map(|order| market.shown(*order)).map(|one| one.number).collect();
    assert_eq!(numbers.len(), ORDERS);
    assert!(orders.iter().all(|order| market.shown(*order).len() == 1), "each parcel once");
    let left = 1_000 - i64::try_from(ORDERS).unwrap();
    assert_eq!(market.supply.available(theirs[0]), left);
    market.until("both count alike in the end", || market.retail.available(ours[0]) == left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_of_2048_variants_goes_from_shop_to_shop_whole() {
    const VARIANTS: usize = 2_048;
    let Some(market) = Market::open(Post::default()).await else { return };
    let skus: Vec<String> = (0..VARIANTS).map(|number| format!("SKU-{number}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "1.00", 3)).collect();
    let theirs = market.supply.shop().add_product("Paint", &many);
    market.connect_both(all()).await;
    let made = || {
        let shop = market.retail.shop();
        let product = shop.products.values().find(|product| product.variants.len() == VARIANTS)?;
        Some((product.title.clone(), product.variants.clone()))
    };
    market.until("all of it is made", || made().is_some()).await;
    market
        .until("with its stock", || {
            made().is_some_and(|(_, variants)| variants.iter().all(|id| market.retail.available(*id) == 3))
        })
        .await;
    let (_, variants) = made().unwrap();
    let made_skus: BTreeSet<_> =
        variants.iter().map(|id| market.retail.shop().variants[id].sku.clone().unwrap()).collect();
    assert_eq!(made_skus, skus.into_iter().collect());
    market.supply.shop().products.get_mut(&theirs).unwrap().title = "Fine paint".to_owned();
    market.supply.shop().touch_product(theirs);
    market.until("a new name arrives", || made().is_some_and(|(title, _)| title == "Fine paint")).await;
    assert_eq!(made().unwrap().1, variants, "and nothing is dropped or made anew");
    assert!(!market.retail.shop().done.contains_key("productSet"));
}
