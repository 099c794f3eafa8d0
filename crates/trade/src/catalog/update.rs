//! Changing records by patches: one alone, or many in one commit, where one that cannot be changed holds back only itself.

use super::text::too_much;
use crate::{Races, TradeError, Written, as_expected};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Lookup, LookupName, Record, Scope, Stored};
use std::collections::{HashMap, HashSet};

/// A record that its owner changes by patches, and that at most one unique value is found by.
pub trait Patched: Record + Clone + PartialEq {
    /// What its owner may say of it.
    type Patch: Send + Sync;

    /// How many of them one call changes.
    const UPDATES_A_CALL_MAX: usize;

    /// The record as a patch leaves it.
    fn patched(&self, patch: &Self::Patch) -> Result<Self, Problem>;
}

/// One record's change.
#[derive(Clone, Debug)]
pub struct Update<R: Patched> {
    /// Which one.
    pub id: Id<R>,
    /// The version that the caller has seen, if it minds.
    pub expected_version: Option<u64>,
    /// What is to become of it.
    pub patch: R::Patch,
}

/// A record as it was, and as it is to be.
struct Step<R> {
    was: Stored<R>,
    next: R,
}

/// Changes one record. With an `expected_version`, it is refused when the record has changed since.
pub async fn update<R: Patched>(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<R>,
    expected_version: Option<u64>,
    patch: R::Patch,
) -> Result<Written<R>, TradeError> {
    let alone = [Update { id, expected_version, patch }];
    let outcome = update_many(ledger, scope, &alone).await?.pop();
    Ok(outcome.ok_or_else(|| TradeError::missing(R::KIND))??)
}

/// Changes up to [`Patched::UPDATES_A_CALL_MAX`] records in one commit; says of each, in the order given, what came of it.
///
/// One that cannot be changed holds back only itself; one that is named twice is changed as its first place says. Unique
/// values may change places within the call. What is as asked already leaves no entry.
pub async fn update_many<R: Patched>(
    ledger: &Ledger,
    scope: &Scope,
    updates: &[Update<R>],
) -> Result<Vec<Result<Written<R>, Problem>>, TradeError> {
    if updates.len() > R::UPDATES_A_CALL_MAX {
        let most = format!("at most {} {}s in one call", R::UPDATES_A_CALL_MAX, R::KIND.name());
        return Err(too_much("", most).into());
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
                let written = |Step { was, next }: Step<R>| {
                    if next == *was { was.into() } else { Written::changed(&was, next, done.at) }
                };
                return Ok(steps.into_iter().map(|step| step.map(written)).collect());
            }
            // Somebody took a unique value since it was looked up: as good as any other lost race.
            Err(LedgerError::Taken { name: LookupName::Sku | LookupName::Handle, kind, id }) => {
                races.lost(LedgerError::Conflict { kind, id })?;
            }
            // Who expected a version reads the new one in the next round, and is refused alone.
            Err(error) => races.lost(error)?,
        }
    }
}

/// Reads all that are named, and what the patches make of them.
async fn read<R: Patched>(
    ledger: &Ledger,
    scope: &Scope,
    updates: &[Update<R>],
) -> Result<Vec<Result<Step<R>, Problem>>, TradeError> {
    let mut named = HashSet::with_capacity(updates.len());
    let ids: Vec<_> = updates.iter().map(|update| update.id).filter(|id| named.insert(*id)).collect();
    let found = ledger.get_many(scope, &ids).await?;
    let mut found: HashMap<_, _> = ids.into_iter().zip(found).collect();
    let step = |update: &Update<R>| match found.remove(&update.id) {
        None => Ok(Err(named_twice::<R>())),
        Some(was) => match stepped(was, update) {
            Ok(step) => Ok(Ok(step)),
            Err(error) => error.into_problem().map(Err),
        },
    };
    Ok(updates.iter().map(step).collect::<Result<_, LedgerError>>()?)
}

/// What an update makes of its record, if there is one and it is still the version that the caller expects.
fn stepped<R: Patched>(was: Option<Stored<R>>, update: &Update<R>) -> Result<Step<R>, TradeError> {
    let was = was.ok_or_else(|| TradeError::missing(R::KIND))?;
    as_expected(&was, update.expected_version)?;
    let next = was.patched(&update.patch)?;
    Ok(Step { was, next })
}

/// The unique value that a record is found by.
fn unique<R: Record>(record: &R) -> Option<Lookup<'_>> {
    record.lookups().pop()
}

/// Whether a step brings its record another unique value than it had, or none.
fn moves<R: Record>(step: &Step<R>) -> bool {
    unique(&step.next) != unique(&*step.was)
}

/// The unique values that steps bring to their records, each with the place of its step.
fn brought<R: Record>(steps: &[Result<Step<R>, Problem>]) -> Vec<(usize, Lookup<'_>)> {
    (0..)
        .zip(steps)
        .filter(|(_, step)| step.as_ref().is_ok_and(moves))
        .filter_map(|(place, step)| Some((place, unique(&step.as_ref().ok()?.next)?)))
        .collect()
}

/// Of two changes that want the same unique value, the first one gets it.
fn settle_among_themselves<R: Record>(steps: &mut [Result<Step<R>, Problem>]) {
    let mut wanted = HashSet::new();
    let late: Vec<_> = brought(steps)
        .into_iter()
        .filter(|(_, lookup)| !wanted.insert(lookup.value.clone()))
        .map(|(place, lookup)| (place, lookup.name))
        .collect();
    refuse(steps, &late);
}

/// Refuses changes that want a unique value which a record has and does not give up in this call.
async fn settle_with_the_account<R: Record>(
    ledger: &Ledger,
    scope: &Scope,
    steps: &mut [Result<Step<R>, Problem>],
) -> Result<(), TradeError> {
    // Each refusal may keep a value where it was, and so lead to another: at most as many rounds as there are steps.
    loop {
        let (places, lookups): (Vec<_>, Vec<_>) = brought(steps).into_iter().unzip();
        if places.is_empty() {
            return Ok(());
        }
        let holders = ledger.find_many::<R>(scope, &lookups).await?;
        let leaving: HashSet<_> = steps.iter().flatten().filter(|step| moves(step)).map(|step| step.was.id).collect();
        let refused: Vec<_> = places
            .into_iter()
            .zip(lookups.iter().map(|lookup| lookup.name))
            .zip(holders)
            .filter(|(_, holder)| holder.is_some_and(|holder| !leaving.contains(&holder)))
            .map(|(wanted, _)| wanted)
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        refuse(steps, &refused);
    }
}

fn refuse<R>(steps: &mut [Result<Step<R>, Problem>], refused: &[(usize, LookupName)]) {
    for (place, name) in refused {
        if let Some(step) = steps.get_mut(*place) {
            *step = Err(taken(*name));
        }
    }
}

/// A unique value that another record has.
pub(super) fn taken(name: LookupName) -> Problem {
    let (pointer, detail) = match name {
        LookupName::Handle => ("/handle", "another product has this handle"),
        _ => ("/sku", "another variant has this SKU"),
    };
    Problem { reason: Reason::Duplicate, ..Problem::invalid(pointer, detail) }
}

fn named_twice<R: Record>() -> Problem {
    let detail = format!("an earlier change of this call is to the same {}", R::KIND.name());
    Problem { reason: Reason::Duplicate, ..Problem::invalid("/id", detail) }
}
