//! A review as it is kept: the accounts as they were when it opened, and what was decided about each.

use super::outcome::ReviewOutcome;
use crate::credentials::{Credentials, FactorKind};
use crate::staff::StaffRoles;
use bonded_base::{Id, Kind, Kinded, Moment, Staff};
use bonded_ledger::{Lookup, LookupName, Record};
use serde::{Deserialize, Serialize};

/// Whether a review waits for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// It does.
    Open,
    /// Every item is decided, or has lapsed.
    Closed,
}

impl ReviewState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// What came of one account. `roles` are those that it had at that moment, which may be others than at the opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// The roles stay.
    Certified {
        /// Who decided.
        by: Id<Staff>,
        /// When.
        at: Moment,
        /// Why.
        note: String,
        /// Which roles.
        roles: StaffRoles,
    },
    /// The roles went.
    Revoked {
        /// Who decided.
        by: Id<Staff>,
        /// When.
        at: Moment,
        /// Why.
        note: String,
        /// Which roles.
        roles: StaffRoles,
    },
    /// Nobody decided in time, and the roles went.
    Lapsed {
        /// When.
        at: Moment,
        /// Which roles.
        roles: StaffRoles,
    },
}

impl Decision {
    /// As it is written.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Certified { .. } => "certified",
            Self::Revoked { .. } => "revoked",
            Self::Lapsed { .. } => "lapsed",
        }
    }

    /// Whether it takes the roles.
    pub(super) const fn takes_roles(&self) -> bool {
        matches!(self, Self::Revoked { .. } | Self::Lapsed { .. })
    }
}

/// How somebody can sign in: which kinds of factors, and how many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factors {
    /// Whether there is a password.
    pub password: bool,
    /// Authenticator apps.
    pub totp: u8,
    /// Passkeys.
    pub passkeys: u8,
    /// Recovery codes that were not used yet.
    pub recovery_codes: u8,
}

impl Factors {
    pub(super) fn of(credentials: &Credentials) -> Self {
        let mut found = Self::default();
        for factor in credentials.factors() {
            match factor.kind {
                FactorKind::Password => found.password = true,
                FactorKind::Totp => found.totp = found.totp.saturating_add(1),
                FactorKind::Passkey => found.passkeys = found.passkeys.saturating_add(1),
                FactorKind::RecoveryCodes => found.recovery_codes = factor.left.unwrap_or_default(),
            }
        }
        found
    }
}

/// What somebody asked of merchant accounts since the review before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantsUsed {
    /// Grants that were asked for.
    pub asked: u32,
    /// Those of them that the account approved.
    pub approved: u32,
}

/// How somebody stands with the courses that the roles demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSeen {
    /// Whether all that the powers rest on are valid.
    pub is_trained: bool,
    /// The names of those that are not.
    pub missing: Vec<String>,
    /// When the first of the others ends.
    pub until: Option<Moment>,
}

/// One account in a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// Whose.
    pub staff: Id<Staff>,
    /// The person's name.
    pub name: String,
    /// The roles at the opening.
    pub roles: StaffRoles,
    /// When the person last signed in before it.
    pub last_sign_in_at: Option<Moment>,
    /// How the person could sign in.
    pub factors: Factors,
    /// What the person asked of merchant accounts.
    pub grants: GrantsUsed,
    /// What the person had learnt.
    pub training: TrainingSeen,
    /// What came of it.
    pub decision: Decision,
}

impl ReviewItem {
    /// Whether nobody has decided it yet.
    pub const fn is_open(&self) -> bool {
        matches!(self.decision, Decision::Open)
    }
}

/// A review of every staff account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRecord {
    /// When it was opened.
    pub opened_at: Moment,
    /// When what is open lapses.
    pub due_at: Moment,
    /// How many days after its opening the next one opens by itself.
    pub period_days: u16,
    /// Since when grants are counted; none where it is since ever.
    pub grants_since: Option<Moment>,
    /// The accounts that were on the staff when it was opened, in the order in which they joined.
    pub items: Vec<ReviewItem>,
    /// Whether it waits for decisions.
    pub state: ReviewState,
    /// When its last item was decided.
    pub closed_at: Option<Moment>,
    /// What came of it, signed.
    pub outcome: Option<ReviewOutcome>,
}

impl Kinded for ReviewRecord {
    const KIND: Kind = Kind::AccessReview;
}

impl Record for ReviewRecord {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.opened_at)
    }

    /// Being unique, it keeps two from being open at once.
    fn lookups(&self) -> Vec<Lookup<'_>> {
        match self.state {
            ReviewState::Open => vec![the_open_one()],
            ReviewState::Closed => Vec::new(),
        }
    }
}

/// Finds the review that is open.
pub(super) fn the_open_one() -> Lookup<'static> {
    Lookup::new(LookupName::OpenReview, &b"open"[..])
}

impl ReviewRecord {
    /// How many items nobody has decided yet.
    pub fn open_items(&self) -> usize {
        self.items.iter().filter(|item| item.is_open()).count()
    }
}
