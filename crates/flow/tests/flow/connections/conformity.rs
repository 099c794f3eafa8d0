//! What a shop changes by itself is found, told, and put right as the policy says; what it sells is not taken for that.

use super::market::Market;
use super::placed;
use crate::trade::Trade;
use bonded_base::Id;
use bonded_connect::conformity::{self, Figures};
use bonded_connect::connections::{self, Connection, Direction, Mode, Policy, Repair, Syncs};
use bonded_connect::mirrors::MirrorState;
use bonded_ledger::Scope;
use bonded_trade::partners;
use serde_json::json;

crate::on_both_engines!(
    what_the_shop_changes_by_itself_is_put_right,
    it_stays_until_somebody_asks_where_that_is_the_policy,
    a_sale_is_no_drift,
    a_product_that_was_changed_or_deleted_there_is_found,
);

const HALF_A_MINUTE_MS: i64 = 30_000;

impl Market {
    /// Everything in the shop is compared once, and what was counted so far is written down.
    async fn sweep(&self, scope: &Scope, id: Id<Connection>) -> (Figures, u64, u64) {
        let waiting = async || self.mirrors(scope, MirrorState::Waiting).await;
        self.trade.until("nothing is under way", async || waiting().await.is_empty()).await;
        self.trade.ledger.test_clock().advance_ms(1);
        let asked = connections::ask_check(&self.trade.ledger, scope, id).await.unwrap().check_asked_at.unwrap();
        let mut seen = None;
        self.trade
            .until("everything was compared", async || {
                let days = conformity::days(&self.trade.ledger, scope, id).await.unwrap();
                let swept = days.iter().filter_map(|day| day.sweep).find(|sweep| sweep.begun_at >= asked);
                seen = swept.map(|sweep| (days.last().unwrap().figures.clone(), sweep.records, sweep.equal));
                seen.is_some()
            })
            .await;
        seen.unwrap()
    }

    async fn figures(&self, scope: &Scope, id: Id<Connection>) -> Figures {
        // What is counted is written down once a minute.
        self.trade.ledger.test_clock().advance_ms(2 * HALF_A_MINUTE_MS);
        self.sweep(scope, id).await.0
    }
}

async fn what_the_shop_changes_by_itself_is_put_right(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP-S", "LAMP-L"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP-S", "LAMP-L"], 0);
    let (retail, _) = market.connect_both().await;
    market.until("stock reaches the shop", || ours.iter().all(|id| market.retail.available(id) == 10)).await;
    let order = market.retail.sell(&ours[0], 2).unwrap();
    market.until("the supplier's shop has the order", || placed(&market.supply).len() == 1).await;
    market.supply.fulfil(&placed(&market.supply)[0], 2, "T1");
    let parcels = || market.retail.look(|stock| stock.orders[&order].fulfilments.len());
    market.until("the parcel is shown", || parcels() == 1).await;
    let (before, records, _) = market.sweep(&market.retailer, retail).await;
    assert_eq!((before.drifted, records), (0, 3), "two variants and an order");

    // Nobody is told of either.
    market.retail.look(|stock| {
        stock.levels.get_mut(&ours[1]).unwrap().0 = 3;
        stock.orders.get_mut(&order).unwrap().fulfilments.clear();
    });
    let (_, records, equal) = market.sweep(&market.retailer, retail).await;
    assert_eq!((records, equal), (3, 1));
    market.until("both are put right", || market.retail.available(&ours[1]) == 10 && parcels() == 1).await;
    let after = market.figures(&market.retailer, retail).await;
    assert_eq!((after.drifted, after.repaired), (2, 2));
    assert!(after.delivered >= 4 && after.confirmed >= 3, "{after:?}");
    assert!(after.delays.quantile(0.5) <= after.delays.quantile(0.99) && after.delays.quantile(0.5).is_some());
    let (_, records, equal) = market.sweep(&market.retailer, retail).await;
    assert_eq!((records, equal), (3, 3));
}

async fn it_stays_until_somebody_asks_where_that_is_the_policy(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP-S", "LAMP-L"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP-S", "LAMP-L"], 0);
    let syncs = Syncs { products: Mode::Off, ..Syncs::all(Mode::On) };
    let policy = Policy { repair: Repair::OnRequest, ..Policy::default() };
    let retail = market.connect_by(&market.retailer, &market.retail, Direction::SellThrough, syncs, policy).await;
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
    market.until("stock reaches the shop", || ours.iter().all(|id| market.retail.available(id) == 10)).await;
    market.retail.look(|stock| {
        for id in &ours {
            stock.levels.get_mut(id).unwrap().0 = 3;
        }
    });
    market.sweep(&market.retailer, retail).await;
    let drifted = async || market.mirrors(&market.retailer, MirrorState::Drifted).await;
    market.trade.until("both are reported", async || drifted().await.len() == 2).await;
    assert_eq!(drifted().await[0].found.as_ref().unwrap()["available"], json!(3));
    assert!(ours.iter().all(|id| market.retail.available(id) == 3), "reported, and left alone");
    // What is to be another count anyway is written.
    market.supply.sell(&theirs[0], 4).unwrap();
    market.until("the new count is written", || market.retail.available(&ours[0]) == 6).await;
    market.trade.until("one is left", async || drifted().await.len() == 1).await;
    assert_eq!(market.retail.available(&ours[1]), 3);
    assert_eq!(conformity::repair(&market.trade.ledger, &market.retailer, retail).await.unwrap(), 1);
    market.until("it is put right", || market.retail.available(&ours[1]) == 10).await;
    market.trade.until("nothing is reported any more", async || drifted().await.is_empty()).await;
    let figures = market.figures(&market.retailer, retail).await;
    assert_eq!((figures.drifted, figures.repaired), (2, 2));
}

async fn a_sale_is_no_drift(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 50);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    let (retail, supply) = market.connect_both().await;
    market.until("stock reaches the shop", || market.retail.available(&ours[0]) == 50).await;
    for sold in 1..=8 {
        market.retail.sell(&ours[0], 1).unwrap();
        market.sweep(&market.retailer, retail).await;
        assert!(market.retail.available(&ours[0]) <= 50 - sold, "what was sold is not offered again");
    }
    market.until("all have arrived", || placed(&market.supply).len() == 8).await;
    market.until("both show what is left", || market.retail.available(&ours[0]) == 42).await;
    let figures = market.figures(&market.retailer, retail).await;
    assert_eq!((figures.drifted, figures.repaired), (0, 0));
    let figures = market.figures(&market.supplier, supply).await;
    assert_eq!((figures.drifted, figures.repaired), (0, 0));
    assert!(figures.confirmed >= 8, "{figures:?}");
}

async fn a_product_that_was_changed_or_deleted_there_is_found(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 5);
    let syncs = Syncs::all(Mode::On);
    let retail = market.connect(&market.retailer, &market.retail, Direction::SellThrough, syncs).await;
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, syncs).await;
    let titles = || -> Vec<String> {
        market.retail.look(|stock| stock.products.values().map(|product| product.product.title.clone()).collect())
    };
    market.until("the product is made there", || titles() == ["Lamp"]).await;
    market
        .until("with its stock", || market.retail.look(|stock| stock.levels.values().any(|level| level.0 == 5)))
        .await;
    market.retail.look(|stock| {
        stock.products.values_mut().for_each(|product| product.product.title = "Lantern".to_owned());
    });
    market.sweep(&market.retailer, retail).await;
    market.until("its title is put right", || titles() == ["Lamp"]).await;
    // A person who deletes a product there may have meant it.
    market.retail.look(|stock| {
        stock.products.clear();
        stock.levels.clear();
    });
    market.sweep(&market.retailer, retail).await;
    let drifted = async || market.mirrors(&market.retailer, MirrorState::Drifted).await;
    market
        .trade
        .until("it is reported", async || drifted().await.iter().any(|one| one.found == Some(json!({"gone": true}))))
        .await;
    assert!(titles().is_empty());
    conformity::repair(&market.trade.ledger, &market.retailer, retail).await.unwrap();
    market.until("it is made anew", || titles() == ["Lamp"]).await;
    market
        .until("with its stock", || market.retail.look(|stock| stock.levels.values().any(|level| level.0 == 5)))
        .await;
    assert_eq!(partners::opened_suppliers(&market.trade.ledger, &market.retailer).await.unwrap().len(), 1);
}
