//! The catalogue and its stock, through the business functions, on both engines.

#![cfg(test)]

mod changing;
mod creating;
mod putting;
mod reading;
mod reshaping;
mod stock;

use bonded_base::{Currency, Money};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bonded_trade::catalog::{ProductDraft, ProductOption, VariantDraft};

/// A fresh ledger on each engine that this machine has.
async fn ledgers() -> Vec<TestLedger> {
    [Some(on_sqlite().await), on_postgres().await].into_iter().flatten().collect()
}

fn euros(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

/// A product with one variant.
fn simple(title: &str, sku: Option<&str>) -> ProductDraft {
    ProductDraft { title: title.to_owned(), variants: vec![priced(sku)], ..ProductDraft::default() }
}

/// A product that comes in numbered sizes, each with a SKU made from the prefix.
fn sized(title: &str, prefix: &str, sizes: usize) -> ProductDraft {
    let variant = |size: usize| VariantDraft {
        options: vec![format!("Size {size}")],
        ..priced(Some(&format!("{prefix}-{size}")))
    };
    ProductDraft {
        title: title.to_owned(),
        options: vec![ProductOption { name: "Size".to_owned(), values: Vec::new() }],
        variants: (1..=sizes).map(variant).collect(),
        ..ProductDraft::default()
    }
}

fn priced(sku: Option<&str>) -> VariantDraft {
    VariantDraft { sku: sku.map(str::to_owned), price: Some(euros(1_999)), ..VariantDraft::default() }
}
