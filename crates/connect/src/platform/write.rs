//! What a shop is to have: states that a platform is asked to make true, each with a mark by which it is found again.

use super::RemoteId;
use bonded_base::Money;
use bonded_trade::catalog::{Product, Variant};
use bonded_trade::consumers::Consumer;

/// A product that a shop is to have.
#[derive(Clone, Debug)]
pub struct ProductWrite {
    /// Ours: an id of Bonded's as text, kept with the product where the platform lets us, by which it is found again.
    pub mark: String,
    /// The shop's id, once known.
    pub id: Option<RemoteId>,
    /// What it is.
    pub product: Product,
    /// All its variants, in order. A variant of the shop's that is none of these and has no mark of ours is not touched.
    pub variants: Vec<VariantWrite>,
}

/// A variant that a shop is to have.
#[derive(Clone, Debug)]
pub struct VariantWrite {
    /// Ours, as that of the product.
    pub mark: String,
    /// The shop's id, once known.
    pub id: Option<RemoteId>,
    /// What it is.
    pub variant: Variant,
    /// What it is to cost there; left as it is, if not said.
    pub price: Option<Money>,
}

/// Stock that a shop is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelWrite {
    /// Ours, new for each new state: a repeated call with the same one changes nothing twice.
    pub mark: String,
    /// The shop's id of the variant.
    pub variant: RemoteId,
    /// Where.
    pub location: RemoteId,
    /// Pieces that can be sold.
    pub available: i64,
    /// What we believe it to be now; written whatever it is, if not said.
    pub was: Option<i64>,
}

/// An order that a shop is to have: a retailer's purchase order at its supplier. It has no `Debug`, because a consumer is
/// in it.
pub struct OrderWrite {
    /// Ours: the purchase order's id as text, kept with the order, by which it is found again.
    pub mark: String,
    /// The retailer's number for it, for people to read.
    pub reference: String,
    /// What is ordered.
    pub lines: Vec<OrderLineWrite>,
    /// Who gets it.
    pub consumer: Consumer,
}

/// One line of an order that a shop is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLineWrite {
    /// The shop's id of the variant.
    pub variant: RemoteId,
    /// Pieces.
    pub quantity: u32,
    /// What the retailer pays for one.
    pub price: Money,
}

/// A parcel that a shop is to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FulfilmentWrite {
    /// Ours: the fulfilment's id as text, by which it is found again.
    pub mark: String,
    /// The shop's id of the order.
    pub order: RemoteId,
    /// What is in it.
    pub lines: Vec<ParcelLine>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there.
    pub number: Option<String>,
    /// Where it can be followed.
    pub url: Option<String>,
}

/// Some pieces of one line in a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelLine {
    /// The shop's id of the order's line.
    pub line: RemoteId,
    /// Pieces.
    pub quantity: u32,
}
