//! Setting a payment method up, and taking it away.

use super::method::{METHODS_MAX, MethodState, PaymentMethod, conceal_customer, conceal_token, customer, token};
use super::{PAGE, Worked, told, unwritten};
use crate::followers::{self, Follower};
use crate::stripe::{Session, SessionStatus, Stripe, StripeError, Till};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, List, Listed, PAGE_MAX, Scope, Stored};
use bonded_trade::accounts::{self, Role};
use bonded_trade::{Page, Races, TradeError, as_expected};

/// How often a card that is being set up is asked after.
const LOOK_MS: i64 = 60_000;
/// How long to wait after the gateway could not be reached.
const REST_MS: i64 = 5_000;
/// How long a card may take to be set up: longer than the gateway's page lives.
const SETUP_MS_MAX: i64 = 26 * 60 * 60 * 1_000;
/// How long a registered method may be without its record.
const YOUNG_MS: i64 = 60_000;
/// What the gateway calls a setup that went well.
const SUCCEEDED: &str = "succeeded";

/// Opens a page of the gateway's on which a card is entered; answers the method and the page's address.
pub async fn begin(
    ledger: &Ledger,
    scope: &Scope,
    stripe: &Stripe,
) -> Result<(Stored<PaymentMethod>, String), TradeError> {
    if accounts::profile(ledger, scope).await?.role != Role::Retailer {
        return Err(Problem::new(Reason::Forbidden, "only a retailer pays through the platform").into());
    }
    let known = in_use(ledger, scope).await?;
    if known.len() >= METHODS_MAX {
        let detail = format!("an account has at most {METHODS_MAX} payment methods");
        return Err(Problem::new(Reason::TooMuch, detail).into());
    }
    let id: Id<PaymentMethod> = ledger.new_id();
    let follower = Follower { account: scope.account(), what: Kind::PaymentMethod, shop: None, aside: None };
    followers::register(ledger, &follower, id.bytes()).await?;
    let mut change = Change::new();
    change.create(id, &PaymentMethod::new(), "begun");
    ledger.commit(scope, change).await?;
    let (scope, till) = (scope.again(), stripe.till(ledger, scope));
    match open_page(ledger, &scope, &till, id, &known, stripe.origin()).await {
        Ok((session, buyer)) => {
            let url = session.url.clone().ok_or_else(|| told(StripeError::Strange("a page without an address")))?;
            let buyer = conceal_customer(ledger, &scope, id, &buyer)?;
            turn(ledger, &scope, id, "opened", |method| {
                let (session, customer) = (Some(session.id.clone()), Some(buyer.clone()));
                Some(PaymentMethod { session, customer, ..method.clone() })
            })
            .await?;
            Ok((get(ledger, &scope, id).await?, url))
        }
        Err(error) => {
            turn(ledger, &scope, id, "failed", |method| Some(failed(method, "not_opened"))).await?;
            Err(error)
        }
    }
}

async fn open_page(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    id: Id<PaymentMethod>,
    known: &[Stored<PaymentMethod>],
    origin: &str,
) -> Result<(Session, String), TradeError> {
    // All cards of an account are one buyer's at the gateway, so that a payment can be tried again with another.
    let before = known.iter().find(|method| method.customer.is_some());
    let before = before.map(|method| customer(ledger, scope, method)).transpose()?.flatten();
    let buyer = match before {
        Some(buyer) => buyer.expose().clone(),
        None => till.make_customer(&id.to_string()).await.map_err(told)?,
    };
    let (done, left) = (format!("{origin}{PAGE}/methods/{id}/back"), format!("{origin}{PAGE}?left={id}"));
    let session = till.open_session(&id.to_string(), &buyer, &done, &left).await.map_err(told)?;
    Ok((session, buyer))
}

/// One payment method.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>) -> Result<Stored<PaymentMethod>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::PaymentMethod))
}

/// A page of the payment methods in one state, or of all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<MethodState>,
    page: Page,
) -> Result<Listed<PaymentMethod>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(MethodState::number))).await?)
}

async fn in_use(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<PaymentMethod>>, LedgerError> {
    let mut found = Vec::new();
    for state in [MethodState::Active, MethodState::SettingUp] {
        let list = List { state: Some(state.number()), ..List::first(PAGE_MAX) };
        found.extend(ledger.list(scope, &list).await?.records);
    }
    Ok(found)
}

/// Takes a payment method away: it is charged no more from now on, and the gateway is told to let go of the card.
pub async fn remove(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PaymentMethod>,
    expected: Option<u64>,
) -> Result<Stored<PaymentMethod>, TradeError> {
    let mut races = Races::staked(Kind::PaymentMethod, id.bytes(), expected);
    loop {
        let was = get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        if was.state == MethodState::Removed {
            return Err(TradeError::state("the payment method was removed already"));
        }
        register(ledger, scope, id).await?;
        let mut change = Change::new();
        change.update(&was, &PaymentMethod { state: MethodState::Removed, ..(*was).clone() }, "removed");
        match ledger.commit(scope, change).await {
            Ok(_) => break,
            Err(error) => races.lost(error)?,
        }
    }
    register(ledger, scope, id).await?;
    get(ledger, scope, id).await
}

async fn register(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>) -> Result<(), LedgerError> {
    let follower = Follower { account: scope.account(), what: Kind::PaymentMethod, shop: None, aside: None };
    followers::register(ledger, &follower, id.bytes()).await
}

/// Keeps that the gateway has something to say of a method; `false` where there is no such method.
pub async fn hear(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>, event: &str) -> Result<bool, TradeError> {
    let heard = Some(event.to_owned());
    let news = |method: &PaymentMethod| {
        (method.heard != heard).then(|| PaymentMethod { heard: heard.clone(), ..method.clone() })
    };
    match turn(ledger, scope, id, "heard", news).await {
        Ok(()) => {}
        Err(TradeError::Problem(problem)) if problem.reason == Reason::Missing => return Ok(false),
        Err(error) => return Err(error),
    }
    register(ledger, scope, id).await?;
    Ok(true)
}

/// Notes that the buyer came back from the gateway's page, so that it is asked at once what became of the card.
pub async fn came_back(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>) -> Result<(), TradeError> {
    if get(ledger, scope, id).await?.state == MethodState::SettingUp {
        hear(ledger, scope, id, &super::return_at(ledger.clock().now())).await?;
    }
    Ok(())
}

/// Does the next thing that there is to do for a method.
pub async fn work(
    ledger: &Ledger,
    scope: &Scope,
    stripe: &Stripe,
    id: Id<PaymentMethod>,
    looks: bool,
) -> Result<Worked, LedgerError> {
    let now = ledger.clock().now();
    let Some(method) = ledger.get(scope, id).await? else {
        let young = id.born_at().plus_millis(YOUNG_MS) > now;
        return Ok(if young { Worked::Within(REST_MS) } else { Worked::Missing });
    };
    let till = stripe.till(ledger, scope);
    let done = match method.state {
        MethodState::SettingUp if !looks && method.heard == method.seen => return Ok(Worked::Within(LOOK_MS)),
        MethodState::SettingUp => look(ledger, scope, &till, &method).await,
        MethodState::Removed if method.token.is_some() => let_go(ledger, scope, &till, &method).await,
        MethodState::Removed if method.session.is_some() => close_page(ledger, scope, &till, &method).await,
        MethodState::Active | MethodState::Failed | MethodState::Removed => return Ok(Worked::Settled),
    };
    match done {
        Ok(()) => {}
        Err(Trouble::Gateway(StripeError::Ledger(error))) => return Err(unwritten(error)),
        Err(Trouble::Gateway(StripeError::Unauthorised)) => return Ok(Worked::KeyRefused),
        Err(Trouble::Gateway(error)) if error.is_passing() => return Ok(Worked::Within(REST_MS)),
        Err(Trouble::Gateway(_)) => fail(ledger, scope, id, "gone").await?,
        Err(Trouble::Ledger(error)) => return Err(error),
    }
    let Some(then) = ledger.get(scope, id).await? else { return Ok(Worked::Missing) };
    Ok(match then.state {
        MethodState::SettingUp if id.born_at().plus_millis(SETUP_MS_MAX) < now => {
            fail(ledger, scope, id, "expired").await?;
            Worked::Settled
        }
        MethodState::SettingUp => Worked::Within(LOOK_MS),
        MethodState::Removed if then.token.is_some() || then.session.is_some() => Worked::Within(0),
        MethodState::Active | MethodState::Failed | MethodState::Removed => Worked::Settled,
    })
}

async fn fail(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>, why: &str) -> Result<(), LedgerError> {
    settle(turn(ledger, scope, id, "failed", |method| Some(failed(method, why))).await)
}

/// Why the next thing could not be done.
enum Trouble {
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

/// Reads how the setup stands, and takes the card over that came of it.
async fn look(ledger: &Ledger, scope: &Scope, till: &Till, method: &Stored<PaymentMethod>) -> Result<(), Trouble> {
    let (id, seen) = (method.id, method.heard.clone());
    let Some(session) = &method.session else { return Ok(()) };
    let session = till.session(session).await?;
    let setup = match (session.status, &session.setup_intent) {
        (SessionStatus::Expired, _) => return Ok(fail(ledger, scope, id, "expired").await?),
        (SessionStatus::Complete, Some(setup)) => till.setup_intent(setup).await?,
        _ => return saw(ledger, scope, id, seen).await,
    };
    let Some(token) = setup.payment_method.filter(|_| setup.status == SUCCEEDED) else {
        return saw(ledger, scope, id, seen).await;
    };
    let card = till.method(&token).await?.card;
    let (token, now) = (conceal_token(ledger, scope, id, &token)?, ledger.clock().now());
    let activated = |method: &PaymentMethod| {
        let (token, seen) = (Some(token.clone()), seen.clone());
        let next = PaymentMethod { token, seen, session: None, ..method.clone() };
        // Whoever took it away meanwhile wants the card gone, and for that it must be known.
        if method.state != MethodState::SettingUp {
            return Some(next);
        }
        Some(PaymentMethod {
            state: MethodState::Active,
            brand: card.as_ref().map(|card| card.brand.clone()),
            last4: card.as_ref().map(|card| card.last4.clone()),
            expires_month: card.as_ref().map(|card| card.exp_month),
            expires_year: card.as_ref().map(|card| card.exp_year),
            active_at: Some(now),
            ..next
        })
    };
    Ok(settle(turn(ledger, scope, id, "activated", activated).await)?)
}

async fn saw(ledger: &Ledger, scope: &Scope, id: Id<PaymentMethod>, seen: Option<String>) -> Result<(), Trouble> {
    let news =
        |method: &PaymentMethod| (method.seen != seen).then(|| PaymentMethod { seen: seen.clone(), ..method.clone() });
    Ok(settle(turn(ledger, scope, id, "looked", news).await)?)
}

/// Closes the page of a method that was taken away before a card was entered; if one was, that is let go of next.
async fn close_page(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    method: &Stored<PaymentMethod>,
) -> Result<(), Trouble> {
    let Some(session) = &method.session else { return Ok(()) };
    match till.close_session(session).await {
        Err(StripeError::Refused { .. }) => look(ledger, scope, till, method).await?,
        Ok(()) | Err(StripeError::Gone) => {}
        Err(error) => return Err(error.into()),
    }
    let closed = |method: &PaymentMethod| Some(PaymentMethod { session: None, ..method.clone() });
    Ok(settle(turn(ledger, scope, method.id, "closed", closed).await)?)
}

/// Tells the gateway to let go of a card, and forgets its tokens.
async fn let_go(ledger: &Ledger, scope: &Scope, till: &Till, method: &Stored<PaymentMethod>) -> Result<(), Trouble> {
    if let Some(token) = token(ledger, scope, method)? {
        match till.detach(token.expose()).await {
            // Refused: it is attached to nobody any more.
            Ok(()) | Err(StripeError::Gone | StripeError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let let_go =
        |method: &PaymentMethod| Some(PaymentMethod { token: None, customer: None, session: None, ..method.clone() });
    Ok(settle(turn(ledger, scope, method.id, "let_go", let_go).await)?)
}

fn failed(method: &PaymentMethod, why: &str) -> PaymentMethod {
    let state = if method.state == MethodState::Removed { MethodState::Removed } else { MethodState::Failed };
    PaymentMethod { state, session: None, why: Some(why.to_owned()), ..method.clone() }
}

/// Changes a method by a rule, as often as others are faster; nothing where the rule says so.
async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PaymentMethod>,
    action: &'static str,
    rule: impl Fn(&PaymentMethod) -> Option<PaymentMethod>,
) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let Some(next) = rule(&was) else { return Ok(()) };
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// What is gone needs nothing more.
fn settle(done: Result<(), TradeError>) -> Result<(), LedgerError> {
    done.or_else(|error| error.into_problem().map(drop))
}
