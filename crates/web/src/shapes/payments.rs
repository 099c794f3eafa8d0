//! What the API says of invoices, payment methods and charges, in shapes.

use super::Money;
use utoipa::ToSchema;

/// What a supplier asks for what it shipped of a purchase order.
#[derive(ToSchema)]
pub struct Invoice {
    /// `invoice`
    #[schema(example = "invoice")]
    pub object: String,
    /// Its id, the same on both sides.
    #[schema(example = "in_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The supplier's number for it.
    #[schema(example = "R-2026-0117")]
    pub number: String,
    /// What was shipped.
    #[schema(example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub purchase_order: String,
    /// The retailer's number for the order.
    #[schema(example = "1001")]
    pub reference: String,
    /// Who asks.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub supplier: String,
    /// Who is asked.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub retailer: String,
    /// The link between the two.
    #[schema(example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub link: String,
    /// What for.
    pub lines: Vec<InvoiceLine>,
    /// The sum of its lines.
    pub total: Money,
    /// When it was made.
    #[schema(format = DateTime)]
    pub issued_at: String,
    /// When it is to be paid.
    #[schema(format = DateTime)]
    pub due_at: String,
    /// How far it has come.
    pub state: InvoiceState,
    /// When it was paid.
    #[schema(required, format = DateTime)]
    pub paid_at: Option<String>,
    /// How much of it went back.
    pub refunded: Money,
}

/// How far an invoice has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum InvoiceState {
    /// Nothing was paid.
    Open,
    /// All of it was paid.
    Paid,
    /// It was paid, and a part went back.
    PartlyRefunded,
    /// It was paid, and all of it went back.
    Refunded,
}

/// One line of an invoice.
#[derive(ToSchema)]
pub struct InvoiceLine {
    /// The order's number for it.
    #[schema(example = 1)]
    pub line: u32,
    /// Its stock keeping unit.
    #[schema(required)]
    pub sku: Option<String>,
    /// What it is called.
    pub title: String,
    /// Pieces that were shipped.
    #[schema(example = 2)]
    pub quantity: u32,
    /// What the supplier asks for one.
    pub price: Money,
    /// What it asks for all of them.
    pub amount: Money,
}

/// An invoice that is to be made.
#[derive(ToSchema)]
pub struct NewInvoice {
    /// The supplier's number for it, up to 60 characters; the order's, if left out.
    pub number: Option<String>,
    /// In how many days it is to be paid, 0 to 365; 14, if left out.
    pub due_in_days: Option<u32>,
}

/// Where a supplier's money goes.
#[derive(ToSchema)]
pub struct NewPayout {
    /// The supplier's connected account at Stripe.
    #[schema(example = "acct_1A2b3C4d5E6f7G8h")]
    pub stripe_account: String,
}

/// A card that the payment gateway keeps.
#[derive(ToSchema)]
pub struct PaymentMethod {
    /// `payment_method`
    #[schema(example = "payment_method")]
    pub object: String,
    /// Its id.
    #[schema(example = "pm_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was begun.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// How it stands.
    pub state: PaymentMethodState,
    /// `visa`
    #[schema(required)]
    pub brand: Option<String>,
    /// Its last four digits.
    #[schema(required)]
    pub last4: Option<String>,
    /// 1 to 12.
    #[schema(required)]
    pub expires_month: Option<u8>,
    /// With the century.
    #[schema(required)]
    pub expires_year: Option<u16>,
    /// Why it failed: a code.
    #[schema(required)]
    pub why: Option<String>,
    /// When it could first be charged.
    #[schema(required, format = DateTime)]
    pub active_at: Option<String>,
}

/// A card that is being set up.
#[derive(ToSchema)]
pub struct NewPaymentMethod {
    /// The payment method.
    #[serde(flatten)]
    pub method: PaymentMethod,
    /// Where the card is entered: a page of Stripe's. Shown this once.
    pub url: String,
}

/// How it stands with a payment method.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PaymentMethodState {
    /// The buyer is to enter a card at the gateway.
    SettingUp,
    /// It can be charged.
    Active,
    /// No card was entered in time, or the gateway refused it.
    Failed,
    /// Its owner has taken it away.
    Removed,
}

/// What a retailer has agreed to pay for an invoice.
#[derive(ToSchema)]
pub struct Charge {
    /// `charge`
    #[schema(example = "charge")]
    pub object: String,
    /// Its id.
    #[schema(example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When the retailer agreed.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// For which invoice.
    #[schema(example = "in_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub invoice: String,
    /// From which card.
    #[schema(example = "pm_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub payment_method: String,
    /// To whom.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub supplier: String,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub state: ChargeState,
    /// Which attempt this is.
    #[schema(example = 1)]
    pub attempt: u32,
    /// Why it failed, or waits: Stripe's code.
    #[schema(required, example = "insufficient_funds")]
    pub why: Option<String>,
    /// Stripe's id of the payment.
    #[schema(required)]
    pub stripe_payment: Option<String>,
    /// When the retailer agreed.
    #[schema(format = DateTime)]
    pub agreed_at: String,
    /// When it was paid.
    #[schema(required, format = DateTime)]
    pub paid_at: Option<String>,
    /// How much went back, or is on its way.
    pub refunded: Money,
    /// What went back, or is to.
    pub refunds: Vec<Refund>,
}

/// How far a charge has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
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

/// Money that goes back.
#[derive(ToSchema)]
pub struct Refund {
    /// Its number among the charge's refunds.
    #[schema(example = 1)]
    pub number: u32,
    /// How much, in minor units.
    #[schema(example = 500)]
    pub amount: i64,
    /// How far it has come.
    pub state: RefundState,
    /// Stripe's id of it.
    #[schema(required)]
    pub stripe_refund: Option<String>,
    /// Why it failed: Stripe's code.
    #[schema(required)]
    pub why: Option<String>,
    /// When it was asked for, or found at Stripe.
    #[schema(format = DateTime)]
    pub asked_at: String,
}

/// How far a refund has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
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

/// That an invoice may be charged.
#[derive(ToSchema)]
pub struct NewCharge {
    /// Which invoice.
    pub invoice: String,
    /// From which card.
    pub payment_method: String,
}

/// That a charge which failed is to be tried again.
#[derive(ToSchema)]
pub struct ChargeRetry {
    /// From another card than before.
    pub payment_method: Option<String>,
}

/// That the buyer is at hand.
#[derive(ToSchema)]
pub struct NewAuthorisation {
    /// Where they come back to: an https address; our payments page, if left out.
    pub return_url: Option<String>,
}

/// Where the buyer authorises a charge.
#[derive(ToSchema)]
pub struct Authorisation {
    /// `authorisation`
    #[schema(example = "authorisation")]
    pub object: String,
    /// Which charge.
    #[schema(example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub charge: String,
    /// Where to: a page of Stripe's, or of the bank's.
    pub url: String,
}

/// That money is to go back.
#[derive(ToSchema)]
pub struct NewRefund {
    /// How much, in minor units; all that is left, if left out.
    #[schema(example = 500)]
    pub amount: Option<i64>,
}
