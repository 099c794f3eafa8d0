//! Products: read whole however large, written without taking anything away.

use crate::{World, id};
use bonded_base::{Currency, Id, Moment, Money};
use bonded_connect::platform::{Failure, Platform, ProductWrite, Since, VariantWrite};
use bonded_shopkit::Fault;
use bonded_trade::catalog::{Image, Product, ProductOption, ProductStatus, Variant};

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

/// A mug in these sizes; without any, in one form only.
pub fn mug(sizes: &[&str]) -> ProductWrite {
    let values: Vec<_> = sizes.iter().map(|size| (*size).to_owned()).collect();
    let options = if sizes.is_empty() { vec![] } else { vec![ProductOption { name: "Size".into(), values }] };
    let variant = |place: usize, size: Option<&str>| {
        let options: Vec<String> = size.map(str::to_owned).into_iter().collect();
        VariantWrite {
            mark: format!("var_{place}"),
            id: None,
            variant: Variant {
                product: Id::from_bytes([1; 16]),
                position: u32::try_from(place).unwrap() + 1,
                title: String::new(),
                options,
                sku: Some(format!("MUG-{place}")),
                barcode: Some(format!("40000000000{place}")),
                price: euro(1_250),
                compare_at_price: None,
                weight_grams: Some(340),
                image_url: None,
                tracked: true,
                sell_when_out: false,
                requires_shipping: true,
                taxable: true,
            },
            price: Some(euro(1_999)),
        }
    };
    let variants = if sizes.is_empty() {
        vec![variant(0, None)]
    } else {
        sizes.iter().enumerate().map(|(place, size)| variant(place, Some(size))).collect()
    };
    ProductWrite {
        mark: "prod_mug".into(),
        id: None,
        product: Product {
            handle: "blue-mug".into(),
            title: "Blue Mug".into(),
            description_html: "<p>Blue.</p>".into(),
            vendor: "Potter".into(),
            product_type: "Mug".into(),
            tags: vec!["blue".into(), "clay".into()],
            status: ProductStatus::Active,
            options,
            images: vec![Image { url: "https://images.example/mug.jpg".into(), alt: "A mug".into() }],
            variant_count: 1,
        },
        variants,
    }
}

#[tokio::test]
async fn variants_are_never_cut_at_50_or_250_or_2048() {
    let Some(world) = World::new().await else { return };
    let skus: Vec<String> = (0..2_048).map(|number| format!("SKU-{number}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "1.00", 1)).collect();
    let ids: Vec<_> = {
        let mut shop = world.kit.shop();
        [51, 251, 2_048].map(|count| shop.add_product(&format!("With {count}"), &many[..count])).to_vec()
    };
    let asked: Vec<_> = ids.iter().map(|number| id("Product", *number)).collect();
    let found = world.client().products(&asked).await.unwrap();
    for (found, count) in found.into_iter().zip([51, 251, 2_048]) {
        let found = found.unwrap().unwrap();
        assert_eq!(found.product.variants.len(), count);
        assert_eq!(found.variants.len(), count);
        let read: Vec<_> = found.product.variants.iter().map(|variant| variant.sku.clone().unwrap()).collect();
        assert_eq!(read, skus[..count]);
    }
    let largest = world.kit.calls().iter().map(|call| call.cost).max().unwrap();
    assert!(largest <= 1_000, "a query asks for {largest} points");
}

#[tokio::test]
async fn pictures_beyond_the_first_page_arrive() {
    let Some(world) = World::new().await else { return };
    let number = world.kit.shop().add_product("Mug", &[("M", "1.00", 1)]);
    let media: Vec<_> = (0..240).map(|n| (format!("https://images.example/{n}.jpg"), format!("Side {n}"))).collect();
    world.kit.shop().products.get_mut(&number).unwrap().media = media;
    let found = world.client().products(&[id("Product", number)]).await.unwrap().remove(0).unwrap().unwrap();
    assert_eq!(found.product.images.len(), 240);
    assert_eq!(found.product.images[239].url, "https://images.example/239.jpg");
}

#[tokio::test]
async fn changes_are_read_page_by_page_from_a_moment_on_oldest_first() {
    let Some(world) = World::new().await else { return };
    let early = {
        let mut shop = world.kit.shop();
        let numbers: Vec<_> = (0..20)
            .map(|number| {
                shop.elapse(1_000);
                shop.add_product(&format!("P{number}"), &[(&format!("S{number}"), "1.00", 1)])
            })
            .collect();
        numbers[12]
    };
    let from = i64::try_from(world.kit.shop().products[&early].updated_ms).unwrap();
    let client = world.client();
    let mut since = Since { updated_at: Some(Moment::from_millis(from + 400)), cursor: None };
    let mut titles = Vec::new();
    loop {
        let page = client.products_since(&since).await.unwrap();
        titles.extend(page.items.into_iter().map(|item| item.unwrap().product.title));
        since.cursor = page.next;
        if since.cursor.is_none() {
            break;
        }
    }
    // Seconds are the finest that the shop counts, so the one of that very second is among them.
    assert_eq!(titles, (12..20).map(|number| format!("P{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_that_cannot_be_read_is_named_and_the_others_arrive() {
    let Some(world) = World::new().await else { return };
    let (bad, good) = {
        let mut shop = world.kit.shop();
        let bad = shop.add_product("Bad", &[("B", "1.00", 1)]);
        let variant = shop.products[&bad].variants[0];
        shop.variants.get_mut(&variant).unwrap().price = "1.005".into();
        (bad, shop.add_product("Good", &[("G", "2.00", 1)]))
    };
    let page =
        world.client().products_since(&Since { cursor: Some("pages:".into()), ..Since::default() }).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let unreadable = page.items[0].as_ref().unwrap_err();
    assert_eq!(unreadable.id, id("Product", bad));
    assert_eq!(unreadable.problem.pointer.as_deref(), Some("/variants/nodes/0/price"));
    assert_eq!(page.items[1].as_ref().unwrap().id, id("Product", good));
}

#[tokio::test]
async fn a_product_is_made_with_all_its_variants_and_read_back() {
    let Some(world) = World::new().await else { return };
    let made = world.client().put_product(&mug(&["Small", "Large", "Huge"])).await.unwrap();
    assert_eq!(made.mark.as_deref(), Some("prod_mug"));
    assert_eq!((made.product.title.as_str(), made.product.vendor.as_str()), ("Blue Mug", "Potter"));
    let sizes: Vec<_> = made.product.variants.iter().map(|variant| variant.options[0].as_str()).collect();
    assert_eq!(sizes, ["Small", "Large", "Huge"]);
    for (place, variant) in made.product.variants.iter().enumerate() {
        assert_eq!(variant.sku.as_deref(), Some(format!("MUG-{place}").as_str()));
        assert_eq!((variant.price, variant.weight_grams), (Some(euro(1_999)), Some(340)));
        assert!(variant.tracked);
    }
    assert_eq!(made.product.images.len(), 1);
}

#[tokio::test]
async fn a_product_that_is_as_wanted_costs_no_write() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    let made = client.put_product(&mug(&["Small", "Large"])).await.unwrap();
    let written = world.kit.shop().done.clone();
    let again = client.put_product(&mug(&["Small", "Large"])).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(world.kit.shop().done, written);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_product() {
    let Some(world) = World::new().await else { return };
    world.kit.faults().next("ProductCreate", Fault::CutAfter);
    let client = world.client();
    let lost = client.put_product(&mug(&["Small", "Large"])).await.unwrap_err();
    assert!(matches!(lost, Failure::Away(_)), "{lost}");
    let made = client.put_product(&mug(&["Small", "Large"])).await.unwrap();
    assert_eq!(made.product.variants.len(), 2);
    assert_eq!(world.kit.shop().products.len(), 1);
}

#[tokio::test]
async fn two_calls_at_once_make_one_product() {
    let Some(world) = World::new().await else { return };
    let (one, other) = (world.client(), world.client());
    let (mug, same) = (mug(&[]), mug(&[]));
    let (one, other) = futures::join!(one.put_product(&mug), other.put_product(&same));
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert_eq!(world.kit.shop().products.len(), 1);
}

#[tokio::test]
async fn what_the_shop_added_itself_is_not_dropped() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    let made = client.put_product(&mug(&["Small", "Large"])).await.unwrap();
    let number: u64 = made.id.as_str().rsplit('/').next().unwrap().parse().unwrap();
    let own = {
        // A person in the shop adds a size, a picture, an address and a field of their own.
        let mut shop = world.kit.shop();
        let own = shop.next_id();
        let mut variant = bonded_shopkit::state::Variant::new(number, vec!["Gift".into()], Some("OWN".into()), "5.00");
        variant.barcode = Some("own".into());
        shop.variants.insert(own, variant);
        let product = shop.products.get_mut(&number).unwrap();
        product.variants.push(own);
        product.options[0].1.push("Gift".into());
        product.media.push(("https://images.example/own.jpg".into(), "Own".into()));
        product.handle = "own-address".into();
        product.metafields.insert("custom/care".into(), "by hand".into());
        own
    };
    let mut wanted = mug(&["Small", "Large", "Huge"]);
    wanted.product.title = "Bluer Mug".into();
    let after = client.put_product(&wanted).await.unwrap();
    let skus: Vec<_> = after.product.variants.iter().filter_map(|variant| variant.sku.clone()).collect();
    assert_eq!(skus, ["MUG-0", "MUG-1", "OWN", "MUG-2"]);
    assert_eq!((after.product.title.as_str(), after.product.images.len()), ("Bluer Mug", 2));
    let shop = world.kit.shop();
    assert_eq!(shop.products[&number].handle, "own-address");
    assert_eq!(shop.products[&number].metafields["custom/care"], "by hand");
    assert_eq!((shop.variants[&own].price.as_str(), shop.variants[&own].barcode.as_deref()), ("5.00", Some("own")));
    assert!(!shop.done.contains_key("productSet"));
}

#[tokio::test]
async fn a_renamed_sku_is_the_same_variant() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    let made = client.put_product(&mug(&["Small", "Large"])).await.unwrap();
    let mut renamed = mug(&["Small", "Large"]);
    renamed.variants[1].variant.sku = Some("MUG-L".into());
    let after = client.put_product(&renamed).await.unwrap();
    assert_eq!(after.variants, made.variants);
    assert_eq!(after.product.variants[1].sku.as_deref(), Some("MUG-L"));
}

#[tokio::test]
async fn a_price_that_is_not_given_stays_and_another_currency_is_refused() {
    let Some(world) = World::new().await else { return };
    let client = world.client();
    let made = client.put_product(&mug(&[])).await.unwrap();
    let number: u64 = made.variants[0].as_str().rsplit('/').next().unwrap().parse().unwrap();
    world.kit.shop().variants.get_mut(&number).unwrap().price = "24.00".into();
    let mut wanted = mug(&[]);
    wanted.variants[0].price = None;
    wanted.variants[0].variant.sku = Some("NEW".into());
    let after = client.put_product(&wanted).await.unwrap();
    assert_eq!(after.product.variants[0].price, Some(euro(2_400)));
    wanted.variants[0].price = Some(Money::new(1, Currency::USD));
    assert!(matches!(client.put_product(&wanted).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn three_hundred_variants_are_made() {
    let Some(world) = World::new().await else { return };
    let sizes: Vec<String> = (0..300).map(|size| format!("{size} cm")).collect();
    let sizes: Vec<_> = sizes.iter().map(String::as_str).collect();
    let made = world.client().put_product(&mug(&sizes)).await.unwrap();
    assert_eq!(made.product.variants.len(), 300);
    let again = world.client().put_product(&mug(&sizes)).await.unwrap();
    assert_eq!(again, made);
}
