//! Two Shopify shops, and the parts of the program that keep them in step; what the shops tell is heard as it comes.

use crate::trade::Trade;
use async_trait::async_trait;
use bonded_base::{Account, Id, Kind};
use bonded_connect::connections::{self, Connection, ConnectionDraft, Direction, Policy, Syncs};
use bonded_connect::notices;
use bonded_connect::outbound::{Outbound, OutboundSetup};
use bonded_connect::platform::{Failure, Platform, PlatformName};
use bonded_connect::platforms::{self, CredentialDraft, Platforms};
use bonded_flow::connections::hooks::{Heard, hear};
use bonded_flow::connections::{Connected, Opens};
use bonded_flow::followers;
use bonded_ledger::{Ledger, PAGE_MAX, Scope, Stored};
use bonded_shopkit::{Counterpart, Post, Receives, State, Wanted, Webhook};
use bonded_testkit::ledger::on_sqlite;
use bonded_trade::Page;
use bonded_trade::accounts::Role;
use bonded_trade::holds::{self, Hold, HoldState};
use bonded_trade::orders::{self, Order};
use bonded_trade::sku_mappings::{self, Means};
use serde_json::{Value, json};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Where our mark on an order is.
pub const MARK: &str = "$app:bonded/mark";
/// All that both directions ask for.
const SCOPES: [&str; 5] = [
    "write_products",
    "write_inventory",
    "read_locations",
    "write_orders",
    "write_merchant_managed_fulfillment_orders",
];
/// How far the shops' clocks are before the ledger's.
const AHEAD_MS: i64 = 30 * 60 * 1_000;
const MINUTE_MS: u64 = 60_000;

/// A shop with its name.
pub struct Shop {
    pub kit: Arc<Counterpart>,
    pub domain: &'static str,
}

impl Shop {
    async fn open(domain: &'static str) -> Option<Self> {
        let wanted = Wanted { currency: "EUR", scopes: &SCOPES, bucket: (4_000, 2_000), real_time: false };
        let kit = Counterpart::start(wanted).await?;
        domain.clone_into(&mut kit.shop().domain);
        Some(Self { kit: Arc::new(kit), domain })
    }

    pub fn shop(&self) -> MutexGuard<'_, State> {
        self.kit.shop()
    }

    /// The shop's own people make a product of these forms; answers the forms' numbers.
    pub fn sells(&self, title: &str, forms: &[(&str, &str, i64)]) -> Vec<u64> {
        let mut shop = self.shop();
        let product = shop.add_product(title, forms);
        shop.products[&product].variants.clone()
    }

    pub fn available(&self, variant: u64) -> i64 {
        self.shop().levels[&(variant, 1)].available
    }

    /// Calls of this operation that came.
    pub fn calls(&self, operation: &str) -> usize {
        self.kit.calls().iter().filter(|call| call.operation == operation).count()
    }
}

/// Where shops are reached, and where they tell of changes.
#[derive(Clone)]
pub struct Street {
    ledger: Ledger,
    shops: Arc<[(&'static str, Platforms); 2]>,
}

impl Street {
    fn platforms(&self, shop: &str) -> &Platforms {
        &self.shops.iter().find(|(domain, _)| *domain == shop).unwrap().1
    }
}

impl Opens for Street {
    fn open(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        connection: &Stored<Connection>,
    ) -> Result<Arc<dyn Platform>, Failure> {
        self.platforms(&connection.shop).open(ledger, scope, connection)
    }

    fn address(&self, connection: Id<Connection>) -> String {
        self.shops[0].1.address(connection)
    }
}

#[async_trait]
impl Receives for Street {
    async fn receive(&self, webhook: &Webhook) -> u16 {
        let id = webhook.address.rsplit('/').next().unwrap().parse().unwrap();
        let header = |name: &str| webhook.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match hear(&self.ledger, &self.shops[0].1, id, header, webhook.body.as_bytes()).await {
            Ok(Heard::Kept | Heard::Ignored) => 200,
            Ok(Heard::Unsigned) => 401,
            Ok(Heard::Unknown) => 404,
            Err(_) => 503,
        }
    }
}

pub struct Market {
    pub trade: Trade,
    pub street: Street,
    pub retailer: Scope,
    pub supplier: Scope,
    pub retail: Shop,
    pub supply: Shop,
    running: Option<followers::Running>,
    nodes: u8,
    tasks: Vec<JoinHandle<()>>,
    waked: std::sync::atomic::AtomicU32,
    _roots: tempfile::NamedTempFile,
}

impl Drop for Market {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Market {
    /// Both shops, whose webhooks come by this plan; `None` where the maker's schema cannot be had.
    pub async fn open(post: Post) -> Option<Self> {
        let mut market = Self::silent().await?;
        for shop in [&market.retail, &market.supply] {
            market.tasks.push(shop.kit.deliver_by_itself(post, Arc::new(market.street.clone())));
        }
        Some(market)
    }

    /// The same, but nothing is delivered unless the test does it.
    pub async fn silent() -> Option<Self> {
        let (retail, supply) = (Shop::open("corner.myshopify.com").await?, Shop::open("lamps.myshopify.com").await?);
        let trade = Trade::on(on_sqlite().await);
        let clock = trade.ledger.clock_handle();
        clock.advance_ms(AHEAD_MS);
        let (retailer, supplier) =
            (trade.account("Corner Shop", Role::Retailer).await, trade.account("Lamps", Role::Supplier).await);
        trade.link(&retailer, &supplier).await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        let pems = [&retail, &supply].map(|shop| std::fs::read_to_string(shop.kit.authority()).unwrap());
        std::fs::write(roots.path(), pems.concat()).unwrap();
        let (root_certificate, user_agent) = (Some(roots.path().to_owned()), "Bonded/test".to_owned());
        let outbound = Outbound::new(OutboundSetup { loopback: true, root_certificate, user_agent }).unwrap();
        let platforms = |shop: &Shop| {
            let platforms = Platforms::new(outbound.clone(), "https://bonded.test".to_owned());
            (shop.domain, platforms.with_shopify_at(shop.kit.base().parse().unwrap()))
        };
        let shops = Arc::new([platforms(&retail), platforms(&supply)]);
        let street = Street { ledger: Ledger::clone(&trade.ledger), shops };
        let kits = [Arc::clone(&retail.kit), Arc::clone(&supply.kit)];
        let time = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                clock.advance_ms(20);
                for kit in &kits {
                    kit.elapse(20);
                }
            }
        });
        let (running, nodes, tasks, waked) = (None, 100, vec![time], 0.into());
        let mut market =
            Self { trade, street, retailer, supplier, retail, supply, running, nodes, tasks, waked, _roots: roots };
        market.start();
        Some(market)
    }

    fn start(&mut self) {
        self.nodes += 1;
        let (ledger, street) = (Ledger::clone(&self.trade.ledger), Arc::new(self.street.clone()));
        let makes = move |kind: Kind, account: Id<Account>, id: [u8; 16]| -> Option<Box<dyn followers::Turn>> {
            let opens: Arc<dyn Opens> = street.clone();
            (kind == Kind::Connection)
                .then(|| Box::new(Connected::new(ledger.clone(), opens, account, id)) as Box<dyn followers::Turn>)
        };
        let node = Id::from_bytes([self.nodes; 16]);
        self.running = Some(followers::start(Ledger::clone(&self.trade.ledger), node, Arc::new(makes)));
    }

    /// The program dies where it stands, and another takes its place.
    pub fn crash(&mut self) {
        self.running.take().unwrap().abandon();
        // What the dead one held runs out.
        self.trade.ledger.test_clock().advance_ms(60_000);
        self.start();
    }

    pub async fn connect(
        &self,
        scope: &Scope,
        shop: &Shop,
        direction: Direction,
        syncs: Syncs,
        policy: Policy,
    ) -> Id<Connection> {
        let draft =
            ConnectionDraft { platform: PlatformName::Shopify, shop: shop.domain.to_owned(), direction, syncs, policy };
        let needed = platforms::scopes(&draft).unwrap();
        let credential = credential(&shop.kit.tokens().custom);
        connections::connect(&self.trade.ledger, scope, draft, needed, &credential).await.unwrap().id
    }

    /// So many minutes pass, here and there, and everybody looks around.
    pub async fn later(&self, minutes: u64) {
        for shop in [&self.retail, &self.supply] {
            shop.kit.elapse(minutes * MINUTE_MS);
        }
        self.trade.ledger.test_clock().advance_ms(i64::try_from(minutes * MINUTE_MS).unwrap());
        // Whoever sleeps is woken by its log.
        let nth = self.waked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for scope in [&self.retailer, &self.supplier] {
            sku_mappings::set(&self.trade.ledger, scope, &format!("UNUSED-{nth}"), Means::Own).await.unwrap();
        }
    }

    pub async fn orders(&self) -> Vec<Stored<Order>> {
        orders::list(&self.trade.ledger, &self.retailer, None, Page::first(PAGE_MAX)).await.unwrap().records
    }

    pub async fn holds(&self, scope: &Scope) -> Vec<Stored<Hold>> {
        let page = Page::first(PAGE_MAX);
        holds::list(&self.trade.ledger, scope, Some(HoldState::Open), page).await.unwrap().records
    }

    pub async fn connection(&self, scope: &Scope, id: Id<Connection>) -> Stored<Connection> {
        connections::get(&self.trade.ledger, scope, id).await.unwrap()
    }

    /// Waits until every notice of an account was dealt with.
    pub async fn heard(&self, scope: &Scope) {
        let waiting = async || notices::waiting(&self.trade.ledger, scope, 100).await.unwrap().is_empty();
        self.trade.until("what was told is dealt with", waiting).await;
    }

    /// Nobody has to look at anything.
    pub async fn settled(&self) {
        for scope in [&self.retailer, &self.supplier] {
            let holds = self.holds(scope).await;
            assert!(holds.is_empty(), "held: {}", holds[0].detail);
        }
    }

    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.trade.until(what, async || holds()).await;
    }
}

/// What opens a shop: the token of an app that was made in it, with that app's secret.
pub fn credential(token: &str) -> bonded_base::Secret<Vec<u8>> {
    let given = json!({"access_token": token, "client_secret": "shpss_counterpart"});
    let draft: CredentialDraft = serde_json::from_value(given).unwrap();
    draft.check(PlatformName::Shopify).unwrap()
}

/// Where a parcel goes, as the shop has it.
pub fn ada() -> Value {
    json!({"firstName": "Ada", "lastName": "Lovelace", "address1": "12 St James's Square", "city": "London",
        "zip": "SW1Y 4JH", "provinceCode": "ENG", "countryCodeV2": "GB"})
}
