//! Orders that arrive in bulk: those that are known already stay as they are, the others are placed.

use super::draft::Placing;
use super::placing::{refuse_doubtful, refuse_twins};
use super::{Order, OrderDraft, OrderLine, of_reference};
use crate::births::Births;
use crate::{Did, Touched, TradeError};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Change, Ledger, Scope};

/// Orders on their way, worked out but not written.
pub struct Arriving {
    placings: Vec<Result<Placing, Problem>>,
    ids: Vec<Id<Order>>,
    /// Whether the account has one with the reference and the same lines.
    known: Vec<bool>,
}

/// Works out what placing these orders does. An order is known by its reference; one that is known with other lines is
/// refused, since orders are never changed from outside.
pub async fn arrive(ledger: &Ledger, scope: &Scope, drafts: &[OrderDraft]) -> Result<Arriving, TradeError> {
    let now = ledger.clock().now();
    let mut placings: Vec<_> = drafts.iter().map(|draft| draft.check(now)).collect();
    refuse_doubtful(ledger, scope, &mut placings).await?;
    refuse_twins(&mut placings);
    let references: Vec<_> = placings.iter().flatten().map(|placing| placing.order.reference.clone()).collect();
    let lookups: Vec<_> = references.iter().map(|reference| of_reference(reference)).collect();
    let found = ledger.find_many::<Order>(scope, &lookups).await?;
    let ids: Vec<_> = found.iter().flatten().copied().collect();
    let mut stored = ledger.get_many(scope, &ids).await?.into_iter();
    let mut found = found.into_iter();
    let mut known = vec![false; placings.len()];
    for (slot, known) in placings.iter_mut().zip(&mut known) {
        let Ok(placing) = slot else { continue };
        let there = found.next().flatten().and_then(|_| stored.next().flatten());
        match there {
            None => {}
            Some(there) if same_lines(&there.lines, &placing.order.lines) => *known = true,
            Some(_) => {
                let detail = "an order with this reference is there, with other lines; orders are not changed by files";
                *slot = Err(Problem { reason: Reason::Duplicate, ..Problem::invalid("/reference", detail) });
            }
        }
    }
    let mut births = Births::at(now, ledger.chance());
    let ids = placings.iter().map(|_| births.id()).collect();
    Ok(Arriving { placings, ids, known })
}

/// Whether two orders ask for the same; a SKU or a title may have been filled in since by routing.
fn same_lines(there: &[OrderLine], brought: &[OrderLine]) -> bool {
    let same = |(there, brought): (&OrderLine, &OrderLine)| {
        there.quantity == brought.quantity
            && there.price == brought.price
            && (brought.sku.is_none() || there.sku == brought.sku)
            && (brought.title.is_none() || there.title == brought.title)
    };
    there.len() == brought.len() && there.iter().zip(brought).all(same)
}

impl Arriving {
    /// What comes of each order, in the order brought.
    pub fn outcomes(&self) -> impl Iterator<Item = Result<Did, Problem>> {
        let did = |known: bool| if known { Did::Unchanged } else { Did::Created };
        let each = self.placings.iter().zip(&self.known);
        each.map(move |(placing, known)| placing.as_ref().map(|_| did(*known)).map_err(Clone::clone))
    }

    /// Adds it to a change, and says what it touches.
    pub fn write(&self, change: &mut Change) -> Vec<Touched> {
        let each = self.ids.iter().zip(&self.placings).zip(&self.known).filter(|(_, known)| !**known);
        let placed = each.filter_map(|((id, placing), _)| Some((*id, placing.as_ref().ok()?)));
        placed
            .map(|(id, placing)| {
                change.create_with_consumer(id, &placing.order, placing.consumer.to_bytes(), "placed");
                Touched::born(id, &placing.order)
            })
            .collect()
    }
}
