//! Connected shops: what they sell, ship and count reaches the partner's shop, once, whatever goes wrong on the way.

mod conformity;
mod feeds;
mod held;
mod market;
mod shop;

use crate::trade::Trade;
use bonded_base::{Kind, Secret};
use bonded_connect::connections::{
    self, ConnectionDraft, ConnectionPatch, ConnectionState, Direction, Mode, Policy, Syncs, Unmatched,
};
use bonded_connect::mirrors::MirrorState;
use bonded_connect::platform::{Failure, PlatformName};
use bonded_ledger::PAGE_MAX;
use bonded_trade::accounts::Role;
use bonded_trade::holds;
use bonded_trade::orders::{self, OrderState};
use bonded_trade::purchase_orders::PoState;
use bonded_trade::sku_mappings::{self, Means};
use bonded_trade::{Page, Patch, catalog, inventory};
use market::Market;
use shop::Shop;

crate::on_both_engines!(
    what_a_shop_sells_is_shipped_by_its_supplier_s_and_shown_with_its_tracking,
    nothing_is_lost_or_doubled_when_calls_fail_and_nodes_die,
    what_is_sent_before_its_answer_came_is_told_all_the_same,
    the_last_pieces_are_sold_once_through_three_shops,
    a_dry_run_shows_everything_and_changes_nothing,
    what_is_wrong_with_one_thing_holds_up_no_other,
    cancellations_travel_both_ways,
    a_partner_s_products_are_made_in_a_shop_and_kept_there,
    a_connection_says_how_it_stands,
);

/// The ids of a shop's orders that we placed, in order.
fn placed(shop: &Shop) -> Vec<String> {
    shop.look(|stock| stock.orders.iter().filter(|(_, one)| one.mark.is_some()).map(|(id, _)| id.clone()).collect())
}

async fn what_a_shop_sells_is_shipped_by_its_supplier_s_and_shown_with_its_tracking(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP-S", "LAMP-L"], 10);
    let ours = market.retail.stocks("A lamp of many", &["LAMP-S", "LAMP-L"], 0);
    let own = market.retail.stocks("Wrapping paper", &["PAPER"], 7);
    let (retail, supply) = market.connect_both().await;

    market.until("stock reaches the shop", || ours.iter().all(|id| market.retail.available(id) == 10)).await;
    assert_eq!(market.retail.available(&own[0]), 7, "what the shop stocks itself is its own affair");
    let order = market.retail.sell(&ours[0], 3).unwrap();
    market.until("the supplier's shop has the order", || placed(&market.supply).len() == 1).await;
    let there = placed(&market.supply).remove(0);
    market.supply.look(|stock| {
        let order = &stock.orders[&there];
        assert_eq!((order.lines.len(), order.lines[0].quantity, order.lines[0].price.amount), (1, 3, 1_000));
        assert_eq!(order.lines[0].variant.as_ref().unwrap().as_str(), theirs[0]);
        let consumer = order.consumer.check().unwrap();
        assert_eq!((consumer.expose().last_name, consumer.expose().postal_code), ("Lovelace", "SW1Y 4JH"));
    });
    // Three are promised on both sides: neither side counts them twice.
    market
        .until("both show what is left", || {
            (market.supply.available(&theirs[0]), market.retail.available(&ours[0])) == (7, 7)
        })
        .await;

    market.supply.fulfil(&there, 1, "T1");
    market
        .until("the first parcel is shown", || market.retail.look(|stock| stock.orders[&order].fulfilments.len() == 1))
        .await;
    market.supply.fulfil(&there, 2, "T2");
    market
        .until("both parcels are shown", || market.retail.look(|stock| stock.orders[&order].fulfilments.len() == 2))
        .await;
    market.retail.look(|stock| {
        let order = &stock.orders[&order];
        let mut sent: Vec<_> =
            order.fulfilments.iter().map(|one| (one.number.clone().unwrap(), one.lines.clone())).collect();
        sent.sort();
        let line = order.lines[0].id.clone();
        assert_eq!(sent, [("T1".into(), vec![(line.clone(), 1)]), ("T2".into(), vec![(line, 2)])]);
        assert!(order.fulfilments.iter().all(|one| one.carrier.as_deref() == Some("DHL") && one.url.is_some()));
    });
    // A number that is put right in the supplier's shop is put right in the other.
    market.supply.change(&there, |order| order.fulfilments[1].number = Some("T22".to_owned()));
    market
        .until("the new number is shown", || {
            market
                .retail
                .look(|stock| stock.orders[&order].fulfilments.iter().any(|one| one.number.as_deref() == Some("T22")))
        })
        .await;
    market.retail.look(|stock| assert_eq!(stock.orders[&order].fulfilments.len(), 2));
    // The shop's own sale lowers what the other offers.
    market.supply.sell(&theirs[1], 4).unwrap();
    market.until("stock sold there is not offered here", || market.retail.available(&ours[1]) == 6).await;
    let order = market.orders().await.remove(0);
    assert_eq!((order.state, order.fulfilments.len()), (OrderState::Shipped, 2));
    for (scope, id) in [(&market.retailer, retail), (&market.supplier, supply)] {
        let connection = market.connection(scope, id).await;
        assert_eq!((connection.state, connection.title.as_deref()), (ConnectionState::Connected, Some("Lamps & Co")));
        assert!(market.holds(scope).await.is_empty());
    }
    let variant = catalog::by_skus(&market.trade.ledger, &market.supplier, &["LAMP-S"]).await.unwrap()[0].unwrap();
    let levels = inventory::levels_of(&market.trade.ledger, &market.supplier, &[variant]).await.unwrap().remove(0);
    assert_eq!((levels[0].on_hand, levels[0].reserved), (7, 0), "what was shipped is neither here nor promised");
}

async fn nothing_is_lost_or_doubled_when_calls_fail_and_nodes_die(trade: Trade) {
    const ORDERS: usize = 60;
    let mut market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 1_000);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    market.connect_both().await;
    market.until("the supplier's stock is counted", || market.retail.available(&ours[0]) == 1_000).await;
    market.retail.fail_every(5);
    market.supply.fail_every(5);
    for round in 0..3 {
        for _ in 0..ORDERS / 3 {
            market.retail.sell(&ours[0], 1).unwrap();
        }
        market.until("some have arrived", || placed(&market.supply).len() > round * ORDERS / 3).await;
        market.crash();
    }
    market.until("all have arrived", || placed(&market.supply).len() >= ORDERS).await;
    for (number, order) in placed(&market.supply).into_iter().enumerate() {
        market.supply.fulfil(&order, 1, &format!("T{number}"));
    }
    let told = || market.retail.look(|stock| stock.orders.values().filter(|one| !one.fulfilments.is_empty()).count());
    market.until("all parcels are shown", || told() == ORDERS).await;
    market
        .until("the same is left on both sides", || {
            market.supply.look(|stock| stock.levels.values().all(|level| level.0 == 940))
                && market.retail.available(&ours[0]) == 940
        })
        .await;
    assert_eq!(placed(&market.supply).len(), ORDERS);
    market.supply.look(|stock| {
        let marks: std::collections::HashSet<_> = stock.orders.values().map(|order| order.mark.clone()).collect();
        assert_eq!(marks.len(), ORDERS, "each once");
    });
    market.retail.look(|stock| assert!(stock.orders.values().all(|order| order.fulfilments.len() == 1)));
    let orders = market.orders().await;
    assert_eq!(orders.len(), ORDERS);
    assert!(orders.iter().all(|order| order.state == OrderState::Shipped));
    assert!(market.holds(&market.retailer).await.is_empty() && market.holds(&market.supplier).await.is_empty());
}

async fn what_is_sent_before_its_answer_came_is_told_all_the_same(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    market.connect_both().await;
    market.until("stock reaches the shop", || market.retail.available(&ours[0]) == 10).await;
    *market.supply.hasty.lock().unwrap() = Some("T1".to_owned());
    let order = market.retail.sell(&ours[0], 2).unwrap();
    market
        .until("the parcel is shown", || market.retail.look(|stock| stock.orders[&order].fulfilments.len() == 1))
        .await;
    assert_eq!(placed(&market.supply).len(), 1, "the lost answer was asked for again");
    let states = market.trade.purchase_orders(&market.supplier).await.into_iter().map(|(_, one)| one.state);
    assert_eq!(states.collect::<Vec<_>>(), [PoState::Shipped]);
    // What the shop counted before we knew that it had the order is counted again.
    market.until("as many are offered as are left", || market.retail.available(&ours[0]) == 8).await;
    let variant = catalog::by_skus(&market.trade.ledger, &market.supplier, &["LAMP"]).await.unwrap()[0].unwrap();
    let levels = inventory::levels_of(&market.trade.ledger, &market.supplier, &[variant]).await.unwrap().remove(0);
    assert_eq!((levels[0].on_hand, levels[0].reserved), (8, 0));
}

async fn the_last_pieces_are_sold_once_through_three_shops(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP"], 100);
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
    let mut shops = Vec::new();
    for number in 0..3 {
        let retailer = market.trade.account(&format!("Shop {number}"), Role::Retailer).await;
        market.trade.link(&retailer, &market.supplier).await;
        let shop = Shop::new(market.trade.ledger.clock_handle());
        let variant = shop.stocks("Lamp", &["LAMP"], 0).remove(0);
        let syncs = Syncs { products: Mode::Off, ..Syncs::all(Mode::On) };
        market.connect(&retailer, &shop, Direction::SellThrough, syncs).await;
        shops.push((retailer, shop, variant));
    }
    market
        .until("all three offer a hundred", || shops.iter().all(|(_, shop, variant)| shop.available(variant) == 100))
        .await;
    for (_, shop, _) in &shops {
        shop.fail_every(4);
    }
    // Everybody sells at once, faster than any of them hears of the others.
    let mut sold = 0;
    for _ in 0..60 {
        for (_, shop, variant) in &shops {
            sold += usize::from(shop.sell(variant, 1).is_some());
        }
    }
    assert_eq!(sold, 180);
    let settled = async || {
        let mut left = 0;
        for (retailer, ..) in &shops {
            let page = Page::first(PAGE_MAX);
            let orders = orders::list(&market.trade.ledger, retailer, None, page).await.unwrap().records;
            left += 60
                - orders
                    .iter()
                    .filter(|order| order.lines[0].acknowledged_at.is_some() || order.lines[0].rejected == 1)
                    .count();
        }
        left == 0
    };
    market.trade.until("every order is answered", settled).await;
    market.until("the supplier's shop has all it can ship", || placed(&market.supply).len() == 100).await;
    assert_eq!(market.supply.available(&theirs[0]), 0, "a hundred were there, and never one more was taken");
    let mut rejected = 0;
    for (retailer, ..) in &shops {
        let page = Page::first(PAGE_MAX);
        let orders = orders::list(&market.trade.ledger, retailer, None, page).await.unwrap().records;
        rejected += orders.iter().map(|order| order.lines[0].rejected).sum::<u32>();
    }
    assert_eq!(rejected, 80);
    market
        .until("nobody offers what is not there", || {
            shops.iter().all(|(_, shop, variant)| shop.available(variant) == 0)
        })
        .await;
}

async fn a_dry_run_shows_everything_and_changes_nothing(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    let watch = Syncs { products: Mode::Off, ..Syncs::all(Mode::Watch) };
    let retail = market.connect(&market.retailer, &market.retail, Direction::SellThrough, watch).await;
    let supply = market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::Watch)).await;
    market
        .trade
        .until("the product is shown", async || market.mirrors(&market.supplier, MirrorState::Planned).await.len() == 1)
        .await;
    let planned = market.mirrors(&market.supplier, MirrorState::Planned).await.remove(0);
    assert_eq!((planned.about, planned.planned.as_ref().unwrap()["title"].as_str()), (Kind::Product, Some("Lamp")));
    assert_eq!(catalog::by_skus(&market.trade.ledger, &market.supplier, &["LAMP"]).await.unwrap(), [None]);

    // Once it is on, what was planned is done; the other side still only watches.
    let on = ConnectionPatch { syncs: Patch::Set(Syncs::all(Mode::On)), ..ConnectionPatch::default() };
    connections::update(&market.trade.ledger, &market.supplier, supply, None, &on).await.unwrap();
    market.retail.look(|stock| stock.levels.get_mut(&ours[0]).unwrap().0 = 5);
    market
        .trade
        .until("stock is planned", async || {
            market.mirrors(&market.retailer, MirrorState::Planned).await.iter().any(|one| one.about == Kind::Variant)
        })
        .await;
    let order = market.retail.sell(&ours[0], 1).unwrap();
    market
        .trade
        .until("the order is planned", async || {
            market.mirrors(&market.retailer, MirrorState::Planned).await.iter().any(|one| one.about == Kind::Order)
        })
        .await;
    let planned = market.mirrors(&market.retailer, MirrorState::Planned).await;
    let variant = planned.iter().find(|one| one.about == Kind::Variant).unwrap();
    assert_eq!(variant.planned.as_ref().unwrap()["available"], 10);
    assert!(market.orders().await.is_empty() && placed(&market.supply).is_empty());
    assert_eq!((market.retail.look(|stock| stock.writes), market.supply.look(|stock| stock.writes)), (0, 0));

    let on = ConnectionPatch {
        syncs: Patch::Set(Syncs { products: Mode::Off, ..Syncs::all(Mode::On) }),
        ..ConnectionPatch::default()
    };
    connections::update(&market.trade.ledger, &market.retailer, retail, None, &on).await.unwrap();
    market.retail.change(&order, |_| ());
    market.until("it is done", || placed(&market.supply).len() == 1).await;
    market
        .until("both count alike", || {
            (market.retail.available(&ours[0]), market.supply.available(&theirs[0])) == (9, 9)
        })
        .await;
    let planned = async || market.mirrors(&market.retailer, MirrorState::Planned).await;
    market.trade.until("nothing is only planned any more", async || planned().await.is_empty()).await;
}

async fn what_is_wrong_with_one_thing_holds_up_no_other(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 10);
    let bad = market.supply.look(|stock| stock.products.keys().next().cloned()).unwrap();
    market.supply.stocks("No price", &["FREE"], 3);
    market.supply.look(|stock| {
        let product = stock.products.values_mut().find(|one| one.product.title == "No price").unwrap();
        product.product.variants[0].price = None;
    });
    let ours = market.retail.stocks("Lamp", &["LAMP"], 5);
    let other = market.retail.stocks("Mystery", &["MY-LAMP"], 5);
    let (_, _) = market.connect_both().await;
    market
        .trade
        .until("the one without a price is held", async || market.holds(&market.supplier).await.len() == 1)
        .await;
    let hold = market.holds(&market.supplier).await.remove(0);
    assert_eq!((hold.about.as_str(), hold.detail.contains("/variants/0/price")), ("mirror", true));
    assert_eq!(hold.payload.as_ref().unwrap()["product"]["title"], "No price");
    market.until("the other one goes on", || market.retail.available(&ours[0]) == 10).await;
    assert!(!bad.is_empty());

    // Put right in the shop, it is taken by itself.
    market.trade.ledger.test_clock().advance_ms(10);
    let now = market.trade.ledger.clock().now();
    market.supply.look(|stock| {
        let product = stock.products.values_mut().find(|one| one.product.title == "No price").unwrap();
        product.product.variants[0].price = Some(shop::euro(500));
        product.updated_at = Some(now);
    });
    market
        .trade
        .until("it is taken, and the hold is over", async || market.holds(&market.supplier).await.is_empty())
        .await;

    // Two orders: one without an address, one good; and one with a SKU that nobody knows.
    let nameless = market.retail.sell(&ours[0], 1).unwrap();
    market.retail.change(&nameless, |order| order.consumer = bonded_trade::consumers::ConsumerDraft::default());
    market.retail.sell(&ours[0], 1).unwrap();
    market.until("the good one arrives", || placed(&market.supply).len() == 1).await;
    market.trade.until("the other is held", async || market.holds(&market.retailer).await.len() == 1).await;
    let hold = market.holds(&market.retailer).await.remove(0);
    let payload = hold.payload.as_ref().unwrap().to_string();
    assert!(payload.contains("LAMP") && !payload.contains("Lovelace"), "what is held shows no consumer");
    market.retail.change(&nameless, |order| order.consumer = bonded_trade::consumers::ConsumerDraft::of(shop::ADA));
    market.until("put right, it goes on", || placed(&market.supply).len() == 2).await;
    market.trade.until("its hold is over", async || market.holds(&market.retailer).await.is_empty()).await;

    market.retail.sell(&other[0], 2).unwrap();
    market.trade.until("nobody sells it", async || market.holds(&market.retailer).await.len() == 1).await;
    let lamp = catalog::by_skus(&market.trade.ledger, &market.supplier, &["LAMP"]).await.unwrap()[0].unwrap();
    sku_mappings::set(&market.trade.ledger, &market.retailer, "MY-LAMP", Means::Variant(lamp)).await.unwrap();
    holds::retry_skus(&market.trade.ledger, &market.retailer, &["MY-LAMP"]).await.unwrap();
    market.until("explained once, it goes on", || placed(&market.supply).len() == 3).await;
    market.retail.sell(&other[0], 1).unwrap();
    market.until("and so does the next", || placed(&market.supply).len() == 4).await;
}

async fn cancellations_travel_both_ways(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    market.connect_both().await;
    market.until("stock reaches the shop", || market.retail.available(&ours[0]) == 10).await;
    let first = market.retail.sell(&ours[0], 2).unwrap();
    market.until("it is placed", || placed(&market.supply).len() == 1).await;
    let there = placed(&market.supply).remove(0);
    market.retail.change(&first, |order| order.cancelled = true);
    market.until("it is cancelled there", || market.supply.look(|stock| stock.orders[&there].cancelled)).await;
    market.until("its pieces are there again", || market.supply.available(&theirs[0]) == 10).await;

    let second = market.retail.sell(&ours[0], 3).unwrap();
    market.until("the second is placed", || placed(&market.supply).len() == 2).await;
    let there = placed(&market.supply).into_iter().find(|id| *id != there).unwrap();
    market.supply.change(&there, |order| order.cancelled = true);
    market
        .trade
        .until("the retailer hears of it", async || {
            let orders = market.orders().await;
            orders.iter().any(|order| order.reference == format!("#{second}") && order.lines[0].rejected == 3)
        })
        .await;
    // Lines that are dropped in the shop later are cancelled only as far as they were not rejected.
    market.retail.change(&second, |order| order.lines[0].dropped = 3);
    let order = market.retail.sell(&ours[0], 1).unwrap();
    market
        .trade
        .until("the next one is routed", async || {
            market
                .orders()
                .await
                .iter()
                .any(|one| one.reference == format!("#{order}") && one.state == OrderState::Routed)
        })
        .await;
    let second = market.orders().await.into_iter().find(|order| order.lines[0].rejected == 3).unwrap();
    assert_eq!((second.lines[0].cancel_wanted, second.lines[0].cancelled), (0, 0));
    let states: Vec<_> =
        market.trade.purchase_orders(&market.supplier).await.into_iter().map(|(_, one)| one.state).collect();
    assert!(states.contains(&PoState::Cancelled) && states.contains(&PoState::Rejected));
}

async fn a_partner_s_products_are_made_in_a_shop_and_kept_there(trade: Trade) {
    let market = Market::open(trade).await;
    let theirs = market.supply.stocks("Lamp", &["LAMP-S", "LAMP-L"], 10);
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
    let policy = Policy { markup_percent: 50, buffer: 2, unmatched: Unmatched::Ignore, ..Policy::default() };
    let syncs = Syncs { prices: Mode::Off, ..Syncs::all(Mode::On) };
    market.retail.fail_every(3);
    let own = market.retail.stocks("Paper", &["PAPER"], 5);
    market.connect_by(&market.retailer, &market.retail, Direction::SellThrough, syncs, policy).await;
    let made = || {
        market
            .retail
            .look(|stock| stock.products.values().filter(|one| one.mark.is_some()).cloned().collect::<Vec<_>>())
    };
    market
        .until("it is made once, with its stock", || {
            made().len() == 1 && made()[0].variants.iter().all(|id| market.retail.available(id.as_str()) == 8)
        })
        .await;
    assert_eq!(made()[0].product.variants[0].price, Some(shop::euro(1_500)));
    // What the shop sells besides is its own affair.
    market.retail.sell(&own[0], 1).unwrap();
    let sold = market.retail.sell(made()[0].variants[1].as_str(), 1).unwrap();
    market.until("what is sold is ordered", || placed(&market.supply).len() == 1).await;
    assert_eq!(
        market.orders().await.iter().map(|order| order.reference.clone()).collect::<Vec<_>>(),
        [format!("#{sold}")]
    );
    let now = market.trade.ledger.clock().now();
    market.supply.look(|stock| {
        let product = stock.products.values_mut().next().unwrap();
        (product.product.title, product.updated_at) = ("Bright lamp".to_owned(), Some(now));
    });
    market.until("a new name arrives", || made().len() == 1 && made()[0].product.title == "Bright lamp").await;
    market.supply.look(|stock| stock.levels.get_mut(&theirs[0]).unwrap().0 = 1);
    market.supply.look(|stock| stock.levels.get_mut(&theirs[0]).unwrap().1 = now);
    market
        .until("what is kept back is not offered", || market.retail.available(made()[0].variants[0].as_str()) == 0)
        .await;
}

async fn a_connection_says_how_it_stands(trade: Trade) {
    let market = Market::open(trade).await;
    let ledger = &market.trade.ledger;
    let id = market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
    let is = async |state| market.connection(&market.supplier, id).await.state == state;
    market.trade.until("it works", async || is(ConnectionState::Connected).await).await;
    *market.supply.refusal.lock().unwrap() = Some(Failure::Unauthorised("the key is not valid any more".to_owned()));
    market.trade.until("it needs its owner", async || is(ConnectionState::Degraded).await).await;
    let connection = market.connection(&market.supplier, id).await;
    assert_eq!(connection.why.as_deref(), Some("the key is not valid any more"));
    *market.supply.refusal.lock().unwrap() = None;
    connections::renew(ledger, &market.supplier, id, None, &Secret::new(b"sk_2".to_vec())).await.unwrap();
    market.trade.until("another key opens it", async || is(ConnectionState::Connected).await).await;

    connections::pause(ledger, &market.supplier, id, None).await.unwrap();
    let other = market.supply.stocks("Late lamp", &["LATE"], 1);
    connections::resume(ledger, &market.supplier, id, None).await.unwrap();
    market
        .trade
        .until("what happened meanwhile is taken in", async || {
            catalog::by_skus(ledger, &market.supplier, &["LATE"]).await.unwrap()[0].is_some()
        })
        .await;
    assert_eq!(other.len(), 1);
    *market.supply.refusal.lock().unwrap() = Some(Failure::Away("it is away".to_owned()));
    market.trade.until("one that stays away is named", async || is(ConnectionState::Degraded).await).await;
    *market.supply.refusal.lock().unwrap() = None;
    market.trade.until("and comes back by itself", async || is(ConnectionState::Connected).await).await;

    let twin = ConnectionDraft {
        platform: PlatformName::Medusa,
        shop: market.connection(&market.supplier, id).await.shop.clone(),
        direction: Direction::Both,
        syncs: Syncs::default(),
        policy: Policy::default(),
    };
    let again =
        connections::connect(ledger, &market.retailer, twin.clone(), Vec::new(), &Secret::new(Vec::new())).await;
    assert!(again.is_err(), "a shop is connected once");
    let gone = connections::disconnect(ledger, &market.supplier, id, None).await.unwrap();
    assert!(gone.credential.is_none());
    assert!(connections::resume(ledger, &market.supplier, id, None).await.is_err());
    connections::connect(ledger, &market.retailer, twin, Vec::new(), &Secret::new(Vec::new())).await.unwrap();
}
