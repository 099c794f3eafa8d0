//! What Stripe answers, as far as it is read; everything else is dropped.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Anything with an id.
#[derive(Deserialize)]
pub(super) struct Named {
    pub id: String,
}

/// Some of a list, newest first.
#[derive(Deserialize)]
pub(super) struct Listing<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A page of Stripe's at which a card is entered.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// Stripe's id (`cs_…`).
    pub id: String,
    /// How it stands.
    pub status: SessionStatus,
    /// Where it is, while it is open.
    #[serde(default)]
    pub url: Option<String>,
    /// What came of it.
    #[serde(default)]
    pub setup_intent: Option<String>,
}

/// How a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The buyer has not been there, or is there.
    Open,
    /// The buyer is done.
    Complete,
    /// It was left alone too long.
    Expired,
    /// Something that this program does not know.
    #[serde(other)]
    Unknown,
}

/// A card that is being set up for later use.
#[derive(Clone, Debug, Deserialize)]
pub struct SetupIntent {
    /// `succeeded` when it can be used.
    pub status: String,
    /// Stripe's id of the card (`pm_…`).
    #[serde(default)]
    pub payment_method: Option<String>,
}

/// A card, as far as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Method {
    /// Stripe's id (`pm_…`).
    pub id: String,
    /// What people know it by.
    #[serde(default)]
    pub card: Option<Card>,
}

/// What people know a card by.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// `visa`
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// 1 to 12.
    pub exp_month: u8,
    /// With the century.
    pub exp_year: u16,
}

/// A payment.
#[derive(Clone, Debug, Deserialize)]
pub struct Intent {
    /// Stripe's id (`pi_…`).
    pub id: String,
    /// How it stands.
    pub status: IntentStatus,
    /// How much, as Stripe counts.
    pub amount: i64,
    /// ISO 4217, in small letters.
    pub currency: String,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Why the last attempt failed.
    #[serde(default)]
    last_payment_error: Option<LastError>,
    /// What the buyer has to do.
    #[serde(default)]
    next_action: Option<NextAction>,
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// The card was refused, or there is none.
    RequiresPaymentMethod,
    /// It was made, and not tried.
    RequiresConfirmation,
    /// The buyer has to authenticate.
    RequiresAction,
    /// The bank has not answered yet.
    Processing,
    /// It is paid.
    Succeeded,
    /// It was given up.
    Canceled,
    /// Something that this program does not know.
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Deserialize)]
struct LastError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct NextAction {
    #[serde(default)]
    redirect_to_url: Option<Redirect>,
}

#[derive(Clone, Debug, Deserialize)]
struct Redirect {
    #[serde(default)]
    url: Option<String>,
}

impl Intent {
    /// Why the last attempt failed, as Stripe's code: the bank's, if there is one.
    pub fn why(&self) -> Option<String> {
        let error = self.last_payment_error.as_ref()?;
        error.decline_code.clone().or_else(|| error.code.clone()).filter(|code| is_code(code))
    }

    /// Whether the bank wants to see the buyer.
    pub fn wants_buyer(&self) -> bool {
        let wanted = |error: &LastError| {
            [&error.code, &error.decline_code].into_iter().flatten().any(|code| code == "authentication_required")
        };
        self.status == IntentStatus::RequiresAction
            || (self.status == IntentStatus::RequiresPaymentMethod
                && self.last_payment_error.as_ref().is_some_and(wanted))
    }

    /// Where the buyer authenticates, if that is what it waits for.
    pub fn buyer_goes_to(&self) -> Option<&str> {
        self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_deref()
    }
}

/// Money that goes back.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundAnswer {
    /// Stripe's id (`re_…`).
    pub id: String,
    /// How it stands.
    #[serde(default)]
    pub status: Option<RefundStatus>,
    /// How much, as Stripe counts.
    pub amount: i64,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Why it failed: a code.
    #[serde(default)]
    failure_reason: Option<String>,
}

impl RefundAnswer {
    /// Why it failed: a code.
    pub fn why(&self) -> Option<&str> {
        self.failure_reason.as_deref().filter(|code| is_code(code))
    }
}

/// How a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It is on its way.
    Pending,
    /// The buyer has to say where to.
    RequiresAction,
    /// It is done.
    Succeeded,
    /// It did not arrive.
    Failed,
    /// It was called back.
    Canceled,
    /// Something that this program does not know.
    #[serde(other)]
    Unknown,
}

/// Codes are words of a program; a message would have other characters.
pub(super) fn is_code(text: &str) -> bool {
    const CODE_MAX: usize = 60;
    !text.is_empty() && text.len() <= CODE_MAX && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
