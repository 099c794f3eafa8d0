//! Webhooks: signed by Shopify, read for ids, subscribed to with ids alone.

use crate::orders::{order, variants};
use crate::{World, id};
use bonded_base::Secret;
use bonded_connect::platform::Platform;
use bonded_connect::shopify::webhook::{BadNotice, Notice, SIGNATURE_HEADER, Subject, Topic, is_genuine};
use bonded_shopkit::schema::sample;
use bonded_shopkit::{Deliveries, Fault, Post, TRIES_MAX, Webhook, signature};
use bonded_testkit::https_server::{HttpsServer, Wanted as Https, answer};
use bytes::Bytes;
use hyper::Request;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const ADDRESS: &str = "https://bonded.example/hooks/shopify/con_1";

fn read(webhook: &Webhook) -> Result<Notice, BadNotice> {
    let header = |name: &str| webhook.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    Notice::read(header, webhook.body.as_bytes())
}

fn secrets(secrets: &[&str]) -> Vec<Secret<String>> {
    secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect()
}

#[test]
fn only_a_body_that_was_signed_is_genuine() {
    let body = br#"{"id":1}"#;
    let signature = signature("present", body);
    assert!(is_genuine(body, &signature, &secrets(&["present"])));
    // While the secret is being replaced both are good.
    assert!(is_genuine(body, &signature, &secrets(&["next", "present"])));
    assert!(!is_genuine(body, &signature, &secrets(&["next"])));
    assert!(!is_genuine(br#"{"id":2}"#, &signature, &secrets(&["present"])));
    for bad in ["", "AAAA", "not base64!", &signature[1..]] {
        assert!(!is_genuine(body, bad, &secrets(&["present"])), "{bad}");
    }
    assert!(!is_genuine(body, &bonded_shopkit::signature("", body), &secrets(&[""])));
    assert!(!is_genuine(body, &signature, &[]));
}

#[tokio::test]
async fn what_the_shop_tells_has_ids_and_nothing_of_a_consumer() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let client = world.client();
    client.subscribe(ADDRESS).await.unwrap();
    drop(world.kit.webhooks(Post::default()));
    let placed = client.put_order(&order("po_1", &[(variants[0], 1)])).await.unwrap();
    let webhooks = world.kit.webhooks(Post::default());
    let mut topics = Vec::new();
    for webhook in &webhooks {
        let header = webhook.headers.iter().find(|(name, _)| name == SIGNATURE_HEADER).unwrap();
        let app = world.app();
        assert!(is_genuine(webhook.body.as_bytes(), &header.1, &app.secrets()));
        for word in ["Ada", "Lovelace", "SW1Y", "example.com", "+44", "203.0.113"] {
            assert!(!webhook.body.contains(word), "{}: {word}", webhook.topic);
        }
        let notice = read(webhook).unwrap();
        assert!(notice.triggered_at.is_some() && !notice.event.is_empty());
        if notice.topic == Topic::OrderCreated {
            assert_eq!(notice.subject, Subject::Order(placed.id.clone()));
        }
        topics.push(notice.topic);
    }
    assert!(topics.contains(&Topic::OrderCreated) && topics.contains(&Topic::LevelUpdated));
}

#[tokio::test]
async fn subscriptions_that_shopify_dropped_are_made_again_and_the_others_stay() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    client.subscribe(ADDRESS).await.unwrap();
    let first = world.kit.shop().subscriptions.clone();
    assert_eq!(first.len(), 11);
    client.subscribe(ADDRESS).await.unwrap();
    assert_eq!(world.kit.shop().subscriptions, first);
    {
        let mut shop = world.kit.shop();
        let dropped: Vec<_> = shop.subscriptions.keys().copied().take(3).collect();
        for id in dropped {
            shop.subscriptions.remove(&id);
        }
        // One that would bring whole orders.
        shop.subscriptions.values_mut().next().unwrap().include_fields.clear();
    }
    world.kit.faults().next("SubscriptionCreate", Fault::CutAfter);
    assert!(client.subscribe(ADDRESS).await.is_err());
    client.subscribe(ADDRESS).await.unwrap();
    let now = world.kit.shop().subscriptions.clone();
    assert_eq!(now.len(), 11);
    assert!(now.values().all(|wish| !wish.include_fields.is_empty() && wish.uri == ADDRESS));
    client.unsubscribe().await.unwrap();
    assert!(world.kit.shop().subscriptions.is_empty());
}

#[tokio::test]
async fn copies_of_an_event_are_known_by_its_id_and_a_lost_one_never_comes() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    world.client().subscribe(ADDRESS).await.unwrap();
    drop(world.kit.webhooks(Post::default()));
    for pieces in [9, 8] {
        world.kit.elapse(1_000);
        world.kit.shop().change_level(variants[0], 1, |level| level.available = pieces);
    }
    let twice = Post { twice_one_in: 1, reversed: true, ..Post::default() };
    let notices: Vec<_> = world.kit.webhooks(twice).iter().map(|webhook| read(webhook).unwrap()).collect();
    assert_eq!(notices.len(), 4);
    assert_eq!((&notices[0], &notices[2]), (&notices[1], &notices[3]));
    assert_ne!(notices[0].event, notices[2].event);
    let subject = Subject::Level { item: id("InventoryItem", variants[0]), location: id("Location", 1) };
    assert!(notices.iter().all(|notice| notice.subject == subject));
    world.kit.shop().change_level(variants[0], 1, |level| level.available = 7);
    assert!(world.kit.webhooks(Post { lost_one_in: 1, ..Post::default() }).is_empty());
}

#[tokio::test]
async fn a_shop_that_is_not_answered_eight_times_tells_nothing_more_until_it_is_asked_again() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let (secrets, heard, is_away) =
        (world.app().secrets(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
    let (counted, away) = (Arc::clone(&heard), Arc::clone(&is_away));
    let server = HttpsServer::start(Https::GOOD, move |request: Request<Bytes>| {
        let (secrets, counted, away) = (secrets.clone(), Arc::clone(&counted), Arc::clone(&away));
        async move {
            let signature = request.headers()[SIGNATURE_HEADER].to_str().unwrap();
            let is_good = is_genuine(request.body(), signature, &secrets);
            counted.fetch_add(1, Ordering::SeqCst);
            answer(
                if away.load(Ordering::SeqCst) {
                    503
                } else if is_good {
                    200
                } else {
                    401
                },
                "",
            )
        }
    })
    .await;
    let receiver = bonded_shopkit::Https::trusting(&std::fs::read(server.authority()).unwrap());
    let address = format!("{}/hooks/con_1", server.origin("localhost"));
    let client = world.client();
    client.subscribe(&address).await.unwrap();
    assert_eq!(world.kit.webhooks(Post::default()).len(), 1, "the product was made before");
    let is_subscribed = || world.kit.shop().subscriptions.values().any(|of| of.topic == "INVENTORY_LEVELS_UPDATE");

    let mut deliveries = Deliveries::default();
    world.kit.shop().change_level(variants[0], 1, |level| level.available = 9);
    for tried in 1..=TRIES_MAX {
        assert!(is_subscribed(), "after {} tries", tried - 1);
        assert_eq!(world.kit.deliver(&mut deliveries, Post::default(), &receiver).await, 0);
        assert_eq!(heard.load(Ordering::SeqCst), tried);
        assert_eq!(world.kit.deliver(&mut deliveries, Post::default(), &receiver).await, 0, "not before its time");
        world.kit.elapse(4 * 60 * 60 * 1_000);
    }
    assert!(!is_subscribed());
    is_away.store(false, Ordering::SeqCst);
    world.kit.shop().change_level(variants[0], 1, |level| level.available = 8);
    assert_eq!(world.kit.deliver(&mut deliveries, Post::default(), &receiver).await, 0, "nobody is told");
    client.subscribe(&address).await.unwrap();
    assert!(is_subscribed() && world.kit.shop().subscriptions.len() == 11);
    world.kit.shop().change_level(variants[0], 1, |level| level.available = 7);
    let twice = Post { twice_one_in: 1, ..Post::default() };
    assert_eq!(world.kit.deliver(&mut deliveries, twice, &receiver).await, 2);
}

#[tokio::test]
async fn only_what_our_scopes_allow_is_subscribed_to() {
    let Some(world) = World::new().await else { return };
    world.kit.shop().scopes = vec!["read_products".into()];
    world.client().subscribe(ADDRESS).await.unwrap();
    let mut topics: Vec<_> = world.kit.shop().subscriptions.values().map(|wish| wish.topic.clone()).collect();
    topics.sort();
    assert_eq!(topics, ["APP_UNINSTALLED", "PRODUCTS_CREATE", "PRODUCTS_DELETE", "PRODUCTS_UPDATE"]);
}

#[tokio::test]
async fn every_documented_sample_is_read() {
    let Some(world) = World::new().await else { return };
    let order = 820_982_911_946_154_500;
    for (topic, subject) in [
        ("orders/create", Some(Subject::Order(id("Order", order)))),
        ("orders/updated", Some(Subject::Order(id("Order", order)))),
        ("orders/cancelled", Some(Subject::Order(id("Order", order)))),
        ("fulfillments/create", Some(Subject::Order(id("Order", order)))),
        ("fulfillments/update", Some(Subject::Order(id("Order", order)))),
        ("refunds/create", Some(Subject::Order(id("Order", order)))),
        ("products/create", None),
        ("products/update", None),
        ("products/delete", None),
        ("inventory_levels/update", None),
        ("app/uninstalled", Some(Subject::Shop)),
        ("customers/data_request", None),
        ("customers/redact", None),
        ("shop/redact", Some(Subject::Shop)),
    ] {
        let body = sample(topic).unwrap_or_else(|| panic!("no sample of {topic}")).to_string();
        let notice = read(&world.kit.webhook(ADDRESS, topic, &body)).unwrap_or_else(|bad| panic!("{topic}: {bad}"));
        if let Some(subject) = subject {
            assert_eq!(notice.subject, subject, "{topic}");
        }
    }
}

#[tokio::test]
async fn the_consumers_to_forget_are_named_by_their_orders() {
    let Some(world) = World::new().await else { return };
    let body = json!({
        "shop_id": 954_889, "shop_domain": "counterpart.myshopify.com", "orders_to_redact": [299_938, 280_263],
        "customer": { "id": 191_167, "email": "ada@example.com", "phone": "555-625-1199" },
    });
    let notice = read(&world.kit.webhook(ADDRESS, "customers/redact", &body.to_string())).unwrap();
    assert_eq!(notice.subject, Subject::Consumers(vec![id("Order", 299_938), id("Order", 280_263)]));
    assert!(!format!("{notice:?}").contains("ada"));
}

#[tokio::test]
async fn what_is_no_notice_of_ours_is_refused() {
    let Some(world) = World::new().await else { return };
    let read = |topic: &str, body: &str| read(&world.kit.webhook(ADDRESS, topic, body));
    assert_eq!(read("carts/create", "{}"), Err(BadNotice::Topic));
    assert_eq!(read("orders/create", "{}"), Err(BadNotice::Body));
    assert_eq!(read("orders/create", "[]"), Err(BadNotice::Body));
    assert_eq!(read("orders/create", r#"{"id":"ada@example.com"}"#), Err(BadNotice::Body));
    assert_eq!(read("refunds/create", r#"{"id":1}"#), Err(BadNotice::Body));
    let mut eventless = world.kit.webhook(ADDRESS, "shop/redact", "{}");
    eventless.headers.retain(|(name, _)| name != "x-shopify-event-id");
    assert_eq!(super::webhooks::read(&eventless), Err(BadNotice::Event));
}
