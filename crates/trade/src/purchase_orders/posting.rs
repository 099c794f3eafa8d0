//! Posting: an order's lines become a purchase order in the supplier's account, and their stock is reserved with it.

use super::stock::{Shelves, Stock};
use super::{PoLine, PoState, PurchaseOrder};
use crate::catalog::Variant;
use crate::orders::{Order, OrderLine};
use crate::partners::{LinkState, PartnerLink};
use crate::{Races, TradeError, Written, carrier};
use bonded_base::{Account, Id, Kind, Moment, Money};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};
use futures::future::try_join;
use std::collections::{HashMap, HashSet};

/// Why a line is rejected whose stock does not suffice.
pub const OUT_OF_STOCK: &str = "out of stock";
/// Why a line is rejected whose variant is gone.
pub const NO_LONGER_SOLD: &str = "no longer sold";

/// What a retailer's order asks of one supplier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    purchase_order: Id<PurchaseOrder>,
    order: Id<Order>,
    retailer: Id<Account>,
    link: Id<PartnerLink>,
    reference: String,
    placed_at: Moment,
    lines: Vec<Asked>,
}

/// One line of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    number: u32,
    variant: Id<Variant>,
    sku: Option<String>,
    title: Option<String>,
    quantity: u32,
    /// Wanted cancelled before it was ever posted.
    cancelled: u32,
    /// Says the currency, if the variant that would say the price is gone.
    nothing: Money,
}

/// What came of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The purchase order is there now. Lines may be rejected at once for want of stock.
    New(Box<Written<PurchaseOrder>>),
    /// It was there before.
    Already,
    /// The partner link has ended: it will never be there.
    LinkEnded,
    /// The partner link is not active on the supplier's side yet.
    LinkPending,
}

impl Posting {
    /// The posting that an order's lines with this purchase order make; `None` if there are none.
    pub fn of(
        retailer: Id<Account>,
        order: Id<Order>,
        contents: &Order,
        purchase_order: Id<PurchaseOrder>,
    ) -> Option<Self> {
        let own = || contents.lines.iter().filter(|line| line.purchase_order == Some(purchase_order));
        Some(Self {
            purchase_order,
            order,
            retailer,
            link: own().find_map(|line| line.link)?,
            reference: contents.reference.clone(),
            placed_at: contents.placed_at,
            lines: own().filter_map(Asked::of).collect(),
        })
    }

    /// Which purchase order it becomes.
    pub const fn purchase_order(&self) -> Id<PurchaseOrder> {
        self.purchase_order
    }

    /// Of which order.
    pub const fn order(&self) -> Id<Order> {
        self.order
    }

    /// The purchase order that comes of it; reserves from the stock what it promises.
    ///
    /// A line is promised whole, at the one location where most of it lies, or rejected.
    pub fn post(&self, variants: &HashMap<Id<Variant>, Variant>, stock: &mut Stock) -> PurchaseOrder {
        let line = |asked: &Asked| asked.promised(variants.get(&asked.variant), stock);
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        let posted = PurchaseOrder {
            order: self.order,
            retailer: self.retailer,
            link: self.link,
            reference: self.reference.clone(),
            state: PoState::Posted,
            lines,
            fulfilments: Vec::new(),
            placed_at: self.placed_at,
            acknowledged_at: None,
            rejection: None,
            consumer_deleted_at: None,
        };
        let mut posted = posted.settled();
        if posted.state == PoState::Rejected {
            posted.rejection = posted.lines.iter().find_map(|line| line.why_rejected.clone());
        }
        posted
    }
}

impl Asked {
    fn of(line: &OrderLine) -> Option<Self> {
        Some(Self {
            number: line.number,
            variant: line.variant?,
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            cancelled: line.cancel_wanted.max(line.cancelled).min(line.quantity),
            nothing: Money::new(0, line.price.currency),
        })
    }

    fn promised(&self, variant: Option<&Variant>, stock: &mut Stock) -> PoLine {
        let left = self.quantity - self.cancelled;
        let (location, why) = match variant {
            _ if left == 0 => (None, None),
            None => (None, Some(NO_LONGER_SOLD)),
            Some(variant) if !variant.tracked => (None, None),
            Some(variant) => {
                let location = stock.reserve(self.variant, left, variant.sell_when_out);
                (location, (location.is_none() && variant.needs_stock()).then_some(OUT_OF_STOCK))
            }
        };
        PoLine {
            line: self.number,
            variant: self.variant,
            location,
            sku: variant.map_or_else(|| self.sku.clone(), |variant| variant.sku.clone()),
            title: self.title.clone().or_else(|| variant.map(|variant| variant.title.clone())).unwrap_or_default(),
            quantity: self.quantity,
            price: variant.map_or(self.nothing, |variant| variant.price),
            shipped: 0,
            rejected: if why.is_some() { left } else { 0 },
            cancelled: self.cancelled,
            why_rejected: why.map(str::to_owned),
        }
    }
}

/// Posts many orders to one supplier in one commit: every purchase order with the stock that it reserves. Answers in the
/// order of the postings; posting again is harmless.
///
/// The lines must have been assigned before ([`crate::orders::assign`]).
pub async fn post_many(
    ledger: &Ledger,
    supplier: Id<Account>,
    postings: &[Posting],
) -> Result<Vec<Posted>, TradeError> {
    let scope = carrier(supplier);
    let (mut races, mut unsure) = (Races::new(), false);
    loop {
        // Everything is asked at once: nearly always the links are open, and all of it is needed.
        let (mut answers, goods) =
            try_join(links(ledger, &scope, postings), Goods::of(ledger, &scope, postings)).await?;
        refuse_twins(postings, &mut answers);
        if unsure {
            refuse_known(ledger, &scope, postings, &mut answers).await?;
        }
        let open: Vec<_> = postings.iter().zip(&answers).filter(|(_, answer)| answer.is_none()).collect();
        if open.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let Goods { variants, mut shelves } = goods;
        let made: Vec<_> = open
            .into_iter()
            .map(|(posting, _)| (posting.purchase_order, posting.post(&variants, &mut shelves.stock)))
            .collect();
        let mut change = Change::new();
        for (id, purchase_order) in &made {
            change.create(*id, purchase_order, "posted");
        }
        shelves.write(&mut change, "reserved");
        match ledger.commit(&scope, change).await {
            Ok(committed) => {
                let mut new = made.into_iter();
                for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                    let born = |(id, value)| Posted::New(Box::new(Written::born(id, value, committed.at)));
                    *answer = new.next().map(born);
                }
                return Ok(answers.into_iter().flatten().collect());
            }
            Err(error) => {
                unsure |= matches!(error, LedgerError::Conflict { kind: Kind::PurchaseOrder, .. });
                races.lost(error)?;
            }
        }
    }
}

/// What postings ask for: the variants, and where they lie.
struct Goods {
    variants: HashMap<Id<Variant>, Variant>,
    shelves: Shelves,
}

impl Goods {
    async fn of(ledger: &Ledger, scope: &Scope, postings: &[Posting]) -> Result<Self, TradeError> {
        let lines = postings.iter().flat_map(|posting| &posting.lines);
        let mut ids: Vec<_> = lines.map(|line| line.variant).collect();
        ids.sort_unstable();
        ids.dedup();
        // Of what is not counted there are no levels to find.
        let variants = async { Ok(ledger.get_many::<Variant>(scope, &ids).await?) };
        let (variants, shelves) = try_join(variants, Shelves::of_variants(ledger, scope, &ids)).await?;
        let variants = variants.into_iter().flatten().map(|variant| (variant.id, variant.into_value())).collect();
        Ok(Self { variants, shelves })
    }
}

/// What the supplier's side of each link says; `None` where it is open for orders.
async fn links(ledger: &Ledger, scope: &Scope, postings: &[Posting]) -> Result<Vec<Option<Posted>>, TradeError> {
    let mut ids: Vec<_> = postings.iter().map(|posting| posting.link).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = ledger.get_many::<PartnerLink>(scope, &ids).await?.into_iter().flatten();
    let known: HashMap<_, Stored<PartnerLink>> = found.map(|link| (link.id, link)).collect();
    let answer = |posting: &Posting| match known.get(&posting.link) {
        Some(link) if link.partner != posting.retailer || link.state == LinkState::Ended => Some(Posted::LinkEnded),
        Some(link) if link.state == LinkState::Active => None,
        Some(_) | None => Some(Posted::LinkPending),
    };
    Ok(postings.iter().map(answer).collect())
}

/// The same purchase order twice in one call is posted once.
fn refuse_twins(postings: &[Posting], answers: &mut [Option<Posted>]) {
    let mut seen = HashSet::new();
    for (posting, answer) in postings.iter().zip(answers) {
        if !seen.insert(posting.purchase_order) && answer.is_none() {
            *answer = Some(Posted::Already);
        }
    }
}

async fn refuse_known(
    ledger: &Ledger,
    scope: &Scope,
    postings: &[Posting],
    answers: &mut [Option<Posted>],
) -> Result<(), TradeError> {
    let ids: Vec<_> = postings.iter().map(|posting| posting.purchase_order).collect();
    let found = ledger.get_many::<PurchaseOrder>(scope, &ids).await?;
    for (found, answer) in found.into_iter().zip(answers) {
        if found.is_some() && answer.is_none() {
            *answer = Some(Posted::Already);
        }
    }
    Ok(())
}
