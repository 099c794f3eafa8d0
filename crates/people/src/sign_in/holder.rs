//! Whoever has credentials: users of merchant accounts and staff sign in by the same steps.

use super::Doors;
use crate::credentials::Credentials;
use crate::credentials::passkeys::Passkeys;
use crate::session::Person;
use crate::staff::StaffRecord;
use crate::users::{self, UserRecord};
use crate::{MailAddress, PeopleError};
use bonded_base::{Account, Id, Moment};
use bonded_ledger::{Ledger, Lookup, Record, Stored};
use std::future::Future;

/// A record of the platform's account that a person signs in with.
pub trait Holder: Record + Clone {
    /// How the person is found.
    fn by_mail(mail: &MailAddress) -> Lookup<'static>;
    /// The person's address.
    fn mail(&self) -> &MailAddress;
    /// What the person is called.
    fn name(&self) -> &str;
    /// How the person signs in.
    fn credentials(&self) -> &Credentials;
    /// The same person with other credentials.
    #[must_use]
    fn with(&self, credentials: Credentials) -> Self;
    /// The same person, who has signed in now.
    #[must_use]
    fn signed_in(&self, at: Moment) -> Self;
    /// Whether the person may sign in at all.
    fn is_active(&self) -> bool;
    /// The person, as sessions know them.
    fn person(id: Id<Self>) -> Person;
    /// The record of a session's person, if it is one of these.
    fn id_of(person: Person) -> Option<Id<Self>>;
    /// The passkeys of such people.
    fn passkeys(doors: &Doors) -> &Passkeys;
    /// Whether only a passkey will do as a second factor.
    fn needs_passkey(&self) -> bool;
    /// Whether something must be enrolled before the sign-in is complete.
    fn must_enrol(
        ledger: &Ledger,
        id: Id<Self>,
        holder: &Self,
    ) -> impl Future<Output = Result<bool, PeopleError>> + Send;
    /// The account that is opened at once, if there is only one.
    fn only_account(
        ledger: &Ledger,
        holder: &Stored<Self>,
    ) -> impl Future<Output = Result<Option<Id<Account>>, PeopleError>> + Send;
}

impl Holder for UserRecord {
    fn by_mail(mail: &MailAddress) -> Lookup<'static> {
        users::by_mail(mail)
    }

    fn mail(&self) -> &MailAddress {
        &self.mail
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn with(&self, credentials: Credentials) -> Self {
        Self { credentials, ..self.clone() }
    }

    fn signed_in(&self, at: Moment) -> Self {
        Self { last_sign_in_at: Some(at), ..self.clone() }
    }

    fn is_active(&self) -> bool {
        true
    }

    fn person(id: Id<Self>) -> Person {
        Person::User(Id::from_bytes(id.bytes()))
    }

    fn id_of(person: Person) -> Option<Id<Self>> {
        match person {
            Person::User(id) => Some(users::record_id(id)),
            Person::Staff(_) => None,
        }
    }

    fn passkeys(doors: &Doors) -> &Passkeys {
        &doors.users
    }

    fn needs_passkey(&self) -> bool {
        false
    }

    /// A second factor, where a role in any of the accounts has rights that it is demanded for.
    async fn must_enrol(ledger: &Ledger, id: Id<Self>, holder: &Self) -> Result<bool, PeopleError> {
        if holder.credentials.has_second_factor() {
            return Ok(false);
        }
        let memberships = users::memberships(ledger, id, holder).await?;
        Ok(memberships.iter().any(|(_, member)| member.role.needs_second_factor()))
    }

    async fn only_account(ledger: &Ledger, holder: &Stored<Self>) -> Result<Option<Id<Account>>, PeopleError> {
        let memberships = users::memberships(ledger, holder.id, holder).await?;
        Ok(memberships.first().filter(|_| memberships.len() == 1).map(|(account, _)| *account))
    }
}

impl Holder for StaffRecord {
    fn by_mail(mail: &MailAddress) -> Lookup<'static> {
        crate::staff::by_mail(mail)
    }

    fn mail(&self) -> &MailAddress {
        &self.mail
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn with(&self, credentials: Credentials) -> Self {
        Self { credentials, ..self.clone() }
    }

    fn signed_in(&self, at: Moment) -> Self {
        Self { last_sign_in_at: Some(at), ..self.clone() }
    }

    fn is_active(&self) -> bool {
        StaffRecord::is_active(self)
    }

    fn person(id: Id<Self>) -> Person {
        Person::Staff(Id::from_bytes(id.bytes()))
    }

    fn id_of(person: Person) -> Option<Id<Self>> {
        match person {
            Person::Staff(id) => Some(crate::staff::record_id(id)),
            Person::User(_) => None,
        }
    }

    fn passkeys(doors: &Doors) -> &Passkeys {
        &doors.staff
    }

    fn needs_passkey(&self) -> bool {
        self.roles.need_passkey()
    }

    /// A second factor always; a passkey for officers and the reviewer.
    async fn must_enrol(_: &Ledger, _: Id<Self>, holder: &Self) -> Result<bool, PeopleError> {
        let credentials = &holder.credentials;
        let lacks_passkey = holder.needs_passkey() && !credentials.has_passkey();
        Ok(lacks_passkey || !credentials.has_second_factor())
    }

    async fn only_account(_: &Ledger, _: &Stored<Self>) -> Result<Option<Id<Account>>, PeopleError> {
        Ok(None)
    }
}
