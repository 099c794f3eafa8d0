//! Holds: one for each reason, raised, resolved, tried again.

use crate::world::{line, worlds};
use bonded_base::Reason;
use bonded_trade::Page;
use bonded_trade::holds::{self, HoldReason, HoldState};
use bonded_trade::routing::Sold;
use bonded_trade::sku_mappings::{self, Means};

#[tokio::test]
async fn the_same_reason_is_held_once_and_counted() {
    for world in worlds().await {
        let id = world.ordered("#1", vec![line("NONE", 1)]).await;
        let account = world.retailer.account();
        let hold = holds::raise(&world.ledger, account, id, HoldReason::SoldByNobody, "line 1").await.unwrap();
        assert_eq!((hold.about.as_str(), hold.record == id.to_string(), hold.tries), ("order", true, 1));
        world.ledger.test_clock().advance_ms(1_000);
        let again = holds::raise(&world.ledger, account, id, HoldReason::SoldByNobody, &"x".repeat(600)).await.unwrap();
        assert_eq!((again.id, again.detail.len(), again.tries), (hold.id, holds::DETAIL_CHARS_MAX, 2));
        assert_eq!(again.raised_at, hold.raised_at);
        holds::raise(&world.ledger, account, id, HoldReason::Failed, "").await.unwrap();
        let open = holds::list(&world.ledger, &world.retailer, Some(HoldState::Open), Page::first(10)).await.unwrap();
        assert_eq!(open.records.len(), 2);

        assert_eq!(holds::resolve_all_of(&world.ledger, account, id).await.unwrap(), 2);
        assert_eq!(holds::resolve_all_of(&world.ledger, account, id).await.unwrap(), 0);
        let reopened = holds::raise(&world.ledger, account, id, HoldReason::SoldByNobody, "line 1").await.unwrap();
        assert_eq!((reopened.state, reopened.tries), (HoldState::Open, 3));
    }
}

#[tokio::test]
async fn another_try_leaves_an_entry_on_what_is_held() {
    for world in worlds().await {
        let id = world.ordered("#1", vec![line("NONE", 1)]).await;
        let hold =
            holds::raise(&world.ledger, world.retailer.account(), id, HoldReason::SoldByNobody, "").await.unwrap();
        let retried = holds::retry(&world.ledger, &world.retailer, hold.id, Some(1)).await.unwrap();
        assert_eq!((retried.state, retried.tries), (HoldState::Open, 2));
        assert_eq!(world.order(id).await.version, 2);
        let entries = world.ledger.entries(&world.retailer, 0, 100).await.unwrap();
        assert!(entries.iter().any(|entry| entry.headline.action == "retried" && entry.headline.id_of() == Some(id)));
        holds::resolve(&world.ledger, &world.retailer, hold.id, None).await.unwrap();
        for refused in [
            holds::resolve(&world.ledger, &world.retailer, hold.id, None).await,
            holds::retry(&world.ledger, &world.retailer, hold.id, None).await,
        ] {
            assert_eq!(refused.unwrap_err().into_problem().unwrap().reason, Reason::State);
        }
    }
}

#[tokio::test]
async fn a_sku_is_explained_once_and_what_waited_for_it_goes_on() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let (ledger, retailer) = (&world.ledger, &world.retailer);
        let id = world.ordered("#1", vec![line("MY-LAMP", 2)]).await;
        assert_eq!(world.routed(id).await, [Sold::ByNobody]);
        holds::raise(ledger, retailer.account(), id, HoldReason::SoldByNobody, "nobody sells line 1").await.unwrap();
        let first = sku_mappings::set(ledger, retailer, " MY-LAMP ", Means::Own).await.unwrap();
        assert_eq!(world.routed(id).await, [Sold::ByNobody], "a thing of one's own is no partner's");
        let mapping = sku_mappings::set(ledger, retailer, "MY-LAMP", Means::Variant(lamp)).await.unwrap();
        assert_eq!((mapping.id, mapping.version), (first.id, 2));
        let head = ledger.head(retailer).await.unwrap();
        assert_eq!(holds::retry_skus(ledger, retailer, &["ANOTHER"]).await.unwrap(), 0);
        assert_eq!(ledger.head(retailer).await.unwrap(), head);
        assert_eq!(holds::retry_skus(ledger, retailer, &["MY-LAMP"]).await.unwrap(), 1);
        let order = world.carry(id).await;
        assert_eq!((order.lines[0].variant, order.lines[0].sku.as_deref()), (Some(lamp), Some("MY-LAMP")));
        sku_mappings::remove(ledger, retailer, mapping.id).await.unwrap();
        assert_eq!(sku_mappings::meanings(ledger, retailer, &["MY-LAMP"]).await.unwrap(), [None]);
    }
}
