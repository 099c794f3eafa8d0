//! The story: a day of orders with everything going wrong, and the count of it at night.

use crate::fair::{Fair, Watch};
use crate::goods::{self, PLENTY, RARE};
use crate::house::House;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Times that the program is killed.
const KILLS: usize = 3;
/// Orders that consumers place in one beat.
const AT_ONCE: usize = 3;
/// Orders that may be on their way to the supplier's shop.
const UNDER_WAY_MAX: usize = 400;
/// There is a piece of what is rare for one order in so many; one in four wants one.
const RARE_PIECES_ONE_IN: usize = 6;
/// Pieces of each order at most.
const PIECES_MAX: usize = 4;
/// One beat in so many, a customer of the supplier's own buys something.
const DIRECTLY_ONE_IN: u64 = 7;

/// Beats between two words about how far it has come.
const TELL_EVERY: u64 = 500;

/// What has happened so far.
#[derive(Default)]
struct Day {
    /// Orders in the retailer's shop.
    bought: Vec<u64>,
    /// Orders in the supplier's shop that came from there, and the last of all that were looked at.
    arrived: Vec<u64>,
    looked_at: u64,
    /// Those of them of which something is left to be sent.
    unsent: Vec<u64>,
    /// Pieces that the supplier's shop sold by itself.
    directly: BTreeMap<&'static str, i64>,
    kills: usize,
    beats: u64,
}

/// Tells the story with so many orders.
pub async fn tell(house: House, orders: usize) {
    let began = std::time::Instant::now();
    let plenty = i64::try_from(orders * PIECES_MAX).unwrap();
    let rare = i64::try_from(orders / RARE_PIECES_ONE_IN).unwrap();
    let Some(mut fair) = Fair::open(house, [plenty, rare]).await else { return };
    fair.fail();
    let mut day = Day::default();
    let mut watch = Watch::default();
    while !day.is_over(&fair, orders).await {
        day.live(&fair, orders);
        if day.kills < KILLS && day.arrived.len() >= orders / (KILLS + 1) * (day.kills + 1) {
            fair.crash();
            day.kills += 1;
        }
        // What is lost before the last kill is found by reading the shops again.
        fair.carry(day.kills < KILLS && day.bought.len() < orders).await;
        fair.beat("every order is sent and told", &mut watch).await;
        if day.beats.is_multiple_of(TELL_EVERY) {
            println!("{} s: {} bought, {} arrived", began.elapsed().as_secs(), day.bought.len(), day.arrived.len());
        }
    }
    day.count(&fair, [plenty, rare]).await;
    let calls = fair.retail.shop.calls().len();
    println!("{orders} orders, {KILLS} kills, {} s, {calls} calls of the retailer's shop", began.elapsed().as_secs());
}

impl Day {
    /// Consumers buy, the supplier's own customers buy, and the supplier sends what has arrived.
    fn live(&mut self, fair: &Fair, orders: usize) {
        self.beats += 1;
        let (retail, supply) = (&fair.retail, &fair.supply);
        for _ in 0..AT_ONCE {
            let is_enough = self.bought.len() >= orders || self.bought.len() >= self.arrived.len() + UNDER_WAY_MAX;
            if !is_enough {
                self.bought.push(goods::buy(&mut retail.shop.shop(), &retail.shelf, self.bought.len()));
            }
        }
        let mut shop = supply.shop.shop();
        if self.beats.is_multiple_of(DIRECTLY_ONE_IN) && self.bought.len() < orders {
            for sku in [PLENTY[0], RARE] {
                let sold = goods::sell_directly(&mut shop, &supply.shelf, sku);
                *self.directly.entry(sku).or_default() += i64::from(sold);
            }
        }
        let new: Vec<_> =
            shop.orders.range(self.looked_at + 1..).map(|(id, of)| (*id, of.po_number.is_some())).collect();
        self.looked_at = new.last().map_or(self.looked_at, |(id, _)| *id);
        let ours = new.into_iter().filter(|(_, is_ours)| *is_ours).map(|(id, _)| id);
        for order in ours {
            self.arrived.push(order);
            self.unsent.push(order);
        }
        self.unsent.retain(|order| goods::send(&mut shop, *order));
    }

    /// Whether everything that was bought is with its consumer, or was refused, and both shops count alike.
    async fn is_over(&self, fair: &Fair, orders: usize) -> bool {
        if self.bought.len() < orders || self.kills < KILLS || !self.unsent.is_empty() {
            return false;
        }
        let told = {
            let (retail, supply) = (fair.retail.shop.shop(), fair.supply.shop.shop());
            let sent: usize = self.arrived.iter().map(|order| supply.orders[order].fulfilments.len()).sum();
            let told: usize = self.bought.iter().map(|order| retail.orders[order].fulfilments.len()).sum();
            let agree = PLENTY.iter().all(|sku| {
                goods::available(&retail, &fair.retail.shelf, sku) == goods::available(&supply, &fair.supply.shelf, sku)
            });
            told >= sent && agree
        };
        let missing = self.bought.len().saturating_sub(self.arrived.len());
        told && (missing == 0 || refused(fair).await.len() >= missing)
    }

    /// Counts everything.
    async fn count(&self, fair: &Fair, pieces: [i64; 2]) {
        let refused = refused(fair).await;
        self.count_outside(fair, pieces, &refused);
        self.count_inside(fair, &refused).await;
    }

    /// By what the shops have.
    fn count_outside(&self, fair: &Fair, [plenty, rare]: [i64; 2], refused: &BTreeSet<String>) {
        let (retail, supply) = (fair.retail.shop.shop(), fair.supply.shop.shop());
        let mut arrived: BTreeMap<&str, u64> = BTreeMap::new();
        for order in &self.arrived {
            let reference = supply.orders[order].po_number.as_deref().unwrap();
            assert_eq!(arrived.insert(reference, *order), None, "{reference} is at the supplier twice");
        }
        let mut names = BTreeSet::new();
        for order in &self.bought {
            let name = retail.orders[order].name.as_str();
            names.insert(name);
            match arrived.get(name) {
                Some(there) => {
                    assert_eq!(goods::parcels(&retail, *order), goods::parcels(&supply, *there), "{name}");
                    for sku in PLENTY.iter().chain([&RARE]) {
                        let pieces = goods::ordered(&retail, *order, sku);
                        assert_eq!(goods::ordered(&supply, *there, sku), pieces, "{name}: {sku}");
                    }
                }
                None => assert!(refused.contains(name), "{name} is nowhere"),
            }
        }
        assert!(refused.iter().all(|name| !arrived.contains_key(name.as_str())), "refused, and there all the same");
        assert!(arrived.keys().all(|name| names.contains(name)), "the supplier has what nobody bought");
        assert_eq!((retail.oversold, supply.oversold), (0, 0), "somebody was promised what was not there");
        for (sku, stocked) in PLENTY.iter().map(|sku| (*sku, plenty)).chain([(RARE, rare)]) {
            let ordered: i64 = self.arrived.iter().map(|order| goods::ordered(&supply, *order, sku)).sum();
            let directly = self.directly.get(sku).copied().unwrap_or_default();
            let left = goods::available(&supply, &fair.supply.shelf, sku);
            assert_eq!(left, stocked - ordered - directly, "{sku} does not add up");
            assert_eq!(goods::committed(&supply, &fair.supply.shelf, sku), directly, "{sku}: promised and not sent");
        }
    }

    /// The same by what the program itself says.
    async fn count_inside(&self, fair: &Fair, refused: &BTreeSet<String>) {
        let orders = fair.all(&fair.retail, "/v1/orders?").await;
        assert_eq!(orders.len(), self.bought.len(), "an order was placed twice, or never");
        for order in &orders {
            let reference = order["reference"].as_str().unwrap();
            let state = order["state"].as_str().unwrap();
            assert!(refused.contains(reference) || state == "shipped", "{reference} is {state}");
        }
        assert_eq!(fair.all(&fair.retail, "/v1/holds?state=open&").await, Vec::<Value>::new());
        println!(
            "{} arrived, {} refused, {} sold directly",
            self.arrived.len(),
            refused.len(),
            self.directly.values().sum::<i64>()
        );
    }
}

/// References of orders that cannot be sent: what runs out was gone when they came.
async fn refused(fair: &Fair) -> BTreeSet<String> {
    let orders = fair.all(&fair.retail, "/v1/orders?").await;
    let is_rejected = |order: &&Value| {
        let lines = order["lines"].as_array().unwrap();
        lines.iter().any(|line| line["rejected"].as_u64().unwrap_or_default() > 0)
    };
    let rejected = orders.iter().filter(is_rejected).map(|order| order["reference"].as_str().unwrap().to_owned());
    let mut refused: BTreeSet<_> = rejected.collect();
    // The supplier's shop has refused these itself; its people are told, and decide.
    for hold in fair.all(&fair.supply, "/v1/holds?state=open&").await {
        assert!(hold["detail"].as_str().unwrap().contains("too few pieces"), "{hold}");
        refused.extend(held_reference(fair, &hold).await);
    }
    refused
}

/// The reference of the purchase order that a hold is about.
async fn held_reference(fair: &Fair, hold: &Value) -> Option<String> {
    let subject = hold["record"].as_str()?;
    let mirrors = fair.all(&fair.supply, "/v1/mirrors?state=held&").await;
    let mirror = mirrors.iter().find(|mirror| mirror["id"] == subject)?;
    let orders = fair.all(&fair.supply, "/v1/purchase_orders?").await;
    let order = orders.iter().find(|order| order["id"] == mirror["record"])?;
    Some(order["reference"].as_str()?.to_owned())
}
