//! Consumers of archived orders are forgotten for good: from every record, and from every copy of one.

use crate::on_both_engines;
use crate::trade::{ORIGIN, Trade};
use bonded_base::{Account, Id, Kind, Reason, Secret};
use bonded_connect::connections::{self, Connection};
use bonded_connect::mirrors::Mirror;
use bonded_connect::notices::{Notice, Topic};
use bonded_connect::platform::RemoteId;
use bonded_connect::privacy::{self, PrivacyState, Wanted};
use bonded_flow::deletions::{DeletionTurn, ask, set_policy};
use bonded_flow::followers::{self, Makes, Running, Turn};
use bonded_flow::log_origin;
use bonded_flow::privacy::PrivacyTurn;
use bonded_ledger::{Change, Ledger, Scope, Stored};
use bonded_merkle::{Signer as _, VerifierKey};
use bonded_trade::accounts::Role;
use bonded_trade::deletions::{self, Because, Deletion, DeletionPolicy, DeletionState, Selection};
use bonded_trade::fulfilments::Shipment;
use bonded_trade::orders::{self, Cancellation, Order, OrderState};
use bonded_trade::purchase_orders;
use bonded_trade::{Page, TradeError};
use std::sync::Arc;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

struct Archive {
    trade: Trade,
    retailer: Scope,
    supplier: Scope,
    running: Option<Running>,
    nodes: u8,
}

impl Archive {
    async fn open(trade: Trade) -> Self {
        let retailer = trade.account("Corner Shop", Role::Retailer).await;
        let supplier = trade.account("Lamps", Role::Supplier).await;
        let mut archive = Self { trade, retailer, supplier, running: None, nodes: 100 };
        archive.start();
        archive
    }

    fn start(&mut self) {
        let ledger = Ledger::clone(&self.trade.ledger);
        let makes: Makes = Arc::new(move |what: Kind, account: Id<Account>, id| {
            Some(match what {
                Kind::Deletion => Box::new(DeletionTurn::new(ledger.clone(), account, id, ORIGIN.to_owned())),
                Kind::PrivacyRequest => Box::new(PrivacyTurn::new(ledger.clone(), account, id)) as Box<dyn Turn>,
                _ => return None,
            })
        });
        self.nodes += 1;
        let node = Id::from_bytes([self.nodes; 16]);
        self.running = Some(followers::start(Ledger::clone(&self.trade.ledger), node, makes));
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    async fn close(mut self) {
        self.stop().await;
        self.trade.stop().await;
    }

    /// An order that nobody sells, cancelled and put away.
    async fn archived(&self, reference: &str) -> Id<Order> {
        let (ledger, retailer) = (&self.trade.ledger, &self.retailer);
        let id = self.trade.order(retailer, reference, &[("NOBODY-SELLS", 1)]).await;
        orders::cancel(ledger, retailer, id, None, &Cancellation::default()).await.unwrap();
        orders::archive(ledger, retailer, id, None).await.unwrap();
        id
    }

    async fn order(&self, id: Id<Order>) -> Stored<Order> {
        orders::get(&self.trade.ledger, &self.retailer, id).await.unwrap()
    }

    /// Whether the six fields of an order, as it was read at some time, open now.
    async fn opens(&self, order: &Stored<Order>) -> bool {
        orders::consumer(&self.trade.ledger, &self.retailer, order).await.unwrap().is_some()
    }

    async fn ask(&self, orders: &[Id<Order>]) -> Result<Id<Deletion>, TradeError> {
        let selection = Selection::Orders(orders.to_vec());
        Ok(ask(&self.trade.ledger, &self.retailer, selection, Because::Asked).await?.id)
    }

    async fn deletion(&self, id: Id<Deletion>) -> Stored<Deletion> {
        deletions::get(&self.trade.ledger, &self.retailer, id).await.unwrap()
    }

    async fn until(&self, id: Id<Deletion>, state: DeletionState) -> Stored<Deletion> {
        self.trade.until(&format!("the deletion is {state:?}"), async || self.deletion(id).await.state == state).await;
        self.deletion(id).await
    }

    async fn all(&self) -> Vec<Stored<Deletion>> {
        deletions::list(&self.trade.ledger, &self.retailer, None, Page::first(100)).await.unwrap().records
    }
}

async fn an_archived_order_is_forgotten_and_a_certificate_says_so(trade: Trade) {
    let archive = Archive::open(trade).await;
    let (trade, retailer, supplier) = (&archive.trade, &archive.retailer, &archive.supplier);
    let ledger = &trade.ledger;
    trade.link(retailer, supplier).await;
    trade.product(supplier, "LAMP", 10).await;
    let order = trade.order(retailer, "A-1", &[("LAMP", 2)]).await;
    trade.until("the order is posted", async || trade.purchase_orders(supplier).await.len() == 1).await;
    let refused = archive.ask(&[order]).await.unwrap_err().into_problem().unwrap();
    assert_eq!((refused.reason, refused.pointer.as_deref()), (Reason::State, Some("/orders/0")));
    let (purchase_order, _) = trade.purchase_orders(supplier).await.remove(0);
    purchase_orders::ship(ledger, supplier, purchase_order, None, &Shipment::default()).await.unwrap();
    trade.until_order(retailer, order, "all of it is shipped", |order| order.state == OrderState::Shipped).await;
    orders::complete(ledger, retailer, order, None).await.unwrap();
    orders::archive(ledger, retailer, order, None).await.unwrap();
    let other = archive.archived("A-2").await;
    let before = archive.order(order).await;
    assert!(archive.opens(&before).await);

    let id = archive.ask(&[order, order]).await.unwrap();
    let done = archive.until(id, DeletionState::Complete).await;
    let after = archive.order(order).await;
    assert_eq!((after.state, after.deletion, after.has_consumer()), (OrderState::Forgotten, Some(id), false));
    assert_eq!((&after.lines, &after.reference), (&before.lines, &before.reference), "what was traded stays");
    // What was read before, as from an old backup, opens to nobody.
    assert!(!archive.opens(&before).await && archive.opens(&archive.order(other).await).await);
    let again = archive.ask(&[order]).await.unwrap_err().into_problem().unwrap();
    assert_eq!(again.reason, Reason::State);

    let destroyed = done.destroyed.clone().unwrap();
    assert!(done.forgotten == 1 && destroyed.root_after > destroyed.root_before);
    assert_eq!(done.replicas.iter().filter(|replica| replica.confirmed_at.is_some()).count(), 2);
    assert_eq!(done.recipients.len(), 1);
    assert_eq!((done.recipients[0].account, done.recipients[0].orders), (supplier.account(), 1));
    let listed = deletions::orders(ledger, retailer, id, Page::first(10)).await.unwrap().records;
    assert_eq!(listed.iter().map(|order| order.id).collect::<Vec<_>>(), [order]);
    let log = log_origin(ORIGIN, retailer.account());
    let key = VerifierKey::new(log.clone(), ledger.log_signer(retailer).unwrap().public_key()).unwrap();
    let text = bonded_merkle::open(done.certificate.as_deref().unwrap(), &[key]).unwrap().text;
    assert!(text.contains(&format!("deletion {id}\n")) && text.contains("\norders 1\n"), "{text}");
    trade
        .until("the supplier is told", async || {
            trade.purchase_orders(supplier).await[0].1.consumer_deleted_at == after.forgotten_at
        })
        .await;
    archive.close().await;
}

async fn a_deletion_waits_for_its_time_and_for_the_last_replica(trade: Trade) {
    let archive = Archive::open(trade).await;
    let (ledger, retailer) = (&archive.trade.ledger, &archive.retailer);
    let policy = DeletionPolicy { grace_days: 2, archived_days: None };
    set_policy(ledger, retailer, policy).await.unwrap();
    let (first, second) = (archive.archived("A-1").await, archive.archived("A-2").await);
    let (taken_back, kept) = (archive.ask(&[first]).await.unwrap(), archive.ask(&[second]).await.unwrap());
    assert_eq!(archive.deletion(kept).await.due_at, ledger.clock().now().plus_millis(2 * DAY_MS));
    deletions::cancel(ledger, retailer, taken_back).await.unwrap();

    // The disk of the replica is away.
    let (there, away) = (ledger.replica(), ledger.directory().join("away"));
    std::fs::rename(&there, &away).unwrap();
    ledger.test_clock().advance_ms(2 * DAY_MS);
    archive.archived("A-3").await;
    let pending = archive.until(kept, DeletionState::Pending).await;
    let stands: Vec<_> = pending.replicas.iter().map(|replica| replica.confirmed_at.is_some()).collect();
    assert_eq!((stands, pending.certificate.is_none()), (vec![true, false], true));
    assert!(pending.replicas[1].why_not.is_some());
    let refused = deletions::cancel(ledger, retailer, kept).await.unwrap_err().into_problem().unwrap();
    assert_eq!(refused.reason, Reason::State);

    std::fs::rename(&away, &there).unwrap();
    let done = archive.until(kept, DeletionState::Complete).await;
    assert!(done.replicas.iter().all(|replica| replica.confirmed_at.is_some() && replica.why_not.is_none()));
    assert_eq!(archive.deletion(taken_back).await.state, DeletionState::Cancelled);
    let state = async |id| archive.order(id).await.state;
    assert_eq!((state(first).await, state(second).await), (OrderState::Archived, OrderState::Forgotten));
    archive.close().await;
}

async fn a_rule_deletes_what_was_archived_long_ago(trade: Trade) {
    let archive = Archive::open(trade).await;
    let (ledger, retailer) = (&archive.trade.ledger, &archive.retailer);
    let old = archive.archived("A-1").await;
    ledger.test_clock().advance_ms(31 * DAY_MS);
    let new = archive.archived("A-2").await;
    set_policy(ledger, retailer, DeletionPolicy { grace_days: 0, archived_days: Some(30) }).await.unwrap();
    archive.trade.until("a deletion is made", async || !archive.all().await.is_empty()).await;
    let id = archive.all().await[0].id;
    let done = archive.until(id, DeletionState::Complete).await;
    assert_eq!((done.because, done.forgotten, done.asked_by.as_str()), (Because::Rule, 1, "system:deletion"));
    let state = async |id| archive.order(id).await.state;
    assert_eq!((state(old).await, state(new).await), (OrderState::Forgotten, OrderState::Archived));
    assert_eq!(archive.all().await.len(), 1, "what is done is not done again");
    archive.close().await;
}

async fn what_a_crash_interrupts_is_ended(trade: Trade) {
    let mut archive = Archive::open(trade).await;
    let order = archive.archived("A-1").await;
    let before = archive.order(order).await;
    archive.stop().await;
    let (ledger, retailer) = (&archive.trade.ledger, &archive.retailer);
    let id = archive.ask(&[order]).await.unwrap();
    // The program ends after the fields were taken from the records, before their keys are destroyed.
    let version = ledger.vault().status().unwrap().version;
    deletions::begin(ledger, retailer, id, version).await.unwrap();
    let chunk = deletions::pick(ledger, retailer, &archive.deletion(id).await.selection, None).await.unwrap();
    assert_eq!(deletions::forget(ledger, retailer, id, chunk.orders).await.unwrap(), 1);
    assert!(archive.opens(&before).await, "a backup still opens");
    archive.start();
    let done = archive.until(id, DeletionState::Complete).await;
    assert!(!archive.opens(&before).await);
    assert_eq!((done.forgotten, done.destroyed.as_ref().unwrap().root_before), (1, version));
    archive.close().await;
}

/// A connection to a shop from which these orders came.
async fn sold_in(archive: &Archive, orders: &[Id<Order>]) -> Stored<Connection> {
    let (ledger, retailer) = (&archive.trade.ledger, &archive.retailer);
    let draft = serde_json::json!({"platform": "shopify", "shop": "lamps.myshopify.com", "direction": "sell_through",
        "credential": {"access_token": "shpat_1", "client_secret": "shpss_1"}});
    let made = connections::connect(
        ledger,
        retailer,
        serde_json::from_value(draft).unwrap(),
        Vec::new(),
        &Secret::new(b"{}".to_vec()),
    )
    .await
    .unwrap();
    let mut change = Change::new();
    for order in orders {
        let mirror = Mirror::new(made.id, *order, Some(remote(*order)));
        change.create(Mirror::id_of(made.id, *order), &mirror, "met");
    }
    ledger.commit(retailer, change).await.unwrap();
    connections::get(ledger, retailer, made.id).await.unwrap()
}

fn remote(order: Id<Order>) -> RemoteId {
    RemoteId::new(format!("gid://shopify/Order/{order}"))
}

fn asked(connection: &Stored<Connection>, topic: Topic, orders: &[Id<Order>]) -> Notice {
    let (event, named) = (format!("{topic:?}"), orders.iter().map(|order| remote(*order)).collect());
    Notice { connection: connection.id, event, topic, named, triggered_at: None, is_done: false }
}

async fn what_a_shop_asks_for_a_consumer_s_sake_is_done_when_its_orders_are_closed(trade: Trade) {
    let archive = Archive::open(trade).await;
    let (ledger, retailer) = (&archive.trade.ledger, &archive.retailer);
    set_policy(ledger, retailer, DeletionPolicy { grace_days: 30, archived_days: None }).await.unwrap();
    let place = async |reference: &str| archive.trade.order(retailer, reference, &[("NOBODY-SELLS", 1)]).await;
    let (closed, open, other) = (place("A-1").await, place("A-2").await, place("A-3").await);
    let cancel = async |id| orders::cancel(ledger, retailer, id, None, &Cancellation::default()).await.unwrap();
    cancel(closed).await;
    let shop = sold_in(&archive, &[closed, open, other]).await;
    let requests = async || privacy::list(ledger, retailer, None, Page::first(10)).await.unwrap().records;

    let redact = asked(&shop, Topic::RedactConsumer, &[closed, open]);
    for _ in 0..2 {
        privacy::take(ledger, retailer, &shop, &redact).await.unwrap();
    }
    let forgotten = async |id| archive.order(id).await.state == OrderState::Forgotten;
    archive.trade.until("the closed order is forgotten", async || forgotten(closed).await).await;
    let waits = requests().await.remove(0);
    assert_eq!((waits.wanted, &waits.waits_for[..]), (Wanted::RedactConsumer, &[open][..]));
    assert!(archive.all().await.iter().all(|deletion| deletion.because == Because::PrivacyRequest));
    cancel(open).await;
    archive.trade.until("the request is done", async || requests().await[0].state == PrivacyState::Done).await;
    assert!(forgotten(open).await && !forgotten(other).await);

    privacy::take(ledger, retailer, &shop, &asked(&shop, Topic::DataRequest, &[other])).await.unwrap();
    privacy::take(ledger, retailer, &shop, &asked(&shop, Topic::RedactShop, &[])).await.unwrap();
    cancel(other).await;
    archive
        .trade
        .until("the whole shop is forgotten", async || {
            ledger.test_clock().advance_ms(60_000);
            forgotten(other).await
        })
        .await;
    let mut all = requests().await;
    all.retain(|request| request.wanted == Wanted::Data);
    assert_eq!((all.len(), all[0].state), (1, PrivacyState::Open), "people answer it");
    let answered = privacy::answered(ledger, retailer, all[0].id).await.unwrap();
    assert_eq!(answered.state, PrivacyState::Done);
    let origin = archive.all().await.into_iter().flat_map(|deletion| deletion.recipients.clone());
    assert!(origin.map(|told| told.shop).all(|shop| shop.as_deref() == Some("shopify lamps.myshopify.com")));
    archive.close().await;
}

on_both_engines!(
    what_a_shop_asks_for_a_consumer_s_sake_is_done_when_its_orders_are_closed,
    an_archived_order_is_forgotten_and_a_certificate_says_so,
    a_deletion_waits_for_its_time_and_for_the_last_replica,
    a_rule_deletes_what_was_archived_long_ago,
    what_a_crash_interrupts_is_ended,
);
