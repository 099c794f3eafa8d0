//! What a shop has and could not be taken: corrected here, tried again as it is, or put aside.

use super::market::Market;
use super::placed;
use super::shop::{ADA, euro};
use crate::trade::Trade;
use bonded_base::Kind;
use bonded_connect::connections::{Direction, Mode, Syncs};
use bonded_ledger::Stored;
use bonded_trade::catalog::{self, Variant};
use bonded_trade::consumers::ConsumerDraft;
use bonded_trade::holds::{self, Fix, Hold, HoldState, Outcome};
use serde_json::{Value, json};

crate::on_both_engines!(
    what_is_corrected_is_taken_and_stays_so_until_the_shop_says_otherwise,
    a_corrected_order_is_placed_once_and_nothing_of_it_is_cancelled,
    what_is_dismissed_stays_away_until_it_changes,
    what_is_tried_again_is_read_again,
);

fn fix(pointer: &str, to: Value) -> Fix {
    Fix { pointer: pointer.to_owned(), to }
}

async fn hold(market: &Market, scope: &bonded_ledger::Scope, id: bonded_base::Id<Hold>) -> Stored<Hold> {
    holds::get(&market.trade.ledger, scope, id).await.unwrap()
}

/// A supplier's shop with one product that has no price.
async fn priceless(trade: Trade) -> (Market, Stored<Hold>) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP-S", "LAMP-L"], 3);
    market.supply.look(|stock| stock.products.values_mut().next().unwrap().product.variants[1].price = None);
    market.connect(&market.supplier, &market.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
    market.trade.until("it is held", async || market.holds(&market.supplier).await.len() == 1).await;
    let hold = market.holds(&market.supplier).await.remove(0);
    (market, hold)
}

/// Something of the shop's one product changes.
fn change(market: &Market, rule: impl FnOnce(&mut bonded_trade::catalog::ProductDraft)) {
    market.trade.ledger.test_clock().advance_ms(10);
    let now = market.trade.ledger.clock().now();
    market.supply.look(|stock| {
        let product = stock.products.values_mut().next().unwrap();
        rule(&mut product.product);
        product.updated_at = Some(now);
    });
}

async fn sold_as(market: &Market, sku: &str) -> Option<Stored<Variant>> {
    let (ledger, scope) = (&market.trade.ledger, &market.supplier);
    let id = catalog::by_skus(ledger, scope, &[sku]).await.unwrap().remove(0)?;
    Some(catalog::variant(ledger, scope, id).await.unwrap())
}

async fn what_is_corrected_is_taken_and_stays_so_until_the_shop_says_otherwise(trade: Trade) {
    let (market, held) = priceless(trade).await;
    let (ledger, supplier) = (&market.trade.ledger, &market.supplier);
    assert_eq!(held.payload.as_ref().unwrap()["product"]["variants"][1]["price"], Value::Null);
    let at = "/product/variants/1/price";
    let wrong = fix(at, json!({"amount": -5, "currency": "EUR"}));
    let refused = holds::correct(ledger, supplier, held.id, None, &[wrong]).await.unwrap_err().into_problem().unwrap();
    assert_eq!(refused.pointer.as_deref(), Some("/corrections/0/to"));
    let right = [fix(at, json!(euro(750)))];
    assert!(holds::correct(ledger, supplier, held.id, Some(held.version + 7), &right).await.is_err());
    holds::correct(ledger, supplier, held.id, None, &right).await.unwrap();
    let priced = async |sku: &str| sold_as(&market, sku).await.map(|variant| variant.price);
    market.trade.until("it is taken", async || priced("LAMP-L").await == Some(euro(750))).await;
    market.trade.until("the hold is over", async || market.holds(supplier).await.is_empty()).await;
    let ended = hold(&market, supplier, held.id).await;
    assert_eq!((ended.outcome, ended.corrections.len(), ended.asked), (Some(Outcome::Corrected), 1, false));
    let entries = ledger.entries(supplier, 0, 10_000).await.unwrap();
    assert!(entries.iter().any(|entry| entry.headline.kind == Kind::Hold && entry.headline.action == "corrected"));

    // Something else changes there, and the variants change places: the correction is still laid over its own.
    change(&market, |product| product.title = "Bright lamp".to_owned());
    market.supply.look(|stock| {
        let product = stock.products.values_mut().next().unwrap();
        product.variants.swap(0, 1);
        product.product.variants.swap(0, 1);
    });
    market
        .trade
        .until("the new title is taken", async || {
            let page = bonded_trade::Page::first(10);
            let products = catalog::list(ledger, supplier, None, page).await.unwrap().records;
            products.len() == 1 && products[0].title == "Bright lamp"
        })
        .await;
    assert_eq!((priced("LAMP-L").await, priced("LAMP-S").await), (Some(euro(750)), Some(euro(1_000))));

    // The shop has a price of its own now.
    change(&market, |product| product.variants[0].price = Some(euro(800)));
    market.trade.until("it counts", async || priced("LAMP-L").await == Some(euro(800))).await;
    market
        .trade
        .until("the correction is over", async || hold(&market, supplier, held.id).await.corrections.is_empty())
        .await;
    assert!(market.holds(supplier).await.is_empty());

    // It goes wrong there, is tried in vain, and becomes again what it was.
    change(&market, |product| product.variants[0].price = None);
    market.trade.until("it is held again", async || market.holds(supplier).await.len() == 1).await;
    let again = market.holds(supplier).await.remove(0);
    holds::retry(ledger, supplier, again.id, None).await.unwrap();
    market.trade.until("it was tried", async || !hold(&market, supplier, again.id).await.asked).await;
    assert_eq!(market.holds(supplier).await.len(), 1);
    change(&market, |product| product.variants[0].price = Some(euro(800)));
    market.trade.until("all is well", async || market.holds(supplier).await.is_empty()).await;
    assert_eq!(hold(&market, supplier, again.id).await.outcome, Some(Outcome::Recovered));
}

async fn a_corrected_order_is_placed_once_and_nothing_of_it_is_cancelled(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    market.connect_both().await;
    market.until("stock reaches the shop", || market.retail.available(&ours[0]) == 10).await;
    let order = market.retail.sell(&ours[0], 2).unwrap();
    market.retail.change(&order, |order| {
        order.lines[0].quantity = 2_000_000;
        order.lines[0].title = "Lamp for ada@example.com".to_owned();
    });
    market.trade.until("it is held", async || market.holds(&market.retailer).await.len() == 1).await;
    let held = market.holds(&market.retailer).await.remove(0);
    let payload = held.payload.as_ref().unwrap();
    assert!(payload.to_string().contains("2000000") && !payload.to_string().contains("ada@example.com"), "{payload}");
    let tries = held.tries;
    let right = [fix("/lines/0/quantity", json!(3))];
    holds::correct(&market.trade.ledger, &market.retailer, held.id, None, &right).await.unwrap();
    market.until("it is placed", || placed(&market.supply).len() == 1).await;
    market.trade.until("the hold is over", async || market.holds(&market.retailer).await.is_empty()).await;
    let ended = hold(&market, &market.retailer, held.id).await;
    assert_eq!((ended.outcome, ended.tries), (Some(Outcome::Corrected), tries + 1));
    // It is read again with something else changed, and an order that comes after it is through.
    market.retail.change(&order, |order| order.lines[0].title = "Lamp".to_owned());
    market.retail.sell(&ours[0], 1);
    let next = market.retail.sell(&ours[0], 1).unwrap();
    market.until("the next ones are placed", || placed(&market.supply).len() == 3).await;
    let orders = market.orders().await;
    let first = orders.iter().find(|one| one.reference == format!("#{order}")).unwrap();
    assert_eq!((first.lines[0].quantity, first.lines[0].cancel_wanted, first.lines[0].cancelled), (3, 0, 0));
    assert!(orders.iter().any(|one| one.reference == format!("#{next}")));
    market.supply.look(|stock| assert!(stock.orders.values().any(|order| order.lines[0].quantity == 3)));
}

async fn what_is_dismissed_stays_away_until_it_changes(trade: Trade) {
    let (market, held) = priceless(trade).await;
    let (ledger, supplier) = (&market.trade.ledger, &market.supplier);
    holds::resolve(ledger, supplier, held.id, None).await.unwrap();
    // Another thing that is held says that the shop was read again meanwhile, several times.
    for number in 0..3 {
        market.supply.stocks("Bad", &[&format!("BAD-{number}")], 1);
        market.supply.look(|stock| {
            let bad = stock.products.values_mut().last().unwrap();
            bad.product.variants[0].price = None;
        });
        market.trade.until("it is held", async || market.holds(supplier).await.len() == number + 1).await;
    }
    let aside = hold(&market, supplier, held.id).await;
    assert_eq!((aside.state, aside.outcome, aside.tries), (HoldState::Resolved, Some(Outcome::Dismissed), held.tries));
    assert!(sold_as(&market, "LAMP-S").await.is_none());
    let open = market.holds(supplier).await;
    assert!(open.iter().all(|hold| hold.tries == 1), "what is read again as it was is no other try");
    change(&market, |product| product.title = "Bright lamp".to_owned());
    market.trade.until("changed, it is held again", async || market.holds(supplier).await.len() == 4).await;
    let figures = holds::count(ledger, supplier).await.unwrap();
    assert_eq!((figures.held, figures.dismissed, figures.complete), (4, 0, true));
    holds::resolve(ledger, supplier, held.id, None).await.unwrap();
    change(&market, |product| product.variants[1].price = Some(euro(500)));
    market.trade.until("put right, it is taken", async || sold_as(&market, "LAMP-L").await.is_some()).await;
}

async fn what_is_tried_again_is_read_again(trade: Trade) {
    let market = Market::open(trade).await;
    market.supply.stocks("Lamp", &["LAMP"], 10);
    let ours = market.retail.stocks("Lamp", &["LAMP"], 0);
    market.connect_both().await;
    market.until("stock reaches the shop", || market.retail.available(&ours[0]) == 10).await;
    let order = market.retail.sell(&ours[0], 1).unwrap();
    market.retail.change(&order, |order| order.consumer = ConsumerDraft::default());
    market.trade.until("it is held", async || market.holds(&market.retailer).await.len() == 1).await;
    // A later order, so that the shop's newest change is another.
    market.trade.ledger.test_clock().advance_ms(1_000);
    market.retail.sell(&ours[0], 1).unwrap();
    market.until("the later one is through", || placed(&market.supply).len() == 1).await;
    // The shop does not say that an address was put right.
    market.retail.look(|stock| stock.orders.get_mut(&order).unwrap().consumer = ConsumerDraft::of(ADA));
    let held = market.holds(&market.retailer).await.remove(0);
    holds::retry(&market.trade.ledger, &market.retailer, held.id, None).await.unwrap();
    market.until("it goes on", || placed(&market.supply).len() == 2).await;
    market.trade.until("its hold is over", async || market.holds(&market.retailer).await.is_empty()).await;
    assert_eq!(hold(&market, &market.retailer, held.id).await.outcome, Some(Outcome::Replayed));
}
