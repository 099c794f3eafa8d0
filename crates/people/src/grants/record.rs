//! A grant as it is kept: what was asked, by whom and why, and what became of it.

use super::{ANSWER_MS, Asker, GrantScope, LegalDemand, REASON_CHARS_MAX, TICKET_CHARS_MAX};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Problem, Staff, User};
use bonded_ledger::Record;
use bonded_vault::{Grant, SignedGrant};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// Waits for an answer.
    Requested,
    /// Holds until its time is over.
    Approved,
    /// The account said no.
    Denied,
    /// Nobody answered in time.
    Lapsed,
    /// The account took it back.
    Revoked,
    /// Its time is over.
    Ended,
}

impl GrantState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Approved, Self::Denied, Self::Lapsed, Self::Revoked, Self::Ended];

    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Lapsed => "lapsed",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
        }
    }
}

/// Why somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// The account asked for help.
    CustomerRequest,
    /// Something is wrong with the service.
    Incident,
    /// A platform is to be connected, or data to be moved.
    Setup,
    /// The law demands it.
    LegalDemand,
}

impl ReasonKind {
    /// Those that staff can choose; the last is an act of two officers.
    pub const CHOICES: [Self; 3] = [Self::CustomerRequest, Self::Incident, Self::Setup];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customer_request",
            Self::Incident => "incident",
            Self::Setup => "setup",
            Self::LegalDemand => "legal_demand",
        }
    }
}

impl std::str::FromStr for ReasonKind {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let unknown = || Problem::invalid("/reason/kind", "one of customer_request, incident, setup");
        Self::CHOICES.into_iter().find(|kind| kind.name() == text).ok_or_else(unknown)
    }
}

/// Why a grant is asked for. Written by staff for the account to read; never about a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The sort.
    pub kind: ReasonKind,
    /// One line.
    pub text: String,
    /// The number of a ticket, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl Reason {
    /// The same, if it can be read.
    pub fn check(mut self) -> Result<Self, Problem> {
        let line = |text: &str, max: usize| {
            let chars = text.chars().count();
            chars > 0 && chars <= max && !text.chars().any(char::is_control)
        };
        self.text = self.text.trim().to_owned();
        if !line(&self.text, REASON_CHARS_MAX) {
            return Err(Problem::invalid("/reason/text", "say why, in one line of at most 500 characters"));
        }
        self.ticket = self.ticket.map(|ticket| ticket.trim().to_owned()).filter(|ticket| !ticket.is_empty());
        if self.ticket.as_deref().is_some_and(|ticket| !line(ticket, TICKET_CHARS_MAX)) {
            return Err(Problem::invalid("/reason/ticket", "a ticket's number has at most 60 characters"));
        }
        Ok(self)
    }
}

impl fmt::Display for Reason {
    /// `two orders never arrived (ticket 4711)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.ticket.as_ref().map_or(Ok(()), |ticket| write!(f, " (ticket {ticket})"))
    }
}

/// What an approver proved the approval with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovedWith {
    /// The signature of a passkey.
    Passkey,
    /// A one-time code, where the approver has no passkey.
    Totp,
    /// The signatures of two of the platform's officers, on a legal demand.
    Officers,
}

/// What is known of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Which account it is about.
    pub account: Id<Account>,
    /// Who asked.
    pub staff: Id<Staff>,
    /// As whom the account knows that person.
    pub staff_name: String,
    /// For what.
    pub scope: GrantScope,
    /// Why.
    pub reason: Reason,
    /// For how long, in milliseconds.
    pub duration_ms: i64,
    /// Where it stands.
    pub state: GrantState,
    /// When it was asked for.
    pub asked_at: Moment,
    /// Who approved it.
    pub approved_by: Option<Id<User>>,
    /// With what proof.
    pub approved_with: Option<ApprovedWith>,
    /// Until when it holds, once it was approved.
    pub until: Option<Moment>,
    /// When it came to its end.
    pub ended_at: Option<Moment>,
    /// A legal demand that officers are to sign; in the platform's copy alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal: Option<LegalDemand>,
    /// The approval itself; not in the platform's copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedGrant>,
}

impl Kinded for GrantRecord {
    const KIND: Kind = Kind::Grant;
}

impl Record for GrantRecord {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.staff.bytes())
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.asked_at)
    }
}

impl GrantRecord {
    pub(super) fn requested(
        account: Id<Account>,
        asker: &Asker,
        scope: GrantScope,
        reason: Reason,
        duration_ms: i64,
        now: Moment,
    ) -> Self {
        Self {
            account,
            staff: asker.staff,
            staff_name: asker.name.clone(),
            scope,
            reason,
            duration_ms,
            state: GrantState::Requested,
            asked_at: now,
            approved_by: None,
            approved_with: None,
            until: None,
            ended_at: None,
            legal: None,
            signed: None,
        }
    }

    /// What is to be signed for it, from a moment on.
    pub(super) fn terms(&self, id: Id<Self>, from: Moment, duration_ms: i64) -> Result<Grant, Problem> {
        let only = self.scope.only()?;
        Ok(Grant {
            id: id.bytes(),
            account: self.account,
            staff: self.staff,
            opens: only.map_or_else(|| self.scope.opens(), |(kind, _)| vec![kind]),
            changes: self.scope.changes(),
            only: only.map(|(_, record)| record),
            consumers: self.scope.consumers,
            reason: self.reason.to_string(),
            from,
            until: from.plus_millis(duration_ms),
        })
    }

    /// When a request lapses that nobody answers.
    pub fn lapses_at(&self) -> Moment {
        self.asked_at.plus_millis(ANSWER_MS)
    }

    /// Whether it can be answered.
    pub fn awaits(&self, now: Moment) -> bool {
        self.state == GrantState::Requested && now < self.lapses_at()
    }

    /// Whether it opens anything.
    pub fn holds(&self, now: Moment) -> bool {
        self.state == GrantState::Approved && self.until.is_some_and(|until| now < until)
    }

    /// What time has made of it, if that is still to be written down.
    pub(super) fn due(&self, now: Moment) -> Option<GrantState> {
        match self.state {
            GrantState::Requested if !self.awaits(now) => Some(GrantState::Lapsed),
            GrantState::Approved if !self.holds(now) => Some(GrantState::Ended),
            _ => None,
        }
    }

    /// As the platform keeps it.
    pub(super) fn copy(&self) -> Self {
        Self { signed: None, ..self.clone() }
    }
}
