//! Invoices: what suppliers ask for what they shipped, and where their money goes.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, MaybeSent, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_people::Permission;
use bonded_trade::accounts;
use bonded_trade::invoices::{self, Invoice, InvoiceDraft, InvoiceState};
use bonded_trade::purchase_orders::PurchaseOrder;
use serde::Deserialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::PaymentsRead, Permission::PaymentsWrite);
    vec![
        Route::new(write, routes!(issue_invoice)).versioned(),
        Route::new(read, routes!(list_invoices)),
        Route::new(read, routes!(get_invoice)),
        Route::new(write, routes!(set_payout)),
    ]
}

const STATES: [(&str, InvoiceState); 4] = [
    ("open", InvoiceState::Open),
    ("paid", InvoiceState::Paid),
    ("partly_refunded", InvoiceState::PartlyRefunded),
    ("refunded", InvoiceState::Refunded),
];

/// Invoice a purchase order
///
/// For what was shipped of it, once all that is left was: the shipped pieces at the purchase order's prices. The purchase
/// order becomes `invoiced`, and the retailer gets the invoice. There is one for each purchase order.
#[utoipa::path(post, path = "/v1/purchase_orders/{id}/invoice", tag = "Payments",
    params(("id" = String, Path, description = "The purchase order.", example = "po_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::NewInvoice>, example = json!({"number": "R-2026-0117", "due_in_days": 14})),
    responses((status = 201, body = shapes::Invoice)))]
async fn issue_invoice(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PurchaseOrder>,
    IfMatch(expected): IfMatch,
    MaybeSent(draft): MaybeSent<InvoiceDraft>,
) -> Result<Reply, Failure> {
    let draft = draft.unwrap_or_default();
    let issued = invoices::issue(app.ledger(), caller.scope(), id, expected, &draft).await?;
    Ok(Shown::from(&issued).reply()?.created(format!("/v1/invoices/{}", issued.id)))
}

/// List invoices
///
/// A supplier sees those that it issued, a retailer those that it got: all in the order of their purchase orders, or those
/// in one state by when they were issued.
#[utoipa::path(get, path = "/v1/invoices", tag = "Payments",
    params(PageParams, ("state" = Option<shapes::InvoiceState>, Query, description = "Only invoices in this state.")),
    responses((status = 200, body = shapes::InvoicePage)))]
async fn list_invoices(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Invoice, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&invoices::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get an invoice
#[utoipa::path(get, path = "/v1/invoices/{id}", tag = "Payments",
    params(("id" = String, Path, description = "The invoice.", example = "in_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Invoice)))]
async fn get_invoice(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Invoice>) -> Result<Reply, Failure> {
    Shown::from(&invoices::get(app.ledger(), caller.scope(), id).await?).reply()
}

#[derive(Deserialize)]
struct Payout {
    stripe_account: String,
}

/// Set where a supplier's money goes
///
/// The supplier's own connected account at Stripe. Invoices that a retailer agrees to from now on are paid there.
#[utoipa::path(post, path = "/v1/account/payout", tag = "Payments",
    request_body(content = shapes::NewPayout, example = json!({"stripe_account": "acct_1A2b3C4d5E6f7G8h"})),
    responses((status = 200, body = shapes::Account)))]
async fn set_payout(State(app): State<App>, caller: Caller, Sent(payout): Sent<Payout>) -> Result<Reply, Failure> {
    Shown::from(&accounts::pay_out_to(app.ledger(), caller.scope(), &payout.stripe_account).await?).reply()
}
