//! A purchase order and the rules of its life, as functions on values.
//!
//! The purchase order decides what is shipped, rejected and cancelled of its lines. Each rule says what it does to the
//! stock, so that both change together: reserved are always exactly the pieces that are still open.

use super::stock::{Move, StockMove};
use crate::catalog::Variant;
use crate::fulfilments::{Fulfilment, FulfilmentMark, Shipment};
use crate::inventory::Location;
use crate::lines::{LineQuantity, LineWish, chosen};
use crate::orders::Order;
use crate::partners::PartnerLink;
use crate::screen::{Kept, screened};
use crate::text;
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Money, Problem, Reason};
use bonded_ledger::Record;
use serde::{Deserialize, Serialize};

/// Characters of a reason at most.
pub const REASON_CHARS_MAX: usize = 300;
/// Parcels of one purchase order at most.
pub const FULFILMENTS_MAX: usize = 500;

/// Bytes that a purchase order's id takes from its order's: the time and the order among those born with it.
const ORDER_BYTES: usize = 8;

/// How far a purchase order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoState {
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

/// A retailer's order, as far as one supplier ships it. It lives in the supplier's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseOrder {
    /// The retailer's order.
    pub order: Id<Order>,
    /// Who ordered.
    pub retailer: Id<Account>,
    /// The link between the two.
    pub link: Id<PartnerLink>,
    /// The retailer's number for the order.
    pub reference: String,
    /// How far it has come.
    pub state: PoState,
    /// What is to be shipped.
    pub lines: Vec<PoLine>,
    /// What was shipped.
    pub fulfilments: Vec<Fulfilment>,
    /// When the consumer placed the order.
    pub placed_at: Moment,
    /// When the supplier said yes.
    pub acknowledged_at: Option<Moment>,
    /// Why all of it was rejected.
    pub rejection: Option<String>,
    /// When the retailer had the consumer forgotten: whoever copied the six fields is to delete them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_deleted_at: Option<Moment>,
}

/// One line of a purchase order. Always `shipped + rejected + cancelled <= quantity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoLine {
    /// The order's number for it.
    pub line: u32,
    /// What is to be shipped.
    pub variant: Id<Variant>,
    /// Where its stock is reserved; `None` where nothing is counted.
    pub location: Option<Id<Location>>,
    /// Its stock keeping unit.
    pub sku: Option<String>,
    /// What it is called.
    pub title: String,
    /// Pieces.
    pub quantity: u32,
    /// What the supplier asked for one when the order was posted. What the consumer paid stays with the retailer.
    pub price: Money,
    /// Pieces that were shipped.
    pub shipped: u32,
    /// Pieces that will not be shipped.
    pub rejected: u32,
    /// Pieces that the retailer does not want any more.
    pub cancelled: u32,
    /// Why pieces were rejected.
    pub why_rejected: Option<String>,
}

/// What a supplier will not ship.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rejection {
    /// Why, for the retailer: up to [`REASON_CHARS_MAX`] characters.
    pub reason: String,
    /// Which lines, and how many of each; all that is left, if not said.
    pub lines: Option<Vec<LineWish>>,
}

/// What a rule makes of a purchase order, and what that does to the stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// As it becomes.
    pub purchase_order: PurchaseOrder,
    /// What happens to the stock in the same commit.
    pub stock: Vec<StockMove>,
}

impl Kinded for PurchaseOrder {
    const KIND: Kind = Kind::PurchaseOrder;
}

impl PoState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Record for PurchaseOrder {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.placed_at)
    }
}

impl PoLine {
    /// Pieces that are still to be shipped, rejected or cancelled.
    pub const fn open(&self) -> u32 {
        self.quantity.saturating_sub(self.shipped).saturating_sub(self.rejected).saturating_sub(self.cancelled)
    }

    fn moves(&self, what: Move, quantity: u32) -> Option<StockMove> {
        let location = self.location?;
        (quantity > 0).then_some(StockMove { variant: self.variant, location, what, quantity })
    }
}

impl PurchaseOrder {
    /// The id of the purchase order that holds these lines of an order, named by the first of them.
    ///
    /// It is worked out, so that posting twice is found out without a lookup: the first half is the order's, the second
    /// 8 bytes of SHA-256 over order, supplier and line number. The variant bits are those of a UUID (RFC 9562).
    pub fn id_of(order: Id<Order>, supplier: Id<Account>, first_line: u32) -> Id<Self> {
        let mut named = Vec::with_capacity(36);
        named.extend_from_slice(&order.bytes());
        named.extend_from_slice(&supplier.bytes());
        named.extend_from_slice(&first_line.to_be_bytes());
        let mut id = order.bytes();
        for (byte, hashed) in id.iter_mut().skip(ORDER_BYTES).zip(digest(&SHA256, &named).as_ref()) {
            *byte = *hashed;
        }
        id[8] = id[8] & 0x3f | 0x80;
        Id::from_bytes(id)
    }

    /// Says yes.
    pub fn acknowledge(mut self, now: Moment) -> Result<Moved, Problem> {
        match self.state {
            PoState::Posted => {
                self.acknowledged_at = Some(now);
                Ok(self.moved(Vec::new()))
            }
            PoState::Acknowledged => Err(Problem::new(Reason::State, "it is acknowledged already")),
            _ => Err(closed()),
        }
    }

    /// Will not ship some lines, or any that are left; their stock is free again.
    pub fn reject(mut self, rejection: &Rejection) -> Result<Moved, Problem> {
        let reason = text::line("/reason", &rejection.reason, REASON_CHARS_MAX)?;
        let reason = screened(&reason, Kept::Text).into_owned();
        if reason.is_empty() {
            return Err(Problem::invalid("/reason", "a mail, phone or IP address is no reason"));
        }
        let chosen = self.chosen(rejection.lines.as_deref())?;
        let stock = self.take(&chosen, Move::Release, |line, quantity| {
            line.rejected += quantity;
            line.why_rejected = Some(reason.clone());
        });
        let mut moved = self.moved(stock);
        if moved.purchase_order.state == PoState::Rejected {
            moved.purchase_order.rejection = Some(reason);
        }
        Ok(moved)
    }

    /// Records a parcel. Shipping says yes as well, where that was not said.
    pub fn ship(mut self, shipment: &Shipment, id: Id<FulfilmentMark>, now: Moment) -> Result<Moved, Problem> {
        if self.fulfilments.iter().any(|known| known.id == id) {
            return Err(Problem::new(Reason::Duplicate, "this parcel is recorded already"));
        }
        let tracking = shipment.tracking()?;
        let chosen = self.chosen(shipment.lines.as_deref())?;
        if self.fulfilments.len() >= FULFILMENTS_MAX {
            return Err(Problem::new(Reason::TooMuch, format!("at most {FULFILMENTS_MAX} parcels are kept")));
        }
        let stock = self.take(&chosen, Move::Ship, |line, quantity| line.shipped += quantity);
        self.fulfilments.push(tracking.of(id, chosen, now));
        self.acknowledged_at = self.acknowledged_at.or(Some(now));
        Ok(self.moved(stock))
    }

    /// Says anew how a parcel can be followed: carriers' numbers often come after the parcel has left. `None` when that is
    /// nothing new, or there is no such parcel.
    pub fn retrack(&self, id: Id<FulfilmentMark>, shipment: &Shipment) -> Result<Option<Self>, Problem> {
        let tracking = shipment.tracking()?;
        let mut next = self.clone();
        let Some(known) = next.fulfilments.iter_mut().find(|known| known.id == id) else { return Ok(None) };
        let Some(anew) = tracking.anew(known) else { return Ok(None) };
        *known = anew;
        Ok(Some(next))
    }

    /// The supplier asks for its money, once all that is left was shipped.
    pub fn invoice(mut self) -> Result<Moved, Problem> {
        match self.state {
            PoState::Shipped => {
                self.state = PoState::Invoiced;
                Ok(self.moved(Vec::new()))
            }
            PoState::Posted | PoState::Acknowledged => {
                Err(Problem::new(Reason::State, "some of it is neither shipped nor rejected"))
            }
            PoState::Invoiced => Err(Problem::new(Reason::State, "it is invoiced already")),
            PoState::Rejected | PoState::Completed | PoState::Cancelled => Err(closed()),
        }
    }

    /// The supplier is done with it.
    pub fn complete(mut self) -> Result<Moved, Problem> {
        match self.state {
            PoState::Shipped | PoState::Invoiced => {
                self.state = PoState::Completed;
                Ok(self.moved(Vec::new()))
            }
            PoState::Posted | PoState::Acknowledged => {
                Err(Problem::new(Reason::State, "some of it is neither shipped nor rejected"))
            }
            _ => Err(closed()),
        }
    }

    /// Takes over which cancellations its order wants now, as far as pieces are still open, and whether its consumer was
    /// forgotten; `None` when that is nothing new.
    pub fn follow(&self, order: &Order) -> Option<Moved> {
        let mut next = self.clone();
        let mut cancelled = Vec::new();
        for line in &self.lines {
            let Some(theirs) = order.lines.iter().find(|theirs| theirs.number == line.line) else { continue };
            let wanted = theirs.cancel_wanted.max(theirs.cancelled);
            let quantity = wanted.saturating_sub(line.cancelled).min(line.open());
            if quantity > 0 {
                cancelled.push(LineQuantity { line: line.line, quantity });
            }
        }
        next.consumer_deleted_at = self.consumer_deleted_at.or(order.forgotten_at);
        if cancelled.is_empty() && next.consumer_deleted_at == self.consumer_deleted_at {
            return None;
        }
        let stock = next.take(&cancelled, Move::Release, |line, quantity| line.cancelled += quantity);
        Some(next.moved(stock))
    }

    fn chosen(&self, wishes: Option<&[LineWish]>) -> Result<Vec<LineQuantity>, Problem> {
        if !matches!(self.state, PoState::Posted | PoState::Acknowledged) {
            return Err(closed());
        }
        let left: Vec<_> =
            self.lines.iter().map(|line| LineQuantity { line: line.line, quantity: line.open() }).collect();
        chosen(wishes, &left, "nothing of this line is left: it was shipped, rejected or cancelled")
    }

    /// Books quantities that were found to be open, and says what that does to the stock.
    fn take(&mut self, chosen: &[LineQuantity], what: Move, book: impl Fn(&mut PoLine, u32)) -> Vec<StockMove> {
        let mut stock = Vec::new();
        for wish in chosen {
            let Some(line) = self.lines.iter_mut().find(|line| line.line == wish.line) else { continue };
            book(line, wish.quantity);
            stock.extend(line.moves(what, wish.quantity));
        }
        stock
    }

    fn moved(self, stock: Vec<StockMove>) -> Moved {
        Moved { purchase_order: self.settled(), stock }
    }

    /// The state that its lines make.
    pub(super) fn settled(self) -> Self {
        let any = |holds: fn(&PoLine) -> bool| self.lines.iter().any(holds);
        let state = match self.state {
            PoState::Invoiced | PoState::Completed => self.state,
            _ if any(|line| line.open() > 0) => {
                if self.acknowledged_at.is_some() {
                    PoState::Acknowledged
                } else {
                    PoState::Posted
                }
            }
            _ if any(|line| line.shipped > 0) => PoState::Shipped,
            _ if any(|line| line.rejected > 0) => PoState::Rejected,
            _ => PoState::Cancelled,
        };
        Self { state, ..self }
    }
}

fn closed() -> Problem {
    Problem::new(Reason::State, "the purchase order is closed: nothing of it is left")
}
