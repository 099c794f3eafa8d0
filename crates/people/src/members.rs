//! The members of a merchant account: who belongs to it, in which role.
//!
//! A member's record lives in the account, under the bytes of the user's id; how the user signs in is known to the
//! platform alone (see [`crate::users`]). A change of role or the end of a membership first takes from the API keys that
//! the member made what the member may no longer do, so that no key ever exceeds its maker.

mod role;
mod sign_in;

pub use role::{Role, UnknownRole};
pub use sign_in::{reset_sign_in, sign_out};

use crate::keys::{self, KeyError};
use crate::mail::{self, Cause, Matter, Notice};
use crate::{MailAddress, PeopleError, Permission, Permissions, directory};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Problem, Reason, User};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, PLATFORM, Record, Scope, Stored, System};
use serde::{Deserialize, Serialize};

/// Members that one account may have at most, those whose membership ended included.
pub const MEMBERS_MAX: u32 = 1_000;

/// Whether somebody still belongs to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Belongs to it.
    Active,
    /// Does no longer.
    Ended,
}

/// One member of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// The address that the member signs in with.
    pub mail: MailAddress,
    /// What the member is called.
    pub name: String,
    /// What the member may do.
    pub role: Role,
    /// Whether the membership holds.
    pub state: MemberState,
    /// Since when.
    pub joined_at: Moment,
    /// When the member last signed in to this account.
    pub last_sign_in_at: Option<Moment>,
    /// Whether a second factor was enrolled, as of the last sign-in.
    pub has_second_factor: bool,
}

impl Kinded for MemberRecord {
    const KIND: Kind = Kind::Member;
}

impl Record for MemberRecord {}

impl MemberRecord {
    /// Whether the membership holds.
    pub fn is_active(&self) -> bool {
        self.state == MemberState::Active
    }
}

/// A member's id in the account: the user's, seen as a member.
pub const fn id_of(user: Id<User>) -> Id<MemberRecord> {
    Id::from_bytes(user.bytes())
}

/// Who acts: a member with a role, under a scope of the account; or the operator, who may do all that an owner may.
#[derive(Clone)]
pub struct Acting {
    /// The account's scope.
    pub scope: Scope,
    /// The actor's role.
    pub role: Role,
    /// The actor's own membership; none for the operator.
    pub member: Option<Id<MemberRecord>>,
}

impl Acting {
    /// The operator at the command line.
    pub const fn operator(scope: Scope) -> Self {
        Self { scope, role: Role::Owner, member: None }
    }

    fn may_give(&self, role: Role) -> Result<(), PeopleError> {
        if self.role.may_give(role) {
            return Ok(());
        }
        Err(PeopleError::forbidden("nobody gives, changes or takes a role above their own"))
    }
}

/// All members, in the order in which they joined, those included whose membership ended.
pub async fn list(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<MemberRecord>>, PeopleError> {
    Ok(ledger.list(scope, &List::first(MEMBERS_MAX)).await?.records)
}

/// A page of the members, those included whose membership ended.
pub async fn page(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<MemberRecord>, PeopleError> {
    Ok(ledger.list(scope, &page).await?)
}

/// One member.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<MemberRecord>) -> Result<Stored<MemberRecord>, PeopleError> {
    ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Member))
}

/// The active members that have a permission: whom to tell, and who may decide.
pub async fn who_may(
    ledger: &Ledger,
    account: Id<Account>,
    permission: Permission,
) -> Result<Vec<Stored<MemberRecord>>, PeopleError> {
    let mut members = list(ledger, &Scope::system(account, System::Doorkeeper)).await?;
    members.retain(|member| member.is_active() && member.role.has(permission));
    Ok(members)
}

/// Gives a member another role. An account keeps at least one owner.
pub async fn change_role(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    role: Role,
    expected: Option<u64>,
) -> Result<Stored<MemberRecord>, PeopleError> {
    let member = active(ledger, acting, id, expected).await?;
    acting.may_give(role)?;
    if member.role == role {
        return Ok(member);
    }
    if role < member.role {
        other_owners(ledger, acting, &member).await?;
        limit_keys(ledger, acting, &member, role.permissions()).await?;
    }
    let becomes = MemberRecord { role, ..(*member).clone() };
    settle(ledger, acting, &member, becomes, "role_changed", Notice::RoleChanged).await
}

/// Ends a membership, and the API keys that the member made. An account keeps at least one owner.
pub async fn remove(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    expected: Option<u64>,
) -> Result<Stored<MemberRecord>, PeopleError> {
    let member = active(ledger, acting, id, expected).await?;
    // Before anything is taken away: the last owner keeps the keys too.
    other_owners(ledger, acting, &member).await?;
    limit_keys(ledger, acting, &member, Permissions::default()).await?;
    let becomes = MemberRecord { state: MemberState::Ended, ..(*member).clone() };
    settle(ledger, acting, &member, becomes, "removed", Notice::MembershipEnded).await
}

/// The member as it was seen, if the actor may touch it.
async fn active(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<MemberRecord>,
    expected: Option<u64>,
) -> Result<Stored<MemberRecord>, PeopleError> {
    let member = get(ledger, &acting.scope, id).await?;
    if expected.is_some_and(|expected| expected != member.version) {
        return Err(Problem::new(Reason::Changed, "the member has changed since").into());
    }
    if !member.is_active() {
        return Err(PeopleError::state("the membership has ended"));
    }
    acting.may_give(member.role)?;
    Ok(member)
}

/// Commits what becomes of a member and tells the person.
///
/// Every owner that remains is part of the commit, so that two who remove each other at once cannot both succeed.
async fn settle(
    ledger: &Ledger,
    acting: &Acting,
    member: &Stored<MemberRecord>,
    becomes: MemberRecord,
    action: &'static str,
    notice: Notice,
) -> Result<Stored<MemberRecord>, PeopleError> {
    let mut change = Change::new();
    for other in other_owners(ledger, acting, member).await? {
        change.hold(&other, "kept");
    }
    change.update(member, &becomes, action);
    ledger.commit(&acting.scope, change).await.map_err(|error| match error {
        LedgerError::Conflict { .. } => Problem::new(Reason::Changed, "the members have changed since").into(),
        error => PeopleError::Ledger(error),
    })?;
    tell(ledger, &acting.scope, member, notice).await?;
    get(ledger, &acting.scope, member.id).await
}

/// Who else owns the account, where the member is an owner who will be none; refused if nobody does.
async fn other_owners(
    ledger: &Ledger,
    acting: &Acting,
    member: &Stored<MemberRecord>,
) -> Result<Vec<Stored<MemberRecord>>, PeopleError> {
    if member.role != Role::Owner {
        return Ok(Vec::new());
    }
    let mut others = list(ledger, &acting.scope).await?;
    others.retain(|other| other.id != member.id && other.is_active() && other.role == Role::Owner);
    if others.is_empty() {
        return Err(PeopleError::state("an account keeps at least one owner: make another one first"));
    }
    Ok(others)
}

/// Tells a member by mail what happened to the membership.
async fn tell(ledger: &Ledger, scope: &Scope, member: &Stored<MemberRecord>, what: Notice) -> Result<(), PeopleError> {
    let account_name = Some(directory::name_of(ledger, scope.account()).await?);
    let draft = mail::Draft {
        cause: Cause::change(member.id, member.version + 1),
        to: member.mail.clone(),
        name: member.name.clone(),
        matter: Matter::Notice { what, account_name },
    };
    Ok(mail::enqueue(ledger, &Scope::system(PLATFORM, System::Doorkeeper), vec![draft]).await?)
}

/// Takes from a member's API keys what the member will no longer have.
async fn limit_keys(
    ledger: &Ledger,
    acting: &Acting,
    member: &Stored<MemberRecord>,
    left: Permissions,
) -> Result<(), PeopleError> {
    let made_by = Id::<User>::from_bytes(member.id.bytes());
    // A request that must happen only once claims its key with the change of the member itself.
    keys::limit(ledger, &acting.scope.again(), made_by, left).await.map_err(|error| match error {
        KeyError::Ledger(error) => error.into(),
        KeyError::Problem(problem) => problem.into(),
        KeyError::NotValid => PeopleError::missing(Kind::ApiKey),
    })
}
