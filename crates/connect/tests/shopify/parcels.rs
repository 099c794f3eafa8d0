//! Parcels: by line, with carrier, number and link, each told once.

use crate::orders::variants;
use crate::{World, id};
use bonded_connect::platform::{Failure, FulfilmentWrite, ParcelLine, Platform};
use bonded_shopkit::Fault;
use bonded_shopkit::state::FulfilmentOrder;

fn parcel(mark: &str, order: u64, lines: &[(u64, u32)]) -> FulfilmentWrite {
    let line = |(line, quantity): &(u64, u32)| ParcelLine { line: id("LineItem", *line), quantity: *quantity };
    FulfilmentWrite {
        mark: mark.to_owned(),
        order: id("Order", order),
        lines: lines.iter().map(line).collect(),
        carrier: Some("DHL".into()),
        number: Some(format!("JD{mark}")),
        url: Some(format!("https://track.example/{mark}")),
    }
}

/// An order with these pieces of the same variant on as many lines; its number and those of its lines.
fn ordered(world: &World, pieces: &[i64]) -> (u64, Vec<u64>) {
    let variant = variants(world, 1, 1_000)[0];
    let mut shop = world.kit.shop();
    let wanted: Vec<_> = pieces.iter().map(|pieces| (variant, *pieces)).collect();
    let order = shop.place_order(&wanted, None);
    let lines = shop.orders[&order].lines.iter().map(|line| line.id).collect();
    (order, lines)
}

#[tokio::test]
async fn a_part_is_told_by_line_and_never_by_variant() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[2, 2]);
    // Both lines are of one variant; the second one leaves.
    let after = world.client().put_fulfilment(&parcel("f1", order, &[(lines[1], 1)])).await.unwrap();
    assert_eq!(after.fulfilments.len(), 1);
    assert_eq!(after.fulfilments[0].lines, [(id("LineItem", lines[1]), 1)]);
    assert_eq!(after.fulfilments[0].mark.as_deref(), Some("f1"));
    let rest = world.client().put_fulfilment(&parcel("f2", order, &[(lines[0], 2), (lines[1], 1)])).await.unwrap();
    assert_eq!(rest.fulfilments.len(), 2);
    let marks: Vec<_> = rest.fulfilments.iter().map(|parcel| parcel.mark.clone().unwrap()).collect();
    assert_eq!(marks, ["f1", "f2"]);
}

#[tokio::test]
async fn carrier_number_and_link_all_arrive() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[3]);
    let after = world.client().put_fulfilment(&parcel("f1", order, &[(lines[0], 3)])).await.unwrap();
    let told = &after.fulfilments[0];
    assert_eq!(told.carrier.as_deref(), Some("DHL"));
    assert_eq!(told.number.as_deref(), Some("JDf1"));
    assert_eq!(told.url.as_deref(), Some("https://track.example/f1"));
    let shop = world.kit.shop();
    let kept = &shop.orders[&order].fulfilments[0];
    assert_eq!([&kept.company, &kept.number, &kept.url].map(Option::is_some), [true; 3]);
}

#[tokio::test]
async fn a_lost_answer_tells_of_no_second_parcel() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[5]);
    let client = world.client();
    for (mark, operation, fault) in [
        ("f1", "FulfilmentCreate", Fault::CutAfter),
        ("f2", "FulfilmentCreate", Fault::ErrorAfter(500)),
        ("f3", "FulfilmentCreate", Fault::ErrorBefore(503)),
        ("f4", "MetafieldsSet", Fault::CutAfter),
    ] {
        world.kit.faults().next(operation, fault);
        let write = parcel(mark, order, &[(lines[0], 1)]);
        assert!(client.put_fulfilment(&write).await.is_err());
        let after = client.put_fulfilment(&write).await.unwrap();
        let marked = after.fulfilments.iter().filter(|told| told.mark.as_deref() == Some(mark)).count();
        assert_eq!(marked, 1, "{mark}");
        // And once more, long after.
        client.put_fulfilment(&write).await.unwrap();
    }
    assert_eq!(world.kit.shop().orders[&order].fulfilments.len(), 4);
}

#[tokio::test]
async fn two_parcels_that_look_the_same_are_two() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[4]);
    let plain = |mark: &str| FulfilmentWrite {
        carrier: None,
        number: None,
        url: None,
        ..parcel(mark, order, &[(lines[0], 1)])
    };
    let client = world.client();
    // The first is noted, but never made; the second is made; then the first is told again.
    world.kit.faults().next("FulfilmentCreate", Fault::ErrorBefore(503));
    assert!(client.put_fulfilment(&plain("f1")).await.is_err());
    client.put_fulfilment(&plain("f2")).await.unwrap();
    client.put_fulfilment(&plain("f1")).await.unwrap();
    let after = client.put_fulfilment(&plain("f2")).await.unwrap();
    let mut marks: Vec<_> = after.fulfilments.iter().filter_map(|told| told.mark.clone()).collect();
    marks.sort();
    assert_eq!(marks, ["f1", "f2"]);
}

#[tokio::test]
async fn a_parcel_from_two_locations_is_told_in_two_parts_under_one_mark() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[5]);
    {
        // Two pieces are moved to another location.
        let mut shop = world.kit.shop();
        let (part, entry) = (shop.next_id(), shop.next_id());
        let order = shop.orders.get_mut(&order).unwrap();
        order.fulfilment_orders[0].lines[0].2 = 3;
        let lines = vec![(entry, lines[0], 2)];
        order.fulfilment_orders.push(FulfilmentOrder { id: part, location: 2, status: "OPEN".into(), lines });
        shop.locations.insert(2, bonded_shopkit::state::Location { name: "Shop".into(), active: true });
    }
    let client = world.client();
    let after = client.put_fulfilment(&parcel("f1", order, &[(lines[0], 5)])).await.unwrap();
    assert_eq!(after.fulfilments.len(), 2);
    assert!(after.fulfilments.iter().all(|told| told.mark.as_deref() == Some("f1")));
    assert_eq!(after.fulfilments.iter().flat_map(|told| &told.lines).map(|(_, pieces)| pieces).sum::<u32>(), 5);
    let again = client.put_fulfilment(&parcel("f1", order, &[(lines[0], 5)])).await.unwrap();
    assert_eq!(again.fulfilments.len(), 2);
}

#[tokio::test]
async fn a_parcel_that_is_told_is_told_anew_how_it_can_be_followed_and_stays_one() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[4]);
    let client = world.client();
    let first = parcel("f1", order, &[(lines[0], 1)]);
    client.put_fulfilment(&first).await.unwrap();
    client.put_fulfilment(&parcel("f2", order, &[(lines[0], 1)])).await.unwrap();
    let number = |text: &str| FulfilmentWrite { number: Some(text.to_owned()), ..first.clone() };
    let faults = [
        None,
        Some(("MetafieldsSet", Fault::CutAfter)),
        Some(("FulfilmentTrack", Fault::ErrorBefore(503))),
        Some(("FulfilmentTrack", Fault::CutAfter)),
    ];
    for (nth, fault) in faults.into_iter().enumerate() {
        let wish = number(&format!("NEW-{nth}"));
        if let Some((operation, fault)) = fault {
            world.kit.faults().next(operation, fault);
            assert!(client.put_fulfilment(&wish).await.is_err());
        }
        let after = client.put_fulfilment(&wish).await.unwrap();
        let shown: Vec<_> = after.fulfilments.iter().map(|told| (told.mark.as_deref(), told.number.clone())).collect();
        assert_eq!(shown, [(Some("f1"), wish.number.clone()), (Some("f2"), Some("JDf2".to_owned()))]);
        let told = world.done("fulfillmentTrackingInfoUpdate");
        client.put_fulfilment(&wish).await.unwrap();
        assert_eq!(world.done("fulfillmentTrackingInfoUpdate"), told, "what is so already is not said again");
    }
    // Carrier and link too; and what is not said stays.
    let (carrier, url) = (Some("UPS".to_owned()), Some("https://track.example/new".to_owned()));
    let other = FulfilmentWrite { carrier, number: None, url, ..first.clone() };
    let after = client.put_fulfilment(&other).await.unwrap();
    assert_eq!(after.fulfilments[0].carrier.as_deref(), Some("UPS"));
    assert_eq!(after.fulfilments[0].url.as_deref(), Some("https://track.example/new"));
    assert_eq!(world.done("fulfillmentCreate"), 2);
    assert_eq!(world.kit.shop().orders[&order].fulfilments.len(), 2);
}

#[tokio::test]
async fn what_is_held_or_gone_is_refused() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[2]);
    let client = world.client();
    let refused = client.put_fulfilment(&parcel("f1", order, &[(lines[0], 3)])).await.err().unwrap();
    assert!(matches!(refused, Failure::Refused(_)), "{refused}");
    world.kit.shop().orders.get_mut(&order).unwrap().fulfilment_orders[0].status = "ON_HOLD".into();
    let refused = client.put_fulfilment(&parcel("f1", order, &[(lines[0], 1)])).await.err().unwrap();
    assert!(matches!(&refused, Failure::Refused(why) if why.contains("holds")), "{refused}");
    assert!(matches!(client.put_fulfilment(&parcel("f1", 1, &[(1, 1)])).await, Err(Failure::Gone)));
}

#[tokio::test]
async fn an_order_of_many_lines_is_shipped_whole() {
    let Some(world) = World::new().await else { return };
    let (order, lines) = ordered(&world, &[1; 120]);
    let all: Vec<_> = lines.iter().map(|line| (*line, 1)).collect();
    let after = world.client().put_fulfilment(&parcel("f1", order, &all)).await.unwrap();
    assert_eq!(after.fulfilments.len(), 1);
    assert_eq!(after.fulfilments[0].lines.len(), 120);
}
