//! Changing how one signs in: the password, one-time codes, passkeys, recovery codes.
//!
//! Whatever changes ends all other sessions of the person, moves this one to a new token, and is told by mail.

use super::confirm::{check_password, ways_to_confirm};
use super::{Doors, Entering, Holder, TRIES_MAX, again, alerts, crowded, entered, keep, told};
use crate::PeopleError;
use crate::credentials::passkeys::{self, Owner};
use crate::credentials::recovery::Recovery;
use crate::credentials::totp::{PendingTotp, Shown};
use crate::credentials::{Credentials, Keeper};
use crate::mail::{self, Notice};
use crate::session::{self, Begun, Factor, Onward, SessionRecord, Stage};
use bonded_base::{Moment, Secret};
use bonded_ledger::{Change, LedgerError};
use serde_json::Value;

/// What came of a change: the session under its new token, and recovery codes if there are new ones, shown this once.
pub struct Enrolled {
    /// The session goes on.
    pub begun: Begun,
    /// New recovery codes.
    pub recovery: Vec<Secret<String>>,
}

/// Another password, given the one that holds.
pub async fn change_password<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    old: Secret<String>,
    new: Secret<String>,
) -> Result<Enrolled, PeopleError> {
    has_shown_enough(entering)?;
    let (scope, holder) = (super::books(), &entering.holder);
    check_password(doors, entering, old).await?;
    let keeper = Keeper::new(&doors.ledger, &scope, holder.id);
    let context = [holder.name(), holder.mail().expose()];
    let password = Some(doors.passwords.make(keeper, new, &context).await?);
    let credentials = Credentials { password, ..holder.credentials().clone() };
    settle(doors, entering, credentials, "password_changed", Notice::PasswordChanged, Some(Factor::Password)).await
}

/// Begins with one-time codes: what the authenticator app must be shown.
pub async fn begin_totp<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<Shown, PeopleError> {
    may_change(doors, entering)?;
    let (ledger, scope, holder) = (&doors.ledger, super::books(), &entering.holder);
    let (pending, shown) = PendingTotp::begin(
        Keeper::new(ledger, &scope, holder.id),
        H::passkeys(doors).relying_party(),
        holder.mail().expose(),
    )?;
    let credentials = Credentials { pending_totp: Some(pending), ..holder.credentials().clone() };
    keep(ledger, holder, credentials, "totp_begun").await?;
    Ok(shown)
}

/// Ends what [`begin_totp`] began, with the app's first code.
pub async fn confirm_totp<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    code: &str,
) -> Result<Enrolled, PeopleError> {
    may_change(doors, entering)?;
    let (scope, holder) = (super::books(), &entering.holder);
    let mut credentials = holder.credentials().clone();
    let pending = credentials.pending_totp.take();
    let pending = pending.ok_or_else(|| PeopleError::state("begin again: no authenticator app is being added"))?;
    credentials.totp = Some(pending.confirm(Keeper::new(&doors.ledger, &scope, holder.id), code)?);
    settle(doors, entering, credentials, "totp_added", Notice::FactorAdded, Some(Factor::Totp)).await
}

/// Takes the authenticator app away.
pub async fn remove_totp<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<Enrolled, PeopleError> {
    may_change(doors, entering)?;
    if entering.holder.credentials().totp.is_none() {
        return Err(PeopleError::state("there is no authenticator app"));
    }
    let credentials = Credentials { totp: None, ..entering.holder.credentials().clone() };
    may_do_without(doors, entering, &credentials).await?;
    settle(doors, entering, credentials, "totp_removed", Notice::FactorRemoved, None).await
}

/// Begins with a passkey: what the browser is to be asked with.
pub fn begin_passkey<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<passkeys::Begun, PeopleError> {
    may_change(doors, entering)?;
    let (ledger, holder) = (&doors.ledger, &entering.holder);
    let owner = Owner { person: holder.id.bytes(), mail: holder.mail().expose(), name: holder.name() };
    let known = &holder.credentials().passkeys;
    let now = ledger.clock().now();
    Ok(H::passkeys(doors).begin_enrolment(owner, known, entering.binding(), now, ledger.chance())?)
}

/// Ends what [`begin_passkey`] began, with what the browser answered.
pub async fn add_passkey<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    ceremony: &str,
    name: &str,
    answer: &Value,
) -> Result<Enrolled, PeopleError> {
    may_change(doors, entering)?;
    let now = doors.ledger.clock().now();
    let passkey = H::passkeys(doors).finish_enrolment(ceremony, entering.binding(), name, answer, now)?;
    let mut credentials = entering.holder.credentials().clone();
    credentials.passkeys.push(passkey);
    settle(doors, entering, credentials, "passkey_added", Notice::FactorAdded, Some(Factor::Passkey)).await
}

/// Takes a passkey away.
pub async fn remove_passkey<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    passkey: &str,
) -> Result<Enrolled, PeopleError> {
    may_change(doors, entering)?;
    let mut credentials = entering.holder.credentials().clone();
    let had = credentials.passkeys.len();
    credentials.passkeys.retain(|known| known.id != passkey);
    if credentials.passkeys.len() == had {
        return Err(PeopleError::state("there is no such passkey"));
    }
    may_do_without(doors, entering, &credentials).await?;
    settle(doors, entering, credentials, "passkey_removed", Notice::FactorRemoved, None).await
}

/// Makes new recovery codes; the old ones no longer work.
pub async fn new_recovery_codes<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<Enrolled, PeopleError> {
    may_change(doors, entering)?;
    let credentials = Credentials { recovery: None, ..entering.holder.credentials().clone() };
    if !credentials.has_second_factor() {
        return Err(PeopleError::state("recovery codes stand in for a second factor: add one first"));
    }
    settle(doors, entering, credentials, "recovery_codes_made", Notice::RecoveryCodesMade, None).await
}

/// Who it is must have been proven a short while ago: else a session that was left open, or stolen, would be made into a
/// way in for good.
fn may_change<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<(), PeopleError> {
    has_shown_enough(entering)?;
    if is_proven(entering, doors.ledger.clock().now()) { Ok(()) } else { Err(PeopleError::Stale) }
}

/// Whether the session's person has proven a short while ago who they are, with what their factors are changed by.
pub fn is_proven<H: Holder>(entering: &Entering<H>, now: Moment) -> bool {
    let Entering { holder, session } = entering;
    // Whose passkey is demanded adds no other by a code: that would make the code as good as it.
    let by_passkey = holder.needs_passkey() && holder.credentials().has_passkey();
    session.is_fresh(now) && (session.has_passkey() || !by_passkey)
}

/// Whoever has a second factor must have shown one; whoever has none may add the first.
pub(super) fn has_shown_enough<H: Holder>(entering: &Entering<H>) -> Result<(), PeopleError> {
    let shown = entering.session.factors.iter().any(|factor| *factor != Factor::Password);
    match entering.session.stage {
        Stage::SecondFactor => Err(PeopleError::SecondFactor),
        _ if entering.holder.credentials().has_second_factor() && !shown => Err(PeopleError::SecondFactor),
        Stage::Enrolment | Stage::Full => Ok(()),
    }
}

async fn may_do_without<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    credentials: &Credentials,
) -> Result<(), PeopleError> {
    let without = entering.holder.with(credentials.clone());
    if H::must_enrol(&doors.ledger, entering.holder.id, &without).await? {
        return Err(PeopleError::state("your role needs it: add another one first"));
    }
    Ok(())
}

/// Keeps the credentials, ends all other sessions, and goes on under a new token: all of it or nothing, so that no
/// session outlives the change, and no new recovery codes are kept that nobody was shown.
async fn settle<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    mut credentials: Credentials,
    action: &'static str,
    notice: Notice,
    shown: Option<Factor>,
) -> Result<Enrolled, PeopleError> {
    let (ledger, scope) = (&doors.ledger, super::books());
    let mut recovery = Vec::new();
    if !credentials.has_second_factor() {
        credentials.recovery = None;
    } else if credentials.recovery.is_none() {
        let (kept, codes) = Recovery::make(Keeper::new(ledger, &scope, entering.holder.id))?;
        (credentials.recovery, recovery) = (Some(kept), codes);
    }
    let mut entering = entering.clone();
    for _ in 0..TRIES_MAX {
        let Entering { holder, session } = &entering;
        let becomes = holder.with(credentials.clone());
        let lacks = H::must_enrol(ledger, holder.id, &becomes).await?;
        let stage = if lacks { Stage::Enrolment } else { Stage::Full };
        let is_new = stage == Stage::Full && session.stage == Stage::Enrolment;
        let proves = shown.is_some_and(|factor| ways_to_confirm(&becomes).contains(&factor));
        let mut change = Change::new();
        change.update(holder, &if is_new { becomes.signed_in(ledger.clock().now()) } else { becomes }, action);
        if is_new {
            alerts::untold_device(&mut change, ledger, &entering)?;
        }
        session::end_all_in(&mut change, ledger, session.person, Some(session.id)).await?;
        let onward =
            Onward { stage, factors: still_shown(session, &credentials, shown), account: session.account, proves };
        let begun = session::advance_in(&mut change, ledger, session, onward);
        mail::queue(&mut change, ledger, &scope, told(holder, notice))?;
        match ledger.commit(&scope, change).await {
            Ok(_) if is_new => {
                entered(ledger, &begun.record, &credentials).await?;
                return Ok(Enrolled { begun, recovery });
            }
            Ok(_) => return Ok(Enrolled { begun, recovery }),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        entering = again(ledger, &entering).await?;
    }
    Err(crowded())
}

/// What a session has shown, as far as it still counts: a second factor that its owner no longer has does not, or a
/// stronger role would find it later.
fn still_shown(session: &SessionRecord, credentials: &Credentials, shown: Option<Factor>) -> Vec<Factor> {
    let mut factors = session::with(&session.factors, shown);
    factors.retain(|factor| *factor == Factor::Password || credentials.has_second_factor());
    factors
}
