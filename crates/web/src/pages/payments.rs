//! Payments: a retailer's cards, the invoices that it got and what was charged for them; a supplier's invoices and its money.
//!
//! Cards are entered and payments confirmed on pages of Stripe's and of banks'; from ours people are [led](gateway) there and
//! come back.

mod charge;
mod gateway;
mod selling;
mod words;

use super::answer::{Refused, Shell, answered};
use super::form::{Attempt, Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, of_trade, when};
use crate::app::App;
use crate::page::{Params, cursor, read_cursor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kind, Moment, Money};
use bonded_connect::payments::{self, Charge, ChargeDraft, ChargeState, MethodState, PaymentMethod};
use bonded_ledger::{Ledger, PAGE_MAX, Scope, Stored};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission};
use bonded_trade::accounts::{self, Role};
use bonded_trade::invoices::{self, Invoice, InvoiceState};
use bonded_trade::{Page as Part, partners};

/// Invoices on a page.
const LISTED: u32 = 50;
/// Charges that wait for their owners, of each sort, on the page at most.
const WAITING_SHOWN: u32 = 50;

/// The page's own address.
const HERE: &str = payments::PAGE;

pub(super) fn pages() -> Vec<Page> {
    let (look, pay) = (Access::Member(Permission::PaymentsRead), Access::Member(Permission::PaymentsWrite));
    vec![
        Page::get(look, HERE, get(show)),
        Page::post(pay, "/payments/methods", post(gateway::add_card)),
        Page::get(pay, "/payments/methods/{id}/back", get(gateway::back_with_card)),
        Page::post(pay, "/payments/methods/{id}/remove", post(remove_card)),
        Page::post(pay, "/payments/invoices/{id}/pay", post(agree)),
        Page::get(look, "/payments/charges/{id}", get(charge::show)),
        Page::post(pay, "/payments/charges/{id}/authorise", post(gateway::to_the_bank)),
        Page::get(pay, "/payments/charges/{id}/back", get(gateway::back_from_bank)),
        Page::post(pay, "/payments/charges/{id}/retry", post(charge::retry)),
        Page::post(pay, "/payments/charges/{id}/refund", post(charge::refund)),
        Page::post(pay, "/payments/payout", post(selling::pay_out)),
        Page::post(pay, "/payments/purchase-orders/{id}/invoice", post(selling::issue)),
    ]
}

/// What a visitor may do here, and what hinders them.
struct Standing {
    is_set_up: bool,
    /// May change something, once confirmed.
    may: bool,
    /// Has confirmed a short while ago.
    is_fresh: bool,
}

impl Standing {
    fn of(app: &App, visitor: &Visitor) -> Self {
        Self {
            is_set_up: app.stripe().is_some(),
            may: visitor.permissions().contains(Permission::PaymentsWrite),
            is_fresh: visitor.session.is_fresh(app.ledger().clock().now()),
        }
    }

    const fn may_change(&self) -> bool {
        self.may && self.is_fresh
    }

    /// What only goes with a gateway.
    const fn may_pay(&self) -> bool {
        self.may_change() && self.is_set_up
    }

    fn shell(&self, title: &str, visitor: &Visitor, page: impl Into<String>) -> Shell {
        home::shell(title, visitor).confirming(self.may && !self.is_fresh, page)
    }
}

/// A card, as it is shown.
struct CardRow {
    id: String,
    label: String,
    expires: String,
    state: &'static str,
    why: Option<String>,
}

/// A card that can be chosen.
struct CardChoice {
    id: String,
    label: String,
    chosen: bool,
}

/// What is charged for an invoice.
struct ChargeCell {
    id: String,
    state: &'static str,
    why: Option<String>,
    needs_buyer: bool,
}

/// An invoice that a retailer got, with what is charged for it.
struct InvoiceRow {
    id: String,
    number: String,
    reference: String,
    supplier: String,
    amount: Money,
    due: String,
    state: &'static str,
    charge: Option<ChargeCell>,
    is_payable: bool,
    wrong: Option<String>,
    cards: Vec<CardChoice>,
}

#[derive(Template)]
#[template(path = "payments.html")]
struct PaymentsPage {
    shell: Shell,
    is_set_up: bool,
    may_pay: bool,
    may_change: bool,
    waiting: Vec<InvoiceRow>,
    invoices: Vec<InvoiceRow>,
    next: Option<String>,
    cards: Vec<CardRow>,
}

async fn show(State(app): State<App>, Member(visitor): Member, params: Params) -> Result<Response, Refused> {
    params.only(&["after", "method", "left", "charge"])?;
    let after = params.text("after").map(|text| read_cursor(Kind::Invoice, text)).transpose()?;
    let said = gateway::word(&app, &visitor, &params).await?;
    rendered(&app, &visitor, &Attempt::default(), said, after).await
}

/// The page with what came of a form.
async fn after(app: &App, visitor: &Visitor, sent: &Attempt) -> Result<Response, Refused> {
    rendered(app, visitor, sent, None, None).await
}

async fn rendered(
    app: &App,
    visitor: &Visitor,
    sent: &Attempt,
    said: Option<String>,
    after: Option<(Moment, [u8; 16])>,
) -> Result<Response, Refused> {
    let (ledger, scope, standing) = (app.ledger(), visitor.scope()?, Standing::of(app, visitor));
    let profile = accounts::profile(ledger, &scope).await.map_err(of_trade)?;
    let shell = standing.shell("Payments", visitor, HERE).with_notice(said.or_else(|| sent.notice()));
    if profile.role == Role::Supplier {
        return selling::rendered(ledger, &scope, &standing, shell, &profile, sent, after).await;
    }
    let methods = methods(ledger, &scope).await?;
    let part = Part { after, descending: true, ..Part::first(LISTED) };
    let listed = invoices::list(ledger, &scope, None, part).await.map_err(of_trade)?;
    let known: Vec<_> = listed.records.iter().map(|invoice| invoice.id).collect();
    let charges = payments::of_invoices(ledger, &scope, &known).await.map_err(of_trade)?;
    let pairs: Vec<_> = listed.records.into_iter().zip(charges).collect();
    let waiting = waiting(ledger, &scope).await?;
    let links = pairs.iter().chain(&waiting).map(|(invoice, _)| invoice.link);
    let names = partners::names(ledger, &scope, links).await.map_err(of_trade)?;
    let row = |(invoice, charge): &(Stored<Invoice>, Option<Stored<Charge>>)| {
        let supplier = names.get(&invoice.link).cloned().unwrap_or_default();
        invoice_row(invoice, charge.as_ref(), supplier, &methods, sent)
    };
    let rows: Vec<_> = pairs.iter().map(row).collect();
    let forms: Vec<_> = rows.iter().filter(|row| row.is_payable).map(|row| pay_form(&row.id)).collect();
    let shown = PaymentsPage {
        shell: shell.with_error(sent.wrong_elsewhere(forms.iter().map(String::as_str))),
        is_set_up: standing.is_set_up,
        may_pay: standing.may_pay(),
        may_change: standing.may_change(),
        waiting: waiting.iter().map(row).collect(),
        invoices: rows,
        next: listed.next.map(|next| cursor(Kind::Invoice, next)),
        cards: methods.iter().map(card_row).collect(),
    };
    Ok(answered(sent.status(), &shown))
}

/// The cards of an account that were not taken away, the newest first.
async fn methods(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<PaymentMethod>>, PeopleError> {
    let part = Part { descending: true, ..Part::first(PAGE_MAX) };
    let mut found = payments::list_methods(ledger, scope, None, part).await.map_err(of_trade)?.records;
    found.retain(|method| method.state != MethodState::Removed);
    Ok(found)
}

/// The invoices whose charges go on only when somebody does something.
async fn waiting(
    ledger: &Ledger,
    scope: &Scope,
) -> Result<Vec<(Stored<Invoice>, Option<Stored<Charge>>)>, PeopleError> {
    let mut charges = Vec::new();
    for state in [ChargeState::RequiresAction, ChargeState::Failed] {
        let page = Part::first(WAITING_SHOWN);
        charges.extend(payments::list(ledger, scope, Some(state), page).await.map_err(of_trade)?.records);
    }
    let ids: Vec<_> = charges.iter().map(|charge| charge.invoice).collect();
    let known = invoices::some(ledger, scope, &ids).await.map_err(of_trade)?;
    Ok(known.into_iter().zip(charges).filter_map(|(invoice, charge)| Some((invoice?, Some(charge)))).collect())
}

/// The name of the form that pays an invoice.
fn pay_form(invoice: &str) -> String {
    format!("pay {invoice}")
}

fn invoice_row(
    invoice: &Stored<Invoice>,
    charge: Option<&Stored<Charge>>,
    supplier: String,
    methods: &[Stored<PaymentMethod>],
    sent: &Attempt,
) -> InvoiceRow {
    let (id, is_payable) = (invoice.id.to_string(), charge.is_none() && invoice.state == InvoiceState::Open);
    let form = pay_form(&id);
    InvoiceRow {
        number: invoice.number.clone(),
        reference: invoice.reference.clone(),
        supplier,
        amount: invoice.total,
        due: day(invoice.due_at),
        state: words::of_invoice(invoice.state),
        charge: charge.map(charge_cell),
        is_payable,
        wrong: sent.wrong(&form),
        cards: choices(methods, |id| sent.ticked(&form, "method", id, false)),
        id,
    }
}

fn charge_cell(charge: &Stored<Charge>) -> ChargeCell {
    ChargeCell {
        id: charge.id.to_string(),
        state: words::of_charge(charge.state),
        why: charge.why.as_deref().map(words::why),
        needs_buyer: charge.state == ChargeState::RequiresAction,
    }
}

/// The cards that can be charged.
fn choices(methods: &[Stored<PaymentMethod>], chosen: impl Fn(&str) -> bool) -> Vec<CardChoice> {
    let active = methods.iter().filter(|method| method.state == MethodState::Active);
    let choice = |method: &Stored<PaymentMethod>| {
        let id = method.id.to_string();
        CardChoice { chosen: chosen(&id), label: words::card(method), id }
    };
    active.map(choice).collect()
}

fn card_row(method: &Stored<PaymentMethod>) -> CardRow {
    let expires = method.expires_month.zip(method.expires_year);
    CardRow {
        id: method.id.to_string(),
        label: words::card(method),
        expires: expires.map(|(month, year)| format!("{month:02}/{year}")).unwrap_or_default(),
        state: words::of_method(method.state),
        why: method.why.as_deref().map(words::why),
    }
}

/// The day of a moment, in UTC.
fn day(moment: Moment) -> String {
    when(moment).chars().take(10).collect()
}

fn method_of(form: &Form) -> Result<Id<PaymentMethod>, PeopleError> {
    id_in(form.text("method"), "there is no such payment method")
}

async fn remove_card(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (id, scope) = (id_in(&id, "there is no such payment method")?, visitor.scope()?);
    payments::get_method(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let done = payments::remove_method(app.ledger(), &scope, id, None).await.map_err(of_trade);
    let sent = Attempt::after(done, "The card is charged no more.", "remove", Form::default())?;
    after(&app, &visitor, &sent).await
}

async fn agree(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let (id, scope) = (id_in(&id, "there is no such invoice")?, visitor.scope()?);
    invoices::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let work = async {
        app.stripe().ok_or_else(payments::not_set_up)?;
        let draft = ChargeDraft { invoice: id, payment_method: method_of(&form)? };
        payments::agree(app.ledger(), &scope, draft).await.map_err(of_trade)
    };
    let done = work.await;
    let notice = "You have agreed. It is charged now; open the page again to see what came of it.";
    let sent = Attempt::after(done, notice, pay_form(&id.to_string()), form)?;
    after(&app, &visitor, &sent).await
}
