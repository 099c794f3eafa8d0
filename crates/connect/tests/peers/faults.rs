//! The same with answers lost and the server killed: whatever happens, one of each in the end.

use crate::World;
use crate::shop::ShopSide;
use crate::story::variant;
use crate::writes::{level, mug, parcel, purchase};
use bonded_connect::platform::{Failure, RemoteId, Since};

/// Requests after which the server is killed while it places an order.
const KILLED_AFTER: [usize; 2] = [5, 6];
/// Calls of one kind at most until it works: the server is back long before.
const TRIES_MAX: usize = 20;

/// All faults, in a fresh shop.
pub async fn told<S: ShopSide>(world: &mut World<S>) {
    lost_products(world).await;
    let product = world.platform.put_product(&mug("prod_b", &[("S", 1_000)])).await.unwrap();
    let small = variant(&product, "PROD_B-S");
    let place = RemoteId::new(world.peer().key("location"));
    world.platform.put_levels(&[level(&small, &place, 1_000, None)]).await.unwrap().remove(0).unwrap();
    lost_orders(world, &small).await;
    lost_parcels(world, &small).await;
    killed(world, &small).await;
}

async fn lost_products<S: ShopSide>(world: &World<S>) {
    for (place, step) in S::STEPS.product.iter().enumerate() {
        let mark = format!("prod_l{place}");
        let write = mug(&mark, &[("S", 1_000), ("L", 2_000)]);
        let lost = world.peer().front().lost();
        world.peer().front().lose_answer_to(step);
        assert!(matches!(world.platform.put_product(&write).await, Err(Failure::Away(_))), "{step}");
        assert_eq!(world.peer().front().lost(), lost + 1);
        let made = world.platform.put_product(&write).await.unwrap();
        assert_eq!((made.variants.len(), made.mark.as_deref()), (2, Some(mark.as_str())), "{step}");
        let all = world.platform.products_since(&Since::default()).await.unwrap().items;
        let same = all.iter().filter(|read| read.as_ref().unwrap().mark.as_deref() == Some(&mark)).count();
        assert_eq!((same, all.len()), (1, place + 1), "{step}");
    }
}

async fn lost_orders<S: ShopSide>(world: &World<S>, small: &RemoteId) {
    for (place, step) in S::STEPS.placing.iter().enumerate() {
        let count = world.shop.orders_and_drafts().await;
        let write = || purchase(&format!("po_l{place}"), &[(small, 2, 1_000)]);
        world.peer().front().lose_answer_to(step);
        let lost = world.platform.put_order(&write()).await.err();
        assert!(matches!(lost, Some(Failure::Away(_))), "{step}: {lost:?}");
        let placed = world.platform.put_order(&write()).await.unwrap();
        assert_eq!((placed.lines.len(), placed.lines[0].quantity), (1, 2), "{step}");
        assert_eq!(world.shop.orders_and_drafts().await, count + 1, "{step}");
    }
}

async fn lost_parcels<S: ShopSide>(world: &World<S>, small: &RemoteId) {
    for (place, step) in S::STEPS.sending.iter().enumerate() {
        let id = world.shop.shopper_orders(small, 2).await;
        let order = world.platform.orders(std::slice::from_ref(&id)).await.unwrap().remove(0).unwrap();
        let line = order.unwrap_or_else(|bad| panic!("{bad:?}")).lines[0].id.clone();
        let write = parcel(&format!("ful_l{place}"), &id, &line, 1);
        world.peer().front().lose_answer_to(step);
        let lost = world.platform.put_fulfilment(&write).await.err();
        assert!(matches!(lost, Some(Failure::Away(_))), "{step}: {lost:?}");
        let told = world.platform.put_fulfilment(&write).await.unwrap();
        assert_eq!((told.fulfilments.len(), &told.fulfilments[0].lines), (1, &vec![(line, 1)]), "{step}");
    }
}

/// The server dies while it places an order, and comes back.
async fn killed<S: ShopSide>(world: &mut World<S>, small: &RemoteId) {
    for after in KILLED_AFTER {
        let count = world.shop.orders_and_drafts().await;
        let write = purchase(&format!("po_k{after}"), &[(small, 1, 1_000)]);
        let World { platform, shop, .. } = world;
        let front = shop.peer().front().asked(after);
        let first = {
            let placing = platform.put_order(&write);
            tokio::pin!(placing, front);
            tokio::select! {
                // First, so that it counts from the first request on.
                biased;
                () = &mut front => None,
                placed = &mut placing => Some(placed.map(drop)),
            }
        };
        shop.peer_mut().kill();
        shop.peer_mut().restart().await;
        assert!(!matches!(first, Some(Err(_))), "{first:?}");
        let mut placed = None;
        for _ in 0..TRIES_MAX {
            match platform.put_order(&write).await {
                Ok(order) => {
                    placed = Some(order);
                    break;
                }
                Err(Failure::Away(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(placed.unwrap().lines[0].quantity, 1);
        assert_eq!(world.shop.orders_and_drafts().await, count + 1, "killed after {after} requests");
    }
}
