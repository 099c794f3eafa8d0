//! Stock codes: the supplier's catalogue as its invoice lines show it.

use super::products::{Became, ProductFile, ProductParcel, ProductRow};
use super::report::{Fate, Report, Row};
use bonded_base::Money;
use bonded_trade::catalog::{ProductDraft, VariantDraft};

/// Codes that stand for postage, fees, discounts, corrections, not for a thing that can be shipped.
const NO_PRODUCTS: [&str; 19] = [
    "POST",
    "POSTAGE",
    "DOT",
    "CARRIAGE",
    "C2",
    "D",
    "DISCOUNT",
    "M",
    "MANUAL",
    "S",
    "SAMPLES",
    "B",
    "BANK CHARGES",
    "AMAZONFEE",
    "FEE",
    "CRUK",
    "ADJUST",
    "ADJUST2",
    "PADS",
];

/// Whether a code stands for a thing that can be shipped.
pub(super) fn is_product(code: &str) -> bool {
    let voucher = code.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("gift_"));
    !voucher && !NO_PRODUCTS.iter().any(|known| known.eq_ignore_ascii_case(code))
}

/// One thing that the invoices sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockCode {
    /// Its code, which serves as its SKU.
    pub code: String,
    /// Its first description; the code, if none of its lines has one.
    pub title: String,
    /// What it first cost.
    pub price: Money,
    /// Pieces that all the invoices together ask for.
    pub pieces: u64,
    /// The first row that names it, and its line.
    pub(super) seen: (u64, u64),
}

/// The stock codes as products, each with as many pieces as the invoices ask for.
pub(super) fn catalogue(codes: &[StockCode], names: Vec<(&'static str, String)>) -> ProductFile {
    let parcel = |(place, code): (usize, &StockCode)| ProductParcel {
        draft: ProductDraft {
            title: code.title.clone(),
            variants: vec![VariantDraft {
                sku: Some(code.code.clone()),
                price: Some(code.price),
                ..VariantDraft::default()
            }],
            ..ProductDraft::default()
        },
        stock: vec![Some(i64::try_from(code.pieces).unwrap_or(i64::MAX))],
        variant_rows: vec![place],
        image_rows: Vec::new(),
    };
    let row = |code: &StockCode| Row {
        row: code.seen.0,
        line: code.seen.1,
        fate: Fate::Taken(ProductRow { became: Became::Variant, note: None }),
    };
    ProductFile {
        products: codes.iter().enumerate().map(parcel).collect(),
        report: Report { rows: codes.iter().map(row).collect(), ignored_columns: Vec::new() },
        names,
    }
}

#[cfg(test)]
mod tests {
    use super::is_product;

    #[test]
    fn fees_and_corrections_are_no_products() {
        for code in ["POST", "post", "D", "M", "BANK CHARGES", "gift_0001_40", "C2", "AMAZONFEE"] {
            assert!(!is_product(code), "{code}");
        }
        for code in ["85123A", "22752", "DCGSSBOY", "TEA-001", "giftbox", "é", "m1"] {
            assert!(is_product(code), "{code}");
        }
    }
}
