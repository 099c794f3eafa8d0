//! Privacy requests at work: consumers whom a platform wants forgotten are, as soon as their orders are closed.
//!
//! A request is a follower until it is done. Orders that are completed or cancelled are put away and deleted without a grace
//! period; those that are still under way are waited for, and named on the request.

use crate::deletions::ask;
use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_connect::privacy::{self, PrivacyRequest, PrivacyState, WAITED_FOR_MAX, Wanted};
use bonded_connect::{followers, mirrors};
use bonded_ledger::{Ledger, LedgerError, PAGE_MAX, Scope, Stored, System};
use bonded_trade::deletions::{Because, Deletion, ORDERS_ASKED_MAX, Selection};
use bonded_trade::orders::{self, Order, OrderState};
use bonded_trade::{Page, TradeError};
use std::time::Duration;

/// How long nothing is looked at while orders are waited for: the net below a lost wake.
const IDLE: Duration = Duration::from_hours(1);
/// How often a whole shop's orders are looked through at most.
const SHOP_LOOK_MS: i64 = 60_000;
/// How long a request takes at most from its place on the register to its record.
const TAKING_MS_MAX: i64 = 60_000;

/// A request, as a follower.
pub struct PrivacyTurn {
    ledger: Ledger,
    account: Id<Account>,
    id: Id<PrivacyRequest>,
    /// When this follower began, and when it looked through a whole shop last.
    begun_at: Moment,
    looked_at: Option<Moment>,
}

/// How the orders of a request stand.
#[derive(Default)]
struct Stands {
    /// To be deleted now, [`ORDERS_ASKED_MAX`] at most.
    archived: Vec<Id<Order>>,
    /// Still under way, some of them.
    waits_for: Vec<Id<Order>>,
}

impl Stands {
    fn is_full(&self) -> bool {
        self.archived.len() >= ORDERS_ASKED_MAX
    }
}

impl PrivacyTurn {
    /// The request with this id.
    pub fn new(ledger: Ledger, account: Id<Account>, id: [u8; 16]) -> Self {
        let begun_at = ledger.clock().now();
        Self { ledger, account, id: Id::from_bytes(id), begun_at, looked_at: None }
    }

    async fn leave(&self) -> Result<Again, LedgerError> {
        followers::retire(&self.ledger, self.id.bytes()).await?;
        Ok(Again::Never)
    }

    /// Puts away what is closed, and says how all of it stands.
    async fn look(&self, scope: &Scope, request: &PrivacyRequest) -> Result<Stands, LedgerError> {
        let mut stands = Stands::default();
        if request.wanted != Wanted::RedactShop {
            for some in request.orders.chunks(PAGE_MAX as usize) {
                self.sort(scope, some, &mut stands).await?;
            }
            return Ok(stands);
        }
        let mut page = Page::first(PAGE_MAX);
        loop {
            let listed = mirrors::list(&self.ledger, scope, Some(request.connection), None, page).await;
            let listed = listed.map_err(|error| error.into_problem().err().unwrap_or(LedgerError::Destroyed))?;
            let orders = listed.records.iter().filter(|mirror| mirror.about == Kind::Order);
            let orders: Vec<Id<Order>> = orders.filter_map(|mirror| mirror.record_of()).collect();
            self.sort(scope, &orders, &mut stands).await?;
            match listed.next {
                Some(next) if !stands.is_full() => page.after = Some(next),
                _ => return Ok(stands),
            }
        }
    }

    async fn sort(&self, scope: &Scope, ids: &[Id<Order>], stands: &mut Stands) -> Result<(), LedgerError> {
        if ids.is_empty() {
            return Ok(());
        }
        for order in self.ledger.get_many::<Order>(scope, ids).await?.into_iter().flatten() {
            match order.state {
                OrderState::Forgotten => {}
                _ if stands.is_full() => {}
                OrderState::Archived => stands.archived.push(order.id),
                OrderState::Completed | OrderState::Cancelled => {
                    let archived = orders::archive(&self.ledger, scope, order.id, None).await;
                    match archived.map(|archived| archived.id).map_err(TradeError::into_problem) {
                        Ok(id) => stands.archived.push(id),
                        // Somebody has just done it.
                        Err(Ok(_)) => stands.archived.push(order.id),
                        Err(Err(error)) => return Err(error),
                    }
                }
                OrderState::Open | OrderState::Routed | OrderState::Shipped => {
                    if stands.waits_for.len() < WAITED_FOR_MAX {
                        stands.waits_for.push(order.id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the last deletion that was asked for is still at work.
    async fn is_deleting(&self, scope: &Scope, request: &PrivacyRequest) -> Result<bool, LedgerError> {
        let Some(last) = request.deletions.last() else { return Ok(false) };
        let last: Option<Stored<Deletion>> = self.ledger.get(scope, *last).await?;
        Ok(last.is_some_and(|deletion| !deletion.state.is_over()))
    }

    async fn work(&mut self, request: &PrivacyRequest) -> Result<Again, LedgerError> {
        let scope = Scope::system(self.account, System::Deletion);
        let now = self.ledger.clock().now();
        if self.is_deleting(&scope, request).await? {
            self.looked_at = None;
            return Ok(Again::Within(IDLE, Vec::new()));
        }
        let is_early = |at: Moment| now < at.plus_millis(SHOP_LOOK_MS);
        if request.wanted == Wanted::RedactShop && self.looked_at.is_some_and(is_early) {
            return Ok(Again::Within(Duration::from_millis(SHOP_LOOK_MS.unsigned_abs()), Vec::new()));
        }
        self.looked_at = Some(now);
        let Stands { archived, waits_for } = self.look(&scope, request).await?;
        let asked = if archived.is_empty() {
            None
        } else {
            let asked = ask(&self.ledger, &scope, Selection::Orders(archived), Because::PrivacyRequest).await;
            match asked.map_err(TradeError::into_problem) {
                Ok(asked) => Some(asked.id),
                // Somebody else's deletion was faster with one of them: looked at anew.
                Err(Ok(_)) => return Ok(Again::Within(Duration::from_secs(1), Vec::new())),
                Err(Err(error)) => return Err(error),
            }
        };
        let is_done = asked.is_none() && waits_for.is_empty();
        let action = if is_done { "done" } else { "advanced" };
        let turned = privacy::turn(&self.ledger, &scope, self.id, action, |mut request| {
            request.deletions.extend(asked);
            request.waits_for.clone_from(&waits_for);
            if is_done {
                (request.state, request.done_at) = (PrivacyState::Done, Some(now));
            }
            Ok(request)
        });
        turned.await.map(drop).or_else(|error| error.into_problem().map(drop))?;
        if is_done { self.leave().await } else { Ok(Again::Within(IDLE, Vec::new())) }
    }
}

#[async_trait]
impl Turn for PrivacyTurn {
    async fn turn(&mut self, _: &mut Held) -> Result<Again, LedgerError> {
        let scope = Scope::system(self.account, System::Deletion);
        match self.ledger.get(&scope, self.id).await? {
            Some(request) if request.state == PrivacyState::Open => self.work(&request).await,
            // Registered and not made yet, or never: it is asked for again by a copy of the notice.
            None if self.ledger.clock().now() < self.begun_at.plus_millis(TAKING_MS_MAX) => {
                Ok(Again::Within(Duration::from_millis(TAKING_MS_MAX.unsigned_abs()), Vec::new()))
            }
            _ => self.leave().await,
        }
    }
}
