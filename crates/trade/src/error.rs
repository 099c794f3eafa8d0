//! Why a business function could not.

use bonded_base::{Kind, Problem, Reason};
use bonded_ledger::LedgerError;
use std::borrow::Cow;

/// Why a business function could not. Carries no value that was sent or stored.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// The request cannot be: the caller has to change something.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The ledger could not: the caller may be right, and try again.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl TradeError {
    /// There is no such record in this account.
    pub fn missing(kind: Kind) -> Self {
        Self::Problem(Problem::new(Reason::Missing, format!("there is no such {}", spoken(kind))))
    }

    /// The record has changed since the caller read it.
    pub fn changed(kind: Kind) -> Self {
        let detail = format!("the {} has changed since it was read; read it again", spoken(kind));
        Self::Problem(Problem::new(Reason::Changed, detail))
    }

    /// A rule refuses it in the state it is in.
    pub fn state(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Problem(Problem::new(Reason::State, detail))
    }

    /// The business problem, or the ledger's error as it was: for batches, where a problem holds back one item only.
    pub fn into_problem(self) -> Result<Problem, LedgerError> {
        match self {
            Self::Problem(problem) => Ok(problem),
            Self::Ledger(error) => Err(error),
        }
    }
}

/// A kind as a person says it: `purchase order`.
fn spoken(kind: Kind) -> String {
    kind.name().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_speak_of_the_business() {
        assert_eq!(TradeError::missing(Kind::PurchaseOrder).to_string(), "there is no such purchase order");
        let changed = TradeError::changed(Kind::Order).into_problem().unwrap();
        assert_eq!(changed.reason, Reason::Changed);
        assert!(TradeError::from(LedgerError::Sealed).into_problem().is_err());
    }
}
