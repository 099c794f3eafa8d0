//! Failures: whether to rest and try again, or to hold one record and go on.

use bonded_base::{Account, Id};
use bonded_ledger::{Ledger, LedgerError, Record};
use bonded_trade::TradeError;
use bonded_trade::holds::{self, HoldReason};

/// What worked for many together; `None` when they have to be tried one by one. An error means that all work has to rest.
pub(super) fn or_one_by_one<T>(outcome: Result<T, TradeError>) -> Result<Option<T>, LedgerError> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(TradeError::Ledger(error)) if passes(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether trying again later may cure it by itself.
const fn passes(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Engine(_) | LedgerError::Vault(_) | LedgerError::Sealed | LedgerError::Stopping)
}

/// Holds a record whose work failed for good; an error means that all work has to rest.
pub(super) async fn hold_or_retry<R: Record>(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<R>,
    outcome: Result<(), TradeError>,
) -> Result<(), LedgerError> {
    let (reason, detail) = match outcome {
        Ok(()) => return Ok(()),
        Err(TradeError::Ledger(error)) if passes(&error) => return Err(error),
        Err(TradeError::Ledger(error)) => (HoldReason::Failed, error.to_string()),
        Err(TradeError::Problem(problem)) => (HoldReason::Refused, problem.to_string()),
    };
    tracing::warn!(%account, %id, %detail, "held");
    raise(ledger, account, id, reason, &detail).await
}

/// Holds a record. If even that fails, all work rests, so that nothing is lost in silence.
pub(super) async fn raise<R: Record>(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<R>,
    reason: HoldReason,
    detail: &str,
) -> Result<(), LedgerError> {
    match holds::raise(ledger, account, id, reason, detail).await {
        Ok(_) => Ok(()),
        Err(TradeError::Ledger(error)) => Err(error),
        Err(TradeError::Problem(problem)) => {
            tracing::error!(%account, %id, %problem, "a hold was refused");
            Err(LedgerError::Stopping)
        }
    }
}
