//! The platform's staff: who runs it, what they may do, and how they join and leave.
//!
//! Staff are records of the platform's own account, so its log tells of each change of their powers. What a role may do
//! stands in [`Power`] and nowhere else.

mod acting;
mod power;

pub use acting::Acting;
pub use power::{Power, StaffRole, StaffRoles, UnknownStaffRole};

use crate::books::books;
use crate::credentials::Credentials;
use crate::mail::Notice;
use crate::session::{self, Person, SessionRecord};
use crate::{MailAddress, PeopleError, mail, training};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, Reason, Secret, Staff};
use bonded_ledger::{Change, Ledger, LedgerError, List, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Staff accounts at most, those that ended included.
pub const STAFF_MAX: u32 = 1_000;
/// Characters of a person's name at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Security officers that a deployment keeps at least, once it has had them: one alone could not be checked by anybody.
pub const OFFICERS_MIN: usize = 2;

/// Whether somebody is on the staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffState {
    /// Is.
    Active,
    /// Is no longer.
    Ended,
}

/// One of the platform's staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRecord {
    /// The address that the person signs in with; the identity-aware proxy must name the same.
    pub mail: MailAddress,
    /// What the person is called, also by the accounts that are asked for a grant.
    pub name: String,
    /// What the person may do.
    pub roles: StaffRoles,
    /// How the person signs in.
    pub credentials: Credentials,
    /// Whether the person is on the staff.
    pub state: StaffState,
    /// Since when.
    pub joined_at: Moment,
    /// When the person last signed in.
    pub last_sign_in_at: Option<Moment>,
}

impl Kinded for StaffRecord {
    const KIND: Kind = Kind::Staff;
}

impl Record for StaffRecord {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        match self.state {
            StaffState::Active => vec![by_mail(&self.mail)],
            StaffState::Ended => Vec::new(),
        }
    }
}

/// Finds staff by their address; merchants' users have addresses of their own.
pub(crate) fn by_mail(mail: &MailAddress) -> Lookup<'static> {
    Lookup::new(LookupName::MailAddress, format!("staff {}", mail.folded()).into_bytes())
}

impl StaffRecord {
    /// Whether the person is on the staff.
    pub fn is_active(&self) -> bool {
        self.state == StaffState::Active
    }
}

/// A person's id as its record has it.
pub const fn record_id(staff: Id<Staff>) -> Id<StaffRecord> {
    Id::from_bytes(staff.bytes())
}

/// One of the staff, let in for one request.
#[derive(Clone)]
pub struct StaffVisitor {
    /// Who.
    pub record: Stored<StaffRecord>,
    /// The session that was shown.
    pub session: Stored<SessionRecord>,
    /// Whether the courses that the person's roles demand are valid.
    pub is_trained: bool,
}

impl StaffVisitor {
    /// The person's id.
    pub const fn id(&self) -> Id<Staff> {
        Id::from_bytes(self.record.id.bytes())
    }

    /// The platform's own account, as this person.
    pub const fn scope(&self) -> Scope {
        Scope::staff(self.id())
    }

    /// Whether the person has shown what the roles demand, so that the powers may be used.
    pub fn is_let_in(&self) -> bool {
        self.session.is_strong() && (!self.record.roles.need_passkey() || self.session.has_passkey())
    }

    /// Whether the person may do this now.
    pub fn may(&self, power: Power) -> bool {
        self.is_let_in() && self.record.roles.have(power, self.is_trained)
    }
}

/// The person of a staff session, however far its sign-in has come.
pub async fn admit(ledger: &Ledger, token: &Secret<String>) -> Result<StaffVisitor, PeopleError> {
    let session = session::find(ledger, token).await?.ok_or(PeopleError::SignedOut)?;
    let Person::Staff(id) = session.person else { return Err(PeopleError::SignedOut) };
    let record = ledger.get(&books(), record_id(id)).await?.filter(|record| record.is_active());
    visiting(ledger, record.ok_or(PeopleError::SignedOut)?, session).await
}

/// One of the staff in one of their own sessions, as what they may do stands now.
pub async fn visiting(
    ledger: &Ledger,
    record: Stored<StaffRecord>,
    session: Stored<SessionRecord>,
) -> Result<StaffVisitor, PeopleError> {
    let is_trained = training::is_trained(ledger, &record, ledger.clock().now()).await?;
    Ok(StaffVisitor { record, session, is_trained })
}

/// Everybody on the staff, in the order in which they joined, those included who left.
pub async fn list(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<StaffRecord>>, PeopleError> {
    Ok(ledger.list(scope, &List::first(STAFF_MAX)).await?.records)
}

/// One of the staff.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<StaffRecord>) -> Result<Stored<StaffRecord>, PeopleError> {
    ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Staff))
}

/// The active member of the staff with this address.
pub async fn find(ledger: &Ledger, mail: &MailAddress) -> Result<Option<Stored<StaffRecord>>, LedgerError> {
    let Some(id) = ledger.find::<StaffRecord>(&books(), &by_mail(mail)).await? else { return Ok(None) };
    Ok(ledger.get(&books(), id).await?.filter(|record| record.is_active()))
}

/// Gives somebody other roles. Nobody changes their own, and [`OFFICERS_MIN`] officers remain where there were so many.
pub async fn change_roles(
    ledger: &Ledger,
    scope: &Scope,
    by: Option<Id<Staff>>,
    id: Id<StaffRecord>,
    roles: StaffRoles,
) -> Result<Stored<StaffRecord>, PeopleError> {
    let was = others(ledger, scope, by, id).await?;
    let becomes = StaffRecord { roles, ..(*was).clone() };
    settle(ledger, scope, &was, &becomes, "roles_changed").await
}

/// Ends a staff account: its sessions with it, at once.
pub async fn end(
    ledger: &Ledger,
    scope: &Scope,
    by: Option<Id<Staff>>,
    id: Id<StaffRecord>,
) -> Result<Stored<StaffRecord>, PeopleError> {
    let was = others(ledger, scope, by, id).await?;
    let becomes = StaffRecord { state: StaffState::Ended, roles: StaffRoles::default(), ..(*was).clone() };
    settle(ledger, scope, &was, &becomes, "ended").await
}

/// Adds to a change that an account loses all its roles in a review, and a mail that says so. No rule stands in its way:
/// an account that nobody certifies may be the last officer's.
pub(crate) fn take_roles(
    change: &mut Change,
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<StaffRecord>,
    decision: &'static str,
) -> Result<(), LedgerError> {
    let action = if decision == "revoked" { "roles_revoked" } else { "roles_lapsed" };
    change.update(was, &StaffRecord { roles: StaffRoles::default(), ..(**was).clone() }, action);
    mail::queue(change, ledger, scope, changed_roles(was)).map(|_| ())
}

/// Tells somebody that the roles are others now.
fn changed_roles(was: &Stored<StaffRecord>) -> mail::Draft {
    mail::Draft {
        cause: mail::Cause::change(was.id, was.version + 1),
        to: was.mail.clone(),
        name: was.name.clone(),
        matter: mail::Matter::Notice { what: Notice::RoleChanged, account_name: None },
    }
}

async fn others(
    ledger: &Ledger,
    scope: &Scope,
    by: Option<Id<Staff>>,
    id: Id<StaffRecord>,
) -> Result<Stored<StaffRecord>, PeopleError> {
    let was = get(ledger, scope, id).await?;
    if by.is_some_and(|by| by.bytes() == id.bytes()) {
        return Err(PeopleError::forbidden("nobody changes their own roles"));
    }
    if !was.is_active() {
        return Err(PeopleError::state("this person has left the staff"));
    }
    Ok(was)
}

async fn settle(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<StaffRecord>,
    becomes: &StaffRecord,
    action: &'static str,
) -> Result<Stored<StaffRecord>, PeopleError> {
    let mut change = Change::new();
    let officer = StaffRole::SecurityOfficer;
    if was.roles.contains(officer) && !becomes.roles.contains(officer) {
        // The officers that remain are part of the commit, so that two who remove each other cannot both succeed.
        let mut remaining = list(ledger, scope).await?;
        remaining.retain(|other| other.id != was.id && other.is_active() && other.roles.contains(officer));
        if remaining.len() < OFFICERS_MIN {
            return Err(PeopleError::state("two security officers remain: let another one in first"));
        }
        for other in &remaining {
            change.hold(other, "kept");
        }
    }
    change.update(was, becomes, action);
    mail::queue(&mut change, ledger, scope, changed_roles(was))?;
    ledger.commit(scope, change).await.map_err(|error| match error {
        LedgerError::Conflict { .. } => Problem::new(Reason::Changed, "the staff have changed since").into(),
        error => PeopleError::Ledger(error),
    })?;
    session::end_all(ledger, Person::Staff(Id::from_bytes(was.id.bytes())), None).await?;
    get(ledger, scope, was.id).await
}
