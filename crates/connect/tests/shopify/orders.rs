//! Orders: read whole, placed once, with the six fields and nothing else of a consumer.

use crate::{World, id};
use bonded_base::{Currency, Money};
use bonded_connect::platform::{Failure, OrderLineWrite, OrderWrite, Platform, RemoteOrder, Since};
use bonded_shopkit::Fault;
use bonded_trade::consumers::{Consumer, ConsumerDraft, SixFields};
use serde_json::json;

pub const ADA: SixFields<'static> = SixFields {
    first_name: "Ada",
    last_name: "Lovelace",
    street: "12 St James's Square\nFlat 2\nLondon",
    postal_code: "SW1Y 4JH",
    region: "ENG",
    country: "GB",
};

pub fn ada() -> Consumer {
    ConsumerDraft::of(ADA).check().unwrap()
}

pub fn order(mark: &str, lines: &[(u64, u32)]) -> OrderWrite {
    let line = |(variant, quantity): &(u64, u32)| OrderLineWrite {
        variant: id("ProductVariant", *variant),
        quantity: *quantity,
        price: Money::new(750, Currency::EUR),
    };
    OrderWrite {
        mark: mark.to_owned(),
        reference: String::from("#5001"),
        lines: lines.iter().map(line).collect(),
        consumer: ada(),
    }
}

/// Variants of one product with this many pieces each.
pub fn variants(world: &World, count: usize, pieces: i64) -> Vec<u64> {
    let mut shop = world.kit.shop();
    let skus: Vec<String> = (0..count).map(|number| format!("S{number}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "9.99", pieces)).collect();
    let product = shop.add_product("Mug", &many);
    shop.products[&product].variants.clone()
}

fn address() -> Option<serde_json::Value> {
    Some(json!({
        "firstName": "Ada", "lastName": "Lovelace", "address1": "12 St James's Square", "address2": "Flat 2",
        "city": "London", "zip": "SW1Y 4JH", "provinceCode": "ENG", "countryCodeV2": "GB",
        "phone": "+44 20 7946 0000", "company": "Analytical Engines",
    }))
}

async fn read(world: &World, number: u64) -> RemoteOrder {
    let found = world.client().orders(&[id("Order", number)]).await.unwrap().remove(0);
    found.unwrap().unwrap_or_else(|bad| panic!("{bad:?}"))
}

#[tokio::test]
async fn an_order_arrives_with_its_lines_and_six_fields() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 2, 10);
    let number = world.kit.shop().place_order(&[(variants[0], 2), (variants[1], 1)], address());
    let order = read(&world, number).await;
    assert_eq!((order.reference.as_str(), order.cancelled, order.test, order.mark), ("#1001", false, false, None));
    assert_eq!(order.lines.len(), 2);
    let line = &order.lines[0];
    assert_eq!((line.quantity, line.dropped, line.price), (2, 0, Money::new(999, Currency::EUR)));
    assert_eq!(line.variant, Some(id("ProductVariant", variants[0])));
    let consumer = order.consumer.check().unwrap();
    assert!(consumer.expose() == ADA);
    let answers = world.kit.calls();
    assert!(answers.iter().all(|call| !call.body.contains("phone") && !call.body.contains("email")));
}

#[tokio::test]
async fn more_than_250_lines_and_more_than_10_parcels_are_all_read() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 300, 10);
    let number = {
        let mut shop = world.kit.shop();
        let wanted: Vec<_> = variants.iter().map(|variant| (*variant, 3)).collect();
        let number = shop.place_order(&wanted, address());
        let lines: Vec<_> = shop.orders[&number].lines.iter().map(|line| line.id).collect();
        for parcel in 0..30_usize {
            // One of them with more lines than a first page has.
            let some: Vec<_> = if parcel == 7 { lines[..150].to_vec() } else { vec![lines[299 - parcel]] };
            let some: Vec<_> = some.into_iter().map(|line| (line, 1)).collect();
            let tracking = format!("T{parcel}");
            shop.fulfil(number, &some, [Some("DHL"), Some(&tracking), Some("https://track.example/1")]).unwrap();
        }
        number
    };
    let order = read(&world, number).await;
    assert_eq!(order.lines.len(), 300);
    assert_eq!(order.fulfilments.len(), 30);
    assert_eq!(order.fulfilments.iter().map(|parcel| parcel.lines.len()).sum::<usize>(), 29 + 150);
    assert!(order.lines.iter().all(|line| line.dropped == 0));
}

#[tokio::test]
async fn dropped_pieces_are_told_from_shipped_ones() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let number = {
        let mut shop = world.kit.shop();
        let number = shop.place_order(&[(variants[0], 5)], address());
        let line = shop.orders[&number].lines[0].id;
        shop.fulfil(number, &[(line, 2)], [None; 3]).unwrap();
        shop.drop_pieces(number, line, 1);
        number
    };
    let order = read(&world, number).await;
    assert_eq!((order.lines[0].quantity, order.lines[0].dropped), (5, 1));
    world.kit.shop().cancel(number);
    let order = read(&world, number).await;
    assert!(order.cancelled);
    assert_eq!(order.lines[0].dropped, 3);
}

#[tokio::test]
async fn orders_that_changed_are_read_to_the_end_and_a_deleted_variant_stops_none() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 2, 1_000);
    for number in 0..23 {
        let mut shop = world.kit.shop();
        shop.elapse(1_000);
        shop.place_order(&[(variants[number % 2], 1)], address());
    }
    world.kit.shop().delete_variant(variants[1]);
    let client = world.client();
    let mut since = Since::default();
    let mut references = Vec::new();
    loop {
        let page = client.orders_since(&since).await.unwrap();
        for item in page.items {
            let order = item.unwrap_or_else(|bad| panic!("{bad:?}"));
            let number: usize = order.reference.trim_start_matches('#').parse().unwrap();
            assert_eq!(order.lines[0].variant.is_some(), number % 2 == 1);
            references.push(order.reference);
        }
        since.cursor = page.next;
        if since.cursor.is_none() {
            break;
        }
    }
    assert_eq!(references, (1_001..=1_023).map(|number| format!("#{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_order_is_placed_with_the_six_fields_only_and_takes_its_pieces() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let placed = world.client().put_order(&order("po_1", &[(variants[0], 3)])).await.unwrap();
    assert_eq!(placed.mark.as_deref(), Some("po_1"));
    assert_eq!(placed.lines[0].price, Money::new(750, Currency::EUR));
    assert!(placed.consumer.check().unwrap().expose() == ADA);
    let shop = world.kit.shop();
    let kept = shop.orders.values().next().unwrap();
    let mut fields: Vec<_> = kept.address.as_ref().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let wanted = ["address1", "address2", "city", "countryCodeV2", "firstName", "lastName", "provinceCode", "zip"];
    assert_eq!(fields, wanted);
    assert_eq!((kept.po_number.as_deref(), kept.financial_status.as_str()), (Some("#5001"), "PENDING"));
    assert_eq!(shop.levels[&(variants[0], 1)].available, 7);
}

#[tokio::test]
async fn a_region_in_words_stays_on_the_parcel() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let mut write = order("po_1", &[(variants[0], 1)]);
    write.consumer = ConsumerDraft::of(SixFields { region: "Greater London", ..ADA }).check().unwrap();
    world.client().put_order(&write).await.unwrap();
    let shop = world.kit.shop();
    let address = shop.orders.values().next().unwrap().address.clone().unwrap();
    assert_eq!(address["city"], "London, Greater London");
    assert!(!address.contains_key("provinceCode"));
}

#[tokio::test]
async fn a_lost_answer_places_no_second_order() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let client = world.client();
    for fault in [Fault::CutAfter, Fault::ErrorAfter(502)] {
        world.kit.faults().next("OrderCreate", fault);
        let write = order(&format!("po_{fault:?}"), &[(variants[0], 1)]);
        assert!(matches!(client.put_order(&write).await, Err(Failure::Away(_))));
        let placed = client.put_order(&write).await.unwrap();
        assert_eq!(placed.mark, Some(write.mark));
    }
    assert_eq!(world.kit.shop().orders.len(), 2);
    assert_eq!(world.kit.shop().levels[&(variants[0], 1)].available, 8);
}

#[tokio::test]
async fn many_calls_at_once_place_one_order() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let clients: Vec<_> = (0..10).map(|_| world.client()).collect();
    let write = order("po_1", &[(variants[0], 1)]);
    let placed = futures::future::join_all(clients.iter().map(|client| client.put_order(&write))).await;
    let ids: std::collections::BTreeSet<_> = placed.into_iter().map(|order| order.ok().unwrap().id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(world.kit.shop().orders.len(), 1);
}

#[tokio::test]
async fn pieces_that_the_shop_sold_meanwhile_are_refused_and_not_oversold() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    world.kit.shop().place_order(&[(variants[0], 9)], address());
    let refused = world.client().put_order(&order("po_1", &[(variants[0], 2)])).await.err().unwrap();
    assert!(matches!(&refused, Failure::Refused(why) if why.contains("too few")), "{refused}");
    assert!(!refused.to_string().contains("here stands what was sent"));
    assert_eq!(world.kit.shop().levels[&(variants[0], 1)].available, 1);
}

#[tokio::test]
async fn an_order_is_taken_back_once_and_its_pieces_with_it() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let client = world.client();
    let placed = client.put_order(&order("po_1", &[(variants[0], 3)])).await.unwrap();
    world.kit.faults().next("OrderCancel", Fault::CutAfter);
    assert!(client.cancel_order(&placed.id).await.is_err());
    let after = client.cancel_order(&placed.id).await.unwrap();
    assert!(after.cancelled);
    assert_eq!(after.lines[0].dropped, 3);
    assert_eq!(world.kit.shop().levels[&(variants[0], 1)].available, 10);
    assert_eq!(world.done("orderCancel"), 1);
}

#[tokio::test]
async fn what_left_already_is_not_taken_back() {
    let Some(world) = World::new().await else { return };
    let variants = variants(&world, 1, 10);
    let client = world.client();
    let placed = client.put_order(&order("po_1", &[(variants[0], 3)])).await.unwrap();
    {
        let mut shop = world.kit.shop();
        let number = *shop.orders.keys().next().unwrap();
        let line = shop.orders[&number].lines[0].id;
        shop.fulfil(number, &[(line, 1)], [None; 3]).unwrap();
    }
    assert!(matches!(client.cancel_order(&placed.id).await, Err(Failure::Refused(_))));
    assert!(matches!(client.cancel_order(&id("Order", 1)).await, Err(Failure::Gone)));
}
