//! Payments at work: charges that are due, cards that are being set up, and what the payment gateway tells of them.
//!
//! Each charge and each card is a follower while there is something to do for it, so that one node at a time speaks of it to
//! the gateway. It leaves the register when it is settled, and comes back when its owner or the gateway has news. Where a
//! charge needs its owners, they are told by mail.

mod owners;

use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_connect::followers;
use bonded_connect::payments::{self, Worked};
use bonded_connect::stripe::{Stripe, Subject};
use bonded_ledger::{Ledger, LedgerError, Scope, System};
use bonded_trade::TradeError;
use std::time::Duration;

/// How long to wait while the gateway does not accept the operator's key.
const KEY_REFUSED: Duration = Duration::from_mins(1);
/// The pause before the next thing that can be done at once.
const SOON: Duration = Duration::from_millis(20);

/// A charge, or a card that is being set up, as a follower.
pub struct PaymentTurn {
    ledger: Ledger,
    stripe: Stripe,
    account: Id<Account>,
    what: Subject,
    /// When the gateway is next to be asked for news without a reason; at once, after a start.
    look_at: Option<Moment>,
}

impl PaymentTurn {
    /// The follower of this kind and id; `None` for other kinds.
    pub fn new(ledger: Ledger, stripe: Stripe, kind: Kind, account: Id<Account>, id: [u8; 16]) -> Option<Self> {
        let what = match kind {
            Kind::Charge => Subject::Charge(Id::from_bytes(id)),
            Kind::PaymentMethod => Subject::PaymentMethod(Id::from_bytes(id)),
            _ => return None,
        };
        Some(Self { ledger, stripe, account, what, look_at: None })
    }

    async fn work(&self, looks: bool) -> Result<Worked, LedgerError> {
        let scope = Scope::system(self.account, System::Connect);
        match self.what {
            Subject::Charge(id) => {
                let worked = payments::work(&self.ledger, &scope, &self.stripe, id, looks).await?;
                owners::tell(&self.ledger, &scope, self.account, id).await?;
                Ok(worked)
            }
            Subject::PaymentMethod(id) => payments::work_on_method(&self.ledger, &scope, &self.stripe, id, looks).await,
        }
    }

    /// Leaves the register. What was asked for at that very moment is found by looking once more.
    async fn leave(&self) -> Result<Again, LedgerError> {
        let id = match self.what {
            Subject::Charge(id) => id.bytes(),
            Subject::PaymentMethod(id) => id.bytes(),
        };
        followers::retire(&self.ledger, id).await?;
        match self.work(false).await? {
            Worked::Settled | Worked::Missing => Ok(Again::Never),
            Worked::Within(_) | Worked::KeyRefused => {
                let kind = match self.what {
                    Subject::Charge(_) => Kind::Charge,
                    Subject::PaymentMethod(_) => Kind::PaymentMethod,
                };
                let follower = followers::Follower { account: self.account, what: kind, shop: None, aside: None };
                followers::register(&self.ledger, &follower, id).await?;
                Ok(Again::Within(SOON, Vec::new()))
            }
        }
    }
}

#[async_trait]
impl Turn for PaymentTurn {
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        if held.is_stopping() {
            return Ok(Again::Within(SOON, Vec::new()));
        }
        let now = self.ledger.clock().now();
        let looks = self.look_at.is_none_or(|at| at <= now);
        match self.work(looks).await? {
            Worked::Settled | Worked::Missing => self.leave().await,
            Worked::KeyRefused => {
                tracing::error!("the payment gateway does not accept this deployment's key: payments wait");
                Ok(Again::Within(KEY_REFUSED, Vec::new()))
            }
            Worked::Within(0) => Ok(Again::Within(SOON, Vec::new())),
            Worked::Within(millis) => {
                let is_later = self.look_at.is_some_and(|at| at > now);
                if !is_later {
                    self.look_at = Some(now.plus_millis(millis));
                }
                Ok(Again::Within(Duration::from_millis(millis.unsigned_abs()), Vec::new()))
            }
        }
    }
}

/// What became of something that was sent to the gateway's address here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is kept, durably, and will be looked at.
    Kept,
    /// The gateway sent it, and it is no business of ours.
    Ignored,
    /// The gateway did not sign it, or not now.
    Unsigned,
}

/// Takes what the gateway's webhook says; of the body nothing is kept but the event's id, on the record that it is about.
pub async fn hear(ledger: &Ledger, stripe: &Stripe, signature: &str, body: &[u8]) -> Result<Heard, LedgerError> {
    let Some(event) = stripe.heard(body, signature, ledger.clock().now()) else { return Ok(Heard::Unsigned) };
    let Some((account, subject)) = event.about else { return Ok(Heard::Ignored) };
    let kept = keep(ledger, account, subject, &event.id).await;
    match kept {
        Ok(true) => Ok(Heard::Kept),
        // An account that is closed, or one of another deployment that shares the gateway's.
        Ok(false) | Err(TradeError::Ledger(LedgerError::Destroyed) | TradeError::Problem(_)) => Ok(Heard::Ignored),
        Err(TradeError::Ledger(error)) => Err(error),
    }
}

async fn keep(ledger: &Ledger, account: Id<Account>, subject: Subject, event: &str) -> Result<bool, TradeError> {
    let scope = Scope::system(account, System::Connect);
    match subject {
        Subject::Charge(id) => payments::hear(ledger, &scope, id, event).await,
        Subject::PaymentMethod(id) => payments::hear_method(ledger, &scope, id, event).await,
    }
}
