//! Ending all sessions of one person from outside, told by mail: by the account, or by the operator.

use super::{Holder, TRIES_MAX, crowded, find, told};
use crate::mail::{self, Matter, Notice};
use crate::session;
use crate::staff::StaffRecord;
use crate::users::UserRecord;
use crate::{MailAddress, PeopleError};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Scope};

/// Ends all of a person's sessions at once, unfinished sign-ins too, and says how many.
///
/// `scope` is of the platform and says in its log who did it; `account_name` names the account that wanted it, for the
/// person's mail.
pub async fn end_sessions_of<H: Holder>(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<H>,
    account_name: Option<&str>,
) -> Result<usize, PeopleError> {
    for _ in 0..TRIES_MAX {
        let person = ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(H::KIND))?;
        let mut change = Change::new();
        change.hold(&person, "signed_out");
        let ended = session::end_all_in(&mut change, ledger, H::person(id), None).await?;
        let matter = Matter::Notice { what: Notice::SignedOut, account_name: account_name.map(str::to_owned) };
        mail::queue(&mut change, ledger, scope, mail::Draft { matter, ..told(&person, Notice::SignedOut) })?;
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(ended),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowded())
}

/// The same for whoever has this address: as a user, as one of the staff, or both.
pub async fn sign_out_everywhere(ledger: &Ledger, scope: &Scope, mail: &MailAddress) -> Result<usize, PeopleError> {
    let user = find::<UserRecord>(ledger, mail).await?;
    let staff = find::<StaffRecord>(ledger, mail).await?;
    if user.is_none() && staff.is_none() {
        return Err(Problem::new(Reason::Missing, "nobody has this address").into());
    }
    let mut ended = 0;
    if let Some(user) = user {
        ended += end_sessions_of(ledger, scope, user.id, None).await?;
    }
    if let Some(staff) = staff {
        ended += end_sessions_of(ledger, scope, staff.id, None).await?;
    }
    Ok(ended)
}
