//! Deletions at the operator's desk: asked for, followed to their end, listed, taken back.

use super::answer::Lines;
use crate::ending::{Code, Ending};
use bonded_base::{Account, Id, Kind, Node};
use bonded_flow::deletions::{DeletionTurn, ask as ask_for, set_policy};
use bonded_flow::followers::{self, Makes, Turn};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::deletions::{self, ARCHIVED_DAYS_MAX, Because, Deletion, DeletionPolicy, DeletionState, Selection};
use bonded_trade::orders::Order;
use bonded_trade::{Page, accounts};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Deletions that are listed.
const LISTED: u32 = 50;
/// How long nothing is told when nothing changes.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// How often a replica that has not confirmed is waited for, before it is left to the server.
const PENDING_LOOKS_MAX: u32 = 20;

/// Asks for a deletion, and follows it to its end if it is due at once. Where no server runs, it is done here.
pub async fn ask(
    ledger: &Ledger,
    origin: &str,
    account: Id<Account>,
    (orders, archived_days): (Vec<Id<Order>>, Option<u16>),
    lines: &Lines,
) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    accounts::profile(ledger, &scope).await?;
    let selection = match archived_days {
        None => Selection::Orders(orders),
        Some(days) if (1..=ARCHIVED_DAYS_MAX).contains(&days) => deletions::by_rule(ledger.clock().now(), days),
        Some(_) => return Err(Ending::new(Code::Usage, format!("1 to {ARCHIVED_DAYS_MAX} days are a rule"))),
    };
    let id = ask_for(ledger, &scope, selection, Because::Asked).await?.id;
    let node = Id::<Node>::new(ledger.clock(), ledger.chance());
    let running = followers::start(ledger.clone(), node, deletion_turns(ledger.clone(), origin.to_owned()));
    let done = settled(ledger, &scope, id, lines).await;
    running.stop().await;
    done.map(|deletion| outcome(&deletion))
}

/// Followers that work on deletions and nothing else.
pub fn deletion_turns(ledger: Ledger, origin: String) -> Makes {
    Arc::new(move |what, account, id| {
        let turn = || DeletionTurn::new(ledger.clone(), account, id, origin.clone());
        (what == Kind::Deletion).then(|| Box::new(turn()) as Box<dyn Turn>)
    })
}

/// Waits until a deletion is over, or waits itself: for its time, or for a replica of the keys that is away.
async fn settled(ledger: &Ledger, scope: &Scope, id: Id<Deletion>, lines: &Lines) -> Result<Stored<Deletion>, Ending> {
    let mut looks = 0;
    loop {
        let seq = ledger.head(scope).await?;
        let deletion = deletions::get(ledger, scope, id).await?;
        let _ = lines.try_send(json!({"state": deletion.state, "forgotten": deletion.forgotten}).to_string());
        let waits = match deletion.state {
            DeletionState::Complete | DeletionState::Cancelled => true,
            DeletionState::Due => deletion.due_at > ledger.clock().now(),
            DeletionState::Pending => {
                looks += 1;
                looks > PENDING_LOOKS_MAX
            }
            DeletionState::Deleting => false,
        };
        if waits {
            return Ok(deletion);
        }
        ledger.wait_beyond(scope, seq, TELL_EVERY).await?;
    }
}

/// The newest deletions of an account.
pub async fn list(ledger: &Ledger, account: Id<Account>) -> Result<Value, Ending> {
    let page = Page { descending: true, ..Page::first(LISTED) };
    let listed = deletions::list(ledger, &Scope::operator(account), None, page).await?;
    Ok(json!({"deletions": listed.records.iter().map(outcome).collect::<Vec<_>>()}))
}

/// One deletion.
pub async fn show(ledger: &Ledger, account: Id<Account>, id: Id<Deletion>) -> Result<Value, Ending> {
    Ok(outcome(&deletions::get(ledger, &Scope::operator(account), id).await?))
}

/// The certificate of a deletion that is complete.
pub async fn certificate(ledger: &Ledger, account: Id<Account>, id: Id<Deletion>) -> Result<Value, Ending> {
    let deletion = deletions::get(ledger, &Scope::operator(account), id).await?;
    let certificate = deletion.certificate.as_ref().ok_or_else(deletions::not_complete)?;
    Ok(json!({"certificate": certificate}))
}

/// Takes a deletion back.
pub async fn cancel(ledger: &Ledger, account: Id<Account>, id: Id<Deletion>) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    deletions::cancel(ledger, &scope, id).await?;
    show(ledger, account, id).await
}

/// What an account wants of its deletions, once what is said here has been changed; no days are no rule.
pub async fn policy(
    ledger: &Ledger,
    account: Id<Account>,
    grace_days: Option<u16>,
    archived_days: Option<u16>,
) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    let was = deletions::policy(ledger, &scope).await?;
    let wanted = DeletionPolicy {
        grace_days: grace_days.unwrap_or(was.grace_days),
        archived_days: archived_days.map_or(was.archived_days, |days| Some(days).filter(|days| *days > 0)),
    };
    Ok(json!(set_policy(ledger, &scope, wanted).await?))
}

fn outcome(deletion: &Stored<Deletion>) -> Value {
    let mut shown = json!(**deletion);
    if let Value::Object(members) = &mut shown {
        members.insert("deletion".to_owned(), json!(deletion.id));
        // Long, and printed by a command of its own.
        members.remove("certificate");
    }
    shown
}
