//! One charge: how it stands and why, another attempt, and money that goes back.

use super::{CardChoice, HERE, Standing, choices, method_of, methods, words};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered};
use crate::pages::form::{Attempt, Form, id_in};
use crate::pages::gate::Member;
use crate::pages::{of_trade, when};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use bonded_base::{Id, Money, Problem};
use bonded_connect::payments::{self, Charge, ChargeRetry, ChargeState, Refund, RefundDraft};
use bonded_people::PeopleError;
use bonded_people::users::Visitor;
use bonded_trade::{invoices, partners};

/// The names of the forms.
const RETRY: &str = "retry";
const REFUND: &str = "refund";

struct RefundRow {
    amount: Money,
    asked: String,
    state: &'static str,
    why: Option<String>,
}

#[derive(Template)]
#[template(path = "charge.html")]
struct ChargePage {
    shell: Shell,
    id: String,
    version: u64,
    number: String,
    reference: String,
    supplier: String,
    amount: Money,
    state: &'static str,
    why: Option<String>,
    card: String,
    agreed: String,
    paid: Option<String>,
    refunds: Vec<RefundRow>,
    needs_buyer: bool,
    may_pay: bool,
    can_retry: bool,
    cards: Vec<CardChoice>,
    retry_wrong: Option<String>,
    /// What could still go back, as a decimal; none where nothing can.
    refundable: Option<String>,
    refund_amount: String,
    refund_wrong: Option<String>,
}

/// The id in a charge's address.
pub(super) fn id_of(text: &str) -> Result<Id<Charge>, PeopleError> {
    id_in(text, "there is no such charge")
}

pub(super) async fn show(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    rendered(&app, &visitor, id_of(&id)?, &Attempt::default()).await
}

/// The page of one charge, after something was done or refused.
pub(super) async fn rendered(
    app: &App,
    visitor: &Visitor,
    id: Id<Charge>,
    sent: &Attempt,
) -> Result<Response, Refused> {
    let (ledger, scope, standing) = (app.ledger(), visitor.scope()?, Standing::of(app, visitor));
    let charge = payments::get(ledger, &scope, id).await.map_err(of_trade)?;
    let invoice = invoices::get(ledger, &scope, charge.invoice).await.map_err(of_trade)?;
    let mut names = partners::names(ledger, &scope, [invoice.link]).await.map_err(of_trade)?;
    let card = payments::get_method(ledger, &scope, charge.payment_method).await.map_err(of_trade)?;
    let present = charge.payment_method.to_string();
    let cards = choices(&methods(ledger, &scope).await?, |id| sent.ticked(RETRY, "method", id, id == present));
    let left = Money::new(charge.refundable(), charge.amount.currency);
    let forms = [RETRY, REFUND].into_iter();
    let shell = standing.shell("A payment", visitor, format!("{HERE}/charges/{id}")).with_notice(sent.notice());
    let shown = ChargePage {
        shell: shell.with_error(sent.wrong_elsewhere(forms)),
        id: id.to_string(),
        version: charge.version,
        number: invoice.number.clone(),
        reference: invoice.reference.clone(),
        supplier: names.remove(&invoice.link).unwrap_or_default(),
        amount: charge.amount,
        state: words::of_charge(charge.state),
        why: charge.why.as_deref().map(words::why),
        card: words::card(&card),
        agreed: when(charge.agreed_at),
        paid: charge.paid_at.map(when),
        refunds: charge.refunds.iter().map(|refund| refund_row(&charge, refund)).collect(),
        needs_buyer: charge.state == ChargeState::RequiresAction,
        may_pay: standing.may_pay(),
        can_retry: charge.state.is_stopped() && !cards.is_empty(),
        cards,
        retry_wrong: sent.wrong(RETRY),
        refundable: (left.amount > 0).then(|| left.to_decimal()),
        refund_amount: sent.text(REFUND, "amount", ""),
        refund_wrong: sent.wrong(REFUND),
    };
    Ok(answered(sent.status(), &shown))
}

fn refund_row(charge: &Charge, refund: &Refund) -> RefundRow {
    RefundRow {
        amount: Money::new(refund.amount, charge.amount.currency),
        asked: when(refund.asked_at),
        state: words::of_refund(refund.state),
        why: refund.why.as_deref().map(words::why),
    }
}

/// The version of the charge that the person saw: what is sent twice is done once.
fn version_in(form: &Form) -> Result<u64, Problem> {
    form.text("version").parse().map_err(|_| Problem::invalid("/version", "open the page again"))
}

pub(super) async fn retry(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let (id, scope) = (id_of(&id)?, visitor.scope()?);
    payments::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let work = async {
        app.stripe().ok_or_else(payments::not_set_up)?;
        let (seen, card) = (version_in(&form)?, ChargeRetry { payment_method: Some(method_of(&form)?) });
        payments::retry(app.ledger(), &scope, id, Some(seen), card).await.map_err(of_trade)
    };
    let done = work.await;
    let sent = Attempt::after(done, "It is tried again. Open the page again to see what came of it.", RETRY, form)?;
    rendered(&app, &visitor, id, &sent).await
}

pub(super) async fn refund(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let (id, scope) = (id_of(&id)?, visitor.scope()?);
    let charge = payments::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let work = async {
        app.stripe().ok_or_else(payments::not_set_up)?;
        let (seen, draft) = (version_in(&form)?, refund_in(&form, &charge)?);
        payments::ask_refund(app.ledger(), &scope, id, Some(seen), draft).await.map_err(of_trade)
    };
    let done = work.await;
    let sent = Attempt::after(done, "The money goes back.", REFUND, form)?;
    rendered(&app, &visitor, id, &sent).await
}

/// What is to go back: what was typed, or all that is left.
fn refund_in(form: &Form, charge: &Charge) -> Result<RefundDraft, Problem> {
    if !form.ticked("sure") {
        return Err(Problem::invalid("/sure", "tick that the money is to go back"));
    }
    let typed = form.text("amount").trim();
    let read = |text| Money::from_decimal(text, charge.amount.currency).map(|money| money.amount);
    let amount = if typed.is_empty() { None } else { Some(read(typed)) }.transpose();
    Ok(RefundDraft { amount: amount.map_err(|error| Problem::invalid("/amount", error.to_string()))? })
}
