//! Route: carries links, orders and their progress to the account on the other side.
//!
//! Of a retailer it reads orders: lines are given to suppliers, purchase orders are posted, cancellations are carried
//! on. Of a supplier it reads purchase orders and makes the retailer's order agree, and brings invoices. Of both it reads partner links.
//! What cannot go on is held with its reason, and what comes behind it goes on.

mod failure;
mod orders;

use bonded_base::{Account, Id, Kind};
use bonded_ledger::{Actor, Headline, Ledger, LedgerError, Scope, Stored, System};
use bonded_trade::invoices::{self, Invoice};
use bonded_trade::orders::{self as trade_orders, Order};
use bonded_trade::partners::{self, PartnerLink};
use bonded_trade::purchase_orders::PurchaseOrder;
use failure::{hold_or_retry, or_one_by_one};
use futures::future::try_join_all;
use orders::Assigned;
use std::collections::BTreeSet;

/// Purchase orders whose progress is carried at the same time.
const CARRIED_AT_ONCE: usize = 64;

/// The records that a chunk of the log is about, each once: state is delivered, not messages.
#[derive(Default)]
struct News {
    links: BTreeSet<Id<PartnerLink>>,
    orders: BTreeSet<Id<Order>>,
    retried: BTreeSet<Id<Order>>,
    purchase_orders: BTreeSet<Id<PurchaseOrder>>,
    invoices: BTreeSet<Id<Invoice>>,
}

/// What is left to do about a chunk of a log once the account's own records say where everything goes: partners are
/// told. Meanwhile the next chunk may be decided.
pub(crate) struct Onward {
    news: News,
    /// `None` when they could not be assigned together.
    assigned: Option<Assigned>,
}

/// Decides about a chunk of an account's log. An error means: rest, and begin the chunk again.
pub(crate) async fn route(ledger: &Ledger, scope: &Scope, chunk: &[Headline]) -> Result<Onward, LedgerError> {
    let (account, news) = (scope.account(), News::of(chunk));
    // Links first, so that orders behind them find their partners.
    for link in &news.links {
        let mirrored = partners::mirror(ledger, account, *link).await;
        hold_or_retry(ledger, account, *link, mirrored).await?;
    }
    let assigned = or_one_by_one(orders::assign(ledger, scope, &news.orders).await)?;
    Ok(Onward { news, assigned })
}

impl Onward {
    /// Tells the partners. An error means: rest, and begin the chunk again.
    pub async fn carry(self, ledger: Ledger, scope: Scope) -> Result<(), LedgerError> {
        orders::carry(&ledger, &scope, self.assigned, &self.news.orders).await?;
        orders::settle_retried(&ledger, &scope, &self.news.retried).await?;
        carry_progress(&ledger, &scope, &self.news.purchase_orders).await?;
        for invoice in &self.news.invoices {
            let carried = invoices::mirror(&ledger, scope.account(), *invoice).await;
            hold_or_retry(&ledger, scope.account(), *invoice, carried).await?;
        }
        Ok(())
    }
}

impl News {
    fn of(chunk: &[Headline]) -> Self {
        let mut news = Self::default();
        for headline in chunk {
            // Whoever routed a record has told the other side already; only links may need an answer to the answer.
            let own = headline.actor == Actor::System(System::Route);
            match headline.kind {
                Kind::PartnerLink => news.links.extend(headline.id_of::<PartnerLink>()),
                Kind::Order if !own => {
                    news.orders.extend(headline.id_of::<Order>());
                    news.retried.extend(headline.id_of::<Order>().filter(|_| headline.action == "retried"));
                }
                Kind::PurchaseOrder if !own => news.purchase_orders.extend(headline.id_of::<PurchaseOrder>()),
                Kind::Invoice if !own => news.invoices.extend(headline.id_of::<Invoice>()),
                _ => {}
            }
        }
        news
    }
}

/// Makes the retailers' orders agree with what a supplier did.
async fn carry_progress(ledger: &Ledger, scope: &Scope, ids: &BTreeSet<Id<PurchaseOrder>>) -> Result<(), LedgerError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = ids.iter().copied().collect();
    let mut found = ledger.get_many::<PurchaseOrder>(scope, &ids).await?.into_iter().flatten().peekable();
    while found.peek().is_some() {
        let together = found.by_ref().take(CARRIED_AT_ONCE).map(|changed| carry_one(ledger, scope.account(), changed));
        try_join_all(together).await?;
    }
    Ok(())
}

async fn carry_one(
    ledger: &Ledger,
    supplier: Id<Account>,
    purchase_order: Stored<PurchaseOrder>,
) -> Result<(), LedgerError> {
    let followed = trade_orders::follow_purchase_order(ledger, &purchase_order).await;
    hold_or_retry(ledger, supplier, purchase_order.id, followed.map(drop)).await
}
