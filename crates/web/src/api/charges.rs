//! Charges: what a retailer agreed to pay for an invoice, how far that has come, and what went back.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, MaybeSent, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Account, Id, Kind, Moment, Money, Problem};
use bonded_connect::outbound::{Host, Url};
use bonded_connect::payments::{
    self, Charge, ChargeDraft, ChargeRetry, ChargeState, PaymentMethod, Refund, RefundDraft,
};
use bonded_ledger::Stored;
use bonded_people::Permission;
use bonded_trade::invoices::Invoice;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::PaymentsRead, Permission::PaymentsWrite);
    vec![
        Route::new(write, routes!(create_charge)),
        Route::new(read, routes!(list_charges)),
        Route::new(read, routes!(get_charge)),
        Route::new(write, routes!(retry_charge)).versioned(),
        Route::new(write, routes!(authorise_charge)),
        Route::new(write, routes!(refund_charge)).versioned(),
    ]
}

const STATES: [(&str, ChargeState); 7] = [
    ("due", ChargeState::Due),
    ("processing", ChargeState::Processing),
    ("requires_action", ChargeState::RequiresAction),
    ("succeeded", ChargeState::Succeeded),
    ("failed", ChargeState::Failed),
    ("partly_refunded", ChargeState::PartlyRefunded),
    ("refunded", ChargeState::Refunded),
];

/// A charge, as it is shown.
#[derive(Serialize)]
struct ChargeShown<'a> {
    invoice: Id<Invoice>,
    payment_method: Id<PaymentMethod>,
    supplier: Id<Account>,
    amount: Money,
    state: ChargeState,
    attempt: u32,
    why: Option<&'a str>,
    stripe_payment: Option<&'a str>,
    agreed_at: Moment,
    paid_at: Option<Moment>,
    refunded: Money,
    refunds: &'a [Refund],
}

impl<'a> ChargeShown<'a> {
    fn of(charge: &'a Charge) -> Self {
        Self {
            invoice: charge.invoice,
            payment_method: charge.payment_method,
            supplier: charge.supplier,
            amount: charge.amount,
            state: charge.state,
            attempt: charge.attempt,
            why: charge.why.as_deref(),
            stripe_payment: charge.stripe_payment.as_deref(),
            agreed_at: charge.agreed_at,
            paid_at: charge.paid_at,
            refunded: Money::new(charge.refunded(), charge.amount.currency),
            refunds: &charge.refunds,
        }
    }
}

fn shown(charge: &Stored<Charge>) -> Result<Reply, Failure> {
    Shown::viewed(charge, &ChargeShown::of(charge)).reply()
}

/// Agree to an invoice
///
/// Lets it be charged to a payment method, once: there is one charge for each invoice. The charge is `due` now and goes on by
/// itself; `requires_action` means that the bank wants to see the buyer (authorise it), `failed` that it can be tried again.
#[utoipa::path(post, path = "/v1/charges", tag = "Payments",
    request_body(content = shapes::NewCharge, example = json!({
        "invoice": "in_01jd2mk8x3e5v9zq4t7w6y5h0c", "payment_method": "pm_01jd2mk8x3e5v9zq4t7w6y5h0c"})),
    responses((status = 201, body = shapes::Charge)))]
async fn create_charge(
    State(app): State<App>,
    caller: Caller,
    Sent(draft): Sent<ChargeDraft>,
) -> Result<Reply, Failure> {
    app.stripe().ok_or_else(payments::not_set_up)?;
    let made = payments::agree(app.ledger(), caller.scope(), draft).await?;
    let reply = Shown::written(&made, &ChargeShown::of(&made)).reply()?;
    Ok(reply.created(format!("/v1/charges/{}", made.id)))
}

/// List charges
#[utoipa::path(get, path = "/v1/charges", tag = "Payments",
    params(PageParams, ("state" = Option<shapes::ChargeState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::ChargePage)))]
async fn list_charges(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Charge, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    let listed = payments::list(app.ledger(), caller.scope(), state, page).await?;
    listing_viewed(&listed, |charge| Shown::viewed(charge, &ChargeShown::of(charge)).json())
}

/// Get a charge
#[utoipa::path(get, path = "/v1/charges/{id}", tag = "Payments",
    params(("id" = String, Path, description = "The charge.", example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Charge)))]
async fn get_charge(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Charge>) -> Result<Reply, Failure> {
    shown(&payments::get(app.ledger(), caller.scope(), id).await?)
}

/// Try a charge again
///
/// One that failed, or that the buyer will not authorise: with the same payment method or another.
#[utoipa::path(post, path = "/v1/charges/{id}/retry", tag = "Payments",
    params(("id" = String, Path, description = "The charge.", example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::ChargeRetry>, example = json!({"payment_method": "pm_01jd2mk8x3e5v9zq4t7w6y5h0c"})),
    responses((status = 200, body = shapes::Charge)))]
async fn retry_charge(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Charge>,
    IfMatch(expected): IfMatch,
    MaybeSent(retry): MaybeSent<ChargeRetry>,
) -> Result<Reply, Failure> {
    app.stripe().ok_or_else(payments::not_set_up)?;
    shown(&payments::retry(app.ledger(), caller.scope(), id, expected, retry.unwrap_or_default()).await?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Authorisation {
    return_url: Option<String>,
}

#[derive(Serialize)]
struct Place {
    object: &'static str,
    charge: Id<Charge>,
    url: String,
}

/// Authorise a charge
///
/// For a charge that `requires_action`: send the buyer's browser to `url`, a page of Stripe's or their bank's. They come back
/// to `return_url`, an https address, or to our payments page; the charge then goes on by itself.
#[utoipa::path(post, path = "/v1/charges/{id}/authorise", tag = "Payments",
    params(("id" = String, Path, description = "The charge.", example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::NewAuthorisation>, example = json!({"return_url": "https://shop.example/paid"})),
    responses((status = 200, body = shapes::Authorisation)))]
async fn authorise_charge(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Charge>,
    MaybeSent(asked): MaybeSent<Authorisation>,
) -> Result<Reply, Failure> {
    let stripe = app.stripe().ok_or_else(payments::not_set_up)?;
    let back = match asked.unwrap_or_default().return_url {
        Some(text) => {
            let url = Url::parse(&text).ok().filter(|url| Host::of(url).is_some());
            let refused = || Problem::invalid("/return_url", "an address that begins with https:// is needed");
            String::from(url.ok_or_else(refused)?)
        }
        None => format!("{}{}", stripe.origin(), payments::back_from_bank(id)),
    };
    let url = payments::authorise(app.ledger(), caller.scope(), stripe, id, &back).await?;
    Ok(Reply::ok(&Place { object: "authorisation", charge: id, url })?.shown_once())
}

/// Refund a charge
///
/// All that is left of it, or `amount` in minor units. The supplier's share goes back from the supplier. Each refund is made
/// once and goes on by itself.
#[utoipa::path(post, path = "/v1/charges/{id}/refunds", tag = "Payments",
    params(("id" = String, Path, description = "The charge.", example = "ch_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::NewRefund>, example = json!({"amount": 500})),
    responses((status = 200, body = shapes::Charge)))]
async fn refund_charge(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Charge>,
    IfMatch(expected): IfMatch,
    MaybeSent(draft): MaybeSent<RefundDraft>,
) -> Result<Reply, Failure> {
    app.stripe().ok_or_else(payments::not_set_up)?;
    shown(&payments::ask_refund(app.ledger(), caller.scope(), id, expected, draft.unwrap_or_default()).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn cards_are_entered_at_the_gateway_and_nowhere_else() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        // Nobody can reach the gateway here; it is said, nothing is kept but that it failed.
        let waits = house.post(&retailer, "/v1/payment_methods", Value::Null).await.expect(503);
        assert_eq!(waits["type"], "/problems/unavailable");
        let known = house.get(&retailer, "/v1/payment_methods?state=failed").await.expect(200);
        assert_eq!((&known["data"][0]["why"], known["data"][0].get("customer")), (&json!("not_opened"), None));
        house.post(&supplier, "/v1/payment_methods", Value::Null).await.expect(403);
        house.post(&retailer, "/v1/account/payout", json!({"stripe_account": "acct_1Shop"})).await.expect(403);
        let wrong = json!({"stripe_account": "https://example.com"});
        assert_eq!(house.post(&supplier, "/v1/account/payout", wrong).await.expect(422)["pointer"], "/stripe_account");
        let mut with_card = order("4242 4242 4242 4242", "POT-S", 1);
        let refused = house.post(&retailer, "/v1/orders", with_card.clone()).await.expect(422);
        assert_eq!((&refused["type"], &refused["pointer"]), (&json!("/problems/card-number"), &json!("/reference")));
        with_card["reference"] = json!("1");
        with_card["note"] = json!({"card": "4242-4242-4242-4242"});
        let refused = house.post(&retailer, "/v1/orders", with_card.clone()).await.expect(422);
        assert_eq!(refused["pointer"], "/note/card", "what we would drop is refused too");
        assert!(!refused.to_string().contains("4242"));
        let batch = json!({"data": [order("2", "POT-S", 1), with_card]});
        let told = house.post(&retailer, "/v1/orders/batch", batch).await.expect(200);
        assert_eq!((&told["failed"], &told["data"][1]["problem"]["pointer"]), (&json!(1), &json!("/data/1/note/card")));
    }
}
