//! Changing many variants in one commit: new prices, new SKUs.

use super::text::too_much;
use super::update::{becomes, taken};
use super::{VARIANTS_A_CALL_MAX, Variant, VariantPatch};
use crate::{Races, TradeError, Written};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Lookup, LookupName, Scope, Stored};
use std::collections::{HashMap, HashSet};

/// One variant's change.
#[derive(Clone, Debug)]
pub struct VariantUpdate {
    /// Which one.
    pub id: Id<Variant>,
    /// The version that the caller has seen, if it minds.
    pub expected_version: Option<u64>,
    /// What is to become of it.
    pub patch: VariantPatch,
}

/// A variant as it was, and as it is to be.
struct Step {
    was: Stored<Variant>,
    next: Variant,
}

/// Changes up to [`VARIANTS_A_CALL_MAX`] variants in one commit; says of each, in the order given, what came of it.
///
/// One that cannot be changed holds back only itself. SKUs may change places within the call.
pub async fn update_many_variants(
    ledger: &Ledger,
    scope: &Scope,
    updates: &[VariantUpdate],
) -> Result<Vec<Result<Written<Variant>, Problem>>, TradeError> {
    if updates.len() > VARIANTS_A_CALL_MAX {
        return Err(too_much("", format!("at most {VARIANTS_A_CALL_MAX} variants in one call")).into());
    }
    let mut races = Races::new();
    loop {
        let mut steps = read(ledger, scope, updates).await?;
        settle_among_themselves(&mut steps);
        settle_with_the_account(ledger, scope, &mut steps).await?;
        let mut change = Change::new();
        for step in steps.iter().flatten().filter(|step| step.next != *step.was) {
            change.update(&step.was, &step.next, "updated");
        }
        if change.is_empty() {
            return Ok(steps.into_iter().map(|step| step.map(|step| step.was.into())).collect());
        }
        match ledger.commit(scope, change).await {
            Ok(done) => {
                let written = |Step { was, next }: Step| {
                    if next == *was { was.into() } else { Written::changed(&was, next, done.at) }
                };
                return Ok(steps.into_iter().map(|step| step.map(written)).collect());
            }
            // Somebody took a SKU since it was looked up: as good as any other lost race.
            Err(LedgerError::Taken { name: LookupName::Sku, kind, id }) => {
                races.lost(LedgerError::Conflict { kind, id })?;
            }
            Err(error) => races.lost(error)?,
        }
    }
}

/// Reads all that are named, and what the patches make of them.
async fn read(
    ledger: &Ledger,
    scope: &Scope,
    updates: &[VariantUpdate],
) -> Result<Vec<Result<Step, Problem>>, TradeError> {
    let mut named = HashSet::with_capacity(updates.len());
    let ids: Vec<_> = updates.iter().map(|update| update.id).filter(|id| named.insert(*id)).collect();
    let found = ledger.get_many(scope, &ids).await?;
    let mut found: HashMap<_, _> = ids.into_iter().zip(found).collect();
    let step = |update: &VariantUpdate| match found.remove(&update.id) {
        None => Ok(Err(Problem::new(Reason::Duplicate, "the variant is named twice in this call"))),
        Some(None) => TradeError::missing(Kind::Variant).into_problem().map(Err),
        Some(Some(was)) => match becomes(&was, update.expected_version, |variant| variant.patched(&update.patch)) {
            Ok(next) => Ok(Ok(Step { was, next })),
            Err(error) => error.into_problem().map(Err),
        },
    };
    Ok(updates.iter().map(step).collect::<Result<_, LedgerError>>()?)
}

/// The SKU that a step brings to its variant, if it is a new one.
fn new_sku(step: &Step) -> Option<&str> {
    step.next.sku.as_deref().filter(|_| step.next.sku != step.was.sku)
}

/// Of two changes that want the same SKU, the first one gets it.
fn settle_among_themselves(steps: &mut [Result<Step, Problem>]) {
    let mut wanted = HashSet::new();
    let refused: Vec<_> = (0..)
        .zip(steps.iter())
        .filter_map(|(place, step)| Some((place, new_sku(step.as_ref().ok()?)?)))
        .filter(|(_, sku)| !wanted.insert(*sku))
        .map(|(place, _): (usize, _)| place)
        .collect();
    refuse(steps, &refused);
}

/// Refuses changes that want a SKU which a variant has and does not give up in this call.
async fn settle_with_the_account(
    ledger: &Ledger,
    scope: &Scope,
    steps: &mut [Result<Step, Problem>],
) -> Result<(), TradeError> {
    // Each refusal may keep a SKU where it was, and so lead to another: at most as many rounds as there are steps.
    loop {
        let asked: Vec<_> = (0..)
            .zip(steps.iter())
            .filter_map(|(place, step)| Some((place, new_sku(step.as_ref().ok()?)?)))
            .collect::<Vec<(usize, &str)>>();
        if asked.is_empty() {
            return Ok(());
        }
        let lookups: Vec<_> = asked.iter().map(|(_, sku)| Lookup::new(LookupName::Sku, sku.as_bytes())).collect();
        let found = ledger.find_many::<Variant>(scope, &lookups).await?;
        let leaving: HashSet<_> =
            steps.iter().flatten().filter(|step| step.next.sku != step.was.sku).map(|step| step.was.id).collect();
        let stays = |holder: Option<Id<Variant>>| holder.is_some_and(|holder| !leaving.contains(&holder));
        let refused: Vec<_> =
            asked.iter().zip(found).filter(|(_, holder)| stays(*holder)).map(|((place, _), _)| *place).collect();
        if refused.is_empty() {
            return Ok(());
        }
        refuse(steps, &refused);
    }
}

fn refuse(steps: &mut [Result<Step, Problem>], places: &[usize]) {
    for place in places {
        if let Some(step) = steps.get_mut(*place) {
            *step = Err(taken(LookupName::Sku));
        }
    }
}
