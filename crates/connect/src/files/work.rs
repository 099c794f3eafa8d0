//! Work: bringing an import's rows in, chunk by chunk; each chunk, what it did and how far the import has come are one commit.

use super::chunk::Chunk;
use super::plan::Plan;
use super::record::{Import, ImportRecord, ImportState, Kept, chunk_id, get, step_id, turn};
use super::undo::take_back_one;
use super::{KEPT_MS, UPLOAD_MS_MAX};
use bonded_base::{Id, Kind, Moment};
use bonded_ledger::{Change, Ledger, LedgerError, Scope};
use bonded_trade::TradeError;

/// How often a chunk is planned anew because somebody else was faster.
const TRIES_MAX: u32 = 32;
/// Chunks that are removed at once.
const REMOVED_AT_ONCE: u32 = 64;

/// What there is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// More, at once.
    More,
    /// Nothing before this moment, when what is still kept of its rows goes.
    Until(Moment),
    /// Nothing any more.
    Over,
}

/// Does the next thing that there is to do for an import, if any.
pub async fn work(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Worked, LedgerError> {
    let now = ledger.clock().now();
    let kept = match get(ledger, scope, id).await {
        Ok(kept) => kept,
        // Registered, and never made: its upload ended in between. One that is being made is looked for again.
        Err(TradeError::Problem(_)) => {
            let given_up = id.born_at().plus_millis(UPLOAD_MS_MAX);
            return Ok(if now >= given_up { Worked::Over } else { Worked::Until(given_up) });
        }
        Err(TradeError::Ledger(error)) => return Err(error),
    };
    let outcome = match kept.state {
        ImportState::Running if kept.chunks_done < kept.chunks => bring_one(ledger, scope, &kept).await,
        ImportState::Running => finish(ledger, scope, id).await,
        ImportState::Undoing => take_back_one(ledger, scope, &kept).await,
        ImportState::Receiving => {
            let given_up = id.born_at().plus_millis(UPLOAD_MS_MAX);
            return expire(ledger, scope, &kept, given_up).await;
        }
        _ => match kept.rows_until {
            Some(until) => return expire(ledger, scope, &kept, until).await,
            None => return Ok(Worked::Over),
        },
    };
    match outcome {
        Ok(()) => Ok(Worked::More),
        Err(TradeError::Problem(problem)) => fail(ledger, scope, id, problem.detail).await.map(|()| Worked::More),
        Err(TradeError::Ledger(LedgerError::Damaged(_))) => {
            fail(ledger, scope, id, "what was kept of it cannot be read".into()).await.map(|()| Worked::More)
        }
        Err(TradeError::Ledger(error)) => Err(error),
    }
}

/// Brings the next chunk in.
async fn bring_one(ledger: &Ledger, scope: &Scope, kept: &Kept) -> Result<(), TradeError> {
    let number = kept.chunks_done;
    let Some((stored, chunk)) = Chunk::read(ledger, scope, kept.id(), number).await? else {
        return Err(TradeError::state("its rows are not kept any more; send the file again"));
    };
    for _ in 0..TRIES_MAX {
        let plan = Plan::of(ledger, scope, kept, &chunk).await?;
        let mut change = Change::new();
        let touched = plan.write(&mut change);
        let problems = plan.problems(kept, &chunk);
        let mut next = Import { chunks_done: number + 1, ..(**kept).clone() };
        plan.count(&chunk, &mut next.counts);
        if problems.is_empty() {
            change.remove(&stored, "brought_in");
        }
        let step = ImportRecord::Step { touched, problems, left: Vec::new() };
        change.create(step_id(kept.id(), number), &step, "noted");
        kept.turn(&mut change, next, "advanced");
        match ledger.commit(scope, change).await {
            // A conflict about the import: somebody has turned it, or another node has done this chunk. It is looked at anew.
            Ok(_) | Err(LedgerError::Conflict { kind: Kind::Import, .. }) => return Ok(()),
            Err(LedgerError::Conflict { .. } | LedgerError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TradeError::state("others keep changing the same records; resume it when they are done"))
}

/// All chunks were brought in; those with rows that were held are kept a while longer.
async fn finish(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<(), TradeError> {
    let until = ledger.clock().now().plus_millis(KEPT_MS);
    turn(ledger, scope, id, "finished", |import| {
        let rows_until = (import.counts.held > 0).then_some(until);
        Ok(if import.state == ImportState::Running && import.chunks_done >= import.chunks {
            Import { state: ImportState::Done, rows_until, ..import }
        } else {
            import
        })
    })
    .await?;
    Ok(())
}

async fn fail(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ImportRecord>,
    why: std::borrow::Cow<'static, str>,
) -> Result<(), LedgerError> {
    let until = ledger.clock().now().plus_millis(KEPT_MS);
    let failed = turn(ledger, scope, id, "failed", |import| {
        if !import.state.is_active() {
            return Ok(import);
        }
        Ok(Import { state: ImportState::Failed, why: Some(why.clone()), rows_until: Some(until), ..import })
    });
    failed.await.map(|_| ()).or_else(|error| error.into_problem().map(|_| ()))
}

/// Takes what is still kept away, if it is time.
async fn expire(ledger: &Ledger, scope: &Scope, kept: &Kept, until: Moment) -> Result<Worked, LedgerError> {
    if ledger.clock().now() < until {
        return Ok(Worked::Until(until));
    }
    match super::discard(ledger, scope, kept.id()).await {
        Ok(_) => Ok(Worked::More),
        Err(error) => error.into_problem().map(|_| Worked::More),
    }
}

/// Removes every chunk that is still kept; of an upload that was cut nobody knows how many there are.
pub(super) async fn remove_rows(ledger: &Ledger, scope: &Scope, kept: &Kept) -> Result<(), TradeError> {
    let known = if kept.state == ImportState::Receiving { u32::MAX } else { kept.chunks };
    let mut next = 0;
    while next < known {
        let last = next.saturating_add(REMOVED_AT_ONCE).min(known);
        let ids: Vec<_> = (next..last).map(|number| chunk_id(kept.id(), number)).collect();
        let found: Vec<_> = ledger.get_many(scope, &ids).await?.into_iter().flatten().collect();
        if found.is_empty() && kept.state == ImportState::Receiving {
            return Ok(());
        }
        let mut change = Change::new();
        for chunk in &found {
            change.remove(chunk, "discarded");
        }
        if !change.is_empty() {
            ledger.commit(&scope.again(), change).await?;
        }
        next = last;
    }
    Ok(())
}
