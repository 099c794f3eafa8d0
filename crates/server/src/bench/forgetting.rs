//! Forgetting: a rule finds the archived orders of an account, and their consumers are forgotten and certified.

use super::child::Deployment;
use crate::desk::deletion_turns;
use crate::ending::Ending;
use bonded_base::{Currency, Id, Money, Node};
use bonded_flow::deletions::ask;
use bonded_flow::followers;
use bonded_ledger::{Change, Ledger, PLATFORM, Scope};
use bonded_trade::accounts::{self, Role};
use bonded_trade::deletions::{self, Because, DeletionState, Selection};
use bonded_trade::orders::{self, Cancellation, Order, OrderDraft};
use serde_json::json;
use std::time::{Duration, Instant};

/// Orders that are made with one commit.
const CHUNK: u64 = 1_000;
/// How long a commit is waited for before the deletion is looked at anew.
const LOOK: Duration = Duration::from_millis(20);

/// What a deletion took.
pub struct Forgotten {
    /// From asking until the keys of all orders were destroyed.
    pub destroyed: Duration,
    /// From asking until the certificate was signed.
    pub certified: Duration,
}

/// Forgets so many orders, every other one of twice as many: no node of the tree of keys goes as a whole, which is the
/// dearest case. The server must have stopped.
pub async fn measure(deployment: &Deployment, count: u64) -> Result<Forgotten, Ending> {
    let ledger = deployment.ledger().await?;
    let draft = accounts::Draft { name: "Forgetful".to_owned(), role: Role::Retailer, currency: Currency::EUR };
    let scope = Scope::operator(accounts::open(&ledger, &Scope::operator(PLATFORM), draft).await?);
    let mut made = 0;
    while made < count {
        let some = CHUNK.min(count - made);
        archive_every_other(&ledger, &scope, made, some).await?;
        made += some;
    }
    let node = Id::<Node>::new(ledger.clock(), ledger.chance());
    let running = followers::start(ledger.clone(), node, deletion_turns(ledger.clone(), "bench".to_owned()));
    let begin = Instant::now();
    let all = Selection::ArchivedBefore(ledger.clock().now().plus_millis(1));
    let id = ask(&ledger, &scope, all, Because::Asked).await?.id;
    let mut destroyed = None;
    let forgotten = loop {
        let seq = ledger.head(&scope).await?;
        let deletion = deletions::get(&ledger, &scope, id).await?;
        if deletion.destroyed.is_some() {
            destroyed.get_or_insert_with(|| begin.elapsed());
        }
        if deletion.state == DeletionState::Complete {
            break deletion.forgotten;
        }
        ledger.wait_beyond(&scope, seq, LOOK).await?;
    };
    let certified = begin.elapsed();
    running.stop().await;
    ledger.close().await;
    if forgotten != count {
        return Err(Ending::internal(format!("{forgotten} of {count} orders were forgotten")));
    }
    Ok(Forgotten { destroyed: destroyed.unwrap_or(certified), certified })
}

/// Places twice as many orders, and puts every other one away.
async fn archive_every_other(ledger: &Ledger, scope: &Scope, from: u64, count: u64) -> Result<(), Ending> {
    for half in 0..2 {
        let first = 2 * from + half * count;
        let drafts = (first..first + count).map(draft).collect::<Result<Vec<_>, _>>().map_err(Ending::internal)?;
        let placed = orders::place_many(ledger, scope, drafts).await?;
        let ids: Vec<Id<Order>> = placed.into_iter().flatten().map(|order| order.id).step_by(2).collect();
        let mut change = Change::new();
        for order in ledger.get_many(scope, &ids).await?.into_iter().flatten() {
            let closed = Order::clone(&order).cancel(&Cancellation::default());
            let archived = closed.and_then(|order| order.archive(ledger.clock().now()));
            change.update(&order, &archived.map_err(Ending::internal)?, "archived");
        }
        ledger.commit(scope, change).await?;
    }
    Ok(())
}

fn draft(number: u64) -> Result<OrderDraft, serde_json::Error> {
    serde_json::from_value(json!({
        "reference": format!("F-{number}"),
        "lines": [{"title": "Lamp", "quantity": 1, "price": Money::new(999, Currency::EUR)}],
        "consumer": {
            "first_name": "Ada", "last_name": "Example", "street": "12 Sample Road\nTestbury",
            "postal_code": "T3 5TT", "region": "Testshire", "country": "GB",
        },
    }))
}
