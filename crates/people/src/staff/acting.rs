//! Who acts in the platform's own account: the operator at the machine, or one of the staff who was let in.

use super::{Power, StaffVisitor};
use crate::PeopleError;
use bonded_base::{Id, Staff};
use bonded_ledger::Scope;

/// Who acts in the platform's own account.
#[derive(Clone)]
pub enum Acting<'a> {
    /// The operator at the command line, whose scope of the platform says so.
    Operator(Scope),
    /// One of the staff, for one request.
    Staff(&'a StaffVisitor),
}

impl Acting<'_> {
    /// The platform's account, as whoever acts.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Operator(scope) => scope.again(),
            Self::Staff(visitor) => visitor.scope(),
        }
    }

    /// Who of the staff it is; none for the operator.
    pub const fn staff(&self) -> Option<Id<Staff>> {
        match self {
            Self::Operator(_) => None,
            Self::Staff(visitor) => Some(visitor.id()),
        }
    }

    /// Refuses whoever has none of these powers now. The operator may do all that staff may.
    pub(crate) fn demand(&self, powers: &[Power]) -> Result<(), PeopleError> {
        let Self::Staff(visitor) = self else { return Ok(()) };
        if !visitor.is_let_in() {
            return Err(PeopleError::SecondFactor);
        }
        if powers.iter().any(|power| visitor.may(*power)) {
            return Ok(());
        }
        Err(PeopleError::forbidden("your roles do not give you this power, or a course that they demand is missing"))
    }
}
