//! Stripe, the payment gateway: cards are entered on its own pages, and what it keeps is charged by tokens.
//!
//! The operator has one platform account there; a retailer's money goes to the connected account of its supplier. A call
//! sends amounts and ids, never a name, an address or a card. Of what Stripe answers to a refusal only its codes are kept.
//! Source: `docs.stripe.com/api`.

mod answers;
mod call;
mod signature;

pub use answers::{
    Card, Intent, IntentStatus, Method, RefundAnswer, RefundStatus, Session, SessionStatus, SetupIntent,
};
pub use call::StripeError;
pub use signature::{Event, SIGNATURE_HEADER, Subject, TOLERANCE_MS};

use crate::outbound::{Host, Line, Outbound, Owner, Url};
use answers::{Listing, Named};
use bonded_base::{Account, Currency, Id, Moment, Money, Secret};
use bonded_ledger::{Ledger, Scope};
use call::Form;
use std::fmt;
use std::sync::Arc;

/// Where Stripe is.
pub const ADDRESS: &str = "https://api.stripe.com/";
/// The version of its API that is asked for, unless the configuration says otherwise.
pub const VERSION: &str = "2025-09-30.clover";
/// Things that one question lists.
const PAGE: usize = 100;
/// How many pages of a list are looked through.
const PAGES_MAX: usize = 50;

/// How this deployment reaches Stripe, and how Stripe reaches it. It has no `Debug`.
pub struct StripeSetup {
    /// The platform account's secret or restricted key (`sk_…`, `rk_…`).
    pub key: Secret<String>,
    /// What webhooks may be signed with (`whsec_…`): the old and the new one while one follows the other.
    pub webhook_secrets: Vec<Secret<String>>,
    /// The version of the API (`2025-09-30.clover`).
    pub version: String,
    /// [`ADDRESS`], but for tests.
    pub address: Url,
    /// How buyers reach us: `https://app.example.com`.
    pub origin: String,
}

/// The gateway; cheap to clone, one for the program.
#[derive(Clone)]
pub struct Stripe {
    outbound: Outbound,
    setup: Arc<StripeSetup>,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stripe")
    }
}

impl Stripe {
    /// Reaches Stripe by this way out.
    pub fn new(outbound: Outbound, setup: StripeSetup) -> Self {
        Self { outbound, setup: Arc::new(setup) }
    }

    /// How buyers reach us, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.setup.origin
    }

    /// What a webhook says, if Stripe signed it a short while ago; `None` if not, whatever is wrong.
    pub fn heard(&self, body: &[u8], signature: &str, now: Moment) -> Option<Event> {
        let is_genuine = signature::is_genuine(body, signature, &self.setup.webhook_secrets, now);
        is_genuine.then(|| Event::read(body))
    }

    /// A till at which one account pays: its calls are written down in that account.
    pub fn till(&self, ledger: &Ledger, scope: &Scope) -> Till {
        /// The account itself, whose money it is.
        enum Payer {}
        impl bonded_base::Kinded for Payer {
            const KIND: bonded_base::Kind = bonded_base::Kind::Account;
        }
        let owner = Owner::of(Id::<Payer>::from_bytes(scope.account().bytes()));
        // Setting up a payment method is the approval to call this one host for the account, and no other.
        let hosts = Host::of(&self.setup.address).into_iter().collect();
        let line = self.outbound.line(ledger, scope, owner, hosts);
        Till { line, setup: Arc::clone(&self.setup), account: scope.account() }
    }
}

/// One account's line to Stripe.
pub struct Till {
    line: Line,
    setup: Arc<StripeSetup>,
    account: Id<Account>,
}

/// A payment that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// Our id of it, by which it is found again.
    pub charge: &'a str,
    /// Which attempt this is, after others were refused.
    pub attempt: u32,
    /// How much, as Stripe counts (see [`counted`]).
    pub amount: i64,
    /// In which currency.
    pub currency: Currency,
    /// Stripe's id of the buyer.
    pub customer: &'a str,
    /// Stripe's id of the card.
    pub method: &'a str,
    /// Stripe's id of the supplier's account.
    pub destination: &'a str,
}

/// A refund that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Refunding<'a> {
    /// Our id of the charge.
    pub charge: &'a str,
    /// Its number among the charge's refunds.
    pub number: u32,
    /// Stripe's id of the payment.
    pub intent: &'a str,
    /// How much, as Stripe counts.
    pub amount: i64,
}

/// An amount as Stripe counts it; `None` where its currency has more decimals than it takes.
///
/// Source: `docs.stripe.com/currencies`: ISK and UGX are counted in hundredths for old times' sake; of currencies with three
/// decimals the last must be 0.
pub fn counted(money: Money) -> Option<i64> {
    match money.currency {
        Currency::ISK | Currency::UGX => money.amount.checked_mul(100),
        other if other.exponent() == Some(3) => (money.amount % 10 == 0).then_some(money.amount),
        _ => Some(money.amount),
    }
}

/// The same back in minor units.
pub fn uncounted(amount: i64, currency: Currency) -> i64 {
    if matches!(currency, Currency::ISK | Currency::UGX) { amount / 100 } else { amount }
}

impl Till {
    /// Makes a customer, who is nobody but our account: no name and no address go there.
    pub async fn make_customer(&self, about: &str) -> Result<String, StripeError> {
        let form = Form::new().about(self.account, "payment_method", about).once(format!("customer-{about}"));
        let made: Named = self.post("payment_method_setup", &["account"], "/v1/customers", form).await?;
        Ok(made.id)
    }

    /// Opens a page of Stripe's at which the buyer enters a card, for later use without them.
    /// They come back to `done` when it was entered, and to `left` when they changed their mind.
    pub async fn open_session(
        &self,
        about: &str,
        customer: &str,
        done: &str,
        left: &str,
    ) -> Result<Session, StripeError> {
        let form = Form::new()
            .set("mode", "setup")
            .set("customer", customer)
            .set("payment_method_types[0]", "card")
            .set("client_reference_id", about)
            .set("success_url", done)
            .set("cancel_url", left)
            .set("setup_intent_data[metadata][payment_method]", about)
            .set("setup_intent_data[metadata][account]", self.account.to_string())
            .about(self.account, "payment_method", about)
            .once(format!("session-{about}"));
        self.post("payment_method_setup", &["account", "payment_method"], "/v1/checkout/sessions", form).await
    }

    /// The page as it is now.
    pub async fn session(&self, id: &str) -> Result<Session, StripeError> {
        self.get("payment_method_setup", &format!("/v1/checkout/sessions/{id}"), &[]).await
    }

    /// Closes the page, if nobody is done with it.
    pub async fn close_session(&self, id: &str) -> Result<(), StripeError> {
        let path = format!("/v1/checkout/sessions/{id}/expire");
        self.post::<Named>("payment_method_removal", &[], &path, Form::new()).await.map(drop)
    }

    /// What came of it.
    pub async fn setup_intent(&self, id: &str) -> Result<SetupIntent, StripeError> {
        self.get("payment_method_setup", &format!("/v1/setup_intents/{id}"), &[]).await
    }

    /// A card, as far as it is shown.
    pub async fn method(&self, id: &str) -> Result<Method, StripeError> {
        self.get("payment_method_setup", &format!("/v1/payment_methods/{id}"), &[]).await
    }

    /// Takes a card away from its customer: it can be charged no more.
    pub async fn detach(&self, id: &str) -> Result<(), StripeError> {
        let path = format!("/v1/payment_methods/{id}/detach");
        self.post::<Named>("payment_method_removal", &[], &path, Form::new()).await.map(drop)
    }

    /// Charges a card while the buyer is away; the supplier's share goes to its account.
    pub async fn pay(&self, payment: Payment<'_>) -> Result<Intent, StripeError> {
        let form = Form::new()
            .set("amount", payment.amount.to_string())
            .set("currency", payment.currency.code().to_lowercase())
            .set("customer", payment.customer)
            .set("payment_method", payment.method)
            .set("payment_method_types[0]", "card")
            .set("confirm", "true")
            .set("off_session", "true")
            .set("transfer_data[destination]", payment.destination)
            .about(self.account, "charge", payment.charge)
            .once(format!("charge-{}-{}", payment.charge, payment.attempt));
        let fields = &["account", "charge", "amount", "currency", "payment_method", "supplier"];
        self.post("payment", fields, "/v1/payment_intents", form).await
    }

    /// The payment that was made for a charge, if there is one: every answer of it may have been lost.
    pub async fn find_payment(&self, customer: &str, charge: &str) -> Result<Option<Intent>, StripeError> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = vec![("customer", customer.to_owned()), ("limit", PAGE.to_string())];
            query.extend(after.take().map(|after| ("starting_after", after)));
            let listed: Listing<Intent> = self.get("payment", "/v1/payment_intents", &query).await?;
            after = listed.data.last().map(|last| last.id.clone()).filter(|_| listed.has_more);
            let is_it = |intent: &Intent| intent.metadata.get("charge").is_some_and(|of| of == charge);
            if let Some(found) = listed.data.into_iter().find(is_it) {
                return Ok(Some(found));
            }
            if after.is_none() {
                return Ok(None);
            }
        }
        Err(StripeError::Strange("payments are listed without an end"))
    }

    /// A payment as it is now.
    pub async fn payment(&self, intent: &str) -> Result<Intent, StripeError> {
        self.get("payment", &format!("/v1/payment_intents/{intent}"), &[]).await
    }

    /// Tries a payment again that did not go through, with another card or the same, while the buyer is away.
    pub async fn pay_again(&self, intent: &str, method: &str, attempt: u32) -> Result<Intent, StripeError> {
        let form = Form::new()
            .set("payment_method", method)
            .set("off_session", "true")
            .once(format!("confirm-{intent}-{attempt}"));
        self.post("payment", &["payment_method"], &format!("/v1/payment_intents/{intent}/confirm"), form).await
    }

    /// Tries a payment with the buyer at hand, who is sent to `back` when done.
    pub async fn pay_with_buyer(&self, intent: &str, method: &str, back: &str) -> Result<Intent, StripeError> {
        let form = Form::new().set("payment_method", method).set("return_url", back);
        self.post("payment", &["payment_method"], &format!("/v1/payment_intents/{intent}/confirm"), form).await
    }

    /// Gives money back, and takes the supplier's share of it from the supplier.
    pub async fn refund(&self, refunding: Refunding<'_>) -> Result<RefundAnswer, StripeError> {
        let form = Form::new()
            .set("payment_intent", refunding.intent)
            .set("amount", refunding.amount.to_string())
            .set("reverse_transfer", "true")
            .set("metadata[refund]", refunding.number.to_string())
            .about(self.account, "charge", refunding.charge)
            .once(format!("refund-{}-{}", refunding.charge, refunding.number));
        self.post("refund", &["account", "charge", "amount"], "/v1/refunds", form).await
    }

    /// Every refund of a payment, also those that were made at Stripe itself.
    pub async fn refunds(&self, intent: &str) -> Result<Vec<RefundAnswer>, StripeError> {
        let query = [("payment_intent", intent.to_owned()), ("limit", PAGE.to_string())];
        let listed: Listing<RefundAnswer> = self.get("refund", "/v1/refunds", &query).await?;
        Ok(listed.data)
    }
}
