//! What the platform's staff may do: every power, and which roles have it.
//!
//! This table is what the private listener enforces and what `bonded roles` prints; there is no other.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A role of the platform's staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum StaffRole {
    /// Helps customers, with their approval.
    Support,
    /// Keeps the program running and finds faults, with approval where it concerns a customer.
    Engineer,
    /// Is called when something is wrong.
    OnCall,
    /// Holds the keys, lets staff in, answers legal demands together with another officer.
    SecurityOfficer,
    /// The CEO: certifies every staff account, again and again.
    Reviewer,
}

/// There is no staff role of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a staff role is one of support, engineer, on_call, security_officer, reviewer")]
pub struct UnknownStaffRole;

impl StaffRole {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Support, Self::Engineer, Self::OnCall, Self::SecurityOfficer, Self::Reviewer];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Engineer => "engineer",
            Self::OnCall => "on_call",
            Self::SecurityOfficer => "security_officer",
            Self::Reviewer => "reviewer",
        }
    }

    /// Whether only a passkey will do as a second factor (A5).
    pub const fn needs_passkey(self) -> bool {
        matches!(self, Self::SecurityOfficer | Self::Reviewer)
    }

    /// Whether its powers rest without a valid course (S3).
    pub const fn needs_training(self) -> bool {
        matches!(self, Self::Support | Self::Engineer | Self::OnCall | Self::SecurityOfficer)
    }
}

impl fmt::Display for StaffRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StaffRole {
    type Err = UnknownStaffRole;

    fn from_str(text: &str) -> Result<Self, UnknownStaffRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(UnknownStaffRole)
    }
}

/// One thing that staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has its sentence in `Power::about`")]
pub enum Power {
    FindAccounts,
    AskForGrants,
    ReadFigures,
    ReadMail,
    ReadStaff,
    ManageStaff,
    ReadReviews,
    DecideReviews,
    ManageTraining,
    ReadPlatformLog,
    ActOnLegalDemand,
}

impl Power {
    /// Every power.
    pub const ALL: [Self; 11] = [
        Self::FindAccounts,
        Self::AskForGrants,
        Self::ReadFigures,
        Self::ReadMail,
        Self::ReadStaff,
        Self::ManageStaff,
        Self::ReadReviews,
        Self::DecideReviews,
        Self::ManageTraining,
        Self::ReadPlatformLog,
        Self::ActOnLegalDemand,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FindAccounts => "accounts:find",
            Self::AskForGrants => "grants:ask",
            Self::ReadFigures => "figures:read",
            Self::ReadMail => "mail:read",
            Self::ReadStaff => "staff:read",
            Self::ManageStaff => "staff:manage",
            Self::ReadReviews => "reviews:read",
            Self::DecideReviews => "reviews:decide",
            Self::ManageTraining => "training:manage",
            Self::ReadPlatformLog => "log:read",
            Self::ActOnLegalDemand => "legal:act",
        }
    }

    /// What it means, in one sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::FindAccounts => "Finds a merchant account by its name or id; sees nothing in it.",
            Self::AskForGrants => "Asks an account for a grant, and uses it once the account has approved it.",
            Self::ReadFigures => "Reads the figures of the running program, which name no account.",
            Self::ReadMail => "Sees which mails wait or are held, and why; not to whom.",
            Self::ReadStaff => "Sees who is on the staff, with which roles and factors.",
            Self::ManageStaff => "Invites staff and takes invitations back, gives and takes roles, ends accounts.",
            Self::ReadReviews => "Sees access reviews and what came of them.",
            Self::DecideReviews => "Certifies or revokes each staff account in a review.",
            Self::ManageTraining => "Keeps the list of courses, and records who has passed them.",
            Self::ReadPlatformLog => {
                "Reads the platform's own log: who did what and when to which fields of which record; no values."
            }
            Self::ActOnLegalDemand => {
                "Signs, together with another officer, access that the law demands; the customer sees it."
            }
        }
    }

    /// The roles that have it.
    pub const fn roles(self) -> &'static [StaffRole] {
        use StaffRole::{Engineer, OnCall, Reviewer, SecurityOfficer, Support};
        match self {
            Self::FindAccounts | Self::AskForGrants => &[Support, Engineer, OnCall],
            Self::ReadFigures => &[Engineer, OnCall, SecurityOfficer],
            Self::ReadMail => &[Support, Engineer, OnCall, SecurityOfficer],
            Self::ReadStaff | Self::ReadReviews | Self::ReadPlatformLog => &[SecurityOfficer, Reviewer],
            Self::ManageStaff | Self::ManageTraining | Self::ActOnLegalDemand => &[SecurityOfficer],
            Self::DecideReviews => &[Reviewer],
        }
    }

    /// Whether it is left to someone without a valid course: else nobody could record the first one.
    pub const fn without_training(self) -> bool {
        matches!(self, Self::ManageTraining)
    }
}

/// A set of roles; written as the list of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StaffRoles(u8);

impl StaffRoles {
    /// Whether a role is among them.
    pub const fn contains(self, role: StaffRole) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = StaffRole> {
        StaffRole::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any of them demands a passkey.
    pub fn need_passkey(self) -> bool {
        self.iter().any(StaffRole::needs_passkey)
    }

    /// Whether they have a power, given whether their holder has a valid course.
    pub fn have(self, power: Power, is_trained: bool) -> bool {
        let rests = |role: StaffRole| role.needs_training() && !is_trained && !power.without_training();
        power.roles().iter().any(|role| self.contains(*role) && !rests(*role))
    }
}

impl FromIterator<StaffRole> for StaffRoles {
    fn from_iter<I: IntoIterator<Item = StaffRole>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | 1 << role as u8))
    }
}

impl Serialize for StaffRoles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(StaffRole::name))
    }
}

impl<'de> Deserialize<'de> for StaffRoles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<StaffRole>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_power_has_a_role_and_no_role_has_all() {
        assert!(Power::ALL.into_iter().all(|power| !power.roles().is_empty()));
        for role in StaffRole::ALL {
            let roles: StaffRoles = [role].into_iter().collect();
            assert!(Power::ALL.into_iter().any(|power| !roles.have(power, true)), "{role} may do everything");
            assert!(Power::ALL.into_iter().any(|power| roles.have(power, true)), "{role} may do nothing");
            assert_eq!(role.name().parse(), Ok(role));
        }
    }

    #[test]
    fn who_decides_about_access_does_not_give_it() {
        let reviewer: StaffRoles = [StaffRole::Reviewer].into_iter().collect();
        assert!(reviewer.have(Power::DecideReviews, true) && !reviewer.have(Power::ManageStaff, true));
        let officer: StaffRoles = [StaffRole::SecurityOfficer].into_iter().collect();
        assert!(officer.have(Power::ManageStaff, true) && !officer.have(Power::DecideReviews, true));
        assert!(!officer.have(Power::AskForGrants, true), "who lets staff in does not look at customers");
    }

    #[test]
    fn without_a_course_powers_rest() {
        let all: StaffRoles = [StaffRole::Support, StaffRole::SecurityOfficer].into_iter().collect();
        assert!(!all.have(Power::AskForGrants, false) && !all.have(Power::ManageStaff, false));
        assert!(all.have(Power::ManageTraining, false));
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(text, r#"["support","security_officer"]"#);
        assert_eq!(serde_json::from_str::<StaffRoles>(&text).unwrap(), all);
    }
}
