//! Payments: cards that a retailer has set up at the gateway, and what they are charged for its suppliers' invoices.
//!
//! A charge is a record of ours before the gateway hears of it, unique for its invoice, so nothing is charged twice whatever
//! the gateway forgets. Each charge and each card that is being set up is a follower: one node at a time does the next thing
//! that there is to do ([`work`]), and what the gateway says is read from it as it is then.
//!
//! Architecture invariant: no number of a card is ever here; a card is the gateway's token, concealed, and what people
//! know it by.

mod charge;
mod charging;
mod method;
mod refunds;
mod setup;

pub use charge::{Charge, ChargeDraft, ChargeRetry, ChargeState, REFUNDS_MAX, Refund, RefundDraft, RefundState};
pub use charging::{agree, ask_refund, authorise, came_back, get, hear, list, of_invoices, retry, stop_told, work};
pub use method::{METHODS_MAX, MethodState, PaymentMethod};
pub use setup::{
    begin as begin_method, came_back as came_back_with_method, get as get_method, hear as hear_method,
    list as list_methods, remove as remove_method, work as work_on_method,
};

use crate::stripe::StripeError;
use bonded_base::{Id, Moment, Problem, Reason};
use bonded_ledger::LedgerError;
use bonded_trade::TradeError;
use std::sync::Arc;

/// The page on which people see their payments, and to which they come back from the gateway.
pub const PAGE: &str = "/payments";

/// What there is to do next for a charge or a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// Nothing before so many milliseconds have passed or something happens in its account.
    Within(i64),
    /// Nothing any more, until somebody asks for something.
    Settled,
    /// The gateway does not accept the operator's key: nothing goes on until that is put right.
    KeyRefused,
    /// It is not there.
    Missing,
}

/// Where a buyer comes back to from their bank, on our own origin.
pub fn back_from_bank(charge: Id<Charge>) -> String {
    format!("{PAGE}/charges/{charge}/back")
}

/// What is noted in an event's place when a buyer came back: there is something to look at, as after any event.
fn return_at(now: Moment) -> String {
    format!("back_{}", now.millis())
}

/// Payments are not set up in this deployment.
pub fn not_set_up() -> Problem {
    Problem::new(Reason::NotSetUp, "the operator has not set up payments in this deployment")
}

/// What is told of the gateway's answer to somebody who waits for it.
fn told(error: StripeError) -> TradeError {
    match error {
        StripeError::Ledger(error) => unwritten(error).into(),
        StripeError::Refused { .. } | StripeError::Gone => Problem::new(Reason::Refused, error.to_string()).into(),
        StripeError::Unauthorised | StripeError::Away | StripeError::Strange(_) => {
            Problem::new(Reason::Unavailable, error.to_string()).into()
        }
    }
}

fn unwritten(error: Arc<LedgerError>) -> LedgerError {
    Arc::try_unwrap(error).unwrap_or(LedgerError::Stopping)
}
