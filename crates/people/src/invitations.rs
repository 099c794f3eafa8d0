//! Invitations: how people come into a merchant account, or onto the staff.
//!
//! An invitation is a record of the platform's account, since whoever holds its mailed link is nobody yet; one into a
//! merchant account is also kept there under the same id, so that its members and its log see it. The link carries a
//! code that is kept nowhere (see [`crate::mail::link`]). Accepting is safe to repeat: a new person's id is derived from
//! the invitation.

mod accept;

pub use accept::{accept_as_new, accept_as_user, accept_staff};

use crate::books::books;
use crate::mail::link::{self, Origins, Purpose};
use crate::mail::{self, Cause, Matter, one_line};
use crate::members::{self, Acting, Role};
use crate::staff::{self, StaffRoles};
use crate::{MailAddress, PeopleError, directory};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Problem, Reason, Secret};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// How long an invitation can be accepted.
pub const HOLDS_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Open invitations that one account, or the staff, may have at most.
pub const OPEN_MAX: usize = 100;
/// Invitations of one account that are listed at most.
pub const LISTED_MAX: u32 = 1_000;

/// The state by which the platform lists those onto the staff that nobody has used or taken back, among all others.
const STAFF_OPEN: u8 = 1;

/// Where an invitation leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Into {
    /// A merchant account, in a role.
    Account {
        /// Which.
        account: Id<Account>,
        /// As what.
        role: Role,
    },
    /// The staff, with roles.
    Staff {
        /// Which.
        roles: StaffRoles,
    },
}

/// Where an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Can be accepted.
    Open,
    /// Was.
    Accepted,
    /// Was taken back.
    Withdrawn,
}

/// What is known of an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRecord {
    /// Who is invited.
    pub mail: MailAddress,
    /// Where to.
    pub into: Into,
    /// Who invited, as a name.
    pub invited_by: String,
    /// Where it stands.
    pub state: InvitationState,
    /// Until when it can be accepted.
    pub until: Moment,
}

impl Kinded for InvitationRecord {
    const KIND: Kind = Kind::Invitation;
}

impl Record for InvitationRecord {
    fn state(&self) -> u8 {
        match self.into {
            Into::Staff { .. } if self.state == InvitationState::Open => STAFF_OPEN,
            Into::Account { .. } | Into::Staff { .. } => 0,
        }
    }
}

impl InvitationRecord {
    /// Whether it can be accepted.
    pub fn is_open(&self, now: Moment) -> bool {
        self.state == InvitationState::Open && now < self.until
    }

    const fn purpose(&self) -> Purpose {
        match self.into {
            Into::Account { .. } => Purpose::Invitation,
            Into::Staff { .. } => Purpose::StaffInvitation,
        }
    }
}

/// Invites somebody into an account. The account's own log tells of it first.
pub async fn invite_member(
    ledger: &Ledger,
    acting: &Acting,
    inviter: &str,
    mail: MailAddress,
    role: Role,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    if !acting.role.may_give(role) {
        return Err(PeopleError::forbidden("nobody gives, changes or takes a role above their own"));
    }
    let account = acting.scope.account();
    let account_name = directory::name_of(ledger, account).await?;
    let known = members::list(ledger, &acting.scope).await?;
    if known.iter().any(|member| member.is_active() && member.mail.folded() == mail.folded()) {
        return Err(Problem::new(Reason::Duplicate, "this person is a member of the account already").into());
    }
    let now = ledger.clock().now();
    let open: Vec<_> = list(ledger, &acting.scope).await?.into_iter().filter(|one| one.is_open(now)).collect();
    if open.iter().any(|one| one.mail.folded() == mail.folded()) {
        return Err(Problem::new(Reason::Duplicate, "this person has an open invitation already").into());
    }
    if open.len() >= OPEN_MAX {
        return Err(Problem::new(Reason::TooMuch, "an account has at most 100 open invitations").into());
    }
    let inviter = one_line(inviter);
    let record = InvitationRecord {
        mail,
        into: Into::Account { account, role },
        invited_by: inviter.clone(),
        state: InvitationState::Open,
        until: now.plus_millis(HOLDS_MS),
    };
    let id = ledger.new_id::<InvitationRecord>();
    let mut change = Change::new();
    change.create(id, &record, "invited");
    ledger.commit(&acting.scope, change).await?;
    let invitation = Id::from_bytes(id.bytes());
    let until = record.until;
    let matter = Matter::Invitation { invitation, inviter, account_name, role: role.to_string(), until };
    send(ledger, &books(), id, &record, String::new(), matter).await?;
    get(ledger, &acting.scope, id).await
}

/// Invites somebody onto the staff; needs a scope of the platform.
pub async fn invite_staff(
    ledger: &Ledger,
    scope: &Scope,
    inviter: &str,
    mail: MailAddress,
    roles: StaffRoles,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    if roles.is_empty() {
        return Err(Problem::invalid("/roles", "name at least one role").into());
    }
    if staff::find(ledger, &mail).await?.is_some() {
        return Err(Problem::new(Reason::Duplicate, "this person is on the staff already").into());
    }
    if list_staff(ledger, scope).await?.len() >= OPEN_MAX {
        return Err(Problem::new(Reason::TooMuch, "there are at most 100 open invitations onto the staff").into());
    }
    let now = ledger.clock().now();
    let record = InvitationRecord {
        mail,
        into: Into::Staff { roles },
        invited_by: one_line(inviter),
        state: InvitationState::Open,
        until: now.plus_millis(HOLDS_MS),
    };
    let id = ledger.new_id::<InvitationRecord>();
    let matter = Matter::StaffInvitation { invitation: Id::from_bytes(id.bytes()), until: record.until };
    send(ledger, scope, id, &record, String::new(), matter).await?;
    get(ledger, scope, id).await
}

/// Keeps the platform's record together with its mail.
async fn send(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<InvitationRecord>,
    record: &InvitationRecord,
    name: String,
    matter: Matter,
) -> Result<(), PeopleError> {
    let mut change = Change::new();
    change.create(id, record, "invited");
    let to = record.mail.clone();
    mail::queue(&mut change, ledger, scope, mail::Draft { cause: Cause::birth(id), to, name, matter })?;
    ledger.commit(scope, change).await?;
    Ok(())
}

/// The invitations of an account, oldest first.
pub async fn list(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<InvitationRecord>>, LedgerError> {
    Ok(ledger.list(scope, &List::first(LISTED_MAX)).await?.records)
}

/// A page of the invitations of an account.
pub async fn page(ledger: &Ledger, scope: &Scope, page: List) -> Result<Listed<InvitationRecord>, LedgerError> {
    ledger.list(scope, &page).await
}

/// The invitations onto the staff that can be accepted, newest first; needs a scope of the platform.
pub async fn list_staff(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<InvitationRecord>>, LedgerError> {
    let newest = List { state: Some(STAFF_OPEN), descending: true, ..List::first(LISTED_MAX) };
    let (mut found, now) = (ledger.list::<InvitationRecord>(scope, &newest).await?.records, ledger.clock().now());
    found.retain(|invitation| invitation.is_open(now));
    Ok(found)
}

/// One invitation.
pub async fn get(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<InvitationRecord>,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Invitation))
}

/// Takes an invitation into the acting person's account back.
pub async fn withdraw(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<InvitationRecord>,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    let own = get(ledger, &acting.scope, id).await?;
    if own.state != InvitationState::Open {
        return Err(PeopleError::state("only an open invitation can be taken back"));
    }
    // The account's own copy, as it was just seen, decides between this and somebody who accepts now: see `join`.
    take_back(ledger, &acting.scope, &own).await?;
    if let Some(was) = ledger.get(&books(), id).await?.filter(|was| was.state == InvitationState::Open) {
        take_back(ledger, &books(), &was).await?;
    }
    let sent = mail::id_of(ledger, &books(), Cause::birth(id), &own.mail, "invitation")?;
    mail::call_off(ledger, &books(), sent).await?;
    get(ledger, &acting.scope, id).await
}

/// Takes an invitation onto the staff back; needs a scope of the platform, whose log tells of it.
pub async fn withdraw_staff(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<InvitationRecord>,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    let was = get(ledger, scope, id).await?;
    match was.into {
        Into::Staff { .. } if was.state == InvitationState::Open => {}
        Into::Staff { .. } => return Err(PeopleError::state("only an open invitation can be taken back")),
        Into::Account { .. } => return Err(PeopleError::missing(Kind::Invitation)),
    }
    take_back(ledger, scope, &was).await?;
    let sent = mail::id_of(ledger, scope, Cause::birth(id), &was.mail, "staff_invitation")?;
    mail::call_off(ledger, scope, sent).await?;
    get(ledger, scope, id).await
}

async fn take_back(ledger: &Ledger, scope: &Scope, was: &Stored<InvitationRecord>) -> Result<(), PeopleError> {
    let mut change = Change::new();
    change.update(was, &InvitationRecord { state: InvitationState::Withdrawn, ..(**was).clone() }, "withdrawn");
    ledger.commit(scope, change).await.map_err(overtaken)?;
    Ok(())
}

/// Somebody accepted, or took back, the same invitation a moment ago.
fn overtaken(error: LedgerError) -> PeopleError {
    match error {
        LedgerError::Conflict { .. } => Problem::new(Reason::Changed, "the invitation has changed since").into(),
        error => error.into(),
    }
}

/// The open invitation that a mailed link is for.
pub async fn find(
    ledger: &Ledger,
    id: Id<InvitationRecord>,
    code: &str,
) -> Result<Stored<InvitationRecord>, PeopleError> {
    let missing = || PeopleError::missing(Kind::Invitation);
    let found = ledger.get(&books(), id).await?.ok_or_else(missing)?;
    let matches = link::code_matches(ledger, &books(), id, found.purpose(), code)?;
    if !matches || !found.is_open(ledger.clock().now()) {
        return Err(missing());
    }
    Ok(found)
}

/// The address that the mail leads to, for whoever hands it over in another way.
pub fn link_of(
    ledger: &Ledger,
    id: Id<InvitationRecord>,
    record: &InvitationRecord,
    origins: &Origins,
) -> Result<Secret<String>, LedgerError> {
    let code = link::code(ledger, &books(), id, record.purpose())?;
    Ok(Secret::new(match record.into {
        Into::Account { .. } => format!("{}/invitations/{id}/{}", origins.public, code.expose()),
        Into::Staff { .. } => format!("{}/staff/invitations/{id}/{}", origins.private, code.expose()),
    }))
}
