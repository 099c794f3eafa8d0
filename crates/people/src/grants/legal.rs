//! Access that the law demands: two officers sign for it, and the customer sees it.
//!
//! There is no break-glass that skips the customer: what is done here stands in the account's own log and among its
//! grants, its owners and managers are told by mail at once, and every read leaves its entry as under any grant. What a
//! demand lacks is the account's approval, so the vault asks for two officers' passkeys instead.

use super::{ApprovedWith, Asker, Draft, GrantRecord, GrantState, ReasonKind, books, copy_of, mirror};
use crate::mail::{self, Cause, Matter};
use crate::staff::{Power, StaffVisitor};
use crate::{PeopleError, Permission, directory, members};
use bonded_base::{Account, Id, Problem, Reason as Why};
use bonded_ledger::{Change, Ledger, LedgerError, List, PAGE_MAX, Scope, Stored};
use bonded_vault::{Approval, ApprovalKey, Approver, Assertion, Grant, SignedGrant};
use serde::{Deserialize, Serialize};

/// Officers who must sign.
pub const OFFICERS_NEEDED: usize = 2;

/// A demand on its way: what is to be signed, and who has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalDemand {
    /// What the officers sign. It runs from the moment it was drawn up.
    pub terms: Grant,
    /// Those who have signed.
    pub signed: Vec<(Approver, Assertion)>,
}

/// Draws up a demand; the officer who does is the one who will read. Nothing opens before two officers have signed.
pub async fn demand(
    ledger: &Ledger,
    visitor: &StaffVisitor,
    account: Id<Account>,
    draft: Draft,
) -> Result<Id<GrantRecord>, PeopleError> {
    may(visitor)?;
    directory::name_of(ledger, account).await?;
    let draft = draft.check()?;
    if draft.scope.act {
        return Err(Problem::invalid("/act", "the law may demand to look, never to act for a customer").into());
    }
    if draft.reason.ticket.is_none() {
        return Err(Problem::invalid("/reason/ticket", "name the reference of the demand").into());
    }
    let now = ledger.clock().now();
    let reason = super::Reason { kind: ReasonKind::LegalDemand, ..draft.reason };
    let asker = Asker { staff: visitor.id(), name: visitor.record.name.clone() };
    let id = ledger.new_id::<GrantRecord>();
    let mut record = GrantRecord::requested(account, &asker, draft.scope, reason, draft.duration_ms, now);
    let terms = record.terms(id, now, draft.duration_ms)?;
    record.legal = Some(LegalDemand { terms, signed: Vec::new() });
    let mut change = Change::new();
    change.create(id, &record, "legally_demanded");
    ledger.commit(&visitor.scope(), change).await?;
    tracing::warn!(grant = %id, %account, staff = %visitor.id(), "access without a customer's approval was demanded");
    Ok(id)
}

/// The demands that wait for signatures, the oldest first.
pub async fn demands(ledger: &Ledger) -> Result<Vec<Stored<GrantRecord>>, PeopleError> {
    let list = List { state: Some(GrantState::Requested.number()), ..List::first(PAGE_MAX) };
    let mut found = ledger.list::<GrantRecord>(&books(), &list).await?.records;
    found.retain(|copy| copy.is_unsigned_demand());
    Ok(found)
}

/// Adds an officer's signature over [`Grant::challenge`] of the terms; with the second, the demand holds.
pub async fn sign(
    ledger: &Ledger,
    visitor: &StaffVisitor,
    id: Id<GrantRecord>,
    key: ApprovalKey,
    relying_party: &str,
    assertion: Assertion,
) -> Result<Stored<GrantRecord>, PeopleError> {
    may(visitor)?;
    let copy = copy_of(ledger, id).await?;
    let now = ledger.clock().now();
    let pending = copy.legal.clone().filter(|_| copy.awaits(now));
    let mut legal = pending.ok_or_else(|| PeopleError::state("no such demand waits for a signature"))?;
    if legal.signed.len() >= OFFICERS_NEEDED {
        // Both had signed, and then the process ended: any officer who comes back to it lets it take effect.
        take_effect(ledger, visitor, &copy, legal).await?;
        return copy_of(ledger, id).await;
    }
    let person = visitor.id().bytes();
    if legal.signed.iter().any(|(approver, _)| approver.person == person) {
        return Err(PeopleError::state("you have signed; another officer must"));
    }
    let approver = ledger.vault().endorse(bonded_ledger::PLATFORM, person, key, relying_party)?;
    ledger.vault().check_officer(&approver, &assertion, &legal.terms).map_err(|_| PeopleError::NotProven)?;
    legal.signed.push((approver, assertion));
    let is_complete = legal.signed.len() >= OFFICERS_NEEDED;
    let mut change = Change::new();
    change.update(&copy, &GrantRecord { legal: Some(legal.clone()), ..(*copy).clone() }, "signed");
    ledger.commit(&visitor.scope(), change).await?;
    if is_complete {
        take_effect(ledger, visitor, &copy, legal).await?;
    }
    copy_of(ledger, id).await
}

/// Writes the grant into the account, for its owner to see, and tells whoever could have approved it.
async fn take_effect(
    ledger: &Ledger,
    visitor: &StaffVisitor,
    copy: &Stored<GrantRecord>,
    legal: LegalDemand,
) -> Result<(), PeopleError> {
    let (account, until) = (copy.account, legal.terms.until);
    let signed = SignedGrant { grant: legal.terms, approval: Approval::Officers { signed: legal.signed } };
    ledger.vault().account_for(&signed, ledger.clock().now())?;
    let becomes = GrantRecord {
        state: GrantState::Approved,
        approved_with: Some(ApprovedWith::Officers),
        until: Some(until),
        signed: Some(signed),
        legal: None,
        ..(**copy).clone()
    };
    let account_name = directory::name_of(ledger, account).await?;
    let told = members::who_may(ledger, account, Permission::GrantsWrite).await?;
    let drafts = told.iter().map(|member| mail::Draft {
        cause: Cause::birth(copy.id),
        to: member.mail.clone(),
        name: member.name.clone(),
        matter: Matter::LegalAct {
            account_name: account_name.clone(),
            reference: copy.reason.ticket.clone().unwrap_or_default(),
        },
    });
    mail::enqueue(ledger, &books(), drafts.collect()).await?;
    let mut change = Change::new();
    change.create(copy.id, &becomes, "legally_demanded");
    match ledger.commit(&Scope::asking(account, visitor.id()), change).await {
        Ok(_) | Err(LedgerError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    tracing::warn!(grant = %copy.id, %account, "two officers opened an account on a legal demand");
    let own = super::get(ledger, &Scope::system(account, bonded_ledger::System::Doorkeeper), copy.id).await?;
    mirror(ledger, &own).await
}

fn may(visitor: &StaffVisitor) -> Result<(), PeopleError> {
    if visitor.may(Power::ActOnLegalDemand) {
        return Ok(());
    }
    Err(Problem::new(Why::Forbidden, "only a security officer with a valid course may").into())
}

impl GrantRecord {
    /// Whether it is a demand that officers are still to sign, and when it lapses.
    pub(super) fn is_unsigned_demand(&self) -> bool {
        self.legal.is_some() && self.state == GrantState::Requested
    }
}
