//! What Bonded asks of a shop in the story.

use bonded_base::{Currency, Id, Money};
use bonded_connect::platform::{
    FulfilmentWrite, LevelWrite, OrderLineWrite, OrderWrite, ParcelLine, ProductWrite, RemoteId, VariantWrite,
};
use bonded_trade::catalog::{Product, ProductOption, ProductStatus, Variant};
use bonded_trade::consumers::{Consumer, ConsumerDraft, SixFields};

pub fn euro(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

/// A mug in these sizes, each with its price in cents.
pub fn mug(mark: &str, sizes: &[(&str, i64)]) -> ProductWrite {
    let values: Vec<String> = sizes.iter().map(|(size, _)| (*size).to_owned()).collect();
    let product = Product {
        handle: format!("mug-{}", mark.replace('_', "-")),
        title: "Blue Mug".to_owned(),
        description_html: "<p>For tea.</p>".to_owned(),
        vendor: String::new(),
        product_type: String::new(),
        tags: Vec::new(),
        status: ProductStatus::Active,
        options: vec![ProductOption { name: "Size".to_owned(), values }],
        images: Vec::new(),
        variant_count: u32::try_from(sizes.len()).unwrap(),
    };
    let variant = |(place, (size, cents)): (usize, &(&str, i64))| VariantWrite {
        mark: format!("var_{mark}_{size}"),
        id: None,
        variant: Variant {
            product: Id::from_bytes([7; 16]),
            position: u32::try_from(place).unwrap() + 1,
            title: (*size).to_owned(),
            options: vec![(*size).to_owned()],
            sku: Some(format!("{}-{size}", mark.to_uppercase())),
            barcode: None,
            price: euro(*cents),
            compare_at_price: None,
            weight_grams: None,
            image_url: None,
            tracked: true,
            sell_when_out: false,
            requires_shipping: true,
            taxable: true,
        },
        price: Some(euro(*cents)),
    };
    let variants = sizes.iter().enumerate().map(variant).collect();
    ProductWrite { mark: mark.to_owned(), id: None, product, variants }
}

pub fn level(variant: &RemoteId, location: &RemoteId, available: i64, was: Option<i64>) -> LevelWrite {
    LevelWrite { mark: "level".to_owned(), variant: variant.clone(), location: location.clone(), available, was }
}

/// Bo Dee in Leiden.
pub fn bo() -> Consumer {
    let six = SixFields {
        first_name: "Bo",
        last_name: "Dee",
        street: "Gracht 2\nLeiden",
        postal_code: "2312 XZ",
        region: "ZH",
        country: "DE",
    };
    ConsumerDraft::of(six).check().unwrap()
}

pub fn purchase(mark: &str, lines: &[(&RemoteId, u32, i64)]) -> OrderWrite {
    let line = |(variant, quantity, cents): &(&RemoteId, u32, i64)| OrderLineWrite {
        variant: (*variant).clone(),
        quantity: *quantity,
        price: euro(*cents),
    };
    let lines = lines.iter().map(line).collect();
    OrderWrite { mark: mark.to_owned(), reference: "#1042".to_owned(), lines, consumer: bo() }
}

/// A parcel with some pieces of one line, by DHL.
pub fn parcel(mark: &str, order: &RemoteId, line: &RemoteId, quantity: u32) -> FulfilmentWrite {
    FulfilmentWrite {
        mark: mark.to_owned(),
        order: order.clone(),
        lines: vec![ParcelLine { line: line.clone(), quantity }],
        carrier: Some("DHL".to_owned()),
        number: Some(format!("T-{mark}")),
        url: Some(format!("https://track.example/T-{mark}")),
    }
}
