//! Two real shops, and the parts of the program that keep them in step.

use crate::medusa::MedusaShop;
use crate::shop::ShopSide;
use crate::vendure::VendureShop;
use bonded_base::{Account, Clock, Currency, Id, Kind, SystemClock};
use bonded_connect::connections::{self, ConnectionDraft, Direction, Policy, Syncs};
use bonded_connect::outbound::{Host, Outbound, OutboundSetup, Owner, Url};
use bonded_connect::platform::{Platform, RemoteId, RemoteOrder, Since};
use bonded_connect::platforms::{CredentialDraft, Platforms};
use bonded_flow::Running;
use bonded_flow::connections::{Connected, Opens};
use bonded_flow::followers;
use bonded_ledger::{Ledger, PLATFORM, Scope};
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use bonded_testkit::peers::{Brand, Peer};
use bonded_trade::accounts::{self, Role};
use bonded_trade::partners::{self, LinkState};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long a test waits for what must come by itself: real servers on a busy machine take their time.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

pub struct Street {
    pub medusa: MedusaShop,
    pub vendure: VendureShop,
    ledger: TestLedger,
    platforms: Platforms,
    /// The shops as they are seen past the program.
    seen: [Box<dyn Platform>; 2],
    route: Option<Running>,
    followers: Option<followers::Running>,
    nodes: u8,
    time: tokio::task::JoinHandle<()>,
    _roots: tempfile::NamedTempFile,
}

impl Drop for Street {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl Street {
    /// `None` where the shops are not installed.
    pub async fn open() -> Option<Self> {
        let (medusa, vendure) = (Peer::start(Brand::Medusa).await?, Peer::start(Brand::Vendure).await?);
        let ledger = on_sqlite().await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        let pems = [&medusa, &vendure].map(|peer| std::fs::read_to_string(peer.front().authority()).unwrap());
        std::fs::write(roots.path(), pems.concat()).unwrap();
        let setup = OutboundSetup {
            loopback: true,
            root_certificate: Some(roots.path().to_owned()),
            user_agent: "Bonded/test".to_owned(),
        };
        let outbound = Outbound::new(setup).unwrap();
        let scope = ledger.any_account();
        let line = |peer: &Peer| {
            let base: Url = peer.front().address().parse().unwrap();
            let owner = Owner::of(Id::<connections::Connection>::from_bytes([7; 16]));
            let key = bonded_base::Secret::new(peer.key("secret").to_owned());
            (outbound.line(&ledger, &scope, owner, vec![Host::of(&base).unwrap()]), base, key)
        };
        let ((m_line, m_base, m_key), (v_line, v_base, v_key)) = (line(&medusa), line(&vendure));
        let seen = [MedusaShop::platform(m_line, m_base, m_key), VendureShop::platform(v_line, v_base, v_key)];
        let clock = ledger.clock_handle();
        // The shops live in the real time, and so does the ledger here.
        let behind = SystemClock.now().millis() - clock.now().millis();
        clock.advance_ms(behind);
        let time = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                clock.advance_ms(10);
            }
        });
        let platforms = Platforms::new(outbound, "https://bonded.test".to_owned());
        let (medusa, vendure) = (MedusaShop::of(medusa), VendureShop::of(vendure));
        let mut street = Self {
            medusa,
            vendure,
            ledger,
            platforms,
            seen,
            route: None,
            followers: None,
            nodes: 0,
            time,
            _roots: roots,
        };
        street.start();
        Some(street)
    }

    fn start(&mut self) {
        self.nodes += 1;
        let node = Id::from_bytes([self.nodes; 16]);
        let ledger = Ledger::clone(&self.ledger);
        self.route = Some(bonded_flow::start(ledger.clone(), node, "bonded.test".to_owned()));
        let opens: Arc<dyn Opens> = Arc::new(self.platforms.clone());
        let makes = move |kind: Kind, account: Id<Account>, id: [u8; 16]| -> Option<Box<dyn followers::Turn>> {
            let worker = || Connected::new(ledger.clone(), opens.clone(), account, id);
            (kind == Kind::Connection).then(|| Box::new(worker()) as Box<dyn followers::Turn>)
        };
        self.followers = Some(followers::start(Ledger::clone(&self.ledger), node, Arc::new(makes)));
    }

    /// The program dies where it stands, and is started again.
    pub fn crash(&mut self) {
        self.followers.take().unwrap().abandon();
        self.route.take();
        // What the dead node held runs out.
        self.ledger.test_clock().advance_ms(60_000);
        self.start();
    }

    pub async fn account(&self, name: &str, role: Role) -> Scope {
        let draft = accounts::Draft { name: name.to_owned(), role, currency: Currency::EUR };
        Scope::operator(accounts::open(&self.ledger, &Scope::operator(PLATFORM), draft).await.unwrap())
    }

    pub async fn link(&self, retailer: &Scope, supplier: &Scope) {
        let link = partners::invite(&self.ledger, retailer, supplier.account()).await.unwrap().id;
        self.until("the invitation arrives", async || partners::get(&self.ledger, supplier, link).await.is_ok()).await;
        partners::accept(&self.ledger, supplier, link, None).await.unwrap();
        self.until("both sides are linked", async || {
            partners::get(&self.ledger, retailer, link).await.unwrap().state == LinkState::Active
        })
        .await;
    }

    #[expect(clippy::too_many_arguments, reason = "a connection has so many sides, and each test names them once")]
    pub async fn connect(
        &self,
        scope: &Scope,
        platform: &str,
        address: &str,
        direction: Direction,
        syncs: Syncs,
        policy: Policy,
        credential: Value,
    ) {
        let platform = serde_json::from_value(platform.into()).unwrap();
        let credential: CredentialDraft = serde_json::from_value(credential).unwrap();
        let draft = ConnectionDraft { platform, shop: address.to_owned(), direction, syncs, policy };
        let credential = credential.check(platform).unwrap();
        connections::connect(&self.ledger, scope, draft, Vec::new(), &credential).await.unwrap();
    }

    /// The supplier's people make a product of their own with one variant; answers that variant, and where its pieces lie.
    pub async fn makes(&self, name: &str, sku: &str, cents: i64, pieces: i64) -> (RemoteId, RemoteId) {
        let place = self.vendure.peer().key("location");
        let words = json!([{"languageCode": "en", "name": name, "slug": sku.to_lowercase(), "description": ""}]);
        let product_query = "mutation ($i: CreateProductInput!) { p: createProduct(input: $i) { id } }";
        let product = self.told(product_query, json!({"i": {"enabled": true, "translations": words}})).await;
        let variant = json!([{
            "productId": product["p"]["id"], "sku": sku, "price": cents, "trackInventory": "TRUE",
            "translations": [{"languageCode": "en", "name": name}],
            "stockLevels": [{"stockLocationId": place, "stockOnHand": pieces}],
        }]);
        let variants_query =
            "mutation ($i: [CreateProductVariantInput!]!) { v: createProductVariants(input: $i) { id } }";
        let made = self.told(variants_query, json!({"i": variant})).await;
        (RemoteId::new(made["v"][0]["id"].as_str().unwrap()), RemoteId::new(place))
    }

    async fn told(&self, query: &str, variables: Value) -> Value {
        let peer = self.vendure.peer();
        let request = peer.request(Method::POST, "/admin-api").header("vendure-api-key", peer.key("secret"));
        let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    /// Waits until the retailer's shop offers so many of a SKU; answers the shop's id of it.
    pub async fn offered(&self, sku: &str, pieces: i64) -> RemoteId {
        self.until(&format!("{pieces} of {sku} are offered"), async || {
            self.shows(sku).await.is_some_and(|it| it.1 == pieces)
        })
        .await;
        self.shows(sku).await.unwrap().0
    }

    pub async fn offered_less_than(&self, sku: &str, pieces: i64) {
        self.until(&format!("less than {pieces} of {sku} are offered"), async || {
            self.shows(sku).await.is_some_and(|it| it.1 < pieces)
        })
        .await;
    }

    async fn shows(&self, sku: &str) -> Option<(RemoteId, i64)> {
        let [retail, _] = &self.seen;
        let page = retail.products_since(&Since::default()).await.ok()?;
        let variant = page.items.into_iter().flatten().find_map(|product| {
            let place = product.product.variants.iter().position(|variant| variant.sku.as_deref() == Some(sku))?;
            Some(product.variants[place].clone())
        })?;
        let levels = retail.levels(std::slice::from_ref(&variant)).await.ok()?;
        Some((variant, levels.first()?.available))
    }

    /// Waits until the supplier's shop has so many orders that were placed there by the program.
    pub async fn placed(&self, count: usize) -> Vec<RemoteOrder> {
        let [_, supply] = &self.seen;
        let placed = async || {
            let page = supply.orders_since(&Since::default()).await.ok()?;
            Some(page.items.into_iter().flatten().filter(|order| order.mark.is_some()).collect::<Vec<_>>())
        };
        self.until(&format!("{count} orders are placed"), async || {
            placed().await.is_some_and(|all| all.len() >= count)
        })
        .await;
        placed().await.unwrap()
    }

    /// Waits until the shopper is shown a parcel.
    pub async fn shown(&self, order: &RemoteId, number: &str) {
        self.until(&format!("parcel {number} is shown"), async || self.medusa.shown(order).await.contains(number))
            .await;
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let began = std::time::Instant::now();
        while !holds().await {
            assert!(began.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
