//! The sample files that come with the program fit together.

use crate::fates;
use bonded_base::Currency;
use bonded_connect::csv::{InvoiceFile, ProductFile, invoice_lines, shopify_products};
use std::collections::HashMap;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../samples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn products(name: &str) -> ProductFile {
    shopify_products(&sample(name), Currency::GBP).unwrap()
}

fn orders() -> InvoiceFile {
    invoice_lines(&sample("orders.csv"), Currency::GBP).unwrap()
}

#[test]
fn every_row_of_the_sample_catalogues_is_taken() {
    for (name, products_of) in [("catalog-tea.csv", 12), ("catalog-home.csv", 12)] {
        let read = products(name);
        assert!(fates(&read.report).iter().all(|fate| fate == "taken"), "{:?}", fates(&read.report));
        assert_eq!(read.products.len(), products_of);
    }
}

#[test]
fn the_sample_orders_have_one_cancellation_and_one_held_row() {
    let read = orders();
    assert_eq!((read.report.rows.len(), read.report.held().count(), read.orders.len()), (39, 1, 12));
    assert_eq!(read.cancellations.len(), 1);
    assert!(read.cancellations[0].lines[0].of.is_some());
}

#[test]
fn the_sample_orders_sell_what_the_sample_catalogues_offer_and_have_in_stock() {
    let mut stock = HashMap::new();
    for name in ["catalog-tea.csv", "catalog-home.csv"] {
        for parcel in products(name).products.iter().filter(|parcel| parcel.draft.status.number() == 1) {
            for (variant, counted) in parcel.draft.variants.iter().zip(&parcel.stock) {
                let endless = variant.sell_when_out.then_some(i64::MAX);
                let known = stock.insert(variant.sku.clone().unwrap(), (endless.or(*counted).unwrap(), variant.price));
                assert!(known.is_none(), "no SKU is sold by both");
            }
        }
    }
    for line in orders().orders.iter().flat_map(|order| &order.lines) {
        let (left, price) = stock.get_mut(&line.sku).unwrap();
        *left -= i64::from(line.quantity);
        assert!(*left >= 0, "{}", line.sku);
        assert_eq!(*price, Some(line.price), "{}", line.sku);
    }
}
