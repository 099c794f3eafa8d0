//! Accepting an invitation: as somebody new, or as a user who is signed in already.

use super::{Into, InvitationRecord, InvitationState, books, find, overtaken};
use crate::PeopleError;
use crate::credentials::password::Passwords;
use crate::credentials::{Credentials, Keeper};
use crate::members::{MemberRecord, MemberState, Role};
use crate::session::Stage;
use crate::staff::{StaffRecord, StaffState};
use crate::users::{self, ACCOUNTS_MAX, NAME_CHARS_MAX, UserRecord, Visitor};
use bonded_base::{Account, Id, Kind, Moment, Problem, Reason, Secret, User};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored, System};

/// Accepts as somebody who is no user yet: with a name and a password.
///
/// The member comes first: should the process end in between, accepting again finds the same member.
pub async fn accept_as_new(
    ledger: &Ledger,
    passwords: &Passwords,
    id: Id<InvitationRecord>,
    code: &str,
    name: &str,
    password: Secret<String>,
) -> Result<Stored<UserRecord>, PeopleError> {
    let invitation = find(ledger, id, code).await?;
    let (account, role) = account_of(&invitation)?;
    if users::find(ledger, &invitation.mail).await?.is_some() {
        return Err(is_a_user());
    }
    let name = name_of(name)?;
    let user = Id::<UserRecord>::from_bytes(id.bytes());
    let account_name = crate::directory::name_of(ledger, account).await?;
    let scope = books();
    let context = [name.as_str(), invitation.mail.expose(), account_name.as_str()];
    let password = passwords.make(Keeper::new(ledger, &scope, user), password, &context).await?;
    let now = ledger.clock().now();
    let record = UserRecord {
        mail: invitation.mail.clone(),
        name: name.clone(),
        credentials: Credentials { password: Some(password), ..Credentials::default() },
        accounts: vec![account],
        joined_at: now,
        last_sign_in_at: None,
    };
    join(ledger, account, Id::from_bytes(id.bytes()), &invitation, &name, role, now).await?;
    let mut change = Change::new();
    change.create(user, &record, "joined");
    change.update(&invitation, &accepted(&invitation), "accepted");
    ledger.commit(&scope, change).await.map_err(|error| match error {
        // Another invitation of the same address was accepted a moment ago.
        LedgerError::Taken { .. } => is_a_user(),
        error => overtaken(error),
    })?;
    users::get(ledger, Id::from_bytes(user.bytes())).await
}

/// Accepts as a user who is signed in, under the invited address.
pub async fn accept_as_user(
    ledger: &Ledger,
    id: Id<InvitationRecord>,
    code: &str,
    visitor: &Visitor,
) -> Result<Id<Account>, PeopleError> {
    let invitation = find(ledger, id, code).await?;
    let (account, role) = account_of(&invitation)?;
    if visitor.session.stage != Stage::Full {
        return Err(PeopleError::SecondFactor);
    }
    if invitation.mail.folded() != visitor.user.mail.folded() {
        return Err(PeopleError::forbidden("the invitation is for another address than you are signed in with"));
    }
    let mut accounts = visitor.user.accounts.clone();
    if !accounts.contains(&account) {
        accounts.push(account);
    }
    if accounts.len() > ACCOUNTS_MAX {
        return Err(Problem::new(Reason::TooMuch, "a user belongs to at most 100 accounts").into());
    }
    join(ledger, account, visitor.id(), &invitation, &visitor.user.name, role, ledger.clock().now()).await?;
    let mut change = Change::new();
    change.update(&visitor.user, &UserRecord { accounts, ..(*visitor.user).clone() }, "joined");
    change.update(&invitation, &accepted(&invitation), "accepted");
    ledger.commit(&books(), change).await.map_err(overtaken)?;
    Ok(account)
}

/// Accepts an invitation onto the staff: with a name and a password. A second factor follows at the first sign-in.
pub async fn accept_staff(
    ledger: &Ledger,
    passwords: &Passwords,
    id: Id<InvitationRecord>,
    code: &str,
    name: &str,
    password: Secret<String>,
) -> Result<Stored<StaffRecord>, PeopleError> {
    let invitation = find(ledger, id, code).await?;
    let Into::Staff { roles } = invitation.into else { return Err(PeopleError::missing(Kind::Invitation)) };
    let name = name_of(name)?;
    let (staff, scope) = (Id::<StaffRecord>::from_bytes(id.bytes()), books());
    let context = [name.as_str(), invitation.mail.expose()];
    let password = passwords.make(Keeper::new(ledger, &scope, staff), password, &context).await?;
    let record = StaffRecord {
        mail: invitation.mail.clone(),
        name,
        roles,
        credentials: Credentials { password: Some(password), ..Credentials::default() },
        state: StaffState::Active,
        joined_at: ledger.clock().now(),
        last_sign_in_at: None,
    };
    let mut change = Change::new();
    change.create(staff, &record, "joined");
    change.update(&invitation, &accepted(&invitation), "accepted");
    ledger.commit(&scope, change).await.map_err(|error| match error {
        LedgerError::Taken { .. } => Problem::new(Reason::Duplicate, "this person is on the staff already").into(),
        error => overtaken(error),
    })?;
    crate::staff::get(ledger, &scope, staff).await
}

fn account_of(invitation: &InvitationRecord) -> Result<(Id<Account>, Role), PeopleError> {
    match invitation.into {
        Into::Account { account, role } => Ok((account, role)),
        Into::Staff { .. } => Err(PeopleError::missing(Kind::Invitation)),
    }
}

fn accepted(invitation: &InvitationRecord) -> InvitationRecord {
    InvitationRecord { state: InvitationState::Accepted, ..invitation.clone() }
}

fn is_a_user() -> PeopleError {
    Problem::new(Reason::Duplicate, "this address has a user already: sign in, then accept").into()
}

/// Makes somebody a member, new or once more; a member who was made by the same invitation before stays as it is.
///
/// The account's own copy of the invitation is part of the commit and decides: once it was taken back nobody comes in
/// by it, and once it was accepted nobody comes in again whom the account has removed since.
async fn join(
    ledger: &Ledger,
    account: Id<Account>,
    user: Id<User>,
    invitation: &Stored<InvitationRecord>,
    name: &str,
    role: Role,
    now: Moment,
) -> Result<(), PeopleError> {
    let missing = || PeopleError::missing(Kind::Invitation);
    let scope = Scope::system(account, System::Doorkeeper);
    let id = crate::members::id_of(user);
    let own = ledger.get(&scope, invitation.id).await?.ok_or_else(missing)?;
    let was = ledger.get(&scope, id).await?;
    let is_member = was.as_ref().is_some_and(|member| member.is_active());
    // Whom the same invitation made a member before the address had its user, which it got by another one.
    let before = Id::<MemberRecord>::from_bytes(invitation.id.bytes());
    let before = if before == id { None } else { ledger.get(&scope, before).await?.filter(|one| one.is_active()) };
    match own.state {
        InvitationState::Open => {}
        InvitationState::Accepted if is_member => return Ok(()),
        InvitationState::Accepted if before.is_some() => {}
        InvitationState::Accepted | InvitationState::Withdrawn => return Err(missing()),
    }
    let member = MemberRecord {
        mail: invitation.mail.clone(),
        name: name.to_owned(),
        role,
        state: MemberState::Active,
        joined_at: now,
        last_sign_in_at: None,
        has_second_factor: false,
    };
    let mut change = Change::new();
    match was {
        Some(was) if was.is_active() => {}
        Some(was) => change.update(&was, &member, "joined"),
        None => change.create(id, &member, "joined"),
    }
    if let Some(before) = before {
        change.update(&before, &MemberRecord { state: MemberState::Ended, ..(*before).clone() }, "replaced");
    }
    change.update(&own, &accepted(&own), "accepted");
    ledger.commit(&scope, change).await.map_err(overtaken)?;
    Ok(())
}

fn name_of(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "a name has 1 to 100 characters"));
    }
    Ok(name.to_owned())
}
