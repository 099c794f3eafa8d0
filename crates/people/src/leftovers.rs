//! What is over and of no more use is taken away: sessions, mailed links, old invitations.
//!
//! Each of these lives for a bounded time from its birth on, and lists come in the order of births. So only the oldest
//! are looked at, and the first that may still be used ends the look, however many there are. The log keeps that they
//! were.

use crate::PeopleError;
use crate::invitations::{self, InvitationRecord};
use crate::session::{MEMBER_LIMITS, STAFF_LIMITS, SessionRecord};
use crate::sign_in::{RESET_MS, ResetRecord};
use bonded_base::Kind;
use bonded_ledger::{Change, Ledger, LedgerError, List, PLATFORM, Record, Scope, System};

/// Records that are taken away in one commit at most.
const ONE_COMMIT: u32 = 500;
/// How long the platform keeps its record of an invitation, since it names a person. The account keeps its own.
pub const INVITATIONS_KEPT_MS: i64 = 90 * 24 * 60 * 60 * 1000;

const _: () = assert!(MEMBER_LIMITS.whole_ms >= STAFF_LIMITS.whole_ms, "a member's session lasts the longest");
const _: () = assert!(INVITATIONS_KEPT_MS > invitations::HOLDS_MS, "no invitation goes while it holds");

/// Takes away sessions, links to new passwords and invitations whose time is over, and says how many.
///
/// To be called now and then by one node.
pub async fn forget(ledger: &Ledger) -> Result<usize, PeopleError> {
    let sessions = forget_older::<SessionRecord>(ledger, MEMBER_LIMITS.whole_ms).await?;
    let resets = forget_older::<ResetRecord>(ledger, RESET_MS).await?;
    let invitations = forget_older::<InvitationRecord>(ledger, INVITATIONS_KEPT_MS).await?;
    Ok(sessions + resets + invitations)
}

/// Takes away the records of one kind that were born so long ago, oldest first.
async fn forget_older<R: Record>(ledger: &Ledger, life_ms: i64) -> Result<usize, PeopleError> {
    let scope = Scope::system(PLATFORM, System::Calendar);
    let before = ledger.clock().now().plus_millis(-life_ms);
    let mut forgotten = 0;
    loop {
        let oldest = ledger.list::<R>(&scope, &List::first(ONE_COMMIT)).await?.records;
        let mut change = Change::new();
        for record in oldest.iter().filter(|record| record.id.born_at() <= before) {
            change.remove(record, "forgotten");
        }
        let count = change.len();
        if count == 0 {
            return Ok(forgotten);
        }
        match ledger.commit(&scope, change).await {
            Ok(_) => forgotten += count,
            // Its owner ended one of them at this very moment; the next look finds the others.
            Err(LedgerError::Conflict { kind: Kind::Session | Kind::PasswordReset | Kind::Invitation, .. }) => {
                return Ok(forgotten);
            }
            Err(error) => return Err(error.into()),
        }
        if count < ONE_COMMIT as usize {
            return Ok(forgotten);
        }
    }
}
