//! Lost races: what becomes of a read-modify-write when somebody else was faster.

use crate::TradeError;
use bonded_base::Kind;
use bonded_ledger::{LedgerError, Record, Stored};

/// How often one call reads again and tries again before it gives the conflict to its caller.
///
/// Of all that contend for one record, one wins each round; so this is how many may contend before one is turned away.
pub const LOST_RACES_MAX: u32 = 256;

/// Counts the races that one call has lost.
#[derive(Debug, Default)]
pub struct Races {
    lost: u32,
    /// The record whose version the caller named, if any: to lose that one is final.
    staked: Option<(Kind, [u8; 16])>,
}

impl Races {
    /// None lost yet, and the caller expects no version.
    pub const fn new() -> Self {
        Self { lost: 0, staked: None }
    }

    /// None lost yet; when the caller `expected` a version of this record, losing it is the caller's to know.
    pub const fn staked(kind: Kind, id: [u8; 16], expected: Option<u64>) -> Self {
        Self { lost: 0, staked: if expected.is_some() { Some((kind, id)) } else { None } }
    }

    /// Takes the error of a commit: `Ok` means read again and try again.
    pub fn lost(&mut self, error: LedgerError) -> Result<(), TradeError> {
        let LedgerError::Conflict { kind, id } = error else { return Err(error.into()) };
        if self.staked == Some((kind, id)) {
            return Err(TradeError::changed(kind));
        }
        if self.lost == LOST_RACES_MAX {
            return Err(error.into());
        }
        self.lost += 1;
        Ok(())
    }
}

/// Refuses a record that is no longer at the version which the caller expected.
pub fn as_expected<R: Record>(stored: &Stored<R>, expected: Option<u64>) -> Result<(), TradeError> {
    match expected {
        Some(version) if version != stored.version => Err(TradeError::changed(R::KIND)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Reason;

    fn conflict(id: u8) -> LedgerError {
        LedgerError::Conflict { kind: Kind::Order, id: [id; 16] }
    }

    #[test]
    fn a_race_is_run_again_but_not_for_ever() {
        let mut races = Races::new();
        for _ in 0..LOST_RACES_MAX {
            assert!(races.lost(conflict(1)).is_ok());
        }
        assert!(matches!(races.lost(conflict(1)), Err(TradeError::Ledger(LedgerError::Conflict { .. }))));
    }

    #[test]
    fn a_version_that_the_caller_named_is_lost_at_once() {
        let mut races = Races::staked(Kind::Order, [1; 16], Some(3));
        assert!(races.lost(conflict(2)).is_ok());
        let problem = races.lost(conflict(1)).unwrap_err().into_problem().unwrap();
        assert_eq!(problem.reason, Reason::Changed);
        assert!(Races::staked(Kind::Order, [1; 16], None).lost(conflict(1)).is_ok());
    }

    #[test]
    fn other_errors_are_no_races() {
        assert!(matches!(Races::new().lost(LedgerError::Sealed), Err(TradeError::Ledger(LedgerError::Sealed))));
    }
}
