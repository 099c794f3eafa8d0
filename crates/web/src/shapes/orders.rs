//! What the API says of orders, holds and imports, in shapes.

use super::{Money, Refused};
use crate::consumer::ConsumerShown;
use utoipa::ToSchema;

/// An order that a consumer placed with a retailer.
#[derive(ToSchema)]
pub struct Order {
    /// `order`
    #[schema(example = "order")]
    pub object: String,
    /// Its id.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it arrived.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The retailer's own number for it, unique in the account.
    #[schema(example = "1001")]
    pub reference: String,
    /// How far it has come.
    pub state: OrderState,
    /// When the consumer placed it.
    #[schema(format = DateTime)]
    pub placed_at: String,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What is on its way.
    pub fulfilments: Vec<OrderFulfilment>,
    /// When it was put away; absent until then.
    #[schema(format = DateTime)]
    pub archived_at: Option<String>,
    /// When its consumer was forgotten; absent until then.
    #[schema(format = DateTime)]
    pub forgotten_at: Option<String>,
    /// By which deletion; absent until then.
    #[schema(example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub deletion: Option<String>,
    /// Which purchase orders it became; only with `expand=purchase_orders`.
    pub purchase_orders: Option<Vec<OrderPart>>,
    /// Who gets it; only with `expand=consumer`, and null once they were forgotten.
    #[schema(value_type = Option<ConsumerShown<'static>>)]
    pub consumer: Option<Consumer>,
}

/// Stands for the six fields, which have no shape that could be filled here.
pub struct Consumer;

/// How far an order has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum OrderState {
    /// Some line has not found its supplier.
    Open,
    /// Every line that is left is with a supplier.
    Routed,
    /// All that is left has been shipped.
    Shipped,
    /// The retailer is done with it.
    Completed,
    /// Put away.
    Archived,
    /// Nothing is left, and nothing was shipped.
    Cancelled,
    /// Archived, and its consumer forgotten for good.
    Forgotten,
}

/// One line of an order. Shipped, rejected and cancelled pieces are never more than its quantity.
#[derive(ToSchema)]
pub struct OrderLine {
    /// Its number in the order; 1 is the first.
    #[schema(example = 1)]
    pub number: u32,
    /// What was ordered, once known.
    #[schema(required)]
    pub variant: Option<String>,
    /// Its stock keeping unit.
    #[schema(required, example = "POT-S")]
    pub sku: Option<String>,
    /// What it is called.
    #[schema(required)]
    pub title: Option<String>,
    /// Pieces.
    #[schema(example = 2)]
    pub quantity: u32,
    /// What the consumer pays for one.
    pub price: Money,
    /// Who ships it, once routed.
    #[schema(required)]
    pub supplier: Option<String>,
    /// The link through which it was routed.
    #[schema(required)]
    pub link: Option<String>,
    /// The purchase order that it is part of, once routed.
    #[schema(required)]
    pub purchase_order: Option<String>,
    /// When the supplier said yes.
    #[schema(required, format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// Pieces on their way.
    pub shipped: u32,
    /// Pieces that the supplier will not ship.
    pub rejected: u32,
    /// Pieces that are cancelled for certain.
    pub cancelled: u32,
    /// Pieces, all told, that the retailer wants cancelled.
    pub cancel_wanted: u32,
    /// Why pieces were rejected.
    #[schema(required)]
    pub why_rejected: Option<String>,
}

/// A parcel on its way to the consumer.
#[derive(ToSchema)]
pub struct OrderFulfilment {
    /// Its id.
    #[schema(example = "ful_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Of which purchase order.
    #[schema(example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub purchase_order: String,
    /// Who sent it.
    #[schema(required)]
    pub supplier: Option<String>,
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

/// One purchase order that an order became.
#[derive(ToSchema)]
pub struct OrderPart {
    /// The purchase order's id, in the supplier's account.
    pub id: String,
    /// Who ships it.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub supplier: String,
    /// The link through which it was routed.
    #[schema(example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub link: String,
    /// When the supplier said yes.
    #[schema(required, format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// The numbers of its lines.
    pub lines: Vec<u32>,
}

/// So many pieces of one line.
#[derive(ToSchema)]
pub struct LineQuantity {
    /// The order's number for the line.
    #[schema(example = 1)]
    pub line: u32,
    /// Pieces.
    #[schema(example = 2)]
    pub quantity: u32,
}

/// So many pieces of one line, as asked.
#[derive(ToSchema)]
pub struct LineWish {
    /// The order's number for the line.
    #[schema(example = 1)]
    pub line: u32,
    /// Pieces; all that are left, if left out.
    pub quantity: Option<u32>,
}

/// Which lines, and how many pieces of each.
#[derive(ToSchema)]
pub struct LineSelection {
    /// All that is left of all lines, if left out.
    pub lines: Option<Vec<LineWish>>,
}

/// An order to be placed. Members that are not named here are dropped.
#[derive(ToSchema)]
pub struct NewOrder {
    /// Your own number for it, unique in the account; up to 100 characters.
    pub reference: String,
    /// 1 to 1,000.
    pub lines: Vec<NewOrderLine>,
    /// Who gets it.
    pub consumer: NewConsumer,
    /// When the consumer placed it; now, if left out.
    #[schema(format = DateTime)]
    pub placed_at: Option<String>,
}

/// A line of an order to be placed: a variant, a SKU or at least a title.
#[derive(ToSchema)]
pub struct NewOrderLine {
    /// A partner's variant.
    pub variant: Option<String>,
    /// A stock keeping unit, exactly as a partner writes it.
    pub sku: Option<String>,
    /// What it is called.
    pub title: Option<String>,
    /// 1 to 1,000,000.
    #[schema(example = 2)]
    pub quantity: u32,
    /// What the consumer pays for one.
    pub price: Money,
}

/// Who gets the parcel. Everything else that is sent of a consumer is dropped before anything is written.
#[derive(ToSchema)]
pub struct NewConsumer {
    /// A first or a last name is needed.
    pub first_name: Option<String>,
    /// A first or a last name is needed.
    pub last_name: Option<String>,
    /// Street address and locality, its lines joined by line ends; or send the parts.
    pub street: Option<String>,
    /// A part of the street address, if there is no `street`.
    pub address1: Option<String>,
    /// A part of the street address, if there is no `street`.
    pub address2: Option<String>,
    /// A part of the street address, if there is no `street`.
    pub city: Option<String>,
    /// Postal or zip code.
    pub postal_code: Option<String>,
    /// Region, province or state.
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// Orders to be placed.
#[derive(ToSchema)]
pub struct NewOrders {
    /// 1 to 1,000.
    pub data: Vec<NewOrder>,
}

/// What came of a batch of orders.
#[derive(ToSchema)]
pub struct OrderResults {
    /// How many were placed.
    #[schema(example = 1)]
    pub succeeded: u32,
    /// How many were not.
    pub failed: u32,
    /// One for each, in the order sent.
    pub data: Vec<OrderResult>,
}

/// What came of one order.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum OrderResult {
    /// It was placed.
    Placed {
        /// Its place in `data`, from 0.
        #[schema(example = 0)]
        index: u32,
        /// 201
        #[schema(example = 201)]
        status: u16,
        /// The order's id.
        #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")]
        id: String,
    },
    /// It was not.
    Refused(Refused),
}

/// One thing that could not go on by itself.
#[derive(ToSchema)]
pub struct Hold {
    /// `hold`
    #[schema(example = "hold")]
    pub object: String,
    /// Its id.
    #[schema(example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The kind of record that is held.
    #[schema(example = "order")]
    pub about: String,
    /// The id of the record that is held.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub record: String,
    /// Why.
    pub reason: HoldReason,
    /// What would help, in a sentence.
    #[schema(example = "No partner sells this.")]
    pub detail: String,
    /// Whether it still needs somebody.
    pub state: HoldState,
    /// How often it was tried.
    #[schema(example = 1)]
    pub tries: u32,
    /// When it was first held.
    #[schema(format = DateTime)]
    pub raised_at: String,
    /// What came from a shop and could not be taken, as it was understood, without its consumer: `lines` of an order, or a
    /// `product`. Left out for our own records.
    #[schema(required = false, value_type = Value)]
    pub payload: Option<()>,
    /// What was put right in the payload, while it stands; left out where that is nothing.
    pub corrections: Option<Vec<HoldCorrection>>,
    /// Whether somebody has asked for another try that has not ended yet.
    #[schema(example = false)]
    pub asked: bool,
    /// How it ended; null while it is open.
    #[schema(required)]
    pub outcome: Option<HoldOutcome>,
}

/// A value that was put right. It counts until the shop says something else at its place.
#[derive(ToSchema)]
pub struct HoldCorrection {
    /// Where in the payload, as a JSON pointer (RFC 6901).
    #[schema(example = "/lines/0/quantity")]
    pub pointer: String,
    /// The shop's id of the line or variant, which is followed where its place changes.
    #[schema(example = "gid://shopify/LineItem/1")]
    pub of: Option<String>,
    /// What stood there.
    #[schema(value_type = Value)]
    pub was: (),
    /// What stands there instead.
    #[schema(value_type = Value)]
    pub to: (),
}

/// What is to be put right.
#[derive(ToSchema)]
pub struct HoldCorrections {
    /// Up to 100 at a time.
    pub corrections: Vec<NewHoldCorrection>,
}

/// A value to be put right.
#[derive(ToSchema)]
pub struct NewHoldCorrection {
    /// Where in the payload, as a JSON pointer (RFC 6901): a line's `sku`, `title`, `quantity` or `price`, or anything of a
    /// product but ids.
    #[schema(example = "/lines/0/quantity")]
    pub pointer: String,
    /// What is to stand there; what stood there takes the correction back.
    #[schema(value_type = Value)]
    pub to: (),
}

/// How a hold ended.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum HoldOutcome {
    /// With what somebody corrected.
    Corrected,
    /// Tried again as it was, because somebody asked for it.
    Replayed,
    /// By itself: what was wrong had changed.
    Recovered,
    /// Somebody put it aside.
    Dismissed,
}

/// How many holds there are, and how the others ended.
#[derive(ToSchema)]
pub struct HoldFigures {
    /// They still need somebody.
    #[schema(example = 3)]
    pub held: u64,
    /// Ended with a correction.
    #[schema(example = 2)]
    pub corrected: u64,
    /// Ended when somebody asked for another try.
    #[schema(example = 12)]
    pub replayed: u64,
    /// Ended by themselves.
    #[schema(example = 40)]
    pub recovered: u64,
    /// Put aside.
    #[schema(example = 1)]
    pub dismissed: u64,
    /// Whether these are all: the newest 20,000 are counted.
    #[schema(example = true)]
    pub complete: bool,
}

/// Why something is held.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum HoldReason {
    /// No partner sells a line.
    SoldByNobody,
    /// Several partners sell something by a line's SKU.
    SoldBySeveral,
    /// The partner link was ended before the order went through it.
    LinkEnded,
    /// The partner link is not active on both sides.
    LinkPending,
    /// A rule refused it.
    Refused,
    /// Something went wrong that trying again did not cure.
    Failed,
}

/// Whether a hold still needs somebody.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum HoldState {
    /// It does.
    Open,
    /// It was put right, or put aside.
    Resolved,
}

/// What came of an imported file: `taken` and `held` together are `rows`.
#[derive(ToSchema)]
pub struct Import {
    /// `import`
    #[schema(example = "import")]
    pub object: String,
    /// Whether the whole file was gone through.
    pub complete: bool,
    /// Rows of the file, below its header.
    #[schema(example = 2)]
    pub rows: u32,
    /// Rows that are in the account now.
    #[schema(example = 2)]
    pub taken: u32,
    /// Rows that were held.
    pub held: u32,
    /// How many variants were created.
    #[schema(example = 2)]
    pub variants: u32,
    /// The products that were created.
    pub products: Vec<String>,
    /// Columns that were not read.
    pub ignored_columns: Vec<String>,
    /// What became of each row.
    pub report: Vec<ImportRow>,
}

/// What became of one row.
#[derive(ToSchema)]
pub struct ImportRow {
    /// Its number; 1 is the first below the header.
    #[schema(example = 1)]
    pub row: u64,
    /// The line of the file in which it begins.
    #[schema(example = 2)]
    pub line: u64,
    /// `taken` or `held`.
    #[schema(example = "taken")]
    pub fate: String,
    /// If taken: as a `variant` or an `image`.
    pub r#as: Option<String>,
    /// If taken: the product that it belongs to.
    pub product: Option<String>,
    /// If taken: the variant that it became.
    pub variant: Option<String>,
    /// If taken: what was understood otherwise than it was written.
    pub note: Option<String>,
    /// If held: the column to look at.
    pub column: Option<String>,
    /// If held: why.
    pub reason: Option<String>,
}
