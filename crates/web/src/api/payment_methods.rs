//! Payment methods: cards that the payment gateway keeps for a retailer.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Kind, Moment};
use bonded_connect::payments::{self, MethodState, PaymentMethod};
use bonded_ledger::Stored;
use bonded_people::Permission;
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::PaymentsRead, Permission::PaymentsWrite);
    vec![
        Route::new(write, routes!(create_payment_method)),
        Route::new(read, routes!(list_payment_methods)),
        Route::new(read, routes!(get_payment_method)),
        Route::new(write, routes!(delete_payment_method)).versioned(),
    ]
}

const STATES: [(&str, MethodState); 4] = [
    ("setting_up", MethodState::SettingUp),
    ("active", MethodState::Active),
    ("failed", MethodState::Failed),
    ("removed", MethodState::Removed),
];

/// A payment method without the gateway's tokens.
#[derive(Serialize)]
struct MethodShown<'a> {
    state: MethodState,
    brand: Option<&'a str>,
    last4: Option<&'a str>,
    expires_month: Option<u8>,
    expires_year: Option<u16>,
    why: Option<&'a str>,
    active_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> MethodShown<'a> {
    fn of(method: &'a PaymentMethod) -> Self {
        Self {
            state: method.state,
            brand: method.brand.as_deref(),
            last4: method.last4.as_deref(),
            expires_month: method.expires_month,
            expires_year: method.expires_year,
            why: method.why.as_deref(),
            active_at: method.active_at,
            url: None,
        }
    }
}

fn shown(method: &Stored<PaymentMethod>) -> Result<Reply, Failure> {
    Shown::viewed(method, &MethodShown::of(method)).reply()
}

/// Set up a payment method
///
/// Send the buyer's browser to `url`: a page of Stripe's on which the card is entered. It never passes through here. Once
/// that is done, `state` becomes `active` by itself, and `brand`, `last4` and the expiry are what is known of it. Setting one
/// up is the approval to send amounts and ids to Stripe for this account. The page is open for a day; this answer alone has
/// its address.
#[utoipa::path(post, path = "/v1/payment_methods", tag = "Payments",
    responses((status = 201, body = shapes::NewPaymentMethod)))]
async fn create_payment_method(State(app): State<App>, caller: Caller) -> Result<Reply, Failure> {
    let stripe = app.stripe().ok_or_else(payments::not_set_up)?;
    let (method, url) = payments::begin_method(app.ledger(), caller.scope(), stripe).await?;
    let view = MethodShown { url: Some(&url), ..MethodShown::of(&method) };
    let reply = Shown::viewed(&method, &view).reply()?;
    Ok(reply.shown_once().created(format!("/v1/payment_methods/{}", method.id)))
}

/// List payment methods
#[utoipa::path(get, path = "/v1/payment_methods", tag = "Payments",
    params(PageParams, ("state" = Option<shapes::PaymentMethodState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::PaymentMethodPage)))]
async fn list_payment_methods(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::PaymentMethod, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    let listed = payments::list_methods(app.ledger(), caller.scope(), state, page).await?;
    listing_viewed(&listed, |method| Shown::viewed(method, &MethodShown::of(method)).json())
}

/// Get a payment method
#[utoipa::path(get, path = "/v1/payment_methods/{id}", tag = "Payments",
    params(("id" = String, Path, description = "The payment method.", example = "pm_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PaymentMethod)))]
async fn get_payment_method(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PaymentMethod>,
) -> Result<Reply, Failure> {
    shown(&payments::get_method(app.ledger(), caller.scope(), id).await?)
}

/// Remove a payment method
///
/// It is charged no more from now on; Stripe is told to let go of the card, and the tokens for it are forgotten.
#[utoipa::path(delete, path = "/v1/payment_methods/{id}", tag = "Payments",
    params(("id" = String, Path, description = "The payment method.", example = "pm_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::PaymentMethod)))]
async fn delete_payment_method(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<PaymentMethod>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    shown(&payments::remove_method(app.ledger(), caller.scope(), id, expected).await?)
}
