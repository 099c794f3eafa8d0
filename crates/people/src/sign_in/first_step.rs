//! What follows from a right password or a passkey alone: a session begins, as far as what was shown leads.

use super::{Holder, TRIES_MAX, alerts, books, crowded, current, entered};
use crate::PeopleError;
use crate::credentials::Credentials;
use crate::credentials::passkeys::Passkey;
use crate::credentials::password::Password;
use crate::session::{self, Begun, Factor, Stage};
use bonded_base::Id;
use bonded_ledger::{Change, Ledger, LedgerError, Stored};

/// What was shown at the first step, and what becomes of it.
pub(super) enum Proof {
    Password { rehashed: Option<Password> },
    Passkey { used: Vec<Passkey> },
}

impl Proof {
    const fn factor(&self) -> Factor {
        match self {
            Self::Password { .. } => Factor::Password,
            Self::Passkey { .. } => Factor::Passkey,
        }
    }

    /// What becomes of the credentials as they are now; none if what was shown is no longer among them.
    fn applied(&self, shown: &Credentials, now: &Credentials) -> Option<Credentials> {
        match self {
            Self::Password { rehashed } => (shown.password == now.password)
                .then(|| Credentials { password: rehashed.clone().or_else(|| now.password.clone()), ..now.clone() }),
            Self::Passkey { used } => {
                (shown.passkeys == now.passkeys).then(|| Credentials { passkeys: used.clone(), ..now.clone() })
            }
        }
    }
}

/// What somebody signs in on.
#[derive(Clone, Copy)]
pub(super) struct Device<'a> {
    /// `Firefox on Linux`.
    pub description: &'a str,
    /// Whether its person has signed in on it before.
    pub is_known: bool,
}

/// Begins a session after the first step.
///
/// It is part of one commit with the person's record, so that none begins after a change that ended all of them: what
/// was shown is then compared with what holds now.
pub(super) async fn begin<H: Holder>(
    ledger: &Ledger,
    shown: &Stored<H>,
    proof: Proof,
    device: Device<'_>,
) -> Result<Begun, PeopleError> {
    let (mut holder, now) = (shown.clone(), ledger.clock().now());
    for _ in 0..TRIES_MAX {
        let credentials = proof.applied(shown.credentials(), holder.credentials()).ok_or(PeopleError::NotProven)?;
        let (person, factors) = (H::person(holder.id), vec![proof.factor()]);
        let becomes = holder.with(credentials);
        let stage = match proof {
            Proof::Password { .. } => stage_after_password(ledger, holder.id, &becomes).await?,
            Proof::Passkey { .. } => Stage::Full,
        };
        let account = H::only_account(ledger, &holder).await?;
        let mut change = Change::new();
        let is_full = stage == Stage::Full;
        if is_full {
            change.update(&holder, &becomes.signed_in(now), "signed_in");
        } else {
            change.update(&holder, &becomes, "password_shown");
        }
        if is_full && !device.is_known {
            alerts::new_device(&mut change, ledger, &holder, device.description)?;
        }
        let device_untold = !is_full && !device.is_known;
        let draft = session::Draft { stage, factors, account, device: device.description, device_untold };
        let begun = session::begin_in(&mut change, ledger, person, draft).await?;
        match ledger.commit(&books(), change).await {
            Ok(_) => {
                entered(ledger, &begun.record, becomes.credentials()).await?;
                return Ok(begun);
            }
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        holder = current(ledger, holder.id).await?;
    }
    Err(crowded())
}

async fn stage_after_password<H: Holder>(ledger: &Ledger, id: Id<H>, holder: &H) -> Result<Stage, PeopleError> {
    if holder.credentials().has_second_factor() {
        return Ok(Stage::SecondFactor);
    }
    Ok(if H::must_enrol(ledger, id, holder).await? { Stage::Enrolment } else { Stage::Full })
}
