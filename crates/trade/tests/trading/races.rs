//! Two orders never take the last piece, and no order is carried twice, however many try at once.

use crate::world::{World, draft, line, linked, opened, worlds};
use bonded_ledger::Scope;
use bonded_trade::LineWish;
use bonded_trade::accounts::Role;
use bonded_trade::fulfilments::Shipment;
use bonded_trade::orders::{self, Cancellation};
use bonded_trade::purchase_orders::{self, Posted, Posting, Rejection};
use bonded_trade::routing::{self, Sold};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Postings of many one-piece orders of one retailer.
async fn postings(world: &World, retailer: &Scope, count: usize) -> Vec<Posting> {
    let drafts = (0..count).map(|number| draft(&format!("#{number}"), vec![line("LAMP", 1)])).collect();
    let placed = orders::place_many(&world.ledger, retailer, drafts).await.unwrap();
    let mut postings = Vec::new();
    for placed in placed {
        let id = placed.unwrap().id;
        let order = orders::get(&world.ledger, retailer, id).await.unwrap();
        let sold = routing::resolve(&world.ledger, retailer, &order.lines).await.unwrap();
        let Sold::By(offer) = &sold[0] else { panic!("the lamp is sold") };
        let parts = routing::parts(id, [(1, offer)]);
        let order = orders::assign(&world.ledger, retailer.account(), &order, &parts).await.unwrap().unwrap();
        postings.push(Posting::of(retailer.account(), id, &order, parts[0].purchase_order).unwrap());
    }
    postings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_orders_at_once_never_take_more_than_there_is() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 20).await;
        let other_shop = opened(&world.ledger, "Store", Role::Retailer).await;
        linked(&world.ledger, &other_shop, &world.supplier).await;
        let mut all = postings(&world, &world.retailer, 30).await;
        all.extend(postings(&world, &other_shop, 30).await);
        let (world, mut tasks) = (Arc::new(world), JoinSet::new());
        // Each posting is tried twice, in calls of different sizes, all at the same time.
        let halves = all.chunks(1).chain(all.chunks(7)).map(<[Posting]>::to_vec).collect::<Vec<_>>();
        for some in halves {
            let world = Arc::clone(&world);
            tasks.spawn(async move {
                purchase_orders::post_many(&world.ledger, world.supplier.account(), &some).await.unwrap()
            });
        }
        let answers = tasks.join_all().await.concat();
        let new: Vec<_> =
            answers.iter().filter_map(|answer| if let Posted::New(new) = answer { Some(new) } else { None }).collect();
        assert_eq!((new.len(), answers.len()), (60, 120), "each is posted once");
        let promised = new.iter().filter(|new| new.lines[0].rejected == 0).count();
        assert_eq!(promised, 20);
        assert_eq!(world.stock(&world.supplier, lamp).await, (20, 20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_piece_goes_to_one() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 1).await;
        let all = postings(&world, &world.retailer, 16).await;
        let (world, mut tasks) = (Arc::new(world), JoinSet::new());
        for posting in all {
            let world = Arc::clone(&world);
            tasks.spawn(async move {
                purchase_orders::post_many(&world.ledger, world.supplier.account(), &[posting]).await.unwrap().remove(0)
            });
        }
        let taken = tasks
            .join_all()
            .await
            .into_iter()
            .filter(|answer| matches!(answer, Posted::New(new) if new.lines[0].rejected == 0));
        assert_eq!(taken.count(), 1);
        assert_eq!(world.stock(&world.supplier, lamp).await, (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shipping_rejecting_and_cancelling_at_once_book_each_piece_once() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 50).await;
        let id = world.ordered("#1", vec![line("LAMP", 30)]).await;
        let lamps = world.carry(id).await.lines[0].purchase_order.unwrap();
        let (world, mut tasks) = (Arc::new(world), JoinSet::new());
        for turn in 0..30 {
            let world = Arc::clone(&world);
            tasks.spawn(async move {
                let lines = Some(vec![LineWish { line: 1, quantity: Some(2) }]);
                let ledger = &world.ledger;
                let done = match turn % 3 {
                    0 => {
                        let shipment = Shipment { lines, ..Shipment::default() };
                        purchase_orders::ship(ledger, &world.supplier, lamps, None, &shipment).await.map(drop)
                    }
                    1 => {
                        let rejection = Rejection { reason: String::from("broken"), lines };
                        purchase_orders::reject(ledger, &world.supplier, lamps, None, &rejection).await.map(drop)
                    }
                    _ => {
                        let wanted = Cancellation { lines };
                        let asked = orders::cancel(ledger, &world.retailer, id, None, &wanted).await.map(drop);
                        let order = world.order(id).await;
                        purchase_orders::follow_order(ledger, world.supplier.account(), &order).await.unwrap();
                        asked
                    }
                };
                done.map_err(|error| error.into_problem().unwrap())
            });
        }
        let (done, late): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert!(done.len() >= 15, "{} of 30 were granted, of which 15 exhaust the line", done.len());
        // Some come too late: nothing is left by then, and that is what they are told.
        for problem in late.into_iter().filter_map(Result::err) {
            assert!(problem.detail.contains("left"), "{problem}");
        }
        let line = world.carry(id).await.lines[0].clone();
        assert_eq!((line.shipped + line.rejected + line.cancelled, line.open()), (30, 0));
        assert_eq!(world.stock(&world.supplier, lamp).await, (50 - i64::from(line.shipped), 0));
        let theirs = world.purchase_order(&world.supplier, lamps).await;
        assert_eq!(theirs.fulfilments.len() * 2, line.shipped as usize);
    }
}
