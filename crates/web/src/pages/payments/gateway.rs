//! To Stripe's pages and to banks', and back.
//!
//! A form must not be redirected to another origin: browsers hold that against the policy of our pages. So a form that leads
//! there answers a page of ours, which goes on by itself and has a link for whoever it does not. Stripe sends people back with
//! secrets in the address, so they land on an address that leads on at once.

use super::{HERE, after, charge, words};
use crate::api::events::Waiting;
use crate::app::App;
use crate::page::Params;
use crate::pages::answer::{Refused, Shell, go, page};
use crate::pages::form::{Attempt, Form, id_in};
use crate::pages::gate::Member;
use crate::pages::{home, of_trade};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use axum::response::Response;
use bonded_connect::outbound::{Host, Url};
use bonded_connect::payments::{self, Charge, ChargeState, MethodState, PaymentMethod};
use bonded_people::users::Visitor;
use bonded_trade::invoices;
use std::time::Duration;
use tokio::time::Instant;

/// How long somebody who comes back waits at most for Stripe to say what became of it.
const NEWS: Duration = Duration::from_secs(3);

#[derive(Template)]
#[template(path = "onward.html")]
struct OnwardPage {
    shell: Shell,
    host: String,
    url: String,
}

/// Leads to a page of Stripe's or of a bank's.
fn onward(visitor: &Visitor, url: &str) -> Result<Response, Refused> {
    let strange = || crate::problem::Failure::internal("the payment gateway named an address that is none");
    let url = Url::parse(url).map_err(|_| strange())?;
    let host = Host::of(&url).ok_or_else(strange)?.to_string();
    let refresh = HeaderValue::from_str(&format!("0; url={url}")).map_err(|_| strange())?;
    let shell = home::shell("Going on", visitor);
    let mut response = page(&OnwardPage { shell, host, url: url.into() });
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

/// Opens the page of Stripe's on which a card is entered.
pub(super) async fn add_card(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    let work = async {
        let stripe = app.stripe().ok_or_else(payments::not_set_up)?;
        payments::begin_method(app.ledger(), &visitor.scope()?, stripe).await.map_err(of_trade)
    };
    match work.await {
        Ok((_, url)) => onward(&visitor, &url),
        Err(error) => after(&app, &visitor, &Attempt::failed("add", Form::default(), error)?).await,
    }
}

/// Opens the page on which the buyer's bank sees them.
pub(super) async fn to_the_bank(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (id, scope) = (charge::id_of(&id)?, visitor.scope()?);
    payments::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let work = async {
        let stripe = app.stripe().ok_or_else(payments::not_set_up)?;
        let back = format!("{}{}", stripe.origin(), payments::back_from_bank(id));
        payments::authorise(app.ledger(), &scope, stripe, id, &back).await.map_err(of_trade)
    };
    match work.await {
        Ok(url) => onward(&visitor, &url),
        Err(error) => {
            let sent = Attempt::failed("authorise", Form::default(), error)?;
            charge::rendered(&app, &visitor, id, &sent).await
        }
    }
}

/// Somebody comes back from Stripe's page with a card entered.
pub(super) async fn back_with_card(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (id, scope) = (id_in::<PaymentMethod>(&id, "there is no such payment method")?, visitor.scope()?);
    let ledger = app.ledger();
    payments::came_back_with_method(ledger, &scope, id).await.map_err(of_trade)?;
    let mut waiting = Waiting::on(&app, scope.account(), Instant::now() + NEWS);
    loop {
        let method = payments::get_method(ledger, &scope, id).await.map_err(of_trade)?;
        if method.state != MethodState::SettingUp || !waiting.news(&app).await {
            return Ok(go(&format!("{HERE}?method={id}")));
        }
    }
}

/// Somebody comes back from their bank.
pub(super) async fn back_from_bank(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (id, scope, ledger) = (charge::id_of(&id)?, visitor.scope()?, app.ledger());
    payments::came_back(ledger, &scope, id).await.map_err(of_trade)?;
    let mut waiting = Waiting::on(&app, scope.account(), Instant::now() + NEWS);
    loop {
        let charge = payments::get(ledger, &scope, id).await.map_err(of_trade)?;
        if charge.state != ChargeState::RequiresAction || !waiting.news(&app).await {
            return Ok(go(&format!("{HERE}?charge={id}")));
        }
    }
}

/// What is said to somebody who came back: about which card or charge the address says, how it stands our own records.
pub(super) async fn word(app: &App, visitor: &Visitor, params: &Params) -> Result<Option<String>, Refused> {
    let (ledger, scope) = (app.ledger(), visitor.scope()?);
    let (done, left) = (params.id::<PaymentMethod>("method")?, params.id::<PaymentMethod>("left")?);
    if let Some(id) = done.or(left) {
        let method = payments::get_method(ledger, &scope, id).await.map_err(of_trade)?;
        return Ok(Some(of_card(&method, left.is_some())));
    }
    let Some(id) = params.id::<Charge>("charge")? else { return Ok(None) };
    let charge = payments::get(ledger, &scope, id).await.map_err(of_trade)?;
    let invoice = invoices::get(ledger, &scope, charge.invoice).await.map_err(of_trade)?;
    Ok(Some(of_payment(&charge, &invoice.number)))
}

fn of_card(method: &PaymentMethod, has_left: bool) -> String {
    match method.state {
        MethodState::Active => format!("The card is set up: {}.", words::card(method)),
        MethodState::SettingUp if has_left => {
            String::from("No card was entered. Stripe's page stays open for a day; you can also add a card anew.")
        }
        MethodState::SettingUp => {
            String::from("Stripe has not said yet that a card was entered. Open the page again in a moment.")
        }
        MethodState::Failed => {
            let why = method.why.as_deref().map(words::why).unwrap_or_default();
            format!("The card was not set up: {why}.")
        }
        MethodState::Removed => String::from("The card was removed."),
    }
}

fn of_payment(charge: &Charge, number: &str) -> String {
    let why = charge.why.as_deref().map(words::why).unwrap_or_default();
    match charge.state {
        ChargeState::Due | ChargeState::Processing => {
            format!("Invoice {number}: your bank has not answered yet. Open the page again in a moment.")
        }
        ChargeState::RequiresAction => format!("Invoice {number} is not paid yet: your bank still wants to see you."),
        ChargeState::Succeeded => format!("Invoice {number} is paid: {}.", charge.amount),
        ChargeState::Failed => format!("Invoice {number} was not paid: {why}."),
        ChargeState::PartlyRefunded | ChargeState::Refunded => {
            format!("Invoice {number} was paid, and {}.", words::of_charge(charge.state))
        }
    }
}
