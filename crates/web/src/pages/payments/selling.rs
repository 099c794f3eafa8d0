//! A supplier's side: where its money goes, what it can invoice, and the invoices that it sent.

use super::{Standing, after, day, words};
use crate::app::App;
use crate::page::cursor;
use crate::pages::answer::{Refused, Shell, answered};
use crate::pages::form::{Attempt, Form, id_in};
use crate::pages::gate::Member;
use crate::pages::of_trade;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use bonded_base::{Id, Kind, Moment, Money, Problem};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::Page as Part;
use bonded_trade::accounts::{self, Profile};
use bonded_trade::invoices::{self, DUE_DAYS, Invoice, InvoiceDraft};
use bonded_trade::partners::{self, PartnerLink};
use bonded_trade::purchase_orders::{self, PoState, PurchaseOrder};

/// Purchase orders that are ready to be invoiced on the page at most, the oldest first.
const READY_SHOWN: u32 = 50;
/// The name of the form that says where the money goes.
const PAYOUT: &str = "payout";

struct SentRow {
    number: String,
    reference: String,
    retailer: String,
    amount: Money,
    due: String,
    state: &'static str,
    paid: Option<String>,
    refunded: Option<Money>,
}

struct ReadyRow {
    id: String,
    reference: String,
    retailer: String,
    placed: String,
    number: String,
    days: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "selling.html")]
struct SellingPage {
    shell: Shell,
    may_change: bool,
    payout: Option<String>,
    stripe_account: String,
    payout_wrong: Option<String>,
    ready: Vec<ReadyRow>,
    invoices: Vec<SentRow>,
    next: Option<String>,
}

/// The name of the form that invoices a purchase order.
fn issue_form(purchase_order: &str) -> String {
    format!("invoice {purchase_order}")
}

pub(super) async fn rendered(
    ledger: &Ledger,
    scope: &Scope,
    standing: &Standing,
    shell: Shell,
    profile: &Profile,
    sent: &Attempt,
    after: Option<(Moment, [u8; 16])>,
) -> Result<Response, Refused> {
    let part = Part { after, descending: true, ..Part::first(super::LISTED) };
    let listed = invoices::list(ledger, scope, None, part).await.map_err(of_trade)?;
    let shipped = purchase_orders::list(ledger, scope, Some(PoState::Shipped), Part::first(READY_SHOWN)).await;
    let shipped = shipped.map_err(of_trade)?.records;
    let links = listed.records.iter().map(|invoice| invoice.link).chain(shipped.iter().map(|order| order.link));
    let names = partners::names(ledger, scope, links).await.map_err(of_trade)?;
    let name = |link: &Id<PartnerLink>| names.get(link).cloned().unwrap_or_default();
    let ready: Vec<_> = shipped.iter().map(|order| ready_row(order, name(&order.link), sent)).collect();
    let forms: Vec<_> = ready.iter().map(|row| issue_form(&row.id)).chain([PAYOUT.to_owned()]).collect();
    let shown = SellingPage {
        shell: shell.with_error(sent.wrong_elsewhere(forms.iter().map(String::as_str))),
        may_change: standing.may_change(),
        payout: profile.stripe_account.clone(),
        stripe_account: sent.text(PAYOUT, "stripe_account", profile.stripe_account.as_deref().unwrap_or_default()),
        payout_wrong: sent.wrong(PAYOUT),
        ready,
        invoices: listed.records.iter().map(|invoice| sent_row(invoice, name(&invoice.link))).collect(),
        next: listed.next.map(|next| cursor(Kind::Invoice, next)),
    };
    Ok(answered(sent.status(), &shown))
}

fn ready_row(order: &Stored<PurchaseOrder>, retailer: String, sent: &Attempt) -> ReadyRow {
    let id = order.id.to_string();
    let form = issue_form(&id);
    ReadyRow {
        id,
        reference: order.reference.clone(),
        retailer,
        placed: day(order.placed_at),
        number: sent.text(&form, "number", &order.reference),
        days: sent.text(&form, "days", &DUE_DAYS.to_string()),
        wrong: sent.wrong(&form),
    }
}

fn sent_row(invoice: &Invoice, retailer: String) -> SentRow {
    SentRow {
        number: invoice.number.clone(),
        reference: invoice.reference.clone(),
        retailer,
        amount: invoice.total,
        due: day(invoice.due_at),
        state: words::of_invoice(invoice.state),
        paid: invoice.paid_at.map(day),
        refunded: Some(invoice.refunded).filter(|refunded| refunded.amount > 0),
    }
}

pub(super) async fn pay_out(State(app): State<App>, Member(visitor): Member, form: Form) -> Result<Response, Refused> {
    let stripe_account = form.text("stripe_account").trim();
    let done = accounts::pay_out_to(app.ledger(), &visitor.scope()?, stripe_account).await.map_err(of_trade);
    let sent = Attempt::after(done, "What retailers agree to from now on is paid there.", PAYOUT, form)?;
    after(&app, &visitor, &sent).await
}

pub(super) async fn issue(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let (id, scope) = (id_in(&id, "there is no such purchase order")?, visitor.scope()?);
    purchase_orders::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
    let work = async {
        let draft = draft_in(&form)?;
        invoices::issue(app.ledger(), &scope, id, None, &draft).await.map_err(of_trade)
    };
    let done = work.await;
    let notice = "The invoice was made, and is on its way to the retailer.";
    let sent = Attempt::after(done, notice, issue_form(&id.to_string()), form)?;
    after(&app, &visitor, &sent).await
}

fn draft_in(form: &Form) -> Result<InvoiceDraft, Problem> {
    let typed = |name| Some(form.text(name).trim()).filter(|text| !text.is_empty());
    let wrong = |_| Problem::invalid("/due_in_days", "the days to pay are a whole number");
    let due_in_days = typed("days").map(|days| days.parse().map_err(wrong)).transpose()?;
    Ok(InvoiceDraft { number: typed("number").map(str::to_owned), due_in_days })
}
