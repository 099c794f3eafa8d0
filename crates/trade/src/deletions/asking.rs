//! Asking for a deletion: what may be asked, and taking it back while it waits.

use super::{Because, DAY_MS, Deletion, DeletionState, Selection, policy, turn};
use crate::orders::Order;
use crate::{Page, TradeError, Written};
use bonded_base::{Id, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, PAGE_MAX, Scope};
use std::collections::HashSet;

/// Orders that one deletion may name at most; a rule takes any number.
pub const ORDERS_ASKED_MAX: usize = 1_000;

/// All that was archived more than so many days ago.
pub fn by_rule(now: Moment, days: u16) -> Selection {
    Selection::ArchivedBefore(now.plus_millis(-i64::from(days) * DAY_MS))
}

/// Asks for a deletion under an id that its caller has registered. Named orders must all be archived; it begins after the
/// account's grace period, unless a platform asked.
pub async fn ask(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Deletion>,
    selection: Selection,
    because: Because,
) -> Result<Written<Deletion>, TradeError> {
    let selection = match selection {
        Selection::Orders(named) => Selection::Orders(checked(ledger, scope, named).await?),
        rule @ Selection::ArchivedBefore(_) => rule,
    };
    let grace_days = match because {
        Because::Asked | Because::Rule => policy(ledger, scope).await?.grace_days,
        Because::PrivacyRequest => 0,
    };
    let deletion = Deletion {
        state: DeletionState::Due,
        selection,
        because,
        asked_by: scope.actor().to_string(),
        due_at: ledger.clock().now().plus_millis(i64::from(grace_days) * DAY_MS),
        forgotten: 0,
        root_before: None,
        orders_sha256: None,
        destroyed: None,
        replicas: Vec::new(),
        recipients: Vec::new(),
        completed_at: None,
        certificate: None,
    };
    let mut change = Change::new();
    change.create(id, &deletion, "asked");
    let committed = ledger.commit(scope, change).await?;
    Ok(Written::born(id, deletion, committed.at))
}

/// Takes a deletion back that has not begun.
pub async fn cancel(ledger: &Ledger, scope: &Scope, id: Id<Deletion>) -> Result<Written<Deletion>, TradeError> {
    turn(ledger, scope, id, "cancelled", |deletion| match deletion.state {
        DeletionState::Due => Ok(Deletion { state: DeletionState::Cancelled, ..deletion }),
        DeletionState::Cancelled => Ok(deletion),
        _ => Err(Problem::new(Reason::State, "it has begun: what is destroyed does not come back")),
    })
    .await
}

/// Whether a deletion by the account's rule waits or is at work; one that only waits for a replica holds no other up.
pub async fn is_rule_under_way(ledger: &Ledger, scope: &Scope) -> Result<bool, LedgerError> {
    for state in [DeletionState::Due, DeletionState::Deleting] {
        let listed = ledger.list::<Deletion>(scope, &Page::first(PAGE_MAX).of_state(Some(state.number()))).await?;
        if listed.records.iter().any(|deletion| deletion.because == Because::Rule) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The orders that are named, each once, all of them archived.
async fn checked(ledger: &Ledger, scope: &Scope, named: Vec<Id<Order>>) -> Result<Vec<Id<Order>>, TradeError> {
    if named.is_empty() || named.len() > ORDERS_ASKED_MAX {
        let detail = format!("1 to {ORDERS_ASKED_MAX} orders can be named; delete more by archived_days");
        return Err(Problem::invalid("/orders", detail).into());
    }
    let found = ledger.get_many::<Order>(scope, &named).await?;
    let (mut seen, mut orders) = (HashSet::new(), Vec::with_capacity(named.len()));
    for ((place, id), order) in (0..).zip(named).zip(found) {
        let within = |problem: Problem| problem.within(&format!("/orders/{place}"));
        // A twin's record was given to the first of them.
        if !seen.insert(id) {
            continue;
        }
        let order = order.ok_or_else(|| within(Problem::new(Reason::Missing, "there is no such order")))?;
        order.check_deletable().map_err(within)?;
        orders.push(id);
    }
    Ok(orders)
}
