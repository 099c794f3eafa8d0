//! Confirming that it is still oneself, in a session that goes on: before something grave, after a while.
//!
//! It takes what the sign-in had to end with: a passkey where the role demands one, else any second factor, and the
//! password of whoever has none. A password is what a thief of an open session is most likely to know besides.

use super::factors::has_shown_enough;
use super::{
    Doors, Entering, Holder, Visit, ask_own_passkey, books, complete, throttled_failure, with_any_code,
    with_own_passkey,
};
use crate::PeopleError;
use crate::credentials::throttle::Attempt;
use crate::credentials::{Keeper, passkeys};
use crate::session::{Begun, Factor};
use bonded_base::Secret;
use serde_json::Value;

/// What somebody may confirm with, of what they have.
pub fn ways_to_confirm<H: Holder>(holder: &H) -> Vec<Factor> {
    let credentials = holder.credentials();
    if !credentials.has_second_factor() {
        return vec![Factor::Password];
    }
    let passkey_alone = credentials.has_passkey() && holder.needs_passkey();
    let recovery = credentials.recovery.as_ref().is_some_and(|recovery| recovery.left > 0);
    [
        (Factor::Passkey, credentials.has_passkey()),
        (Factor::Totp, credentials.totp.is_some() && !passkey_alone),
        (Factor::RecoveryCode, recovery && !passkey_alone),
    ]
    .into_iter()
    .filter_map(|(factor, is_way)| is_way.then_some(factor))
    .collect()
}

/// Confirms with a one-time or a recovery code. Too many wrong ones end the session.
pub async fn confirm_with_code<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    code: &str,
    visit: &Visit,
) -> Result<Begun, PeopleError> {
    may_confirm(entering, &[Factor::Totp, Factor::RecoveryCode])?;
    with_any_code(doors, entering, code, visit).await
}

/// Confirms with the password, where the person has no second factor.
pub async fn confirm_with_password<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    password: Secret<String>,
) -> Result<Begun, PeopleError> {
    may_confirm(entering, &[Factor::Password])?;
    check_password(doors, entering, password).await?;
    complete(&doors.ledger, entering, entering.holder.credentials().clone(), Factor::Password).await
}

/// What a passkey is asked to confirm with.
pub fn ask_to_confirm<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<passkeys::Begun, PeopleError> {
    may_confirm(entering, &[Factor::Passkey])?;
    ask_own_passkey(doors, entering)
}

/// Confirms with a passkey.
pub async fn confirm_with_passkey<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    ceremony: &str,
    answer: &Value,
) -> Result<Begun, PeopleError> {
    may_confirm(entering, &[Factor::Passkey])?;
    with_own_passkey(doors, entering, ceremony, answer).await
}

fn may_confirm<H: Holder>(entering: &Entering<H>, with: &[Factor]) -> Result<(), PeopleError> {
    has_shown_enough(entering)?;
    if ways_to_confirm(&*entering.holder).iter().any(|way| with.contains(way)) {
        return Ok(());
    }
    Err(PeopleError::state("confirm with what your sign-in asks for"))
}

/// Holds a password against that of a session's person.
pub(super) async fn check_password<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    password: Secret<String>,
) -> Result<(), PeopleError> {
    let (scope, holder, now) = (books(), &entering.holder, doors.ledger.clock().now());
    let keeper = Keeper::new(&doors.ledger, &scope, holder.id);
    // Counted for this session alone: who stole it cannot guess on, and keeps its owner out nowhere else.
    let attempt = Attempt::at_password(&entering.session.id.to_string(), entering.session.id.bytes(), None);
    doors.throttle.check(&attempt, now).map_err(|wait| PeopleError::Wait(wait.seconds))?;
    if let Err(error) = doors.passwords.verify(keeper, password, holder.credentials().password.as_ref()).await {
        throttled_failure(doors, &attempt, &error);
        return Err(error.into());
    }
    doors.throttle.succeeded(&attempt, now);
    Ok(())
}
