//! Stock: read at every location, written from what it was, once.

use crate::{World, id};
use bonded_connect::platform::{Failure, LevelWrite, Platform, Since};
use bonded_shopkit::Fault;
use bonded_shopkit::state::{Level, Location};

fn level(mark: &str, variant: u64, available: i64, was: Option<i64>) -> LevelWrite {
    LevelWrite {
        mark: mark.to_owned(),
        variant: id("ProductVariant", variant),
        location: id("Location", 1),
        available,
        was,
    }
}

/// Variants with 10 pieces each.
fn variants(world: &World, count: usize) -> Vec<u64> {
    let mut shop = world.kit.shop();
    let skus: Vec<String> = (0..count).map(|number| format!("S{number}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "1.00", 10)).collect();
    let product = shop.add_product("Mug", &many);
    shop.products[&product].variants.clone()
}

fn available(world: &World, variant: u64) -> i64 {
    world.kit.shop().levels[&(variant, 1)].available
}

#[tokio::test]
async fn levels_of_all_locations_are_read_page_by_page() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 130);
    {
        let mut shop = world.kit.shop();
        shop.locations.insert(2, Location { name: "Shop".into(), active: true });
        shop.locations.insert(3, Location { name: "Closed".into(), active: false });
        for variant in &variants {
            shop.levels.insert((*variant, 2), Level { available: 3, ..Level::default() });
        }
    }
    let client = world.client();
    let mut since = Since::default();
    let mut read = Vec::new();
    loop {
        let page = client.levels_since(&since).await.unwrap();
        read.extend(page.items.into_iter().map(Result::unwrap));
        since.cursor = page.next;
        if since.cursor.is_none() {
            break;
        }
    }
    assert_eq!(read.len(), 260);
    assert_eq!(read.iter().map(|level| level.available).sum::<i64>(), 130 * 13);
    let asked: Vec<_> = variants[..25].iter().map(|variant| id("ProductVariant", *variant)).collect();
    let levels = client.levels(&asked).await.unwrap();
    assert_eq!(levels.len(), 50);
    assert!(levels.iter().all(|level| asked.contains(&level.variant)));
    assert_eq!(client.locations().await.unwrap().iter().filter(|place| place.active).count(), 2);
}

#[tokio::test]
async fn an_item_at_many_locations_is_read_at_all_of_them() {
    let Some(world) = World::new().await else { return };
    let variant = variants(&world, 1)[0];
    for location in 2..=40 {
        let mut shop = world.kit.shop();
        shop.locations.insert(location, Location { name: location.to_string(), active: true });
        shop.levels.insert((variant, location), Level { available: 1, ..Level::default() });
    }
    let levels = world.client().levels(&[id("ProductVariant", variant)]).await.unwrap();
    assert_eq!(levels.len(), 40);
}

#[tokio::test]
async fn only_what_changed_is_read_where_a_moment_is_given() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 5);
    world.kit.elapse(60_000);
    let moment = i64::try_from(world.kit.shop().now_ms()).unwrap();
    world.kit.shop().change_level(variants[3], 1, |level| level.available = 4);
    let since = Since { updated_at: Some(bonded_base::Moment::from_millis(moment)), cursor: None };
    let page = world.client().levels_since(&since).await.unwrap();
    let read: Vec<_> = page.items.into_iter().map(Result::unwrap).collect();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].variant.clone(), read[0].available), (id("ProductVariant", variants[3]), 4));
}

#[tokio::test]
async fn each_level_has_its_own_outcome() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 5);
    world.kit.shop().change_level(variants[1], 1, |level| level.available = 9);
    world.kit.shop().levels.remove(&(variants[2], 1));
    let gone = variants[3];
    world.kit.shop().delete_variant(gone);
    let writes = [
        level("a", variants[0], 7, Some(10)),
        level("b", variants[1], 7, Some(10)),
        level("c", variants[2], 7, None),
        level("d", gone, 7, Some(10)),
        level("e", variants[4], 6, None),
    ];
    let outcomes = world.client().put_levels(&writes).await.unwrap();
    assert!(matches!(outcomes[0], Ok(7)));
    assert!(matches!(outcomes[1], Err(Failure::Changed)));
    assert!(matches!(outcomes[2], Ok(7)), "an item that was not stocked there is from now on");
    assert!(matches!(outcomes[3], Err(Failure::Gone)));
    assert!(matches!(outcomes[4], Ok(6)));
    let now: Vec<_> = [0, 1, 2, 4].iter().map(|place| available(&world, variants[*place])).collect();
    assert_eq!(now, [7, 9, 7, 6]);
}

#[tokio::test]
async fn a_sale_between_two_writes_is_not_undone_by_a_lost_answer() {
    let Some(world) = World::new().await else { return };
    let variant = variants(&world, 1)[0];
    let client = world.client();
    let write = [level("a", variant, 8, Some(10))];
    world.kit.faults().next("LevelsSet", Fault::CutAfter);
    assert!(matches!(client.put_levels(&write).await, Err(Failure::Away(_))));
    assert_eq!(available(&world, variant), 8);
    world.kit.shop().change_level(variant, 1, |level| level.available -= 3);
    // The same call: the shop remembers it and does nothing.
    assert!(matches!(client.put_levels(&write).await.unwrap()[0], Ok(8)));
    assert_eq!(available(&world, variant), 5);
    assert_eq!(world.done("inventorySetQuantities"), 1);
}

#[tokio::test]
async fn a_key_that_failed_once_is_no_dead_end() {
    let Some(world) = World::new().await else { return };
    let variant = variants(&world, 1)[0];
    let client = world.client();
    world.kit.shop().change_level(variant, 1, |level| level.available = 4);
    let write = [level("a", variant, 8, Some(10))];
    assert!(matches!(client.put_levels(&write).await.unwrap()[0], Err(Failure::Changed)));
    world.kit.shop().change_level(variant, 1, |level| level.available = 10);
    assert!(matches!(client.put_levels(&write).await.unwrap()[0], Ok(8)));
    assert_eq!(available(&world, variant), 8);
}

#[tokio::test]
async fn the_variants_of_an_item_are_found_for_a_webhook() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 2);
    let items: Vec<_> = variants.iter().map(|variant| id("InventoryItem", *variant)).collect();
    let found = world.client().variants_of(&items).await.unwrap();
    assert_eq!(found, [id("ProductVariant", variants[0]), id("ProductVariant", variants[1])]);
}

#[tokio::test]
async fn a_hundred_items_that_were_told_of_at_once_are_read_within_what_a_call_may_cost() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 100);
    let items: Vec<_> = variants.iter().map(|variant| id("InventoryItem", *variant)).collect();
    let levels = world.client().levels(&items).await.unwrap();
    assert_eq!(levels.len(), 100);
    assert!(levels.iter().all(|level| level.available == 10));
}
