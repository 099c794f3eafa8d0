//! What the API says of purchase orders, in shapes.

use super::{Consumer, LineQuantity, LineWish, Money};
use crate::consumer::ConsumerShown;
use utoipa::ToSchema;

/// A retailer's order, as far as this supplier ships it.
#[derive(ToSchema)]
pub struct PurchaseOrder {
    /// `purchase_order`
    #[schema(example = "purchase_order")]
    pub object: String,
    /// Its id.
    #[schema(example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The retailer's order.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub order: String,
    /// Who ordered.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub retailer: String,
    /// The link between the two.
    #[schema(example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub link: String,
    /// The retailer's number for the order.
    #[schema(example = "1001")]
    pub reference: String,
    /// How far it has come.
    pub state: PurchaseOrderState,
    /// What is to be shipped.
    pub lines: Vec<PurchaseOrderLine>,
    /// What was shipped.
    pub fulfilments: Vec<Fulfilment>,
    /// When the consumer placed the order.
    #[schema(format = DateTime)]
    pub placed_at: String,
    /// When the supplier said yes.
    #[schema(required, format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// Why all of it was rejected.
    #[schema(required)]
    pub rejection: Option<String>,
    /// When the retailer had the consumer forgotten; absent until then. Delete what you copied of it.
    #[schema(format = DateTime)]
    pub consumer_deleted_at: Option<String>,
    /// Who gets the parcel; only where a single purchase order is read, and null once they were forgotten.
    #[schema(value_type = Option<ConsumerShown<'static>>)]
    pub consumer: Option<Consumer>,
}

/// How far a purchase order has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PurchaseOrderState {
    /// The supplier has it, and has not answered.
    Posted,
    /// The supplier has said yes, and may have shipped a part.
    Acknowledged,
    /// Nothing is left, nothing was shipped, and some was rejected.
    Rejected,
    /// All that is left has been shipped.
    Shipped,
    /// The supplier has asked for its money.
    Invoiced,
    /// The supplier is done with it.
    Completed,
    /// Nothing is left, and all was cancelled.
    Cancelled,
}

/// One line of a purchase order.
#[derive(ToSchema)]
pub struct PurchaseOrderLine {
    /// The order's number for it.
    #[schema(example = 1)]
    pub line: u32,
    /// What is to be shipped.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub variant: String,
    /// Where its stock is reserved; null where nothing is counted.
    #[schema(required)]
    pub location: Option<String>,
    /// Its stock keeping unit.
    #[schema(required)]
    pub sku: Option<String>,
    /// What it is called.
    pub title: String,
    /// Pieces.
    #[schema(example = 2)]
    pub quantity: u32,
    /// What the supplier asked for one when the order was posted.
    pub price: Money,
    /// Pieces that were shipped.
    pub shipped: u32,
    /// Pieces that will not be shipped.
    pub rejected: u32,
    /// Pieces that the retailer does not want any more.
    pub cancelled: u32,
    /// Why pieces were rejected.
    #[schema(required)]
    pub why_rejected: Option<String>,
}

/// A parcel that left the supplier.
#[derive(ToSchema)]
pub struct Fulfilment {
    /// Its id.
    #[schema(example = "ful_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// What is in it.
    pub lines: Vec<LineQuantity>,
    /// Who carries it.
    #[schema(required)]
    pub carrier: Option<String>,
    /// Its number there.
    #[schema(required)]
    pub number: Option<String>,
    /// Where it can be followed.
    #[schema(required)]
    pub url: Option<String>,
    /// When it left.
    #[schema(format = DateTime)]
    pub shipped_at: String,
}

/// A parcel that is to be recorded.
#[derive(ToSchema)]
pub struct NewFulfilment {
    /// What is in it; all that is left, if left out.
    pub lines: Option<Vec<LineWish>>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there: letters, digits, spaces and hyphens.
    pub number: Option<String>,
    /// Where it can be followed: an `https` address.
    pub url: Option<String>,
}

/// What a supplier will not ship.
#[derive(ToSchema)]
pub struct NewRejection {
    /// Why, for the retailer; up to 300 characters.
    pub reason: String,
    /// All that is left, if left out.
    pub lines: Option<Vec<LineWish>>,
}
