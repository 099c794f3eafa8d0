//! Orders on their way, and what stands in it.

use crate::trade::Trade;
use bonded_ledger::Scope;
use bonded_trade::accounts::Role;
use bonded_trade::fulfilments::Shipment;
use bonded_trade::holds::{self, HoldReason, HoldState};
use bonded_trade::orders::{self, Cancellation, OrderState};
use bonded_trade::purchase_orders::{self, PoState, Rejection};
use bonded_trade::{LineWish, Page, partners};
use std::collections::HashSet;

crate::on_both_engines!(
    an_order_travels_to_two_suppliers_and_back,
    a_cancellation_takes_back_what_is_not_shipped,
    what_nobody_sells_is_held_and_goes_on_when_retried,
    a_link_that_ended_carries_nothing_more,
    restarts_and_a_second_node_change_nothing,
);

async fn an_order_travels_to_two_suppliers_and_back(trade: Trade) {
    let ledger = &trade.ledger;
    let shop = trade.account("Shop", Role::Retailer).await;
    let (tea, home) = (trade.account("Tea", Role::Supplier).await, trade.account("Home", Role::Supplier).await);
    trade.link(&shop, &tea).await;
    trade.link(&shop, &home).await;
    let pot = trade.product(&tea, "POT", 5).await;
    let cup = trade.product(&home, "CUP", 5).await;
    let id = trade.order(&shop, "#1001", &[("POT", 2), ("CUP", 3)]).await;

    trade.until_order(&shop, id, "the order is routed", |order| order.state == OrderState::Routed).await;
    trade
        .until("both are posted", async || {
            trade.purchase_orders(&tea).await.len() + trade.purchase_orders(&home).await.len() == 2
        })
        .await;
    assert_eq!((trade.stock(&tea, &pot).await, trade.stock(&home, &cup).await), ((5, 2), (5, 3)));
    let (posted, at_tea) = trade.purchase_orders(&tea).await.remove(0);
    assert_eq!((at_tea.reference.as_str(), at_tea.lines.len(), at_tea.state), ("#1001", 1, PoState::Posted));

    // The six fields are read where they are kept.
    let stored = purchase_orders::get(ledger, &tea, posted).await.unwrap();
    let consumer = purchase_orders::consumer(ledger, &tea, &stored).await.unwrap().unwrap();
    assert_eq!(consumer.expose().last_name, "Lovelace");
    assert!(!stored.has_consumer());

    purchase_orders::acknowledge(ledger, &tea, posted, None).await.unwrap();
    ship(&trade, &tea, posted, Some(1), "T1").await;
    ship(&trade, &tea, posted, None, "T2").await;
    let (other, _) = trade.purchase_orders(&home).await.remove(0);
    ship(&trade, &home, other, None, "H1").await;

    trade.until_order(&shop, id, "the order is shipped", |order| order.state == OrderState::Shipped).await;
    let order = orders::get(ledger, &shop, id).await.unwrap();
    let numbers: HashSet<_> = order.fulfilments.iter().filter_map(|parcel| parcel.number.as_deref()).collect();
    assert_eq!(numbers, HashSet::from(["T1", "T2", "H1"]));
    assert_eq!((trade.stock(&tea, &pot).await, trade.stock(&home, &cup).await), ((3, 0), (2, 0)));
}

async fn ship(
    trade: &Trade,
    supplier: &Scope,
    id: bonded_base::Id<purchase_orders::PurchaseOrder>,
    pieces: Option<i64>,
    number: &str,
) {
    let purchase_order = purchase_orders::get(&trade.ledger, supplier, id).await.unwrap();
    let line = i64::from(purchase_order.lines[0].line);
    let shipment = Shipment {
        lines: Some(vec![LineWish { line, quantity: pieces }]),
        carrier: Some("Post".to_owned()),
        number: Some(number.to_owned()),
        url: Some(format!("https://track.example/{number}")),
    };
    purchase_orders::ship(&trade.ledger, supplier, id, None, &shipment).await.unwrap();
}

async fn a_cancellation_takes_back_what_is_not_shipped(trade: Trade) {
    let shop = trade.account("Shop", Role::Retailer).await;
    let tea = trade.account("Tea", Role::Supplier).await;
    trade.link(&shop, &tea).await;
    let pot = trade.product(&tea, "POT", 5).await;
    let id = trade.order(&shop, "#1001", &[("POT", 4)]).await;
    trade.until("it is posted", async || trade.purchase_orders(&tea).await.len() == 1).await;
    let (posted, _) = trade.purchase_orders(&tea).await.remove(0);
    ship(&trade, &tea, posted, Some(1), "T1").await;
    let two = Cancellation { lines: Some(vec![LineWish { line: 1, quantity: Some(2) }]) };
    orders::cancel(&trade.ledger, &shop, id, None, &two).await.unwrap();
    trade.until_order(&shop, id, "two are cancelled", |order| order.lines[0].cancelled == 2).await;
    assert_eq!(trade.stock(&tea, &pot).await, (4, 1));
    let reason = Rejection { reason: "broken".to_owned(), lines: None };
    purchase_orders::reject(&trade.ledger, &tea, posted, None, &reason).await.unwrap();
    trade.until_order(&shop, id, "the rest is rejected", |order| order.lines[0].rejected == 1).await;
    assert_eq!(trade.stock(&tea, &pot).await, (4, 0));
    trade.until_order(&shop, id, "it is shipped", |order| order.state == OrderState::Shipped).await;
}

async fn what_nobody_sells_is_held_and_goes_on_when_retried(trade: Trade) {
    let shop = trade.account("Shop", Role::Retailer).await;
    let tea = trade.account("Tea", Role::Supplier).await;
    trade.link(&shop, &tea).await;
    trade.product(&tea, "POT", 50).await;
    let lost = trade.order(&shop, "#1", &[("MUG", 1), ("POT", 1), ("JUG", 1)]).await;
    let fine = trade.order(&shop, "#2", &[("POT", 1)]).await;
    trade.until_order(&shop, fine, "the one behind goes on", |order| order.state == OrderState::Routed).await;
    let open =
        async || holds::list(&trade.ledger, &shop, Some(HoldState::Open), Page::first(10)).await.unwrap().records;
    trade.until("it is held", async || open().await.len() == 1).await;
    let hold = open().await.remove(0);
    assert_eq!((hold.reason, &hold.record), (HoldReason::SoldByNobody, &lost.to_string()));
    assert_eq!(hold.detail, "line 1, 3: no partner sells this");
    assert_eq!(orders::get(&trade.ledger, &shop, lost).await.unwrap().state, OrderState::Open);

    trade.product(&tea, "MUG", 1).await;
    trade.product(&tea, "JUG", 1).await;
    holds::retry(&trade.ledger, &shop, hold.id, None).await.unwrap();
    trade.until_order(&shop, lost, "it is routed", |order| order.state == OrderState::Routed).await;
    trade.until("nothing is held", async || open().await.is_empty()).await;
    trade.until("each line is posted once", async || trade.purchase_orders(&tea).await.len() == 3).await;
}

async fn a_link_that_ended_carries_nothing_more(trade: Trade) {
    let shop = trade.account("Shop", Role::Retailer).await;
    let tea = trade.account("Tea", Role::Supplier).await;
    let link = trade.link(&shop, &tea).await;
    trade.product(&tea, "POT", 5).await;
    partners::end(&trade.ledger, &tea, link, None).await.unwrap();
    assert!(partners::open(&trade.ledger, &shop, link).await.is_err(), "shut at once, before the news arrives");
    let id = trade.order(&shop, "#1", &[("POT", 1)]).await;
    trade
        .until("it is held", async || {
            holds::list(&trade.ledger, &shop, Some(HoldState::Open), Page::first(10)).await.unwrap().records.len() == 1
        })
        .await;
    assert_eq!(orders::get(&trade.ledger, &shop, id).await.unwrap().state, OrderState::Open);
    assert!(trade.purchase_orders(&tea).await.is_empty());
    // They may link again.
    trade
        .until("the shop has heard of it", async || {
            partners::get(&trade.ledger, &shop, link).await.unwrap().state == partners::LinkState::Ended
        })
        .await;
    trade.link(&shop, &tea).await;
}

async fn restarts_and_a_second_node_change_nothing(mut trade: Trade) {
    const ORDERS: usize = 60;
    let shop = trade.account("Shop", Role::Retailer).await;
    let (tea, home) = (trade.account("Tea", Role::Supplier).await, trade.account("Home", Role::Supplier).await);
    trade.link(&shop, &tea).await;
    trade.link(&shop, &home).await;
    let (pot, cup) = (trade.product(&tea, "POT", 1_000).await, trade.product(&home, "CUP", 50).await);
    for number in 0..ORDERS {
        if number % 7 == 0 {
            trade.stop().await;
            trade.start();
        }
        trade.order(&shop, &format!("#{number}"), &[("POT", 1), ("CUP", 1)]).await;
    }
    let second = trade.another_node();
    trade
        .until("everything is posted", async || {
            trade.purchase_orders(&tea).await.len() == ORDERS && trade.purchase_orders(&home).await.len() == ORDERS
        })
        .await;
    assert_eq!(trade.stock(&tea, &pot).await, (1_000, 60));
    assert_eq!(trade.stock(&home, &cup).await, (50, 50), "the last piece is promised once");
    let rejected = async || {
        let page = orders::list(&trade.ledger, &shop, None, Page::first(1_000)).await.unwrap();
        page.records.iter().flat_map(|order| order.lines.iter().map(|line| line.rejected)).sum::<u32>()
    };
    trade.until("ten find none left", async || rejected().await == 10).await;
    second.stop().await;
    trade.stop().await;
}
