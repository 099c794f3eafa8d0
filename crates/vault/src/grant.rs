//! Grants: without one that its owner has signed, the vault opens nothing of an account for the platform's staff.
//!
//! A grant is a statement in plain text (see [`Grant::statement`]). An approver's passkey signs its SHA-256 as the
//! challenge of an assertion. That the passkey is an approver's is vouched for by an *endorsement*: a keyed hash under
//! the account's own approvals key, made when the passkey was enrolled. So approval is checked twice: by the rules of
//! the business, and here, by a signature.

use crate::tree::Secrets;
use crate::{AccountKeys, ApprovalKey, Assertion, NotApproved, Vault, VaultError};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use bonded_base::{Account, Id, Kind, Moment, Staff};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::sync::Arc;

/// Days that a grant may hold at most.
pub const DAYS_MAX: i64 = 7;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The platform's own account, which endorses officers.
const PLATFORM: Id<Account> = Id::from_bytes([0; 16]);

/// Two officers must sign where the law demands access without the customer's approval.
const OFFICERS_NEEDED: usize = 2;

/// What one member of the staff may open in one account, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The 16 bytes of its record's id.
    pub id: [u8; 16],
    /// Whose values.
    pub account: Id<Account>,
    /// Who may.
    pub staff: Id<Staff>,
    /// Kinds of records that may be opened.
    pub opens: Vec<Kind>,
    /// Kinds of records that may be changed.
    pub changes: Vec<Kind>,
    /// Of these kinds, only this record.
    pub only: Option<[u8; 16]>,
    /// Whether the consumers' fields may be opened too.
    pub consumers: bool,
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// From when it holds.
    pub from: Moment,
    /// Until when.
    pub until: Moment,
}

/// A person who may approve, and the passkey that speaks for this person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// The 16 bytes of the person's id.
    pub person: [u8; 16],
    /// The passkey.
    pub key: ApprovalKey,
    /// The relying party that the passkey is for: `bonded.example`.
    pub relying_party: String,
    /// The vault's word that this is so ([`Vault::endorse`]).
    pub endorsement: [u8; 32],
}

/// How a grant was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Approval {
    /// Signed by the passkey of someone who may approve for the account.
    Passkey {
        /// Who.
        approver: Approver,
        /// The signature.
        assertion: Assertion,
    },
    /// Approved with a one-time code, where the account has no passkey: the program vouches for it ([`Vault::vouch`]).
    Code {
        /// The 16 bytes of the approver's id.
        person: [u8; 16],
        /// The vault's word.
        vouched: [u8; 32],
    },
    /// Signed by two of the platform's officers, on a legal demand.
    Officers {
        /// Two different persons, endorsed for the platform's own account.
        signed: Vec<(Approver, Assertion)>,
    },
}

/// A grant and its approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedGrant {
    /// What was approved.
    pub grant: Grant,
    /// By whom, and how.
    pub approval: Approval,
}

impl Grant {
    /// What an approver signs: lines of text, the reason last.
    ///
    /// ```text
    /// bonded grant v1
    /// grant_01jd…
    /// acct_01jd…
    /// staff_01jd…
    /// open order, fulfilment
    /// change -
    /// only -
    /// consumers no
    /// from 2026-11-22T09:30:00.000Z
    /// until 2026-11-23T09:30:00.000Z
    /// reason Ticket 4711: two orders never reached the supplier
    /// ```
    pub fn statement(&self) -> String {
        let words = |kinds: &[Kind]| match kinds {
            [] => String::from("-"),
            kinds => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        };
        let only = match (self.only, self.opens.first()) {
            (Some(id), Some(kind)) => bonded_base::id_text(*kind, id),
            _ => String::from("-"),
        };
        let mut text = format!(
            "bonded grant v1\n{}\n{}\n{}\n",
            bonded_base::id_text(Kind::Grant, self.id),
            self.account,
            self.staff
        );
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "open {}\nchange {}\nonly {only}\nconsumers {}\nfrom {}\nuntil {}\nreason {}\n",
            words(&self.opens),
            words(&self.changes),
            if self.consumers { "yes" } else { "no" },
            self.from,
            self.until,
            self.reason,
        );
        text
    }

    /// The challenge that an approver's passkey signs.
    pub fn challenge(&self) -> [u8; 32] {
        let mut challenge = [0; 32];
        challenge.copy_from_slice(digest(&SHA256, self.statement().as_bytes()).as_ref());
        challenge
    }

    /// Whether a record is among those that may be opened.
    pub fn reaches(&self, kind: Kind, id: [u8; 16]) -> bool {
        self.opens.contains(&kind) && self.only.is_none_or(|only| only == id)
    }

    /// Whether records of this kind may be changed.
    pub fn may_change(&self, kind: Kind) -> bool {
        self.changes.contains(&kind)
    }

    fn holds(&self, now: Moment) -> Result<(), NotApproved> {
        if self.until > self.from.plus_millis(DAYS_MAX * DAY_MS) {
            return Err(NotApproved::TooLong);
        }
        if now < self.from || now >= self.until { Err(NotApproved::Time) } else { Ok(()) }
    }
}

impl Vault {
    /// The vault's word that a passkey speaks for a person who may approve for this account (the platform's own, for an
    /// officer). To be asked for only when the passkey was just enrolled or shown by that person.
    ///
    /// # Errors
    /// As [`Vault::account`].
    pub fn endorse(
        &self,
        account: Id<Account>,
        person: [u8; 16],
        key: ApprovalKey,
        relying_party: &str,
    ) -> Result<Approver, VaultError> {
        let mut approver = Approver { person, key, relying_party: relying_party.to_owned(), endorsement: [0; 32] };
        let tag = hmac::sign(&self.secrets(account)?.approvals, &approver.message());
        approver.endorsement.copy_from_slice(tag.as_ref());
        Ok(approver)
    }

    /// The vault's word that a person approved a grant with a one-time code. To be asked for only when the code was just
    /// found right.
    ///
    /// # Errors
    /// As [`Vault::account`].
    pub fn vouch(&self, grant: &Grant, person: [u8; 16]) -> Result<Approval, VaultError> {
        let tag = hmac::sign(&self.secrets(grant.account)?.approvals, &vouched(grant, person));
        let mut vouched = [0; 32];
        vouched.copy_from_slice(tag.as_ref());
        Ok(Approval::Code { person, vouched })
    }

    /// An account's keys for a member of the staff: they open what the grant names and nothing else.
    ///
    /// # Errors
    /// [`VaultError::NotApproved`] where the approval is not what it should be; else as [`Vault::account`].
    pub fn account_for(&self, signed: &SignedGrant, now: Moment) -> Result<AccountKeys, VaultError> {
        let SignedGrant { grant, approval } = signed;
        grant.holds(now)?;
        match approval {
            Approval::Passkey { approver, assertion } => {
                self.check(grant.account, approver, assertion, &grant.challenge())?;
            }
            Approval::Code { person, vouched: word } => {
                let key = &self.secrets(grant.account)?.approvals;
                hmac::verify(key, &vouched(grant, *person), word).map_err(|_| NotApproved::Signature)?;
            }
            Approval::Officers { signed } => self.check_officers(signed, &grant.challenge())?,
        }
        Ok(self.account(grant.account)?.under(Arc::new(grant.clone())))
    }

    /// Whether an officer's passkey signed a grant: each is checked as it comes, and all once more in
    /// [`Vault::account_for`].
    ///
    /// # Errors
    /// [`VaultError::NotApproved`]; else as [`Vault::account`].
    pub fn check_officer(&self, approver: &Approver, assertion: &Assertion, grant: &Grant) -> Result<(), VaultError> {
        self.check(PLATFORM, approver, assertion, &grant.challenge())
    }

    fn check(
        &self,
        account: Id<Account>,
        approver: &Approver,
        assertion: &Assertion,
        challenge: &[u8],
    ) -> Result<(), VaultError> {
        let key = &self.secrets(account)?.approvals;
        hmac::verify(key, &approver.message(), &approver.endorsement).map_err(|_| NotApproved::Approver)?;
        Ok(assertion.check(&approver.key, &approver.relying_party, challenge)?)
    }

    fn check_officers(&self, signed: &[(Approver, Assertion)], challenge: &[u8]) -> Result<(), VaultError> {
        let mut persons: Vec<_> = signed.iter().map(|(approver, _)| approver.person).collect();
        persons.sort_unstable();
        persons.dedup();
        if persons.len() < OFFICERS_NEEDED {
            return Err(NotApproved::Approver.into());
        }
        signed.iter().try_for_each(|(approver, assertion)| self.check(PLATFORM, approver, assertion, challenge))
    }

    fn secrets(&self, account: Id<Account>) -> Result<Arc<crate::memory::Locked<Secrets>>, VaultError> {
        self.with_tree(|tree| tree.secrets(account))
    }
}

impl Approver {
    /// What an endorsement covers.
    fn message(&self) -> Vec<u8> {
        let party = self.relying_party.as_bytes();
        [
            b"bonded approver v1\n",
            self.person.as_slice(),
            &(party.len() as u64).to_be_bytes(),
            party,
            &self.key.canonical(),
        ]
        .concat()
    }
}

fn vouched(grant: &Grant, person: [u8; 16]) -> Vec<u8> {
    [b"bonded vouched v1\n", person.as_slice(), &grant.challenge()].concat()
}

#[cfg(test)]
mod tests;
