//! What a mail can be about: the closed list, with the few plain values that its words need.

use bonded_base::{Account, Id, Moment};
use serde::{Deserialize, Serialize};

/// Characters that a value given by people keeps in a mail at most; what is longer is cut.
pub const TEXT_CHARS_MAX: usize = 500;

/// What mails speak of, by id alone; each stands for the record of the same kind.
pub mod about {
    use bonded_base::{Kind, Kinded};
    use bonded_ledger::Record;
    use serde::{Deserialize, Serialize};

    macro_rules! spoken_of {
        ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
            $(#[$doc])*
            #[derive(Debug, Serialize, Deserialize)]
            pub struct $name {}
            impl Kinded for $name {
                const KIND: Kind = Kind::$name;
            }
            impl Record for $name {}
        )*};
    }

    spoken_of! {
        /// An invitation, of a merchant's user or of staff.
        Invitation,
        /// A way to a new password.
        PasswordReset,
        /// Support that asks for access.
        Grant,
        /// A review of the staff's powers.
        AccessReview,
    }
}

/// Something that happened to a person's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The password is another.
    PasswordChanged,
    /// An authenticator or a passkey was added.
    FactorAdded,
    /// An authenticator or a passkey was taken away.
    FactorRemoved,
    /// New recovery codes were made, and the old ones no longer work.
    RecoveryCodesMade,
    /// A recovery code let somebody in.
    RecoveryCodeUsed,
    /// A key to the API was made.
    ApiKeyMade,
    /// The person's role is another.
    RoleChanged,
    /// The person no longer belongs to the account.
    MembershipEnded,
    /// All the person's sessions were ended: by an owner or manager of the account, or by the operator.
    SignedOut,
}

impl Notice {
    const ALL: [Self; 9] = [
        Self::PasswordChanged,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::ApiKeyMade,
        Self::RoleChanged,
        Self::MembershipEnded,
        Self::SignedOut,
    ];

    /// Every notice.
    pub const fn all() -> [Self; 9] {
        Self::ALL
    }

    const fn name(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::ApiKeyMade => "api_key_made",
            Self::RoleChanged => "role_changed",
            Self::MembershipEnded => "membership_ended",
            Self::SignedOut => "signed_out",
        }
    }
}

/// What somebody tried to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guessed {
    /// The password.
    Password,
    /// A one-time or recovery code, after the right password.
    Code,
}

/// How a support grant, or the request for one, came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantEnd {
    /// The account said no.
    Denied,
    /// Nobody answered in time.
    Lapsed,
    /// The account took it back.
    Revoked,
    /// Its time is over.
    RanOut,
}

/// What a mail is about. Holds names and times; no consumer's data, and of a merchant's business only which invoice it is that
/// could not be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Matter {
    /// Somebody is asked to join a merchant account.
    Invitation {
        /// Which.
        invitation: Id<about::Invitation>,
        /// Who asks.
        inviter: String,
        /// Where to.
        account_name: String,
        /// As what: `manager`.
        role: String,
        /// When the link runs out.
        until: Moment,
    },
    /// Somebody is asked to join the staff.
    StaffInvitation {
        /// Which.
        invitation: Id<about::Invitation>,
        /// When the link runs out.
        until: Moment,
    },
    /// Somebody forgot the password.
    PasswordReset {
        /// Which.
        reset: Id<about::PasswordReset>,
        /// When the link runs out.
        until: Moment,
    },
    /// Something happened to the person's own account.
    Notice {
        /// What.
        what: Notice,
        /// In which merchant account, where it is about one.
        account_name: Option<String>,
    },
    /// The person signed in on a device that was not known.
    NewDevice {
        /// `Firefox on Linux`.
        device: String,
        /// Whether the person is on the staff, whose pages are elsewhere.
        is_staff: bool,
    },
    /// Somebody guessed so often that they were stopped.
    Guessed {
        /// What.
        what: Guessed,
        /// Whether the person is on the staff.
        is_staff: bool,
    },
    /// An owner took away what a member signs in with, so that the member can come in anew.
    SignInReset {
        /// The way to a new password.
        reset: Id<about::PasswordReset>,
        /// Which account's owner it was.
        account_name: String,
        /// The owner's name.
        by: String,
        /// When the link runs out.
        until: Moment,
    },
    /// The same, as the account's owners are told of it.
    MemberReset {
        /// In which account.
        account_name: String,
        /// The member's name.
        member: String,
        /// Who did it.
        by: String,
    },
    /// Support asks for access.
    GrantAsked {
        /// To which account.
        account: Id<Account>,
        /// Which request.
        grant: Id<about::Grant>,
        /// The account's name.
        account_name: String,
        /// Who asks.
        staff_name: String,
        /// For what, in words: `read orders`.
        what: String,
        /// Why.
        reason: String,
        /// When the access would end.
        until: Moment,
        /// When the request lapses.
        lapses_at: Moment,
    },
    /// Support no longer has access, or never got it.
    GrantEnded {
        /// To which account.
        account_name: String,
        /// How.
        how: GrantEnd,
    },
    /// The operator followed a legal duty, without the account's approval.
    LegalAct {
        /// In which account.
        account_name: String,
        /// The case's reference.
        reference: String,
    },
    /// A webhook endpoint of the account is told nothing any more.
    WebhookStopped {
        /// In which account.
        account_name: String,
        /// The endpoint's host.
        host: String,
        /// Why, in our own words.
        why: String,
    },
    /// A payment of the account's has come to a stop.
    PaymentStopped {
        /// In which account.
        account_name: String,
        /// What the supplier is called.
        supplier: String,
        /// The supplier's number for the invoice.
        invoice: String,
        /// How much, with its currency: `EUR 19.99`.
        amount: String,
        /// Whether the buyer's bank wants to see them; else it was refused.
        needs_buyer: bool,
    },
    /// The staff's powers are to be reviewed.
    ReviewOpened {
        /// Which review.
        review: Id<about::AccessReview>,
        /// Until when.
        due: Moment,
    },
    /// A course must be taken again.
    TrainingExpires {
        /// Its name.
        course: String,
        /// When it no longer counts.
        at: Moment,
    },
}

impl Matter {
    /// Its name in lists and in ids: `password_reset`, `password_changed`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => "invitation",
            Self::StaffInvitation { .. } => "staff_invitation",
            Self::PasswordReset { .. } => "password_reset",
            Self::Notice { what, .. } => what.name(),
            Self::NewDevice { .. } => "new_device",
            Self::Guessed { what: Guessed::Password, .. } => "password_guessed",
            Self::Guessed { what: Guessed::Code, .. } => "code_guessed",
            Self::SignInReset { .. } => "sign_in_reset",
            Self::MemberReset { .. } => "member_reset",
            Self::GrantAsked { .. } => "grant_asked",
            Self::GrantEnded { .. } => "grant_ended",
            Self::LegalAct { .. } => "legal_act",
            Self::WebhookStopped { .. } => "webhook_stopped",
            Self::PaymentStopped { needs_buyer: true, .. } => "payment_needs_buyer",
            Self::PaymentStopped { needs_buyer: false, .. } => "payment_failed",
            Self::ReviewOpened { .. } => "review_opened",
            Self::TrainingExpires { .. } => "training_expires",
        }
    }

    /// When what it asks for can no longer be done, so that it need not be sent.
    pub const fn until(&self) -> Option<Moment> {
        match self {
            Self::Invitation { until, .. }
            | Self::StaffInvitation { until, .. }
            | Self::PasswordReset { until, .. }
            | Self::GrantAsked { lapses_at: until, .. } => Some(*until),
            // The link of a reset runs out, what it tells does not.
            Self::Notice { .. }
            | Self::NewDevice { .. }
            | Self::Guessed { .. }
            | Self::SignInReset { .. }
            | Self::MemberReset { .. }
            | Self::GrantEnded { .. }
            | Self::LegalAct { .. }
            | Self::WebhookStopped { .. }
            | Self::PaymentStopped { .. }
            | Self::ReviewOpened { .. }
            | Self::TrainingExpires { .. } => None,
        }
    }

    /// The same with every text on one line, and none too long.
    pub(super) fn tidied(mut self) -> Self {
        let texts: Vec<&mut String> = match &mut self {
            Self::Invitation { inviter, account_name, role, .. } => vec![inviter, account_name, role],
            Self::StaffInvitation { .. }
            | Self::PasswordReset { .. }
            | Self::Guessed { .. }
            | Self::ReviewOpened { .. } => Vec::new(),
            Self::Notice { account_name, .. } => account_name.iter_mut().collect(),
            Self::NewDevice { device, .. } => vec![device],
            Self::SignInReset { account_name, by, .. } => vec![account_name, by],
            Self::MemberReset { account_name, member, by } => vec![account_name, member, by],
            Self::GrantAsked { account_name, staff_name, what, reason, .. } => {
                vec![account_name, staff_name, what, reason]
            }
            Self::GrantEnded { account_name, .. } => vec![account_name],
            Self::LegalAct { account_name, reference } => vec![account_name, reference],
            Self::WebhookStopped { account_name, host, why } => vec![account_name, host, why],
            Self::PaymentStopped { account_name, supplier, invoice, amount, .. } => {
                vec![account_name, supplier, invoice, amount]
            }
            Self::TrainingExpires { course, .. } => vec![course],
        };
        for text in texts {
            *text = one_line(text);
        }
        self
    }
}

/// A text without what could break a line, turn its direction or hide in it, cut to [`TEXT_CHARS_MAX`].
pub(crate) fn one_line(text: &str) -> String {
    let plain = |symbol: char| if symbol.is_control() || is_line_end(symbol) { ' ' } else { symbol };
    let kept: String = text.chars().filter(|symbol| !is_unseen(*symbol)).map(plain).take(TEXT_CHARS_MAX).collect();
    kept.trim().to_owned()
}

const fn is_line_end(symbol: char) -> bool {
    matches!(symbol, '\u{2028}' | '\u{2029}')
}

/// Marks without a shape of their own that change how others are shown (Unicode's bidirectional controls and joiners
/// of nothing).
const fn is_unseen(symbol: char) -> bool {
    matches!(symbol, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(one_line("Ada\r\nBcc: eve@example.com"), "Ada  Bcc: eve@example.com");
        assert_eq!(one_line(" \u{202e}moc.live\u{2028}x\0 "), "moc.live x");
        assert_eq!(one_line(&"é".repeat(TEXT_CHARS_MAX + 1)).chars().count(), TEXT_CHARS_MAX);
    }
}
