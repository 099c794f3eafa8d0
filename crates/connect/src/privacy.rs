//! Privacy requests: what a platform asks of us for a consumer's sake, and how far we are with it.
//!
//! Shopify sends three kinds (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>): a consumer asks what is
//! kept of them, a consumer is to be forgotten, a shop is; each is to be done within thirty days. The first is answered by the
//! account's own people. The others run through the same [deletions](bonded_trade::deletions) as those that people ask for.

use crate::connections::Connection;
use crate::followers::{self, Follower};
use crate::mirrors;
use crate::notices::{Notice, Topic};
use bonded_base::{Id, Kind, Kinded, Moment, Problem};
use bonded_ledger::{Change, Ledger, LedgerError, Listed, Record, Scope, Stored};
use bonded_trade::deletions::Deletion;
use bonded_trade::orders::Order;
use bonded_trade::{Page, Races, TradeError, Written};
use serde::{Deserialize, Serialize};

/// How long a platform gives us.
pub const DUE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Orders that a request waits for, of which it names so many.
pub const WAITED_FOR_MAX: usize = 100;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// What is kept of a consumer, in these orders.
    Data,
    /// That the consumer of these orders be forgotten.
    RedactConsumer,
    /// That all consumers of a shop be forgotten.
    RedactShop,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyState {
    /// It is to be done.
    Open,
    /// It is done.
    Done,
}

impl PrivacyState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// What a platform asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyRequest {
    /// What.
    pub wanted: Wanted,
    /// Through which connection, which may have been given up since.
    pub connection: Id<Connection>,
    /// Which shop asked: `shopify lamps.myshopify.com`.
    pub shop: String,
    /// Which of our orders; empty where a whole shop is meant.
    pub orders: Vec<Id<Order>>,
    /// How far it is.
    pub state: PrivacyState,
    /// When it came.
    pub asked_at: Moment,
    /// Until when it is to be done.
    pub due_at: Moment,
    /// Orders that have to be completed or cancelled first, [`WAITED_FOR_MAX`] of them at most.
    pub waits_for: Vec<Id<Order>>,
    /// What was deleted for it.
    pub deletions: Vec<Id<Deletion>>,
    /// When it was done.
    pub done_at: Option<Moment>,
}

impl Kinded for PrivacyRequest {
    const KIND: Kind = Kind::PrivacyRequest;
}

impl Record for PrivacyRequest {
    fn state(&self) -> u8 {
        self.state.number()
    }
}

/// What a notice asks of the kind, if it does.
pub const fn wanted(topic: Topic) -> Option<Wanted> {
    match topic {
        Topic::DataRequest => Some(Wanted::Data),
        Topic::RedactConsumer => Some(Wanted::RedactConsumer),
        Topic::RedactShop => Some(Wanted::RedactShop),
        Topic::Products | Topic::Levels | Topic::Orders | Topic::Uninstalled => None,
    }
}

/// Keeps what a notice asks. Of a consumer none of whose orders came here nothing is kept, so there is nothing to see to.
/// Its id is worked out from the notice's, so that a copy of that asks for the same.
pub async fn take(
    ledger: &Ledger,
    scope: &Scope,
    connection: &Stored<Connection>,
    notice: &Notice,
) -> Result<(), LedgerError> {
    let Some(wanted) = wanted(notice.topic) else { return Ok(()) };
    let known = mirrors::of_remotes(ledger, scope, connection.id, Kind::Order, &notice.named).await?;
    let mut orders: Vec<Id<Order>> = known.into_iter().flatten().filter_map(|mirror| mirror.record_of()).collect();
    orders.sort_unstable();
    orders.dedup();
    if orders.is_empty() && wanted != Wanted::RedactShop {
        return Ok(());
    }
    let id: Id<PrivacyRequest> = mirrors::derived(connection.id.bytes(), &[notice.event.as_bytes()]);
    if wanted != Wanted::Data {
        let what = Kind::PrivacyRequest;
        let follower = Follower { account: scope.account(), what, shop: None, aside: None };
        followers::register(ledger, &follower, id.bytes()).await?;
    }
    let now = ledger.clock().now();
    let request = PrivacyRequest {
        wanted,
        connection: connection.id,
        shop: connection.shop_name(),
        orders,
        state: PrivacyState::Open,
        asked_at: now,
        due_at: now.plus_millis(DUE_MS),
        waits_for: Vec::new(),
        deletions: Vec::new(),
        done_at: None,
    };
    let mut change = Change::new();
    change.create(id, &request, "asked");
    match ledger.commit(scope, change).await {
        Ok(_) | Err(LedgerError::Conflict { kind: Kind::PrivacyRequest, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One request.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<PrivacyRequest>) -> Result<Stored<PrivacyRequest>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::PrivacyRequest))
}

/// A page of the requests in one state, or of all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<PrivacyState>,
    page: Page,
) -> Result<Listed<PrivacyRequest>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(PrivacyState::number))).await?)
}

/// Notes that somebody has told the consumer what is kept of them.
pub async fn answered(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PrivacyRequest>,
) -> Result<Written<PrivacyRequest>, TradeError> {
    let now = ledger.clock().now();
    turn(ledger, scope, id, "answered", |request| match (request.wanted, request.state) {
        (_, PrivacyState::Done) => Ok(request),
        (Wanted::Data, _) => Ok(PrivacyRequest { state: PrivacyState::Done, done_at: Some(now), ..request }),
        _ => Err(Problem::new(bonded_base::Reason::State, "it is done when its orders are forgotten")),
    })
    .await
}

/// Turns a request by a rule that may refuse; what it leaves as it was is not written.
pub async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PrivacyRequest>,
    action: &'static str,
    rule: impl Fn(PrivacyRequest) -> Result<PrivacyRequest, Problem>,
) -> Result<Written<PrivacyRequest>, TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let next = rule((*was).clone())?;
        if next == *was {
            return Ok(was.into());
        }
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}
