//! Who had received the six fields of orders that were forgotten: partners, and the shops that have those orders.

use aws_lc_rs::digest::{Context, SHA256};
use bonded_base::{Account, Id, Kinded, Moment};
use bonded_connect::connections::{self, Connection};
use bonded_connect::mirrors;
use bonded_ledger::{Ledger, LedgerError, PAGE_MAX, Scope, Stored, System};
use bonded_trade::Page;
use bonded_trade::deletions::{Deletion, Recipient};
use bonded_trade::orders::Order;
use bonded_trade::purchase_orders::PurchaseOrder;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// What a partner was asked: its purchase orders say so, in its log and its webhooks.
const PARTNER_TOLD: &str = "told to delete what it copied (purchase_order.consumer_deleted)";
/// What the shop that orders came from was asked.
const ORIGIN: &str = "nothing: the orders came from there";
/// What a partner's shop was asked.
const LEFT_TO_OWNER: &str = "nothing by us: its owner, the partner, was told";

/// What there is to say of the orders of a deletion.
pub(super) struct Gathered {
    pub recipients: Vec<Recipient>,
    /// See [`Deletion::orders_sha256`].
    pub orders_sha256: String,
}

/// Goes once through the orders that a deletion has forgotten.
pub(super) async fn of(ledger: &Ledger, scope: &Scope, id: Id<Deletion>) -> Result<Gathered, LedgerError> {
    let (mut page, mut digest) = (Page::first(PAGE_MAX), Context::new(&SHA256));
    let mut found = Found { ledger, shops: HashMap::new(), known: BTreeMap::new() };
    loop {
        let listed = ledger.list::<Order>(scope, &page.of_parent(id.bytes())).await?;
        for order in &listed.records {
            digest.update(format!("{}\n", order.id).as_bytes());
        }
        found.look_at(scope.account(), &listed.records).await?;
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let orders_sha256 = digest.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Gathered { recipients: found.known.into_values().collect(), orders_sha256 })
}

struct Found<'l> {
    ledger: &'l Ledger,
    /// The connections of each account that was met.
    shops: HashMap<Id<Account>, Vec<Stored<Connection>>>,
    known: BTreeMap<(Id<Account>, Option<String>), Recipient>,
}

impl Found<'_> {
    async fn look_at(&mut self, retailer: Id<Account>, orders: &[Stored<Order>]) -> Result<(), LedgerError> {
        let own: Vec<_> = orders.iter().map(|order| (order.id, order.placed_at)).collect();
        self.shops_with(retailer, &own, ORIGIN).await?;
        let mut parts: BTreeMap<Id<Account>, Vec<(Id<PurchaseOrder>, Moment)>> = BTreeMap::new();
        for order in orders {
            for (purchase_order, supplier, _) in order.purchase_orders() {
                parts.entry(supplier).or_default().push((purchase_order, order.placed_at));
            }
        }
        for (supplier, parts) in parts {
            for (_, placed_at) in &parts {
                self.note(supplier, None, *placed_at, PARTNER_TOLD);
            }
            self.shops_with(supplier, &parts, LEFT_TO_OWNER).await?;
        }
        Ok(())
    }

    /// Notes each shop of an account that has some of these.
    async fn shops_with<R: Kinded>(
        &mut self,
        account: Id<Account>,
        records: &[(Id<R>, Moment)],
        asked: &str,
    ) -> Result<(), LedgerError> {
        let scope = Scope::system(account, System::Deletion);
        if !self.shops.contains_key(&account) {
            let all = connections::list(self.ledger, &scope, None, Page::first(PAGE_MAX)).await;
            let all = match all.map_err(bonded_trade::TradeError::into_problem) {
                Ok(listed) => listed.records,
                // The account was closed: its keys are gone, and so is what it knew.
                Err(Ok(_) | Err(LedgerError::Destroyed)) => Vec::new(),
                Err(Err(error)) => return Err(error),
            };
            self.shops.insert(account, all);
        }
        let ids: Vec<_> = records.iter().map(|(id, _)| *id).collect();
        let shops = self.shops.get(&account).into_iter().flatten();
        let shops: Vec<_> = shops.map(|connection| (connection.id, connection.shop_name())).collect();
        for (connection, shop) in shops {
            let there = mirrors::of(self.ledger, &scope, connection, &ids).await?;
            for (mirror, (_, placed_at)) in there.iter().zip(records) {
                if mirror.as_ref().is_some_and(|mirror| mirror.remote.is_some()) {
                    self.note(account, Some(&shop), *placed_at, asked);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, account: Id<Account>, shop: Option<&str>, at: Moment, asked: &str) {
        let shop = shop.map(str::to_owned);
        let new = || Recipient { account, shop: shop.clone(), orders: 0, from: at, to: at, asked: asked.to_owned() };
        let recipient = self.known.entry((account, shop.clone())).or_insert_with(new);
        recipient.orders += 1;
        (recipient.from, recipient.to) = (recipient.from.min(at), recipient.to.max(at));
    }
}
