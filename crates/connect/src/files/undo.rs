//! Undoing an import: its chunks backwards, each with what it created and changed, as far as nobody has built on it.

use super::record::{Import, ImportRecord, ImportState, Kept, follower, get, step_id, turn};
use crate::followers::register;
use bonded_base::{Id, Kind};
use bonded_ledger::{Change, Ledger, LedgerError, Scope};
use bonded_trade::{TradeError, take_back};

/// How often a step is taken back anew because somebody else was faster.
const TRIES_MAX: u32 = 32;
/// What could not be taken back and is named, for each chunk.
const LEFT_MAX: usize = 5_000;

/// Begins to take back what an import did.
pub async fn undo(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Kept, TradeError> {
    let kept = get(ledger, scope, id).await?;
    // Whoever did the work may have left; this finds somebody again.
    register(ledger, &follower(scope.account()), kept.id().bytes()).await?;
    turn(ledger, scope, id, "undoing", |import| match import.state {
        ImportState::Undoing => Ok(import),
        ImportState::Done | ImportState::Failed if import.chunks_done > 0 => {
            Ok(Import { state: ImportState::Undoing, why: None, ..import })
        }
        ImportState::Running => Err("it is at work; undo it when it is done"),
        _ => Err("it has done nothing that could be undone"),
    })
    .await
}

/// Takes the last chunk back that still stands, or ends.
pub(super) async fn take_back_one(ledger: &Ledger, scope: &Scope, kept: &Kept) -> Result<(), TradeError> {
    let Some(number) = kept.chunks_done.checked_sub(1) else {
        turn(ledger, scope, kept.id(), "undone", |import| Ok(Import { state: ImportState::Undone, ..import })).await?;
        return Ok(());
    };
    for _ in 0..TRIES_MAX {
        let step = ledger.get(scope, step_id(kept.id(), number)).await?;
        let mut change = Change::new();
        let mut next = Import { chunks_done: number, ..(**kept).clone() };
        if let Some(step) = &step
            && let ImportRecord::Step { touched, problems, .. } = &**step
        {
            let back = take_back(ledger, scope, touched).await?;
            back.write(&mut change);
            next.counts.taken_back += back.count() as u64;
            next.counts.left += back.left().len() as u64;
            let left = back.left().iter().take(LEFT_MAX).cloned().collect();
            let done = ImportRecord::Step { touched: Vec::new(), problems: problems.clone(), left };
            change.update(step, &done, "taken_back");
        }
        kept.turn(&mut change, next, "taken_back");
        match ledger.commit(scope, change).await {
            Ok(_) | Err(LedgerError::Conflict { kind: Kind::Import, .. }) => return Ok(()),
            Err(LedgerError::Conflict { .. } | LedgerError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TradeError::state("others keep changing the same records; undo it again when they are done"))
}
