//! Partner links: two accounts that trade with each other, once both have said so.
//!
//! A link is one id with a record on each side. A side changes only its own record; the log then carries the news to
//! the other, where [`mirror`] makes the records agree. States only rise (invited, active, ended), so news may come
//! late, twice or out of order.
//!
//! Architecture invariant: [`open`] and `order_scope` are the only makers of a partner's scope.

use crate::accounts::{self, Role};
use crate::{Page, Races, TradeError, Written, carrier};
use bonded_base::{Account, Id, Kind, Kinded, Problem, Reason};
use bonded_ledger::{
    Actor, Change, Ledger, LedgerError, List, Listed, Lookup, LookupName, Record, Scope, Stored, System,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Active links that one retailer may have; beyond it the oldest are the ones that route.
pub const SUPPLIERS_MAX: u32 = 1_000;

/// Partners that are asked at the same time.
pub(crate) const PARTNERS_AT_ONCE: usize = 8;

/// How far a link has come, as one side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// One side has asked.
    Invited,
    /// Both sides want it.
    Active,
    /// One side has ended it, for good; a new invitation makes a new link.
    Ended,
}

/// One side's record of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerLink {
    /// The account on the other side.
    pub partner: Id<Account>,
    /// Its name when the link was made.
    pub partner_name: String,
    /// What we are in it.
    pub role: Role,
    /// How far it has come.
    pub state: LinkState,
    /// Whether we asked, and the other side answers.
    pub invited_by_us: bool,
}

impl Kinded for PartnerLink {
    const KIND: Kind = Kind::PartnerLink;
}

impl LinkState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Record for PartnerLink {
    fn state(&self) -> u8 {
        self.state.number()
    }

    /// A link that has ended makes room for another with the same partner.
    fn lookups(&self) -> Vec<Lookup<'_>> {
        match self.state {
            LinkState::Ended => Vec::new(),
            LinkState::Invited | LinkState::Active => vec![with(self.partner)],
        }
    }
}

impl PartnerLink {
    /// Says yes to an invitation; only the invited side can.
    pub fn accept(self) -> Result<Self, Problem> {
        match self.state {
            LinkState::Invited if self.invited_by_us => {
                Err(Problem::new(Reason::State, "the partner has to accept this invitation"))
            }
            LinkState::Invited => Ok(Self { state: LinkState::Active, ..self }),
            LinkState::Active => Err(Problem::new(Reason::State, "the link is active already")),
            LinkState::Ended => Err(Problem::new(Reason::State, "the link has ended; a new invitation is needed")),
        }
    }

    /// Ends the link, or turns an invitation down.
    pub fn end(self) -> Result<Self, Problem> {
        match self.state {
            LinkState::Invited | LinkState::Active => Ok(Self { state: LinkState::Ended, ..self }),
            LinkState::Ended => Err(Problem::new(Reason::State, "the link has ended already")),
        }
    }

    /// Our record, brought up to what the other side's says; `None` when that is nothing new.
    ///
    /// The other side's word makes our link active only if we had asked for it: nobody is linked unasked.
    pub fn agree(&self, theirs: &Self) -> Option<Self> {
        let state = match (self.state, theirs.state) {
            (LinkState::Invited | LinkState::Active, LinkState::Ended) => LinkState::Ended,
            (LinkState::Invited, LinkState::Active) if self.invited_by_us => LinkState::Active,
            _ => return None,
        };
        Some(Self { state, ..self.clone() })
    }

    /// The record that an invitation from the other side leaves with us.
    fn invited(theirs: &Self, from: Id<Account>, from_name: &str) -> Self {
        Self {
            partner: from,
            partner_name: from_name.to_owned(),
            role: theirs.role.counterpart(),
            state: LinkState::Invited,
            invited_by_us: false,
        }
    }
}

/// An active link, opened: what lets one side read what the other shares.
#[derive(Clone, Debug)]
pub struct LinkedPartner {
    /// The link.
    pub link: Id<PartnerLink>,
    /// The account on the other side.
    pub partner: Id<Account>,
    /// Opens the shared records of that account, for reading.
    pub scope: Scope,
}

/// Invites a partner. Its side hears of it when the log has carried the news ([`mirror`]).
pub async fn invite(ledger: &Ledger, scope: &Scope, partner: Id<Account>) -> Result<Written<PartnerLink>, TradeError> {
    if partner == scope.account() {
        return Err(Problem::invalid("/partner", "an account cannot be its own partner").into());
    }
    let own = accounts::profile(ledger, scope).await?;
    let other = accounts::find(ledger, partner).await.map_err(|error| match error {
        TradeError::Problem(_) => Problem::invalid("/partner", "there is no such account").into(),
        TradeError::Ledger(_) => error,
    })?;
    if other.role != own.role.counterpart() {
        return Err(Problem::invalid("/partner", "a link joins a retailer and a supplier").into());
    }
    let link = PartnerLink {
        partner,
        partner_name: other.name.clone(),
        role: own.role,
        state: LinkState::Invited,
        invited_by_us: true,
    };
    let (id, mut change) = (ledger.new_id(), Change::new());
    change.create(id, &link, "invited");
    match ledger.commit(scope, change).await {
        Ok(committed) => Ok(Written::born(id, link, committed.at)),
        Err(LedgerError::Taken { name: LookupName::Partner, .. }) => {
            Err(Problem::new(Reason::Duplicate, "there is a link or an invitation with this partner already").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Accepts an invitation of the other side.
pub async fn accept(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PartnerLink>,
    expected: Option<u64>,
) -> Result<Written<PartnerLink>, TradeError> {
    settle(ledger, scope, id, expected, "accepted", PartnerLink::accept).await
}

/// Ends a link, or turns an invitation down; either side may.
pub async fn end(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PartnerLink>,
    expected: Option<u64>,
) -> Result<Written<PartnerLink>, TradeError> {
    settle(ledger, scope, id, expected, "ended", PartnerLink::end).await
}

async fn settle(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PartnerLink>,
    expected: Option<u64>,
    action: &'static str,
    rule: fn(PartnerLink) -> Result<PartnerLink, Problem>,
) -> Result<Written<PartnerLink>, TradeError> {
    let mut races = Races::staked(Kind::PartnerLink, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        crate::as_expected(&was, expected)?;
        let becomes = rule((*was).clone())?;
        let mut change = Change::new();
        change.update(&was, &becomes, action);
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, becomes, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// One link.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<PartnerLink>) -> Result<Stored<PartnerLink>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::PartnerLink))
}

/// Links in one state, or all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<LinkState>,
    page: Page,
) -> Result<Listed<PartnerLink>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(LinkState::number))).await?)
}

/// What the partners of these links are called, also of those that were ended.
pub async fn names(
    ledger: &Ledger,
    scope: &Scope,
    links: impl IntoIterator<Item = Id<PartnerLink>>,
) -> Result<HashMap<Id<PartnerLink>, String>, TradeError> {
    let links: Vec<_> = links.into_iter().collect::<HashSet<_>>().into_iter().collect();
    let known = ledger.get_many(scope, &links).await?.into_iter().flatten();
    Ok(known.map(|link| (link.id, link.into_value().partner_name)).collect())
}

/// Opens an active link of ours: what the partner shares may be read from here on.
///
/// Both sides' records are asked, so that a link ended over there is shut at once, before the news reaches us.
pub async fn open(ledger: &Ledger, scope: &Scope, id: Id<PartnerLink>) -> Result<LinkedPartner, TradeError> {
    let ours = get(ledger, scope, id).await?;
    opened(ledger, scope, &ours).await?.ok_or_else(|| TradeError::state("the partner link is not active"))
}

async fn opened(
    ledger: &Ledger,
    scope: &Scope,
    ours: &Stored<PartnerLink>,
) -> Result<Option<LinkedPartner>, TradeError> {
    // Across the link a reader is seen as the partner, so a person of the platform would leave no trace there.
    if matches!(scope.actor(), Actor::Staff(_)) {
        return Err(Problem::new(Reason::Forbidden, "staff cannot read what a partner shares").into());
    }
    let over_there = Scope::system(ours.partner, System::Doorkeeper);
    let theirs = match ledger.get(&over_there, ours.id).await {
        Ok(theirs) => theirs,
        // A partner whose account was closed shares nothing any more.
        Err(LedgerError::Destroyed) => None,
        Err(error) => return Err(error.into()),
    };
    let both = theirs.is_some_and(|theirs| {
        theirs.state == LinkState::Active && theirs.partner == scope.account() && ours.state == LinkState::Active
    });
    let (link, partner) = (ours.id, ours.partner);
    Ok(both.then(|| LinkedPartner { link, partner, scope: Scope::partner(partner, scope.account()) }))
}

/// The active links of a retailer, oldest first, up to [`SUPPLIERS_MAX`].
pub async fn suppliers(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<PartnerLink>>, TradeError> {
    let list = List { state: Some(LinkState::Active.number()), ..List::first(SUPPLIERS_MAX) };
    let mut links = ledger.list::<PartnerLink>(scope, &list).await?.records;
    links.retain(|link| link.role == Role::Retailer);
    Ok(links)
}

/// The same, opened; links that the other side has ended or not yet confirmed are left out.
pub async fn opened_suppliers(ledger: &Ledger, scope: &Scope) -> Result<Vec<LinkedPartner>, TradeError> {
    let links = suppliers(ledger, scope).await?;
    let asked: Vec<_> = links.iter().map(|link| opened(ledger, scope, link)).collect();
    let opened = stream::iter(asked).buffered(PARTNERS_AT_ONCE);
    Ok(opened.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
}

/// What an order's supplier may read of the retailer's account, through a link that is or was active.
///
/// Whoever calls this has to show that the one order it reads was posted to this supplier.
pub(crate) fn order_scope(supplier: Id<Account>, link: &PartnerLink) -> Scope {
    Scope::partner_order(link.partner, supplier)
}

/// Makes the other side's record of a link agree with ours; does nothing when it does already.
///
/// Two accounts may invite each other at the same moment. Both want the link then, so the older invitation becomes
/// active on both sides and the younger one ends.
pub async fn mirror(ledger: &Ledger, from: Id<Account>, id: Id<PartnerLink>) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let Some(theirs) = ledger.get(&carrier(from), id).await? else { return Ok(()) };
        let scope = carrier(theirs.partner);
        let Some(change) = mirrored(ledger, &scope, from, &theirs).await? else { return Ok(()) };
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(()),
            Err(LedgerError::Taken { kind, id, .. }) => races.lost(LedgerError::Conflict { kind, id })?,
            Err(error) => races.lost(error)?,
        }
    }
}

async fn mirrored(
    ledger: &Ledger,
    scope: &Scope,
    from: Id<Account>,
    theirs: &Stored<PartnerLink>,
) -> Result<Option<Change>, TradeError> {
    let mut change = Change::new();
    if let Some(ours) = ledger.get(scope, theirs.id).await? {
        let Some(becomes) = ours.agree(theirs) else { return Ok(None) };
        change.update(&ours, &becomes, "mirrored");
        return Ok(Some(change));
    }
    if theirs.state != LinkState::Invited {
        return Ok(None);
    }
    let from_name = accounts::find(ledger, from).await?.name.clone();
    let mut becomes = PartnerLink::invited(theirs, from, &from_name);
    if let Some(other) = live(ledger, scope, from).await? {
        match standing(ledger, scope, from, &other).await? {
            Standing::Wanted if other.id < theirs.id => return Ok(None),
            Standing::Wanted => becomes.state = LinkState::Active,
            Standing::Over => {}
        }
        change.update(&other, &PartnerLink { state: LinkState::Ended, ..(*other).clone() }, "replaced");
    }
    change.create(theirs.id, &becomes, "mirrored");
    Ok(Some(change))
}

/// What another live link of ours with the same partner is worth.
enum Standing {
    /// We asked for it ourselves, and still wait.
    Wanted,
    /// The partner has ended it, and the news has not reached us yet.
    Over,
}

async fn standing(
    ledger: &Ledger,
    scope: &Scope,
    from: Id<Account>,
    other: &Stored<PartnerLink>,
) -> Result<Standing, TradeError> {
    let theirs = ledger.get(&carrier(from), other.id).await?;
    if theirs.is_some_and(|theirs| theirs.state == LinkState::Ended && theirs.partner == scope.account()) {
        return Ok(Standing::Over);
    }
    Ok(Standing::Wanted)
}

/// The live link with an account, if there is one.
pub async fn live(
    ledger: &Ledger,
    scope: &Scope,
    partner: Id<Account>,
) -> Result<Option<Stored<PartnerLink>>, TradeError> {
    let Some(id) = ledger.find::<PartnerLink>(scope, &with(partner)).await? else { return Ok(None) };
    Ok(ledger.get(scope, id).await?)
}

fn with(partner: Id<Account>) -> Lookup<'static> {
    Lookup::new(LookupName::Partner, partner.bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(state: LinkState, invited_by_us: bool) -> PartnerLink {
        let (partner, partner_name) = (Id::from_bytes([1; 16]), String::from("Lamps"));
        PartnerLink { partner, partner_name, role: Role::Retailer, state, invited_by_us }
    }

    #[test]
    fn the_other_side_s_word_links_nobody_unasked() {
        use LinkState::{Active, Ended, Invited};
        for (ours, asked, theirs, becomes) in [
            (Invited, true, Invited, None),
            (Invited, true, Active, Some(Active)),
            (Invited, false, Active, None),
            (Invited, false, Ended, Some(Ended)),
            (Active, true, Invited, None),
            (Active, false, Ended, Some(Ended)),
            (Ended, true, Active, None),
            (Ended, true, Ended, None),
        ] {
            let agreed = link(ours, asked).agree(&link(theirs, !asked)).map(|link| link.state);
            assert_eq!(agreed, becomes, "{ours:?} {asked} {theirs:?}");
        }
    }

    #[test]
    fn news_of_a_link_changes_nothing_the_second_time() {
        for theirs in [LinkState::Invited, LinkState::Active, LinkState::Ended] {
            for ours in [LinkState::Invited, LinkState::Active, LinkState::Ended] {
                if let Some(next) = link(ours, true).agree(&link(theirs, false)) {
                    assert_eq!(next.agree(&link(theirs, false)), None);
                    assert!(next.state > ours, "a state only rises");
                }
            }
        }
    }
}
