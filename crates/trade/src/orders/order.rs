//! An order and the rules of its life, as functions on values.
//!
//! The order decides where its lines go and what is wanted cancelled; each purchase order decides what was shipped,
//! rejected and cancelled of its lines. Either side takes over what the other says by [`Order::follow`], where counts
//! only rise: so the news may come late, twice or in any order.

use crate::catalog::Variant;
use crate::deletions::Deletion;
use crate::fulfilments::{Fulfilment, FulfilmentMark, is_first};
use crate::lines::{LineQuantity, LineWish, chosen};
use crate::partners::PartnerLink;
use crate::purchase_orders::PurchaseOrder;
use bonded_base::{Account, Id, Kind, Kinded, Moment, Money, Problem, Reason};
use bonded_ledger::{Lookup, LookupName, Record};
use serde::{Deserialize, Serialize};

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Some line has not found its supplier.
    Open,
    /// Every line that is left is with a supplier.
    Routed,
    /// All that is left has been shipped.
    Shipped,
    /// The retailer is done with it.
    Completed,
    /// Put away; its consumer may be forgotten.
    Archived,
    /// Nothing is left, and nothing was shipped.
    Cancelled,
    /// Archived, and its consumer forgotten for good.
    Forgotten,
}

/// An order that a consumer placed with a retailer. The consumer is kept beside it, never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The retailer's own number for it, unique in the account.
    pub reference: String,
    /// How far it has come.
    pub state: OrderState,
    /// When the consumer placed it.
    pub placed_at: Moment,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What is on its way, in the order of their ids.
    pub fulfilments: Vec<OrderFulfilment>,
    /// When it was put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Moment>,
    /// When its consumer was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten_at: Option<Moment>,
    /// By which deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Id<Deletion>>,
}

/// One line of an order. Always `shipped + rejected + cancelled <= quantity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its number in the order; 1 is the first.
    pub number: u32,
    /// What was ordered, once known.
    pub variant: Option<Id<Variant>>,
    /// Its stock keeping unit.
    pub sku: Option<String>,
    /// What it is called.
    pub title: Option<String>,
    /// Pieces.
    pub quantity: u32,
    /// What the consumer pays for one.
    pub price: Money,
    /// Who ships it, once routed.
    pub supplier: Option<Id<Account>>,
    /// The link through which it was routed.
    pub link: Option<Id<PartnerLink>>,
    /// The purchase order that it is part of, once routed.
    pub purchase_order: Option<Id<PurchaseOrder>>,
    /// When the supplier said yes.
    pub acknowledged_at: Option<Moment>,
    /// Pieces on their way.
    pub shipped: u32,
    /// Pieces that the supplier will not ship.
    pub rejected: u32,
    /// Pieces that are cancelled for certain.
    pub cancelled: u32,
    /// Pieces, all told, that the retailer wants cancelled; the supplier may have shipped them already.
    pub cancel_wanted: u32,
    /// Why pieces were rejected.
    pub why_rejected: Option<String>,
}

/// A parcel on its way to the consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFulfilment {
    /// Which one.
    pub id: Id<FulfilmentMark>,
    /// Of which purchase order.
    pub purchase_order: Id<PurchaseOrder>,
    /// Who sent it.
    pub supplier: Option<Id<Account>>,
    /// What is in it.
    pub lines: Vec<LineQuantity>,
    /// Who carries it, as the supplier said.
    pub carrier: Option<String>,
    /// Its number there, as the supplier said.
    pub number: Option<String>,
    /// Where it can be followed.
    pub url: Option<String>,
    /// When it left.
    pub shipped_at: Moment,
    /// How often the supplier said anew how it can be followed.
    #[serde(default, skip_serializing_if = "is_first")]
    pub revision: u32,
}

/// What is to be cancelled.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cancellation {
    /// Which lines, and how many of each; all that can be, if not said.
    pub lines: Option<Vec<LineWish>>,
}

/// The lines of an order that one supplier gets, as one purchase order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Who.
    pub supplier: Id<Account>,
    /// The link between the retailer and the supplier.
    pub link: Id<PartnerLink>,
    /// The purchase order that it becomes, see [`PurchaseOrder::id_of`].
    pub purchase_order: Id<PurchaseOrder>,
    /// Which lines.
    pub lines: Vec<PartLine>,
}

/// What a line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartLine {
    /// The order's number for it.
    pub number: u32,
    /// The supplier's variant.
    pub variant: Id<Variant>,
    /// The variant's SKU.
    pub sku: Option<String>,
    /// What the supplier calls it.
    pub title: String,
}

impl Kinded for Order {
    const KIND: Kind = Kind::Order;
}

impl OrderState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether nothing of it can be cancelled any more.
    const fn is_closed(self) -> bool {
        matches!(self, Self::Completed | Self::Archived | Self::Cancelled | Self::Forgotten)
    }
}

impl Record for Order {
    fn state(&self) -> u8 {
        self.state.number()
    }

    /// A forgotten order is listed by the deletion that it belongs to.
    fn parent(&self) -> Option<[u8; 16]> {
        self.deletion.map(Id::bytes)
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.placed_at)
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::OrderReference, self.reference.as_bytes())]
    }
}

impl OrderLine {
    /// Pieces that are still to be shipped, rejected or cancelled.
    pub const fn open(&self) -> u32 {
        self.quantity.saturating_sub(self.shipped).saturating_sub(self.rejected).saturating_sub(self.cancelled)
    }

    /// Pieces of which cancelling can still be asked.
    pub const fn cancellable(&self) -> u32 {
        let asked = if self.cancel_wanted > self.cancelled { self.cancel_wanted } else { self.cancelled };
        self.quantity.saturating_sub(self.shipped).saturating_sub(self.rejected).saturating_sub(asked)
    }

    /// Whether it still needs a supplier.
    pub const fn is_unrouted(&self) -> bool {
        self.purchase_order.is_none() && self.open() > 0
    }

    fn cancel(&mut self, quantity: u32) {
        self.cancel_wanted = self.cancel_wanted.max(self.cancelled) + quantity;
        if self.purchase_order.is_none() {
            // Nobody else has heard of it, so the wish is the deed.
            self.cancelled = self.cancel_wanted;
        }
    }

    /// Takes over what the purchase order says of this line.
    fn follow(&mut self, theirs: &crate::purchase_orders::PoLine, acknowledged_at: Option<Moment>) {
        if theirs.rejected > self.rejected {
            self.why_rejected.clone_from(&theirs.why_rejected);
        }
        self.shipped = self.shipped.max(theirs.shipped);
        self.rejected = self.rejected.max(theirs.rejected);
        self.cancelled = self.cancelled.max(theirs.cancelled);
        self.acknowledged_at = self.acknowledged_at.or(acknowledged_at);
    }
}

impl Order {
    /// The lines that still need a supplier.
    pub fn unrouted(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|line| line.is_unrouted())
    }

    /// The purchase orders that its lines are part of, each with its supplier and link, once.
    pub fn purchase_orders(&self) -> Vec<(Id<PurchaseOrder>, Id<Account>, Id<PartnerLink>)> {
        let mut all: Vec<_> =
            self.lines.iter().filter_map(|line| Some((line.purchase_order?, line.supplier?, line.link?))).collect();
        all.sort_by_key(|(id, ..)| *id);
        all.dedup();
        all
    }

    /// Cancels what is not with a supplier yet, and asks for the rest to be cancelled.
    pub fn cancel(mut self, cancellation: &Cancellation) -> Result<Self, Problem> {
        if self.state.is_closed() {
            return Err(Problem::new(Reason::State, "the order is closed: nothing is left to cancel"));
        }
        let left: Vec<_> =
            self.lines.iter().map(|line| LineQuantity { line: line.number, quantity: line.cancellable() }).collect();
        let wanted = chosen(cancellation.lines.as_deref(), &left, "nothing is left to cancel")?;
        for wish in wanted {
            if let Some(line) = self.line(wish.line) {
                line.cancel(wish.quantity);
            }
        }
        Ok(self.settled())
    }

    /// Gives lines to suppliers. A line that has one already, or of which nothing is left, stays as it is.
    #[must_use]
    pub fn assign(mut self, parts: &[Part]) -> Self {
        for part in parts {
            for found in &part.lines {
                let Some(line) = self.line(found.number).filter(|line| line.is_unrouted()) else { continue };
                line.supplier = Some(part.supplier);
                line.link = Some(part.link);
                line.purchase_order = Some(part.purchase_order);
                line.variant = Some(found.variant);
                line.sku = line.sku.take().or_else(|| found.sku.clone());
                line.title = line.title.take().or_else(|| Some(found.title.clone()));
            }
        }
        self.settled()
    }

    /// Takes back lines whose purchase order never came to be, because the partner link has ended.
    #[must_use]
    pub fn unassign(mut self, purchase_order: Id<PurchaseOrder>) -> Self {
        for line in self.lines.iter_mut().filter(|line| line.purchase_order == Some(purchase_order)) {
            (line.supplier, line.link, line.purchase_order) = (None, None, None);
            // What was wanted cancelled has nobody to wait for any more.
            line.cancelled = line.cancelled.max(line.cancel_wanted.min(line.quantity));
        }
        self.settled()
    }

    /// Takes over what a purchase order of this order says now; `None` when that is nothing new.
    pub fn follow(&self, id: Id<PurchaseOrder>, purchase_order: &PurchaseOrder) -> Option<Self> {
        let mut next = self.clone();
        let mut supplier = None;
        for theirs in &purchase_order.lines {
            let Some(line) = next.line(theirs.line).filter(|line| line.purchase_order == Some(id)) else { continue };
            supplier = line.supplier;
            line.follow(theirs, purchase_order.acknowledged_at);
        }
        for sent in &purchase_order.fulfilments {
            let Some(supplier) = supplier else { continue };
            let sent = OrderFulfilment::of(sent, id, Some(supplier));
            match next.fulfilments.iter_mut().find(|known| known.id == sent.id) {
                Some(known) if known.revision < sent.revision => *known = sent,
                Some(_) => {}
                None => next.fulfilments.push(sent),
            }
        }
        next.fulfilments.sort_by_key(|fulfilment| fulfilment.id);
        let next = next.settled();
        (next != *self).then_some(next)
    }

    /// The retailer is done with it.
    pub fn complete(self) -> Result<Self, Problem> {
        match self.state {
            OrderState::Shipped => Ok(Self { state: OrderState::Completed, ..self }),
            OrderState::Open | OrderState::Routed => {
                Err(Problem::new(Reason::State, "some of it is neither shipped nor cancelled"))
            }
            _ => Err(Problem::new(Reason::State, "the order is closed already")),
        }
    }

    /// Puts it away.
    pub fn archive(self, now: Moment) -> Result<Self, Problem> {
        match self.state {
            OrderState::Completed | OrderState::Cancelled => {
                Ok(Self { state: OrderState::Archived, archived_at: Some(now), ..self })
            }
            OrderState::Archived | OrderState::Forgotten => {
                Err(Problem::new(Reason::State, "the order is archived already"))
            }
            _ => Err(Problem::new(Reason::State, "only a completed or cancelled order is archived")),
        }
    }

    /// Refuses what is not to be forgotten: an order that is not put away, or whose consumer is forgotten.
    pub fn check_deletable(&self) -> Result<(), Problem> {
        match self.state {
            OrderState::Archived => Ok(()),
            OrderState::Forgotten => Err(Problem::new(Reason::State, "its consumer is forgotten already")),
            _ => Err(Problem::new(Reason::State, "only an archived order can be deleted: archive it first")),
        }
    }

    /// Its consumer is forgotten; what was traded stays.
    pub fn forget(self, deletion: Id<Deletion>, now: Moment) -> Result<Self, Problem> {
        self.check_deletable()?;
        Ok(Self { state: OrderState::Forgotten, forgotten_at: Some(now), deletion: Some(deletion), ..self })
    }

    fn line(&mut self, number: u32) -> Option<&mut OrderLine> {
        self.lines.iter_mut().find(|line| line.number == number)
    }

    /// The state that its lines make.
    fn settled(self) -> Self {
        let state = match self.state {
            OrderState::Completed | OrderState::Archived | OrderState::Forgotten => self.state,
            _ if self.lines.iter().any(OrderLine::is_unrouted) => OrderState::Open,
            _ if self.lines.iter().any(|line| line.open() > 0) => OrderState::Routed,
            _ if self.lines.iter().any(|line| line.shipped > 0) => OrderState::Shipped,
            _ => OrderState::Cancelled,
        };
        Self { state, ..self }
    }
}

impl OrderFulfilment {
    fn of(sent: &Fulfilment, purchase_order: Id<PurchaseOrder>, supplier: Option<Id<Account>>) -> Self {
        Self {
            id: sent.id,
            purchase_order,
            supplier,
            lines: sent.lines.clone(),
            carrier: sent.carrier.clone(),
            number: sent.number.clone(),
            url: sent.url.clone(),
            shipped_at: sent.shipped_at,
            revision: sent.revision,
        }
    }
}
