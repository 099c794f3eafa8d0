//! A mailed link to choose a password: for whoever forgot it, and for whom an owner lets in anew.
//!
//! The link replaces the password alone, no second factor. Where an owner took the second factor away, the next sign-in
//! demands another one as far as the role does.

use super::{Doors, Holder, TRIES_MAX, alerts, books, crowded, find, told};
use crate::credentials::{Credentials, Keeper};
use crate::mail::link::{self, Purpose};
use crate::mail::{self, Cause, Matter, Notice, about};
use crate::members::MemberRecord;
use crate::session::{self, Person};
use crate::users::{self, UserRecord};
use crate::{MailAddress, PeopleError};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Secret, User};
use bonded_ledger::{Change, Ledger, LedgerError, Record, Stored};
use serde::{Deserialize, Serialize};

/// How long a link to a new password works, in milliseconds.
pub const RESET_MS: i64 = 60 * 60 * 1000;

/// A link that was mailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRecord {
    /// For whom.
    pub user: Id<User>,
    /// Until when it works.
    pub until: Moment,
    /// Whether it was used.
    pub used: bool,
}

impl Kinded for ResetRecord {
    const KIND: Kind = Kind::PasswordReset;
}

impl Record for ResetRecord {}

/// Mails a link, if there is such a user; whoever asks is never told whether.
///
/// To be spawned, so that the answer comes at once in either case.
pub async fn ask_for_reset(ledger: &Ledger, mail: &MailAddress) -> Result<(), PeopleError> {
    let Some(user) = find::<UserRecord>(ledger, mail).await? else { return Ok(()) };
    let mut change = Change::new();
    link_in(&mut change, ledger, &user, |reset, until| Matter::PasswordReset { reset, until })?;
    ledger.commit(&books(), change).await?;
    Ok(())
}

/// Adds a link to a change, and the mail that carries it.
fn link_in(
    change: &mut Change,
    ledger: &Ledger,
    user: &Stored<UserRecord>,
    matter: impl FnOnce(Id<about::PasswordReset>, Moment) -> Matter,
) -> Result<(), LedgerError> {
    let until = ledger.clock().now().plus_millis(RESET_MS);
    let id = ledger.new_id::<ResetRecord>();
    change.create(id, &ResetRecord { user: Id::from_bytes(user.id.bytes()), until, used: false }, "requested");
    let matter = matter(Id::from_bytes(id.bytes()), until);
    mail::queue(change, ledger, &books(), alerts::about(user, Cause::birth(id), matter)).map(drop)
}

/// Somebody whom an owner lets in anew.
pub(crate) struct Anew<'a> {
    /// Whom.
    pub user: Id<User>,
    /// The one account that the user may belong to.
    pub account: Id<Account>,
    /// Its name.
    pub account_name: &'a str,
    /// Who lets them in.
    pub by: &'a str,
    /// The account's owners, who are told, whoever of them did it.
    pub owners: &'a [Stored<MemberRecord>],
}

/// Takes away all that a user signs in with, ends all sessions, and mails a link to a new password; the owners are told.
///
/// The password goes too: with it alone whoever stole it would enrol a second factor of their own.
pub(crate) async fn let_in_anew(ledger: &Ledger, anew: &Anew<'_>) -> Result<(), PeopleError> {
    let Anew { account_name, by, .. } = *anew;
    for _ in 0..TRIES_MAX {
        let user = users::get(ledger, anew.user).await?;
        belongs_only_to(ledger, &user, anew.account).await?;
        let mut change = Change::new();
        change.update(&user, &user.with(Credentials::default()), "sign_in_reset");
        session::end_all_in(&mut change, ledger, Person::User(anew.user), None).await?;
        link_in(&mut change, ledger, &user, |reset, until| Matter::SignInReset {
            reset,
            account_name: account_name.to_owned(),
            by: by.to_owned(),
            until,
        })?;
        for owner in anew.owners {
            let (account_name, member, by) = (account_name.to_owned(), user.name.clone(), by.to_owned());
            let draft = mail::Draft {
                cause: Cause::change(user.id, user.version + 1),
                to: owner.mail.clone(),
                name: owner.name.clone(),
                matter: Matter::MemberReset { account_name, member, by },
            };
            mail::queue(&mut change, ledger, &books(), draft)?;
        }
        match ledger.commit(&books(), change).await {
            Ok(_) => return Ok(()),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowded())
}

/// Refuses what one account may not do to somebody who belongs to others too: it would weaken their door.
pub(crate) async fn belongs_only_to(
    ledger: &Ledger,
    user: &Stored<UserRecord>,
    account: Id<Account>,
) -> Result<(), PeopleError> {
    let memberships = users::memberships(ledger, user.id, user).await?;
    if memberships.iter().any(|(other, _)| *other != account) {
        return Err(PeopleError::state(
            "this person belongs to other accounts too, whose door this would open: remove the member, and invite \
             another address of theirs",
        ));
    }
    Ok(())
}

/// The reset that a mailed link is for, if it still works.
pub async fn find_reset(ledger: &Ledger, id: Id<ResetRecord>, code: &str) -> Result<Stored<ResetRecord>, PeopleError> {
    let missing = || PeopleError::missing(Kind::PasswordReset);
    let reset = ledger.get(&books(), id).await?.ok_or_else(missing)?;
    let matches = link::code_matches(ledger, &books(), id, Purpose::PasswordReset, code)?;
    let holds = !reset.used && ledger.clock().now() < reset.until;
    if !matches || !holds {
        return Err(missing());
    }
    let user = users::get(ledger, reset.user).await?;
    // A link that was asked for before the password was last chosen is one that lies about in some mailbox.
    let chosen_at = user.credentials.password.as_ref().map(|password| password.set_at);
    let asked_at = reset.until.plus_millis(-RESET_MS);
    if chosen_at.is_some_and(|chosen_at| chosen_at > asked_at) { Err(missing()) } else { Ok(reset) }
}

/// Chooses a new password. All sessions end; signing in takes the second factor, where there is one, as before.
pub async fn reset_password(
    doors: &Doors,
    id: Id<ResetRecord>,
    code: &str,
    password: Secret<String>,
) -> Result<(), PeopleError> {
    let ledger = &doors.ledger;
    let reset = find_reset(ledger, id, code).await?;
    let user = users::get(ledger, reset.user).await?;
    let scope = books();
    let keeper = Keeper::new(ledger, &scope, user.id);
    let password = doors.passwords.make(keeper, password, &[&user.name, user.mail.expose()]).await?;
    for _ in 0..TRIES_MAX {
        // As it is now: other requests may have changed the person since the link was shown.
        let user = users::get(ledger, reset.user).await?;
        let credentials = Credentials { password: Some(password.clone()), ..user.credentials.clone() };
        let mut change = Change::new();
        change.update(&user, &user.with(credentials), "password_reset");
        change.update(&reset, &ResetRecord { used: true, ..(*reset).clone() }, "used");
        session::end_all_in(&mut change, ledger, Person::User(reset.user), None).await?;
        mail::queue(&mut change, ledger, &scope, told(&user, Notice::PasswordChanged))?;
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(()),
            // Another use of the same link came first.
            Err(LedgerError::Conflict { kind: Kind::PasswordReset, .. }) => {
                return Err(PeopleError::missing(Kind::PasswordReset));
            }
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowded())
}
