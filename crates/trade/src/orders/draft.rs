//! An order as it arrives, and what is kept of it.

use super::{Order, OrderLine, OrderState};
use crate::catalog::{PRICE_MINOR_MAX, SKU_MAX, Variant};
use crate::consumers::{Consumer, ConsumerDraft};
use crate::screen::{Kept, has_contacts, screened};
use crate::text;
use bonded_base::{Id, Moment, Money, Problem, Reason};
use serde::Deserialize;

/// Characters of an order's reference at most.
pub const REFERENCE_CHARS_MAX: usize = 100;
/// Characters of a line's title at most.
pub const TITLE_CHARS_MAX: usize = 255;
/// Lines of one order at most.
pub const LINES_MAX: usize = 1_000;
/// Pieces of one line at most.
pub const QUANTITY_MAX: i64 = 1_000_000;
/// How far ahead of our clock an order may say it was placed: clocks differ, and so do time zones.
pub const PLACED_AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

/// An order as it was sent. Members that are not named here are dropped before anything is kept.
///
/// It has no `Debug`, because a consumer is in it.
///
/// ```compile_fail
/// fn printed(draft: &bonded_trade::orders::OrderDraft) { println!("{draft:?}"); }
/// ```
#[derive(Clone, Deserialize)]
pub struct OrderDraft {
    /// The retailer's own number for it, unique in the account.
    pub reference: String,
    /// What was ordered: 1 to [`LINES_MAX`] lines.
    pub lines: Vec<LineDraft>,
    /// Who gets it.
    pub consumer: ConsumerDraft,
    /// When the consumer placed it; now, if not said.
    #[serde(default)]
    pub placed_at: Option<Moment>,
}

/// One line as it was sent. It names a variant, a SKU or at least a title.
#[derive(Clone, Debug, Deserialize)]
pub struct LineDraft {
    /// A partner's variant.
    #[serde(default)]
    pub variant: Option<Id<Variant>>,
    /// A stock keeping unit, exactly as a partner writes it.
    #[serde(default)]
    pub sku: Option<String>,
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
    /// 1 to [`QUANTITY_MAX`] pieces.
    pub quantity: i64,
    /// What the consumer pays for one.
    pub price: Money,
}

/// An order that may be placed.
pub(super) struct Placing {
    pub order: Order,
    pub consumer: Consumer,
    /// Lines whose SKU looks like a way to reach a person, by their place; kept only if a partner sells such a thing.
    pub doubtful: Vec<usize>,
}

impl OrderDraft {
    /// What is kept of it, screened and checked. Pointers of problems begin at the order: `/lines/0/quantity`.
    pub(super) fn check(&self, now: Moment) -> Result<Placing, Problem> {
        let reference = text::line("/reference", &self.reference, REFERENCE_CHARS_MAX)?;
        let reference = screened(&reference, Kept::Reference).into_owned();
        if reference.is_empty() {
            return Err(Problem::invalid("/reference", "a mail, phone or IP address is no order number"));
        }
        let placed_at = self.placed_at.unwrap_or(now);
        if placed_at > now.plus_millis(PLACED_AHEAD_MAX_MS) {
            return Err(Problem::invalid("/placed_at", "the order is placed in the future"));
        }
        let consumer = self.consumer.check().map_err(|problem| problem.within("/consumer"))?;
        let lines = self.checked_lines()?;
        let doubtful = (0..).zip(&lines).filter(|(_, line)| line.sku.as_deref().is_some_and(is_doubtful));
        let doubtful = doubtful.map(|(place, _)| place).collect();
        let (state, fulfilments) = (OrderState::Open, Vec::new());
        let (archived_at, forgotten_at, deletion) = (None, None, None);
        let order = Order { reference, state, placed_at, lines, fulfilments, archived_at, forgotten_at, deletion };
        Ok(Placing { order, consumer, doubtful })
    }

    fn checked_lines(&self) -> Result<Vec<OrderLine>, Problem> {
        if self.lines.is_empty() {
            return Err(Problem::invalid("/lines", "an order has at least one line"));
        }
        if self.lines.len() > LINES_MAX {
            let detail = format!("an order has at most {LINES_MAX} lines");
            return Err(Problem { reason: Reason::TooMuch, ..Problem::invalid("/lines", detail) });
        }
        let line = |(number, line): (u32, &LineDraft)| {
            line.check(number).map_err(|problem| problem.within(&format!("/lines/{}", number - 1)))
        };
        (1..).zip(&self.lines).map(line).collect()
    }
}

impl LineDraft {
    pub(crate) fn check(&self, number: u32) -> Result<OrderLine, Problem> {
        let sku = text::optional_line("/sku", self.sku.as_deref(), SKU_MAX)?;
        let title = text::optional_line("/title", self.title.as_deref(), TITLE_CHARS_MAX)?;
        let title = title.map(|title| screened(&title, Kept::Text).into_owned()).filter(|title| !title.is_empty());
        if self.variant.is_none() && sku.is_none() && title.is_none() {
            return Err(Problem::invalid("", "a line names a variant, a SKU or at least a title"));
        }
        let quantity = u32::try_from(self.quantity).ok().filter(|_| (1..=QUANTITY_MAX).contains(&self.quantity));
        let quantity =
            quantity.ok_or_else(|| Problem::invalid("/quantity", format!("1 to {QUANTITY_MAX} pieces are a line")))?;
        if !(0..=PRICE_MINOR_MAX).contains(&self.price.amount) {
            return Err(Problem::invalid("/price", "a price is not negative, and not beyond all bounds"));
        }
        Ok(OrderLine {
            number,
            variant: self.variant,
            sku,
            title,
            quantity,
            price: self.price,
            supplier: None,
            link: None,
            purchase_order: None,
            acknowledged_at: None,
            shipped: 0,
            rejected: 0,
            cancelled: 0,
            cancel_wanted: 0,
            why_rejected: None,
        })
    }
}

/// A SKU cannot be screened: a part of it would name nothing, or another thing.
fn is_doubtful(sku: &str) -> bool {
    has_contacts(sku, Kept::Text)
}
