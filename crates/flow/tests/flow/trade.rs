//! A retailer and its suppliers on a ledger of their own, with the readers of the log at work.

use bonded_base::{Account, Clock, Currency, Id, Money, SystemClock};
use bonded_flow::Running;
use bonded_ledger::{Change, Ledger, List, PLATFORM, Scope, Stored};
use bonded_people::mail::{self, Mail};
use bonded_people::members::{self, MemberRecord, MemberState};
use bonded_testkit::ledger::TestLedger;
use bonded_trade::Page;
use bonded_trade::accounts::{self, Role};
use bonded_trade::catalog::{self, Created, ProductDraft, VariantDraft};
use bonded_trade::inventory::{self, LevelSet};
use bonded_trade::orders::{self, Order};
use bonded_trade::partners::{self, LinkState, PartnerLink};
use bonded_trade::purchase_orders::{self, PurchaseOrder};
use std::time::Duration;

/// How long a test waits for what must come by itself.
pub const PATIENCE: Duration = Duration::from_mins(2);

pub const ORIGIN: &str = "bonded.test";

pub struct Trade {
    pub ledger: TestLedger,
    pub running: Option<Running>,
    nodes: u8,
}

impl Trade {
    pub fn on(ledger: TestLedger) -> Self {
        let mut trade = Self { ledger, running: None, nodes: 0 };
        trade.start();
        trade
    }

    pub fn another_node(&mut self) -> Running {
        self.nodes += 1;
        bonded_flow::start(Ledger::clone(&self.ledger), Id::from_bytes([self.nodes; 16]), ORIGIN.to_owned())
    }

    pub fn start(&mut self) {
        self.running = Some(self.another_node());
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub async fn account(&self, name: &str, role: Role) -> Scope {
        let draft = accounts::Draft { name: name.to_owned(), role, currency: Currency::EUR };
        Scope::operator(accounts::open(&self.ledger, &Scope::operator(PLATFORM), draft).await.unwrap())
    }

    /// Somebody is a member of an account.
    pub async fn joins(&self, account: &Scope, address: &str, role: members::Role) {
        let member = MemberRecord {
            mail: address.parse().unwrap(),
            name: address.to_owned(),
            role,
            state: MemberState::Active,
            joined_at: self.ledger.clock().now(),
            last_sign_in_at: None,
            has_second_factor: false,
        };
        let mut change = Change::new();
        change.create(self.ledger.new_id(), &member, "joined");
        self.ledger.commit(account, change).await.unwrap();
    }

    /// Every mail that was queued.
    pub async fn mails(&self) -> Vec<Stored<Mail>> {
        mail::list(&self.ledger, &Scope::operator(PLATFORM), None, List::first(100)).await.unwrap().records
    }

    /// Links the two, each saying yes for itself.
    pub async fn link(&self, retailer: &Scope, supplier: &Scope) -> Id<PartnerLink> {
        let link = partners::invite(&self.ledger, retailer, supplier.account()).await.unwrap().id;
        self.until("the invitation arrives", async || partners::get(&self.ledger, supplier, link).await.is_ok()).await;
        partners::accept(&self.ledger, supplier, link, None).await.unwrap();
        self.until("both sides are linked", async || {
            partners::get(&self.ledger, retailer, link).await.unwrap().state == LinkState::Active
        })
        .await;
        link
    }

    pub async fn product(&self, supplier: &Scope, sku: &str, on_hand: i64) -> Created {
        let variant = VariantDraft { sku: Some(sku.to_owned()), price: Some(euro(700)), ..VariantDraft::default() };
        let draft = ProductDraft { title: format!("Lamp {sku}"), variants: vec![variant], ..ProductDraft::default() };
        let created = catalog::create(&self.ledger, supplier, draft).await.unwrap();
        let level = LevelSet { sku: Some(sku.to_owned()), on_hand, ..LevelSet::default() };
        inventory::set_many(&self.ledger, supplier, &[level]).await.unwrap().remove(0).unwrap();
        created
    }

    /// (on hand, reserved) of a product's one variant.
    pub async fn stock(&self, supplier: &Scope, created: &Created) -> (i64, i64) {
        let levels = inventory::levels_of(&self.ledger, supplier, &[created.variants[0].id]).await.unwrap();
        (levels[0][0].on_hand, levels[0][0].reserved)
    }

    pub async fn order(&self, retailer: &Scope, reference: &str, lines: &[(&str, i64)]) -> Id<Order> {
        let lines = lines.iter().map(|(sku, quantity)| {
            serde_json::json!({"sku": sku, "quantity": quantity, "price": {"amount": 999, "currency": "EUR"}})
        });
        let draft = serde_json::json!({
            "reference": reference,
            "lines": lines.collect::<Vec<_>>(),
            "consumer": {
                "first_name": "Ada", "last_name": "Lovelace", "street": "12 St James's Square",
                "postal_code": "SW1Y 4JH", "region": "London", "country": "GB",
            },
        });
        orders::place(&self.ledger, retailer, serde_json::from_value(draft).unwrap()).await.unwrap().id
    }

    pub async fn purchase_orders(&self, supplier: &Scope) -> Vec<(Id<PurchaseOrder>, PurchaseOrder)> {
        let page = purchase_orders::list(&self.ledger, supplier, None, Page::first(1_000)).await.unwrap();
        page.records.into_iter().map(|stored| (stored.id, stored.into_value())).collect()
    }

    /// Waits for something to become true; what is waited for is named when it does not.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let deadline = SystemClock.now().plus_millis(i64::try_from(PATIENCE.as_millis()).unwrap());
        let mut woken = self.ledger.wakes();
        while !holds().await {
            assert!(SystemClock.now() < deadline, "{what}: not in {PATIENCE:?}");
            // The next commit anywhere may make it true; a checkpoint or a cursor makes no commit, so look again anyway.
            let _ = tokio::time::timeout(Duration::from_millis(25), woken.recv()).await;
        }
    }

    pub async fn until_order(&self, retailer: &Scope, id: Id<Order>, what: &str, holds: impl Fn(&Order) -> bool) {
        self.until(what, async || holds(&orders::get(&self.ledger, retailer, id).await.unwrap())).await;
    }
}

pub const fn euro(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

pub fn account_of(scope: &Scope) -> Id<Account> {
    scope.account()
}

/// Runs a story on both engines.
#[macro_export]
macro_rules! on_both_engines {
    ($($story:ident),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::trade::Trade::on(bonded_testkit::ledger::on_sqlite().await)).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if let Some(ledger) = bonded_testkit::ledger::on_postgres().await {
                    super::$story($crate::trade::Trade::on(ledger)).await;
                }
            }
        )*}
    };
}
