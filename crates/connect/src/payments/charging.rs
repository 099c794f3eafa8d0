//! Charging: from a retailer's word to the supplier's money, so that nothing is charged twice whatever gets lost.
//!
//! Before the gateway is asked, the charge says that it will be. After a lost answer or a crash the gateway is first asked
//! for the payment that may have been made, which carries our charge's id; only if there is none is it made (again), under
//! the same idempotency key.

use super::charge::{Charge, ChargeDraft, ChargeRetry, ChargeState, RefundDraft, of_invoice};
use super::method::{MethodState, PaymentMethod, customer, token};
use super::{Worked, refunds, setup, told, unwritten};
use crate::followers::{self, Follower};
use crate::stripe::{Intent, Payment, Stripe, StripeError, Till, counted};
use bonded_base::{Id, Kind, Problem, Reason, Secret};
use bonded_ledger::{Change, Ledger, LedgerError, Listed, LookupName, Scope, Stored};
use bonded_trade::accounts;
use bonded_trade::invoices::{self, Invoice, InvoiceState};
use bonded_trade::{Page, Races, TradeError, Written, as_expected};

/// How often a payment is asked after that the bank has not answered yet.
const PROCESSING_MS: i64 = 60_000;
/// How often one is asked after for which the buyer has to act, or a refund that is on its way.
const WAITING_MS: i64 = 10 * 60_000;
/// How long to wait after the gateway could not be reached.
const REST_MS: i64 = 5_000;
/// How long a registered charge may be without its record.
const YOUNG_MS: i64 = 60_000;

/// Agrees to an invoice, and thereby lets it be charged: once, however often that is said.
pub async fn agree(ledger: &Ledger, scope: &Scope, draft: ChargeDraft) -> Result<Written<Charge>, TradeError> {
    let missing = |pointer: &'static str, detail: &'static str| Problem::invalid(pointer, detail);
    let invoice: Stored<Invoice> = ledger
        .get(scope, draft.invoice)
        .await?
        .ok_or_else(|| missing("/invoice", "there is no such invoice in this account"))?;
    if invoice.retailer != scope.account() {
        return Err(Problem::new(Reason::Forbidden, "only the retailer pays an invoice").into());
    }
    usable(ledger, scope, draft.payment_method).await?;
    if invoice.state != InvoiceState::Open {
        return Err(TradeError::state("the invoice is paid already"));
    }
    if counted(invoice.total).is_none() {
        return Err(Problem::new(Reason::Refused, "the payment gateway takes two decimals of this currency").into());
    }
    let payout = accounts::payout_of(ledger, invoice.supplier).await?;
    let stripe_account = payout.ok_or_else(|| TradeError::state("the supplier has not said where its money goes"))?;
    let (id, now) = (ledger.new_id::<Charge>(), ledger.clock().now());
    let agreed = Charge {
        invoice: invoice.id,
        payment_method: draft.payment_method,
        supplier: invoice.supplier,
        stripe_account,
        amount: invoice.total,
        state: ChargeState::Due,
        attempt: 1,
        stripe_payment: None,
        why: None,
        agreed_at: now,
        paid_at: None,
        refunds: Vec::new(),
        heard: None,
        seen: None,
        told: None,
        stops: 0,
        stops_told: 0,
    };
    register(ledger, scope, id).await?;
    let mut change = Change::new();
    change.create(id, &agreed, "agreed");
    match ledger.commit(scope, change).await {
        Ok(committed) => Ok(Written::born(id, agreed, committed.at)),
        Err(error) => {
            // Should this fail too, the follower finds no record of its own, and goes.
            followers::retire(ledger, id.bytes()).await?;
            Err(match error {
                LedgerError::Taken { name: LookupName::Invoice, .. } => {
                    Problem { pointer: Some("/invoice".to_owned()), ..duplicate() }.into()
                }
                other => other.into(),
            })
        }
    }
}

fn duplicate() -> Problem {
    Problem::new(Reason::Duplicate, "there is a charge for this invoice already; try that one again if it failed")
}

async fn usable(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>) -> Result<Stored<PaymentMethod>, TradeError> {
    let method = ledger.get(scope, id).await?;
    let method = method.filter(|method| method.state == MethodState::Active);
    let unusable = || Problem::invalid("/payment_method", "there is no such payment method that can be charged");
    Ok(method.ok_or_else(unusable)?)
}

async fn register(ledger: &Ledger, scope: &Scope, id: Id<Charge>) -> Result<(), LedgerError> {
    let follower = Follower { account: scope.account(), what: Kind::Charge, shop: None, aside: None };
    followers::register(ledger, &follower, id.bytes()).await
}

/// One charge.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Charge>) -> Result<Stored<Charge>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Charge))
}

/// A page of the charges in one state, or of all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<ChargeState>,
    page: Page,
) -> Result<Listed<Charge>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(ChargeState::number))).await?)
}

/// The charges of these invoices, each in the place of its invoice.
pub async fn of_invoices(
    ledger: &Ledger,
    scope: &Scope,
    invoices: &[Id<Invoice>],
) -> Result<Vec<Option<Stored<Charge>>>, TradeError> {
    let lookups: Vec<_> = invoices.iter().map(|invoice| of_invoice(*invoice)).collect();
    let ids = ledger.find_many::<Charge>(scope, &lookups).await?;
    let known: Vec<_> = ids.iter().flatten().copied().collect();
    let mut found = ledger.get_many(scope, &known).await?.into_iter();
    Ok(ids.into_iter().map(|id| id.and_then(|_| found.next().flatten())).collect())
}

/// Notes that the buyer came back from their bank, so that the gateway is asked at once what became of it.
pub async fn came_back(ledger: &Ledger, scope: &Scope, id: Id<Charge>) -> Result<(), TradeError> {
    let open = matches!(get(ledger, scope, id).await?.state, ChargeState::RequiresAction | ChargeState::Processing);
    if open {
        hear(ledger, scope, id, &super::return_at(ledger.clock().now())).await?;
    }
    Ok(())
}

/// Notes that the owners were told of a stop.
pub async fn stop_told(ledger: &Ledger, scope: &Scope, id: Id<Charge>, stop: u32) -> Result<(), TradeError> {
    let news = |charge: &Charge| (charge.stops_told < stop).then(|| Charge { stops_told: stop, ..charge.clone() });
    turn(ledger, scope, id, "owners_told", news).await
}

/// Has a charge tried again that failed, from the same card or another.
pub async fn retry(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Charge>,
    expected: Option<u64>,
    retry: ChargeRetry,
) -> Result<Stored<Charge>, TradeError> {
    let payment_method = match retry.payment_method {
        Some(method) => method,
        None => get(ledger, scope, id).await?.payment_method,
    };
    usable(ledger, scope, payment_method).await?;
    ask(ledger, scope, id, expected, "retried", |charge| match charge.state {
        ChargeState::Failed | ChargeState::RequiresAction => Ok(Charge {
            state: ChargeState::Due,
            attempt: charge.attempt.saturating_add(1),
            payment_method,
            why: None,
            ..charge.clone()
        }),
        _ => Err(Problem::new(Reason::State, "only a charge that failed is tried again")),
    })
    .await
}

/// Has money of a charge go back, all that is left or a part.
pub async fn ask_refund(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Charge>,
    expected: Option<u64>,
    draft: RefundDraft,
) -> Result<Stored<Charge>, TradeError> {
    let now = ledger.clock().now();
    ask(ledger, scope, id, expected, "refund_asked", |charge| charge.refund(draft, now)).await
}

/// Changes a charge at its owner's word, and sees to it that somebody acts on it.
async fn ask(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Charge>,
    expected: Option<u64>,
    action: &'static str,
    rule: impl Fn(&Charge) -> Result<Charge, Problem>,
) -> Result<Stored<Charge>, TradeError> {
    let mut races = Races::staked(Kind::Charge, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        let next = rule(&was)?;
        register(ledger, scope, id).await?;
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(scope, change).await {
            Ok(_) => break,
            Err(error) => races.lost(error)?,
        }
    }
    // Whoever had just found nothing left to do may have left the register in between.
    register(ledger, scope, id).await?;
    get(ledger, scope, id).await
}

/// Where the buyer authenticates a charge that requires it; they come back to `back`.
pub async fn authorise(
    ledger: &Ledger,
    scope: &Scope,
    stripe: &Stripe,
    id: Id<Charge>,
    back: &str,
) -> Result<String, TradeError> {
    let charge = get(ledger, scope, id).await?;
    let intent = charge.stripe_payment.as_deref().filter(|_| charge.state == ChargeState::RequiresAction);
    let intent = intent.ok_or_else(|| TradeError::state("the charge does not wait for the buyer"))?;
    let method = usable(ledger, scope, charge.payment_method).await?;
    let token = token(ledger, scope, &method)?.ok_or(LedgerError::Damaged(Kind::PaymentMethod))?;
    let (scope, till) = (scope.again(), stripe.till(ledger, scope));
    let now = till.payment(intent).await.map_err(told)?;
    if let Some(url) = now.buyer_goes_to() {
        return Ok(url.to_owned());
    }
    let asked = if now.wants_buyer() { till.pay_with_buyer(intent, token.expose(), back).await } else { Ok(now) };
    let (answer, url) = match asked {
        Ok(answer) => {
            let url = answer.buyer_goes_to().map(str::to_owned);
            (answer, url)
        }
        Err(StripeError::Refused { intent: Some(intent), .. }) => (*intent, None),
        Err(error) => return Err(told(error)),
    };
    let at = ledger.clock().now();
    turn(ledger, &scope, id, "authorising", |charge| {
        let next = charge.follow(&answer, None, at);
        (next != *charge).then_some(next)
    })
    .await?;
    register(ledger, &scope, id).await?;
    url.ok_or_else(|| TradeError::state("the charge does not wait for the buyer any more"))
}

/// Keeps that the gateway has something to say of a charge; `false` where there is no such charge.
pub async fn hear(ledger: &Ledger, scope: &Scope, id: Id<Charge>, event: &str) -> Result<bool, TradeError> {
    let heard = Some(event.to_owned());
    let news = |charge: &Charge| (charge.heard != heard).then(|| Charge { heard: heard.clone(), ..charge.clone() });
    match turn(ledger, scope, id, "heard", news).await {
        Ok(()) => {}
        Err(TradeError::Problem(problem)) if problem.reason == Reason::Missing => return Ok(false),
        Err(error) => return Err(error),
    }
    register(ledger, scope, id).await?;
    Ok(true)
}

/// Why the next thing could not be done.
pub(super) enum Trouble {
    Gateway(StripeError),
    Ledger(LedgerError),
}

impl From<StripeError> for Trouble {
    fn from(error: StripeError) -> Self {
        Self::Gateway(error)
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<TradeError> for Trouble {
    fn from(error: TradeError) -> Self {
        match error {
            TradeError::Ledger(error) => Self::Ledger(error),
            // It is gone, or its invoice is: looking again finds that out.
            TradeError::Problem(_) => Self::Ledger(LedgerError::Stopping),
        }
    }
}

/// Does the next thing that there is to do for a charge. `looks`: the time has come to ask the gateway for news.
pub async fn work(
    ledger: &Ledger,
    scope: &Scope,
    stripe: &Stripe,
    id: Id<Charge>,
    looks: bool,
) -> Result<Worked, LedgerError> {
    let Some(charge) = ledger.get(scope, id).await? else {
        let young = id.born_at().plus_millis(YOUNG_MS) > ledger.clock().now();
        return Ok(if young { Worked::Within(REST_MS) } else { Worked::Missing });
    };
    let till = stripe.till(ledger, scope);
    let done = match step(ledger, scope, &till, &charge, looks).await {
        Ok(()) => tell_invoice(ledger, scope, id).await,
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(()) => {}
        Err(Trouble::Gateway(StripeError::Ledger(error))) => return Err(unwritten(error)),
        Err(Trouble::Gateway(StripeError::Unauthorised)) => {
            return Ok(Worked::KeyRefused);
        }
        Err(Trouble::Gateway(_)) => return Ok(Worked::Within(REST_MS)),
        Err(Trouble::Ledger(error)) => return Err(error),
    }
    let Some(now) = ledger.get(scope, id).await? else { return Ok(Worked::Missing) };
    Ok(match now.state {
        ChargeState::Due => Worked::Within(0),
        ChargeState::Processing => Worked::Within(PROCESSING_MS),
        ChargeState::RequiresAction => Worked::Within(WAITING_MS),
        _ if now.refund_due().is_some() || now.heard != now.seen => Worked::Within(0),
        _ if refunds::is_pending(&now) => Worked::Within(WAITING_MS),
        _ => Worked::Settled,
    })
}

async fn step(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    charge: &Stored<Charge>,
    looks: bool,
) -> Result<(), Trouble> {
    let has_news = looks || charge.heard != charge.seen;
    match (charge.state, charge.stripe_payment.clone()) {
        (ChargeState::Due, known) => {
            let begin = |charge: &Charge| {
                (charge.state == ChargeState::Due).then(|| Charge { state: ChargeState::Processing, ..charge.clone() })
            };
            turn(ledger, scope, charge.id, "submitted", begin).await?;
            submit(ledger, scope, till, charge, known, charge.attempt == 1).await
        }
        (ChargeState::Processing, None) => submit(ledger, scope, till, charge, None, false).await,
        (ChargeState::Processing | ChargeState::RequiresAction, Some(intent)) if has_news => {
            let answer = till.payment(&intent).await?;
            // It was to be tried again, and perhaps never was.
            let is_untried = charge.state == ChargeState::Processing && charge.attempt > 1 && !is_over(&answer);
            if is_untried {
                submit(ledger, scope, till, charge, Some(intent), false).await
            } else {
                follow(ledger, scope, charge, &answer, None).await
            }
        }
        (ChargeState::Failed, Some(intent)) if charge.heard != charge.seen => {
            let answer = till.payment(&intent).await?;
            follow(ledger, scope, charge, &answer, charge.why.as_deref()).await
        }
        (state, Some(intent)) if state.is_paid() && (has_news || charge.refund_due().is_some()) => {
            refunds::refund(ledger, scope, till, charge, &intent).await
        }
        _ => saw(ledger, scope, charge).await,
    }
}

fn is_over(intent: &Intent) -> bool {
    use crate::stripe::IntentStatus::{Canceled, Processing, Succeeded};
    matches!(intent.status, Succeeded | Processing | Canceled)
}

/// Notes that what was heard asks for nothing.
async fn saw(ledger: &Ledger, scope: &Scope, charge: &Stored<Charge>) -> Result<(), Trouble> {
    let seen = charge.heard.clone();
    let news = |charge: &Charge| (charge.seen != seen).then(|| Charge { seen: seen.clone(), ..charge.clone() });
    Ok(turn(ledger, scope, charge.id, "looked", news).await?)
}

/// Has the gateway make or repeat the payment. `fresh`: it certainly was never asked for this charge before.
async fn submit(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    charge: &Stored<Charge>,
    known: Option<String>,
    fresh: bool,
) -> Result<(), Trouble> {
    let method = setup::get(ledger, scope, charge.payment_method).await?;
    let keys = (customer(ledger, scope, &method)?, token(ledger, scope, &method)?);
    let ((Some(customer), Some(token)), Some(amount)) = (keys, counted(charge.amount)) else {
        return refuse(ledger, scope, charge, "payment_method_removed").await;
    };
    let about = charge.id.to_string();
    let asked = if let Some(intent) = known {
        till.pay_again(&intent, token.expose(), charge.attempt).await
    } else {
        let found = if fresh { None } else { till.find_payment(customer.expose(), &about).await? };
        if let Some(found) = found {
            Ok(found)
        } else {
            till.pay(payment(charge, &about, amount, &customer, &token)).await
        }
    };
    match asked {
        Ok(answer) => follow(ledger, scope, charge, &answer, None).await,
        Err(StripeError::Refused { code, intent: Some(intent) }) => {
            follow(ledger, scope, charge, &intent, Some(&code)).await
        }
        Err(StripeError::Refused { code, intent: None }) => refuse(ledger, scope, charge, &code).await,
        Err(StripeError::Gone) => refuse(ledger, scope, charge, "resource_missing").await,
        Err(error) => Err(error.into()),
    }
}

fn payment<'a>(
    charge: &'a Charge,
    about: &'a str,
    amount: i64,
    customer: &'a Secret<String>,
    token: &'a Secret<String>,
) -> Payment<'a> {
    Payment {
        charge: about,
        attempt: charge.attempt,
        amount,
        currency: charge.amount.currency,
        customer: customer.expose(),
        method: token.expose(),
        destination: &charge.stripe_account,
    }
}

/// Makes the charge agree with what the gateway says of the payment.
async fn follow(
    ledger: &Ledger,
    scope: &Scope,
    charge: &Stored<Charge>,
    answer: &Intent,
    code: Option<&str>,
) -> Result<(), Trouble> {
    let (now, seen) = (ledger.clock().now(), charge.heard.clone());
    let attempt = charge.attempt;
    let rule = |charge: &Charge| {
        // Its owner has asked for another attempt meanwhile: this one is no news any more.
        let is_news = charge.attempt == attempt;
        let next = Charge { seen: seen.clone(), ..charge.follow(answer, code, now) };
        (is_news && next != *charge).then_some(next)
    };
    Ok(turn(ledger, scope, charge.id, "followed", rule).await?)
}

async fn refuse(ledger: &Ledger, scope: &Scope, charge: &Stored<Charge>, code: &str) -> Result<(), Trouble> {
    let rule = |charge: &Charge| {
        let next = Charge { state: ChargeState::Failed, why: Some(code.to_owned()), ..charge.clone() };
        (!charge.state.is_paid() && next != *charge).then_some(next)
    };
    Ok(turn(ledger, scope, charge.id, "refused", rule).await?)
}

/// Writes on both sides' invoice what was paid and went back, and notes that it was.
async fn tell_invoice(ledger: &Ledger, scope: &Scope, id: Id<Charge>) -> Result<(), Trouble> {
    let Some(charge) = ledger.get(scope, id).await? else { return Ok(()) };
    let Some(settled) = charge.settled().filter(|settled| charge.told != Some(settled.refunded)) else {
        return Ok(());
    };
    invoices::settle(ledger, scope, charge.invoice, settled).await?;
    let told = Some(settled.refunded);
    Ok(turn(ledger, scope, id, "told", |charge| (charge.told != told).then(|| Charge { told, ..charge.clone() }))
        .await?)
}

/// Changes a charge by a rule, as often as others are faster; nothing where the rule says so.
pub(super) async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Charge>,
    action: &'static str,
    rule: impl Fn(&Charge) -> Option<Charge>,
) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let Some(next) = rule(&was) else { return Ok(()) };
        let mut change = Change::new();
        change.update(&was, &next.after(&was), action);
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}
