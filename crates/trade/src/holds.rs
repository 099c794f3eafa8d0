//! Holds: what could not go on by itself, with the reason, until somebody puts it right.

mod corrections;
mod figures;

pub use corrections::{CORRECTIONS_MAX, Correction, Fix, carry, correct, lay, outlived, tried};
pub use figures::{FIGURES_HOLDS_MAX, Figures, count, counted};

use crate::orders::Order;
use crate::partners::PartnerLink;
use crate::purchase_orders::PurchaseOrder;
use crate::{Page, Races, TradeError, Written, carrier};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, Listed, PAGE_MAX, Record, Scope, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a hold's detail that are kept.
pub const DETAIL_CHARS_MAX: usize = 500;

/// Bytes of what came from outside that are kept with a hold.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes that a hold's id takes from the held record's.
const HELD_BYTES: usize = 8;

/// Whether a hold still needs somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// It does.
    Open,
    /// It was put right, or put aside.
    Resolved,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With what somebody corrected.
    Corrected,
    /// Tried again as it was, because somebody asked for it.
    Replayed,
    /// By itself: what was wrong had changed.
    Recovered,
    /// Somebody put it aside.
    Dismissed,
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

impl HoldReason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::SoldByNobody, Self::SoldBySeveral, Self::LinkEnded, Self::LinkPending, Self::Refused, Self::Failed];
}

/// One thing that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What is held: `order`, `purchase_order`, `partner_link`.
    pub about: String,
    /// Which one, as people read it: `ord_…`.
    pub record: String,
    /// Why.
    pub reason: HoldReason,
    /// What would help, in a sentence. Never holds a consumer field.
    pub detail: String,
    /// Whether it still needs somebody.
    pub state: HoldState,
    /// How often it was tried.
    pub tries: u32,
    /// When it was first held.
    pub raised_at: Moment,
    /// What came from outside and could not be taken, as it was understood; without its consumer. `None` for our own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// What somebody has put right in the payload; it is laid over what comes from outside for as long as that says what it
    /// said then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Correction>,
    /// Whether somebody has asked for another try that has not ended yet.
    #[serde(default)]
    pub asked: bool,
    /// How it ended; `None` while it is open.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// Names what is known of a connected shop's thing: `mir_…`, which lives beyond this crate.
#[derive(Debug)]
enum Mirrored {}

impl Kinded for Mirrored {
    const KIND: Kind = Kind::Mirror;
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
        self.held().map(|(_, bytes)| bytes)
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.raised_at)
    }
}

/// Holds a record, with a scope of the program's own. The same reason again is another try of the same hold.
pub async fn raise<R: Record>(
    ledger: &Ledger,
    account: Id<Account>,
    record: Id<R>,
    reason: HoldReason,
    detail: &str,
) -> Result<Written<Hold>, TradeError> {
    raise_with(ledger, account, record, reason, detail, None).await
}

/// The same for what came from outside, with what was understood of it: never one of the six consumer fields, and
/// [`PAYLOAD_BYTES_MAX`] as JSON at most; more is left out.
pub async fn raise_with<R: Kinded>(
    ledger: &Ledger,
    account: Id<Account>,
    record: Id<R>,
    reason: HoldReason,
    detail: &str,
    payload: Option<Value>,
) -> Result<Written<Hold>, TradeError> {
    let payload = payload.filter(|payload| payload.to_string().len() <= PAYLOAD_BYTES_MAX);
    let scope = carrier(account);
    let id = Hold::id_of(record, reason);
    let mut races = Races::new();
    loop {
        let known = ledger.get(&scope, id).await?;
        let now = ledger.clock().now();
        let next = Hold {
            about: R::KIND.name().to_owned(),
            record: record.to_string(),
            reason,
            detail: detail.chars().take(DETAIL_CHARS_MAX).collect(),
            state: HoldState::Open,
            tries: known.as_ref().map_or(1, |was| was.tries.saturating_add(1)),
            raised_at: known.as_ref().map_or(now, |was| was.raised_at),
            payload: payload.clone(),
            corrections: known.as_ref().map(|was| was.corrections.clone()).unwrap_or_default(),
            asked: false,
            outcome: None,
        };
        let mut change = Change::new();
        match &known {
            Some(was) => change.update(was, &next, "held"),
            None => change.create(id, &next, "held"),
        }
        match ledger.commit(&scope, change).await {
            Ok(done) => {
                if known.as_ref().is_none_or(|was| was.state == HoldState::Resolved) {
                    figures::held();
                }
                let born = || Written::born(id, next.clone(), done.at);
                return Ok(known.map_or_else(born, |was| Written::changed(&was, next.clone(), done.at)));
            }
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

/// The hold of a record for a reason, whether it is open or not, if there ever was one.
pub async fn of<R: Kinded>(
    ledger: &Ledger,
    scope: &Scope,
    record: Id<R>,
    reason: HoldReason,
) -> Result<Option<Stored<Hold>>, TradeError> {
    Ok(ledger.get(scope, Hold::id_of(record, reason)).await?)
}

/// Puts a hold aside: it needs nobody any more. What came from outside stays away until it changes there.
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
        let next = was.unresolved()?.ended(Outcome::Dismissed);
        let mut change = Change::new();
        change.update(&was, &next, "dismissed");
        match ledger.commit(scope, change).await {
            Ok(committed) => {
                figures::ended(Outcome::Dismissed);
                return Ok(Written::changed(&was, next, committed.at));
            }
            Err(error) => races.lost(error)?,
        }
    }
}

/// Resolves every open hold of a record, because what it waited for has happened; says how many.
pub async fn resolve_all_of<R: Kinded>(
    ledger: &Ledger,
    account: Id<Account>,
    record: Id<R>,
) -> Result<usize, TradeError> {
    let scope = carrier(account);
    let ids = HoldReason::ALL.map(|reason| Hold::id_of(record, reason));
    let mut races = Races::new();
    loop {
        let mut open: Vec<Stored<Hold>> = ledger.get_many(&scope, &ids).await?.into_iter().flatten().collect();
        open.retain(|hold| hold.state == HoldState::Open);
        let mut change = Change::new();
        for was in &open {
            change.update(was, &was.ended(was.reached()), "resolved");
        }
        if change.is_empty() {
            return Ok(0);
        }
        match ledger.commit(&scope, change).await {
            Ok(_) => {
                for was in &open {
                    figures::ended(was.reached());
                }
                return Ok(open.len());
            }
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
        let next = Hold { tries: was.tries.saturating_add(1), asked: true, ..was.unresolved()?.clone() };
        let mut change = Change::new();
        touch(ledger, scope, &was, &mut change).await?;
        change.update(&was, &next, "retried");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Asks for another try of every order that is held because nobody, or several, sell a line by one of these SKUs; says how
/// many.
pub async fn retry_skus(ledger: &Ledger, scope: &Scope, skus: &[&str]) -> Result<usize, TradeError> {
    let (mut page, mut tried) = (Page::first(PAGE_MAX), 0);
    loop {
        let listed = list(ledger, scope, Some(HoldState::Open), page).await?;
        for hold in &listed.records {
            let (HoldReason::SoldByNobody | HoldReason::SoldBySeveral, Some((Kind::Order, order))) =
                (hold.reason, hold.held())
            else {
                continue;
            };
            let order = ledger.get(scope, Id::<Order>::from_bytes(order)).await?;
            let waits = |order: Stored<Order>| {
                order.unrouted().any(|line| line.sku.as_deref().is_some_and(|sku| skus.contains(&sku)))
            };
            if order.is_some_and(waits) {
                retry(ledger, scope, hold.id, None).await?;
                tried += 1;
            }
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(tried),
        }
    }
}

/// The held record as it is, with an entry that says "retried".
async fn touch(ledger: &Ledger, scope: &Scope, hold: &Hold, change: &mut Change) -> Result<(), TradeError> {
    match hold.held() {
        Some((Kind::Order, id)) => touch_one::<Order>(ledger, scope, id, change).await,
        Some((Kind::PurchaseOrder, id)) => touch_one::<PurchaseOrder>(ledger, scope, id, change).await,
        // What became of it is decided where it is known; here it is only asked for.
        Some((Kind::Mirror, id)) => {
            change.witness(Kind::Mirror, id, 0, "retried", Vec::new());
            Ok(())
        }
        Some((Kind::PartnerLink, id)) => touch_one::<PartnerLink>(ledger, scope, id, change).await,
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

impl Hold {
    /// The id of the hold of a record for a reason; worked out, so that there is only ever one.
    fn id_of<R: Kinded>(record: Id<R>, reason: HoldReason) -> Id<Self> {
        let mut named = record.bytes().to_vec();
        named.extend_from_slice(&[R::KIND.number(), reason as u8]);
        let mut id = record.bytes();
        for (byte, hashed) in id.iter_mut().skip(HELD_BYTES).zip(digest(&SHA256, &named).as_ref()) {
            *byte = *hashed;
        }
        Id::from_bytes(id)
    }

    /// What is held, if it is of a kind that can be.
    fn held(&self) -> Option<(Kind, [u8; 16])> {
        let kind = Kind::from_name(&self.about)?;
        let bytes = match kind {
            Kind::Order => self.record.parse::<Id<Order>>().ok()?.bytes(),
            Kind::PurchaseOrder => self.record.parse::<Id<PurchaseOrder>>().ok()?.bytes(),
            Kind::PartnerLink => self.record.parse::<Id<PartnerLink>>().ok()?.bytes(),
            Kind::Mirror => self.record.parse::<Id<Mirrored>>().ok()?.bytes(),
            _ => return None,
        };
        Some((kind, bytes))
    }

    /// The hold, if it still needs somebody.
    fn unresolved(&self) -> Result<&Self, Problem> {
        match self.state {
            HoldState::Open => Ok(self),
            HoldState::Resolved => Err(Problem::new(Reason::State, "the hold is resolved already")),
        }
    }

    fn ended(&self, outcome: Outcome) -> Self {
        Self { state: HoldState::Resolved, asked: false, outcome: Some(outcome), ..self.clone() }
    }

    /// How a hold ends whose record is well again.
    const fn reached(&self) -> Outcome {
        match (self.corrections.is_empty(), self.asked) {
            (false, _) => Outcome::Corrected,
            (true, true) => Outcome::Replayed,
            (true, false) => Outcome::Recovered,
        }
    }

    /// Whether somebody has put it aside.
    pub fn is_dismissed(&self) -> bool {
        self.outcome == Some(Outcome::Dismissed)
    }
}
