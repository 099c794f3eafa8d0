//! Pace and version: no call before its points are there, no answer of another version, each failure as what it is.

use crate::orders::{order, variants};
use crate::{World, id};
use bonded_base::Secret;
use bonded_connect::platform::{Failure, Platform, Since};
use bonded_connect::shopify::token::Token;
use bonded_connect::shopify::{VERSION, WAIT_MS_MAX};
use bonded_shopkit::Fault;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_long_read_keeps_within_the_points_of_the_smallest_plan() {
    let Some(world) = World::with((1_000, 100)).await else { return };
    let skus: Vec<String> = (0..2_048).map(|number| format!("SKU-{number}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "1.00", 1)).collect();
    let number = world.kit.shop().add_product("Large", &many);
    let found = world.client().products(&[id("Product", number)]).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().as_ref().unwrap().variants.len(), 2_048);
    let calls = world.kit.calls();
    let throttled = calls.iter().filter(|call| call.throttled).count();
    // The cost of a document is not known before its first answer; from then on nothing is asked in vain.
    assert!(throttled <= 2, "{throttled} of {} calls were refused", calls.len());
    let asked: u64 = calls.iter().filter(|call| !call.throttled).map(|call| call.cost).sum();
    let waited_ms = world.waits.waited_ms.load(Ordering::SeqCst);
    assert!(waited_ms >= 1_000, "{waited_ms} ms were waited for {asked} points");
}

#[tokio::test]
async fn a_throttled_call_waits_and_is_made_again() {
    let Some(world) = World::new().await else { return };
    for _ in 0..3 {
        world.kit.faults().next("Shop", Fault::Throttled);
    }
    assert_eq!(world.client().shop().await.unwrap().name, "Counterpart");
    assert!(world.waits.waited_ms.load(Ordering::SeqCst) >= 600);
}

#[tokio::test]
async fn who_is_throttled_for_too_long_is_told_for_how_long() {
    let Some(world) = World::new().await else { return };
    for _ in 0..1_000 {
        world.kit.faults().next("Shop", Fault::Throttled);
    }
    assert!(matches!(world.client().shop().await, Err(Failure::Throttled(1..))));
    assert!(world.waits.waited_ms.load(Ordering::SeqCst) <= WAIT_MS_MAX);
}

#[tokio::test]
async fn another_version_that_answers_is_noticed() {
    let Some(world) = World::new().await else { return };
    assert_eq!(world.client().shop().await.unwrap().version, VERSION);
    world.kit.fall_to("2026-10");
    let strange = world.client().shop().await.unwrap_err();
    assert!(matches!(&strange, Failure::Strange(why) if why.contains("2026-10") && why.contains(VERSION)), "{strange}");
}

#[tokio::test]
async fn the_older_version_is_spoken_where_it_is_asked_for() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 60, 5);
    let custom = Token::Custom(Secret::new(world.kit.tokens().custom.clone()));
    let client = world.client_of(custom, "2026-04");
    assert_eq!(client.shop().await.unwrap().version, "2026-04");
    let placed = client.put_order(&order("po_1", &[(variants[0], 1)])).await.unwrap();
    assert!(client.cancel_order(&placed.id).await.unwrap().cancelled);
    client.put_product(&crate::products::mug(&["Small"])).await.unwrap();
    assert_eq!(client.products_since(&Since::default()).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn each_refusal_is_told_as_what_it_is() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    for status in [402, 403, 404, 423] {
        world.kit.faults().next("Shop", Fault::ErrorBefore(status));
        assert!(matches!(client.shop().await, Err(Failure::Unauthorised(_))), "{status}");
    }
    let unanswered =
        [500, 502, 503, 504].map(Fault::ErrorBefore).into_iter().chain([Fault::CutBefore, Fault::CutAfter]);
    for fault in unanswered {
        world.kit.faults().next("Shop", fault);
        assert!(client.shop().await.is_ok(), "a question is asked again: {fault:?}");
        world.kit.faults().next("Shop", fault);
        world.kit.faults().next("Shop", fault);
        assert!(matches!(client.shop().await, Err(Failure::Away(_))), "{fault:?}");
    }
    world.kit.faults().next("Shop", Fault::ErrorBefore(418));
    assert!(matches!(client.shop().await, Err(Failure::Strange(_))));
    world.kit.shop().scopes.retain(|scope| !scope.ends_with("orders"));
    let refused = client.orders_since(&Since::default()).await.err().unwrap();
    assert!(matches!(refused, Failure::Unauthorised(_)), "{refused}");
    world.kit.uninstall();
    assert!(matches!(client.shop().await, Err(Failure::Unauthorised(_))));
}
