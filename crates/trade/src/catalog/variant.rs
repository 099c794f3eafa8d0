//! Variants: what is ordered, priced and counted.

use super::Product;
use bonded_base::{Id, Kind, Kinded, Money};
use bonded_ledger::{Lookup, LookupName, Record};
use serde::{Deserialize, Serialize};

/// What the only variant of a product without options is called.
pub const DEFAULT_VARIANT_TITLE: &str = "Default Title";

/// One form in which a product is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "four independent answers, named as platforms name them")]
pub struct Variant {
    /// Of which product.
    pub product: Id<Product>,
    /// Its place among the product's variants; 1 is the first.
    pub position: u32,
    /// Its option values, as in `Large / Red`; [`DEFAULT_VARIANT_TITLE`] if the product has no options.
    pub title: String,
    /// One value for each of the product's options, in their order.
    pub options: Vec<String>,
    /// Stock keeping unit, unique in the account.
    pub sku: Option<String>,
    /// EAN, UPC, ISBN or what else is printed on it.
    pub barcode: Option<String>,
    /// What one costs.
    pub price: Money,
    /// What one used to cost.
    pub compare_at_price: Option<Money>,
    /// Grams, packed.
    pub weight_grams: Option<u64>,
    /// Its own picture: an `https` address.
    pub image_url: Option<String>,
    /// Whether its stock is counted.
    pub tracked: bool,
    /// Whether it is sold also when the count says that there is none.
    pub sell_when_out: bool,
    /// Whether it is a thing that travels.
    pub requires_shipping: bool,
    /// Whether tax is charged on it.
    pub taxable: bool,
}

impl Variant {
    /// What it is called on a document: `Clay Plant Pot - Large`.
    pub fn full_title(&self, product: &Product) -> String {
        if product.options.is_empty() { product.title.clone() } else { format!("{} - {}", product.title, self.title) }
    }

    /// Whether it must be in stock to be sold.
    pub const fn needs_stock(&self) -> bool {
        self.tracked && !self.sell_when_out
    }

    /// What values are called together.
    pub(super) fn title_of(options: &[String]) -> String {
        if options.is_empty() { DEFAULT_VARIANT_TITLE.to_owned() } else { options.join(" / ") }
    }
}

impl Kinded for Variant {
    const KIND: Kind = Kind::Variant;
}

impl Record for Variant {
    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.product.bytes())
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        self.sku.iter().map(|sku| Lookup::new(LookupName::Sku, sku.as_bytes())).collect()
    }
}
