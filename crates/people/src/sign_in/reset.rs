//! A forgotten password: a mailed link to choose another one. It replaces the password alone, no second factor.

use super::{Doors, Holder, books, find, tell};
use crate::credentials::{Credentials, Keeper};
use crate::mail::link::{self, Purpose};
use crate::mail::{self, Cause, Matter, Notice};
use crate::session::{self, Person};
use crate::users::{self, UserRecord};
use crate::{MailAddress, PeopleError};
use bonded_base::{Id, Kind, Kinded, Moment, Secret, User};
use bonded_ledger::{Change, Ledger, Record, Stored};
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
    let until = ledger.clock().now().plus_millis(RESET_MS);
    let id = ledger.new_id::<ResetRecord>();
    let mut change = Change::new();
    change.create(id, &ResetRecord { user: Id::from_bytes(user.id.bytes()), until, used: false }, "requested");
    let draft = mail::Draft {
        cause: Cause::birth(id),
        to: user.mail.clone(),
        name: user.name.clone(),
        matter: Matter::PasswordReset { reset: Id::from_bytes(id.bytes()), until },
    };
    mail::queue(&mut change, ledger, &books(), draft)?;
    ledger.commit(&books(), change).await?;
    Ok(())
}

/// The reset that a mailed link is for, if it still works.
pub async fn find_reset(ledger: &Ledger, id: Id<ResetRecord>, code: &str) -> Result<Stored<ResetRecord>, PeopleError> {
    let missing = || PeopleError::missing(Kind::PasswordReset);
    let reset = ledger.get(&books(), id).await?.ok_or_else(missing)?;
    let matches = link::code_matches(ledger, &books(), id, Purpose::PasswordReset, code)?;
    let holds = !reset.used && ledger.clock().now() < reset.until;
    if matches && holds { Ok(reset) } else { Err(missing()) }
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
    let credentials = Credentials { password: Some(password), ..user.credentials.clone() };
    let mut change = Change::new();
    change.update(&user, &user.with(credentials), "password_reset");
    change.update(&reset, &ResetRecord { used: true, ..(*reset).clone() }, "used");
    ledger.commit(&scope, change).await?;
    session::end_all(ledger, Person::User(reset.user), None).await?;
    tell(ledger, &users::get(ledger, reset.user).await?, Notice::PasswordChanged).await
}
