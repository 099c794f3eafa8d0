//! What an account does about a member's sign-in: ends all sessions, or lets somebody in anew who is locked out.
//!
//! The account's log tells of it first, then the platform does it; should the process end in between, doing it again is
//! harmless.

use super::{Acting, MemberRecord, Role, active, get, list};
use crate::books::books;
use crate::sign_in::{self, Anew};
use crate::{PeopleError, directory, users};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Stored};

/// How often it is tried while the member does something at the same moment.
const TRIES_MAX: usize = 8;

/// Ends all of a member's sessions at once, in whichever account, and tells the member by mail.
pub async fn sign_out(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    expected: Option<u64>,
) -> Result<Stored<MemberRecord>, PeopleError> {
    active(ledger, acting, id, expected).await?;
    // Of whom the platform knows nothing, since joining was never completed, the log need not tell.
    let user = users::get(ledger, Id::from_bytes(id.bytes())).await?;
    let account_name = directory::name_of(ledger, acting.scope.account()).await?;
    noted(ledger, acting, id, expected, Deed { action: "signed_out", becomes: MemberRecord::clone }).await?;
    sign_in::end_sessions_of(ledger, &books(), user.id, Some(&account_name)).await?;
    get(ledger, &acting.scope, id).await
}

/// Lets a member in anew who can no longer sign in: password, second factors and recovery codes are taken away, all
/// sessions end, and a mailed link leads to a new password. API keys stay.
///
/// Only an owner does it, to somebody else who belongs to this account alone. The member and every owner are told by
/// mail, whoever acts included: one who has taken an owner's session over must not go unseen.
pub async fn reset_sign_in(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    expected: Option<u64>,
) -> Result<Stored<MemberRecord>, PeopleError> {
    let Some(actor) = acting.member.filter(|_| acting.role == Role::Owner) else {
        return Err(PeopleError::forbidden("only an owner lets a member in anew"));
    };
    if actor == id {
        return Err(PeopleError::forbidden(
            "nobody lets themselves in anew: change your own sign-in on your security page",
        ));
    }
    let (account, user) = (acting.scope.account(), Id::from_bytes(id.bytes()));
    active(ledger, acting, id, expected).await?;
    // Before the log tells of what would then be refused.
    sign_in::belongs_only_to(ledger, &users::get(ledger, user).await?, account).await?;
    let account_name = directory::name_of(ledger, account).await?;
    let without = |was: &MemberRecord| MemberRecord { has_second_factor: false, ..was.clone() };
    noted(ledger, acting, id, expected, Deed { action: "sign_in_reset", becomes: without }).await?;
    let members = list(ledger, &acting.scope).await?;
    let by = members.iter().find(|one| one.id == actor).map(|one| one.name.clone()).unwrap_or_default();
    let owners: Vec<_> =
        members.into_iter().filter(|one| one.id != id && one.is_active() && one.role == Role::Owner).collect();
    let anew = Anew { user, account, account_name: &account_name, by: &by, owners: &owners };
    sign_in::let_in_anew(ledger, &anew).await?;
    get(ledger, &acting.scope, id).await
}

/// What is done to a member, as the account's log has it.
struct Deed<F> {
    action: &'static str,
    becomes: F,
}

/// Writes it into the account's log, if the actor may touch the member.
async fn noted<F: Fn(&MemberRecord) -> MemberRecord>(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    expected: Option<u64>,
    Deed { action, becomes }: Deed<F>,
) -> Result<(), PeopleError> {
    for _ in 0..TRIES_MAX {
        let member = active(ledger, acting, id, expected).await?;
        let mut change = Change::new();
        change.update(&member, &becomes(&member), action);
        match ledger.commit(&acting.scope, change).await {
            Ok(_) => return Ok(()),
            // The member signed in, or was changed, at this very moment.
            Err(LedgerError::Conflict { kind: Kind::Member, .. }) => {}
            Err(LedgerError::Conflict { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Changed, "the members have changed since").into())
}
