//! A small world of trade on a real ledger: a retailer, two suppliers, their products and stock, and a carrier of news.

use bonded_base::{Account, Currency, Id, Money};
use bonded_ledger::{PLATFORM, Scope, Stored};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bonded_trade::accounts::{self, Role};
use bonded_trade::catalog::{self, ProductDraft, Variant, VariantDraft};
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use bonded_trade::inventory::{self, InventoryLevel, LevelSet};
use bonded_trade::orders::{self, LineDraft, Order, OrderDraft};
use bonded_trade::partners::{self, PartnerLink};
use bonded_trade::purchase_orders::{self, Posted, Posting, PurchaseOrder};
use bonded_trade::routing::{self, Sold};

/// Who gets the parcels.
pub const ADA: SixFields<'static> = SixFields {
    first_name: "Ada",
    last_name: "Lovelace",
    street: "12 St James's Square\nLondon",
    postal_code: "SW1Y 4JH",
    region: "Greater London",
    country: "GB",
};

pub struct World {
    pub ledger: TestLedger,
    pub retailer: Scope,
    pub supplier: Scope,
    pub other_supplier: Scope,
    pub link: Id<PartnerLink>,
    pub other_link: Id<PartnerLink>,
}

/// A world on each engine that this machine has.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for ledger in ledgers().await {
        worlds.push(World::on(ledger).await);
    }
    worlds
}

/// An empty ledger on each engine that this machine has.
pub async fn ledgers() -> Vec<TestLedger> {
    [Some(on_sqlite().await), on_postgres().await].into_iter().flatten().collect()
}

/// Opens an account, as the operator.
pub async fn opened(ledger: &TestLedger, name: &str, role: Role) -> Scope {
    let draft = accounts::Draft { name: name.to_owned(), role, currency: Currency::EUR };
    Scope::operator(accounts::open(ledger, &Scope::operator(PLATFORM), draft).await.unwrap())
}

/// Invites, carries the news, accepts, and carries that back.
pub async fn linked(ledger: &TestLedger, ours: &Scope, theirs: &Scope) -> Id<PartnerLink> {
    let link = partners::invite(ledger, ours, theirs.account()).await.unwrap().id;
    partners::mirror(ledger, ours.account(), link).await.unwrap();
    partners::accept(ledger, theirs, link, None).await.unwrap();
    partners::mirror(ledger, theirs.account(), link).await.unwrap();
    link
}

/// A line of a draft.
pub fn line(sku: &str, quantity: i64) -> LineDraft {
    let price = Money::new(2_500, Currency::EUR);
    LineDraft { variant: None, sku: Some(sku.to_owned()), title: None, quantity, price }
}

/// A draft for Ada.
pub fn draft(reference: &str, lines: Vec<LineDraft>) -> OrderDraft {
    OrderDraft { reference: reference.to_owned(), lines, consumer: ConsumerDraft::of(ADA), placed_at: None }
}

impl World {
    async fn on(ledger: TestLedger) -> Self {
        let retailer = opened(&ledger, "Shop", Role::Retailer).await;
        let supplier = opened(&ledger, "Lamps", Role::Supplier).await;
        let other_supplier = opened(&ledger, "Pots", Role::Supplier).await;
        let link = linked(&ledger, &retailer, &supplier).await;
        let other_link = linked(&ledger, &other_supplier, &retailer).await;
        Self { ledger, retailer, supplier, other_supplier, link, other_link }
    }

    /// A supplier sells something, and has so many.
    pub async fn sells(&self, supplier: &Scope, sku: &str, on_hand: i64) -> Id<Variant> {
        let variant = VariantDraft { sku: Some(sku.to_owned()), ..VariantDraft::default() };
        self.sells_variant(supplier, variant, on_hand).await
    }

    /// The same for a variant of any sort.
    pub async fn sells_variant(&self, supplier: &Scope, draft: VariantDraft, on_hand: i64) -> Id<Variant> {
        let price = Some(Money::new(1_000, Currency::EUR));
        let title = format!("Thing {}", draft.sku.as_deref().unwrap_or_default());
        let variants = vec![VariantDraft { price, ..draft }];
        let product = ProductDraft { title, variants, ..ProductDraft::default() };
        let variant = catalog::create(&self.ledger, supplier, product).await.unwrap().variants[0].id;
        self.count(supplier, variant, on_hand).await;
        variant
    }

    /// So many were counted at the main location.
    pub async fn count(&self, supplier: &Scope, variant: Id<Variant>, on_hand: i64) {
        let set = LevelSet { variant: Some(variant), on_hand, ..LevelSet::default() };
        inventory::set_many(&self.ledger, supplier, &[set]).await.unwrap().remove(0).unwrap();
    }

    /// (on hand, reserved) at the main location.
    pub async fn stock(&self, supplier: &Scope, variant: Id<Variant>) -> (i64, i64) {
        let levels = inventory::levels_of(&self.ledger, supplier, &[variant]).await.unwrap().remove(0);
        let level: &InventoryLevel = &levels[0];
        (level.on_hand, level.reserved)
    }

    /// Ada orders.
    pub async fn ordered(&self, reference: &str, lines: Vec<LineDraft>) -> Id<Order> {
        orders::place(&self.ledger, &self.retailer, draft(reference, lines)).await.unwrap().id
    }

    pub async fn order(&self, id: Id<Order>) -> Stored<Order> {
        orders::get(&self.ledger, &self.retailer, id).await.unwrap()
    }

    pub async fn purchase_order(&self, supplier: &Scope, id: Id<PurchaseOrder>) -> Stored<PurchaseOrder> {
        purchase_orders::get(&self.ledger, supplier, id).await.unwrap()
    }

    /// Finds suppliers for what is unrouted, and says what each line met.
    pub async fn routed(&self, id: Id<Order>) -> Vec<Sold> {
        let order = self.order(id).await;
        let lines: Vec<_> = order.unrouted().cloned().collect();
        let sold = routing::resolve(&self.ledger, &self.retailer, &lines).await.unwrap();
        let offers = lines.iter().zip(&sold).filter_map(|(line, sold)| match sold {
            Sold::By(offer) => Some((line.number, offer)),
            Sold::ByNobody | Sold::BySeveral => None,
        });
        let parts = routing::parts(id, offers);
        orders::assign(&self.ledger, self.retailer.account(), &order, &parts).await.unwrap().unwrap();
        sold
    }

    /// Posts every part of an order.
    pub async fn posted(&self, id: Id<Order>) -> Vec<Posted> {
        let order = self.order(id).await;
        let mut answers = Vec::new();
        for (purchase_order, supplier, _) in order.purchase_orders() {
            let posting = Posting::of(self.retailer.account(), id, &order, purchase_order).unwrap();
            answers.extend(purchase_orders::post_many(&self.ledger, supplier, &[posting]).await.unwrap());
        }
        answers
    }

    /// Routes, posts and tells both sides all there is to tell.
    pub async fn carry(&self, id: Id<Order>) -> Stored<Order> {
        self.routed(id).await;
        self.posted(id).await;
        let order = self.order(id).await;
        for (purchase_order, supplier, _) in order.purchase_orders() {
            purchase_orders::follow_order(&self.ledger, supplier, &order).await.unwrap();
            let theirs = self.purchase_order(&self.scope_of(supplier), purchase_order).await;
            orders::follow_purchase_order(&self.ledger, &theirs).await.unwrap();
        }
        self.order(id).await
    }

    fn scope_of(&self, supplier: Id<Account>) -> Scope {
        let both = [&self.supplier, &self.other_supplier];
        both.into_iter().find(|scope| scope.account() == supplier).unwrap().clone()
    }
}
