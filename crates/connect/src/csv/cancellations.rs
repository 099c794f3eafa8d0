//! Cancellations: which earlier line of the file they take back, if it is in the file at all.

use super::invoices::{InvoiceLine, InvoiceOrder};
use bonded_base::Moment;
use serde::Serialize;
use std::collections::HashMap;

/// A line of an order: both numbers begin with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct LinePlace {
    /// Which order of the file.
    pub order: usize,
    /// Which line of it.
    pub line: usize,
}

/// An invoice that takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceCancellation {
    /// Its own number, which begins with C.
    pub reference: String,
    /// When it was written, by its first line.
    pub at: Moment,
    /// At least one.
    pub lines: Vec<CancelledLine>,
}

/// Pieces that are taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledLine {
    /// What, how many (as a positive number) and at which price.
    pub line: InvoiceLine,
    /// The line that asked for them; `None` when that was before this file.
    pub of: Option<LinePlace>,
}

impl InvoiceCancellation {
    /// The business from before the file that this takes back, as an order to be placed and then cancelled whole,
    /// so that both are on record; `None` when all of it is in the file.
    pub fn earlier_order(&self) -> Option<InvoiceOrder> {
        let lines: Vec<_> = self.lines.iter().filter(|line| line.of.is_none()).map(|line| line.line.clone()).collect();
        let order = InvoiceOrder { reference: self.reference.clone(), placed_at: self.at, lines };
        Some(order).filter(|order| !order.lines.is_empty())
    }
}

/// What each customer has bought of each stock code and not given back, newest last.
#[derive(Default)]
pub(super) struct Businesses {
    open: HashMap<(String, String), Vec<(LinePlace, u32)>>,
}

impl Businesses {
    /// A customer has bought.
    pub fn made(&mut self, customer: &str, line: &InvoiceLine, place: LinePlace) {
        // Lines without a customer are nobody's: no cancellation can be told to be of them.
        if !customer.is_empty() {
            self.open.entry((customer.to_owned(), line.sku.clone())).or_default().push((place, line.quantity));
        }
    }

    /// A customer gives back: of the newest line that still has so many pieces, if there is one.
    pub fn cancel(&mut self, customer: &str, line: &InvoiceLine) -> Option<LinePlace> {
        let open = self.open.get_mut(&(customer.to_owned(), line.sku.clone()))?;
        let (place, left) = open.iter_mut().rev().find(|(_, left)| *left >= line.quantity)?;
        *left -= line.quantity;
        Some(*place)
    }
}
