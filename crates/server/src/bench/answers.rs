//! Answers of the API, as far as the bench reads them.

use bonded_base::{Account, Id};
use serde::Deserialize;

/// A new account, as the operator is told.
#[derive(Deserialize)]
pub struct Opened {
    pub account: Id<Account>,
}

/// A new key, as the operator is told.
#[derive(Deserialize)]
pub struct Issued {
    pub secret: String,
}

/// An invitation, as the operator is told.
#[derive(Deserialize)]
pub struct Invited {
    pub link: String,
}

/// Something that was made.
#[derive(Deserialize)]
pub struct Made {
    pub id: String,
}

/// A new webhook endpoint with its secret.
#[derive(Deserialize)]
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

/// How far an import has come.
#[derive(Deserialize)]
pub struct Progress {
    pub state: String,
    pub rows_done: u64,
    pub counts: Rows,
}

/// An import's rows that matter to whoever sent them.
#[derive(Deserialize)]
pub struct Rows {
    pub held: u64,
}

/// What came of a batch.
#[derive(Deserialize)]
pub struct Outcomes {
    pub succeeded: usize,
}

/// A partner link.
#[derive(Deserialize)]
pub struct Link {
    pub id: String,
    pub state: String,
}

/// One thing that happened.
#[derive(Deserialize)]
pub struct Event {
    pub action: String,
    pub subject: String,
}

/// A part of an account's log, and where to read on.
#[derive(Deserialize)]
pub struct Events {
    pub data: Vec<Event>,
    pub next_after: u64,
}

/// What a partner has changed.
#[derive(Deserialize)]
pub struct Changes {
    pub data: Vec<serde::de::IgnoredAny>,
}

/// A purchase order with its consumer. Nobody real is ever in it here.
#[derive(Deserialize)]
pub struct PurchaseOrder {
    pub reference: String,
    pub consumer: Option<serde::de::IgnoredAny>,
}
