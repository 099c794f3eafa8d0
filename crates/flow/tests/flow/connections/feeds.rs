//! Stock of which nothing was heard for longer than agreed shows as none, or as it was, as the policy says.

use super::market::Market;
use crate::trade::Trade;
use bonded_base::Id;
use bonded_connect::connections::{self, Connection, Direction, Mode, Policy, StalePolicy, Syncs};
use bonded_connect::platform::Failure;
use bonded_trade::inventory::{self, Stale};

crate::on_both_engines!(a_stale_feed_shows_as_none, a_stale_feed_shows_as_it_was, a_paused_feed_becomes_stale);

const STALE_AFTER_S: u32 = 60;

impl Market {
    /// Both shops connected, with ten lamps to be had in the retailer's: its id of them.
    async fn fed(&self, stale: StalePolicy) -> (String, Id<Connection>) {
        self.supply.stocks("Lamp", &["LAMP"], 10);
        let lamp = self.retail.stocks("Lamp", &["LAMP"], 0).remove(0);
        let syncs = Syncs { products: Mode::Off, ..Syncs::all(Mode::On) };
        self.connect(&self.retailer, &self.retail, Direction::SellThrough, syncs).await;
        let policy = Policy { stale_after_s: Some(STALE_AFTER_S), stale, ..Policy::default() };
        let supply = Direction::SupplyFrom;
        let supply = self.connect_by(&self.supplier, &self.supply, supply, Syncs::all(Mode::On), policy).await;
        self.until("stock reaches the shop", || self.retail.available(&lamp) == 10).await;
        (lamp, supply)
    }

    async fn stale(&self) -> Option<Stale> {
        let places = inventory::locations(&self.trade.ledger, &self.supplier).await.unwrap();
        places.iter().find(|place| place.name == "Warehouse").unwrap().stale
    }

    /// Time passes, and whoever rests until later is woken.
    async fn pass(&self, connection: Id<Connection>) {
        self.trade.ledger.test_clock().advance_ms(i64::from(STALE_AFTER_S) * 1_000);
        connections::ask_check(&self.trade.ledger, &self.supplier, connection).await.unwrap();
    }
}

async fn a_stale_feed_shows_as_none(trade: Trade) {
    let market = Market::open(trade).await;
    let (lamp, supply) = market.fed(StalePolicy::Zero).await;
    *market.supply.refusal.lock().unwrap() = Some(Failure::Away("503".to_owned()));
    market.pass(supply).await;
    market.until("nothing is offered", || market.retail.available(&lamp) == 0).await;
    assert_eq!(market.stale().await.map(|stale| stale.counts_as), Some(StalePolicy::Zero));
    *market.supply.refusal.lock().unwrap() = None;
    market.pass(supply).await;
    market.until("it is offered again", || market.retail.available(&lamp) == 10).await;
    assert_eq!(market.stale().await, None);
}

async fn a_stale_feed_shows_as_it_was(trade: Trade) {
    let market = Market::open(trade).await;
    let (lamp, supply) = market.fed(StalePolicy::Last).await;
    *market.supply.refusal.lock().unwrap() = Some(Failure::Away("503".to_owned()));
    market.pass(supply).await;
    market.trade.until("it is said", async || market.stale().await.is_some()).await;
    assert_eq!(market.retail.available(&lamp), 10);
}

async fn a_paused_feed_becomes_stale(trade: Trade) {
    let mut market = Market::open(trade).await;
    let (lamp, supply) = market.fed(StalePolicy::Zero).await;
    connections::pause(&market.trade.ledger, &market.supplier, supply, None).await.unwrap();
    market.pass(supply).await;
    // Whoever begins knows from what is written down alone.
    market.crash();
    market.until("nothing is offered", || market.retail.available(&lamp) == 0).await;
    connections::disconnect(&market.trade.ledger, &market.supplier, supply, None).await.unwrap();
    market.until("what was counted last is the account's own", || market.retail.available(&lamp) == 10).await;
}
