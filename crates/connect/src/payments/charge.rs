//! A charge and the rules of its life, as functions on values.

use super::PaymentMethod;
use crate::stripe::{Intent, IntentStatus, RefundAnswer, RefundStatus, counted, uncounted};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Money, Problem, Reason};
use bonded_ledger::{Lookup, LookupName, Record};
use bonded_trade::invoices::{Invoice, Settled};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Refunds of one charge at most.
pub const REFUNDS_MAX: usize = 50;
/// Why a payment counts as failed that is not the one which was agreed to.
const NOT_AS_AGREED: &str = "not_as_agreed";

/// How far a charge has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// The retailer has agreed; the gateway has not heard of it.
    Due,
    /// The gateway was asked, or the bank has not answered yet.
    Processing,
    /// The bank wants to see the buyer.
    RequiresAction,
    /// It is paid.
    Succeeded,
    /// It was refused; it can be tried again.
    Failed,
    /// A part went back.
    PartlyRefunded,
    /// All of it went back.
    Refunded,
}

impl ChargeState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether it was paid, whatever went back since.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Succeeded | Self::PartlyRefunded | Self::Refunded)
    }

    /// Whether it goes on only when its owners do something.
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::RequiresAction | Self::Failed)
    }
}

/// What a retailer has agreed to pay for an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// For which invoice: there is one charge for each.
    pub invoice: Id<Invoice>,
    /// From which card.
    pub payment_method: Id<PaymentMethod>,
    /// To whom.
    pub supplier: Id<Account>,
    /// Where its money goes: the supplier's account at Stripe.
    pub stripe_account: String,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub state: ChargeState,
    /// Which attempt this is.
    pub attempt: u32,
    /// Stripe's id of the payment (`pi_…`).
    pub stripe_payment: Option<String>,
    /// Why it failed, or waits: Stripe's code.
    pub why: Option<String>,
    /// When the retailer agreed.
    pub agreed_at: Moment,
    /// When it was paid.
    pub paid_at: Option<Moment>,
    /// What went back, or is to.
    pub refunds: Vec<Refund>,
    /// The newest event of the gateway's about it.
    pub heard: Option<String>,
    /// The event up to which it was looked at.
    pub seen: Option<String>,
    /// How much of it the invoice says went back; `None` while it does not say that it was paid.
    pub told: Option<i64>,
    /// How often it has come to a stop at which its owners have to do something.
    pub stops: u32,
    /// The stop up to which its owners were told.
    pub stops_told: u32,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its number among the charge's refunds.
    pub number: u32,
    /// How much, in minor units.
    pub amount: i64,
    /// How far it has come.
    pub state: RefundState,
    /// Stripe's id of it (`re_…`).
    pub stripe_refund: Option<String>,
    /// Why it failed: Stripe's code.
    pub why: Option<String>,
    /// When it was asked for, or found.
    pub asked_at: Moment,
}

/// How far a refund has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The gateway has not heard of it.
    Due,
    /// It is on its way.
    Pending,
    /// It is done.
    Succeeded,
    /// It did not go back.
    Failed,
}

/// A retailer's word that an invoice may be charged.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ChargeDraft {
    /// Which invoice.
    pub invoice: Id<Invoice>,
    /// From which card.
    pub payment_method: Id<PaymentMethod>,
}

/// That a charge which failed is to be tried again.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChargeRetry {
    /// From another card than before.
    pub payment_method: Option<Id<PaymentMethod>>,
}

/// That money is to go back.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RefundDraft {
    /// How much, in minor units of the charge's currency; all that is left, if not said.
    pub amount: Option<i64>,
}

impl Kinded for Charge {
    const KIND: Kind = Kind::Charge;
}

impl Record for Charge {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![of_invoice(self.invoice)]
    }
}

/// Finds the one charge of an invoice.
pub(super) fn of_invoice(invoice: Id<Invoice>) -> Lookup<'static> {
    Lookup::new(LookupName::Invoice, Cow::Owned(invoice.bytes().to_vec()))
}

impl Charge {
    /// As it becomes once the gateway has said how the payment stands. What was paid stays paid.
    pub(super) fn follow(&self, intent: &Intent, code: Option<&str>, now: Moment) -> Self {
        let mut next = Self { stripe_payment: Some(intent.id.clone()), ..self.clone() };
        if self.state.is_paid() {
            return next;
        }
        let agreed = counted(self.amount) == Some(intent.amount)
            && intent.currency.eq_ignore_ascii_case(self.amount.currency.code());
        let why = || code.map(str::to_owned).or_else(|| intent.why());
        (next.state, next.why) = match intent.status {
            _ if !agreed => (ChargeState::Failed, Some(NOT_AS_AGREED.to_owned())),
            IntentStatus::Succeeded => (ChargeState::Succeeded, None),
            IntentStatus::Processing => (ChargeState::Processing, None),
            _ if intent.wants_buyer() || code == Some("authentication_required") => {
                (ChargeState::RequiresAction, Some("authentication_required".to_owned()))
            }
            IntentStatus::RequiresPaymentMethod => (ChargeState::Failed, why().or_else(|| Some("refused".to_owned()))),
            IntentStatus::Canceled => (ChargeState::Failed, Some("canceled".to_owned())),
            IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction | IntentStatus::Unknown => {
                (self.state, self.why.clone())
            }
        };
        if next.state == ChargeState::Succeeded {
            next.paid_at = Some(now);
        }
        next
    }

    /// The same, with a stop counted that it came to by this turn.
    pub(super) fn after(self, was: &Self) -> Self {
        let has_stopped = self.state.is_stopped() && self.state != was.state;
        Self { stops: self.stops.saturating_add(u32::from(has_stopped)), ..self }
    }

    /// The number of the stop that its owners do not know of yet, if it stands at one.
    pub fn untold_stop(&self) -> Option<u32> {
        (self.state.is_stopped() && self.stops > self.stops_told).then_some(self.stops)
    }

    /// How much could still go back, in minor units.
    pub fn refundable(&self) -> i64 {
        if !self.state.is_paid() {
            return 0;
        }
        let asked = self.refunds.iter().filter(|refund| refund.state != RefundState::Failed);
        asked.fold(self.amount.amount, |left, refund| left.saturating_sub(refund.amount)).max(0)
    }

    /// How much went back, or is on its way.
    pub fn refunded(&self) -> i64 {
        let gone = |refund: &&Refund| matches!(refund.state, RefundState::Pending | RefundState::Succeeded);
        self.refunds.iter().filter(gone).map(|refund| refund.amount).fold(0, i64::saturating_add)
    }

    /// What the invoice is to say; `None` before it was paid.
    pub(super) fn settled(&self) -> Option<Settled> {
        let paid_at = self.paid_at.filter(|_| self.state.is_paid())?;
        Some(Settled { paid_at, refunded: self.refunded().min(self.amount.amount) })
    }

    /// The refund that the gateway is to be asked for next.
    pub(super) fn refund_due(&self) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.state == RefundState::Due)
    }

    /// The same with another refund to be made.
    pub(super) fn refund(&self, draft: RefundDraft, now: Moment) -> Result<Self, Problem> {
        if !self.state.is_paid() {
            return Err(Problem::new(Reason::State, "nothing was paid that could go back"));
        }
        if self.refunds.len() >= REFUNDS_MAX {
            return Err(Problem::new(Reason::TooMuch, format!("a charge has at most {REFUNDS_MAX} refunds")));
        }
        let left = self.refundable();
        let amount = draft.amount.unwrap_or(left);
        if left <= 0 {
            return Err(Problem::new(Reason::State, "all of it went back already, or is to"));
        }
        if amount <= 0 || amount > left {
            return Err(Problem::invalid("/amount", format!("1 to {left} minor units are left to go back")));
        }
        if counted(Money::new(amount, self.amount.currency)).is_none() {
            return Err(Problem::invalid("/amount", "the payment gateway takes two decimals of this currency"));
        }
        let number = self.next_number();
        let (state, stripe_refund, why) = (RefundState::Due, None, None);
        let mut next = self.clone();
        next.refunds.push(Refund { number, amount, state, stripe_refund, why, asked_at: now });
        Ok(next)
    }

    fn next_number(&self) -> u32 {
        self.refunds.iter().map(|refund| refund.number).max().map_or(1, |last| last.saturating_add(1))
    }

    /// The same with all that the gateway knows of its refunds, those that were made at the gateway itself included.
    pub(super) fn with_refunds(&self, answers: &[RefundAnswer], now: Moment) -> Self {
        let mut next = self.clone();
        for answer in answers {
            let state = match answer.status {
                Some(RefundStatus::Succeeded) => RefundState::Succeeded,
                Some(RefundStatus::Failed | RefundStatus::Canceled) => RefundState::Failed,
                _ => RefundState::Pending,
            };
            let is_it = |refund: &&mut Refund| match &refund.stripe_refund {
                Some(id) => *id == answer.id,
                None => answer.metadata.get("refund").is_some_and(|number| *number == refund.number.to_string()),
            };
            let (id, why) = (Some(answer.id.clone()), answer.why().map(str::to_owned));
            if let Some(refund) = next.refunds.iter_mut().find(is_it) {
                (refund.state, refund.stripe_refund, refund.why) = (state, id, why);
            } else if next.refunds.len() < REFUNDS_MAX * 2 {
                let (number, amount) = (next.next_number(), uncounted(answer.amount, self.amount.currency));
                next.refunds.push(Refund { number, amount, state, stripe_refund: id, why, asked_at: now });
            }
        }
        next.standing()
    }

    /// The same with one refund that the gateway refused.
    pub(super) fn refund_refused(&self, number: u32, code: &str) -> Self {
        let mut next = self.clone();
        if let Some(refund) = next.refunds.iter_mut().find(|refund| refund.number == number) {
            (refund.state, refund.why) = (RefundState::Failed, Some(code.to_owned()));
        }
        next.standing()
    }

    /// The state that its refunds make of what was paid.
    fn standing(self) -> Self {
        if !self.state.is_paid() {
            return self;
        }
        let state = match self.refunded() {
            0 => ChargeState::Succeeded,
            refunded if refunded < self.amount.amount => ChargeState::PartlyRefunded,
            _ => ChargeState::Refunded,
        };
        Self { state, ..self }
    }
}
