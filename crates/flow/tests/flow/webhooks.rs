//! Webhooks to a real receiver under TLS: signed, in order, at least once, and given up in the end.

mod receiver;

use crate::trade::{Trade, euro};
use bonded_base::{Clock, Id, Kind, SystemClock};
use bonded_connect::outbound::{Outbound, OutboundSetup, destinations};
use bonded_connect::webhooks::{
    self, EndpointDraft, EndpointPatch, EndpointState, GIVE_UP_MS, KEPT_MS, MessageState, RETRIES_MS, Range,
    WebhookEndpoint, WebhookMessage,
};
use bonded_flow::followers::{self, Makes, Running, Turn};
use bonded_flow::webhooks::Deliverer;
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_people::members;
use bonded_testkit::ledger::on_sqlite;
use bonded_trade::accounts::Role;
use bonded_trade::catalog::{self, ProductDraft, VariantDraft};
use bonded_trade::orders::{self, Order};
use bonded_trade::{Page, Patch};
use receiver::{Does, Heard, Receiver};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A retailer with one endpoint, and what it hears.
struct Stage {
    trade: Trade,
    retailer: Scope,
    receiver: Receiver,
    outbound: Outbound,
    endpoint: Id<WebhookEndpoint>,
    secret: String,
    running: Option<Running>,
    nodes: u8,
}

impl Stage {
    /// An endpoint for these events, told by a node.
    async fn with(events: &[&str]) -> Self {
        let trade = Trade::on(on_sqlite().await);
        // The receiver's own library compares with the real time.
        trade.ledger.test_clock().set(SystemClock.now());
        let retailer = trade.account("Corner Shop", Role::Retailer).await;
        let receiver = Receiver::start().await;
        let setup = OutboundSetup {
            loopback: true,
            root_certificate: Some(receiver.authority()),
            user_agent: String::from("Bonded/test"),
        };
        let outbound = Outbound::new(setup).unwrap();
        let draft = EndpointDraft {
            url: receiver.url(),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            description: None,
        };
        let (endpoint, secret) = webhooks::create(&trade.ledger, &retailer, draft).await.unwrap();
        let (endpoint, secret) = (endpoint.id, secret.expose().clone());
        let mut stage = Self { trade, retailer, receiver, outbound, endpoint, secret, running: None, nodes: 100 };
        stage.start();
        stage
    }

    fn start(&mut self) {
        let (ledger, outbound) = (Ledger::clone(&self.trade.ledger), self.outbound.clone());
        let makes: Makes = Arc::new(move |kind, account, id| {
            let deliverer = || Deliverer::new(ledger.clone(), outbound.clone(), account, id);
            (kind == Kind::WebhookEndpoint).then(|| Box::new(deliverer()) as Box<dyn Turn>)
        });
        self.nodes += 1;
        let node = Id::from_bytes([self.nodes; 16]);
        self.running = Some(followers::start(Ledger::clone(&self.trade.ledger), node, makes));
    }

    /// Lets time pass, and something happen that nobody is told of.
    async fn pass(&self, millis: i64) {
        self.trade.ledger.test_clock().advance_ms(millis);
        let name = format!("shelf {}", self.trade.ledger.clock().now());
        bonded_trade::inventory::create_location(&self.trade.ledger, &self.retailer, &name).await.unwrap();
    }

    async fn order(&self, reference: &str) -> Id<Order> {
        self.trade.order(&self.retailer, reference, &[("NOBODY-SELLS", 1)]).await
    }

    async fn cancel(&self, order: Id<Order>) {
        // Routing changes the order meanwhile.
        while orders::cancel(&self.trade.ledger, &self.retailer, order, None, &orders::Cancellation::default())
            .await
            .is_err()
        {}
    }

    async fn messages(&self) -> Vec<Stored<WebhookMessage>> {
        let page = Page::first(1_000);
        webhooks::messages(&self.trade.ledger, &self.retailer, self.endpoint, page).await.unwrap().records
    }

    async fn endpoint(&self) -> Stored<WebhookEndpoint> {
        webhooks::get(&self.trade.ledger, &self.retailer, self.endpoint).await.unwrap()
    }

    async fn until_messages(&self, what: &str, holds: impl Fn(&[Stored<WebhookMessage>]) -> bool) {
        self.trade.until(what, async || holds(&self.messages().await)).await;
    }

    /// Waits until so many messages were heard.
    async fn heard(&self, count: usize) -> Vec<Heard> {
        self.receiver.until(count).await
    }

    async fn set(&self, state: EndpointState) {
        self.trade.ledger.test_clock().advance_ms(1);
        let patch = EndpointPatch { state: Patch::Set(state), ..EndpointPatch::default() };
        webhooks::update(&self.trade.ledger, &self.retailer, self.endpoint, None, patch).await.unwrap();
    }

    async fn end(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.trade.stop().await;
    }
}

fn delivered(messages: &[Stored<WebhookMessage>], count: usize) -> bool {
    messages.len() == count && messages.iter().all(|message| message.state == MessageState::Delivered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_signed_and_says_what_happened_without_a_consumer() {
    let stage = Stage::with(&["order.placed"]).await;
    let order = stage.order("A-1").await;
    let heard = stage.heard(1).await.remove(0);
    standardwebhooks::Webhook::new(&stage.secret).unwrap().verify(&heard.body, &heard.headers).unwrap();
    let other = standardwebhooks::Webhook::from_bytes(vec![7; 32]).unwrap();
    assert!(other.verify(&heard.body, &heard.headers).is_err(), "another secret does not fit");
    let body = heard.json();
    assert_eq!(body["type"], "order.placed");
    assert_eq!((&body["data"]["id"], &body["data"]["version"]), (&order.to_string().into(), &1.into()));
    let object = &body["data"]["object"];
    assert_eq!((&object["object"], &object["id"]), (&"order".into(), &order.to_string().into()));
    assert_eq!(object["reference"], "A-1");
    let text = String::from_utf8_lossy(&heard.body).into_owned();
    for field in ["Lovelace", "St James", "SW1Y", "consumer"] {
        assert!(!text.contains(field), "{field} has left");
    }
    stage.until_messages("it is written down", |messages| delivered(messages, 1)).await;
    let message = stage.messages().await.remove(0);
    assert_eq!((message.id.to_string(), &*message.event), (heard.id(), "order.placed"));
    let attempt = &message.attempts[0];
    assert_eq!((attempt.status, attempt.answer.as_deref()), (Some(200), Some("thank you")));
    // What was to be sent stands in the log and among the destinations.
    let entries = stage.trade.ledger.entries(&stage.retailer, 0, 1_000).await.unwrap();
    let called = entries.iter().find(|entry| entry.headline.action == "called").unwrap();
    assert_eq!((called.headline.kind, called.headline.id), (Kind::WebhookEndpoint, stage.endpoint.bytes()));
    assert!(called.said.seen.contains(&"order.lines".to_owned()), "{:?}", called.said.seen);
    let known = destinations::list(&stage.trade.ledger, &stage.retailer, Page::first(10)).await.unwrap().records;
    assert!(known[0].fields.contains("order.reference") && known[0].purpose == "webhook");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_secrets_hold_together_for_a_while() {
    let stage = Stage::with(&["order.placed"]).await;
    let (_, new) = webhooks::rotate(&stage.trade.ledger, &stage.retailer, stage.endpoint, 60_000).await.unwrap();
    let [old, new] = [&stage.secret, new.expose()].map(|secret| standardwebhooks::Webhook::new(secret).unwrap());
    stage.order("A-1").await;
    let heard = stage.heard(1).await.remove(0);
    assert!(old.verify(&heard.body, &heard.headers).is_ok() && new.verify(&heard.body, &heard.headers).is_ok());
    stage.trade.ledger.test_clock().advance_ms(60_000);
    stage.order("A-2").await;
    let heard = stage.heard(2).await.remove(1);
    assert!(old.verify(&heard.body, &heard.headers).is_err() && new.verify(&heard.body, &heard.headers).is_ok());
    let record = serde_json::to_string(&*stage.endpoint().await).unwrap();
    assert!(!record.contains(&stage.secret["whsec_".len()..]), "the secret is nowhere in clear");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_s_messages_keep_their_order_while_others_go_on() {
    let stage = Stage::with(&["order.placed", "order.cancelled"]).await;
    let stuck = stage.order("STUCK").await;
    stage.heard(1).await;
    stage
        .receiver
        .answers(move |heard| if heard.subject() == stuck.to_string() { Does::Status(503) } else { Does::Well });
    let again = stage.order("STUCK-2").await;
    stage.cancel(stuck).await;
    let others = [stage.order("B").await, stage.order("C").await];
    let is_there = |messages: &[Stored<WebhookMessage>], order: Id<Order>| {
        messages.iter().any(|one| one.subject == order.to_string() && one.state == MessageState::Delivered)
    };
    stage
        .until_messages("the others go on", |messages| {
            others.iter().chain([&again]).all(|order| is_there(messages, *order))
        })
        .await;
    // A later change of the same record waits behind the one that fails.
    stage
        .until_messages("the cancellation failed", |messages| {
            messages.iter().any(|one| one.event == "order.cancelled" && one.attempts.len() == 1)
        })
        .await;
    let failed = stage.messages().await.into_iter().find(|one| one.event == "order.cancelled").unwrap();
    let attempt = &failed.attempts[0];
    assert_eq!(
        (attempt.status, attempt.answer.as_deref(), failed.state),
        (Some(503), Some("ask later"), MessageState::Waiting)
    );
    stage.receiver.answers(|_| Does::Well);
    stage.pass(RETRIES_MS[0] * 2).await;
    stage.until_messages("it arrives", |messages| delivered(messages, 5)).await;
    let ids = stage.heard(0).await.into_iter().filter(|heard| heard.json()["type"] == "order.cancelled");
    let ids: Vec<_> = ids.map(|heard| heard.id()).collect();
    assert_eq!(ids, [failed.id.to_string(), failed.id.to_string()], "sent twice under one id");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_to_a_record_is_told_in_its_order() {
    let stage = Stage::with(&["order.*"]).await;
    stage.receiver.answers(|heard| if heard.count % 3 == 0 { Does::Status(500) } else { Does::Well });
    let mut orders = Vec::new();
    for number in 0..12 {
        let order = stage.order(&format!("A-{number}")).await;
        stage.cancel(order).await;
        orders.push(order);
    }
    let all = |messages: &[Stored<WebhookMessage>]| {
        let cancelled = messages.iter().filter(|message| message.event == "order.cancelled").count();
        cancelled == orders.len() && messages.iter().all(|message| message.state == MessageState::Delivered)
    };
    stage.receiver.answers(|_| Does::Well);
    stage.pass(RETRIES_MS[0] * 2).await;
    stage.until_messages("all arrive", all).await;
    // What was answered well came in the order of the log, record by record, and whatever was repeated was the same.
    let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
    for heard in stage.heard(0).await.iter().filter(|heard| heard.was_well) {
        let body = heard.json();
        seen.entry(heard.subject()).or_default().push(body["data"]["version"].as_u64().unwrap());
    }
    for versions in seen.values() {
        assert!(versions.is_sorted(), "{versions:?}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_sending_and_writing_down_repeats_and_loses_nothing() {
    let mut stage = Stage::with(&["order.placed"]).await;
    stage.receiver.answers(|_| Does::Nothing);
    for number in 0..5 {
        stage.order(&format!("A-{number}")).await;
    }
    let before = stage.heard(1).await;
    // The node ends while the receiver has the message and has not answered.
    stage.running.take().unwrap().abandon();
    stage.receiver.answers(|_| Does::Well);
    stage.trade.ledger.test_clock().advance_ms(31_000);
    stage.start();
    stage.until_messages("all arrive", |messages| delivered(messages, 5)).await;
    let after = stage.heard(6).await;
    // The node that ended may have sent one more at its last moment: it comes again, under its id.
    let well: HashSet<_> = after.iter().filter(|heard| heard.was_well).map(Heard::id).collect();
    assert!(before.iter().all(|heard| well.contains(&heard.id())), "what was cut off came again under its id");
    assert_eq!(well.len(), 5);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_misbehave_are_tried_again() {
    let stage = Stage::with(&["order.placed"]).await;
    for (number, does) in [Does::Status(301), Does::Cut, Does::Status(404), Does::Status(429)].into_iter().enumerate() {
        stage.receiver.answers(move |_| does);
        stage.trade.ledger.test_clock().advance_ms(1);
        stage.order(&format!("A-{number}")).await;
        stage
            .until_messages("it failed", |messages| messages.len() == number + 1 && messages[number].failures == 1)
            .await;
    }
    let attempts: Vec<_> = stage.messages().await.iter().map(|message| message.attempts[0].clone()).collect();
    assert_eq!((attempts[0].status, attempts[2].status), (Some(301), Some(404)));
    assert_eq!(attempts[1].error.as_deref(), Some("the connection to the host broke off"));
    assert!(stage.endpoint().await.failing_since.is_some());
    stage.receiver.answers(|_| Does::Well);
    stage.pass(RETRIES_MS[0] * 2).await;
    stage.until_messages("all arrive", |messages| delivered(messages, 4)).await;
    stage.trade.until("it is well again", async || stage.endpoint().await.failing_since.is_none()).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_is_paused_at_once_and_told_all_when_enabled() {
    let stage = Stage::with(&["order.placed"]).await;
    stage.trade.joins(&stage.retailer, "owner@example.com", members::Role::Owner).await;
    stage.trade.joins(&stage.retailer, "viewer@example.com", members::Role::Viewer).await;
    stage.receiver.answers(|_| Does::Status(410));
    stage.order("A-1").await;
    stage.trade.until("it is paused", async || stage.endpoint().await.state == EndpointState::Paused).await;
    assert!(stage.endpoint().await.why.as_deref().unwrap().contains("410"));
    let mails = stage.trade.mails().await;
    let told: Vec<_> = mails.iter().map(|mail| (mail.to.expose(), mail.matter.name())).collect();
    assert_eq!(told, [("owner@example.com", "webhook_stopped")], "who may change endpoints, and nobody else");
    stage.order("A-2").await;
    let test = webhooks::send_test(&stage.trade.ledger, &stage.retailer, stage.endpoint).await;
    assert!(test.is_err(), "nothing is sent to who is paused");
    stage.receiver.answers(|_| Does::Well);
    stage.set(EndpointState::Enabled).await;
    stage.until_messages("both arrive", |messages| delivered(messages, 2)).await;
    assert_eq!(stage.heard(3).await.len(), 3);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_for_three_days_is_told_nothing_until_enabled() {
    let stage = Stage::with(&["order.placed"]).await;
    stage.receiver.answers(|_| Does::Status(500));
    stage.order("A-1").await;
    stage.trade.until("it fails", async || stage.endpoint().await.failing_since.is_some()).await;
    stage.pass(GIVE_UP_MS + 60_000).await;
    stage.trade.until("it is left alone", async || stage.endpoint().await.state == EndpointState::Failing).await;
    stage.receiver.answers(|_| Does::Well);
    stage.set(EndpointState::Enabled).await;
    stage.until_messages("it arrives at once", |messages| delivered(messages, 1)).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_sent_again_when_asked_and_forgotten_in_time() {
    let stage = Stage::with(&["order.placed"]).await;
    let from = stage.trade.ledger.clock().now();
    for number in 0..3 {
        stage.order(&format!("A-{number}")).await;
        stage.trade.ledger.test_clock().advance_ms(1_000);
    }
    stage.until_messages("all arrive", |messages| delivered(messages, 3)).await;
    let first = stage.messages().await.remove(0).id;
    webhooks::replay(&stage.trade.ledger, &stage.retailer, stage.endpoint, first).await.unwrap();
    assert_eq!(stage.heard(4).await[3].id(), first.to_string());
    stage.until_messages("it arrives again", |messages| delivered(messages, 3)).await;
    let range = Range { from, to: from.plus_millis(2_000), after: None, delivered: false };
    let replay = |range| webhooks::replay_range(&stage.trade.ledger, &stage.retailer, stage.endpoint, range);
    assert_eq!(replay(range).await.unwrap().messages, 0, "none of them has failed");
    let replayed = replay(Range { delivered: true, ..range }).await.unwrap();
    assert_eq!((replayed.messages, replayed.next_after), (2, None));
    assert_eq!(stage.heard(6).await.len(), 6);
    webhooks::send_test(&stage.trade.ledger, &stage.retailer, stage.endpoint).await.unwrap();
    assert_eq!(stage.heard(7).await[6].json()["type"], webhooks::TEST_EVENT);
    stage.until_messages("the test arrives", |messages| delivered(messages, 4)).await;
    stage.pass(KEPT_MS + 60 * 60 * 1_000).await;
    stage.until_messages("they are forgotten", <[_]>::is_empty).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_is_sent_however_many_wait() {
    let stage = Stage::with(&["product.created"]).await;
    // A test is about no record.
    stage.receiver.answers(|heard| if heard.subject().is_empty() { Does::Well } else { Does::Status(503) });
    let made = |number: usize| {
        let variants = vec![VariantDraft { price: Some(euro(700)), ..VariantDraft::default() }];
        ProductDraft { title: format!("Lamp {number}"), variants, ..ProductDraft::default() }
    };
    for part in [0..600, 600..1_200] {
        catalog::create_many(&stage.trade.ledger, &stage.retailer, part.map(made).collect()).await.unwrap();
    }
    let failed = |messages: &[Stored<WebhookMessage>]| messages.iter().filter(|one| one.attempts.len() == 1).count();
    stage.until_messages("more wait than the log is read on for", |messages| failed(messages) == 1_000).await;
    catalog::create(&stage.trade.ledger, &stage.retailer, made(1_200)).await.unwrap();
    webhooks::send_test(&stage.trade.ledger, &stage.retailer, stage.endpoint).await.unwrap();
    let is_test = |heard: &Heard| heard.subject().is_empty();
    stage.trade.until("the test is heard", async || stage.heard(0).await.iter().any(is_test)).await;
    stage.receiver.answers(|_| Does::Well);
    let first = stage.messages().await.remove(0).id;
    webhooks::replay(&stage.trade.ledger, &stage.retailer, stage.endpoint, first).await.unwrap();
    let arrived = |messages: &[Stored<WebhookMessage>]| {
        messages.iter().any(|one| one.id == first && one.state == MessageState::Delivered)
    };
    stage.until_messages("the one that was asked for arrives", arrived).await;
    stage.pass(RETRIES_MS[0] * 2).await;
    let arrived = async || {
        let heard = stage.heard(0).await;
        heard.iter().filter(|heard| heard.was_well && !is_test(heard)).map(Heard::id).collect::<HashSet<_>>().len()
    };
    stage.trade.until("all of them arrive, also the last", async || arrived().await == 1_201).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_removed_leaves_nothing_behind() {
    let stage = Stage::with(&["*"]).await;
    stage.order("A-1").await;
    stage.heard(1).await;
    webhooks::remove(&stage.trade.ledger, &stage.retailer, stage.endpoint, None).await.unwrap();
    stage.pass(61_000).await;
    stage.until_messages("its messages go", <[_]>::is_empty).await;
    stage
        .trade
        .until("it leaves the register", async || {
            bonded_connect::followers::find(&stage.trade.ledger, stage.endpoint.bytes()).await.unwrap().is_none()
        })
        .await;
    stage.end().await;
}
