//! Holds: one for each reason, raised, resolved, tried again.

use crate::world::{line, worlds};
use bonded_base::Reason;
use bonded_trade::Page;
use bonded_trade::holds::{self, HoldReason, HoldState};

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
