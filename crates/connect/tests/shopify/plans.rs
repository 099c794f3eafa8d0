//! After any plan of faults, calls that are made again end in the state that they end in without faults.

use crate::orders::{order, variants};
use crate::products::mug;
use crate::{World, id, until_done};
use bonded_connect::platform::{FulfilmentWrite, LevelWrite, ParcelLine, Platform};
use proptest::prelude::*;

/// Everything that the client changes in a shop, without numbers and times.
async fn end_state(seed: u64, one_in: u64) -> Option<Vec<String>> {
    let world = World::new().await?;
    let variants = variants(&world, 3, 100);
    world.kit.faults().plan(seed, one_in);
    let client = world.client();
    let waits = &world.waits;
    let product = mug(&["Small", "Large", "Huge"]);
    until_done(waits, || client.put_product(&product)).await;
    for round in 0..3_u64 {
        let write = order(&format!("po_{round}"), &[(variants[0], 2), (variants[1], 1)]);
        let placed = until_done(waits, || client.put_order(&write)).await;
        let line = |place: usize, quantity| ParcelLine { line: placed.lines[place].id.clone(), quantity };
        for (parcel, lines) in [vec![line(0, 1)], vec![line(0, 1), line(1, 1)]].into_iter().enumerate() {
            let write = FulfilmentWrite {
                mark: format!("f_{round}_{parcel}"),
                order: placed.id.clone(),
                lines,
                carrier: Some("DHL".into()),
                number: Some(format!("N{parcel}")),
                url: None,
            };
            until_done(waits, || client.put_fulfilment(&write)).await;
        }
    }
    let cancelled = order("po_cancelled", &[(variants[1], 5)]);
    let placed = until_done(waits, || client.put_order(&cancelled)).await;
    until_done(waits, || client.cancel_order(&placed.id)).await;
    let level = [LevelWrite {
        mark: "lvl_1".into(),
        variant: id("ProductVariant", variants[2]),
        location: id("Location", 1),
        available: 42,
        was: Some(100),
    }];
    let outcome = until_done(waits, || client.put_levels(&level)).await;
    assert!(matches!(outcome[0], Ok(42)));
    until_done(waits, || client.subscribe("https://bonded.example/hooks")).await;
    world.kit.faults().plan(0, 0);
    let shop = world.kit.shop();
    let mut state: Vec<String> = Vec::new();
    for product in shop.products.values() {
        let skus: Vec<_> = product.variants.iter().map(|variant| shop.variants[variant].sku.clone()).collect();
        state.push(format!("{} {skus:?} {:?}", product.title, product.media));
    }
    for order in shop.orders.values() {
        let parcels: Vec<_> = order
            .fulfilments
            .iter()
            .map(|parcel| {
                let pieces: Vec<_> = parcel.lines.iter().map(|(_, pieces)| *pieces).collect();
                (parcel.number.clone(), pieces)
            })
            .collect();
        state.push(format!("{:?} {parcels:?} {}", order.source_identifier, order.cancelled_ms.is_some()));
    }
    state.extend(variants.iter().map(|variant| format!("{:?}", shop.levels[&(*variant, 1)].available)));
    state.extend(shop.subscriptions.values().map(|wish| wish.topic.clone()));
    state.sort();
    Some(state)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn faults_change_nothing_in_the_end(seed in any::<u64>(), one_in in 2_u64..6) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (with, without) = runtime.block_on(async { (end_state(seed, one_in).await, end_state(0, 0).await) });
        prop_assert_eq!(with, without);
    }
}
