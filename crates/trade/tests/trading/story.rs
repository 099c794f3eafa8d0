//! An order's way, from the retailer to its suppliers and back, on real ledgers.

use crate::world::{ADA, World, draft, line, worlds};
use bonded_base::{Id, Reason};
use bonded_ledger::{LedgerError, RequestKey, Scope};
use bonded_trade::catalog::{ProductPatch, ProductStatus, VariantDraft};
use bonded_trade::fulfilments::{Fulfilment, Shipment};
use bonded_trade::orders::{self, Cancellation, OrderState};
use bonded_trade::purchase_orders::{self, OUT_OF_STOCK, PoState, Posted, PurchaseOrder, Rejection};
use bonded_trade::routing::Sold;
use bonded_trade::{LineWish, Page, Patch, TradeError, catalog, partners};

fn only(line: i64, quantity: i64) -> Vec<LineWish> {
    vec![LineWish { line, quantity: Some(quantity) }]
}

fn problem(error: TradeError) -> Reason {
    error.into_problem().unwrap().reason
}

async fn ship(world: &World, scope: &Scope, id: Id<PurchaseOrder>, lines: Option<Vec<LineWish>>) {
    let text = |text: &str| Some(text.to_owned());
    let shipment = Shipment { lines, carrier: text("DHL"), number: text("JD1"), url: text("https://dhl.example/JD1") };
    purchase_orders::ship(&world.ledger, scope, id, None, &shipment).await.unwrap();
}

#[tokio::test]
async fn an_order_is_split_shipped_in_parts_and_completed() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let pot = world.sells(&world.other_supplier, "POT", 5).await;
        let id = world.ordered("#1", vec![line("LAMP", 3), line("POT", 2)]).await;
        let order = world.carry(id).await;
        assert_eq!(order.state, OrderState::Routed);
        assert_eq!(
            (world.stock(&world.supplier, lamp).await, world.stock(&world.other_supplier, pot).await),
            ((10, 3), (5, 2))
        );

        let lamps = order.lines[0].purchase_order.unwrap();
        let theirs = world.purchase_order(&world.supplier, lamps).await;
        assert_eq!((theirs.state, theirs.lines.len(), theirs.lines[0].line), (PoState::Posted, 1, 1));
        assert_eq!(theirs.lines[0].price.amount, 1_000, "what the supplier asks, not what the consumer pays");
        assert_eq!(theirs.lines[0].title, "Thing LAMP");
        purchase_orders::acknowledge(&world.ledger, &world.supplier, lamps, Some(1)).await.unwrap();
        ship(&world, &world.supplier, lamps, Some(only(1, 1))).await;
        let order = world.carry(id).await;
        assert_eq!((order.lines[0].shipped, order.lines[0].acknowledged_at.is_some()), (1, true));
        assert_eq!(order.fulfilments[0].url.as_deref(), Some("https://dhl.example/JD1"));
        assert_eq!(world.stock(&world.supplier, lamp).await, (9, 2));

        ship(&world, &world.supplier, lamps, None).await;
        ship(&world, &world.other_supplier, order.lines[1].purchase_order.unwrap(), None).await;
        let order = world.carry(id).await;
        assert_eq!((order.state, order.fulfilments.len()), (OrderState::Shipped, 3));
        assert_eq!(
            (world.stock(&world.supplier, lamp).await, world.stock(&world.other_supplier, pot).await),
            ((7, 0), (3, 0))
        );
        orders::complete(&world.ledger, &world.retailer, id, Some(order.version)).await.unwrap();
        purchase_orders::complete(&world.ledger, &world.supplier, lamps, None).await.unwrap();
        let done =
            orders::list(&world.ledger, &world.retailer, Some(OrderState::Completed), Page::first(10)).await.unwrap();
        assert_eq!(done.records.iter().map(|order| order.id).collect::<Vec<_>>(), [id]);
        let done = purchase_orders::list(&world.ledger, &world.supplier, Some(PoState::Completed), Page::first(10))
            .await
            .unwrap();
        assert_eq!(done.records.iter().map(|po| po.id).collect::<Vec<_>>(), [lamps]);
    }
}

#[tokio::test]
async fn the_six_fields_reach_the_supplier_of_the_order_and_nobody_else() {
    for world in worlds().await {
        world.sells(&world.supplier, "LAMP", 10).await;
        world.sells(&world.other_supplier, "POT", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 1)]).await;
        let others = world.ordered("#2", vec![line("POT", 1)]).await;
        let order = world.carry(id).await;
        let stranger = world.carry(others).await.lines[0].purchase_order.unwrap();
        let own = orders::consumer(&world.ledger, &world.retailer, &order).await.unwrap();
        assert!(own.is_some_and(|consumer| consumer.expose() == ADA));

        let theirs = world.purchase_order(&world.supplier, order.lines[0].purchase_order.unwrap()).await;
        assert!(!theirs.has_consumer(), "the fields are not copied");
        let read = async |scope: &Scope| purchase_orders::consumer(&world.ledger, scope, &theirs).await;
        assert!(read(&world.supplier).await.unwrap().is_some_and(|consumer| consumer.expose() == ADA));
        assert_eq!(problem(read(&world.other_supplier).await.map(|_| ()).unwrap_err()), Reason::Missing);
        let staff = Scope::asking(world.supplier.account(), Id::from_bytes([1; 16]));
        assert_eq!(problem(read(&staff).await.map(|_| ()).unwrap_err()), Reason::Forbidden);
        // Another's purchase order shown as one's own finds nothing.
        let foreign = world.purchase_order(&world.other_supplier, stranger).await;
        let seen = purchase_orders::consumer(&world.ledger, &world.supplier, &foreign).await.map(|_| ());
        assert_eq!(problem(seen.unwrap_err()), Reason::Missing);

        partners::end(&world.ledger, &world.retailer, world.link, None).await.unwrap();
        assert!(read(&world.supplier).await.unwrap().is_some(), "what was ordered before can still be shipped");
        orders::cancel(&world.ledger, &world.retailer, id, None, &Cancellation::default()).await.unwrap();
        world.carry(id).await;
        orders::archive(&world.ledger, &world.retailer, id, None).await.unwrap();
        assert!(read(&world.supplier).await.unwrap().is_none(), "an archived order shows no consumer");
    }
}

#[tokio::test]
async fn cancelling_frees_the_stock_and_what_was_shipped_stays_shipped() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 5)]).await;
        let before = Cancellation { lines: Some(only(1, 1)) };
        orders::cancel(&world.ledger, &world.retailer, id, Some(1), &before).await.unwrap();
        assert_eq!(world.order(id).await.lines[0].cancelled, 1);
        let order = world.carry(id).await;
        let lamps = order.lines[0].purchase_order.unwrap();
        assert_eq!(world.stock(&world.supplier, lamp).await, (10, 4));

        ship(&world, &world.supplier, lamps, Some(only(1, 2))).await;
        orders::cancel(&world.ledger, &world.retailer, id, None, &Cancellation { lines: Some(only(1, 3)) })
            .await
            .unwrap();
        let waiting = &world.order(id).await.lines[0];
        assert_eq!((waiting.cancelled, waiting.cancel_wanted), (1, 4));
        let line = &world.carry(id).await.lines[0];
        assert_eq!((line.shipped, line.cancelled, line.cancel_wanted, line.open()), (2, 3, 4, 0));
        assert_eq!(world.stock(&world.supplier, lamp).await, (8, 0));
        assert_eq!(world.order(id).await.state, OrderState::Shipped);
        assert_eq!(world.purchase_order(&world.supplier, lamps).await.state, PoState::Shipped);
        let late = orders::cancel(&world.ledger, &world.retailer, id, None, &Cancellation::default()).await;
        assert_eq!(problem(late.unwrap_err()), Reason::State);
    }
}

#[tokio::test]
async fn rejected_lines_come_back_with_their_reason() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 5)]).await;
        let lamps = world.carry(id).await.lines[0].purchase_order.unwrap();
        let rejection = Rejection { reason: String::from("the glass is broken"), lines: None };
        purchase_orders::reject(&world.ledger, &world.supplier, lamps, Some(1), &rejection).await.unwrap();
        let order = world.carry(id).await;
        assert_eq!((order.state, order.lines[0].rejected), (OrderState::Cancelled, 5));
        assert_eq!(order.lines[0].why_rejected.as_deref(), Some("the glass is broken"));
        assert_eq!(world.stock(&world.supplier, lamp).await, (10, 0));
        let again = purchase_orders::acknowledge(&world.ledger, &world.supplier, lamps, None).await;
        assert_eq!(problem(again.unwrap_err()), Reason::State);
    }
}

#[tokio::test]
async fn what_is_not_there_is_rejected_at_once_unless_it_is_sold_all_the_same() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 1).await;
        let made = VariantDraft { sku: Some(String::from("MADE")), sell_when_out: true, ..VariantDraft::default() };
        let made = world.sells_variant(&world.supplier, made, 0).await;
        let gift = VariantDraft { sku: Some(String::from("GIFT")), tracked: false, ..VariantDraft::default() };
        let gift = world.sells_variant(&world.supplier, gift, 0).await;
        let id = world.ordered("#1", vec![line("LAMP", 2), line("MADE", 3), line("GIFT", 4)]).await;
        let order = world.carry(id).await;
        let rejected: Vec<_> = order.lines.iter().map(|line| (line.rejected, line.why_rejected.as_deref())).collect();
        assert_eq!(rejected, [(2, Some(OUT_OF_STOCK)), (0, None), (0, None)]);
        assert_eq!(order.state, OrderState::Routed);
        assert_eq!(
            (world.stock(&world.supplier, lamp).await, world.stock(&world.supplier, made).await),
            ((1, 0), (0, 3))
        );
        ship(&world, &world.supplier, order.lines[0].purchase_order.unwrap(), None).await;
        let order = world.carry(id).await;
        assert_eq!(order.lines.iter().map(|line| line.shipped).collect::<Vec<_>>(), [0, 3, 4]);
        assert_eq!(
            (world.stock(&world.supplier, made).await, world.stock(&world.supplier, gift).await),
            ((0, 0), (0, 0))
        );

        let alone = world.ordered("#2", vec![line("LAMP", 2)]).await;
        let order = world.carry(alone).await;
        assert_eq!(order.state, OrderState::Cancelled);
        let theirs = world.purchase_order(&world.supplier, order.lines[0].purchase_order.unwrap()).await;
        assert_eq!((theirs.state, theirs.rejection.as_deref()), (PoState::Rejected, Some(OUT_OF_STOCK)));
    }
}

#[tokio::test]
async fn posting_again_is_harmless() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 3)]).await;
        world.routed(id).await;
        assert!(matches!(world.posted(id).await[..], [Posted::New(_)]));
        assert_eq!(world.posted(id).await, [Posted::Already]);
        assert_eq!(world.stock(&world.supplier, lamp).await, (10, 3));
        assert!(world.routed(id).await.is_empty(), "nothing is left to route");
    }
}

#[tokio::test]
async fn lines_that_find_their_supplier_later_make_a_purchase_order_of_their_own() {
    for world in worlds().await {
        world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 1), line("SHADE", 1)]).await;
        assert_eq!(world.routed(id).await[1], Sold::ByNobody);
        let order = world.carry(id).await;
        assert_eq!((order.state, order.unrouted().count()), (OrderState::Open, 1));
        world.sells(&world.supplier, "SHADE", 10).await;
        let order = world.carry(id).await;
        assert_eq!((order.state, order.purchase_orders().len()), (OrderState::Routed, 2));
        for (purchase_order, ..) in order.purchase_orders() {
            assert_eq!(world.purchase_order(&world.supplier, purchase_order).await.lines.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_line_goes_to_the_one_partner_that_offers_it() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        world.sells(&world.supplier, "BOTH", 10).await;
        let pots = world.sells(&world.other_supplier, "BOTH", 10).await;
        let id = world.ordered("#1", vec![line("BOTH", 1), line("NONE", 1), line("LAMP", 1)]).await;
        let sold = world.routed(id).await;
        assert_eq!((&sold[0], &sold[1]), (&Sold::BySeveral, &Sold::ByNobody));
        assert!(
            matches!(&sold[2], Sold::By(offer) if offer.variant == lamp && offer.supplier == world.supplier.account())
        );

        let mut named = line("BOTH", 1);
        named.variant = Some(pots);
        let id = world.ordered("#2", vec![named]).await;
        assert!(
            matches!(&world.routed(id).await[0], Sold::By(offer) if offer.variant == pots && offer.link == world.other_link)
        );

        let product = catalog::variant(&world.ledger, &world.supplier, lamp).await.unwrap().product;
        let patch = ProductPatch { status: Patch::Set(ProductStatus::Draft), ..ProductPatch::default() };
        catalog::update(&world.ledger, &world.supplier, product, None, patch).await.unwrap();
        let id = world.ordered("#3", vec![line("LAMP", 1)]).await;
        assert_eq!(world.routed(id).await, [Sold::ByNobody], "what is not offered is not sold");
    }
}

#[tokio::test]
async fn a_link_that_ends_on_the_way_gives_the_lines_back() {
    for world in worlds().await {
        world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 3)]).await;
        world.routed(id).await;
        partners::end(&world.ledger, &world.supplier, world.link, None).await.unwrap();
        assert_eq!(world.posted(id).await, [Posted::LinkEnded]);
        orders::cancel(&world.ledger, &world.retailer, id, None, &Cancellation { lines: Some(only(1, 1)) })
            .await
            .unwrap();
        let lamps = world.order(id).await.lines[0].purchase_order.unwrap();
        for _ in 0..2 {
            orders::unassign(&world.ledger, world.retailer.account(), id, lamps).await.unwrap();
        }
        let order = world.order(id).await;
        assert_eq!((order.state, order.lines[0].cancelled, order.lines[0].supplier), (OrderState::Open, 1, None));
        assert_eq!(order.version, 4, "doing nothing leaves no trace");
        assert_eq!(world.routed(id).await, [Sold::ByNobody]);
    }
}

#[tokio::test]
async fn a_reference_is_placed_once() {
    for world in worlds().await {
        let twice =
            vec![draft("#1", vec![line("A", 1)]), draft(" #1 ", vec![line("B", 1)]), draft("#2", vec![line("A", 0)])];
        let placed = orders::place_many(&world.ledger, &world.retailer, twice).await.unwrap();
        let reasons: Vec<_> =
            placed.iter().map(|one| one.as_ref().map(|_| ()).map_err(|problem| problem.reason)).collect();
        assert_eq!(reasons, [Ok(()), Err(Reason::Duplicate), Err(Reason::Invalid)]);
        let more = ["#3", "#1", "#4"].map(|reference| draft(reference, vec![line("A", 1)])).to_vec();
        let placed = orders::place_many(&world.ledger, &world.retailer, more).await.unwrap();
        assert_eq!(placed.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let again = orders::place(&world.ledger, &world.retailer, draft("#4", vec![line("A", 1)])).await;
        assert_eq!(problem(again.unwrap_err()), Reason::Duplicate);
        let third = orders::by_reference(&world.ledger, &world.retailer, "#3").await.unwrap().unwrap();
        assert_eq!(Some(third.id), placed[0].as_ref().ok().map(|placed| placed.id));
        assert!(orders::by_reference(&world.ledger, &world.retailer, "#2").await.unwrap().is_none());
        // The same draft is free for another retailer.
        assert!(orders::place(&world.ledger, &world.supplier, draft("#1", vec![line("A", 1)])).await.is_ok());
    }
}

#[tokio::test]
async fn a_request_is_answered_once_even_when_its_commit_had_to_be_repeated() {
    for world in worlds().await {
        let once = world.retailer.clone().once(RequestKey { key: String::from("k1"), fingerprint: [1; 32] });
        orders::place(&world.ledger, &world.retailer, draft("#1", vec![line("A", 1)])).await.unwrap();
        let both = || vec![draft("#1", vec![line("A", 1)]), draft("#2", vec![line("A", 1)])];
        let placed = orders::place_many(&world.ledger, &once, both()).await.unwrap();
        assert_eq!(placed.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true]);
        let third = vec![draft("#3", vec![line("A", 1)])];
        let again = orders::place_many(&world.ledger, &once, third).await;
        assert!(matches!(again, Err(TradeError::Ledger(LedgerError::Taken { .. }))));
        assert!(orders::by_reference(&world.ledger, &world.retailer, "#3").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_sku_that_looks_like_a_phone_number_is_kept_only_if_a_partner_sells_it() {
    for world in worlds().await {
        world.sells(&world.supplier, "100-200-3000", 5).await;
        let drafts = vec![
            draft("#1", vec![line("100-200-3000", 1)]),
            draft("#2", vec![line("OK", 1), line("555-123-4567", 1)]),
            draft("#3", vec![line("ada@example.com", 1)]),
        ];
        let placed = orders::place_many(&world.ledger, &world.retailer, drafts).await.unwrap();
        let blamed: Vec<_> =
            placed.iter().map(|one| one.as_ref().err().and_then(|problem| problem.pointer.as_deref())).collect();
        assert_eq!(blamed, [None, Some("/lines/1/sku"), Some("/lines/0/sku")]);
    }
}

#[tokio::test]
async fn an_expected_version_is_kept_to() {
    for world in worlds().await {
        world.sells(&world.supplier, "LAMP", 10).await;
        let id = world.ordered("#1", vec![line("LAMP", 3)]).await;
        let lamps = world.carry(id).await.lines[0].purchase_order.unwrap();
        let ledger = &world.ledger;
        let cancelled = orders::cancel(ledger, &world.retailer, id, Some(1), &Cancellation::default()).await;
        assert_eq!(problem(cancelled.unwrap_err()), Reason::Changed);
        let acknowledged = purchase_orders::acknowledge(ledger, &world.supplier, lamps, Some(7)).await;
        assert_eq!(problem(acknowledged.unwrap_err()), Reason::Changed);
        let unknown = orders::get(ledger, &world.supplier, id).await.map(|_| ());
        assert_eq!(problem(unknown.unwrap_err()), Reason::Missing, "another account's order is not there");
    }
}

#[tokio::test]
async fn assigning_an_order_that_changed_leaves_the_others_alone() {
    for world in worlds().await {
        world.sells(&world.supplier, "LAMP", 10).await;
        let ids = [world.ordered("#1", vec![line("LAMP", 1)]).await, world.ordered("#2", vec![line("LAMP", 1)]).await];
        let read = [world.order(ids[0]).await, world.order(ids[1]).await];
        orders::cancel(&world.ledger, &world.retailer, ids[0], None, &Cancellation::default()).await.unwrap();
        let sold = bonded_trade::routing::resolve(&world.ledger, &world.retailer, &read[0].lines).await.unwrap();
        let Sold::By(offer) = &sold[0] else { panic!("the lamp is sold") };
        let parts = ids.map(|id| bonded_trade::routing::parts(id, [(1, offer)]));
        let both: Vec<_> = read.iter().zip(&parts).map(|(order, parts)| (order, parts.as_slice())).collect();
        let assigned = orders::assign_many(&world.ledger, world.retailer.account(), &both).await.unwrap();
        assert!(assigned[0].is_none(), "it has to be looked at again");
        assert_eq!(assigned[1].as_ref().map(|order| (order.state, order.version)), Some((OrderState::Routed, 2)));
        assert_eq!(world.order(ids[0]).await.state, OrderState::Cancelled);
    }
}

#[tokio::test]
async fn what_is_brought_twice_under_one_id_is_there_once() {
    for world in worlds().await {
        let lamp = world.sells(&world.supplier, "LAMP", 10).await;
        let (ledger, retailer, supplier) = (&world.ledger, &world.retailer, &world.supplier);
        let id = Id::from_bytes([9; 16]);
        let order = draft("#1", vec![line("LAMP", 3)]);
        orders::place_as(ledger, retailer, id, &order, |_| ()).await.unwrap();
        let again = orders::place_as(ledger, retailer, id, &draft("#2", vec![line("LAMP", 3)]), |_| ()).await;
        assert_eq!(problem(again.unwrap_err()), Reason::Duplicate);
        let other = orders::place_as(ledger, retailer, Id::from_bytes([8; 16]), &order, |_| ()).await;
        assert_eq!(problem(other.unwrap_err()), Reason::Duplicate);

        let ours = world.carry(id).await.lines[0].purchase_order.unwrap();
        let (parcel, now) = (Id::from_bytes([7; 16]), ledger.clock().now());
        let shipment = Shipment { lines: Some(only(1, 2)), ..Shipment::default() };
        let first = purchase_orders::ship_as(ledger, supplier, ours, (parcel, now), &shipment).await.unwrap();
        assert_eq!(first.unwrap().fulfilments[0].id, parcel);
        assert!(purchase_orders::ship_as(ledger, supplier, ours, (parcel, now), &shipment).await.unwrap().is_none());
        assert_eq!(world.stock(supplier, lamp).await, (8, 1));

        // The carrier's number comes later, and reaches the retailer once.
        let tracked = Shipment { number: Some("JD1".to_owned()), ..Shipment::default() };
        assert!(purchase_orders::retrack(ledger, supplier, ours, parcel, &tracked).await.unwrap());
        assert!(!purchase_orders::retrack(ledger, supplier, ours, parcel, &tracked).await.unwrap());
        assert!(!purchase_orders::retrack(ledger, supplier, ours, Id::from_bytes([6; 16]), &tracked).await.unwrap());
        let order = world.carry(id).await;
        assert_eq!(order.fulfilments.len(), 1);
        assert_eq!((order.fulfilments[0].number.as_deref(), order.fulfilments[0].revision), (Some("JD1"), 1));
        let late = world.purchase_order(supplier, ours).await.into_value();
        let late = PurchaseOrder {
            fulfilments: vec![Fulfilment { number: None, revision: 0, ..late.fulfilments[0].clone() }],
            ..late
        };
        assert_eq!(order.follow(ours, &late), None, "old news of a parcel changes nothing");
    }
}
