//! What a person is told of sign-ins that may not be theirs: on a device that is not known, and guesses that were stopped.

use super::{Doors, Entering, Holder, books, find};
use crate::mail::{self, Cause, Guessed, Matter, Notice};
use crate::session::Person;
use crate::{MailAddress, PeopleError};
use bonded_base::Id;
use bonded_ledger::{Change, Ledger, LedgerError, Stored};

/// Adds to a change that completes a sign-in the mail about its device.
pub(super) fn new_device<H: Holder>(
    change: &mut Change,
    ledger: &Ledger,
    was: &Stored<H>,
    device: &str,
) -> Result<(), LedgerError> {
    let cause = Cause::change(was.id, was.version + 1);
    let matter = Matter::NewDevice { device: device.to_owned(), is_staff: is_staff(was.id) };
    mail::queue(change, ledger, &books(), about(was, cause, matter)).map(drop)
}

/// The same for a session that began before, if its person is yet to be told.
pub(super) fn untold_device<H: Holder>(
    change: &mut Change,
    ledger: &Ledger,
    Entering { holder, session }: &Entering<H>,
) -> Result<(), LedgerError> {
    if session.device_untold { new_device(change, ledger, holder, &session.device) } else { Ok(()) }
}

/// Tells whoever has this address, if anybody does, that somebody was stopped who guessed; once a day at most.
pub async fn tell_of_guesses<H: Holder>(ledger: &Ledger, mail: &MailAddress, what: Guessed) -> Result<(), PeopleError> {
    let Some(person) = find::<H>(ledger, mail).await? else { return Ok(()) };
    let cause = Cause::day(person.id, ledger.clock().now());
    let draft = about(&person, cause, Matter::Guessed { what, is_staff: is_staff(person.id) });
    Ok(mail::enqueue(ledger, &books(), vec![draft]).await?)
}

/// Does the same apart from the answer, which neither waits for it nor tells whether there is somebody to tell.
pub(super) fn guesses_were_stopped<H: Holder>(doors: &Doors, mail: &str, what: Guessed) {
    let Ok(mail) = mail.trim().parse::<MailAddress>() else { return };
    let ledger = doors.ledger.clone();
    tokio::spawn(async move {
        if let Err(error) = tell_of_guesses::<H>(&ledger, &mail, what).await {
            tracing::warn!(%error, "a mail about guesses could not be queued");
        }
    });
}

/// The mail that tells a person what this change of theirs does to their own sign-in.
pub(super) fn told<H: Holder>(was: &Stored<H>, what: Notice) -> mail::Draft {
    about(was, Cause::change(was.id, was.version + 1), Matter::Notice { what, account_name: None })
}

/// A mail to a person who signs in here.
pub(super) fn about<H: Holder>(person: &Stored<H>, cause: Cause, matter: Matter) -> mail::Draft {
    mail::Draft { cause, to: person.mail().clone(), name: person.name().to_owned(), matter }
}

fn is_staff<H: Holder>(id: Id<H>) -> bool {
    matches!(H::person(id), Person::Staff(_))
}
