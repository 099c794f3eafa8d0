//! Products: what the variants of one thing share.

use bonded_base::{Kind, Kinded};
use bonded_ledger::{Lookup, LookupName, Record};
use serde::{Deserialize, Serialize};

/// Whether a product is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Offered to partners.
    #[default]
    Active,
    /// Being prepared; only its own account sees it.
    Draft,
    /// No longer offered, and kept for the orders that name it.
    Archived,
}

impl ProductStatus {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Draft => 2,
            Self::Archived => 3,
        }
    }
}

/// A way in which variants differ: `Size`, with the values `Small` and `Large`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductOption {
    /// Its name, unique in the product.
    pub name: String,
    /// Its values, in the order in which they are shown. In a draft: those of the variants, if left out.
    pub values: Vec<String>,
}

/// A picture, by reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// An `https` address.
    pub url: String,
    /// What it shows, in words; empty if nobody said.
    #[serde(deserialize_with = "super::drafts::null_is_empty")]
    pub alt: String,
}

/// Something that a supplier sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name in addresses, unique in the account.
    pub handle: String,
    /// Its name.
    pub title: String,
    /// What it is, as HTML that whoever shows it must clean; may be empty.
    pub description_html: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// What sort of thing it is, in the supplier's own words; may be empty.
    pub product_type: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is offered.
    pub status: ProductStatus,
    /// How its variants differ; empty if it comes in one variant only.
    pub options: Vec<ProductOption>,
    /// Pictures, the first one first.
    pub images: Vec<Image>,
    /// How many variants it has.
    pub variant_count: u32,
}

impl Product {
    /// Whether partners see it and may order it.
    pub const fn is_offered(&self) -> bool {
        matches!(self.status, ProductStatus::Active)
    }
}

impl Kinded for Product {
    const KIND: Kind = Kind::Product;
}

impl Record for Product {
    fn state(&self) -> u8 {
        self.status.number()
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::Handle, self.handle.as_bytes())]
    }
}
