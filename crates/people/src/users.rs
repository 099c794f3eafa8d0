//! Users: the people who work in merchant accounts, and how each is let in.
//!
//! A user is a record of the platform's account, found by mail address before any account is known; what the user may
//! do in an account stands there, in the [member's](crate::members) record.
//!
//! Architecture invariant: a member's scope is made in [`Visitor::scope`] and nowhere else, of a session that was found.

use crate::books::books;
use crate::credentials::Credentials;
use crate::keys::{Maker, MakerRights};
use crate::members::{self, Acting, MemberRecord, Role};
use crate::session::{self, Person, SessionRecord, Stage};
use crate::{MailAddress, PeopleError, Permission, Permissions};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Secret, User};
use bonded_ledger::{Ledger, LedgerError, Lookup, LookupName, Record, Scope, Stored, System};
use serde::{Deserialize, Serialize};

/// Accounts that one user may belong to at most.
pub const ACCOUNTS_MAX: usize = 100;
/// Characters of a user's name at most.
pub const NAME_CHARS_MAX: usize = 100;

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The address that the user signs in with.
    pub mail: MailAddress,
    /// What the user is called.
    pub name: String,
    /// How the user signs in.
    pub credentials: Credentials,
    /// The accounts that the user is or was a member of; the accounts themselves say which.
    pub accounts: Vec<Id<Account>>,
    /// Since when.
    pub joined_at: Moment,
    /// When the user last signed in.
    pub last_sign_in_at: Option<Moment>,
}

impl Kinded for UserRecord {
    const KIND: Kind = Kind::User;
}

impl Record for UserRecord {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![by_mail(&self.mail)]
    }
}

/// Finds users by their address; staff have addresses of their own.
pub(crate) fn by_mail(mail: &MailAddress) -> Lookup<'static> {
    Lookup::new(LookupName::MailAddress, format!("user {}", mail.folded()).into_bytes())
}

/// A user's id as its record has it.
pub const fn record_id(user: Id<User>) -> Id<UserRecord> {
    Id::from_bytes(user.bytes())
}

/// The user with this address.
pub async fn find(ledger: &Ledger, mail: &MailAddress) -> Result<Option<Stored<UserRecord>>, LedgerError> {
    let Some(id) = ledger.find::<UserRecord>(&books(), &by_mail(mail)).await? else { return Ok(None) };
    ledger.get(&books(), id).await
}

/// One user.
pub async fn get(ledger: &Ledger, id: Id<User>) -> Result<Stored<UserRecord>, PeopleError> {
    ledger.get(&books(), record_id(id)).await?.ok_or_else(|| PeopleError::missing(Kind::User))
}

/// A user, let in for one request.
#[derive(Clone)]
pub struct Visitor {
    /// Who.
    pub user: Stored<UserRecord>,
    /// The session that was shown.
    pub session: Stored<SessionRecord>,
    /// The membership in the account that is open in the session.
    pub member: Option<Stored<MemberRecord>>,
}

impl Visitor {
    /// The user's id.
    pub const fn id(&self) -> Id<User> {
        Id::from_bytes(self.user.id.bytes())
    }

    /// The person, as sessions know them.
    pub const fn person(&self) -> Person {
        Person::User(self.id())
    }

    /// The account that is open, and the role in it, once the sign-in is complete.
    pub fn standing(&self) -> Option<(Id<Account>, Role)> {
        let account = self.session.account.filter(|_| self.session.stage == Stage::Full)?;
        self.member.as_ref().map(|member| (account, member.role))
    }

    /// What the user may do now: some rights rest until a second factor was shown.
    pub fn permissions(&self) -> Permissions {
        let has = |permission: &Permission| self.session.is_strong() || !permission.is_grave();
        let role = self.standing().map(|(_, role)| role.permissions()).unwrap_or_default();
        role.iter().filter(has).collect()
    }

    /// The account that is open, as this user.
    pub fn scope(&self) -> Result<Scope, PeopleError> {
        let (account, _) = self.standing().ok_or(PeopleError::SignedOut)?;
        Ok(Scope::member(account, self.id()))
    }

    /// The account that is open, as someone who acts on its members and grants.
    pub fn acting(&self) -> Result<Acting, PeopleError> {
        let (_, role) = self.standing().ok_or(PeopleError::SignedOut)?;
        Ok(Acting { scope: self.scope()?, role, member: Some(members::id_of(self.id())) })
    }

    /// What an API key may have at most that this user makes.
    pub fn maker_rights(&self) -> MakerRights {
        MakerRights { maker: Maker::Member(self.id()), permissions: self.permissions().and(Permissions::of_keys()) }
    }
}

/// The user of a session, however far its sign-in has come.
pub async fn admit(ledger: &Ledger, token: &Secret<String>) -> Result<Visitor, PeopleError> {
    let session = session::find(ledger, token).await?.ok_or(PeopleError::SignedOut)?;
    let Person::User(id) = session.person else { return Err(PeopleError::SignedOut) };
    let user = ledger.get(&books(), record_id(id)).await?.ok_or(PeopleError::SignedOut)?;
    let member = match session.account {
        Some(account) => membership(ledger, account, id).await?,
        None => None,
    };
    Ok(Visitor { user, session, member })
}

/// A user's active membership in an account, if there is one and the account is still there.
pub async fn membership(
    ledger: &Ledger,
    account: Id<Account>,
    user: Id<User>,
) -> Result<Option<Stored<MemberRecord>>, LedgerError> {
    let scope = Scope::system(account, System::Doorkeeper);
    match ledger.get(&scope, members::id_of(user)).await {
        Ok(member) => Ok(member.filter(|member| member.is_active())),
        Err(LedgerError::Destroyed) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The accounts that a user belongs to now.
pub async fn memberships(
    ledger: &Ledger,
    id: Id<UserRecord>,
    user: &UserRecord,
) -> Result<Vec<(Id<Account>, Stored<MemberRecord>)>, LedgerError> {
    let mut found = Vec::new();
    for account in &user.accounts {
        if let Some(member) = membership(ledger, *account, Id::from_bytes(id.bytes())).await? {
            found.push((*account, member));
        }
    }
    Ok(found)
}
