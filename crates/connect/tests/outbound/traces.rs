//! What a call leaves behind for the account to see, and that it leaves it before the host hears anything.

use super::World;
use bonded_base::Kind;
use bonded_connect::outbound::destinations::{self, Destination};
use bonded_connect::outbound::{CallError, Request, TlsVersion};
use bonded_ledger::{Entry, Ledger, Scope};
use bonded_testkit::https_server::{HttpsServer, Wanted, answer};
use bonded_trade::Page;
use std::sync::{Arc, OnceLock};

async fn entries(ledger: &Ledger, scope: &Scope) -> Vec<Entry> {
    ledger.entries(scope, 0, 1_000).await.unwrap()
}

async fn all(world: &World) -> Vec<Destination> {
    let page = destinations::list(&world.ledger, &world.scope, Page::first(100)).await.unwrap();
    page.records.iter().map(|stored| (**stored).clone()).collect()
}

/// A server that looks into the ledger the moment it hears something, and answers what it saw there.
async fn looking() -> (HttpsServer, Arc<OnceLock<(Ledger, Scope)>>) {
    let ledger = Arc::new(OnceLock::<(Ledger, Scope)>::new());
    let known = Arc::clone(&ledger);
    let server = HttpsServer::start(Wanted::GOOD, move |_| {
        let known = Arc::clone(&known);
        async move {
            let (ledger, scope) = known.get().unwrap();
            let called = entries(ledger, scope).await.into_iter().filter(|entry| entry.headline.action == "called");
            let seen: Vec<_> = called.map(|entry| entry.said.seen.join(",")).collect();
            answer(200, seen.join(";"))
        }
    });
    (server.await, ledger)
}

#[tokio::test]
async fn the_log_tells_of_a_call_before_the_host_hears_it() {
    let (server, known) = looking().await;
    let world = World::around(&server).await;
    assert!(known.set((world.ledger.clone(), world.scope.clone())).is_ok());
    let host = format!("shop.example:{}", server.port());
    let line = world.line(&[&host]);
    let request = || Request::post(server.origin("shop.example").parse().unwrap(), "12 pieces");
    let heard = line.call("stock", &["sku", "quantity"], request()).await.unwrap().body;
    assert_eq!(heard, format!("host {host},for stock,sku,quantity"));
    let heard = line.call("stock", &["sku"], request()).await.unwrap().body;
    assert!(heard.ends_with(format!(";host {host},for stock,sku").as_bytes()));

    let entries = entries(&world.ledger, &world.scope).await;
    let told: Vec<_> = entries.iter().map(|entry| (entry.headline.kind, &*entry.headline.action)).collect();
    let called = (Kind::Connection, "called");
    assert_eq!(told, [(Kind::Destination, "named"), called, called]);
    assert_eq!(entries[1].headline.id, [7; 16]);
    let written = format!("{:?}", entries.iter().map(|entry| &entry.said).collect::<Vec<_>>());
    assert!(!written.contains("12 pieces"), "no value is written down");
}

#[tokio::test]
async fn without_a_ledger_nothing_leaves() {
    let (server, known) = looking().await;
    let world = World::around(&server).await;
    assert!(known.set((world.ledger.clone(), world.scope.clone())).is_ok());
    let line = world.line(&[&format!("shop.example:{}", server.port())]);
    let call =
        async |fields| line.call("stock", fields, Request::get(server.origin("shop.example").parse().unwrap())).await;
    call(&["sku"]).await.unwrap();
    world.ledger.close().await;
    for fields in [&["sku"][..], &["sku", "title"]] {
        let refused = call(fields).await;
        assert!(matches!(refused, Err(CallError::Ledger(_))), "{refused:?}");
    }
    assert_eq!(world.outbound.counts()[0].calls, 1, "the host has heard one call");
}

#[tokio::test]
async fn every_host_that_ever_received_something_is_listed() {
    let server = HttpsServer::start(Wanted::GOOD, async |request| {
        answer(if request.uri().path() == "/bad" { 500 } else { 200 }, "")
    })
    .await;
    let world = World::around(&server).await;
    let [shop, other] = ["shop", "other"].map(|name| format!("{name}.example:{}", server.port()));
    let line = world.line(&[&shop, &other]);
    let to = |host: &str, path: &str| Request::get(format!("https://{host}{path}").parse().unwrap());
    line.call("orders", &["lines"], to(&shop, "/")).await.unwrap();
    world.ledger.test_clock().advance_ms(1_000);
    line.call("orders", &["lines", "postal_code"], to(&shop, "/")).await.unwrap();
    line.call("orders", &["lines"], to(&shop, "/bad")).await.unwrap();
    line.call("polling", &[], to(&other, "/")).await.unwrap();
    let before = entries(&world.ledger, &world.scope).await.len();
    line.call("polling", &[], to(&other, "/")).await.unwrap();
    assert_eq!(entries(&world.ledger, &world.scope).await.len(), before, "questions are counted only");
    assert!(
        line.call("orders", &["lines"], to("third.example", "/")).await.is_err(),
        "nothing leaves for another host"
    );

    assert!(all(&world).await.iter().all(|destination| destination.calls == 0));
    world.outbound.settle().await.unwrap();
    let mut found = all(&world).await;
    found.sort_by(|one, other| one.purpose.cmp(&other.purpose));
    let [orders, polling] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&orders.host, &polling.host), (&shop, &other));
    assert_eq!(orders.fields.iter().collect::<Vec<_>>(), ["lines", "postal_code"]);
    assert_eq!((orders.calls, orders.last_status, &orders.tls[..]), (3, Some(500), &[TlsVersion::V13][..]));
    assert_eq!(orders.last_at.millis() - orders.first_at.millis(), 1_000);
    assert_eq!((polling.calls, polling.last_status, polling.fields.len()), (2, Some(200), 0));

    // Nothing new, nothing written; and what was forgotten in memory is found again.
    let settled = entries(&world.ledger, &world.scope).await.len();
    world.outbound.settle().await.unwrap();
    assert_eq!(entries(&world.ledger, &world.scope).await.len(), settled);
    line.call("polling", &[], to(&other, "/")).await.unwrap();
    world.outbound.settle().await.unwrap();
    assert_eq!(all(&world).await.iter().find(|found| found.purpose == "polling").unwrap().calls, 3);
}

#[tokio::test]
async fn calls_that_meet_for_the_first_time_write_one_destination() {
    let server = HttpsServer::start(Wanted::GOOD, async |_| answer(200, "")).await;
    let world = World::around(&server).await;
    let line = world.line(&[&format!("shop.example:{}", server.port())]);
    let call = async |field: &'static str| {
        let fields = [field];
        line.call("orders", &fields, Request::get(server.origin("shop.example").parse().unwrap())).await.unwrap();
    };
    futures::future::join_all(["a", "b", "c", "d", "e"].map(call)).await;
    world.outbound.settle().await.unwrap();
    let found = all(&world).await;
    assert_eq!((found.len(), found[0].calls, found[0].fields.len()), (1, 5, 5));
}
