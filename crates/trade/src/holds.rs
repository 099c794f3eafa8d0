//! Holds: what could not go on by itself, with the reason, until somebody puts it right.

use crate::orders::Order;
use crate::partners::PartnerLink;
use crate::purchase_orders::PurchaseOrder;
use crate::{Page, Races, TradeError, Written};
use bonded_base::{Account, Id, Kind, Kinded, Problem, Reason, id_text};
use bonded_ledger::{Change, Ledger, List, Listed, Record, Scope, Stored, System};
use serde::{Deserialize, Serialize};

/// Holds of one record that are looked at when another is raised; more are never open at once.
const HOLDS_OF_ONE_MAX: u32 = 1_000;
/// Characters of a hold's detail that are kept.
pub const DETAIL_CHARS_MAX: usize = 500;

/// Whether a hold still needs somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// It does.
    Open,
    /// It was put right, or put aside.
    Resolved,
}

/// Why something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// No partner sells a line.
    SoldByNobody,
    /// Several partners sell something by a line's SKU.
    SoldBySeveral,
    /// The partner link was ended before the order went through it.
    LinkEnded,
    /// The partner link is not active on both sides.
    LinkPending,
    /// A rule refused it.
    Refused,
    /// Something went wrong that trying again did not cure.
    Failed,
}

/// One thing that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What is held: `order`, `purchase_order`, `partner_link`.
    pub about: String,
    /// Which one, as people read it.
    pub id: String,
    /// Why.
    pub reason: HoldReason,
    /// What would help, in a sentence. Never holds a consumer field.
    pub detail: String,
    /// Whether it still needs somebody.
    pub state: HoldState,
    /// How often it was tried.
    pub tries: u32,
    /// The id's bytes, for lists.
    held: [u8; 16],
}

impl Kinded for Hold {
    const KIND: Kind = Kind::Hold;
}

impl HoldState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Record for Hold {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.held)
    }
}

/// Holds a record, with a scope of the program's own. The same reason again counts as another try of the same hold.
pub async fn raise<R: Record>(
    ledger: &Ledger,
    account: Id<Account>,
    held: Id<R>,
    reason: HoldReason,
    detail: &str,
) -> Result<Written<Hold>, TradeError> {
    let scope = Scope::system(account, System::Route);
    let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
    let mut races = Races::new();
    loop {
        let known = open_of(ledger, &scope, held).await?.into_iter().find(|hold| hold.reason == reason);
        let mut change = Change::new();
        let (written, committed) = if let Some(was) = known {
            let next = Hold { detail: detail.clone(), tries: was.tries.saturating_add(1), ..(*was).clone() };
            change.update(&was, &next, "held");
            (Written::changed(&was, next, was.updated_at), ledger.commit(&scope, change).await)
        } else {
            let hold = Hold {
                about: R::KIND.name().to_owned(),
                id: id_text(R::KIND, held.bytes()),
                reason,
                detail: detail.clone(),
                state: HoldState::Open,
                tries: 1,
                held: held.bytes(),
            };
            let id = ledger.new_id();
            change.create(id, &hold, "held");
            (Written::born(id, hold, ledger.clock().now()), ledger.commit(&scope, change).await)
        };
        match committed {
            Ok(committed) => return Ok(Written { updated_at: committed.at, ..written }),
            Err(error) => races.lost(error)?,
        }
    }
}

/// One hold.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Hold>) -> Result<Stored<Hold>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Hold))
}

/// A page of the holds in one state, or of all, oldest first.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<HoldState>,
    page: Page,
) -> Result<Listed<Hold>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(HoldState::number))).await?)
}

/// Puts a hold aside: it needs nobody any more.
pub async fn resolve(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Hold>,
    expected: Option<u64>,
) -> Result<Written<Hold>, TradeError> {
    let mut races = Races::staked(Kind::Hold, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        crate::as_expected(&was, expected)?;
        let next = was.value_open()?.resolved();
        let mut change = Change::new();
        change.update(&was, &next, "resolved");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Resolves every open hold of a record, because what it waited for has happened; says how many.
pub async fn resolve_all_of<R: Record>(
    ledger: &Ledger,
    account: Id<Account>,
    held: Id<R>,
) -> Result<usize, TradeError> {
    let scope = Scope::system(account, System::Route);
    let mut races = Races::new();
    loop {
        let open = open_of(ledger, &scope, held).await?;
        let mut change = Change::new();
        for was in &open {
            change.update(was, &(**was).clone().resolved(), "resolved");
        }
        if change.is_empty() {
            return Ok(0);
        }
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(open.len()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Asks for another try: the held record gets an entry of its own, which wakes whoever carries it.
pub async fn retry(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Hold>,
    expected: Option<u64>,
) -> Result<Written<Hold>, TradeError> {
    let mut races = Races::staked(Kind::Hold, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        crate::as_expected(&was, expected)?;
        let next = Hold { tries: was.tries.saturating_add(1), ..was.value_open()?.clone() };
        let mut change = Change::new();
        touch(ledger, scope, &was, &mut change).await?;
        change.update(&was, &next, "retried");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// The held record as it is, with an entry that says "retried".
async fn touch(ledger: &Ledger, scope: &Scope, hold: &Hold, change: &mut Change) -> Result<(), TradeError> {
    match Kind::from_name(&hold.about) {
        Some(Kind::Order) => touch_one::<Order>(ledger, scope, hold.held, change).await,
        Some(Kind::PurchaseOrder) => touch_one::<PurchaseOrder>(ledger, scope, hold.held, change).await,
        Some(Kind::PartnerLink) => touch_one::<PartnerLink>(ledger, scope, hold.held, change).await,
        _ => Err(TradeError::state("what is held here cannot be tried again")),
    }
}

async fn touch_one<R: Record>(
    ledger: &Ledger,
    scope: &Scope,
    held: [u8; 16],
    change: &mut Change,
) -> Result<(), TradeError> {
    let record = ledger.get(scope, Id::<R>::from_bytes(held)).await?.ok_or_else(|| TradeError::missing(R::KIND))?;
    change.update(&record, &record, "retried");
    Ok(())
}

async fn open_of<R: Record>(ledger: &Ledger, scope: &Scope, held: Id<R>) -> Result<Vec<Stored<Hold>>, TradeError> {
    let list = List { parent: Some(held.bytes()), descending: true, ..List::first(HOLDS_OF_ONE_MAX) };
    let mut holds = ledger.list::<Hold>(scope, &list).await?.records;
    holds.retain(|hold| hold.state == HoldState::Open);
    Ok(holds)
}

impl Hold {
    /// The hold, if it still needs somebody.
    fn value_open(&self) -> Result<&Self, Problem> {
        match self.state {
            HoldState::Open => Ok(self),
            HoldState::Resolved => Err(Problem::new(Reason::State, "the hold is resolved already")),
        }
    }

    fn resolved(&self) -> Self {
        Self { state: HoldState::Resolved, ..self.clone() }
    }
}
