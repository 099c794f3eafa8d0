//! A payment method: a card that the gateway keeps for a retailer, under tokens that only we can charge.

use bonded_base::{Id, Kind, Kinded, Moment, Secret};
use bonded_ledger::{Concealed, Ledger, LedgerError, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Payment methods of one account that are in use or being set up, at most.
pub const METHODS_MAX: usize = 20;

/// What the gateway's id of the buyer is concealed for.
const CUSTOMER: &str = "gateway_customer";
/// What the gateway's id of the card is concealed for.
const TOKEN: &str = "gateway_method";

/// How it stands with a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodState {
    /// The buyer is to enter a card at the gateway.
    SettingUp,
    /// It can be charged.
    Active,
    /// No card was entered in time, or the gateway refused it.
    Failed,
    /// Its owner has taken it away.
    Removed,
}

impl MethodState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// A card as the gateway keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethod {
    /// How it stands.
    pub state: MethodState,
    /// The gateway's page on which the card is entered.
    pub session: Option<String>,
    /// The gateway's id of the buyer.
    pub customer: Option<Concealed>,
    /// The gateway's id of the card: what can be charged.
    pub token: Option<Concealed>,
    /// `visa`
    pub brand: Option<String>,
    /// Its last four digits.
    pub last4: Option<String>,
    /// 1 to 12.
    pub expires_month: Option<u8>,
    /// With the century.
    pub expires_year: Option<u16>,
    /// Why it failed: a code.
    pub why: Option<String>,
    /// When it could first be charged.
    pub active_at: Option<Moment>,
    /// The newest event of the gateway's about it.
    pub heard: Option<String>,
    /// The event up to which it was looked at.
    pub seen: Option<String>,
}

impl Kinded for PaymentMethod {
    const KIND: Kind = Kind::PaymentMethod;
}

impl Record for PaymentMethod {
    fn state(&self) -> u8 {
        self.state.number()
    }
}

impl PaymentMethod {
    /// One that is to be set up.
    pub(super) const fn new() -> Self {
        Self {
            state: MethodState::SettingUp,
            session: None,
            customer: None,
            token: None,
            brand: None,
            last4: None,
            expires_month: None,
            expires_year: None,
            why: None,
            active_at: None,
            heard: None,
            seen: None,
        }
    }
}

/// Conceals the gateway's id of the buyer in a method.
pub(super) fn conceal_customer(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PaymentMethod>,
    customer: &str,
) -> Result<Concealed, LedgerError> {
    ledger.conceal(scope, id, CUSTOMER, customer.as_bytes())
}

/// Conceals the gateway's id of the card in a method.
pub(super) fn conceal_token(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PaymentMethod>,
    token: &str,
) -> Result<Concealed, LedgerError> {
    ledger.conceal(scope, id, TOKEN, token.as_bytes())
}

/// The gateway's id of the buyer.
pub(super) fn customer(
    ledger: &Ledger,
    scope: &Scope,
    method: &Stored<PaymentMethod>,
) -> Result<Option<Secret<String>>, LedgerError> {
    method.customer.as_ref().map(|kept| text(&ledger.reveal(scope, method.id, CUSTOMER, kept)?)).transpose()
}

/// The gateway's id of the card.
pub(super) fn token(
    ledger: &Ledger,
    scope: &Scope,
    method: &Stored<PaymentMethod>,
) -> Result<Option<Secret<String>>, LedgerError> {
    method.token.as_ref().map(|kept| text(&ledger.reveal(scope, method.id, TOKEN, kept)?)).transpose()
}

fn text(bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, LedgerError> {
    let text = String::from_utf8(bytes.expose().clone()).map_err(|_| LedgerError::Damaged(Kind::PaymentMethod))?;
    Ok(Secret::new(text))
}
