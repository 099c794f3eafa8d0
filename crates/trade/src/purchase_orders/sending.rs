//! Parcels that are told in bulk: one that is known already stays as it is, the others leave the stock.

use super::stock::Shelves;
use super::{Moved, PoState, PurchaseOrder};
use crate::fulfilments::{Fulfilment, FulfilmentMark, Shipment};
use crate::{Did, Page, Touched, TradeError};
use bonded_base::{Id, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, Scope, Stored};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Purchase orders that are read at once while they are looked for by reference.
const OPEN_A_PAGE: u32 = 1_000;

/// A parcel that is told.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Of which purchase order.
    pub purchase_order: Id<PurchaseOrder>,
    /// Its own id, if whoever tells it knows one.
    pub id: Option<Id<FulfilmentMark>>,
    /// What is in it, and how it can be followed.
    pub shipment: Shipment,
    /// When it left; now, if not said.
    pub at: Option<Moment>,
}

/// Parcels on their way, worked out but not written.
pub struct Sending {
    outcomes: Vec<Result<Did, Problem>>,
    orders: Vec<(Stored<PurchaseOrder>, PurchaseOrder)>,
    shelves: Shelves,
}

/// Works out what telling these parcels does.
pub async fn send_many(ledger: &Ledger, scope: &Scope, sent: &[Sent]) -> Result<Sending, TradeError> {
    let now = ledger.clock().now();
    let mut named = HashSet::new();
    let ids: Vec<_> = sent.iter().map(|parcel| parcel.purchase_order).filter(|id| named.insert(*id)).collect();
    let found: Vec<_> = ledger.get_many(scope, &ids).await?.into_iter().flatten().collect();
    let variants: HashSet<_> = found.iter().flat_map(|order| order.lines.iter().map(|line| line.variant)).collect();
    let variants: Vec<_> = variants.into_iter().collect();
    let mut shelves = Shelves::of_variants(ledger, scope, &variants).await?;
    let mut next: HashMap<_, PurchaseOrder> = found.iter().map(|order| (order.id, (**order).clone())).collect();
    let mut outcomes = Vec::with_capacity(sent.len());
    for parcel in sent {
        let Some(order) = next.get_mut(&parcel.purchase_order) else {
            outcomes.push(Err(Problem::new(Reason::Missing, "there is no such purchase order")));
            continue;
        };
        if order.fulfilments.iter().any(|known| parcel.is(known)) {
            outcomes.push(Ok(Did::Unchanged));
            continue;
        }
        let id = parcel.id.unwrap_or_else(|| Id::born(now, ledger.chance()));
        let shipped = order.clone().ship(&parcel.shipment, id, parcel.at.unwrap_or(now).min(now));
        outcomes.push(shipped.and_then(|Moved { purchase_order, stock }| {
            shelves.stock.apply(&stock)?;
            *order = purchase_order;
            Ok(Did::Changed)
        }));
    }
    let orders = found.into_iter().filter_map(|was| Some((next.remove(&was.id)?, was)));
    let orders = orders.filter(|(next, was)| *next != **was).map(|(next, was)| (was, next)).collect();
    Ok(Sending { outcomes, orders, shelves })
}

impl Sent {
    /// Whether a known parcel is this one: by its id, else by its number, else by what is in it and how it travels.
    fn is(&self, known: &Fulfilment) -> bool {
        if self.id == Some(known.id) {
            return true;
        }
        let lines = self.shipment.lines.iter().flatten();
        let same_lines = lines.clone().count() == known.lines.len()
            && lines.zip(&known.lines).all(|(ours, theirs)| {
                ours.line == i64::from(theirs.line) && ours.quantity == Some(i64::from(theirs.quantity))
            });
        self.id.is_none()
            && same_lines
            && self.shipment.number == known.number
            && self.shipment.carrier == known.carrier
            && self.shipment.url == known.url
    }
}

impl Sending {
    /// What comes of each parcel, in the order told.
    pub fn outcomes(&self) -> &[Result<Did, Problem>] {
        &self.outcomes
    }

    /// Adds it to a change, and says what it touches.
    pub fn write(&self, change: &mut Change) -> Vec<Touched> {
        let mut touched = Vec::with_capacity(self.orders.len());
        for (was, next) in &self.orders {
            change.update(was, next, "shipped");
            touched.push(Touched::changed(was, next));
        }
        self.shelves.write(change, "shipped");
        touched
    }
}

/// The purchase orders that these references of retailers' orders name: those that are still open first, then the others.
/// Several may have one reference: of several retailers, or of one order that was split.
pub async fn by_references(
    ledger: &Ledger,
    scope: &Scope,
    references: &BTreeSet<String>,
) -> Result<HashMap<String, Vec<Stored<PurchaseOrder>>>, TradeError> {
    let mut found: HashMap<String, Vec<Stored<PurchaseOrder>>> = HashMap::new();
    for state in [PoState::Posted, PoState::Acknowledged, PoState::Shipped, PoState::Completed] {
        let missing = references.iter().any(|reference| !found.contains_key(reference));
        let is_open = matches!(state, PoState::Posted | PoState::Acknowledged);
        if !missing && !is_open {
            break;
        }
        let mut page = Page::first(OPEN_A_PAGE);
        loop {
            let listed = super::list(ledger, scope, Some(state), page).await?;
            for order in listed.records.into_iter().filter(|order| references.contains(&order.reference)) {
                found.entry(order.reference.clone()).or_default().push(order);
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
    }
    Ok(found)
}
