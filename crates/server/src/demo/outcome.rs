//! What came of the demonstration, for machines: `bonded demo --json`.

use serde::Serialize;
use serde_json::Value;

/// Everything that happened.
#[derive(Default, Serialize)]
pub struct Outcome {
    /// Where the public listener is.
    pub origin: String,
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// What readiness said before and after the unsealing.
    pub readiness: Vec<u16>,
    /// Who took part.
    pub merchants: Vec<Merchant>,
    /// The product files.
    pub catalogues: Vec<Catalogue>,
    /// The order and what became of it.
    pub order: Option<OrderOutcome>,
    /// The stock of what was ordered.
    pub stock: Vec<Stock>,
    /// What was proven.
    pub proof: Option<Proof>,
    /// The invoice file.
    pub invoices: Option<Invoices>,
}

/// An account.
#[derive(Serialize)]
pub struct Merchant {
    /// Its name.
    pub name: String,
    /// `retailer` or `supplier`.
    pub role: &'static str,
    /// Its id.
    pub account: String,
    /// Its API key; only where the server stays up to be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A product file.
#[derive(Serialize)]
pub struct Catalogue {
    /// Its name.
    pub file: String,
    /// Whose it is.
    pub supplier: String,
    /// Rows below the header.
    pub rows: u64,
    /// Rows that are in the account now.
    pub taken: u64,
    /// Rows that were held.
    pub held: u64,
    /// Products that were made.
    pub products: u64,
    /// Variants that were made.
    pub variants: u64,
    /// What became of each row.
    pub report: Vec<Value>,
}

/// The order of the story.
#[derive(Default, Serialize)]
pub struct OrderOutcome {
    /// Its id.
    pub id: String,
    /// The retailer's number for it.
    pub reference: String,
    /// How it ended.
    pub state: String,
    /// From the answer to the retailer until the last supplier saw its purchase order, in milliseconds.
    pub visible_ms: f64,
    /// Each purchase order as its supplier saw it first, with the consumer's six fields.
    pub purchase_orders: Vec<Value>,
    /// The parcels as the retailer saw them at the end.
    pub fulfilments: Vec<Value>,
}

/// The stock of one variant.
#[derive(Serialize)]
pub struct Stock {
    /// Which.
    pub variant: String,
    /// What it is called.
    pub title: String,
    /// Pieces ordered.
    pub ordered: i64,
    /// Pieces on hand before.
    pub before: i64,
    /// Pieces on hand after.
    pub after: i64,
}

/// What the offline verifier said.
#[derive(Serialize)]
pub struct Proof {
    /// Which entry.
    pub entry: u64,
    /// Entries under the checkpoint.
    pub size: u64,
    /// Whether the proof of the entry holds.
    pub entry_proven: bool,
    /// Whether the whole exported log is as it was signed.
    pub log_verified: bool,
    /// Entries in the exported log.
    pub log_entries: u64,
    /// From the order until its entry was under a signed checkpoint, in milliseconds.
    pub signed_ms: f64,
}

/// An invoice file.
#[derive(Default, Serialize)]
pub struct Invoices {
    /// Its name.
    pub file: String,
    /// Rows below the header.
    pub rows: usize,
    /// Rows that became a line of an order or of a cancellation.
    pub taken: usize,
    /// Rows that were held.
    pub held: usize,
    /// Things that the wholesaler sells.
    pub products: usize,
    /// Orders placed, those of business from before the file included.
    pub orders: usize,
    /// Orders that reached the wholesaler.
    pub routed: usize,
    /// Orders that nobody could route.
    pub unrouted: usize,
    /// Cancelling invoices.
    pub cancellations: usize,
    /// Lines of orders of which pieces were cancelled.
    pub cancelled_lines: usize,
    /// Pieces ordered.
    pub pieces_ordered: i64,
    /// Pieces cancelled.
    pub pieces_cancelled: i64,
    /// Pieces that the wholesaler has reserved at the end; ordered less cancelled, if nothing was lost.
    pub pieces_reserved: i64,
    /// From the first order until the last one was routed, in milliseconds.
    pub took_ms: f64,
    /// What became of each row.
    pub report: Vec<Value>,
}
