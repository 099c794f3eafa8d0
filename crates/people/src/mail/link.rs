//! Links in mails, and the codes in them, which are kept nowhere.
//!
//! A code is derived from the deployment's keys, the id of what the link is for, and its purpose. Whoever presents it
//! shows that they read the mail; whether the invitation or the reset still stands is for its own record to say.

use super::about;
use super::matter::Matter;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use bonded_base::{Id, Secret, id_text};
use bonded_ledger::{Ledger, LedgerError, Record, Scope};

/// What a link's code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To join a merchant account.
    Invitation,
    /// To join the staff.
    StaffInvitation,
    /// To choose a new password.
    PasswordReset,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::StaffInvitation => "staff_invitation",
            Self::PasswordReset => "password_reset",
        }
    }
}

/// How people reach the deployment's pages.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The public listener: `https://api.example.com`.
    pub public: String,
    /// The staff's: `https://console.example.com`.
    pub private: String,
}

/// The code for this purpose: 26 letters and digits, 128 bits. The scope must be of the platform's account.
pub fn code<R: Record>(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<R>,
    purpose: Purpose,
) -> Result<Secret<String>, LedgerError> {
    let bytes = ledger.capability(scope, id, purpose.name())?;
    // Ids are written in the same letters, behind a prefix.
    let written = Secret::new(id_text(R::KIND, *bytes.expose()));
    Ok(Secret::new(written.expose().rsplit('_').next().unwrap_or_default().to_owned()))
}

/// Whether this is the code, told in the same time for a right and a wrong one.
pub fn code_matches<R: Record>(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<R>,
    purpose: Purpose,
    presented: &str,
) -> Result<bool, LedgerError> {
    let code = code(ledger, scope, id, purpose)?;
    Ok(verify_slices_are_equal(code.expose().as_bytes(), presented.as_bytes()).is_ok())
}

/// Where a mail's reader goes next.
pub(super) fn of(
    ledger: &Ledger,
    scope: &Scope,
    matter: &Matter,
    origins: &Origins,
) -> Result<Secret<String>, LedgerError> {
    let Origins { public, private } = origins;
    let invited = |invitation: Id<about::Invitation>, purpose| code(ledger, scope, invitation, purpose);
    Ok(Secret::new(match matter {
        Matter::Invitation { invitation, .. } => {
            let code = invited(*invitation, Purpose::Invitation)?;
            format!("{public}/invitations/{invitation}/{}", code.expose())
        }
        Matter::StaffInvitation { invitation, .. } => {
            let code = invited(*invitation, Purpose::StaffInvitation)?;
            format!("{private}/staff/invitations/{invitation}/{}", code.expose())
        }
        Matter::PasswordReset { reset, .. } | Matter::SignInReset { reset, .. } => {
            let code = code(ledger, scope, *reset, Purpose::PasswordReset)?;
            format!("{public}/reset/{reset}/{}", code.expose())
        }
        Matter::NewDevice { is_staff: true, .. } | Matter::Guessed { is_staff: true, .. } => {
            format!("{private}/staff/security")
        }
        Matter::NewDevice { .. } | Matter::Guessed { .. } => format!("{public}/security"),
        Matter::MemberReset { .. } => format!("{public}/members"),
        Matter::GrantAsked { grant, .. } => format!("{public}/support/{grant}"),
        Matter::PaymentStopped { .. } => format!("{public}/payments"),
        Matter::ReviewOpened { review, .. } => format!("{private}/staff/reviews/{review}"),
        Matter::TrainingExpires { .. } => format!("{private}/staff"),
        Matter::Notice { .. } | Matter::GrantEnded { .. } | Matter::LegalAct { .. } | Matter::WebhookStopped { .. } => {
            public.clone()
        }
    }))
}
