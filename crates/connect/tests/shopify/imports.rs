//! The first import of a large catalogue: one file, read in pieces, gone on with after a crash.

use crate::{World, until_done};
use bonded_connect::platform::{Failure, Platform, RemotePage, RemoteProduct, Since};
use bonded_connect::shopify::{BULK_FROM, Shopify};
use bonded_shopkit::Fault;
use std::collections::BTreeSet;

/// A shop with so many products of two variants each, and what its products are called.
fn fill(world: &World, count: u64) -> BTreeSet<String> {
    let mut shop = world.kit.shop();
    let title = |number: u64| format!("Product {number}");
    for number in 0..count {
        let skus = [format!("A{number}"), format!("B{number}")];
        let product = shop.add_product(&title(number), &[(&skus[0], "1.00", 1), (&skus[1], "2.00", 1)]);
        shop.products.get_mut(&product).unwrap().media = vec![("https://images.example/1.jpg".into(), "One".into())];
    }
    (0..count).map(title).collect()
}

async fn page(world: &World, client: &Shopify, cursor: Option<String>) -> RemotePage<RemoteProduct> {
    let since = Since { updated_at: None, cursor };
    until_done(&world.waits, || client.products_since(&since)).await
}

fn titles(page: RemotePage<RemoteProduct>) -> Vec<String> {
    let title = |product: RemoteProduct| {
        assert_eq!((product.variants.len(), product.product.images.len()), (2, 1), "{}", product.product.title);
        product.product.title
    };
    page.items.into_iter().map(|item| title(item.unwrap())).collect()
}

#[tokio::test]
async fn a_large_catalogue_comes_as_one_file_and_is_whole() {
    let Some(world) = World::new().await else { return };
    let wanted = fill(&world, BULK_FROM + 50);
    let client = world.client();
    let mut cursor = page(&world, &client, None).await.next;
    assert!(cursor.as_ref().unwrap().starts_with("bulk:gid://shopify/BulkOperation/"));
    let mut found = Vec::new();
    while cursor.is_some() {
        let page = page(&world, &client, cursor).await;
        cursor.clone_from(&page.next);
        found.extend(titles(page));
    }
    assert_eq!(found.len(), wanted.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(world.done("bulkOperationRunQuery"), 1);
    assert!(world.kit.calls().iter().all(|call| call.operation != "Products"));
}

#[tokio::test]
async fn an_import_goes_on_after_a_crash_where_it_was() {
    let Some(world) = World::new().await else { return };
    let wanted = fill(&world, BULK_FROM);
    let mut cursor = page(&world, &world.client(), None).await.next;
    let mut found = Vec::new();
    let mut round = 0;
    while cursor.is_some() {
        // Each page by a program that was just started, one in three times with a file that breaks off.
        if round % 3 == 0 {
            world.kit.faults().next("bulk", Fault::CutAfter);
        }
        let page = page(&world, &world.client(), cursor).await;
        cursor.clone_from(&page.next);
        found.extend(titles(page));
        round += 1;
    }
    assert!(round > 5);
    assert_eq!(found.len(), wanted.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(world.done("bulkOperationRunQuery"), 1);
}

#[tokio::test]
async fn who_asks_while_it_runs_is_told_to_come_again() {
    let Some(world) = World::new().await else { return };
    fill(&world, BULK_FROM);
    let client = world.client();
    let cursor = page(&world, &client, None).await.next;
    let since = Since { updated_at: None, cursor };
    assert!(matches!(client.products_since(&since).await, Err(Failure::Throttled(1..))));
    assert_eq!(client.products_since(&since).await.unwrap().items.len(), 100);
}

#[tokio::test]
async fn an_import_that_failed_is_read_page_by_page() {
    let Some(world) = World::new().await else { return };
    fill(&world, BULK_FROM);
    let client = world.client();
    let cursor = page(&world, &client, None).await.next;
    for bulk in world.kit.shop().bulks.values_mut() {
        bulk.status = String::from("FAILED");
    }
    let next = page(&world, &client, cursor).await;
    assert!(next.items.is_empty());
    let first = page(&world, &client, next.next).await;
    assert_eq!(first.items.len(), 8);
    assert!(first.next.is_some());
}

#[tokio::test]
async fn a_small_catalogue_is_read_at_once() {
    let Some(world) = World::new().await else { return };
    fill(&world, 12);
    let client = world.client();
    let first = page(&world, &client, None).await;
    assert_eq!(first.items.len(), 8);
    let rest = page(&world, &client, first.next).await;
    assert_eq!((rest.items.len(), rest.next), (4, None));
    assert_eq!(world.done("bulkOperationRunQuery"), 0);
}
