//! What a shop tells: copies and stale words cost nothing, silence is found out, and being thrown out is asked about.

use crate::market::{Market, ada, credential};
use crate::{all, all_but_products};
use bonded_connect::connections::{self, ConnectionState, Direction, Policy};
use bonded_shopkit::{Deliveries, Post, Receives, TRIES_MAX, Webhook};

/// A program that is away.
struct Away;

#[async_trait::async_trait]
impl Receives for Away {
    async fn receive(&self, _: &Webhook) -> u16 {
        0
    }
}

/// How often orders were read because of a notice.
const READ: &str = "OrdersById";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_and_what_is_older_than_what_was_read_cost_no_call() {
    let Some(market) = Market::silent().await else { return };
    market.supply.shop().add_product("Lamp", &[("LAMP", "25.00", 10)]);
    let ours = market.retail.sells("Lamp", &[("LAMP", "30.00", 0)]);
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, all(), Policy::default()).await;
    let syncs = all_but_products();
    market.connect(&market.retailer, &market.retail, Direction::SellThrough, syncs, Policy::default()).await;
    market.until("stock reaches the shop", || market.retail.available(ours[0]) == 10).await;
    drop(market.retail.kit.webhooks(Post::default()));
    let order = market.retail.shop().place_order(&[(ours[0], 1)], Some(ada()));
    let mut told = market.retail.kit.webhooks(Post::default());
    market.retail.kit.elapse(5_000);
    market.retail.shop().touch_order(order, "orders/updated");
    told.extend(market.retail.kit.webhooks(Post::default()));
    let of = |topic: &str| told.iter().find(|one| one.topic == topic).unwrap();
    let before = market.retail.calls(READ);
    assert_eq!(market.street.receive(of("orders/updated")).await, 200);
    market.heard(&market.retailer).await;
    assert_eq!(market.retail.calls(READ), before + 1);
    // A copy is known by its event; an older word by its time.
    assert_eq!(market.street.receive(of("orders/updated")).await, 200);
    assert_eq!(market.street.receive(of("orders/create")).await, 200);
    market.heard(&market.retailer).await;
    assert_eq!(market.retail.calls(READ), before + 1);
    let mut forged = of("orders/create").clone();
    forged.body.push(' ');
    assert_eq!(market.street.receive(&forged).await, 401);
    // What happens later is read again.
    market.retail.kit.elapse(5_000);
    market.retail.shop().cancel(order);
    for webhook in market.retail.kit.webhooks(Post::default()) {
        assert_eq!(market.street.receive(&webhook).await, 200);
    }
    market.heard(&market.retailer).await;
    assert_eq!(market.retail.calls(READ), before + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_gave_up_telling_is_read_all_the_same_and_asked_to_tell_again() {
    let Some(market) = Market::silent().await else { return };
    market.supply.shop().add_product("Lamp", &[("LAMP", "25.00", 10)]);
    let ours = market.retail.sells("Lamp", &[("LAMP", "30.00", 0)]);
    market.connect_both(all_but_products()).await;
    market.until("stock reaches the shop", || market.retail.available(ours[0]) == 10).await;
    drop(market.retail.kit.webhooks(Post::default()));
    let subscribed = || market.retail.shop().subscriptions.len();
    let whole = subscribed();
    market.retail.shop().place_order(&[(ours[0], 2)], Some(ada()));
    let mut deliveries = Deliveries::default();
    for _ in 0..TRIES_MAX {
        assert_eq!(market.retail.kit.deliver(&mut deliveries, Post::default(), &Away).await, 0);
        market.retail.kit.elapse(4 * 60 * 60 * 1_000);
    }
    assert!(subscribed() < whole, "what was never taken is given up");
    market.later(6).await;
    market.until("the order is found by reading", || market.placed().len() == 1).await;
    market.later(61).await;
    market.until("the shop is to tell again", || subscribed() == whole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_throws_us_out_needs_its_owner_and_an_old_word_of_it_is_not_believed() {
    let Some(market) = Market::silent().await else { return };
    let (supplier, kit) = (&market.supplier, &market.supply.kit);
    let id = market.connect(supplier, &market.supply, Direction::SupplyFrom, all(), Policy::default()).await;
    let is = async |state| market.connection(supplier, id).await.state == state;
    market.trade.until("it works", async || is(ConnectionState::Connected).await).await;
    drop(kit.webhooks(Post::default()));
    kit.uninstall();
    let told = kit.webhooks(Post::default()).remove(0);
    assert_eq!(market.street.receive(&told).await, 200);
    market.trade.until("it needs its owner", async || is(ConnectionState::Degraded).await).await;
    "shpat_again".clone_into(&mut kit.tokens().custom);
    connections::renew(&market.trade.ledger, supplier, id, None, &credential("shpat_again")).await.unwrap();
    market.trade.until("installed again, it works", async || is(ConnectionState::Connected).await).await;
    let late = kit.webhook(&told.address, "app/uninstalled", r#"{"id": 1}"#);
    assert_eq!(market.street.receive(&late).await, 200);
    market.heard(supplier).await;
    let product = market.supply.shop().add_product("Late lamp", &[("LATE", "25.00", 1)]);
    for webhook in kit.webhooks(Post::default()) {
        assert_eq!(market.street.receive(&webhook).await, 200);
    }
    market.heard(supplier).await;
    assert!(is(ConnectionState::Connected).await && product > 0);
}
