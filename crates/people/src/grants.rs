//! Grants: what a merchant account approves that one of the platform's staff may see or do in it.
//!
//! ```text
//!             ┌─▶ denied        ┌─▶ revoked   (by the account, at once)
//! requested ──┼─▶ approved ─────┴─▶ ended     (its time is over)
//!             └─▶ lapsed   (nobody answered in a day)
//! ```
//! A grant's record lives in the account, whose log tells of each step. The platform keeps a copy under the same id, by
//! which staff find their requests and [`keep`] finds what has run out. An approval is a signature of the approver's
//! passkey over the terms (see [`bonded_vault::Grant`]); without it the vault opens nothing, whatever the record says.
//!
//! Architecture invariant: there is no other way for staff into an account, and none that its owner does not see.

mod approve;
mod area;
mod legal;
mod record;

pub use approve::{Proof, Terms, approve, terms};
pub use area::{Area, GrantScope};
pub use legal::{LegalDemand, OFFICERS_NEEDED, demand, demands, sign};
pub use record::{ApprovedWith, GrantRecord, GrantState, Reason, ReasonKind};

use crate::books::books;
use crate::mail::{self, Cause, GrantEnd, Matter};
use crate::members::{self, Acting};
use crate::{PeopleError, Permission, directory};
use bonded_base::{Account, Id, Kind, Moment, Problem, Staff};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, Scope, Stored, System};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How long a request waits for an answer.
pub const ANSWER_MS: i64 = 24 * HOUR_MS;
/// The longest time that can be asked for.
pub const DURATION_MS_MAX: i64 = bonded_vault::GRANT_DAYS_MAX * 24 * HOUR_MS;
/// The shortest.
pub const DURATION_MS_MIN: i64 = 15 * MINUTE_MS;
/// Characters of a reason at most.
pub const REASON_CHARS_MAX: usize = 500;
/// Characters of a ticket's number at most.
pub const TICKET_CHARS_MAX: usize = 60;
/// Open requests and grants that one account may have at most.
pub const OPEN_MAX: u32 = 100;

/// A request, as staff write it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// For what.
    pub scope: GrantScope,
    /// Why.
    pub reason: Reason,
    /// For how long, in milliseconds from the approval on.
    pub duration_ms: i64,
}

impl Draft {
    /// The same, if it can be asked for.
    fn check(self) -> Result<Self, Problem> {
        if !(DURATION_MS_MIN..=DURATION_MS_MAX).contains(&self.duration_ms) {
            return Err(Problem::invalid("/duration", "a grant is for 15 minutes to 7 days"));
        }
        Ok(Self { scope: self.scope.check()?, reason: self.reason.check()?, ..self })
    }
}

/// One of the staff who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub staff: Id<Staff>,
    /// As the account will see it.
    pub name: String,
}

/// Asks an account for a grant, and tells whoever may approve it.
///
/// The platform's copy and the mails come first: should the process end in between, [`keep`] takes away a copy that has
/// no grant, and a mail about it is never sent.
pub async fn ask(
    ledger: &Ledger,
    asker: &Asker,
    account: Id<Account>,
    draft: Draft,
) -> Result<Id<GrantRecord>, PeopleError> {
    let account_name = directory::name_of(ledger, account).await?;
    let draft = draft.check()?;
    let now = ledger.clock().now();
    let record = GrantRecord::requested(account, asker, draft.scope, draft.reason, draft.duration_ms, now);
    let id = ledger.new_id::<GrantRecord>();
    let books = books();
    let mut change = Change::new();
    change.create(id, &record, "requested");
    for member in members::who_may(ledger, account, Permission::GrantsWrite).await? {
        let matter = Matter::GrantAsked {
            account,
            grant: Id::from_bytes(id.bytes()),
            account_name: account_name.clone(),
            staff_name: asker.name.clone(),
            what: record.scope.to_string(),
            reason: record.reason.to_string(),
            until: now.plus_millis(draft.duration_ms),
            lapses_at: record.lapses_at(),
        };
        let (to, name) = (member.mail.clone(), member.name.clone());
        mail::queue(&mut change, ledger, &books, mail::Draft { cause: Cause::birth(id), to, name, matter })?;
    }
    ledger.commit(&Scope::staff(asker.staff), change).await?;
    let mut change = Change::new();
    change.create(id, &record, "requested");
    ledger.commit(&Scope::asking(account, asker.staff), change).await?;
    Ok(id)
}

/// The account's grants and requests, newest first.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<GrantState>,
    page: List,
) -> Result<Listed<GrantRecord>, PeopleError> {
    Ok(ledger.list(scope, &List { state: state.map(GrantState::number), ..page }).await?)
}

/// One of the account's grants or requests.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<GrantRecord>) -> Result<Stored<GrantRecord>, PeopleError> {
    ledger.get(scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Grant))
}

/// Says no to a request.
pub async fn deny(ledger: &Ledger, acting: &Acting, id: Id<GrantRecord>) -> Result<Stored<GrantRecord>, PeopleError> {
    let grant = get(ledger, &acting.scope, id).await?;
    let now = ledger.clock().now();
    if !grant.awaits(now) {
        return Err(PeopleError::state("only a request that nobody has answered can be denied"));
    }
    end(ledger, &acting.scope, &grant, GrantState::Denied, now).await
}

/// Takes a grant back; the next read under it fails.
pub async fn revoke(ledger: &Ledger, acting: &Acting, id: Id<GrantRecord>) -> Result<Stored<GrantRecord>, PeopleError> {
    let grant = get(ledger, &acting.scope, id).await?;
    if grant.state != GrantState::Approved {
        return Err(PeopleError::state("only an approved grant can be revoked"));
    }
    if grant.approved_with == Some(ApprovedWith::Officers) {
        return Err(PeopleError::state("what the law demands cannot be revoked; it ends by itself"));
    }
    end(ledger, &acting.scope, &grant, GrantState::Revoked, ledger.clock().now()).await
}

/// Ends a grant earlier than was approved.
pub async fn shorten(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<GrantRecord>,
    until: Moment,
) -> Result<Stored<GrantRecord>, PeopleError> {
    let grant = get(ledger, &acting.scope, id).await?;
    let now = ledger.clock().now();
    if !grant.holds(now) || grant.approved_with == Some(ApprovedWith::Officers) {
        return Err(PeopleError::state("only a grant that the account approved, and that holds, can be shortened"));
    }
    if until <= now || grant.until.is_none_or(|was| until >= was) {
        return Err(Problem::invalid("/until", "name a moment between now and the grant's end").into());
    }
    let becomes = GrantRecord { until: Some(until), ..(*grant).clone() };
    settle(ledger, &acting.scope, &grant, &becomes, "shortened").await
}

/// What one of the staff may reach in an account, if it has approved that and it still holds.
pub async fn admit(
    ledger: &Ledger,
    staff: Id<Staff>,
    account: Id<Account>,
    id: Id<GrantRecord>,
) -> Result<(Scope, Stored<GrantRecord>), PeopleError> {
    let found = ledger.get(&Scope::system(account, System::Doorkeeper), id).await?;
    let grant = found.filter(|grant| grant.staff == staff).ok_or_else(|| PeopleError::missing(Kind::Grant))?;
    let signed = grant.signed.clone().filter(|_| grant.holds(ledger.clock().now()));
    let signed = signed.ok_or(PeopleError::Ledger(LedgerError::NotGranted))?;
    Ok((Scope::granted(signed, grant.version), grant))
}

/// The platform's copies of what one of the staff has asked for, newest first.
pub async fn asked_by(ledger: &Ledger, staff: Id<Staff>, limit: u32) -> Result<Vec<Stored<GrantRecord>>, PeopleError> {
    let page = List { parent: Some(staff.bytes()), descending: true, ..List::first(limit) };
    Ok(ledger.list::<GrantRecord>(&books(), &page).await?.records)
}

/// The platform's copy of a grant, which says whose account it is about.
pub async fn copy_of(ledger: &Ledger, id: Id<GrantRecord>) -> Result<Stored<GrantRecord>, PeopleError> {
    get(ledger, &books(), id).await
}

/// Brings the platform's copies up to date, lapses requests and ends grants whose time is over; says how many it changed.
///
/// To be called now and then by one node. Whatever it finds half done it ends.
pub async fn keep(ledger: &Ledger) -> Result<usize, PeopleError> {
    let now = ledger.clock().now();
    let mut changed = 0;
    for state in [GrantState::Requested, GrantState::Approved] {
        let mut page = List { state: Some(state.number()), ..List::first(bonded_ledger::PAGE_MAX) };
        loop {
            let listed = ledger.list::<GrantRecord>(&books(), &page).await?;
            for copy in &listed.records {
                changed += usize::from(kept(ledger, copy, now).await?);
            }
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
    }
    Ok(changed)
}

async fn kept(ledger: &Ledger, copy: &Stored<GrantRecord>, now: Moment) -> Result<bool, PeopleError> {
    let scope = Scope::system(copy.account, System::Doorkeeper);
    let own = match ledger.get(&scope, copy.id).await {
        Ok(own) => own,
        // The account was closed, and its grants with it.
        Err(LedgerError::Destroyed) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(own) = own else {
        if copy.is_unsigned_demand() {
            return lapse_demand(ledger, copy, now).await;
        }
        // The request never reached the account: it gets a moment, since it may be on its way.
        if now < copy.asked_at.plus_millis(10 * MINUTE_MS) {
            return Ok(false);
        }
        let mut change = Change::new();
        change.remove(copy, "withdrawn");
        ledger.commit(&books(), change).await?;
        return Ok(true);
    };
    match own.due(now) {
        Some(state) => drop(end(ledger, &scope, &own, state, now).await?),
        None if own.state == copy.state => return Ok(false),
        None => mirror(ledger, &own).await?,
    }
    Ok(true)
}

/// A demand that two officers did not sign in time never reaches the account.
async fn lapse_demand(ledger: &Ledger, copy: &Stored<GrantRecord>, now: Moment) -> Result<bool, PeopleError> {
    if copy.awaits(now) {
        return Ok(false);
    }
    let lapsed = GrantRecord { state: GrantState::Lapsed, ended_at: Some(now), ..(**copy).clone() };
    let mut change = Change::new();
    change.update(copy, &lapsed, "lapsed");
    ledger.commit(&books(), change).await?;
    Ok(true)
}

/// Ends a request or a grant, and tells whoever may approve.
async fn end(
    ledger: &Ledger,
    scope: &Scope,
    grant: &Stored<GrantRecord>,
    state: GrantState,
    now: Moment,
) -> Result<Stored<GrantRecord>, PeopleError> {
    let (action, how) = match state {
        GrantState::Denied => ("denied", GrantEnd::Denied),
        GrantState::Lapsed => ("lapsed", GrantEnd::Lapsed),
        GrantState::Revoked => ("revoked", GrantEnd::Revoked),
        GrantState::Requested | GrantState::Approved | GrantState::Ended => ("ended", GrantEnd::RanOut),
    };
    let ended =
        settle(ledger, scope, grant, &GrantRecord { state, ended_at: Some(now), ..(**grant).clone() }, action).await?;
    let account_name = directory::name_of(ledger, grant.account).await?;
    let members = members::who_may(ledger, grant.account, Permission::GrantsWrite).await?;
    let draft = |member: &Stored<members::MemberRecord>| mail::Draft {
        cause: Cause::change(grant.id, ended.version),
        to: member.mail.clone(),
        name: member.name.clone(),
        matter: Matter::GrantEnded { account_name: account_name.clone(), how },
    };
    mail::enqueue(ledger, &books(), members.iter().map(draft).collect()).await?;
    Ok(ended)
}

/// Changes a grant in its account, then the platform's copy of it.
async fn settle(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<GrantRecord>,
    becomes: &GrantRecord,
    action: &'static str,
) -> Result<Stored<GrantRecord>, PeopleError> {
    let mut change = Change::new();
    change.update(was, becomes, action);
    ledger.commit(scope, change).await?;
    let settled = get(ledger, &Scope::system(was.account, System::Doorkeeper), was.id).await?;
    mirror(ledger, &settled).await?;
    Ok(settled)
}

/// Makes the platform's copy agree; if another does so at the same time, that is as good.
async fn mirror(ledger: &Ledger, own: &Stored<GrantRecord>) -> Result<(), PeopleError> {
    let Some(copy) = ledger.get(&books(), own.id).await? else { return Ok(()) };
    let mut change = Change::new();
    change.update(&copy, &own.copy(), own.state.name());
    match ledger.commit(&books(), change).await {
        Ok(_) | Err(LedgerError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
