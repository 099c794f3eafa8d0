//! A retailer's shop and a supplier's, both connected, with the parts of the program at work that keep them in step.

use super::shop::Shop;
use crate::trade::Trade;
use bonded_base::{Account, Id, Kind, Secret};
use bonded_connect::connections::{self, Connection, ConnectionDraft, Direction, Mode, Policy, Syncs};
use bonded_connect::mirrors::{Mirror, MirrorState};
use bonded_connect::platform::{Failure, Platform, PlatformName};
use bonded_flow::connections::{Connected, Opens};
use bonded_flow::followers;
use bonded_ledger::{Ledger, List, PAGE_MAX, Scope, Stored};
use bonded_trade::Page;
use bonded_trade::accounts::Role;
use bonded_trade::holds::{self, Hold, HoldState};
use bonded_trade::orders::{self, Order};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A retailer's shop and a supplier's, both connected.
pub struct Market {
    pub trade: Trade,
    shops: Shops,
    pub retailer: Scope,
    pub supplier: Scope,
    pub retail: Arc<Shop>,
    pub supply: Arc<Shop>,
    running: Option<followers::Running>,
    nodes: u8,
    time: tokio::task::JoinHandle<()>,
}

/// Which shop a connection leads to, by its host.
#[derive(Clone, Default)]
pub struct Shops(Arc<Mutex<HashMap<String, Arc<Shop>>>>);

impl Opens for Shops {
    fn open(&self, _: &Ledger, _: &Scope, connection: &Stored<Connection>) -> Result<Arc<dyn Platform>, Failure> {
        Ok(self.0.lock().unwrap()[&connection.shop].clone())
    }

    fn address(&self, connection: Id<Connection>) -> String {
        format!("https://bonded.test/{connection}")
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl Market {
    pub async fn open(trade: Trade) -> Self {
        let (retailer, supplier) =
            (trade.account("Shop", Role::Retailer).await, trade.account("Lamps", Role::Supplier).await);
        trade.link(&retailer, &supplier).await;
        let clock = trade.ledger.clock_handle();
        let (retail, supply) = (Shop::new(clock.clone()), Shop::new(clock));
        let time = trade.ledger.clock_handle();
        let time = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                time.advance_ms(20);
            }
        });
        let shops = Shops::default();
        let mut market = Self { trade, shops, retailer, supplier, retail, supply, running: None, nodes: 100, time };
        market.start();
        market
    }

    fn start(&mut self) {
        self.nodes += 1;
        let (ledger, shops) = (Ledger::clone(&self.trade.ledger), Arc::new(self.shops.clone()));
        let makes = move |kind: Kind, account: Id<Account>, id: [u8; 16]| -> Option<Box<dyn followers::Turn>> {
            let shops: Arc<dyn Opens> = shops.clone();
            (kind == Kind::Connection)
                .then(|| Box::new(Connected::new(ledger.clone(), shops, account, id)) as Box<dyn followers::Turn>)
        };
        let (ledger, node) = (Ledger::clone(&self.trade.ledger), Id::from_bytes([self.nodes; 16]));
        self.running = Some(followers::start(ledger, node, Arc::new(makes)));
    }

    /// The node dies where it stands, and another takes its place.
    pub fn crash(&mut self) {
        self.running.take().unwrap().abandon();
        // What the dead node held runs out.
        self.trade.ledger.test_clock().advance_ms(60_000);
        self.start();
    }

    pub async fn connect(&self, scope: &Scope, shop: &Arc<Shop>, direction: Direction, syncs: Syncs) -> Id<Connection> {
        self.connect_by(scope, shop, direction, syncs, Policy::default()).await
    }

    pub async fn connect_by(
        &self,
        scope: &Scope,
        shop: &Arc<Shop>,
        direction: Direction,
        syncs: Syncs,
        policy: Policy,
    ) -> Id<Connection> {
        let host = format!("shop-{}.example.com", self.shops.0.lock().unwrap().len());
        self.shops.0.lock().unwrap().insert(host.clone(), shop.clone());
        let draft = ConnectionDraft { platform: PlatformName::Medusa, shop: host, direction, syncs, policy };
        let credential = Secret::new(b"sk_1".to_vec());
        connections::connect(&self.trade.ledger, scope, draft, Vec::new(), &credential).await.unwrap().id
    }

    pub async fn connect_both(&self) -> (Id<Connection>, Id<Connection>) {
        let syncs = Syncs { products: Mode::Off, ..Syncs::all(Mode::On) };
        let retail = self.connect(&self.retailer, &self.retail, Direction::SellThrough, syncs).await;
        let supply = self.connect(&self.supplier, &self.supply, Direction::SupplyFrom, Syncs::all(Mode::On)).await;
        (retail, supply)
    }

    pub async fn orders(&self) -> Vec<Stored<Order>> {
        let page = Page::first(PAGE_MAX);
        orders::list(&self.trade.ledger, &self.retailer, None, page).await.unwrap().records
    }

    pub async fn holds(&self, scope: &Scope) -> Vec<Stored<Hold>> {
        let open = Some(HoldState::Open);
        holds::list(&self.trade.ledger, scope, open, Page::first(PAGE_MAX)).await.unwrap().records
    }

    pub async fn mirrors(&self, scope: &Scope, state: MirrorState) -> Vec<Stored<Mirror>> {
        let list = List { state: Some(state.number()), ..List::first(PAGE_MAX) };
        self.trade.ledger.list::<Mirror>(scope, &list).await.unwrap().records
    }

    pub async fn connection(&self, scope: &Scope, id: Id<Connection>) -> Stored<Connection> {
        connections::get(&self.trade.ledger, scope, id).await.unwrap()
    }

    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.trade.until(what, async || holds()).await;
    }
}
